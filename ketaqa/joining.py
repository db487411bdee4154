"""Blocks of postings to the postings of all passages.

A term's number is its place in sorted order, so what is sorted in a block is sorted in the whole. Useful for: building. Not
useful for: what a posting weighs (postings).
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ketaqa.columns import InMemory, Make, looked_up
from ketaqa.inversion import Counts, Numbers, rising
from ketaqa.pool import threaded
from ketaqa.postings import MOST, Pairs, Postings, Vocabulary, check_weighting, spans


class Run(Protocol):
    """Postings sorted by term, as they are joined; see inversion.Block."""

    @property
    def terms(self) -> Collection[str]:
        """The terms, sorted."""

    @property
    def ends(self) -> Counts:
        """Where the postings of each begin, and the last end."""

    @property
    def pair_ends(self) -> Counts:
        """Where the pairs that begin with each begin, and the last end."""

    @property
    def lengths(self) -> Counts:
        """The number of terms and pairs in each passage."""

    def postings(self, terms: slice) -> tuple[Numbers, NDArray[np.uint16]]:
        """The passages of some terms, rising, and how often each holds it."""

    def pairs(self, terms: slice) -> tuple[Numbers, Numbers]:
        """The terms that follow some terms, rising, and the passage of each."""


def join(
    blocks: Sequence[Run],
    weighting: str,
    places: Sequence[Numbers] | None = None,
    make: Make = InMemory,
    workers: int = 1,
    progress: Callable[[int, int], None] | None = None,
) -> Postings:
    """The postings of the passages of all blocks.

    places: for each block the number of each of its passages in the whole; one block after the other where not given.
    make: what the long arrays are written to. workers: threads that sort. progress(done, all) is told of rows.
    """
    check_weighting(weighting)
    if places is None:
        ends = np.cumsum([0, *(len(b.lengths) for b in blocks)])
        places = [np.arange(*span, dtype=np.int32) for span in pairwise(ends.tolist())]
    whole = _Whole(blocks, places)
    indptr, pair_indptr = whole.indptr([b.ends for b in blocks]), whole.indptr([b.pair_ends for b in blocks])
    total = int(indptr[-1] + pair_indptr[-1])

    def laid(names: Sequence[str], types: Sequence[DTypeLike], rows: Any, ends: Counts, before: int) -> list[NDArray[Any]]:
        columns = [make(name, kind, int(ends[-1])) for name, kind in zip(names, types, strict=True)]

        def put(part: tuple[slice, slice]) -> int:
            terms, span = part
            for column, found in zip(columns, rows(terms), strict=True):
                column.put(span.start, found)
            return int(span.stop)

        for end in threaded(put, spans(ends), workers):
            if progress:
                progress(before + end, total)
        return [column.ended() for column in columns]

    indices, tf = laid(["indices", "tf"], [np.int32, np.uint16], whole.postings, indptr, 0)
    pairs = None
    if pair_indptr[-1]:
        names = ["pair_nexts", "pair_passages"]
        pairs = Pairs(pair_indptr, *laid(names, [np.int32, np.int32], whole.pairs, pair_indptr, int(indptr[-1])))
    return Postings.of(whole.vocabulary, indptr, indices, tf, pairs, whole.lengths, weighting, workers)


def lengths(blocks: Sequence[Run], places: Sequence[Numbers]) -> Counts:
    """The number of terms and pairs in each passage of the whole."""
    found = np.zeros(sum(len(b.lengths) for b in blocks), dtype=np.int64)
    for block, own in zip(blocks, places, strict=True):
        found[own] = block.lengths
    return found


class _Whole:
    """Blocks as parts of one whole, in its numbers of terms and passages."""

    def __init__(self, blocks: Sequence[Run], places: Sequence[Numbers]) -> None:
        self._blocks, self._places = blocks, places
        order = np.concatenate([*places, np.empty(0, dtype=np.int32)])
        self._in_order = bool((order[1:] > order[:-1]).all())
        names = sorted(set().union(*(b.terms for b in blocks))) if len(blocks) != 1 else list(blocks[0].terms)
        numbers = {term: n for n, term in enumerate(names)}
        self._numbers = [np.fromiter(map(numbers.__getitem__, b.terms), np.int32, len(b.terms)) for b in blocks]
        self.vocabulary = Vocabulary.of(names)
        self.lengths = lengths(blocks, places)

    def indptr(self, ends: Iterable[Counts]) -> Counts:
        """Where the rows of each term begin and end, given where they do in each block."""
        total = np.zeros(len(self.vocabulary) + 1, dtype=np.int64)
        for own, numbers in zip(ends, self._numbers, strict=True):
            total[numbers + 1] += np.diff(own)
        return np.cumsum(total)

    def postings(self, terms: slice) -> tuple[Numbers, NDArray[np.uint16]]:
        """The passages and counts of these terms, term by term, the passages rising."""
        rows = []
        for block, numbers, places in zip(self._blocks, self._numbers, self._places, strict=True):
            own = slice(*looked_up(numbers, [terms.start, terms.stop]))
            passages, tf = block.postings(own)
            rows.append((numbers[own] - terms.start, _sizes(block.ends, own), places[passages], tf))
        if self._in_order:
            return _laid(rows, terms.stop - terms.start)
        columns = [np.concatenate(column) for column in zip(*((np.repeat(*row[:2]), *row[2:]) for row in rows), strict=True)]
        _, found, counts = rising(columns, [terms.stop - terms.start, len(self.lengths), MOST])
        return found, counts

    def pairs(self, terms: slice) -> tuple[Numbers, Numbers]:
        """The terms that follow these, and the passages, term by term, both rising."""
        rows = []
        for block, numbers, places in zip(self._blocks, self._numbers, self._places, strict=True):
            own = slice(*looked_up(numbers, [terms.start, terms.stop]))
            nexts, passages = block.pairs(own)
            first = np.repeat(numbers[own] - terms.start, _sizes(block.pair_ends, own))
            rows.append((first, numbers[nexts], places[passages]))
        columns = [np.concatenate(column) for column in zip(*rows, strict=True)]
        if len(rows) > 1 or not self._in_order:
            columns = rising(columns, [terms.stop - terms.start, len(self.vocabulary), len(self.lengths)])
        return columns[1], columns[2]


def _sizes(ends: Counts, terms: slice) -> Counts:
    return np.diff(ends[terms.start : terms.stop + 1])


def _laid(rows: Sequence[tuple[NDArray[Any], ...]], terms: int) -> tuple[Numbers, NDArray[np.uint16]]:
    """The passages and counts of blocks (terms, how many of each, passages, counts), term by term, a block after the other."""
    sizes = np.zeros(terms, dtype=np.int64)
    for numbers, own, _, _ in rows:
        sizes[numbers] += own
    at = np.cumsum(sizes) - sizes  # where the next of each term goes
    passages, counts = np.empty(int(sizes.sum()), dtype=np.int32), np.empty(int(sizes.sum()), dtype=np.uint16)
    for numbers, own, held, tf in rows:
        places = np.repeat(at[numbers] - np.cumsum(own) + own, own) + np.arange(len(held))
        passages[places], counts[places] = held, tf
        at[numbers] += own
    return passages, counts
