"""Numbered terms of passages to blocks of sorted postings, and blocks to one index.

A block is what some passages hold, sorted by term, with a vocabulary of its own; blocks are made apart, by several processes.
A term's number is its place in sorted order, so what is sorted in a block is sorted in the whole.
Useful for: building. Not useful for: what a posting weighs (postings).
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketaqa import analysis
from ketaqa.lexicon import BORDER, Chunks, Lexicon
from ketaqa.postings import MOST, Pairs, Postings, Vocabulary, check_weighting, spans

Numbers = NDArray[np.int32]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Block:
    """The postings of some passages, numbered from 0.

    terms: sorted. sizes: in how many passages each stands; passages and tf: those, rising, and how often.
    pair_sizes: how many pairs of neighbours begin with each term; nexts and pair_passages: the other term and the passage of
    each, rising. lengths: the number of terms and pairs in each passage.
    """

    terms: Sequence[str]
    sizes: Counts
    passages: Numbers
    tf: NDArray[np.uint16]
    pair_sizes: Counts
    nexts: Numbers
    pair_passages: Numbers
    lengths: Counts


@dataclass(frozen=True)
class Tokens:
    """The terms of texts: numbers in `names`, BORDER after each text, and how many texts each passage has.

    beside, beside_passages: terms that stand for a passage without being in one of its texts.
    """

    names: Sequence[str]
    numbers: Numbers
    texts: Counts
    beside: Numbers
    beside_passages: Numbers
    paired: bool


class Inverter:
    """Texts of passages to blocks; a word is taken apart once."""

    def __init__(self, analyser: str, paired: bool = False) -> None:
        self.chunks, self._paired = Chunks(), paired
        self._lexicon = Lexicon(self.chunks, analysis.analyser(analyser).terms)

    def __call__(self, texts: Sequence[str]) -> Block:
        """The block of texts that are a passage each."""
        return self.block(self.chunks.of(texts), np.ones(len(texts), dtype=np.int64), [])

    def block(self, chunks: Numbers, texts: Counts, beside: Sequence[Sequence[str]]) -> Block:
        """The block of passages of that many texts each, given the chunks of all texts; `beside`: more terms, by passage."""
        numbers = self._lexicon.numbers(chunks)
        more = np.array([self._lexicon.number(term) for terms in beside for term in terms], dtype=np.int32)
        where = np.repeat(np.arange(len(beside), dtype=np.int32), [len(terms) for terms in beside])
        return invert(Tokens(list(self._lexicon.names), numbers, texts, more, where, self._paired))


def invert(tokens: Tokens) -> Block:
    """The block of some passages."""
    numbers, count = tokens.numbers, len(tokens.texts)
    border = numbers == BORDER
    text_of = np.cumsum(border) - border
    passage_of = np.repeat(np.arange(count), tokens.texts)[text_of]
    terms, ranks = _ranked(tokens.names, np.concatenate([numbers[~border], tokens.beside]))
    words = ranks[numbers]  # the rank of a border is never looked at
    follows = np.flatnonzero(~border[:-1] & ~border[1:]) if tokens.paired else np.empty(0, dtype=np.int64)
    triples = _rising([words[follows], words[follows + 1], passage_of[follows]], [len(terms), len(terms), count])
    held = np.concatenate([words[~border], ranks[tokens.beside]]), np.concatenate([passage_of[~border], tokens.beside_passages])
    lengths = np.bincount(held[1], minlength=count) + np.bincount(passage_of[follows], minlength=count)
    rows = _rising(list(held), [len(terms), count])
    first = np.flatnonzero(np.concatenate([[True], (np.diff(rows[0]) != 0) | (np.diff(rows[1]) != 0)])[: len(rows[0])])
    tf = np.minimum(np.diff(first, append=len(rows[0])), MOST).astype(np.uint16)
    sizes = np.bincount(rows[0][first], minlength=len(terms))
    pair_sizes = np.bincount(triples[0], minlength=len(terms))
    passages, nexts, pair_passages = (a.astype(np.int32) for a in (rows[1][first], triples[1], triples[2]))
    return Block(terms, sizes, passages, tf, pair_sizes, nexts, pair_passages, lengths)


def _ranked(names: Sequence[str], used: Numbers) -> tuple[list[str], Counts]:
    """The names used, sorted, and for each number (and BORDER, the last) its place among them."""
    present = np.zeros(len(names), dtype=bool)
    present[used] = True
    numbers = np.flatnonzero(present)
    order = sorted(range(len(numbers)), key=[names[n] for n in numbers.tolist()].__getitem__)
    ranks = np.zeros(len(names) + 1, dtype=np.int64)
    ranks[numbers[order]] = np.arange(len(numbers))
    return [names[n] for n in numbers[order].tolist()], ranks


def _rising(columns: list[Counts], sizes: Sequence[int]) -> list[Counts]:
    """Rows of numbers below `sizes`, sorted by the first column, then the second, and so on."""
    bits = [max(size, 1).bit_length() for size in sizes]
    if sum(bits) > 63:
        order = np.lexsort(columns[::-1])
        return [column[order] for column in columns]
    keys = np.zeros(len(columns[0]), dtype=np.int64)
    for column, width in zip(columns, bits, strict=True):
        keys = keys << width | column
    keys.sort()  # one number a row sorts several times as fast as an order of rows
    found = []
    for width in reversed(bits):
        found.append(keys & ((1 << width) - 1))
        keys >>= width
    return found[::-1]


def join(blocks: Sequence[Block], weighting: str) -> Postings:
    """The postings of the passages of all blocks, one block after the other."""
    check_weighting(weighting)
    vocabulary, numbers = _united(blocks)
    bases = np.cumsum([0, *(len(b.lengths) for b in blocks)])
    df = _total([b.sizes for b in blocks], numbers, len(vocabulary))
    indptr = np.concatenate([[0], np.cumsum(df)])
    indices, tf = np.empty(int(indptr[-1]), dtype=np.int32), np.empty(int(indptr[-1]), dtype=np.uint16)
    for terms, span in spans(indptr):
        indices[span], tf[span] = _merged(blocks, numbers, bases, terms)
    pairs = _pairs(blocks, numbers, bases, len(vocabulary))
    lengths = np.concatenate([b.lengths for b in blocks]) if blocks else np.empty(0, dtype=np.int64)
    return Postings.of(vocabulary, indptr, indices, tf, pairs, lengths, weighting)


def _united(blocks: Sequence[Block]) -> tuple[Vocabulary, list[Counts]]:
    """The vocabulary of all blocks, and for each the numbers of its terms there."""
    terms = sorted(set().union(*(b.terms for b in blocks))) if len(blocks) != 1 else list(blocks[0].terms)
    places = {term: n for n, term in enumerate(terms)}
    return Vocabulary.of(terms), [np.fromiter(map(places.__getitem__, b.terms), np.int64, len(b.terms)) for b in blocks]


def _total(sizes: Iterable[Counts], numbers: Iterable[Counts], terms: int) -> Counts:
    total = np.zeros(terms, dtype=np.int64)
    for own, places in zip(sizes, numbers, strict=True):
        total[places] += own
    return total


def _parts(sizes: Sequence[Counts], numbers: Sequence[Counts], terms: slice) -> Iterator[tuple[int, slice, Counts]]:
    """For each block the place of its postings of these terms, and the number of each one's term."""
    for n, (own, places) in enumerate(zip(sizes, numbers, strict=True)):
        inside = slice(*np.searchsorted(places, [terms.start, terms.stop]))
        start = int(own[: inside.start].sum())
        yield n, slice(start, start + int(own[inside].sum())), np.repeat(places[inside], own[inside])


def _merged(
    blocks: Sequence[Block], numbers: Sequence[Counts], bases: Counts, some: slice
) -> tuple[Numbers, NDArray[np.uint16]]:
    terms, passages, tf = [], [], []
    for n, span, held in _parts([b.sizes for b in blocks], numbers, some):
        terms.append(held)
        passages.append(blocks[n].passages[span] + np.int32(bases[n]))
        tf.append(blocks[n].tf[span])
    order = _order(terms)
    return np.concatenate(passages)[order], np.concatenate(tf)[order]


def _order(runs: Sequence[Counts]) -> Any:
    # of sorted runs the stable sort is a merge, and keeps the passages of a term rising
    return np.argsort(np.concatenate(runs), kind="stable") if len(runs) > 1 else slice(None)


def _pairs(blocks: Sequence[Block], numbers: Sequence[Counts], bases: Counts, terms: int) -> Pairs | None:
    sizes = [b.pair_sizes for b in blocks]
    indptr = np.concatenate([[0], np.cumsum(_total(sizes, numbers, terms))])
    if not indptr[-1]:
        return None
    nexts, passages = np.empty(int(indptr[-1]), dtype=np.int32), np.empty(int(indptr[-1]), dtype=np.int32)
    for some, span in spans(indptr):
        keys, found = [], []
        for n, part, held in _parts(sizes, numbers, some):
            keys.append(held << 32 | numbers[n][blocks[n].nexts[part]])
            found.append(blocks[n].pair_passages[part] + np.int32(bases[n]))
        order, all_keys = _order(keys), np.concatenate(keys)
        nexts[span], passages[span] = all_keys[order] & 0xFFFFFFFF, np.concatenate(found)[order]
    return Pairs(indptr, nexts, passages)
