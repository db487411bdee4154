"""Which passages have the largest sums of weights? Exact, ties to the lower number.

Two ways to one result. NumPy adds every posting of the question's terms: at once for small indexes. Compiled code adds whole
numbers first (scanning), where an index is large and `ketaqa[fast]` is installed. Useful for: ranking by counted terms. Not
useful for: what a term adds (retriever).
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ketaqa import compiling
from ketaqa.compiling import Query
from ketaqa.gathered import Gathered
from ketaqa.postings import Postings

# passages for each sum wanted from which whole numbers first pay: of 100,000 they take an eighth of the time where 10 are
# wanted, as long where 1000 are (an opened index wants 500 and their documents' other passages); and passages below which
# nothing takes long
LARGE, SMALL = 200, 20_000
GROUP = 64  # questions a thread takes at a time

Numbers = NDArray[np.int64]
Scores = NDArray[np.float64]


class Sums(Protocol):
    """The sums of a question's weights, of all passages; `rows`: the terms' rows, where they were gathered."""

    rows: Gathered | None

    def best(self, k: int) -> Numbers:
        """The passages of the k largest sums above 0, rising."""

    def at(self, passages: Numbers) -> Scores:
        """The sums of these passages."""


def sums(postings: Postings, query: Query, wanted: int) -> Sums:
    """The sums of weight times posting over a query's terms (number, each once; weight), in their order.

    wanted: about how many sums will be asked for.
    """
    query = [(term, weight) for term, weight in query if weight > 0.0]
    compiled = compiling.module(postings.passages >= SMALL) if query else None
    if compiled is None:
        return Added(postings, query)
    way = Searched if postings.passages >= LARGE * wanted else Summed
    return way(postings, query, compiled)


def best(numbers: Numbers, scores: Scores, k: int) -> Numbers:
    """The k numbers of the highest scores, by falling score, ties by number."""
    if 0 < k < len(numbers):
        # keep every one that ties with the k-th, else the order among equals is left to chance
        keep = scores >= np.partition(scores, -k)[-k]
        numbers, scores = numbers[keep], scores[keep]
    return numbers[np.lexsort((numbers, -scores))[:k]]


class Added:
    """All postings, added up by NumPy."""

    rows: Gathered | None = None

    def __init__(self, postings: Postings, query: Query) -> None:
        weights = [weight * postings.factor(number) for number, weight in query]
        if postings.passages < SMALL and query:
            # all at once, passage by passage in the same order
            self.rows = postings.rows([number for number, _ in query])
            shares = np.array(weights).repeat(self.rows.sizes) * self.rows.shares
            self._sums = np.bincount(self.rows.passages, shares, postings.passages).astype(np.float64, copy=False)
            return
        self._sums = np.zeros(postings.passages)
        for (number, _), weight in zip(query, weights, strict=True):
            passages, own = postings.row(number)
            self._sums[passages] += weight * own

    def best(self, k: int) -> Numbers:
        """See Sums."""
        found = np.flatnonzero(self._sums > 0.0)
        return found if len(found) <= k else np.sort(best(found, self._sums[found], k))

    def at(self, passages: Numbers) -> Scores:
        """See Sums."""
        return self._sums[passages]


class Summed(Added):
    """The same, by compiled code."""

    def __init__(self, postings: Postings, query: Query, compiled: Any) -> None:
        self._sums, self._compiled = np.zeros(postings.passages), compiled
        lists, rows, weights, _ = compiling.reader(postings).gathered(query)
        compiled.add(lists, rows, weights, self._sums)

    def best(self, k: int) -> Numbers:
        """See Sums."""
        found = self._compiled.largest(self._sums, max(1, min(k, len(self._sums))))
        return np.sort(best(found, self._sums[found], k))


class Searched:
    """Whole numbers first, exact sums of what is left."""

    rows: Gathered | None = None

    def __init__(self, postings: Postings, query: Query, compiled: Any) -> None:
        self._passages, self._compiled = postings.passages, compiled
        self._lists, self._rows, self._weights, self._upper = compiling.reader(postings).gathered(query)

    def best(self, k: int) -> Numbers:
        """See Sums."""
        k = max(1, min(k, self._passages))
        room = compiling.room(self._passages)
        found = self._compiled.best(self._lists, self._rows, self._weights, self._upper, k, room)
        return np.sort(best(found, self.at(found), k))

    def at(self, passages: Numbers) -> Scores:
        """See Sums."""
        return np.asarray(self._compiled.scores(self._lists, self._rows, self._weights, self._upper, passages))


def search(postings: Postings, queries: Sequence[Query], k: int, threads: int = 1) -> tuple[Numbers, Scores]:
    """Passages and scores (queries, k) of many queries, by falling score, ties by number, padded with -1 and 0."""
    numbers, found = np.full((len(queries), k), -1, dtype=np.int64), np.zeros((len(queries), k))
    compiled = compiling.module(postings.passages >= SMALL) if postings.passages >= LARGE * k else None

    def fill(start: int) -> None:
        group = slice(start, start + GROUP)
        if compiled is not None:
            several = [[(term, weight) for term, weight in query if weight > 0.0] for query in queries[group]]
            lists, rows, weights, upper = compiling.reader(postings).gathered([pair for query in several for pair in query])
            ends = np.array(list(accumulate(map(len, several))))
            room = compiling.room(postings.passages)
            compiled.search(lists, ends, rows, weights, upper, room, numbers[group], found[group])
            return
        for place, query in enumerate(queries[group], start):
            way = sums(postings, query, k)
            passages = way.best(k)
            scores = way.at(passages)
            order = np.lexsort((passages, -scores))
            numbers[place, : len(order)], found[place, : len(order)] = passages[order], scores[order]

    starts = range(0, len(queries), GROUP)
    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(fill, starts))
    else:
        list(map(fill, starts))
    return numbers, found
