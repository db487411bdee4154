"""What do words and passages mean? Vectors of 384 numbers, four bits each.

A passage's vector is made when an index is built; a word's is read from a table that benchmarks/distil.py fitted so that the
sum over the words of a short text comes near to the sentence encoder's vector of that text. So a question is understood
without a model, and word by word. Useful for: words that a passage does not use. Not useful for: exact words, numbers, names.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache, cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ketaqa.analysis import words
from ketaqa.postings import Vocabulary

Vectors = NDArray[np.float32]
Codes = NDArray[np.uint8]

DATA = Path(__file__).parent / "data" / "meaning"
TEACHER = "all-MiniLM-L6-v2"  # the encoder whose space the table's vectors live in
TABLE = "table"  # the name of the table itself, where it stands in an encoder's place
DIMENSIONS = 384
# numbers further out than this many standard deviations are cut, which leaves finer steps to all others
CLIP = 2.7
LEVELS = 16
BLOCK = 65536  # vectors unpacked at a time
GROUP = 512  # texts whose words are looked up together
ROWS = 64  # codes whose products are taken at a time: what is made of more leaves the processor's cache
# the two numbers that a byte holds, first the upper four bits, then the lower, as one complex number: so that a byte is looked
# up once, which takes a tenth of the time of a row of two
_PAIRS = (np.stack([np.arange(256) >> 4, np.arange(256) & 15], axis=1) - (LEVELS - 1) / 2).astype(np.float32).view(np.complex64)

_NUMBERS = _PAIRS.view(np.float32).reshape(256, 2).astype(np.float64)
_SQUARES = (_NUMBERS**2).sum(axis=1)
_OFFSETS = np.arange(0, 256 * 4096, 256, dtype=np.int32)


def packed(vectors: Vectors) -> Codes:
    """Vectors (n, even) as codes (n, half): sixteen even steps over CLIP standard deviations; the length is lost.

    A vector of zeros says nothing and becomes codes of zeros.
    """
    step = CLIP * vectors.std(axis=1, keepdims=True) / (LEVELS / 2)
    step[step == 0.0] = 1.0
    levels = np.clip(np.floor(vectors / step), -LEVELS // 2, LEVELS // 2 - 1).astype(np.int16) + LEVELS // 2
    codes = np.asarray((levels[:, 0::2] << 4) | levels[:, 1::2], dtype=np.uint8)
    codes[~vectors.any(axis=1)] = 0
    return codes


def unpacked(codes: Codes) -> Vectors:
    """Codes (n, half) as vectors (n, even) of length 1."""
    vectors = _PAIRS.ravel().take(codes).view(np.float32)
    return np.asarray(vectors / np.sqrt(np.add.reduce(vectors * vectors, axis=1, keepdims=True)), dtype=np.float32)


def lengths(codes: Codes) -> NDArray[np.float64]:
    """The lengths (n,) of the vectors that codes (n, half) stand for; infinite where a row of zeros stands for no vector."""
    found = np.concatenate([np.take(_SQUARES, rows).sum(axis=1) for rows in _by_rows(codes)])
    return np.where(codes.any(axis=1), np.sqrt(found), np.inf)


def products(codes: Codes, vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """The dot products (n,) of a vector with those that codes (n, half) stand for: a look-up a byte, in one order for all."""
    table = (vector.reshape(-1, 2) @ _NUMBERS.T).ravel()
    places = _OFFSETS[: codes.shape[1]]
    return np.concatenate([np.take(table, rows + places).sum(axis=1) for rows in _by_rows(codes)])


def products_of_few(codes: Codes, vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    """`products` (vectors, n) of several vectors with few codes (n, half), equal to the last bit, without tables."""
    # of a single row the library makes a sum that it rounds otherwise: two at least
    some = codes if len(codes) > 1 else np.resize(codes, (2, codes.shape[1]))
    asked = vectors if len(vectors) > 1 else np.resize(vectors, (2, vectors.shape[1]))
    rows, asked = _NUMBERS.take(some, axis=0), asked.reshape(-1, codes.shape[1], 2)
    pairs = np.matmul(asked.transpose(1, 0, 2), rows.transpose(1, 2, 0))
    return np.asarray(np.ascontiguousarray(pairs.transpose(1, 2, 0)).sum(axis=2)[: len(vectors), : len(codes)])


def _by_rows(codes: Codes) -> list[Codes]:
    return [codes[start : start + ROWS] for start in range(0, max(len(codes), 1), ROWS)]


def mean(codes: Codes) -> Vectors:
    """The mean (even,) of the vectors behind codes (n, half), taken in blocks; rows of zeros stand for no vector."""
    total, count = np.zeros(2 * codes.shape[1]), 0
    for start in range(0, len(codes), BLOCK):
        block = codes[start : start + BLOCK]
        block = block[block.any(axis=1)]
        total, count = total + unpacked(block).sum(axis=0, dtype=np.float64), count + len(block)
    # rounded, so that the last bit of a sum does not make another index of the same documents elsewhere
    return np.round(total / max(count, 1), 6).astype(np.float32)


class Table:
    """The vectors of words, memory-mapped; `lengths` are float16. It stands in an encoder's place where there is none."""

    name = TABLE

    def __init__(self, folder: Path = DATA) -> None:
        blob, ends, self.codes, self.lengths = (
            np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False).view(np.ndarray)
            for name in ("words", "ends", "codes", "lengths")
        )
        self.vocabulary = Vocabulary(blob, ends)

    def vectors(self, asked: Iterable[str]) -> tuple[list[str], Vectors]:
        """Those of the words, each once, that the table knows, and their vectors."""
        numbers = {word: number for word in dict.fromkeys(asked) if (number := self.vocabulary.find(word)) is not None}
        return list(numbers), self._of(np.array(list(numbers.values()), dtype=np.int64))

    def __contains__(self, word: str) -> bool:
        return self.vocabulary.find(word) is not None

    def encode(self, texts: Sequence[str], progress: Callable[[int, int], None] | None = None) -> Vectors:
        """Vectors (len(texts), DIMENSIONS): the sum over a text's words, of length 1, or 0 where no word is known.

        progress(done, all) is called as texts are read.
        """
        found = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
        for start in range(0, len(texts), GROUP):
            group = [[w for w in words(text) if w in self._numbers] for text in texts[start : start + GROUP]]
            rows = {number: row for row, number in enumerate(sorted({self._numbers[w] for known in group for w in known}))}
            vectors = self._of(np.array(list(rows), dtype=np.int64))
            for place, known in enumerate(group, start):
                total = vectors[[rows[self._numbers[w]] for w in known]].sum(axis=0, dtype=np.float64)
                found[place] = total / (np.linalg.norm(total) or 1.0)
            if progress:
                progress(min(start + GROUP, len(texts)), len(texts))
        return found

    @cached_property
    def _numbers(self) -> dict[str, int]:
        # for many texts: looking a word up in the file takes some ten steps
        return {self.vocabulary[number]: number for number in range(len(self.vocabulary))}

    def _of(self, rows: NDArray[np.int64]) -> Vectors:
        return np.asarray(unpacked(self.codes[rows]) * self.lengths[rows].astype(np.float32)[:, None])


@cache
def table() -> Table:
    """The shipped table."""
    return Table()
