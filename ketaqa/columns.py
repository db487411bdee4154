"""Arrays that grow: in memory, or in a file for those that are longer than memory.

Useful for: building. Not useful for: what the arrays mean (storage, builder).
"""

import mmap
import threading
from collections.abc import Callable
from contextlib import suppress
from math import prod
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray


def ends(sizes: NDArray[Any]) -> NDArray[np.int64]:
    """Where each of several things of these sizes begins, one after the other, and the last ends."""
    return np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])


def looked_up(rising: NDArray[Any], wanted: ArrayLike, side: Literal["left", "right"] = "left") -> NDArray[np.int64]:
    """Where numbers belong in an array that rises, as NumPy's searchsorted gives it.

    They are made the array's type: of two types NumPy makes one, and copies the whole array for each look.
    """
    return np.asarray(rising.searchsorted(np.asarray(wanted, dtype=rising.dtype), side))


class Growing(Protocol):
    """Rows that come piece by piece, in any order, from any thread."""

    def put(self, place: int, rows: NDArray[Any]) -> None:
        """Put rows from that place on."""

    def ended(self) -> NDArray[Any]:
        """All of them; none can be added any more."""


# name, type, and how many rows there will be
Make = Callable[[str, DTypeLike, int], Growing]


class InMemory:
    """Rows in memory."""

    def __init__(self, name: str, dtype: DTypeLike, size: int) -> None:
        self._rows = np.empty(size, dtype=dtype)

    def put(self, place: int, rows: NDArray[Any]) -> None:
        """See Growing."""
        self._rows[place : place + len(rows)] = rows

    def ended(self) -> NDArray[Any]:
        """See Growing."""
        return self._rows


class Column:
    """Rows in a file of NumPy's own form."""

    def __init__(self, path: Path, dtype: DTypeLike, *rest: int) -> None:
        self.path, self._dtype, self._rest, self._count = path, np.dtype(dtype), rest, 0
        self._row, self._lock = self._dtype.itemsize * prod(rest), threading.Lock()
        self._file = open(path, "wb")  # noqa: SIM115
        self._head()
        self._first = self._file.tell()

    def __len__(self) -> int:
        return self._count

    def _head(self) -> None:
        # NumPy leaves room for a larger number of rows, so that the head is as long at the end as at the beginning
        shape = (self._count, *self._rest)
        head = {"descr": np.lib.format.dtype_to_descr(self._dtype), "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self._file, head)

    def append(self, rows: NDArray[Any]) -> None:
        """Add rows at the end."""
        self.put(self._count, rows)

    def put(self, place: int, rows: NDArray[Any]) -> None:
        """See Growing."""
        data = np.ascontiguousarray(rows, dtype=self._dtype).reshape(-1).view(np.uint8).data
        with self._lock:
            if self._file.tell() != self._first + place * self._row:
                self._file.seek(self._first + place * self._row)
            self._file.write(data)
            self._count = max(self._count, place + len(rows))

    def close(self) -> None:
        """Write how many rows there are."""
        if not self._file.closed:
            self._file.seek(0)
            self._head()
            self._file.close()

    def drop(self) -> None:
        """Close the file of a column that is not wanted any more: what waits to be written may not fit on the disk."""
        with suppress(OSError):
            self._file.close()

    def ended(self) -> NDArray[Any]:
        """See Growing."""
        self.close()
        return mapped(self.path)


def mapped(path: Path) -> NDArray[Any]:
    """The array in a file, memory-mapped; ValueError where it is no plain array."""
    # an empty array can't be mapped
    found = np.load(path, mmap_mode="r" if path.stat().st_size > 128 else None, allow_pickle=False)
    return np.asarray(found.view(np.ndarray))  # slices of np.memmap itself cost ten times as much


def give_back(array: NDArray[Any]) -> None:
    """Give back the memory of a mapped array's pages: the system keeps them as long as it likes, and they are read when wanted.

    Linux maps up to 2 MB around each page that is read, so that a process that looks here and there comes to hold all.
    """
    held: Any = array
    while isinstance(held, np.ndarray):
        held = held.base
    if isinstance(held, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):  # Windows has no such thing
        held.madvise(mmap.MADV_DONTNEED)
