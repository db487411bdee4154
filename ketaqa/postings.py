"""Weighted terms by passage, stored term by term: the matrix that a retriever multiplies with a question.

Useful for: "here is a term, give me its passages and weights".
Not useful for: texts, files.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from ketaqa import weighting as formulas
from ketaqa.errors import BadSetting

KEY = 8  # bytes of a term that are compared as one number


class Vocabulary:
    """Sorted terms in one block of UTF-8 bytes; a term's number is its place. Works on memory-mapped arrays.

    keys (uint64): the first KEY bytes of each term as a number, so that NumPy finds the few that begin alike; made where they
    are not given.
    """

    def __init__(self, blob: NDArray[np.uint8], ends: NDArray[np.int64], keys: NDArray[np.uint64] | None = None) -> None:
        self.blob, self.ends, self._keys = blob, ends, keys
        self._numbers: dict[str, int] | None = None

    def remember(self) -> None:
        """Keep all terms in memory, where `find` takes a hundredth of the time: for a server, and not too many terms."""
        self._numbers = {self[number]: number for number in range(len(self))}

    @cached_property
    def keys(self) -> NDArray[np.uint64]:
        """See above."""
        return _keys(self.blob, self.ends) if self._keys is None else self._keys

    @classmethod
    def of(cls, terms: Sequence[str]) -> "Vocabulary":
        """From terms already sorted by their UTF-8 bytes (which is the order of their code points)."""
        encoded = [t.encode() for t in terms]
        ends = np.cumsum([0, *(len(e) for e in encoded)], dtype=np.int64)
        return cls(np.frombuffer(b"".join(encoded), dtype=np.uint8), ends)

    def __len__(self) -> int:
        return len(self.ends) - 1

    def __getitem__(self, number: int) -> str:
        return self._bytes(number).decode()

    def _bytes(self, number: int) -> bytes:
        return self.blob[self.ends[number] : self.ends[number + 1]].tobytes()

    def find(self, term: str) -> int | None:
        """The number of a term, None when it is not there."""
        if self._numbers is not None:
            return self._numbers.get(term)
        wanted = term.encode("utf-8", "surrogatepass")
        key = np.uint64(int.from_bytes(wanted[:KEY].ljust(KEY, b"\0")))
        low, high = int(self.keys.searchsorted(key)), int(self.keys.searchsorted(key, "right"))
        while low < high:
            middle = (low + high) // 2
            if self._bytes(middle) < wanted:
                low = middle + 1
            else:
                high = middle
        return low if low < len(self) and self._bytes(low) == wanted else None


def _keys(blob: NDArray[np.uint8], ends: NDArray[np.int64]) -> NDArray[np.uint64]:
    starts, sizes = ends[:-1], np.diff(ends)
    found = np.zeros((len(starts), KEY), dtype=np.uint8)
    for place in range(KEY):
        longer = sizes > place
        found[longer, place] = blob[starts[longer] + place]
    return found.view(">u8").ravel().astype(np.uint64)


@dataclass(frozen=True)
class Postings:
    """SciPy's CSC arrays: term t stands in passages indices[indptr[t]:indptr[t + 1]] (rising) with weights data[...].

    indptr int64 (terms + 1), indices int32, data float32 (the passage side of the score), df int32 (terms), upper float32
    (terms): a term's largest weight.
    """

    vocabulary: Vocabulary
    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    data: NDArray[np.float32]
    df: NDArray[np.int32]
    upper: NDArray[np.float32]
    passages: int
    weighting: str

    def row(self, term: int) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """The passages that hold a term, rising, and the term's weight in each."""
        span = slice(self.indptr[term], self.indptr[term + 1])
        return self.indices[span], self.data[span]

    def idf(self, df: int) -> float:
        """The idf of a term that stands in `df` passages, by this weighting; df may be 0."""
        return _idf(self.weighting, df, self.passages)


@lru_cache(4096)  # NumPy takes twenty times as long for one number as for finding it again
def _idf(weighting: str, df: int, passages: int) -> float:
    formula = formulas.bm25_idf if weighting == "bm25" else formulas.smooth_idf
    return float(formula(np.array([df], dtype=np.float64), passages)[0])


def build(counts: Iterable[Mapping[str, int]], weighting: str) -> Postings:
    """Postings of passages given as term counts, in order; BadSetting for an unknown weighting."""
    if weighting not in formulas.NAMES:
        raise BadSetting(f"unknown weighting {weighting!r}; known are {', '.join(formulas.NAMES)}")
    numbers: dict[str, int] = {}
    terms: list[int] = []
    tf: list[int] = []
    sizes: list[int] = []
    for row in counts:
        sizes.append(len(row))
        for term, count in row.items():
            terms.append(numbers.setdefault(term, len(numbers)))
            tf.append(count)
    ranks, vocabulary = _sorted(numbers)
    rows = np.repeat(np.arange(len(sizes), dtype=np.int64), sizes)
    columns = ranks[np.array(terms, dtype=np.int64)]
    order = np.argsort(columns, kind="stable")  # stable: passages stay rising inside a term
    rows, columns = rows[order], columns[order]
    df = np.bincount(columns, minlength=len(numbers))
    data = _weights(np.array(tf, dtype=np.float64)[order], rows, df[columns].astype(np.float64), len(sizes), weighting)
    indptr, weights = np.concatenate([[0], np.cumsum(df)]).astype(np.int64), data.astype(np.float32)
    upper = np.maximum.reduceat(weights, indptr[:-1]) if len(weights) else weights
    return Postings(vocabulary, indptr, rows.astype(np.int32), weights, df.astype(np.int32), upper, len(sizes), weighting)


def _sorted(numbers: Mapping[str, int]) -> tuple[NDArray[np.int64], Vocabulary]:
    terms = sorted(numbers)
    ranks = np.empty(len(terms), dtype=np.int64)
    for rank, term in enumerate(terms):
        ranks[numbers[term]] = rank
    return ranks, Vocabulary.of(terms)


def _weights(tf: formulas.Floats, rows: NDArray[np.int64], df: formulas.Floats, n: int, weighting: str) -> formulas.Floats:
    if weighting == "bm25":
        length = np.bincount(rows, weights=tf, minlength=n).astype(np.float64)
        return formulas.bm25_tf(tf, length[rows], float(length.mean()) if n else 0.0)
    # the cosine's norm needs the idf of every term, so here the passage side carries it
    return formulas.unit_length(tf * formulas.smooth_idf(df, n), rows, n)
