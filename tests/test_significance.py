"""Intervals, the randomisation test and Holm's procedure, against SciPy and against counting by hand."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap, permutation_test

from ketaqa.evaluation import significance
from ketaqa.evaluation.abstention import auroc
from ketaqa.evaluation.significance import Measured, holm, randomisation_p

VALUES = [0.0, 1.0, 0.631, 0.387, 1.0, 0.5, 0.0, 0.431, 1.0, 0.289, 0.92, 0.613]
OTHERS = [0.0, 0.9, 0.5, 0.5, 1.0, 0.25, 0.1, 0.3, 0.8, 0.3, 0.9, 0.2]


def scipys(samples, statistic, resamples, **more):
    drawn = bootstrap(
        samples,
        statistic,
        n_resamples=resamples,
        method="percentile",
        confidence_level=0.95,
        rng=np.random.default_rng(significance.SEED),
        **more,
    ).confidence_interval
    return float(drawn.low), float(drawn.high)


def test_the_interval_of_a_mean_is_scipys():
    found = significance.mean(VALUES)
    assert found.value == pytest.approx(sum(VALUES) / len(VALUES), abs=1e-15)
    wanted = scipys((np.array(VALUES),), np.mean, significance.RESAMPLES, batch=significance.BATCH)
    assert found.ci95 == pytest.approx(wanted, abs=1e-12)
    assert found.ci95[0] < found.value < found.ci95[1]


def test_the_interval_of_two_samples_is_scipys():
    samples = np.array([0.9, 0.8, 0.7, 0.4, 0.35]), np.array([0.6, 0.4, 0.1, 0.05])
    found = significance.interval(samples, auroc, resamples=199)
    assert found.value == auroc(*samples)
    assert found.ci95 == pytest.approx(scipys(samples, auroc, 199, vectorized=False), abs=1e-12)


def test_the_interval_of_zeros_and_ones_is_near_the_normal_one():
    # 60 hits of 100: 0.6 -+ 1.96 * sqrt(0.6 * 0.4 / 100)
    found = significance.mean([1.0] * 60 + [0.0] * 40)
    assert found.ci95 == pytest.approx((0.6 - 0.096, 0.6 + 0.096), abs=0.015)


@pytest.mark.parametrize("values", [[0.0] * 5, [1.0] * 5, [0.25] * 3, [0.7], [1]])
def test_a_constant_or_a_single_value_has_itself_as_interval(values):
    found = significance.mean(values)
    assert found.value == pytest.approx(values[0])
    assert found.ci95 == (found.value, found.value)


UNITS = st.lists(st.floats(0, 1, width=16), min_size=1, max_size=12)


@settings(max_examples=50, deadline=None)
@given(UNITS)
def test_an_interval_contains_its_mean_and_stays_within_the_values(values):
    found = significance.mean(values)
    low, high = found.ci95
    assert min(values) - 1e-9 <= low <= found.value + 1e-9
    assert found.value - 1e-9 <= high <= max(values) + 1e-9
    assert significance.mean(values) == found


def enumerated(differences):
    """The share of all sign flips with a mean at least as far from 0."""
    observed = abs(sum(differences))
    flips = [
        abs(sum(s * d for s, d in zip(signs, differences, strict=True))) for signs in product((1, -1), repeat=len(differences))
    ]
    return sum(one >= observed - 1e-12 for one in flips) / len(flips)


@pytest.mark.parametrize(
    ("differences", "p"),
    [
        ([1, 1, 1], 2 / 8),
        ([1, 1, -1], 1.0),
        ([1, 2, 4], 2 / 8),
        ([3, 0, 0], 1.0),
        ([3, 2, -1], 4 / 8),
        ([1, -1], 1.0),
        ([0.5, 0.5], 2 / 4),
        ([0.1] * 10, 2 / 1024),
        ([1], 1.0),
    ],
)
def test_p_is_counted_over_all_sign_flips(differences, p):
    assert enumerated(differences) == p
    assert randomisation_p([0.0] * len(differences), differences) == pytest.approx(p, abs=1e-12)


DYADIC = st.integers(-8, 8).map(lambda n: n / 8)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(DYADIC, DYADIC), min_size=1, max_size=9))
def test_p_equals_the_exact_enumeration_whichever_run_comes_first(pairs):
    first, second = map(list, zip(*pairs, strict=True))
    p = randomisation_p(first, second)
    assert p == pytest.approx(enumerated([b - a for a, b in pairs]), abs=1e-12)
    assert p == pytest.approx(randomisation_p(second, first), abs=1e-12)
    assert 0.0 < p <= 1.0


def test_p_of_many_questions_is_scipys_paired_test():
    first, second = np.array(VALUES * 4), np.array(OTHERS * 4)
    peer = permutation_test(
        (second - first,),
        np.mean,
        permutation_type="samples",
        n_resamples=significance.RESAMPLES,
        batch=significance.BATCH,
        rng=np.random.default_rng(significance.SEED),
    )
    assert randomisation_p(VALUES * 4, OTHERS * 4) == pytest.approx(peer.pvalue, abs=1e-12)
    assert 0.0 < peer.pvalue < 0.01


def test_p_of_a_fixed_example_is_scipys_exact_one():
    peer = permutation_test(
        (np.array(VALUES), np.array(OTHERS)),
        lambda a, b, axis: np.mean(b - a, axis=axis),
        permutation_type="samples",
        n_resamples=np.inf,
        vectorized=True,
    )
    assert randomisation_p(VALUES, OTHERS) == pytest.approx(peer.pvalue, abs=1e-12)


def test_equal_values_have_p_one():
    assert randomisation_p(VALUES, VALUES) == 1.0
    assert randomisation_p([0.0] * 3, [0.0] * 3) == 1.0


@pytest.mark.parametrize(
    ("given_p", "adjusted"),
    [
        ([], []),
        ([0.03], [0.03]),
        ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),
        ([0.04, 0.03, 0.01], [0.06, 0.06, 0.03]),
        ([0.01, 0.02, 0.03, 0.005], [0.03, 0.04, 0.04, 0.02]),
        ([0.02, 0.02], [0.04, 0.04]),
        ([0.5, 0.6, 0.01], [1.0, 1.0, 0.03]),
        ([0.0, 1.0], [0.0, 1.0]),
    ],
)
def test_holm_by_hand(given_p, adjusted):
    assert holm(given_p) == pytest.approx(adjusted)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.floats(0, 1) | st.sampled_from([0.0, 0.01, 0.05, 1.0]), max_size=8), st.randoms())
def test_holm_never_lowers_keeps_the_order_and_stays_a_probability(p_values, random):
    adjusted = holm(p_values)
    assert all(a >= p for a, p in zip(adjusted, p_values, strict=True))
    assert all(
        a <= min(1.0, p * len(p_values)) or a == pytest.approx(p * len(p_values)) for a, p in _bonferroni(adjusted, p_values)
    )
    ordered = sorted(zip(p_values, adjusted, strict=True))
    assert [a for _, a in ordered] == sorted(adjusted)
    places = list(range(len(p_values)))
    random.shuffle(places)
    assert holm([p_values[n] for n in places]) == [adjusted[n] for n in places]


def _bonferroni(adjusted, p_values):
    # Holm is never stricter than multiplying the greatest p so far with the number of tests
    return [(a, max(q for q in p_values if q <= p)) for a, p in zip(adjusted, p_values, strict=True)]


def test_a_measured_value_is_its_fields():
    assert significance.mean([0.5, 0.5]) == Measured(0.5, (0.5, 0.5))
