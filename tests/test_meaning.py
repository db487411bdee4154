"""Meaning: told word by word, among passages that share a word unless an encoder asks, the same with every k."""

from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pytest
from conftest import postings_of
from hypothesis import given, settings
from hypothesis import strategies as st

from ketaqa import analysis, compiled, meaning, retriever, semantics
from ketaqa.explaining import explained
from ketaqa.meaning import COMPANY, COMPANY_WEIGHT, Meaning
from ketaqa.retriever import Retriever

ENGLISH = analysis.analyser("english")
TEXTS = [
    "Ketamine treatment has a price that insurance seldom covers.",
    "Ketamine treatment can harm the bladder.",
    "Ketamine treatment lasts forty minutes.",
    "An unrelated passage on gardening.",
]


def ranker(texts=TEXTS, general=True, vectors=None):
    table = postings_of([ENGLISH.terms(t) for t in texts])
    codes = semantics.packed(semantics.table().encode(texts) if vectors is None else vectors)
    return Retriever(table, ENGLISH, Meaning(table, codes, semantics.mean(codes), general))


def test_a_passage_that_says_it_in_other_words_comes_first():
    qa = ranker()
    plain = Retriever(qa.postings, ENGLISH)
    assert plain.search(plain.query("cost of ketamine treatment"), 3)[-1][0] == 0
    assert qa.search(qa.query("cost of ketamine treatment"), 1)[0][0] == 0


def test_the_words_shares_sum_to_the_score():
    qa = ranker()
    for question in ("cost of ketamine treatment", "does ketamine, ketamine, hurt my bladder?", "what zxqv ketamine"):
        query = qa.query(question)
        hits = qa.search(query, 4)
        assert hits
        for number, score in hits:
            told = explained(qa, query, [number])[0]
            assert sum(t.weight for t in told) == pytest.approx(score, abs=1e-9)
            assert any(t.term.startswith(retriever.MEANING) and t.weight for t in told)


def test_only_passages_that_hold_a_word_of_the_question_are_found():
    qa = ranker()
    assert {n for n, _ in qa.search(qa.query("ketamine for flowers"), 10)} == {0, 1, 2}
    assert qa.search(qa.query("zxqv"), 10) == []
    assert qa.search(qa.query("what is it"), 10) == []


class Reader:
    """Stands for a sentence encoder: it reads every question as one passage."""

    name = semantics.TEACHER

    def __init__(self, text):
        self.vector = semantics.table().encode([text])

    def encode(self, texts, progress=None):
        return np.repeat(self.vector, len(texts), axis=0)


def test_where_an_encoder_asks_the_nearest_are_found_without_a_common_word(monkeypatch):
    monkeypatch.setattr(meaning, "BLOCK", 3)
    monkeypatch.setattr(retriever, "CANDIDATES", 2)
    qa = ranker()
    qa = replace(qa, meaning=replace(qa.meaning, encoder=Reader(TEXTS[3])))
    query = qa.query("bladder")
    (first, score), *_ = qa.search(query, 1)
    assert first == 3
    assert sum(t.weight for t in explained(qa, query, [first])[0]) == pytest.approx(score, abs=1e-9)
    for question in ("bladder", "gardening", "zxqv"):
        asked = qa.query(question)
        assert qa.search(asked, 1) == qa.search(asked, 2)[:1]


def test_the_nearest_are_those_above_the_average_and_ties_go_to_the_lower_number(monkeypatch):
    monkeypatch.setattr(meaning, "BLOCK", 3)
    qa = ranker([*["ketamine dose"] * 5, "gardening", "zxqv", "bladder harm"])
    vector = semantics.table().encode(["a dose of ketamine"])[0].astype(np.float64)
    every = qa.meaning.scores(np.arange(8), vector)
    assert every[6] == 0.0  # no word of it is known: neither near nor far
    for count in (1, 2, 4, 5, 9):
        best = sorted((n for n in range(8) if every[n] > 0.0), key=lambda n: (-every[n], n))[:count]
        assert qa.meaning.nearest(vector, count).tolist() == sorted(best)


def test_meaning_grows_with_the_root_of_the_questions_idf():
    qa = ranker()
    one, two = (next(t for t in qa.query(q) if t.term == "meaning:bladder") for q in ("bladder", "bladder zxqv zxqv"))
    idf, unknown = qa.postings.idf(1), qa.postings.idf(0)
    assert idf > 1.0
    assert two.vector == pytest.approx(one.vector * np.sqrt((idf + 2 * unknown) / idf))


def test_the_best_k_are_the_first_of_more():
    texts = [
        f"ketamine {word}"
        for word in ["price", "bladder", "minutes", "doctor", "nurse", "drip", "spray", "tablet", "law", "history"]
    ]
    qa = ranker(texts)
    query = qa.query("how much does ketamine cost at the doctor")
    assert qa.search(query, 3) == qa.search(query, 10)[:3]
    assert qa.search(query, 10) == sorted(qa.search(query, 10), key=lambda hit: (-hit[1], hit[0]))


def test_more_candidates_than_the_limit_are_asked_for_by_a_larger_k(monkeypatch):
    monkeypatch.setattr(retriever, "CANDIDATES", 2)
    qa = ranker(["ketamine " * n for n in range(1, 7)])
    assert len(qa.search(qa.query("ketamine"), 2)) == 2
    assert len(qa.search(qa.query("ketamine"), 5)) == 5


def test_passages_that_are_alike_keep_their_order():
    # of many sizes: how a library adds up rows depends on how many there are
    for size in range(2, 40):
        qa = ranker([*["ketamine dose"] * size, "An unrelated passage on gardening.", "bladder harm"])
        found = qa.search(qa.query("how much ketamine is a dose for depression"), size)
        assert [n for n, _ in found] == list(range(size))
        assert len({score for _, score in found}) == 1


def test_a_vector_space_that_the_table_does_not_know_is_read_by_the_company_of_words_alone():
    rng = np.random.default_rng(3)
    qa = ranker(general=False, vectors=rng.standard_normal((len(TEXTS), 64)).astype(np.float32))
    assert {t.term for t in qa.query("cost of ketamine zxqv") if t.vector is not None} == {"meaning:ketamine"}


def test_a_frequent_words_company_is_drawn_evenly():
    texts = ["ketamine"] * (10 * COMPANY)
    vectors = np.random.default_rng(4).standard_normal((len(texts), 32)).astype(np.float32)
    qa = ranker(texts, general=False, vectors=vectors)
    term = next(t for t in qa.query("ketamine") if t.vector is not None)
    picked = semantics.unpacked(qa.meaning.codes[::10]).mean(axis=0) - qa.meaning.mean
    idf = qa.postings.idf(len(texts))
    assert idf < 1.0  # too little for the root to add weight
    assert term.vector / (COMPANY_WEIGHT * idf) == pytest.approx(picked, abs=1e-5)


def test_words_lent_by_the_question_before_weigh_less():
    qa = ranker()
    lent = {t.term: t.vector for t in qa.query("minutes", "bladder") if t.vector is not None}
    own = {t.term: t.vector for t in qa.query("bladder") if t.vector is not None}
    assert lent["meaning:bladder"] == pytest.approx(meaning.LENT * own["meaning:bladder"])


@pytest.mark.parametrize(
    "question", ["How fast does ketamine work for depression?", "ketamine", "is it safe to drive home", "zx"]
)
@pytest.mark.parametrize("k", [1, 4, 30, 1000])
def test_passages_that_cannot_be_among_the_best_are_passed_over_without_a_change(shipped, question, k, monkeypatch):
    ranker = shipped.index.retriever
    query = ranker.query(question)
    passed_over = ranker.search(query, k)
    monkeypatch.setattr(meaning, "SMALL", 0)
    assert ranker.search(query, k) == passed_over


def test_single_precision_is_off_by_less_than_is_said(shipped):
    ranker, passages = shipped.index.retriever, np.arange(shipped.info.passages)
    for question in ("How fast does ketamine work for depression?", "Is it safe to drive home after an infusion?", "ketamine"):
        vector = np.sum([t.vector for t in ranker.query(question) if t.vector is not None], axis=0)
        for some in (passages, passages[::3]):
            near, off = ranker.meaning.nearly(some, vector)
            assert np.abs(near - ranker.meaning.scores(some, vector)).max() < off / 4


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 90), st.sampled_from([0.0, 1e-9, 1.0, 40.0]))
def test_the_compiled_look_at_all_passages_finds_the_very_same(seed, count, size):
    rng = np.random.default_rng(seed)
    codes = semantics.packed(rng.standard_normal((80, 384)).astype(np.float32) + rng.standard_normal(384).astype(np.float32))
    codes[rng.integers(0, 80, 9)] = 0  # passages without a vector
    codes[rng.integers(0, 80, 9)] = codes[3]  # ties
    known, vector = Meaning(postings_of([]), codes, semantics.mean(codes), True), size * rng.standard_normal(384)
    slow = known.nearest(vector, count)
    with patch.object(meaning, "LARGE", 0):
        assert known.nearest(vector, count).tolist() == slow.tolist()
        looked_at = len(known._near(vector, count))
    assert compiled.module("nearing", True) is None or count > 60 or not size or looked_at < 80
