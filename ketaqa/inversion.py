"""Numbered terms of passages to blocks of sorted postings.

A block is what some passages hold, sorted by term, with a vocabulary of its own; blocks are made apart, by several processes.
Useful for: building. Not useful for: the postings of all passages (joining).
"""

from collections.abc import Collection, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketaqa import analysis, lexicon
from ketaqa.lexicon import BORDER, Lexicon
from ketaqa.postings import counted

Numbers = NDArray[np.int32]
Counts = NDArray[np.int64]


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

    def copy(self) -> "Inverter":
        """Another that knows the same words, for another thread."""
        made = copy(self)
        made.chunks = self.chunks.copy()
        made._lexicon = self._lexicon.copy(made.chunks)
        return made

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
