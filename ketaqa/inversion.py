"""Numbered terms of passages to blocks of sorted postings, and blocks to one index.

A block is what some passages hold, sorted by term, with a vocabulary of its own; blocks are made apart, by several processes.
A term's number is its place in sorted order, so what is sorted in a block is sorted in the whole.
Useful for: building. Not useful for: what a posting weighs (postings).
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ketaqa import analysis, lexicon
from ketaqa.columns import InMemory, Make, looked_up
from ketaqa.lexicon import BORDER, Lexicon
from ketaqa.pool import threaded
from ketaqa.postings import MOST, Pairs, Postings, Vocabulary, check_weighting, counted, spans

Numbers = NDArray[np.int32]
Counts = NDArray[np.int64]


class Run(Protocol):
    """Postings sorted by term, as they are joined; see Block."""

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


@dataclass(frozen=True)
class Block:
    """The postings of some passages, numbered from 0.

    terms: sorted. ends: where the postings of each begin, and the last end; passages and tf: the passages that hold it, rising,
    and how often. pair_ends: the same of the pairs of neighbours that begin with each; nexts and pair_passages: the other term
    and the passage of each, both rising. lengths: the number of terms and pairs in each passage.
    """

    terms: Collection[str]
    ends: Counts
    passages: Numbers
    tf: NDArray[np.uint16]
    pair_ends: Counts
    nexts: Numbers
    pair_passages: Numbers
    lengths: Counts

    def postings(self, terms: slice) -> tuple[Numbers, NDArray[np.uint16]]:
        """See Run."""
        span = slice(*self.ends[[terms.start, terms.stop]])
        return self.passages[span], self.tf[span]

    def pairs(self, terms: slice) -> tuple[Numbers, Numbers]:
        """See Run."""
        span = slice(*self.pair_ends[[terms.start, terms.stop]])
        return self.nexts[span], self.pair_passages[span]


@dataclass(frozen=True)
class Tokens:
    """The terms of texts: places in `names` (sorted), BORDER after each text, and how many texts each passage has.

    beside, beside_passages: terms that stand for a passage without being in one of its texts.
    """

    names: Sequence[str]
    numbers: Numbers
    texts: Counts
    beside: Numbers
    beside_passages: Numbers
    paired: bool


class Inverter:
    """Texts of passages to blocks; a word is taken apart once. `characters`: about how many it will read."""

    def __init__(self, analyser: str, paired: bool = False, characters: int = 0) -> None:
        self.chunks, self._paired = lexicon.chunks(characters), paired
        self._lexicon = Lexicon(self.chunks, analysis.analyser(analyser).terms)

    @property
    def compiled(self) -> bool:
        """Whether other threads can go on while it reads."""
        return isinstance(self.chunks, lexicon.Table)

    def __call__(self, texts: Sequence[str]) -> Block:
        """The block of texts that are a passage each."""
        return self.block(self.chunks.of(texts), np.ones(len(texts), dtype=np.int64), [])

    def block(self, chunks: Numbers, texts: Counts, beside: Sequence[Sequence[str]]) -> Block:
        """The block of passages of that many texts each, given the chunks of all texts; `beside`: more terms, by passage."""
        numbers = self._lexicon.numbers(chunks)
        more = np.array([self._lexicon.number(term) for terms in beside for term in terms], dtype=np.int32)
        where = np.repeat(np.arange(len(beside), dtype=np.int32), [len(terms) for terms in beside])
        names, ranks = self._lexicon.ranked()
        return invert(Tokens(names, ranks[numbers], texts, ranks[more], where, self._paired))


def invert(tokens: Tokens) -> Block:
    """The block of some passages."""
    count = len(tokens.texts)
    sizes = np.diff(np.flatnonzero(tokens.numbers == BORDER), prepend=-1) - 1  # of each text
    words = tokens.numbers[tokens.numbers != BORDER]
    of_text = np.repeat(np.arange(count, dtype=np.int32), tokens.texts)
    passages = np.repeat(of_text, sizes)
    used = np.zeros(len(tokens.names), dtype=bool)
    used[words] = used[tokens.beside] = True
    ranks = (np.cumsum(used) - 1).astype(np.int32)
    words, beside = ranks[words], ranks[tokens.beside]
    names = [tokens.names[n] for n in np.flatnonzero(used).tolist()]
    # a text of n words has n - 1 pairs
    own = np.maximum(2 * sizes - 1, 0) if tokens.paired else sizes
    lengths = np.bincount(of_text, own, count).astype(np.int64) + np.bincount(tokens.beside_passages, minlength=count)
    nexts, pair_passages, pair_ends = _neighbours(words, passages, sizes if tokens.paired else sizes[:0], len(names))
    rows = np.concatenate([words, beside]), np.concatenate([passages, tokens.beside_passages])
    terms, held = rising(rows, [len(names), count])
    first, tf = counted(terms, held)
    return Block(names, _ends(terms[first], len(names)), held[first], tf, pair_ends, nexts, pair_passages, lengths)


def _neighbours(words: Numbers, passages: Numbers, sizes: Counts, terms: int) -> tuple[Numbers, Numbers, Counts]:
    """By the first of two neighbouring words: the other and the passage, both rising; and where those of each term begin.

    sizes: of each text, whose words stand one after the other; no text has neighbours where there are none.
    """
    follows = np.ones(max(len(words) - 1, 0) if len(sizes) else 0, dtype=bool)
    last = np.cumsum(sizes)[:-1] - 1
    follows[last[(last >= 0) & (last < len(follows))]] = False
    places = np.flatnonzero(follows)
    columns = [words[places], words[places + 1], passages[places]]
    first, nexts, rows = rising(columns, [terms, terms, int(passages.max(initial=0)) + 1])
    return nexts, rows, _ends(first, terms)


def _ends(terms: Numbers, count: int) -> Counts:
    """Where each term begins in rising ones, and the last ends."""
    return terms.searchsorted(np.arange(count + 1, dtype=terms.dtype)).astype(np.int64)


def rising(columns: Sequence[NDArray[Any]], sizes: Sequence[int]) -> list[NDArray[Any]]:
    """Rows of numbers below `sizes`, sorted by the first column, then the second, and so on."""
    bits = [max(size, 1).bit_length() for size in sizes]
    if sum(bits) > 63:
        order = np.lexsort(columns[::-1])
        return [column[order] for column in columns]
    keys = columns[0].astype(np.int64)
    for column, width in zip(columns[1:], bits[1:], strict=True):
        keys <<= width
        keys |= column
    keys.sort()  # one number a row sorts several times as fast as an order of rows
    found = []
    for column, width in zip(columns[:0:-1], bits[:0:-1], strict=True):
        found.append((keys & ((1 << width) - 1)).astype(column.dtype))
        keys >>= width
    return [keys.astype(columns[0].dtype), *found[::-1]]


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
        parts = list(spans(ends))
        for (_, span), found in zip(parts, threaded(rows, (terms for terms, _ in parts), workers), strict=True):
            for column, part in zip(columns, found, strict=True):
                column.append(part)
            if progress:
                progress(before + span.stop, total)
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
