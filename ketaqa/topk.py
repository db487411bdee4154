"""Which passages have the largest sums of weights? Exact, ties to the lower number.

Two ways to one result. NumPy adds every posting of the question's terms: at once for small indexes. MaxScore (maxscore) looks
at few of them, where an index is large and `ketaqa[fast]` is installed. Useful for: ranking by counted terms. Not useful for:
what a term adds (retriever).
"""

import logging
import threading
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ketaqa.postings import Postings

# passages for each sum wanted from which MaxScore pays: of 100,000 it takes a fourth of the time where 10 are wanted, as long
# where 500 are (an opened index wants 500 and their documents' other passages); and passages below which nothing takes long
LARGE, SMALL = 400, 20_000

Numbers = NDArray[np.int64]
Scores = NDArray[np.float64]


class Sums(Protocol):
    """The sums of a question's weights, of all passages."""

    def best(self, k: int) -> Numbers:
        """The passages of the k largest sums above 0, rising."""

    def at(self, passages: Numbers) -> Scores:
        """The sums of these passages."""


def sums(postings: Postings, query: Sequence[tuple[int, float]], wanted: int) -> Sums:
    """The sums of weight times posting over a query's terms (number in the vocabulary, each once; weight), in their order.

    wanted: about how many sums will be asked for.
    """
    query = [(term, weight) for term, weight in query if weight > 0.0]
    numbers, factors = np.array([t for t, _ in query], dtype=np.int64), np.array([w for _, w in query], dtype=np.float64)
    compiled = _compiled.module() if postings.passages >= SMALL and len(numbers) else None
    if compiled is not None and postings.passages >= LARGE * wanted:
        return Searched(postings, numbers, factors, compiled)
    return Added(postings, numbers, factors, compiled)


def best(numbers: Numbers, scores: Scores, k: int) -> Numbers:
    """The k numbers of the highest scores, by falling score, ties by number."""
    if 0 < k < len(numbers):
        # keep every one that ties with the k-th, else the order among equals is left to chance
        keep = scores >= np.partition(scores, -k)[-k]
        numbers, scores = numbers[keep], scores[keep]
    return numbers[np.lexsort((numbers, -scores))[:k]]


class Added:
    """All postings, added up: compiled, or by NumPy."""

    def __init__(self, postings: Postings, terms: Numbers, weights: Scores, compiled: Any = None) -> None:
        self._sums: Scores = np.zeros(postings.passages)
        self._compiled = compiled
        if compiled is not None:
            compiled.add(*_arrays(postings), terms, weights, self._sums)
            return
        rows = [postings.row(int(term)) for term in terms]
        if postings.passages < SMALL and rows:
            # all at once, passage by passage in the same order
            added = np.concatenate([data for _, data in rows]) * np.repeat(weights, [len(data) for _, data in rows])
            indices = np.concatenate([indices for indices, _ in rows])
            self._sums = np.bincount(indices, added, postings.passages).astype(np.float64, copy=False)
            return
        for (indices, data), weight in zip(rows, weights, strict=True):
            self._sums[indices] += weight * data.astype(np.float64)

    def best(self, k: int) -> Numbers:
        """See Sums."""
        found = self._compiled.largest(self._sums, k) if self._compiled is not None else np.flatnonzero(self._sums > 0.0)
        return np.sort(best(found, self._sums[found], k))

    def at(self, passages: Numbers) -> Scores:
        """See Sums."""
        return self._sums[passages]


class Searched:
    """The postings that can matter, by MaxScore."""

    def __init__(self, postings: Postings, terms: Numbers, weights: Scores, compiled: Any) -> None:
        self._passages, self._compiled = postings.passages, compiled
        self._upper = postings.upper[terms].astype(np.float64)
        self._arrays = (*_arrays(postings), terms, weights)

    def best(self, k: int) -> Numbers:
        """See Sums."""
        room = _room(self._passages)
        found = self._compiled.best(*self._arrays, self._upper, max(1, min(k, self._passages)), *room).astype(np.int64)
        scores = self.at(found)
        return np.sort(best(found[scores > 0.0], scores[scores > 0.0], k))

    def at(self, passages: Numbers) -> Scores:
        """See Sums."""
        return np.asarray(self._compiled.scores(*self._arrays, passages))


def _arrays(postings: Postings) -> tuple[NDArray[Any], ...]:
    # compiled for arrays that can't be written, as memory-mapped ones are
    views = [array.view() for array in (postings.indptr, postings.indices, postings.data)]
    for view in views:
        view.flags.writeable = False
    return tuple(views)


_local = threading.local()


def _room(passages: int) -> tuple[Scores, NDArray[np.int32]]:
    """Working room of this thread: filling it with zeros anew would take longer than most questions."""
    room: tuple[Scores, NDArray[np.int32]] | None = getattr(_local, "room", None)
    if room is None or len(room[0]) != passages:
        room = _local.room = (np.zeros(passages), np.empty(passages, dtype=np.int32))
    return room


class _Compiled:
    """The compiled module, loaded beside the first questions: loading takes a second, compiling the first time ten."""

    def __init__(self) -> None:
        self._lock, self._thread = threading.Lock(), None if find_spec("numba") else threading.Thread()
        self._module: Any = None

    def module(self) -> Any:
        """The module, None while it is loading or where numba is not installed."""
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self.load, daemon=True)
                self._thread.start()
        return self._module

    def load(self) -> Any:
        """Load and compile it now; it comes back."""
        try:
            from ketaqa import maxscore

            maxscore.warm()
        except (ImportError, RuntimeError, OSError) as error:
            # numba keeps what it compiled beside the code, or in NUMBA_CACHE_DIR
            cure = "let NUMBA_CACHE_DIR name a folder that can be written, or install ketaqa[fast] again"
            logging.getLogger(__name__).warning("questions are answered the slower way: %s; %s", error, cure)
            return None
        self._module = maxscore
        return maxscore


_compiled = _Compiled()


def load() -> None:
    """Load the compiled way now, where numba is installed: for those who time what comes after."""
    if find_spec("numba"):
        _compiled.load()
