"""Silence at the right moments: AUROC, risk and coverage, precision and answered, by hand and against scikit-learn."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from ketaqa.evaluation import abstention
from ketaqa.evaluation.abstention import Judged, area, auroc, measure, risk_coverage

# two answerable right, one answerable wrong, two unanswerable
FIVE = [
    Judged("a", 0.9, True, True),
    Judged("b", 0.6, True, False),
    Judged("c", 0.3, True, True),
    Judged("d", 0.6, False, False),
    Judged("e", 0.1, False, False),
]
CONFIDENCES = st.lists(st.integers(0, 8).map(lambda n: n / 8), min_size=1, max_size=12)


def counted(positive, negative):
    """The share of pairs in the right order, ties counted half."""
    pairs = list(product(positive, negative))
    return sum((p > n) + (p == n) / 2 for p, n in pairs) / len(pairs)


@pytest.mark.parametrize(
    ("positive", "negative", "value"),
    [
        ([0.9, 0.8], [0.1, 0.2], 1.0),
        ([0.1], [0.9], 0.0),
        ([0.5], [0.5], 0.5),
        ([0.5, 0.5, 0.9], [0.5], 4 / 6),
        ([0.9, 0.6, 0.3], [0.6, 0.1], 4.5 / 6),
        ([0.0, 0.0], [0.0], 0.5),
    ],
)
def test_auroc_by_hand(positive, negative, value):
    assert counted(positive, negative) == pytest.approx(value)
    assert auroc(np.array(positive), np.array(negative)) == pytest.approx(value)


@settings(max_examples=100, deadline=None)
@given(CONFIDENCES, CONFIDENCES)
def test_auroc_is_sklearns_and_the_count_of_pairs(positive, negative):
    found = auroc(np.array(positive), np.array(negative))
    labels = [1] * len(positive) + [0] * len(negative)
    assert found == pytest.approx(roc_auc_score(labels, positive + negative))
    assert found == pytest.approx(counted(positive, negative))


def test_the_risk_coverage_curve_by_hand():
    # surest first: a right; b and d together, both wrong; c right; e wrong
    curve = ((1 / 5, 0.0), (3 / 5, 2 / 3), (4 / 5, 2 / 4), (1.0, 3 / 5))
    assert np.array(risk_coverage(FIVE)) == pytest.approx(np.array(curve))
    assert area(curve) == pytest.approx(0.2 * 0 + 0.4 * 2 / 3 + 0.2 / 2 + 0.2 * 3 / 5)


@pytest.mark.parametrize(
    ("right", "curve", "under"),
    [
        ([True], [(1.0, 0.0)], 0.0),
        ([False], [(1.0, 1.0)], 1.0),
        ([True, False], [(0.5, 0.0), (1.0, 0.5)], 0.25),
        ([False, True], [(0.5, 1.0), (1.0, 0.5)], 0.75),
        ([True, True, False, False], [(0.25, 0.0), (0.5, 0.0), (0.75, 1 / 3), (1.0, 0.5)], (1 / 3 + 1 / 2) / 4),
    ],
)
def test_curve_and_area_of_a_few_questions(right, curve, under):
    judged = [Judged(str(n), 1.0 - n / 10, True, one) for n, one in enumerate(right)]
    assert np.array(risk_coverage(judged)) == pytest.approx(np.array(curve))
    assert area(risk_coverage(judged)) == pytest.approx(under)


def test_equal_confidences_are_one_step_whatever_their_order():
    same = [Judged(str(n), 0.5, True, n < 3) for n in range(10)]
    assert risk_coverage(same) == risk_coverage(same[::-1]) == ((1.0, 0.7),)
    assert area(risk_coverage(same)) == pytest.approx(0.7)


QUESTIONS = st.lists(
    st.builds(
        Judged,
        st.text(max_size=3),
        st.integers(0, 10).map(lambda n: n / 10),
        st.just(True),
        st.booleans(),
    ),
    min_size=1,
    max_size=15,
)


@settings(max_examples=100, deadline=None)
@given(QUESTIONS)
def test_the_curve_rises_to_everything_and_its_area_is_a_share(judged):
    curve = risk_coverage(judged)
    coverages = [coverage for coverage, _ in curve]
    assert coverages == sorted(set(coverages))
    assert len(curve) == len({j.confidence for j in judged})
    assert curve[-1] == pytest.approx((1.0, sum(not j.right for j in judged) / len(judged)))
    assert 0.0 <= area(curve) <= 1.0 + 1e-12


@settings(max_examples=60, deadline=None)
@given(QUESTIONS)
def test_confidence_that_knows_right_from_wrong_has_the_smallest_area(judged):
    knows = [Judged(j.question_id, float(j.right), True, j.right) for j in judged]
    # each question a step of its own, so that ties hide nothing
    best = [Judged(str(n), 1.0 - n / 100, True, j.right) for n, j in enumerate(sorted(judged, key=lambda j: not j.right))]
    apart = [Judged(str(n), 1.0 - n / 100, True, j.right) for n, j in enumerate(judged)]
    assert area(risk_coverage(best)) <= area(risk_coverage(apart)) + 1e-12
    assert risk_coverage(knows)[-1] == risk_coverage(best)[-1]


@pytest.mark.parametrize(
    ("threshold", "precision", "answered"),
    [
        (0.3, 2 / 4, 3 / 3),  # the threshold itself is answered
        (0.31, 1 / 3, 2 / 3),
        (0.9, 1 / 1, 1 / 3),
    ],
)
def test_precision_and_answered_at_the_threshold(threshold, precision, answered):
    found = measure(FIVE, threshold)
    assert found.threshold == threshold
    assert found.precision.value == pytest.approx(precision)
    assert found.answered.value == pytest.approx(answered)
    assert found.unanswerable == 2
    assert found.auroc.value == pytest.approx(4.5 / 6)
    assert found.curve == risk_coverage(FIVE)
    assert found.risk_coverage_area == area(found.curve)


def test_every_share_of_silence_has_its_interval():
    found = measure(FIVE * 8, 0.3)
    for measured in (found.auroc, found.precision, found.answered):
        low, high = measured.ci95
        assert 0.0 <= low <= measured.value <= high <= 1.0
    assert found.auroc.ci95[0] < found.auroc.ci95[1]


@pytest.mark.parametrize(
    ("judged", "threshold"),
    [
        ([], 0.5),
        ([j for j in FIVE if j.answerable], 0.0),
        ([j for j in FIVE if not j.answerable], 0.0),
        (FIVE, 0.91),
    ],
    ids=["no question", "all answerable", "none answerable", "nothing shown"],
)
def test_there_is_no_table_of_silence_where_nothing_can_be_told_apart(judged, threshold):
    assert abstention.measure(judged, threshold) is None


def test_calibration_by_hand():
    # ten bins of two: each is sure by 0.75 of what is right half the time, but for the last, which is right always
    sure, right = np.array([0.7, 0.8] * 9 + [1.0, 1.0]), np.array([0.0, 1.0] * 9 + [1.0, 1.0])
    order = np.argsort(sure, kind="stable")
    bins = [(sure[part].mean(), right[part].mean()) for part in np.split(order, 10)]
    assert np.array(abstention.reliability(sure, right)) == pytest.approx(np.array(bins))
    assert abstention.calibration_error(sure, right) == pytest.approx(np.mean([abs(s - r) for s, r in bins]))


def test_a_confidence_that_keeps_its_word_has_no_calibration_error():
    assert abstention.calibration_error(np.ones(30), np.ones(30)) == 0.0
    assert abstention.calibration_error(np.zeros(30), np.ones(30)) == 1.0
    assert abstention.calibration_error(np.array([0.3]), np.array([1.0])) == pytest.approx(0.7)
    halves = np.full(40, 0.5), np.tile([0.0, 1.0], 20)
    assert abstention.calibration_error(*halves) == 0.0
