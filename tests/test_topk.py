"""Top-k by MaxScore equals top-k by adding all postings, to the last bit."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ketaqa import analysis, maxscore, postings, retriever, topk
from ketaqa.retriever import Retriever

WORDS = "abcdefgh"
TEXTS = st.lists(st.text(WORDS, max_size=12), max_size=40)
QUERIES = st.lists(st.tuples(st.sampled_from(WORDS), st.floats(0.01, 10)), max_size=8, unique_by=lambda pair: pair[0])


def table_of(texts, weighting="bm25"):
    return postings.build([Counter(text) for text in texts], weighting)


def both(table, pairs):
    held = [(number, weight) for word, weight in pairs if (number := table.vocabulary.find(word)) is not None]
    terms, weights = np.array([t for t, _ in held], dtype=np.int64), np.array([w for _, w in held], dtype=np.float64)
    ways = topk.Searched(table, terms, weights, maxscore), topk.Added(table, terms, weights, maxscore)
    return topk.Added(table, terms, weights), *ways


@settings(max_examples=300, deadline=None)
@given(TEXTS, QUERIES, st.integers(1, 50), st.sampled_from(["bm25", "tfidf"]))
def test_both_ways_give_the_same_passages_and_the_same_sums(texts, pairs, k, weighting):
    added, *compiled = both(table_of(texts, weighting), pairs)
    every = np.arange(len(texts))
    for way in compiled:
        assert way.best(k).tolist() == added.best(k).tolist()
        assert way.at(every).tolist() == added.at(every).tolist()
        # the room is left as it was found
        assert way.best(k).tolist() == added.best(k).tolist()


@pytest.mark.parametrize("k", [1, 2, 10, 500])
def test_many_passages_with_many_ties_and_common_terms(k):
    rng = np.random.default_rng(6)
    texts = ["".join(rng.choice(list(WORDS), 6, p=np.array([40, 20, 15, 10, 6, 5, 3, 1]) / 100)) for _ in range(5000)]
    table = table_of(texts)
    for _ in range(40):
        words = rng.choice(list(WORDS), rng.integers(1, 8), replace=False)
        added, *compiled = both(table, [(w, float(rng.choice([0.5, 1.0, 3.0]))) for w in words])
        for way in compiled:
            assert way.best(k).tolist() == added.best(k).tolist()
            assert way.at(way.best(k)).tolist() == added.at(added.best(k)).tolist()


def test_no_passage_or_no_term_finds_nothing():
    for texts, pairs in ((["ab"], []), ([""], [("a", 1.0)])):
        for way in both(table_of(texts), pairs):
            assert way.best(3).tolist() == []


@pytest.fixture
def large(monkeypatch):
    monkeypatch.setattr(topk, "LARGE", 0)
    monkeypatch.setattr(topk, "SMALL", 0)
    monkeypatch.setattr(topk, "_compiled", topk._Compiled())


def test_the_compiled_way_is_taken_when_it_is_there(large):
    table = table_of(["ab", "bc"])
    assert topk._compiled.load() is maxscore
    assert isinstance(topk.sums(table, [(0, 1.0)], 1), topk.Searched)
    assert isinstance(topk.sums(table, [(0, 0.0)], 1), topk.Added)


def test_until_it_is_there_and_without_numba_postings_are_added(large, monkeypatch):
    table = table_of(["ab", "bc"])
    gate = threading.Event()
    monkeypatch.setattr(topk._Compiled, "load", lambda self: gate.wait(10))
    assert isinstance(topk.sums(table, [(0, 1.0)], 1), topk.Added)
    gate.set()
    monkeypatch.undo()
    monkeypatch.setattr(topk, "find_spec", lambda name: None)
    without = topk._Compiled()
    started = threading.active_count()
    assert without.module() is None
    assert threading.active_count() == started
    monkeypatch.setattr(topk, "_compiled", topk._Compiled())
    topk._compiled.load()
    monkeypatch.setattr(topk, "LARGE", 0)
    monkeypatch.setattr(topk, "SMALL", 3)
    assert isinstance(topk.sums(table, [(0, 1.0)], 1), topk.Added)


def test_where_nothing_can_be_compiled_one_line_says_the_cure(monkeypatch, caplog):
    def fails():
        raise RuntimeError("cannot cache function")

    monkeypatch.setattr(maxscore, "warm", fails)
    there = topk._Compiled()
    assert there.load() is None
    assert there.module() is None
    assert "NUMBA_CACHE_DIR" in caplog.text


def test_many_passages_a_document_are_added_up(large, monkeypatch):
    table = table_of(["ab"] * 4000)
    topk._compiled.load()
    monkeypatch.setattr(topk, "LARGE", 4)
    asked = []
    real = topk.sums
    monkeypatch.setattr(retriever, "sums", lambda *args: asked.append(real(*args)) or asked[-1])
    plain = analysis.analyser("plain")
    for firsts in (np.arange(4001), np.array([0, 4000])):
        ranker = Retriever(table, plain, firsts=firsts)
        ranker.search(ranker.query("a"), 1)
    assert [type(one) for one in asked] == [topk.Searched, topk.Added]


def test_a_retriever_ranks_alike_both_ways_and_from_many_threads(monkeypatch):
    rng = np.random.default_rng(7)
    words = [f"w{n}" for n in range(60)]
    texts = [" ".join(rng.choice(words, 12)) for _ in range(800)]
    plain = analysis.analyser("plain")
    table = postings.build([Counter(plain.terms(t) + analysis.pairs(plain.terms(t))) for t in texts], "bm25")
    ranker = Retriever(table, plain, firsts=np.arange(0, 801, 4))
    questions = [" ".join(rng.choice(words, rng.integers(1, 7))) for _ in range(60)]
    expected = [ranker.search(ranker.query(q), 10) for q in questions]
    monkeypatch.setattr(topk, "LARGE", 0)
    monkeypatch.setattr(topk, "SMALL", 0)
    monkeypatch.setattr(topk, "_compiled", topk._Compiled())
    topk._compiled.load()
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda q: ranker.search(ranker.query(q), 10), questions)) == expected
