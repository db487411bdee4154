"""Parts of the package that numba compiles, where it is installed: loaded once, when one is wanted.

Useful for: lexicon, meaning. Not useful for: loading beside the first questions (compiling).
"""

import logging
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from threading import Lock
from typing import Any

# numba keeps what it compiled beside the code, or where the variable says
CURE = "let NUMBA_CACHE_DIR name a folder that can be written, or install ketaqa[fast] again"

_modules: dict[str, Any] = {}
_lock = Lock()


def module(name: str, wanted: bool) -> Any:
    """The compiled module of that name, None where it can't be had, or was not wanted yet.

    Loading it takes a second, the first time some more.
    """
    if wanted and name not in _modules and installed():
        with _lock:
            if name not in _modules:
                _modules[name] = _loaded(name)
    return _modules.get(name)


@cache
def installed() -> bool:
    """Whether numba is installed."""
    return find_spec("numba") is not None


def _loaded(name: str) -> Any:
    try:
        return import_module(f"ketaqa.{name}")
    except (ImportError, RuntimeError, OSError) as error:
        logging.getLogger(__name__).warning("the slower way is taken: %s; %s", error, CURE)
        return None
