"""Top-k by rough sums first equals top-k by adding all postings, to the last bit."""

import pickle
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from conftest import postings_of
from hypothesis import given, settings
from hypothesis import strategies as st

from ketaqa import analysis, compiling, retriever, scanning, topk
from ketaqa.retriever import Retriever

WORDS = "abcdefgh"
PAIRS = ["a b", "b a", "a a", "c d"]
TEXTS = st.lists(st.text(WORDS, max_size=12), max_size=40)
QUERIES = st.lists(
    st.tuples(st.sampled_from([*WORDS, *PAIRS]), st.floats(0.01, 10)), max_size=8, unique_by=lambda pair: pair[0]
)


def table_of(texts, weighting="bm25", paired=False):
    return postings_of(texts, weighting, paired)


def both(table, pairs):
    query = [(number, weight) for word, weight in pairs if (number := table.find(word)) is not None]
    return topk.Added(table, query), topk.Searched(table, query, scanning), topk.Summed(table, query, scanning)


@settings(max_examples=300, deadline=None)
@given(TEXTS, QUERIES, st.integers(1, 50), st.sampled_from(["bm25", "tfidf"]), st.booleans(), st.sampled_from([1, 32]))
def test_all_ways_give_the_same_passages_and_the_same_sums(texts, pairs, k, weighting, paired, common):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiling, "COMMON", common)
        added, *compiled = both(table_of(texts, weighting, paired), pairs)
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


@settings(max_examples=100, deadline=None)
@given(TEXTS, st.lists(QUERIES, max_size=5), st.integers(1, 50), st.sampled_from(["bm25", "tfidf"]), st.booleans())
def test_many_queries_are_answered_as_each_alone(texts, queries, k, weighting, fast):
    table = table_of(texts, weighting, paired=True)
    numbered = [[(n, weight) for word, weight in query if (n := table.find(word)) is not None] for query in queries]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(topk, "GROUP", 2)
        patch.setattr(topk, "LARGE", 0)
        patch.setattr(topk, "SMALL", 0 if fast else 1000)
        compiling.load()
        found = [topk.search(table, numbered, k, threads) for threads in (1, 3)]
    for numbers, scores in found:
        assert numbers.shape == scores.shape == (len(queries), k)
        for query, row, own in zip(numbered, numbers, scores, strict=True):
            every = topk.Added(table, query).at(np.arange(len(texts)))
            ranked = [n for n in np.lexsort((np.arange(len(texts)), -every)) if every[n] > 0][:k]
            assert row.tolist() == ranked + [-1] * (k - len(ranked))
            assert own.tolist() == [*every[ranked].tolist(), *[0.0] * (k - len(ranked))]


def test_the_most_common_terms_have_codes_by_passage_and_others_by_posting(monkeypatch):
    monkeypatch.setattr(compiling, "ROOM", 9)
    table = table_of(["a" * 300 + "b", "bcc", "bc", "bcda"])
    reader = compiling.Reader(table)
    b, c, a, d = (table.find(word) for word in "bcad")
    # room for two columns of four passages: b stands in all, c in three
    kinds = {number: row[scanning.KIND] for number, row in reader.rows.items()}
    assert kinds == {b: scanning.COLUMN, c: scanning.COLUMN, a: scanning.CODED, d: scanning.CODED}
    assert len(reader.codes) == 4 + 4 + 2 + 1
    for number, (begin, end, kind, place) in reader.rows.items():
        assert (begin, end) == tuple(table.indptr[number : number + 2])
        passages, tf = table.counts(number)
        codes = np.ceil(255 / float(table.upper[number]) * table.shares(passages, tf))
        places = passages if kind == scanning.COLUMN else np.arange(begin, end)
        assert reader.codes[place + places].tolist() == codes.tolist()


def test_codes_beside_postings_have_a_room_too(monkeypatch):
    monkeypatch.setattr(compiling, "ROOM", 4)
    table = table_of(["a" * 300 + "b", "bcc", "bc", "bcda"])
    reader = compiling.Reader(table)
    # a column for b, codes for the three postings of c, none for a and d
    assert {table.vocabulary[number] for number in reader.rows} == {"b", "c"}
    assert len(reader.codes) == 4 + 3


@pytest.mark.parametrize("weighting", ["bm25", "tfidf"])
def test_many_blocks_of_passages_long_queries_and_all_kinds_of_terms(monkeypatch, weighting):
    # columns, codes beside postings and neither
    monkeypatch.setattr(compiling, "ROOM", 150_000)
    monkeypatch.setattr(compiling, "CODED", 1000)
    rng = np.random.default_rng(8)
    chances = 1.0 / np.arange(1, 401) ** 1.3
    terms = rng.choice(400, (30_000, 12), p=chances / chances.sum())
    table = postings_of([[f"w{n}" for n in row[: 1 + place % 12]] for place, row in enumerate(terms)], weighting, True)
    for size in (1, 3, 6, 40, scanning.LONG + 1):
        for k in (1, 10, 700):
            words = rng.choice(400, size, replace=False, p=chances / chances.sum())
            names = [*(f"w{word}" for word in words), "w0 w1", "w0 w0"]
            added, *compiled = both(table, [(name, float(rng.uniform(0.1, 5.0))) for name in names])
            for way in compiled:
                assert way.best(k).tolist() == added.best(k).tolist()
                assert way.at(way.best(k)).tolist() == added.at(added.best(k)).tolist()


def test_a_pair_counts_no_more_than_a_term():
    table = table_of(["a" * 70_001 + "b", "aab"], paired=True)
    assert table.counts(table.find("a a"))[1].tolist() == [65535, 1]
    added, *compiled = both(table, [("a a", 1.0), ("b", 0.5)])
    for way in compiled:
        assert way.best(2).tolist() == added.best(2).tolist() == [0, 1]


def test_what_was_searched_can_be_pickled():
    table = table_of(["ab", "bc"])
    compiling.reader(table)
    again = pickle.loads(pickle.dumps(table))
    assert topk.Searched(again, [(0, 1.0)], scanning).best(2).tolist() == [0]


def test_counts_too_large_for_a_column_are_looked_up(monkeypatch):
    monkeypatch.setattr(compiling, "COMMON", 1000)
    added, *compiled = both(table_of(["a" * n + "b" for n in range(40)]), [("a", 1.0), ("b", 0.5)])
    for way in compiled:
        assert way.at(np.arange(40)).tolist() == added.at(np.arange(40)).tolist()
        assert way.best(3).tolist() == added.best(3).tolist()


def test_no_passage_or_no_term_finds_nothing():
    for texts, pairs in ((["ab"], []), ([""], [("a", 1.0)])):
        for way in both(table_of(texts), pairs):
            assert way.best(3).tolist() == []


@pytest.fixture
def large(monkeypatch):
    monkeypatch.setattr(topk, "LARGE", 0)
    monkeypatch.setattr(topk, "SMALL", 0)
    monkeypatch.setattr(compiling, "_compiled", compiling._Compiled())


def test_the_compiled_way_is_taken_when_it_is_there(large):
    table = table_of(["ab", "bc"])
    assert compiling._compiled.load() is scanning
    assert isinstance(topk.sums(table, [(0, 1.0)], 1), topk.Searched)
    assert isinstance(topk.sums(table, [(0, 0.0)], 1), topk.Added)


def test_until_it_is_there_and_without_numba_postings_are_added(large, monkeypatch):
    table = table_of(["ab", "bc"])
    gate = threading.Event()
    monkeypatch.setattr(compiling._Compiled, "load", lambda self: gate.wait(10))
    assert isinstance(topk.sums(table, [(0, 1.0)], 1), topk.Added)
    gate.set()
    monkeypatch.undo()
    monkeypatch.setattr(compiling.compiled, "installed", lambda: False)
    without = compiling._Compiled()
    started = threading.active_count()
    assert without.module(True) is None
    assert threading.active_count() == started


def test_a_small_index_has_nothing_loaded_and_uses_what_is_there(large, monkeypatch):
    table = table_of(["ab", "bc"])
    monkeypatch.setattr(topk, "SMALL", 3)
    started = threading.active_count()
    assert isinstance(topk.sums(table, [(0, 1.0)], 1), topk.Added)
    assert threading.active_count() == started
    compiling._compiled.load()
    assert isinstance(topk.sums(table, [(0, 1.0)], 1), topk.Searched)


def test_where_nothing_can_be_compiled_one_line_says_the_cure(monkeypatch, caplog):
    def fails(lists):
        raise RuntimeError("cannot cache function")

    monkeypatch.setattr(scanning, "warm", fails)
    there = compiling._Compiled()
    assert there.load() is None
    assert there.module(True) is None
    assert "NUMBA_CACHE_DIR" in caplog.text


def test_many_passages_a_document_are_added_up(large, monkeypatch):
    table = table_of(["ab"] * 4000)
    compiling._compiled.load()
    monkeypatch.setattr(topk, "LARGE", 4)
    asked = []
    real = topk.sums
    monkeypatch.setattr(retriever, "sums", lambda *args: asked.append(real(*args)) or asked[-1])
    plain = analysis.analyser("plain")
    for firsts in (np.arange(4001), np.array([0, 4000])):
        ranker = Retriever(table, plain, firsts=firsts)
        ranker.search(ranker.query("a"), 1)
    assert [type(one) for one in asked] == [topk.Searched, topk.Summed]


def test_a_retriever_ranks_alike_both_ways_and_from_many_threads(monkeypatch):
    rng = np.random.default_rng(7)
    words = [f"w{n}" for n in range(60)]
    texts = [" ".join(rng.choice(words, 12)) for _ in range(800)]
    plain = analysis.analyser("plain")
    table = postings_of([plain.terms(t) for t in texts], paired=True)
    ranker = Retriever(table, plain, firsts=np.arange(0, 801, 4))
    questions = [" ".join(rng.choice(words, rng.integers(1, 7))) for _ in range(60)]
    expected = [ranker.search(ranker.query(q), 10) for q in questions]
    monkeypatch.setattr(topk, "LARGE", 0)
    monkeypatch.setattr(topk, "SMALL", 0)
    monkeypatch.setattr(compiling, "_compiled", compiling._Compiled())
    compiling._compiled.load()
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda q: ranker.search(ranker.query(q), 10), questions)) == expected
