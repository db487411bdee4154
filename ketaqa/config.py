"""Settings: environment variable KETAQA_<KEY> over ketaqa.toml over the default.

Read without pydantic on purpose: a command-line question must not pay for its import.
"""

import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from ketaqa.errors import BadSetting

FILE = "ketaqa.toml"
# what the command line must know before it loads a room that does the work
MAX_K = 100
# words; chosen on span judgements and BEIR collections, see benchmarks/choices.py
PASSAGE_LENGTH = 120
# below this confidence an honest "nothing here answers that" serves the reader better than the best passage; the lowest step of
# 0.05 at which nine of ten answers shown on the dev split are right, and a standard error more: benchmarks/fit_confidence.py
ANSWER_OR_SILENCE = 0.7
PREFIX = "KETAQA_"


@dataclass(frozen=True, slots=True)
class Config:
    """All settings. Lengths are in code points, sizes in bytes, origins are scheme://host[:port]."""

    index: str = ""  # path of the index to answer from; empty: the shipped documents
    encoder: str = ""  # reads questions with the sentence encoder that the index was made with; needs ketaqa[semantic]
    host: str = "127.0.0.1"
    port: int = 7860
    allowed_origins: tuple[str, ...] = ()  # pages of these origins may frame the chat and call the API
    root_path: str = ""  # the path that a reverse proxy puts in front, "/help" for instance
    answer_or_silence: float = ANSWER_OR_SILENCE  # from this confidence on an answer is shown, from 0 to 1
    max_question_length: int = 1000
    max_body_size: int = 65536
    evaluate_page: bool = False  # the page /evaluate, on which anyone who reaches it can start work: not for the public
    collections: str = ""  # a folder of test collections that /evaluate offers


def load(environ: Mapping[str, str] = os.environ, folder: Path = Path()) -> Config:
    """The settings in force; BadSetting names the key, where it came from, and what would be right."""
    found: dict[str, object] = {}
    known = {f.name for f in fields(Config)}
    path = folder / FILE
    for key, value in _read(path).items():
        if key not in known:
            raise BadSetting(f"{path}: unknown setting {key!r}; known are {', '.join(sorted(known))}")
        found[key] = _checked(key, value, str(path))
    for name in sorted(n for n in environ if n.startswith(PREFIX)):
        key = name.removeprefix(PREFIX).lower()
        if key not in known:
            raise BadSetting(f"{name}: unknown setting {key!r}; known are {', '.join(sorted(known))}")
        found[key] = _checked(key, environ[name], name)
    return Config(**found)  # type: ignore[arg-type]  # _checked gave each key its type


def _read(path: Path) -> dict[str, object]:
    if not path.is_file():
        return {}
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise BadSetting(f"{path}: can't be read ({error}); mend it or take it away") from error


def _checked(key: str, value: object, where: str) -> object:
    default = getattr(Config(), key)
    if isinstance(default, tuple):
        return _origins(value, key, where)
    if isinstance(default, bool):
        return _switch(value, key, where)
    if isinstance(default, float):
        return share(value, key, where)
    if isinstance(default, int):
        return _number(value, key, where)
    if not isinstance(value, str):
        raise BadSetting(f"{where}: {key} is {value!r}; give a text")
    if key == "root_path" and value and (not value.startswith("/") or value.endswith("/")):
        raise BadSetting(f"{where}: root_path is {value!r}; give a path such as '/help', with no slash at its end")
    return value


def _switch(value: object, key: str, where: str) -> bool:
    found = {"true": True, "1": True, "false": False, "0": False}.get(str(value).lower())
    if found is None:
        raise BadSetting(f"{where}: {key} is {value!r}; give true or false")
    return found


def share(value: object, key: str, where: str) -> float:
    """A number from 0 to 1; BadSetting for anything else."""
    try:
        number = float(value) if isinstance(value, (float, int, str)) and not isinstance(value, bool) else -1.0
    except ValueError:
        number = -1.0
    if not 0.0 <= number <= 1.0:
        raise BadSetting(f"{where}: {key} is {value!r}; give a number from 0 to 1")
    return number


def _number(value: object, key: str, where: str) -> int:
    low, high = (0, 65535) if key == "port" else (1, 10_000_000)
    try:
        number = int(value) if isinstance(value, (int, str)) and not isinstance(value, bool) else None
    except ValueError:
        number = None
    if number is None or not low <= number <= high:
        raise BadSetting(f"{where}: {key} is {value!r}; give a whole number from {low} to {high}")
    return number


def _origins(value: object, key: str, where: str) -> tuple[str, ...]:
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, list) or not all(isinstance(item, str) for item in items):
        raise BadSetting(f"{where}: {key} is {value!r}; give a list such as ['https://www.example.org']")
    return tuple(_origin(item.strip(), key, where) for item in items if item.strip())


# the text ends up in a Content-Security-Policy header, where any other character could open a hole
ORIGIN = re.compile(r"https?://(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?", re.ASCII)


def _origin(text: str, key: str, where: str) -> str:
    origin = text.lower().rstrip("/")
    port = origin.rpartition(":")[2]
    if not ORIGIN.fullmatch(origin) or (port.isdigit() and int(port) > 65535):
        remedy = "give scheme and host alone, such as https://www.example.org"
        raise BadSetting(f"{where}: {key} holds {text!r}; {remedy}")
    return origin
