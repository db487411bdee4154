"""Bytes to numbers of chunks, compiled by numba: one step a byte, one look into a table of hashes a chunk.

The table is open addressing with FNV-1a (Fowler, Noll & Vo), begun with a number drawn anew each time; that does not keep texts
made to harm from filling one place, which costs time and no more. Equal hashes are told apart by their bytes. Useful for: large
texts. Not useful for: what a chunk means (lexicon).
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
# slots, hashes, ends, arena, see number
Table = tuple[NDArray[np.int32], NDArray[np.uint64], NDArray[np.int64], Bytes]
PRIME = np.uint64(0x100000001B3)
ONE, SPREAD = np.uint64(1), np.uint64(29)  # the upper bits of a hash decide too

compiled: Any = njit(nogil=True, cache=True)


@njit(nogil=True, cache=True, inline="always")  # a call would take as long as the look
def _slot(blob: Bytes, start: int, size: int, code: np.uint64, table: Table) -> np.uint64:
    """The slot of the chunk of that size at blob[start], or the free one that it may have."""
    slots, hashes, ends, arena = table
    mask = np.uint64(len(slots) - 1)
    place = code & mask
    while True:  # with the condition here LLVM makes a loop that takes three times as long
        other = slots[place]
        if other < 0:
            return place
        base = ends[other]
        if hashes[other] == code and ends[other + 1] - base == size:
            n = 0
            while n < size and arena[base + n] == blob[start + n]:
                n += 1
            if n == size:
                return place
        place = (place + ONE) & mask


@compiled
def number(
    blob: Bytes, at: int, small: Bytes, basis: np.uint64, table: Table, known: int, found: NDArray[np.int32], count: int
) -> tuple[int, int, int]:
    """Number the chunks of blob[at:], which is changed, into found[count:]; where that ended, how many are found, and known.

    small: for each byte what it is as a small letter, 0 where it ends a chunk; a chunk with a byte beyond ASCII stays as it is,
    for there a mark may make another letter of a small one than of its capital. basis: where hashes begin. table: slots, by
    hash the number of a chunk, -1 where there is none; hashes and ends, of each chunk, the last ending in arena, where the
    bytes of all stand one after the other (ends[0] is 0). It ends before the end of blob where hashes or arena are full.
    """
    slots, hashes, ends, arena = table
    size = len(blob)
    while at < size:
        if not small[blob[at]]:
            at += 1
            continue
        start, code, every = at, basis, np.uint8(0)
        while at < size and small[blob[at]]:
            every |= blob[at]
            at += 1
        for n in range(start, at):
            if every < 128:
                blob[n] = small[blob[n]]
            code = (code ^ np.uint64(blob[n])) * PRIME
        code ^= code >> SPREAD
        place = _slot(blob, start, at - start, code, table)
        chunk = slots[place]
        if chunk < 0:
            base = ends[known]
            if known == len(hashes) or base + at - start > len(arena):
                return start, count, known
            for n in range(at - start):
                arena[base + n] = blob[start + n]
            slots[place], hashes[known], ends[known + 1] = known, code, base + at - start
            chunk = known
            known += 1
        found[count] = chunk
        count += 1
    return at, count, known


@compiled
def slotted(hashes: NDArray[np.uint64], slots: NDArray[np.int32]) -> None:
    """Give each chunk a slot, all of which are free (-1)."""
    mask = np.uint64(len(slots) - 1)
    for n in range(len(hashes)):
        place = hashes[n] & mask
        while slots[place] >= 0:
            place = (place + ONE) & mask
        slots[place] = n
