"""Exact top-k, compiled by numba: sums in whole numbers first, block by block, then those of the few passages that are left.

What a common term weighs in a passage is kept in one byte, rounded up: in a column, a byte a passage, where very many hold it,
which is added to a block of sums in vectors; else beside its postings. Such sums are off by so much at most, so that passages
well below the k-th are out. Those of the others are taken again, in float64 and in the order of the query: they equal a plain
sum to the last bit. Useful for: large indexes. Not useful for: small ones, for which NumPy has added all postings before numba
is loaded.

A query is `rows` (terms, 4): for each term where its postings begin and end, its kind, and where its codes are; with the weight
of each term, and what a posting of it weighs at most (`upper`). `lists`: passages and counts of the index, the same of those
beside it, the codes, the norms, and the bend (see postings). All arrays are C-contiguous and read-only.
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Whole = NDArray[np.int64]
Numbers = NDArray[np.int32]
Floats = NDArray[np.float64]
Rough = NDArray[np.uint16]
Codes = NDArray[np.uint8]
Lists = Any

compiled: Any = njit(nogil=True, cache=True)
# passages added at a time, whose sums stay in the processor's first cache; how many are compared at once; and how near sums are
# that are counted together
BLOCK, LANES, STEP = 8192, 256, 64
# what a sum may come to; the code of a term's heaviest posting; with more terms than that, whole numbers are too coarse
MOST, FULL, LONG = 65535, 255, 100
# counts up to here are told from codes
COUNTS = 16.0
# what a row holds, and in a plan what the term's codes are multiplied by
BEGIN, END, KIND, PLACE, TIMES = range(5)
# kinds of terms: with postings in the index, or beside it; with a column, which begins at PLACE; with a code for each posting,
# at PLACE and the posting's own place together
OWN, BESIDE, COLUMN, CODED = range(4)


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
def _sift(heap: NDArray[Any], value: float) -> None:
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
def _posted(lists: Lists, row: Whole) -> tuple[Numbers, Any]:
    """Passages and counts, among which a term's are those from its first place to its last."""
    return (lists[2], lists[3]) if row[KIND] == BESIDE else (lists[0], lists[1])


@compiled
def _code(tf: float, norm: float, bend: float, upper: float) -> float:
    """What a posting weighs, in parts of FULL of the term's heaviest, rounded up."""
    code: float = min(FULL, np.ceil(FULL / upper * (tf / (bend * tf + norm))))
    return code


@compiled
def _count(code: float, norm: float, bend: float, upper: float) -> float:
    """How often a term stands in a passage of that code; 0 where several counts have it."""
    tf = 1.0
    while tf < COUNTS and _code(tf, norm, bend, upper) < code:
        tf += 1.0
    return tf if _code(tf, norm, bend, upper) == code != _code(tf + 1.0, norm, bend, upper) else 0.0


@compiled
def fill(codes: Codes, rows: Rows, upper: Floats, lists: Lists) -> None:
    """Write the codes of terms."""
    norms, bend = lists[5], lists[6]
    for n in range(len(rows)):
        passages, counts = _posted(lists, rows[n])
        for place in range(rows[n, BEGIN], rows[n, END]):
            passage = passages[place]
            code = _code(np.float64(counts[place]), norms[passage], bend, upper[n])
            codes[rows[n, PLACE] + (passage if rows[n, KIND] == COLUMN else place)] = np.uint8(code)


@compiled
def _plan(rows: Rows, weights: Floats, upper: Floats) -> tuple[Rows, Floats, int]:
    """Rows with what codes are multiplied by, the factor of postings without codes, and how far off the sums may be."""
    scale = (MOST - (FULL + 1) * len(rows)) / np.sum(weights * upper)
    plan, slack = np.empty((len(rows), TIMES + 1), dtype=np.int64), 1.0
    for n in range(len(rows)):
        plan[n, :TIMES] = rows[n]
        bound = scale * weights[n] * upper[n]
        plan[n, TIMES] = max(1, int(bound / FULL + 0.5))
        # a code is up to 1 too high, and the multiplier is rounded, for all codes the same way
        coded = plan[n, KIND] == COLUMN or plan[n, KIND] == CODED
        slack += bound / FULL + abs(FULL * plan[n, TIMES] - bound) + 1.0 if coded else 1.0
    return plan, scale * weights, int(slack)


@compiled
def _add_column(sums: Rough, column: Codes, times: int) -> None:
    factor = np.uint16(times)
    for n in range(len(sums)):
        sums[n] += np.uint16(column[n]) * factor


@compiled
def _add_codes(sums: Rough, start: int, passages: Numbers, codes: Codes, times: int) -> None:
    factor = np.uint16(times)
    for n in range(len(passages)):
        sums[passages[n] - start] += np.uint16(codes[n]) * factor


@compiled
def _add_postings(sums: Rough, start: int, passages: Numbers, counts: Any, factor: float, lists: Lists) -> None:
    norms, bend = lists[5], lists[6]
    for n in range(len(passages)):
        tf = np.float64(counts[n])
        sums[passages[n] - start] += np.uint16(np.ceil(factor * (tf / (bend * tf + norms[passages[n]]))))


@compiled
def _add_block(sums: Rough, start: int, plan: Rows, factors: Floats, lists: Lists) -> None:
    """Add all terms for the passages from `start`; their postings begin, in the plan, where the block ends."""
    codes = lists[4]
    for n in range(len(plan)):
        row = plan[n]
        if row[KIND] == COLUMN:
            first = row[PLACE] + start
            _add_column(sums, codes[first : first + len(sums)], row[TIMES])
            continue
        passages, counts = _posted(lists, row)
        place, last = row[BEGIN], _find(passages, row[BEGIN], row[END], start + len(sums))
        if row[KIND] == CODED:
            _add_codes(sums, start, passages[place:last], codes[row[PLACE] + place : row[PLACE] + last], row[TIMES])
        else:
            _add_postings(sums, start, passages[place:last], counts[place:last], factors[n], lists)
        row[BEGIN] = last


@compiled
def _highest(sums: Rough, tops: Rough) -> None:
    """The highest of every LANES-th sum, from each of the first LANES: rows of a grid are compared in vectors."""
    grid = sums.reshape(-1, LANES)
    tops[:] = 0
    for row in range(len(grid)):
        for lane in range(LANES):
            tops[lane] = max(tops[lane], grid[row, lane])


@compiled
def _choose(sums: Rough, tops: Rough, start: int, slack: int, k: int, held: Whole, state: Whole, kept: Whole) -> None:
    """Note the passages from `start` that may be among the best, each with its sum in one number.

    held: how many are noted with sums of each STEP. state: how many are noted, a STEP that the k-th largest sum is not below,
    and how many are not below it.
    """
    _highest(sums, tops)
    count, low, above = state
    least = max(1, low * STEP - slack)
    for lane in range(LANES):
        if tops[lane] >= least:
            for n in range(lane, len(sums), LANES):
                value = np.int64(sums[n])
                if value >= least:
                    kept[count] = value << 32 | (start + n)
                    count += 1
                    held[value // STEP] += 1
                    above += value >= low * STEP
                    while above - held[low] >= k:
                        above -= held[low]
                        low += 1
                        least = max(1, low * STEP - slack)
    state[0], state[1], state[2] = count, low, above


@compiled
def add(lists: Lists, rows: Rows, weights: Floats, sums: Floats) -> None:
    """Add every posting of the terms, in their order, to the sums (one a passage)."""
    norms, bend = lists[5], lists[6]
    for n in range(len(rows)):
        passages, counts = _posted(lists, rows[n])
        for place in range(rows[n, BEGIN], rows[n, END]):
            tf = np.float64(counts[place])
            sums[passages[place]] += weights[n] * (tf / (bend * tf + norms[passages[place]]))


@compiled
def largest(sums: Floats, k: int) -> Whole:
    """The numbers of the k largest sums above 0, rising, ties with the k-th included."""
    heap = np.zeros(k)
    for value in sums:
        if value > heap[0]:
            _sift(heap, value)
    found: Whole = np.flatnonzero(sums >= heap[0] if heap[0] > 0.0 else sums > 0.0)
    return found


@compiled
def best(lists: Lists, rows: Rows, weights: Floats, upper: Floats, k: int, kept: Whole) -> Whole:
    """The passages (rising) among which the k best are, ties included. kept: room for a number a passage."""
    passages = len(lists[5])
    if not 0 < len(rows) <= LONG:
        exact = np.zeros(passages)
        add(lists, rows, weights, exact)
        every: Whole = largest(exact, k)
        return every
    plan, factors, slack = _plan(rows, weights, upper)
    held, state = np.zeros(MOST // STEP + 1, dtype=np.int64), np.zeros(3, dtype=np.int64)
    sums, tops = np.empty(BLOCK, dtype=np.uint16), np.empty(LANES, dtype=np.uint16)
    for start in range(0, passages, BLOCK):
        sums[:] = 0
        _add_block(sums[: passages - start], start, plan, factors, lists)
        _choose(sums, tops, start, slack, k, held, state, kept)
    noted = kept[: state[0]]
    found: Whole = np.sort(noted[noted >> 32 >= state[1] * STEP - slack] & 0xFFFFFFFF)
    return found


@compiled
def scores(lists: Lists, rows: Rows, weights: Floats, upper: Floats, passages: Whole) -> Floats:
    """The score of each of these passages, summed in the order of the terms."""
    codes, norms, bend = lists[4], lists[5], lists[6]
    found = np.zeros(len(passages))
    for n in range(len(rows)):
        row, place, before = rows[n], rows[n, BEGIN], -1
        held, counts = _posted(lists, row)
        for which in range(len(passages)):
            passage, tf = passages[which], 0.0
            if row[KIND] == COLUMN:
                code = codes[row[PLACE] + passage]
                if code == 0:
                    continue
                tf = _count(np.float64(code), norms[passage], bend, upper[n])
            if tf == 0.0:
                place = _find(held, place if passage > before else row[BEGIN], row[END], passage)
                before = passage
                if place == row[END] or held[place] != passage:
                    continue
                tf = np.float64(counts[place])
            found[which] += weights[n] * (tf / (bend * tf + norms[passage]))
    return found


@compiled
def search(
    lists: Lists, ends: Whole, rows: Rows, weights: Floats, upper: Floats, kept: Whole, numbers: Rows, found: Floats
) -> None:
    """The best passages of many queries, whose terms end at `ends`, into numbers and found (queries, k), by falling score."""
    k, start = numbers.shape[1], 0
    for query in range(len(ends)):
        end = ends[query]
        near = best(lists, rows[start:end], weights[start:end], upper[start:end], k, kept)
        exact = scores(lists, rows[start:end], weights[start:end], upper[start:end], near)
        # of equal scores the lower passage comes first: it stands before, and this sort keeps that order
        order = np.argsort(-exact, kind="mergesort")[:k]
        for place in range(len(order)):
            numbers[query, place], found[query, place] = near[order[place]], exact[order[place]]
        start = end


def warm(lists: Lists) -> None:
    """Compile for the arrays of an index, or load what was compiled before."""
    rows, ones, none = np.zeros((1, 4), dtype=np.int64), np.ones(1), np.zeros(1, dtype=np.int64)
    kept, sums = np.empty(len(lists[5]), dtype=np.int64), np.zeros(len(lists[5]))
    fill(np.zeros(1, dtype=np.uint8), rows, ones, lists)
    search(lists, none, rows[:0], ones[:0], ones[:0], kept, np.zeros((1, 1), dtype=np.int64), np.zeros((1, 1)))
    best(lists, rows, ones, ones, 1, kept)
    scores(lists, rows, ones, ones, none)
    add(lists, rows, ones, sums)
    largest(sums, 1)
