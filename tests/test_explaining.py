"""Reasons of several hits at once: the same as those of each alone."""

from dataclasses import replace

import pytest

from ketaqa.explaining import explained

QUESTIONS = ["How fast does ketamine work for depression?", "ketamine", "bladder", "what is it", "zxqv ketamine", "zxqv", ""]


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("k", [1, 2, 4, 30])
@pytest.mark.parametrize("parts", [{}, {"firsts": None}, {"meaning": None}, {"firsts": None, "meaning": None}])
def test_each_hit_has_the_reasons_that_it_has_alone(shipped, question, k, parts):
    ranker = replace(shipped.index.retriever, **parts)
    query = ranker.query(question, "Is ketamine legal?" if question == "what is it" else "")
    hits = ranker.search(query, k)
    reasons = explained(ranker, query, [number for number, _ in hits])
    assert reasons == [explained(ranker, query, [number])[0] for number, _ in hits]
    assert [sum(t.weight for t in terms) for terms in reasons] == pytest.approx([score for _, score in hits], abs=1e-9)


def test_a_passage_is_explained_wherever_it_stands(shipped):
    ranker = shipped.index.retriever
    query = ranker.query("How much does a ketamine drip cost?")
    places = [shipped.info.passages - 1, 0, 7, 7]
    assert explained(ranker, query, places) == [explained(ranker, query, [number])[0] for number in places]


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("kept", [False, True])
def test_what_was_told_on_the_way_gives_the_same_reasons(shipped, question, kept):
    ranker = shipped.index.retriever
    postings = replace(ranker.postings)
    if kept:
        postings.remember()
    remembering = replace(ranker, postings=postings)
    assert remembering.query(question) == ranker.query(question)
    query = ranker.query(question)
    told = remembering.told(query, 4)
    assert told.hits == ranker.search(query, 4)
    passages = [number for number, _ in told.hits]
    assert explained(remembering, query, passages, told) == explained(ranker, query, passages)
    assert explained(remembering, query, passages) == explained(ranker, query, passages)
