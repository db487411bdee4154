"""Is silence kept at the right moments? Confidence against whether the shown passage is right."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ketaqa.evaluation import significance
from ketaqa.evaluation.significance import Floats, Measured

RESAMPLES = 1999
BINS = 10


@dataclass(frozen=True, slots=True)
class Judged:
    """A question as it was met: confidence in [0, 1], whether documents answer it, whether the best passage does."""

    question_id: str
    confidence: float
    answerable: bool
    right: bool


@dataclass(frozen=True, slots=True)
class Abstention:
    """What silence costs and spares.

    auroc: chance that an answerable question has a higher confidence than an unanswerable one (ties count half).
    risk_coverage_area: mean share of wrong answers when the questions are answered from the surest down (Geifman & El-Yaniv
    2017), 0 is best. precision: share of shown answers that are right; answered: share of answerable questions answered.
    calibration_error: see there. curve: (share answered, share wrong among them), from the surest question on. bins: (mean
    confidence, share right), see reliability.
    """

    unanswerable: int
    auroc: Measured
    risk_coverage_area: float
    threshold: float
    precision: Measured
    answered: Measured
    calibration_error: float
    curve: tuple[tuple[float, float], ...]
    bins: tuple[tuple[float, float], ...]


def measure(judged: Sequence[Judged], threshold: float) -> Abstention | None:
    """The table of silence; None when all questions, or none, are answerable, or nothing is shown."""
    answerable = [j for j in judged if j.answerable]
    unanswerable = [j for j in judged if not j.answerable]
    shown = [j for j in judged if j.confidence >= threshold]
    if not answerable or not unanswerable or not shown:
        return None
    curve = risk_coverage(judged)
    sure, right = _confidences(judged), np.array([j.right for j in judged], dtype=np.float64)
    return Abstention(
        len(unanswerable),
        significance.interval((_confidences(answerable), _confidences(unanswerable)), auroc, resamples=RESAMPLES),
        area(curve),
        threshold,
        significance.mean([j.right for j in shown]),
        significance.mean([j.confidence >= threshold for j in answerable]),
        calibration_error(sure, right),
        curve,
        reliability(sure, right),
    )


def area(curve: Sequence[tuple[float, float]]) -> float:
    """The area under a risk-coverage curve, each step at the risk it ends with."""
    coverages = [0.0, *(coverage for coverage, _ in curve)]
    return sum((curve[n][0] - coverages[n]) * curve[n][1] for n in range(len(curve)))


def _confidences(judged: Sequence[Judged]) -> Floats:
    return np.array([j.confidence for j in judged], dtype=np.float64)


def auroc(positive: Floats, negative: Floats) -> float:
    """Area under the ROC curve, as scikit-learn computes it."""
    from sklearn.metrics import roc_auc_score

    labels = np.concatenate([np.ones(len(positive)), np.zeros(len(negative))])
    return float(roc_auc_score(labels, np.concatenate([positive, negative])))


def reliability(sure: Floats, right: Floats) -> tuple[tuple[float, float], ...]:
    """(mean confidence, share right) of BINS parts of the questions, as large as each other, by rising confidence."""
    return tuple((float(sure[part].mean()), float(right[part].mean())) for part in _parts(sure))


def calibration_error(sure: Floats, right: Floats) -> float:
    """Expected calibration error (Naeini, Cooper & Hauskrecht 2015): how far confidence and the share right are apart.

    The mean over the questions of their bin's difference, with bins of equally many (Nguyen & O'Connor 2015). It has no
    interval: drawing questions anew makes it larger.
    """
    return float(sum(len(part) * abs(sure[part].mean() - right[part].mean()) for part in _parts(sure)) / len(sure))


def _parts(sure: Floats) -> list[NDArray[np.int64]]:
    return np.array_split(np.argsort(sure, kind="stable"), min(BINS, len(sure)))


def risk_coverage(judged: Sequence[Judged]) -> tuple[tuple[float, float], ...]:
    """(coverage, risk) after each question, by falling confidence; equal confidences are answered together."""
    ordered = sorted(judged, key=lambda j: -j.confidence)
    points = []
    wrong = 0
    for number, one in enumerate(ordered, 1):
        wrong += not one.right
        if number == len(ordered) or ordered[number].confidence != one.confidence:
            points.append((number / len(ordered), wrong / number))
    return tuple(points)
