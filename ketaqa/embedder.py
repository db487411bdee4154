"""Which vector stands for a passage? That of its words and of the questions put to it, made when an index is built.

A folder may bring vectors made elsewhere, in vectors.npz; the encoder makes them where it is installed, else the table of word
meanings. Useful for: building.
Not useful for: questions (meaning).
"""

import hashlib
import json
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ketaqa import encoder as encoders
from ketaqa import semantics
from ketaqa.errors import BadSource
from ketaqa.semantics import Codes, Vectors

STORED = "vectors.npz"
# what NumPy and zipfile raise of archives that are torn or made to harm
UNREADABLE = (OSError, ValueError, KeyError, EOFError, TypeError, RuntimeError, MemoryError, OverflowError)
KEY = 16  # bytes of a digest that tell one passage from another
NEIGHBOURS = 2  # on either side of a passage, see neighboured
BLOCK = 8192  # vectors taken apart at a time
GROUP = 16384  # passages whose vectors are held in full at a time

Progress = Callable[[int, int], None]


class Reader(Protocol):
    """What makes vectors of texts: a sentence encoder, or the table of word meanings."""

    name: str

    def encode(self, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Vectors (len(texts), dimensions) of length 1, or 0."""


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


def reader(name: str) -> Reader | None:
    """The encoder of that name or folder, or the table; without a name the encoder of `ketaqa[semantic]`, None where it is not.

    BadSetting when it can't be loaded.
    """
    if name == semantics.TABLE:
        return semantics.table()
    return encoders.encoder(name or semantics.TEACHER) if name or encoders.installed() else None


def maker(roots: Iterable[Path], encoder: Reader | None) -> tuple[Reader | None, str]:
    """What makes the vectors that are not stored, and the name of what made them all.

    Without an encoder the table makes them, unless the folders bring some: those of two makers are not mixed.
    """
    if encoder is None and not any((root / STORED).is_file() for root in roots):
        encoder = semantics.table()
    return encoder, encoder.name if encoder else semantics.TEACHER


def embed(items: Sequence[Item], encoder: Reader | None, progress: Progress | None = None) -> Codes:
    """Codes (passages, half the dimensions): stored ones, else the encoder's, else a row of zeros.

    BadSource when a folder's vectors.npz is malformed.
    """
    return np.concatenate([*embedded(items, encoder, progress), np.zeros((0, semantics.DIMENSIONS // 2), dtype=np.uint8)])


def embedded(items: Sequence[Item], encoder: Reader | None, progress: Progress | None = None) -> Iterator[Codes]:
    """The codes of `embed`, GROUP passages at a time: items are asked for when their turn comes."""
    known: dict[Path, dict[bytes, Codes]] = {}
    for start in range(0, len(items), GROUP):
        group = items[start : start + GROUP]
        if encoder is None or encoder.name == semantics.TEACHER:  # whose vectors folders bring
            known |= {root: stored(root) for root in {item.root for item in group} - known.keys()}
        found = [known[item.root].get(item.key) if known.get(item.root) else None for item in group]
        wanted = [item for item, codes in zip(group, found, strict=True) if codes is None]

        def tell(done: int, every: int, start: int = start, size: int = len(group)) -> None:
            if progress:
                progress(start + size * done // every, len(items))

        made = iter(semantics.packed(_encoded(wanted, encoder, tell)) if encoder and wanted else ())
        none = np.zeros(semantics.DIMENSIONS // 2, dtype=np.uint8)
        rows = [codes if codes is not None else next(made, none) for codes in found]
        if not wanted:
            tell(1, 1)
        yield np.stack(rows)


def neighboured(codes: Codes, alike: NDArray[np.int64]) -> Iterator[Codes]:
    """The codes of each vector and, added to it, the mean of those of its section that are at most NEIGHBOURS away, itself
    included, BLOCK at a time.

    alike: for each passage a number that neighbours of one section share, and no others. The half of a text that was cut for
    its length alone is read with the other half (+0.001 nDCG@10 where an encoder asks). Rows of zeros stay.
    """
    for start in range(0, len(codes), BLOCK):
        low, end = max(start - NEIGHBOURS, 0), min(start + BLOCK, len(codes))
        around = slice(low, min(end + NEIGHBOURS, len(codes)))
        made = np.zeros_like(codes[start:end])
        known = np.asarray(codes[around].any(axis=1))
        vectors = np.where(known[:, None], semantics.unpacked(codes[around]), np.float32(0.0))
        here = np.arange(start, end)[known[start - low : end - low]]
        total, count = np.zeros((len(here), vectors.shape[1]), dtype=np.float32), np.zeros(len(here), dtype=np.float32)
        for step in range(-NEIGHBOURS, NEIGHBOURS + 1):
            there = np.clip(here + step, 0, len(codes) - 1)
            beside = (there == here + step) & (alike[there] == alike[here]) & known[there - low]
            total[beside] += vectors[there[beside] - low]
            count += beside
        made[here - start] = semantics.packed(vectors[here - low] + total / count[:, None])
        yield made


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


def _encoded(items: Sequence[Item], encoder: Reader, progress: Progress) -> Vectors:
    """The encoder's vector of the texts, and added to it the mean of those of the questions."""
    texts = ["\n".join(item.texts) for item in items]
    questions = list(dict.fromkeys(q for item in items for q in item.asked))
    vectors = encoder.encode(texts + questions, progress)
    place = {q: len(texts) + n for n, q in enumerate(questions)}
    for number, item in enumerate(items):
        if item.asked:
            vectors[number] += vectors[[place[q] for q in item.asked]].mean(axis=0)
    return vectors[: len(texts)]
