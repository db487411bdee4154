"""Postings: the vocabulary, and the sparse matrix against a naive count."""

import pickle
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from conftest import postings_of, row_of
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer

from ketaqa.errors import BadSetting
from ketaqa.postings import Pairs, Vocabulary

TERMS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4)
COLLECTIONS = st.lists(st.lists(st.sampled_from(["a", "b", "é", "氯", "😀", "\ufffd", "zz"]), max_size=8), max_size=10)


@settings(max_examples=200, deadline=None)
@given(st.sets(TERMS, max_size=30), TERMS)
@example({"\uffff", "\U00010000", "😀"}, "😀")
def test_every_term_is_found_at_its_place_and_no_other(terms, other):
    vocabulary = Vocabulary.of(sorted(terms))
    assert len(vocabulary) == len(terms)
    for place, term in enumerate(sorted(terms)):
        assert vocabulary.find(term) == place
        assert vocabulary[place] == term
    assert (vocabulary.find(other) is None) == (other not in terms)


@pytest.mark.parametrize("term", ["", "ket", "ketaminee", "ketamin", "\ud800", "\0", "é" * 1000])
def test_a_term_that_is_not_there_has_no_number(term):
    assert Vocabulary.of(["ketamine", "ketone"]).find(term) is None


def test_an_empty_vocabulary_finds_nothing():
    vocabulary = Vocabulary.of([])
    assert len(vocabulary) == 0
    assert vocabulary.find("ketamine") is None


def test_code_points_beyond_the_first_plane_sort_after_those_inside():
    # UTF-16 would sort the surrogate pair of 😀 before U+FFFD
    table = postings_of([["😀", "\ufffd", "a"]])
    assert [table.vocabulary[n] for n in range(3)] == ["a", "\ufffd", "😀"]
    assert [table.vocabulary.find(t) for t in ("a", "\ufffd", "😀")] == [0, 1, 2]


def test_the_vocabulary_reads_arrays_that_can_not_be_written(tmp_path):
    made = Vocabulary.of(["a", "é", "😀"])
    for name in ("blob", "ends"):
        np.save(tmp_path / f"{name}.npy", getattr(made, name))
    mapped = Vocabulary(*(np.load(tmp_path / f"{n}.npy", mmap_mode="r", allow_pickle=False) for n in ("blob", "ends")))
    assert [mapped.find(t) for t in ("a", "é", "😀", "b")] == [0, 1, 2, None]


def dense(table):
    matrix = np.zeros((table.passages, len(table.vocabulary)))
    for term in range(len(table.vocabulary)):
        indices, data = row_of(table, term)
        matrix[indices, term] = data
    return matrix


def naive_bm25(rows, term, place):
    tf, length = rows[place].count(term), len(rows[place])
    mean = sum(map(len, rows)) / len(rows)
    return tf / (tf + 1.2 * (0.25 + 0.75 * length / mean)) if tf else 0.0


@settings(max_examples=150, deadline=None)
@given(COLLECTIONS)
@example([])
@example([[], []])
def test_the_matrix_is_what_a_naive_count_gives(rows):
    table = postings_of(rows)
    terms = sorted({t for row in rows for t in row})
    assert [table.vocabulary[n] for n in range(len(table.vocabulary))] == terms
    assert table.passages == len(rows)
    assert np.diff(table.indptr).tolist() == [sum(t in row for row in rows) for t in terms]
    expected = [[naive_bm25(rows, t, place) for t in terms] for place in range(len(rows))]
    np.testing.assert_allclose(dense(table), np.reshape(expected, (len(rows), len(terms))), rtol=1e-6)


@settings(max_examples=100, deadline=None)
@given(COLLECTIONS.filter(lambda rows: any(rows)))
def test_the_tfidf_matrix_is_scikit_learns(rows):
    table = postings_of(rows, "tfidf")
    peer = TfidfVectorizer(analyzer=lambda row: row).fit(rows)
    assert [table.vocabulary[n] for n in range(len(table.vocabulary))] == list(peer.get_feature_names_out())
    np.testing.assert_allclose(dense(table), peer.transform(rows).toarray(), atol=1e-6)
    for number in range(len(table.vocabulary)):
        assert table.idf(table.df(number)) == pytest.approx(peer.idf_[number], rel=1e-12)


@settings(max_examples=100, deadline=None)
@given(COLLECTIONS, st.sampled_from(["bm25", "tfidf"]))
def test_the_arrays_keep_their_types_and_order(rows, weighting):
    table = postings_of(rows, weighting)
    types = table.indptr.dtype, table.indices.dtype, table.tf.dtype, table.norms.dtype, table.upper.dtype
    assert types == (np.int64, np.int32, np.uint16, np.float32, np.float32)
    assert table.indptr[0] == 0
    assert table.indptr[-1] == len(table.indices) == len(table.tf)
    assert np.diff(table.indptr).tolist() == [table.df(term) for term in range(len(table.vocabulary))]
    for term in range(len(table.vocabulary)):
        indices, data = row_of(table, term)
        assert (np.diff(indices) > 0).all()
        assert (data > 0).all()
        assert data.max() <= table.factor(term) * float(table.upper[term])


@pytest.mark.parametrize("weighting", ["bm25", "tfidf"])
def test_a_term_that_no_passage_holds_weighs_most(weighting):
    table = postings_of([["a"], ["a", "b"]], weighting)
    assert table.idf(0) > table.idf(1) > table.idf(2) > 0


@pytest.mark.parametrize("weighting", ["BM25", "", "lucene"])
def test_an_unknown_weighting_is_refused(weighting):
    with pytest.raises(BadSetting) as refused:
        postings_of([["a"]], weighting)
    message = str(refused.value)
    assert "weighting" in message
    assert repr(weighting) in message
    assert "bm25, tfidf" in message


def paired(rows):
    numbered = {t: n for n, t in enumerate(sorted({t for row in rows for t in row}))}
    found = sorted((numbered[a], numbered[b], place) for place, row in enumerate(rows) for a, b in pairwise(row))
    firsts = np.array([a for a, _, _ in found], dtype=np.int64)
    return Pairs(
        np.searchsorted(firsts, np.arange(len(numbered) + 1)),
        np.array([b for _, b, _ in found], dtype=np.int32),
        np.array([place for _, _, place in found], dtype=np.int32),
    )


@settings(max_examples=150, deadline=None)
@given(COLLECTIONS, st.sampled_from(["bm25", "tfidf"]), st.booleans())
def test_what_is_remembered_is_what_is_read(rows, weighting, with_pairs):
    table = postings_of(rows, weighting)
    if with_pairs:
        table = replace(table, pairs=paired(rows))
    remembering = replace(table)
    remembering.remember()
    words = sorted({t for row in rows for t in row})
    for term in [*words, *(f"{a} {b}" for a in words for b in words), "zx", "zx a"]:
        number = table.find(term)
        assert remembering.find(term) == number
        assert remembering.idf_of(number) == table.idf_of(number)
        if number is not None:
            assert remembering.df(number) == table.df(number)
            for kept, read in zip(remembering.row(number), table.row(number), strict=True):
                assert kept.tolist() == read.tolist()
    assert pickle.loads(pickle.dumps(remembering)).kept is None
