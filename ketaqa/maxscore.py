"""Exact top-k, compiled by numba; `best` without adding every posting: MaxScore (Turtle & Flood 1995), a term at a time.

Terms are added by falling bound (weight times the largest weight of any passage) until what the others could still add lifts
no new passage into the k best; those are only looked up in the passages that are left. Sums of the survivors are then taken
again in the order of the query, so that they equal a plain sum to the last bit. Useful for: large indexes. Not useful for:
small ones, for which NumPy has added all postings before numba is loaded.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Starts = NDArray[np.int64]
Numbers = NDArray[np.int32]
Data = NDArray[np.float32]
Floats = NDArray[np.float64]

compiled: Any = njit(nogil=True, cache=True)
# the bounds are sums in another order than the scores: a little more than their rounding
SLACK = 1.0 - 1e-9


@compiled
def _find(indices: Numbers, low: int, high: int, wanted: int) -> int:
    """The place of a passage in indices[low:high], or -1."""
    end = high
    while low < high:
        middle = (low + high) >> 1
        if indices[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low if low < end and indices[low] == wanted else -1


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
def _add(
    indices: Numbers, data: Data, span: tuple[int, int], weight: float, sums: Floats, touched: Numbers, count: int, heap: Floats
) -> int:
    """Add a term's postings; the number of passages touched so far. heap: the largest sums among this term's passages."""
    heap[:] = 0.0
    for place in range(span[0], span[1]):
        passage = indices[place]
        if sums[passage] == 0.0:
            touched[count] = passage
            count += 1
        sums[passage] += weight * data[place]
        if sums[passage] > heap[0]:
            _sift(heap, sums[passage])
    return count


@compiled
def _look_up(
    indices: Numbers, data: Data, span: tuple[int, int], weight: float, scores: Floats, passages: Numbers, heap: Floats
) -> None:
    """Add a term's weight where these passages hold it. heap: the largest of the scores."""
    heap[:] = 0.0
    for n in range(len(passages)):
        place = _find(indices, span[0], span[1], passages[n])
        if place >= 0:
            scores[n] += weight * data[place]
        if scores[n] > heap[0]:
            _sift(heap, scores[n])


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
def best(
    indptr: Starts,
    indices: Numbers,
    data: Data,
    terms: Starts,
    weights: Floats,
    upper: Floats,
    k: int,
    sums: Floats,
    touched: Numbers,
) -> Numbers:
    """The passages (rising) among which the k best are, ties included.

    terms, weights, upper: the query, and the largest weight of each of its terms in any passage. sums (zeros) and touched:
    room for a number a passage; sums are zeros again at the end.
    """
    order = np.argsort(-(weights * upper))
    rest = np.zeros(len(order) + 1)  # what the terms from here on can add
    for n in range(len(order) - 1, -1, -1):
        rest[n] = rest[n + 1] + weights[order[n]] * upper[order[n]]
    heap = np.zeros(k)
    count, done, least = 0, 0, 0.0
    while done < len(order) and (count < k or rest[done] >= least * SLACK):
        term = terms[order[done]]
        count = _add(indices, data, (indptr[term], indptr[term + 1]), weights[order[done]], sums, touched, count, heap)
        # the k-th largest sum among one term's passages: no passage is in that heap twice
        least = max(least, heap[0])
        done += 1
    found = touched[:count]
    scores = sums[found]
    sums[found] = 0.0
    left = _kept(scores, found, least * SLACK - rest[done])
    for n in range(done, len(order)):
        term = terms[order[n]]
        _look_up(indices, data, (indptr[term], indptr[term + 1]), weights[order[n]], scores[:left], found[:left], heap)
        least = max(least, heap[0])
        left = _kept(scores[:left], found[:left], least * SLACK - rest[n + 1])
    return np.sort(found[:left])


@compiled
def scores(indptr: Starts, indices: Numbers, data: Data, terms: Starts, weights: Floats, passages: Starts) -> Floats:
    """The score of each of these passages, summed in the order of the terms."""
    found = np.zeros(len(passages))
    for n in range(len(terms)):
        low, end = indptr[terms[n]], indptr[terms[n] + 1]
        for m in range(len(passages)):
            place = _find(indices, low, end, passages[m])
            if place >= 0:
                found[m] += weights[n] * data[place]
    return found


@compiled
def add(indptr: Starts, indices: Numbers, data: Data, terms: Starts, weights: Floats, sums: Floats) -> None:
    """Add every posting of the terms, in their order, to the sums (one a passage)."""
    for n in range(len(terms)):
        for place in range(indptr[terms[n]], indptr[terms[n] + 1]):
            sums[indices[place]] += weights[n] * data[place]


@compiled
def largest(sums: Floats, k: int) -> Starts:
    """The numbers of the k largest sums above 0, rising, ties with the k-th included."""
    heap = np.zeros(k)
    for value in sums:
        if value > heap[0]:
            _sift(heap, value)
    return np.flatnonzero(sums >= heap[0] if heap[0] > 0.0 else sums > 0.0)


def warm() -> None:
    """Compile for the arrays of an index, or load what was compiled before."""
    indptr, indices, data = np.array([0, 1]), np.zeros(1, dtype=np.int32), np.ones(1, dtype=np.float32)
    for array in (indptr, indices, data):
        array.flags.writeable = False  # as memory-mapped arrays are
    terms, weights, upper = np.zeros(1, dtype=np.int64), np.ones(1), np.ones(1)
    best(indptr, indices, data, terms, weights, upper, 1, np.zeros(1), np.empty(1, dtype=np.int32))
    scores(indptr, indices, data, terms, weights, np.zeros(1, dtype=np.int64))
    add(indptr, indices, data, terms, weights, np.zeros(1))
    largest(np.zeros(1), 1)
