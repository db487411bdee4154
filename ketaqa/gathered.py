"""Rows of postings in memory, one after the other: those of a question's terms, and all of a small index.

Useful for: adding up many short rows at once. Not useful for: indexes that do not fit in memory.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NOWHERE = slice(0, 0)


@dataclass(frozen=True, slots=True)
class Gathered:
    """Rows of some terms: their passages, what each posting weighs but for its term's factor, and how long each row is."""

    passages: NDArray[np.int32]
    shares: NDArray[np.float64]
    sizes: list[int]

    @classmethod
    def of(cls, rows: Sequence[tuple[NDArray[np.int32], NDArray[np.float64]]]) -> "Gathered":
        """From the rows, one at least."""
        passages, shares = (np.concatenate(parts) for parts in zip(*rows, strict=True))
        return cls(passages, shares, [len(own) for own, _ in rows])


class Kept:
    """All rows of a small index, given with the number of the term of each posting; idf: by df."""

    def __init__(
        self, numbers: NDArray[np.int64], passages: NDArray[np.int32], shares: NDArray[np.float64], idf: Sequence[float]
    ) -> None:
        self._passages, self._shares, self._idf = passages, shares, idf
        ends = (np.flatnonzero(np.diff(numbers, append=-1)) + 1).tolist()
        spans = map(slice, [0, *ends[:-1]], ends)
        self._places = {int(numbers[span.start]): span for span in spans}

    def __contains__(self, number: int) -> bool:
        return number in self._places

    def row(self, number: int) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """The passages of a term, rising, and the shares of its postings; none where no passage holds it."""
        span = self._places.get(number, NOWHERE)
        return self._passages[span], self._shares[span]

    def df(self, number: int) -> int:
        """How many passages hold a term."""
        span: slice = self._places.get(number, NOWHERE)
        return int(span.stop) - int(span.start)

    def idf_of(self, number: int | None) -> float:
        """The idf of a term; without a number, of one that no passage holds."""
        return self._idf[0 if number is None else self.df(number)]
