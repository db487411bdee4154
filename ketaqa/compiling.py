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

from ketaqa.postings import MANY, Postings

# a term that one passage in so many holds is looked up in a column, half a byte a passage; bytes for all columns
COMMON, ROOM = 32, 1 << 26

Numbers = NDArray[np.int64]
Scores = NDArray[np.float64]
Query = Sequence[tuple[int, float]]


class Columns:
    """Counts of the most common terms laid out by passage: looking a passage up is one step."""

    def __init__(self, postings: Postings) -> None:
        df = np.diff(postings.indptr)
        common = np.flatnonzero(df > postings.passages // COMMON)
        common = common[np.argsort(-df[common], kind="stable")][: 2 * ROOM // max(postings.passages, 1)]
        self.places = {int(number): place for place, number in enumerate(common)}
        self.counts = np.zeros((len(common), postings.passages // 2 + 1), dtype=np.uint8)
        for number, place in self.places.items():
            passages, tf = postings.counts(number)
            counts = np.zeros(2 * self.counts.shape[1], dtype=np.uint8)
            counts[passages] = np.minimum(tf, MANY)
            self.counts[place] = counts[::2] | counts[1::2] << 4


class Reader:
    """An index as the compiled code reads it."""

    def __init__(self, postings: Postings) -> None:
        self.columns, self._postings = Columns(postings), postings
        none = np.empty(0, dtype=np.int32), np.empty(0, dtype=np.uint16)
        self._index, self._none = _read_only(postings.indices, postings.tf), _read_only(*none)
        self._rest = (*_read_only(self.columns.counts, postings.norms), postings.bend)

    def gathered(self, query: Query) -> tuple[Any, NDArray[np.int64], Scores, Scores]:
        """Lists, rows, weights and bounds of a query, or of several in turn, see maxscore."""
        table = self._postings
        numbers, weights = np.array([n for n, _ in query], dtype=np.int64), np.array([w for _, w in query], dtype=np.float64)
        places = np.flatnonzero(numbers >= len(table.vocabulary))
        own = np.where(numbers < len(table.vocabulary), numbers, 0) if len(places) else numbers
        rows = np.zeros((len(numbers), 4), dtype=np.int64)
        rows[:, 0], rows[:, 1] = table.indptr[own], table.indptr[own + 1]
        rows[:, 3] = [self.columns.places.get(number, -1) for number in own.tolist()]
        upper = table.upper[own].astype(np.float64)
        if table.bend == 0.0:
            weights *= [table.factor(int(number)) for number in numbers]
        beside = self._beside(numbers, places, rows, upper) if len(places) else self._none
        return (*self._index, *beside, *self._rest), rows, weights, upper

    def _beside(self, numbers: Numbers, places: Numbers, rows: Numbers, upper: Scores) -> tuple[NDArray[Any], ...]:
        """The postings of pairs, one after the other."""
        found = [self._postings.counts(int(numbers[place])) for place in places]
        ends = np.cumsum([len(passages) for passages, _ in found])
        rows[places, 0], rows[places, 1], rows[places, 2], rows[places, 3] = np.concatenate([[0], ends[:-1]]), ends, 1, -1
        upper[places] = [self._postings.shares(*one).max() for one in found]
        return _read_only(*(np.concatenate(one) for one in zip(*found, strict=True)))


def _read_only(*arrays: NDArray[Any]) -> tuple[NDArray[Any], ...]:
    # compiled for arrays that can't be written, as memory-mapped ones are
    views = tuple(array.view() for array in arrays)
    for view in views:
        view.flags.writeable = False
    return views


_readers_lock = threading.Lock()


def reader(postings: Postings) -> Reader:
    """The reader of an index, made once."""
    found: Reader | None = postings.__dict__.get("reader")
    if found is None:
        with _readers_lock:
            found = postings.__dict__.get("reader")
            if found is None:
                found = postings.__dict__["reader"] = Reader(postings)
    return found


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

    def module(self, wanted: bool) -> Any:
        """The module, None where it is not loaded; where it is wanted it begins to load."""
        with self._lock:
            if self._thread is None and wanted:
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
    numbers, counts, ones = np.zeros(1, dtype=np.int32), np.ones(1, dtype=np.uint16), np.ones(1, dtype=np.float32)
    index, rest = _read_only(numbers, counts), _read_only(np.zeros((1, 1), dtype=np.uint8), ones)
    return (*index, *index, *rest, 1.0)


_compiled = _Compiled()


def module(wanted: bool) -> Any:
    """The compiled module, None while it is loading or where numba is not installed; where it is wanted it begins to load."""
    return _compiled.module(wanted)


def load() -> None:
    """Load the compiled way now, where numba is installed: for those who time what comes after."""
    if find_spec("numba"):
        _compiled.load()
