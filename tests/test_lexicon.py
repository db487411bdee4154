"""Many texts at once give the terms that each gives alone, and blocks joined give the postings of all passages."""

from collections import Counter
from dataclasses import fields
from itertools import pairwise

import numpy as np
import pytest
from conftest import postings_of, same_postings
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ketaqa import analysis, compiled, inversion, joining, lexicon, postings, shipped
from ketaqa.inversion import Inverter
from ketaqa.lexicon import BORDER, Chunks, Lexicon

# letters with marks, ligatures, wide and tiny forms, capitals that grow when folded, quotes, points inside numbers, blanks
ODD = "aA1_.,'’-–“\u0301ﬁẞİǰẖÅKΣς①½\u00a0\u2003\u200b\x1c\x85\ud800😀氯ー ا\n\t\0"
TEXTS = st.lists(st.one_of(st.text(ODD, max_size=12), st.text(max_size=20)), max_size=6)


@pytest.fixture(scope="module", params=["interpreted", "compiled"])
def numbering(request):
    """What numbers chunks, by the interpreter and by numba."""
    if request.param == "interpreted":
        return Chunks
    if not compiled.installed():
        pytest.skip("needs ketaqa[fast]")
    return lambda: lexicon.Table(compiled.module("chunking", True))


def terms_at_once(analyser, texts, chunks):
    lexicon = Lexicon(chunks, analyser.terms)
    numbers, names = lexicon.numbers(chunks.of(texts)), list(lexicon.names)
    ends = np.flatnonzero(numbers == BORDER)
    return [[names[n] for n in part[part >= 0]] for part in np.split(numbers, ends)[: len(texts)]]


@pytest.mark.parametrize("name", ["plain", "english"])
@settings(max_examples=400, deadline=None)
@given(TEXTS)
@example(["H\u0331 J\u030c", "0.5mg 1,148.2", "can't can’t 'n'", "word—word", "\ufb03 x"])
@example(["J\u0323\u030c", "I\u0331\u0307", "H\u0307\u0331", "H\u030c\u0331 Abc"])
def test_texts_at_once_give_the_terms_of_each_text(name, numbering, texts):
    analyser = analysis.analyser(name)
    assert terms_at_once(analyser, texts, numbering()) == [analyser.terms(text) for text in texts]


def test_the_shipped_texts_at_once_give_their_terms(numbering):
    texts = [path.read_text(encoding="utf-8") for path in sorted(shipped.corpus_path().glob("*.md"))]
    analyser = analysis.analyser("english")
    assert terms_at_once(analyser, texts, numbering()) == [analyser.terms(text) for text in texts]


def test_a_chunk_is_taken_apart_once(numbering):
    seen, chunks = [], numbering()
    lexicon = Lexicon(chunks, lambda text: seen.append(text) or [text])
    for _ in range(3):
        lexicon.numbers(chunks.of(["Ketamine, ketamine", "dose ketamine"]))
    assert seen == ["ketamine,", "ketamine", "dose"]


def test_words_without_end_are_forgotten_and_the_postings_stay_right(monkeypatch, numbering):
    monkeypatch.setattr(lexicon, "MOST_CHUNKS", 3)
    monkeypatch.setattr(lexicon, "chunks", lambda characters: numbering())
    inverter = Inverter("plain")
    joined = joining.join([inverter([text]) for text in ("a b c d", "b e f", "a g")], "bm25")
    assert len(inverter.chunks) < 6
    assert same_postings(joined, postings_of([["a", "b", "c", "d"], ["b", "e", "f"], ["a", "g"]]))


def test_a_copy_knows_the_same_words_and_learns_its_own(monkeypatch, numbering):
    monkeypatch.setattr(lexicon, "chunks", lambda characters: numbering())
    first = Inverter("plain", paired=True)
    first(["one two, three", "o'two 3.5"])
    one, other = first.copy(), first.copy()
    texts = [["three four one"], ["five, two six", "seven"], ["eight one five"]]
    for inverter, text in zip([one, other, first, one, other], [*texts, *texts[:2]], strict=True):
        fresh = Inverter("plain", paired=True)(text)
        assert blocks_same(inverter(text), fresh)


def blocks_same(found, wanted):
    return all(np.array_equal(getattr(found, f.name), getattr(wanted, f.name)) for f in fields(wanted))


@settings(max_examples=20, deadline=None)
@given(st.lists(st.text("ab\xe9 ", max_size=40), max_size=30), st.integers(1, 3000))
def test_the_table_of_chunks_grows_without_losing_any(texts, many):
    if not compiled.installed():
        pytest.skip("needs ketaqa[fast]")
    texts = [*texts, " ".join(f"w{n}" for n in range(many)), *texts, "x" * 70_000]
    plain, table = Chunks(), lexicon.chunks(1 << 30)
    for part in (texts[:20], texts[20:], texts):
        found, wanted = ([list(one.since(0))[n] for n in one.of(part)] for one in (table, plain))
        assert found == wanted


ROWS = st.lists(st.lists(st.sampled_from(["a", "b", "é", "氯", "zz"]), max_size=8), max_size=10)


@pytest.fixture(params=[1, 1 << 22], ids=["a term at a time", "all terms at once"])
def at_a_time(request, monkeypatch):
    monkeypatch.setattr(postings, "RANGE", request.param)


@pytest.mark.usefixtures("at_a_time")
def test_blocks_joined_are_the_block_of_all():
    @settings(max_examples=100, deadline=None)
    @given(ROWS, st.lists(st.integers(0, 10), max_size=4), st.booleans(), st.sampled_from(["bm25", "tfidf"]))
    def check(rows, cuts, paired, weighting):
        texts = [" ".join(row) for row in rows]
        bounds = [0, *sorted(min(cut, len(texts)) for cut in cuts), len(texts)]
        inverter = Inverter("plain", paired)
        joined = joining.join([inverter(texts[low:high]) for low, high in pairwise(bounds)], weighting)
        whole = postings_of(rows, weighting, paired)
        assert same_postings(joined, whole)

    check()


@settings(max_examples=150, deadline=None)
@given(ROWS, st.sampled_from("abé"), st.sampled_from(["a", "b", "zz"]))
def test_a_pair_is_counted_where_its_words_stand_together(rows, first, second):
    table = postings_of(rows, paired=True)
    number = table.find(f"{first} {second}")
    counts = [Counter(pairwise(row))[first, second] for row in rows]
    if number is None:
        assert not any(counts)
        return
    passages, tf = table.counts(number)
    assert dict(zip(passages.tolist(), tf.tolist(), strict=True)) == {n: count for n, count in enumerate(counts) if count}
    assert table.df(number) == len(passages)


@settings(max_examples=50, deadline=None)
@given(ROWS)
def test_numbers_too_many_for_one_key_are_sorted_alike(rows):
    columns = [np.array([ord(term[0]) % 7 for row in rows for term in row], dtype=np.int64) for _ in range(3)]
    usual, wide = inversion.rising(columns, [8, 8, 8]), inversion.rising(columns, [1 << 30, 1 << 30, 8])
    assert [a.tolist() for a in usual] == [a.tolist() for a in wide]


def test_no_text_gives_no_postings():
    assert joining.join([], "bm25").passages == 0
    assert Inverter("plain", paired=True)([]).lengths.tolist() == []
    empty = joining.join([Inverter("plain")(["", "  "])], "bm25")
    assert (empty.passages, len(empty.vocabulary)) == (2, 0)
