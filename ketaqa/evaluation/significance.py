"""How sure a mean or a difference is.

SciPy draws the samples; every draw comes from one seed, so that the same values give the same figures.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 9999
SEED = 20261123
BATCH = 256  # resamples held in memory at once

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Measured:
    """A value over the questions, and its 95 % percentile bootstrap interval (Efron & Tibshirani 1993)."""

    value: float
    ci95: tuple[float, float]


def mean(values: Sequence[float]) -> Measured:
    """The mean of one value a question."""
    return interval((np.array(values, dtype=np.float64),), np.mean, vectorised=True)


def interval(
    samples: tuple[Floats, ...], statistic: Callable[..., Any], *, vectorised: bool = False, resamples: int = RESAMPLES
) -> Measured:
    """A statistic of one or more independent samples; each is drawn anew from itself."""
    value = float(statistic(*samples))
    if any(len(s) < 2 for s in samples) or all(np.ptp(s) == 0.0 for s in samples):
        return Measured(value, (value, value))
    from scipy.stats import bootstrap

    drawn = bootstrap(
        samples,
        statistic,
        n_resamples=resamples,
        batch=BATCH if vectorised else None,
        vectorized=vectorised,
        method="percentile",
        rng=np.random.default_rng(SEED),
    )
    return Measured(value, (float(drawn.confidence_interval.low), float(drawn.confidence_interval.high)))


def randomisation_p(first: Sequence[float], second: Sequence[float]) -> float:
    """Two-sided p of the paired randomisation test (Fisher 1935; Smucker, Allan & Carterette 2007): signs of differences."""
    differences = np.array(second, dtype=np.float64) - np.array(first, dtype=np.float64)
    if len(differences) < 2 or not np.any(differences):
        return 1.0  # one question, or no difference, proves nothing
    from scipy.stats import permutation_test

    drawn = permutation_test(
        (differences,),
        np.mean,
        permutation_type="samples",
        vectorized=True,
        n_resamples=RESAMPLES,
        batch=BATCH,
        rng=np.random.default_rng(SEED),
    )
    return float(drawn.pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """P values adjusted for their number, by Holm's step-down procedure (Holm 1979), in the order given."""
    order = sorted(range(len(p_values)), key=lambda n: p_values[n])
    adjusted = [0.0] * len(p_values)
    highest = 0.0
    for step, n in enumerate(order):
        highest = max(highest, min(1.0, p_values[n] * (len(p_values) - step)))
        adjusted[n] = highest
    return adjusted
