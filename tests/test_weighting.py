"""Weighting: each formula against an example worked out by hand, scikit-learn, or the formula in plain Python."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_matrix
from sklearn.feature_extraction.text import TfidfTransformer

from ketaqa import weighting

COUNTS = st.integers(1, 50)
MATRICES = st.lists(st.lists(st.integers(0, 4), min_size=5, max_size=5), min_size=1, max_size=12)


def array(*values):
    return np.array(values, dtype=np.float64)


@pytest.mark.parametrize(
    ("df", "n", "idf"),
    [
        (1, 1, math.log(4 / 3)),  # log(1 + 0.5 / 1.5)
        (1, 10, math.log(22 / 3)),  # log(1 + 9.5 / 1.5)
        (10, 10, math.log(22 / 21)),  # log(1 + 0.5 / 10.5): a term of every passage still counts
        (0, 0, math.log(2)),
        (0, 10, math.log(22)),
    ],
)
def test_bm25_idf_by_hand(df, n, idf):
    assert weighting.bm25_idf(array(df), n)[0] == pytest.approx(idf, rel=1e-12)


@pytest.mark.parametrize(
    ("tf", "length", "mean", "weight"),
    [
        (1, 10, 10, 1 / 2.2),  # k1 = 1.2 at mean length
        (2, 10, 10, 2 / 3.2),
        (1, 20, 10, 1 / 3.1),  # 1.2 (0.25 + 0.75 * 2) = 2.1
        (3, 5, 10, 3 / 3.75),  # 1.2 (0.25 + 0.75 / 2) = 0.75
        (0, 10, 10, 0.0),
    ],
)
def test_bm25_tf_by_hand(tf, length, mean, weight):
    assert weighting.bm25_tf(array(tf), array(length), mean)[0] == pytest.approx(weight, rel=1e-12)


@pytest.mark.parametrize(("k1", "b", "weight"), [(0.0, 0.75, 1.0), (1.0, 0.0, 0.5), (2.0, 1.0, 1 / 5)])
def test_bm25_tf_obeys_its_parameters(k1, b, weight):
    assert weighting.bm25_tf(array(1), array(20), 10.0, k1, b)[0] == pytest.approx(weight, rel=1e-12)


def test_the_parameters_of_bm25_are_the_usual_ones():
    assert (weighting.BM25_K1, weighting.BM25_B) == (1.2, 0.75)
    assert weighting.NAMES == ("bm25", "tfidf")


@settings(max_examples=100, deadline=None)
@given(COUNTS, COUNTS, COUNTS)
def test_bm25_is_the_formula_of_the_book(tf, length, mean):
    plain = tf / (tf + 1.2 * (1 - 0.75 + 0.75 * length / mean))
    assert weighting.bm25_tf(array(tf), array(length), mean)[0] == pytest.approx(plain, rel=1e-12)
    assert 0 < plain < 1


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 1000), st.integers(0, 1000))
def test_bm25_idf_is_positive_and_falls_with_df(df, more):
    n = df + more + 1
    here, there = weighting.bm25_idf(array(df, df + 1), n)
    assert here > there > 0
    assert here == pytest.approx(math.log(1 + (n - df + 0.5) / (df + 0.5)), rel=1e-12)


def test_bm25_tf_of_passages_without_words_is_a_number():
    assert weighting.bm25_tf(array(0), array(0), 0.0)[0] == 0.0


@pytest.mark.parametrize(("df", "n", "idf"), [(0, 0, 1.0), (1, 1, 1.0), (1, 3, math.log(2) + 1), (4, 9, math.log(2) + 1)])
def test_smooth_idf_by_hand(df, n, idf):
    assert weighting.smooth_idf(array(df), n)[0] == pytest.approx(idf, rel=1e-12)


@settings(max_examples=100, deadline=None)
@given(MATRICES)
def test_smooth_idf_and_unit_length_are_scikit_learns(rows):
    counts = np.array(rows, dtype=np.float64)
    peer = TfidfTransformer().fit(csr_matrix(counts))
    idf = weighting.smooth_idf((counts > 0).sum(axis=0).astype(np.float64), len(rows))
    np.testing.assert_allclose(idf, peer.idf_, rtol=1e-12)

    places = np.nonzero(counts)
    ours = np.zeros_like(counts)
    ours[places] = weighting.unit_length(counts[places] * idf[places[1]], places[0], len(rows))
    np.testing.assert_allclose(ours, peer.transform(csr_matrix(counts)).toarray(), atol=1e-12)


def test_unit_length_by_hand():
    found = weighting.unit_length(array(3, 4, 5), np.array([0, 0, 2]), 3)
    np.testing.assert_allclose(found, [0.6, 0.8, 1.0], rtol=1e-12)


def test_rows_without_weight_stay_without_weight():
    assert weighting.unit_length(array(0, 0), np.array([0, 1]), 2).tolist() == [0.0, 0.0]
    assert weighting.unit_length(array(), np.array([], dtype=np.int64), 0).tolist() == []


@pytest.mark.parametrize("function", ["bm25_idf", "smooth_idf"])
def test_formulas_give_float64_of_the_shape_they_got(function):
    found = getattr(weighting, function)(array(1, 2, 3), 5)
    assert found.dtype == np.float64
    assert found.shape == (3,)
