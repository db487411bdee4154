"""How near codes lie to a vector, compiled by numba: whole numbers alone, one look at each byte.

Useful for: all passages of a large index. Not useful for: the last bit of a score (semantics).
"""

from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

compiled: Any = njit(nogil=True, cache=True)


@compiled
def near(codes: NDArray[np.uint8], upper: NDArray[np.int16], lower: NDArray[np.int16], found: NDArray[np.float32]) -> None:
    """Into `found` for each row of codes (n, half): its product with a vector of whole numbers, by its own length.

    upper, lower (half,): what the upper and the lower four bits of each byte are multiplied by, at most 1023 either way.
    A row of zeros, which stands for no vector, gets minus infinity.
    """
    middle = 7.5 * (np.sum(upper) + np.sum(lower))
    for n in range(len(codes)):
        product, squares, total = np.int32(0), np.int32(0), np.int32(0)
        row = codes[n]
        for place in range(len(row)):
            first, second = np.int16(row[place] >> 4), np.int16(row[place] & 15)
            product += np.int32(first * upper[place]) + np.int32(second * lower[place])
            squares += np.int32(first * first) + np.int32(second * second)
            total += np.int32(first) + np.int32(second)
        # a code stands for a number 7.5 lower
        length = squares - 15.0 * total + 2.0 * 7.5 * 7.5 * len(row)
        found[n] = (product - middle) / np.sqrt(length) if total else -np.inf
