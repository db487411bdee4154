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
    assert weighting.bm25_idf(df, n) == pytest.approx(idf, rel=1e-12)


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
    norms = weighting.bm25_norms(np.array([length, 2 * mean - length]))
    assert weighting.bent(array(tf), norms[:1], 1.0)[0] == pytest.approx(weight, rel=1e-12)


@pytest.mark.parametrize(("k1", "b", "weight"), [(0.0, 0.75, 1.0), (1.0, 0.0, 0.5), (2.0, 1.0, 1 / 5)])
def test_bm25_tf_obeys_its_parameters(k1, b, weight):
    norms = weighting.bm25_norms(np.array([20, 0]), k1, b)
    assert weighting.bent(array(1), norms[:1], 1.0)[0] == pytest.approx(weight, rel=1e-12)


def test_the_parameters_of_bm25_are_the_usual_ones():
    assert (weighting.BM25_K1, weighting.BM25_B) == (1.2, 0.75)
    assert weighting.NAMES == ("bm25", "tfidf")


@settings(max_examples=100, deadline=None)
@given(COUNTS, COUNTS, COUNTS)
def test_bm25_is_the_formula_of_the_book(tf, length, mean):
    plain = tf / (tf + 1.2 * (1 - 0.75 + 0.75 * length / mean))
    norms = weighting.bm25_norms(np.array([length, 2 * mean - length]))
    assert weighting.bent(array(tf), norms[:1], 1.0)[0] == pytest.approx(plain, rel=1e-12)
    assert 0 < plain < 1


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 1000), st.integers(0, 1000))
def test_bm25_idf_is_positive_and_falls_with_df(df, more):
    n = df + more + 1
    here, there = weighting.bm25_idf(df, n), weighting.bm25_idf(df + 1, n)
    assert here > there > 0
    assert here == pytest.approx(math.log(1 + (n - df + 0.5) / (df + 0.5)), rel=1e-12)


def test_bm25_of_passages_without_words_is_a_number():
    assert weighting.bent(array(0), weighting.bm25_norms(np.array([0])), 1.0)[0] == 0.0
    assert weighting.bm25_norms(np.array([], dtype=np.int64)).tolist() == []


@pytest.mark.parametrize(("df", "n", "idf"), [(0, 0, 1.0), (1, 1, 1.0), (1, 3, math.log(2) + 1), (4, 9, math.log(2) + 1)])
def test_smooth_idf_by_hand(df, n, idf):
    assert weighting.smooth_idf(array(df), n)[0] == pytest.approx(idf, rel=1e-12)


@settings(max_examples=100, deadline=None)
@given(MATRICES)
def test_smooth_idf_and_unit_norms_are_scikit_learns(rows):
    counts = np.array(rows, dtype=np.float64)
    peer = TfidfTransformer().fit(csr_matrix(counts))
    idf = weighting.smooth_idf((counts > 0).sum(axis=0).astype(np.float64), len(rows))
    np.testing.assert_allclose(idf, peer.idf_, rtol=1e-12)

    places = np.nonzero(counts)
    ours = np.zeros_like(counts)
    norms = weighting.unit_norms(((counts * idf) ** 2).sum(axis=1))
    ours[places] = idf[places[1]] * weighting.bent(counts[places], norms[places[0]], 0.0)
    np.testing.assert_allclose(ours, peer.transform(csr_matrix(counts)).toarray(), atol=1e-12)


def test_the_lengths_of_vectors_by_hand():
    norms = weighting.unit_norms(array(25, 0, 4))
    assert norms.tolist() == [5.0, 1.0, 2.0]
    np.testing.assert_allclose(weighting.bent(array(3, 0, 2), norms, 0.0), [0.6, 0.0, 1.0], rtol=1e-12)


def test_formulas_of_arrays_give_float64_of_the_shape_they_got():
    for found in (
        weighting.smooth_idf(array(1, 2, 3), 5),
        weighting.bm25_norms(np.array([1, 2, 3])),
        weighting.unit_norms(array(1, 2, 3)),
    ):
        assert found.dtype == np.float64
        assert found.shape == (3,)
