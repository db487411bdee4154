"""Runs and judgements to measures with intervals: ir-measures computes, SciPy's bootstrap says how sure it is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ketaqa.errors import BadSetting
from ketaqa.evaluation.collections import Qrels

DEFAULT = ("nDCG@10", "RR@10", "R@100", "P@1")
RESAMPLES = 9999
SEED = 20261123

Run = Mapping[str, Sequence[tuple[str, float]]]


@dataclass(frozen=True, slots=True)
class Measured:
    """A measure's mean over the questions, and its 95 % percentile bootstrap interval (Efron & Tibshirani 1993)."""

    value: float
    ci95: tuple[float, float]


def parse(names: Sequence[str]) -> dict[str, Any]:
    """Measures by their ir-measures names; BadSetting for a name that it does not know."""
    import ir_measures

    found = {}
    for name in names:
        try:
            found[name] = ir_measures.parse_measure(name)
        except (NameError, ValueError, SyntaxError) as error:
            raise BadSetting(f"unknown measure {name!r}; known are for instance nDCG@10, RR@10, R@100, P@1, AP") from error
    return found


def measure(run: Run, qrels: Qrels, names: Sequence[str] = DEFAULT) -> dict[str, Measured]:
    """Each measure's mean and interval. A judged question that the run does not hold counts as 0."""
    return {name: _summary(values) for name, values in by_question(run, qrels, names).items()}


def by_question(run: Run, qrels: Qrels, names: Sequence[str]) -> dict[str, dict[str, float]]:
    """Each measure's value for each judged question."""
    import ir_measures

    measures = parse(names)
    values: dict[str, dict[str, float]] = {name: dict.fromkeys(qrels, 0.0) for name in names}
    label = {str(m): name for name, m in measures.items()}
    judged = [ir_measures.Qrel(q, d, r) for q, docs in qrels.items() for d, r in docs.items()]
    scored = [ir_measures.ScoredDoc(q, d, s) for q, docs in run.items() for d, s in docs]
    for metric in ir_measures.iter_calc(list(measures.values()), judged, scored):
        values[label[str(metric.measure)]][metric.query_id] = float(metric.value)
    return values


def _summary(values: Mapping[str, float]) -> Measured:
    sample = np.array(list(values.values()), dtype=np.float64)
    mean = float(sample.mean())
    if len(sample) < 2 or np.all(sample == sample[0]):
        return Measured(mean, (mean, mean))
    from scipy.stats import bootstrap

    drawn = bootstrap(
        (sample,), np.mean, n_resamples=RESAMPLES, batch=256, method="percentile", rng=np.random.default_rng(SEED)
    )
    low, high = drawn.confidence_interval
    return Measured(mean, (float(low), float(high)))
