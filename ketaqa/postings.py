"""Terms by passage, stored term by term: the matrix that a retriever multiplies with a question.

A posting is a passage and a count; what it weighs follows from the count and the passage's norm, so that a passage's postings
stay as they are whatever is added beside it. Useful for: "here is a term, give me its passages and weights".
Not useful for: texts, files.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketaqa import weighting as formulas
from ketaqa.errors import BadSetting
from ketaqa.gathered import Gathered, Kept
from ketaqa.pool import threaded

MOST = np.iinfo(np.uint16).max  # times that a term counts in a passage
KEY = 8  # bytes of a term that are compared as one number
RANGE = 1 << 20  # postings that are put in order, or weighed, at a time

Passages = NDArray[np.int32]
Counts = NDArray[np.uint16]


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
        made = cls(np.frombuffer(b"".join(encoded), dtype=np.uint8), ends)
        made._numbers = {term: number for number, term in enumerate(terms)}  # they are in memory anyway
        return made

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
class Pairs:
    """Neighbouring terms: those that begin with term t, by the other term and the passage, one row an occurrence, stand in
    nexts[indptr[t]:indptr[t + 1]] (int32, the other term) and passages[...] (int32)."""

    indptr: NDArray[np.int64]
    nexts: NDArray[np.int32]
    passages: Passages

    def row(self, first: int, second: int) -> Passages:
        """The passages where a term is followed by another, rising, one for each time."""
        low, high = int(self.indptr[first]), int(self.indptr[first + 1])
        nexts, wanted = self.nexts[low:high], np.int32(second)
        return self.passages[low + int(nexts.searchsorted(wanted)) : low + int(nexts.searchsorted(wanted, "right"))]

    def counts(self) -> tuple[NDArray[np.int64], Passages, Counts]:
        """All pairs, passage by passage: the number of each, as `Postings.find` makes it, its passage and its count there."""
        terms = len(self.indptr) - 1
        numbers = terms * (np.repeat(np.arange(terms), np.diff(self.indptr)) + 1) + self.nexts
        first, tf = counted(numbers, self.passages)
        return numbers[first], self.passages[first], tf


@dataclass(frozen=True)
class Postings:
    """SciPy's CSC arrays: term t stands in passages indices[indptr[t]:indptr[t + 1]] (rising), tf[...] times in each.

    indptr int64 (terms + 1), indices int32, tf uint16, norms float32 (passages), upper float32 (terms): what a posting of the
    term weighs at most. A posting weighs `factor` times tf / (bend tf + norm). Two neighbours, written with a blank between
    them, are a term as well; their number is made of the two numbers.
    """

    vocabulary: Vocabulary
    indptr: NDArray[np.int64]
    indices: Passages
    tf: Counts
    pairs: Pairs | None
    norms: NDArray[np.float32]
    upper: NDArray[np.float32]
    weighting: str
    kept: Kept | None = field(default=None, init=False, repr=False, compare=False)

    @classmethod
    def of(
        cls,
        vocabulary: Vocabulary,
        indptr: NDArray[np.int64],
        indices: Passages,
        tf: Counts,
        pairs: Pairs | None,
        lengths: NDArray[np.int64],
        weighting: str,
        workers: int = 1,
    ) -> "Postings":
        """Postings with norms and bounds from the passages' lengths, in terms and pairs, by so many threads."""
        unit = weighting == "tfidf"
        norms = _unit_norms(indptr, indices, tf, len(lengths)) if unit else formulas.bm25_norms(lengths)
        rest = norms.astype(np.float32), np.zeros(len(vocabulary), dtype=np.float32)
        made = cls(vocabulary, indptr, indices, tf, pairs, *rest, weighting)
        made._bound(workers)
        return made

    def __getstate__(self) -> dict[str, Any]:
        # what the compiled code keeps beside is made anew
        return {name: value for name, value in self.__dict__.items() if name not in ("reader", "kept")}

    def remember(self) -> None:
        """Keep all rows in memory, with what each posting weighs: for a server, and not too many postings."""
        numbers = np.repeat(np.arange(len(self.vocabulary)), np.diff(self.indptr))
        blocks = [(numbers, self.indices, self.tf), *([self.pairs.counts()] if self.pairs else [])]
        numbers, passages, tf = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
        idf = [self.idf(df) for df in range(self.passages + 1)]
        object.__setattr__(self, "kept", Kept(numbers, passages, self.shares(passages, tf), idf))

    @property
    def passages(self) -> int:
        """How many passages there are."""
        return len(self.norms)

    @property
    def bend(self) -> float:
        """1 where a weight grows less with each further occurrence, 0 where it grows with their number."""
        return 1.0 if self.weighting == "bm25" else 0.0

    def find(self, term: str) -> int | None:
        """The number of a term, None where no passage holds it."""
        first, _, second = term.partition(" ")  # no word holds a blank
        number = self.vocabulary.find(first)
        if not second or number is None:
            return number
        other = self.vocabulary.find(second) if self.pairs is not None else None
        if other is None or self.pairs is None:
            return None
        pair = len(self.vocabulary) * (number + 1) + other
        found = pair in self.kept if self.kept else len(self.pairs.row(number, other)) > 0
        return pair if found else None

    def counts(self, number: int) -> tuple[Passages, Counts]:
        """The passages that hold a term, rising, and how often each does."""
        first, second = divmod(number, len(self.vocabulary))
        if not first:
            span = slice(self.indptr[number], self.indptr[number + 1])
            return self.indices[span], self.tf[span]
        if self.pairs is None:
            raise IndexError(number)
        found = self.pairs.row(first - 1, second)
        places, tf = counted(found)
        return found[places], tf

    def row(self, number: int) -> tuple[Passages, NDArray[np.float64]]:
        """The passages that hold a term, rising, and the `shares` of its postings."""
        if self.kept:
            return self.kept.row(number)
        held = self.counts(number)
        return held[0], self.shares(*held)

    def rows(self, numbers: Sequence[int]) -> Gathered:
        """The rows of some terms; one number at least."""
        return Gathered.of([self.row(number) for number in numbers])

    def weights(self, number: int, passages: Passages, tf: Counts) -> NDArray[np.float64]:
        """What a term weighs in passages that hold it as often as that."""
        return np.asarray(self.factor(number) * self.shares(passages, tf))

    def shares(self, passages: Passages, tf: Counts) -> NDArray[np.float64]:
        """What is weighed by `factor`: the part of a weight that is each posting's own."""
        return formulas.bent(tf, self.norms[passages], self.bend)

    def factor(self, number: int) -> float:
        """What all weights of a term share: its idf by scikit-learn's weighting, which counts it on both sides."""
        return 1.0 if self.weighting == "bm25" else self.idf(self.df(number))

    def df(self, number: int) -> int:
        """How many passages hold a term."""
        if number < len(self.vocabulary):
            return int(self.indptr[number + 1] - self.indptr[number])
        return self.kept.df(number) if self.kept else len(self.counts(number)[0])

    def idf_of(self, number: int | None) -> float:
        """The idf of a term; without a number, of one that no passage holds."""
        if self.kept:
            return self.kept.idf_of(number)
        return self.idf(0 if number is None else self.df(number))

    def idf(self, df: int) -> float:
        """The idf of a term that stands in `df` passages, by this weighting; df may be 0."""
        if self.weighting == "bm25":
            return formulas.bm25_idf(df, self.passages)
        return float(formulas.smooth_idf(df, self.passages))

    def _bound(self, workers: int) -> None:
        """Fill in what each term weighs at most."""

        def bounds(part: tuple[slice, slice]) -> NDArray[np.float32]:
            terms, span = part
            weights = formulas.bent(self.tf[span], self.norms[self.indices[span]], self.bend, np.float32)
            return np.maximum.reduceat(weights, self.indptr[terms] - span.start)

        parts = list(spans(self.indptr))
        for (terms, _), found in zip(parts, threaded(bounds, parts, workers), strict=True):
            # more than what single precision rounds off: a bound must not lie below what it bounds
            self.upper[terms] = found * np.float32(1.0 + 1e-6)


def counted(*columns: NDArray[Any]) -> tuple[NDArray[np.int64], Counts]:
    """Of rows that rise, the first of each that are alike, and how many they are."""
    other = np.ones(len(columns[0]), dtype=bool)
    other[1:] = False
    for column in columns:
        other[1:] |= column[1:] != column[:-1]
    first = np.flatnonzero(other)
    return first, np.minimum(np.diff(first, append=len(other)), MOST).astype(np.uint16)


def _unit_norms(indptr: NDArray[np.int64], indices: Passages, tf: Counts, passages: int) -> NDArray[np.float64]:
    total = np.zeros(passages)
    for terms, span in spans(indptr):
        df = np.diff(indptr[terms.start : terms.stop + 1])
        idf = np.repeat(formulas.smooth_idf(df, passages), df)
        total += np.bincount(indices[span], weights=(tf[span] * idf) ** 2, minlength=passages)
    return formulas.unit_norms(total)


def spans(indptr: NDArray[np.int64]) -> Iterator[tuple[slice, slice]]:
    """Slices of terms and of their postings, in turn, each of about RANGE postings, or one term."""
    low = 0
    while low < len(indptr) - 1:
        high = max(low + 1, int(np.searchsorted(indptr, indptr[low] + RANGE, side="right")) - 1)
        yield slice(low, high), slice(int(indptr[low]), int(indptr[high]))
        low = high


def check_weighting(name: str) -> None:
    """BadSetting for an unknown weighting."""
    if name not in formulas.NAMES:
        raise BadSetting(f"unknown weighting {name!r}; known are {', '.join(formulas.NAMES)}")
