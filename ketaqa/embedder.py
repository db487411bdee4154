"""Which vector stands for a passage? That of its words and of the questions put to it, made when an index is built.

A folder may bring vectors made elsewhere, in vectors.npz; the encoder makes them where it is installed. Useful for: building.
Not useful for: questions (meaning).
"""

import hashlib
import json
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from ketaqa import encoder as encoders
from ketaqa import semantics
from ketaqa.errors import BadSource
from ketaqa.semantics import Codes, Vectors

STORED = "vectors.npz"
# what NumPy and zipfile raise of archives that are torn or made to harm
UNREADABLE = (OSError, ValueError, KeyError, EOFError, TypeError, RuntimeError, MemoryError, OverflowError)
KEY = 16  # bytes of a digest that tell one passage from another
NEIGHBOURS = 2  # on either side of a passage, see with_neighbours
BLOCK = 65536  # vectors taken apart at a time

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Item:
    """A passage to embed: its folder, the texts that stand for it, and the questions put to it."""

    root: Path
    texts: Sequence[str]
    asked: Sequence[str]

    @property
    def key(self) -> bytes:
        """A digest of all that the vector is made from."""
        return hashlib.sha256(json.dumps([list(self.texts), list(self.asked)]).encode()).digest()[:KEY]


def embed(items: Sequence[Item], encoder: encoders.Encoder | None, progress: Progress | None = None) -> Codes | None:
    """Codes (passages, half the dimensions): stored ones, else the encoder's, else a row of zeros; None where all are.

    BadSource when a folder's vectors.npz is malformed.
    """
    if encoder is not None and encoder.name != semantics.TEACHER:
        return semantics.packed(_encoded(items, encoder, progress))
    kept = {root: stored(root) for root in dict.fromkeys(item.root for item in items)}
    found = [kept[item.root].get(item.key) for item in items]
    wanted = [item for item, codes in zip(items, found, strict=True) if codes is None]
    if encoder is None:
        none = np.zeros(semantics.DIMENSIONS // 2, dtype=np.uint8)
        return None if len(wanted) == len(items) else np.stack([none if codes is None else codes for codes in found])
    made = iter(semantics.packed(_encoded(wanted, encoder, progress)) if wanted else ())
    return np.stack([next(made) if codes is None else codes for codes in found])


def with_neighbours(codes: Codes, sections: Sequence[object]) -> Codes:
    """The codes of each vector and, added to it, the mean of those of its section that are at most NEIGHBOURS away.

    sections: for each passage something that neighbours of one section share. The half of a text that was cut for its length
    alone is read with the other half (+0.001 nDCG@10 where an encoder asks). Rows of zeros stay.
    """
    alike = np.cumsum([0, *(one != other for one, other in pairwise(sections))])
    made = np.zeros_like(codes)
    for start in range(0, len(codes), BLOCK):
        low, end = max(start - NEIGHBOURS, 0), min(start + BLOCK, len(codes))
        around = slice(low, min(end + NEIGHBOURS, len(codes)))
        known = np.asarray(codes[around].any(axis=1))
        vectors = np.where(known[:, None], semantics.unpacked(codes[around]), np.float32(0.0))
        here = np.arange(start, end)[known[start - low : end - low]]
        total, count = np.zeros((len(here), vectors.shape[1]), dtype=np.float32), np.zeros(len(here), dtype=np.float32)
        for step in range(-NEIGHBOURS, NEIGHBOURS + 1):
            there = np.clip(here + step, 0, len(codes) - 1)
            beside = (there == here + step) & (alike[there] == alike[here]) & known[there - low]
            total[beside] += vectors[there[beside] - low]
            count += beside
        made[here] = semantics.packed(vectors[here - low] + total / count[:, None])
    return made


def stored(folder: Path) -> dict[bytes, Codes]:
    """The codes in a folder's vectors.npz by key, none where there is no such file."""
    path = folder / STORED
    if not path.is_file():
        return {}
    try:
        _check_archive(path)
        with np.load(path, allow_pickle=False) as arrays:
            keys, codes = np.asarray(arrays["keys"]), np.asarray(arrays["codes"])
    except (*UNREADABLE, zipfile.BadZipFile) as error:
        raise BadSource(f"{path}: not the vectors of passages; make it again, or take it away") from error
    right = semantics.DIMENSIONS // 2
    shapes = (keys.ndim, codes.ndim, keys.shape[1:], codes.shape[1:]) == (2, 2, (KEY,), (right,)) and len(keys) == len(codes)
    if keys.dtype != np.uint8 or codes.dtype != np.uint8 or not shapes:
        raise BadSource(f"{path}: arrays of other shapes than (n, {KEY}) and (n, {right}); make it again, or take it away")
    return {key.tobytes(): row for key, row in zip(keys, codes, strict=True)}


def _check_archive(path: Path) -> None:
    # `store` compresses nothing, so an archive that would grow when it is read is none of ours
    with zipfile.ZipFile(path) as archive:
        if any(one.compress_type != zipfile.ZIP_STORED or one.file_size > path.stat().st_size for one in archive.infolist()):
            raise ValueError("compressed")


def store(items: Sequence[Item], codes: Codes, path: Path) -> None:
    """Write vectors.npz: the keys of passages and their codes."""
    keys = np.frombuffer(b"".join(item.key for item in items), dtype=np.uint8).reshape(-1, KEY)
    np.savez(path, keys=keys, codes=codes)


def _encoded(items: Sequence[Item], encoder: encoders.Encoder, progress: Progress | None) -> Vectors:
    """The encoder's vector of the texts, and added to it the mean of those of the questions."""
    texts = ["\n".join(item.texts) for item in items]
    questions = list(dict.fromkeys(q for item in items for q in item.asked))
    vectors = encoder.encode(texts + questions, progress)
    place = {q: len(texts) + n for n, q in enumerate(questions)}
    for number, item in enumerate(items):
        if item.asked:
            vectors[number] += vectors[[place[q] for q in item.asked]].mean(axis=0)
    return vectors
