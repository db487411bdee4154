"""What does the compiled code read of an index, and is it loaded?

Common terms are laid out in columns, each thread has working room, and the module (maxscore) is loaded beside the first
questions. Useful for: large indexes with `ketaqa[fast]`. Not useful for: what is asked of it (topk).
"""

import logging
import threading
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketaqa.postings import Postings, Vocabulary

# a term that one passage in so many holds is looked up in a column, one byte a passage; bytes for all columns
COMMON, ROOM = 32, 1 << 26

Scores = NDArray[np.float64]
Query = Sequence[tuple[int, float]]


class Columns:
    """Counts of common terms laid out by passage, made when a term is first asked for: looking a passage up is one step."""

    def __init__(self, passages: int) -> None:
        self.counts = np.zeros(
            (ROOM // max(passages, 1), passages), dtype=np.uint8
        )  # pages that are never touched cost nothing
        self._places: dict[int, int] = {}
        self._lock = threading.Lock()
        self._next = 0

    def place(self, number: int, postings: Postings) -> int:
        """The row of a term's counts, -1 where it has none."""
        found = self._places.get(number)
        return self._made(number, postings) if found is None else found

    def _made(self, number: int, postings: Postings) -> int:
        with self._lock:
            if number not in self._places:
                passages, tf = postings.counts(number)
                place = -1
                if self._next < len(self.counts) and tf.max() <= np.iinfo(np.uint8).max:
                    place, self._next = self._next, self._next + 1
                    self.counts[place, passages] = tf
                self._places[number] = place
            return self._places[number]


_columns_lock = threading.Lock()


def _columns(postings: Postings) -> Columns:
    with _columns_lock:
        found: Columns | None = postings.__dict__.get("columns")
        if found is None:
            found = postings.__dict__["columns"] = Columns(postings.passages)
        return found


_NONE = np.empty(0, dtype=np.int32), np.empty(0, dtype=np.uint16)


def gathered(postings: Postings, query: Query) -> tuple[Any, NDArray[np.int64], Scores, Scores]:
    """What the compiled code reads: lists, rows, weights and bounds, see maxscore."""
    columns, terms, common = _columns(postings), len(postings.vocabulary), postings.passages // COMMON
    rows, weights, upper = np.zeros((len(query), 4), dtype=np.int64), np.empty(len(query)), np.empty(len(query))
    beside: list[tuple[NDArray[np.int32], NDArray[np.uint16]]] = []
    end = 0
    for place, (number, weight) in enumerate(query):
        factor = postings.factor(number)
        weights[place] = weight * factor
        if number < terms:
            low, high = postings.indptr[number], postings.indptr[number + 1]
            rows[place] = low, high, 0, columns.place(number, postings) if high - low > common else -1
            upper[place] = postings.upper[number]
        else:
            passages, tf = postings.counts(number)
            beside.append((passages, tf))
            rows[place] = end, end + len(passages), 1, -1
            end += len(passages)
            upper[place] = postings.shares(passages, tf).max()
    found = (
        [np.concatenate(one) for one in zip(*beside, strict=True)]
        if beside
        else [np.empty(0, np.int32), np.empty(0, np.uint16)]
    )
    return _lists(postings, columns, *found), rows, weights, upper


def _lists(postings: Postings, columns: Columns, passages: NDArray[np.int32], counts: NDArray[np.uint16]) -> Any:
    # compiled for arrays that can't be written, as memory-mapped ones are
    views = [a.view() for a in (postings.indices, postings.tf, passages, counts, columns.counts, postings.norms)]
    for view in views:
        view.flags.writeable = False
    return (*views, postings.bend)


_local = threading.local()


def room(passages: int) -> tuple[Scores, NDArray[np.int32]]:
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

            maxscore.warm(_example())
        except (ImportError, RuntimeError, OSError) as error:
            # numba keeps what it compiled beside the code, or in NUMBA_CACHE_DIR
            cure = "let NUMBA_CACHE_DIR name a folder that can be written, or install ketaqa[fast] again"
            logging.getLogger(__name__).warning("questions are answered the slower way: %s; %s", error, cure)
            return None
        self._module = maxscore
        return maxscore


def _example() -> Any:
    empty = np.empty(0, dtype=np.float32)
    numbers, counts, ones = np.zeros(1, dtype=np.int32), np.ones(1, dtype=np.uint16), np.ones(1, dtype=np.float32)
    smallest = Postings(Vocabulary.of(["a"]), np.array([0, 1]), numbers, counts, None, ones, empty, "bm25")
    return _lists(smallest, Columns(1), numbers, counts)


_compiled = _Compiled()


def module() -> Any:
    """The compiled module, None while it is loading or where numba is not installed."""
    return _compiled.module()


def load() -> None:
    """Load the compiled way now, where numba is installed: for those who time what comes after."""
    if find_spec("numba"):
        _compiled.load()
