"""What does the compiled code read of an index, and is it loaded?

Common terms have codes, each thread has working room, and the module (scanning) is loaded beside the first questions. Useful
for: large indexes with `ketaqa[fast]`. Not useful for: what is asked of it (topk).
"""

import logging
import threading
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketaqa.postings import Postings

# a term that one passage in so many holds has a column of codes, a byte a passage, while there is room (bytes for all columns);
# one that a passage in so many holds has them beside its postings, a byte a posting, while there is room for these
COMMON, ROOM, CODED, BESIDE = 16, 1 << 26, 256, 1 << 28

Numbers = NDArray[np.int64]
Scores = NDArray[np.float64]
Query = Sequence[tuple[int, float]]
Row = tuple[int, int, int, int]


class Reader:
    """An index as the compiled code reads it. rows: of each term that has codes, see scanning."""

    def __init__(self, postings: Postings) -> None:
        from ketaqa import scanning

        self._postings = postings
        df, terms, columns = _coded(postings)
        sizes = np.where(np.arange(len(terms)) < columns, postings.passages, df[terms])
        places = np.cumsum(sizes) - sizes
        kinds = np.full(len(terms), scanning.CODED)
        rows = np.stack([postings.indptr[terms], postings.indptr[terms + 1], kinds, places], axis=1)
        rows[columns:, scanning.PLACE] -= rows[columns:, scanning.BEGIN]
        rows[:columns, scanning.KIND] = scanning.COLUMN
        self.rows: dict[int, Row] = dict(zip(terms.tolist(), map(tuple, rows.tolist()), strict=True))
        self.codes = np.zeros(int(sizes.sum()), dtype=np.uint8)
        self._index = _read_only(postings.indices, postings.tf)
        self._none = _read_only(np.empty(0, dtype=np.int32), np.empty(0, dtype=np.uint16))
        self._rest = (*_read_only(self.codes, postings.norms), postings.bend)
        scanning.fill(self.codes, rows, postings.upper[terms].astype(np.float64), (*self._index, *self._none, *self._rest))

    def gathered(self, query: Query) -> tuple[Any, Numbers, Scores, Scores]:
        """Lists, rows, weights and bounds of a query, or of several in turn, see scanning."""
        table, words = self._postings, len(self._postings.vocabulary)
        numbers = [number for number, _ in query]
        # a query has few terms: for these plain numbers take less time than arrays
        rows = np.array([self._row(number) for number in numbers], dtype=np.int64).reshape(-1, 4)
        upper = np.array([table.upper[number] if number < words else 0.0 for number in numbers], dtype=np.float64)
        weights = np.array([weight for _, weight in query], dtype=np.float64)
        if table.bend == 0.0:
            weights *= [table.factor(number) for number in numbers]
        beside = self._none
        if max(numbers, default=-1) >= words:
            beside = self._beside(numbers, np.flatnonzero(np.array(numbers) >= words), rows, upper)
        return (*self._index, *beside, *self._rest), rows, weights, upper

    def _row(self, number: int) -> Row:
        """The row of a word; where a pair's postings are is filled in later."""
        row, indptr = self.rows.get(number), self._postings.indptr
        if row is not None:
            return row
        return (int(indptr[number]), int(indptr[number + 1]), 0, 0) if number + 1 < len(indptr) else (0, 0, 1, 0)

    def _beside(self, numbers: Sequence[int], pairs: Numbers, rows: Numbers, upper: Scores) -> tuple[NDArray[Any], ...]:
        """The postings of pairs, one after the other."""
        found = [self._postings.counts(numbers[place]) for place in pairs]
        ends = np.cumsum([len(passages) for passages, _ in found])
        rows[pairs, 0], rows[pairs, 1] = np.concatenate([[0], ends[:-1]]), ends
        upper[pairs] = [self._postings.shares(*one).max() for one in found]
        return _read_only(*(np.concatenate(one) for one in zip(*found, strict=True)))


def _coded(postings: Postings) -> tuple[Numbers, Numbers, int]:
    """How many passages hold each term, the terms that have codes, and how many of these have columns, which come first."""
    df = np.diff(postings.indptr)
    terms = np.flatnonzero(df > postings.passages // CODED)
    terms = terms[np.argsort(-df[terms], kind="stable")]
    common = int(np.count_nonzero(df[terms] > postings.passages // COMMON))
    columns = min(common, ROOM // max(postings.passages, 1))
    beside = int(np.count_nonzero(df[terms[columns:]].cumsum() <= BESIDE))
    return df, terms[: columns + beside], columns


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


def room(passages: int) -> NDArray[np.int64]:
    """Working room of this thread, of which a question uses little."""
    room: NDArray[np.int64] | None = getattr(_local, "room", None)
    if room is None or len(room) != passages:
        room = _local.room = np.empty(passages, dtype=np.int64)
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
            from ketaqa import scanning

            scanning.warm(_example())
        except (ImportError, RuntimeError, OSError) as error:
            # numba keeps what it compiled beside the code, or in NUMBA_CACHE_DIR
            cure = "let NUMBA_CACHE_DIR name a folder that can be written, or install ketaqa[fast] again"
            logging.getLogger(__name__).warning("questions are answered the slower way: %s; %s", error, cure)
            return None
        self._module = scanning
        return scanning


def _example() -> Any:
    numbers, counts, ones = np.zeros(1, dtype=np.int32), np.ones(1, dtype=np.uint16), np.ones(1, dtype=np.float32)
    index, rest = _read_only(numbers, counts), _read_only(np.zeros(1, dtype=np.uint8), ones)
    return (*index, *index, *rest, 1.0)


_compiled = _Compiled()


def module(wanted: bool) -> Any:
    """The compiled module, None while it is loading or where numba is not installed; where it is wanted it begins to load."""
    return _compiled.module(wanted)


def load() -> None:
    """Load the compiled way now, where numba is installed: for those who time what comes after."""
    if find_spec("numba"):
        _compiled.load()
