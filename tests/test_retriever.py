"""Retriever: exact top-k against brute force, and scores that explain themselves."""

from functools import reduce
from itertools import pairwise
from operator import add

import numpy as np
import pytest
from conftest import postings_of
from hypothesis import given, settings
from hypothesis import strategies as st

from ketaqa import analysis, fields, inversion, joining, loaders, passages, shipped
from ketaqa.analysis import HEADING
from ketaqa.explaining import explained
from ketaqa.records import Document, Heading
from ketaqa.retriever import DOCUMENT_WEIGHT, HEADING_WEIGHT, Retriever

PLAIN = analysis.analyser("plain")
WORDS = ["ketamine", "bladder", "dose", "d", "é", "氯", "1.5"]
TEXTS = st.lists(st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join), max_size=15)
QUESTIONS = st.lists(st.sampled_from([*WORDS, "unknown", "zxqv", "?"]), max_size=6).map(" ".join)
WEIGHTINGS = st.sampled_from(["bm25", "tfidf"])


def retriever(texts, weighting="bm25", headings=None, analyser=PLAIN, firsts=None):
    above = headings or [""] * len(texts)
    rows = [analyser.terms(t) + analyser.heading_terms(h) for t, h in zip(texts, above, strict=True)]
    return Retriever(postings_of(rows, weighting), analyser, firsts=firsts)


def read(cut):
    """The retriever of documents' passages, their titles and headings included."""
    english, inverter = analysis.analyser("english"), inversion.Inverter("english", paired=True)
    texts = [fields.texts(*pair) for pair in cut]
    sizes = np.array([len(own) for own in texts])
    block = inverter.block(
        inverter.chunks.of([text for own in texts for text in own]), sizes, [fields.beside(*pair, [], english) for pair in cut]
    )
    return Retriever(joining.join([block], "bm25"), english)


def brute_force(ranker, query, k):
    """Every passage's dot product, one at a time; the positive ones by falling score, ties to the lower number."""
    scores = [0.0] * ranker.postings.passages
    for term in query:
        if term.number is not None:
            passages, tf = ranker.postings.counts(term.number)
            shares = dict(zip(passages.tolist(), ranker.postings.shares(passages, tf).tolist(), strict=True))
            weight = term.weight * ranker.postings.factor(term.number)
            scores = [score + weight * shares.get(place, 0.0) for place, score in enumerate(scores)]
    ranked = sorted((-score, place) for place, score in enumerate(scores) if score > 0)
    return [(place, -score) for score, place in ranked][:k]


@settings(max_examples=200, deadline=None)
@given(TEXTS, QUESTIONS, st.integers(1, 20), WEIGHTINGS)
def test_search_is_brute_force(texts, question, k, weighting):
    ranker = retriever(texts, weighting)
    query = ranker.query(question)
    assert ranker.search(query, k) == brute_force(ranker, query, k)


@settings(max_examples=100, deadline=None)
@given(TEXTS, QUESTIONS, WEIGHTINGS)
def test_fewer_hits_are_the_first_of_more(texts, question, weighting):
    ranker = retriever(texts, weighting)
    query = ranker.query(question)
    every = ranker.search(query, len(texts) + 5)
    for k in range(1, len(texts) + 1):
        assert ranker.search(query, k) == every[:k]


@settings(max_examples=150, deadline=None)
@given(TEXTS, QUESTIONS, WEIGHTINGS)
def test_the_explanation_sums_to_the_score(texts, question, weighting):
    ranker = retriever(texts, weighting)
    query = ranker.query(question)
    for place, score in ranker.search(query, 20):
        terms = explained(ranker, query, [place])[0]
        assert [t.term for t in terms] == [t.term for t in query]
        assert reduce(add, (t.weight for t in terms)) == pytest.approx(score, abs=1e-9)
        for term in terms:
            assert term.matched == (term.term in texts[place].split())
            assert (term.weight > 0) == term.matched


@settings(max_examples=150, deadline=None)
@given(TEXTS, QUESTIONS, st.lists(st.integers(0, 15), max_size=5))
def test_a_passage_gains_from_what_its_documents_passages_score_on_average(texts, question, cuts):
    # the same cut twice: a document without a passage
    firsts = sorted([0, *(min(cut, len(texts)) for cut in cuts), len(texts)])
    ranker, alone = retriever(texts, firsts=np.array(firsts, dtype=np.int64)), retriever(texts)
    query = ranker.query(question)
    own = dict(alone.search(query, 20))
    documents = [range(first, end) for first, end in pairwise(firsts)]
    share = {n: sum(own.get(m, 0.0) for m in d) / len(d) for d in documents for n in d}
    expected = {n: score + DOCUMENT_WEIGHT * share[n] for n, score in own.items()}
    found = ranker.search(query, 20)
    assert dict(found) == pytest.approx(expected)
    assert found == sorted(found, key=lambda hit: (-hit[1], hit[0]))
    for place, score in found:
        assert sum(t.weight for t in explained(ranker, query, [place])[0]) == pytest.approx(score, abs=1e-9)


@settings(max_examples=100, deadline=None)
@given(TEXTS, QUESTIONS, WEIGHTINGS)
def test_the_order_of_words_and_the_run_change_nothing(texts, question, weighting):
    one, other = retriever(texts, weighting), retriever(texts, weighting)
    turned = " ".join(reversed(question.split()))
    assert one.query(question) == other.query(turned)
    assert one.search(one.query(question), 5) == other.search(other.query(turned), 5)


@pytest.mark.parametrize("k", [1, 2, 3, 7])
def test_ties_go_to_the_lower_number_also_at_the_cut(k):
    ranker = retriever(["b b", *["a b"] * 6])
    assert [place for place, _ in ranker.search(ranker.query("a"), k)] == list(range(1, 7))[:k]


def test_a_word_said_twice_weighs_twice():
    ranker = retriever(["ketamine dose", "dose dose", "bladder"])
    once, twice = ranker.query("ketamine"), ranker.query("ketamine Ketamine")
    assert twice[0].weight == 2 * once[0].weight
    assert ranker.search(twice, 1)[0][1] == 2 * ranker.search(once, 1)[0][1]


@pytest.mark.parametrize("weighting", ["bm25", "tfidf"])
def test_unknown_words_are_kept_in_the_query_and_find_nothing(weighting):
    ranker = retriever(["ketamine dose", "bladder"], weighting)
    query = ranker.query("zxqv ketamine")
    assert [(t.term, t.number is None) for t in query] == [("ketamine", False), ("zxqv", True)]
    assert ranker.search(query, 5) == ranker.search(ranker.query("ketamine"), 5)
    assert ranker.search(ranker.query("zxqv"), 5) == []
    assert explained(ranker, query, [0])[0][1].weight == 0.0


@pytest.mark.parametrize("texts", [[], [""], ["", "?!"]])
def test_a_collection_without_words_finds_nothing(texts):
    ranker = retriever(texts)
    assert ranker.search(ranker.query("ketamine"), 3) == []
    assert ranker.query("?!") == []


def test_a_heading_that_is_the_question_wins_among_equal_texts():
    texts = ["ketamine is a drug"] * 3
    ranker = retriever(texts, headings=["Who makes ketamine", "What is ketamine", ""])
    query = ranker.query("what is ketamine")
    assert ranker.search(query, 3)[0][0] == 1
    assert ranker.search(query, 3)[-1][0] == 2


@pytest.mark.parametrize("weighting", ["bm25", "tfidf"])
def test_heading_evidence_is_marked_weighs_less_and_adds_to_the_explanation(weighting):
    ranker = retriever(["ketamine dose", "ketamine bladder"], weighting, ["Ketamine", "ketamine bladder"])
    query = ranker.query("ketamine")
    words, headings = [t for t in query if t.word], [t for t in query if not t.word]
    assert [t.term for t in words] == ["ketamine"]
    assert sorted(t.term for t in headings) == [f"{HEADING}=ketamine", f"{HEADING}ketamine"]
    by_term = {t.term: t for t in query}
    same = by_term[f"{HEADING}ketamine"]  # in as many passages as the word itself
    assert same.weight == pytest.approx(HEADING_WEIGHT * by_term["ketamine"].weight)
    place, score = ranker.search(query, 1)[0]
    assert place == 0
    assert sum(t.weight for t in explained(ranker, query, [place])[0]) == pytest.approx(score, abs=1e-9)


def test_headings_that_no_passage_has_leave_no_trace_in_the_query():
    assert all(t.word for t in retriever(["ketamine"]).query("what is ketamine"))


def test_a_stop_word_matters_in_a_heading_only():
    text = "What is ketamine?\n\nA drug.\n\nWho makes ketamine?\n\nA firm."
    second = text.index("Who")
    document = Document(
        "d", "T", text, "", "d", (Heading(0, 17, 2, text[:17]), Heading(second, second + 19, 2, text[second : second + 19]))
    )
    ranker = read([(document, p) for p in passages.cut(document)])
    assert ranker.search(ranker.query("What is ketamine?"), 1)[0][0] == 0
    assert ranker.search(ranker.query("Who makes ketamine?"), 1)[0][0] == 1


def test_every_shipped_document_is_found_by_its_own_headings():
    documents = [d for s in loaders.find([shipped.corpus_path()])[0] for d in loaders.read(s).documents]
    cut = [(document, p) for document in documents for p in passages.cut(document)]
    ranker = read(cut)
    for document in documents:
        for heading in document.headings:
            query = ranker.query(heading.text)
            found = ranker.search(query, 5)
            assert found == brute_force(ranker, query, 5)
            assert document.doc_id in {cut[place][0].doc_id for place, _ in found}


@settings(max_examples=100, deadline=None)
@given(TEXTS, QUESTIONS, QUESTIONS, WEIGHTINGS)
def test_words_lent_by_the_question_before_rank_and_explain_like_any_other(texts, question, before, weighting):
    ranker = retriever(texts, weighting)
    query = ranker.query(question, before)
    assert ranker.search(query, 20) == brute_force(ranker, query, 20)
    assert {t.term for t in query if t.word} == {t.term for t in ranker.query(question) if t.word}
    for place, score in ranker.search(query, 20):
        assert sum(t.weight for t in explained(ranker, query, [place])[0]) == pytest.approx(score, abs=1e-9)


def test_lent_words_weigh_less_than_the_questions_own_and_are_not_counted_twice():
    ranker = retriever(["ketamine bladder", "ketamine cost", "cost"])
    plain, helped = ranker.query("ketamine"), ranker.query("ketamine", "ketamine bladder zxqv")
    assert [t for t in helped if t.word] == plain
    assert [t.term for t in helped if not t.word] == ["bladder"]
    assert helped[0].weight < ranker.query("bladder")[0].weight
    assert ranker.search(helped, 1)[0][0] == 0
