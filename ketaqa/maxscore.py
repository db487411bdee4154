"""Exact top-k, compiled by numba; `best` without adding every posting: MaxScore (Turtle & Flood 1995), a term at a time.

Terms are added by falling bound (weight times what a posting weighs at most) until what the others could still add lifts
no new passage into the k best; those are only looked up in the passages that are left. Sums of the survivors are then taken
again in the order of the query, so that they equal a plain sum to the last bit. Useful for: large indexes. Not useful for:
small ones, for which NumPy has added all postings before numba is loaded.

A query is `rows` (terms, 4): for each term where its postings begin and end, whether they are in the lists beside the index
(1) or in its own (0), and its column, or -1. `lists`: passages and counts of the index, the same of the lists beside it, the
columns, the norms, and the bend (see postings). All arrays are C-contiguous and read-only.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ketaqa.postings import MANY

Rows = NDArray[np.int64]
Numbers = NDArray[np.int32]
Floats = NDArray[np.float64]
Lists = Any

compiled: Any = njit(nogil=True, cache=True)
# the bounds are sums in another order than the scores: a little more than their rounding
SLACK = 1.0 - 1e-9


@compiled
def _find(indices: Numbers, low: int, high: int, wanted: int) -> int:
    """The first place from `low` of a passage that is not before the wanted one, `high` where there is none.

    Steps that double, then halves: what is looked for lies mostly near the place that was found before.
    """
    step, end = 1, low
    while end < high and indices[end] < wanted:
        low = end + 1
        end += step
        step <<= 1
    end = min(end, high)
    while low < end:
        middle = (low + end) >> 1
        if indices[middle] < wanted:
            low = middle + 1
        else:
            end = middle
    return low


@compiled
def _sift(heap: Floats, value: float) -> None:
    """Put a value in the place of the smallest, heap[0], of a heap of the largest."""
    place, child = 0, 1
    while child < len(heap):
        if child + 1 < len(heap) and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= value:
            break
        heap[place] = heap[child]
        place, child = child, 2 * child + 1
    heap[place] = value


@compiled
def _posted(lists: Lists, row: Rows) -> tuple[Numbers, Any]:
    """The passages of a term, and its count in each."""
    if row[2]:
        return lists[2][row[0] : row[1]], lists[3][row[0] : row[1]]
    return lists[0][row[0] : row[1]], lists[1][row[0] : row[1]]


@compiled
def _add(lists: Lists, row: Rows, weight: float, sums: Floats, touched: Numbers, count: int, heap: Floats) -> int:
    """Add a term's postings; the number of passages touched so far. heap: the largest sums among this term's passages."""
    passages, counts = _posted(lists, row)
    norms, bend = lists[5], lists[6]
    heap[:] = 0.0
    for place in range(len(passages)):
        passage, tf = passages[place], np.float64(counts[place])
        before = sums[passage]
        if before == 0.0:
            touched[count] = passage
            count += 1
        value = before + weight * (tf / (bend * tf + norms[passage]))
        sums[passage] = value
        if value > heap[0]:
            _sift(heap, value)
    return count


@compiled
def _look_up(lists: Lists, row: Rows, weight: float, scores: Floats, passages: NDArray[Any]) -> None:
    """Add a term's weight where these passages hold it."""
    norms, bend = lists[5], lists[6]
    held, counts = _posted(lists, row)
    if row[3] >= 0:
        column = lists[4][row[3]]
        for n in range(len(passages)):
            passage = passages[n]
            tf = np.float64(column[passage >> 1] >> ((passage & 1) << 2) & MANY)
            if tf == MANY:  # or more
                tf = np.float64(counts[_find(held, 0, len(held), passage)])
            scores[n] += weight * (tf / (bend * tf + norms[passage]))
        return
    place, before = 0, -1
    for n in range(len(passages)):
        passage = passages[n]
        place = _find(held, place if passage > before else 0, len(held), passage)
        before = passage
        if place < len(held) and held[place] == passage:
            tf = np.float64(counts[place])
            scores[n] += weight * (tf / (bend * tf + norms[passage]))


@compiled
def _kept(scores: Floats, passages: Numbers, least: float) -> int:
    """Move those of at least that score to the front; how many they are."""
    left = 0
    for n in range(len(passages)):
        if scores[n] >= least:
            passages[left], scores[left] = passages[n], scores[n]
            left += 1
    return left


@compiled
def best(lists: Lists, rows: Rows, weights: Floats, upper: Floats, k: int, sums: Floats, touched: Numbers) -> Numbers:
    """The passages (rising) among which the k best are, ties included.

    weights, upper: of each term, and of its heaviest posting. sums (zeros) and touched: room for a number a passage; sums are
    zeros again at the end.
    """
    order = np.argsort(-(weights * upper))
    rest = np.zeros(len(order) + 1)  # what the terms from here on can add
    for n in range(len(order) - 1, -1, -1):
        rest[n] = rest[n + 1] + weights[order[n]] * upper[order[n]]
    heap = np.zeros(k)
    count, done, least = 0, 0, 0.0
    while done < len(order) and (count < k or rest[done] >= least * SLACK):
        term = order[done]
        count = _add(lists, rows[term], weights[term], sums, touched, count, heap)
        # the k-th largest sum among one term's passages: no passage is in that heap twice
        least = max(least, heap[0])
        done += 1
    scores = np.empty(count)
    left = 0
    for n in range(count):
        value = sums[touched[n]]
        sums[touched[n]] = 0.0
        if value >= least * SLACK - rest[done]:
            touched[left], scores[left] = touched[n], value
            left += 1
    for n in range(done, len(order)):
        term = order[n]
        _look_up(lists, rows[term], weights[term], scores[:left], touched[:left])
        heap[:] = 0.0
        for value in scores[:left]:
            if value > heap[0]:
                _sift(heap, value)
        least = max(least, heap[0])
        left = _kept(scores[:left], touched[:left], least * SLACK - rest[n + 1])
    return np.sort(touched[:left])


@compiled
def scores(lists: Lists, rows: Rows, weights: Floats, passages: NDArray[np.int64]) -> Floats:
    """The score of each of these passages, summed in the order of the terms."""
    found = np.zeros(len(passages))
    for n in range(len(rows)):
        _look_up(lists, rows[n], weights[n], found, passages)
    return found


@compiled
def add(lists: Lists, rows: Rows, weights: Floats, sums: Floats) -> None:
    """Add every posting of the terms, in their order, to the sums (one a passage)."""
    norms, bend = lists[5], lists[6]
    for n in range(len(rows)):
        passages, counts = _posted(lists, rows[n])
        for place in range(len(passages)):
            tf = np.float64(counts[place])
            sums[passages[place]] += weights[n] * (tf / (bend * tf + norms[passages[place]]))


@compiled
def largest(sums: Floats, k: int) -> NDArray[np.int64]:
    """The numbers of the k largest sums above 0, rising, ties with the k-th included."""
    heap = np.zeros(k)
    for value in sums:
        if value > heap[0]:
            _sift(heap, value)
    return np.flatnonzero(sums >= heap[0] if heap[0] > 0.0 else sums > 0.0)


@compiled
def search(
    lists: Lists,
    ends: NDArray[np.int64],
    rows: Rows,
    weights: Floats,
    upper: Floats,
    sums: Floats,
    touched: Numbers,
    numbers: NDArray[np.int64],
    found: Floats,
) -> None:
    """The best passages of many queries, whose terms end at `ends`, into numbers and found (queries, k), by falling score."""
    k, start = numbers.shape[1], 0
    for query in range(len(ends)):
        end = ends[query]
        near = best(lists, rows[start:end], weights[start:end], upper[start:end], k, sums, touched).astype(np.int64)
        exact = scores(lists, rows[start:end], weights[start:end], near)
        # of equal scores the lower passage comes first: it stands before, and this sort keeps that order
        order = np.argsort(-exact, kind="mergesort")[:k]
        for place in range(len(order)):
            numbers[query, place], found[query, place] = near[order[place]], exact[order[place]]
        start = end


def warm(lists: Lists) -> None:
    """Compile for the arrays of an index, or load what was compiled before."""
    rows, ones, none = np.array([[0, 0, 0, -1]]), np.ones(1), np.zeros(1, dtype=np.int64)
    room = np.zeros(len(lists[5])), np.empty(len(lists[5]), dtype=np.int32)
    search(lists, none, rows[:0], ones[:0], ones[:0], *room, np.zeros((1, 1), dtype=np.int64), np.zeros((1, 1)))
    best(lists, rows, ones, ones, 1, *room)
    scores(lists, rows, ones, none)
    add(lists, rows, ones, room[0])
    largest(room[0], 1)
