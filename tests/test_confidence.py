"""Confidence: what speaks for the best passage and against it, and how likely that makes it an answer."""

import json
from dataclasses import astuple
from math import sqrt

import pytest
from conftest import postings_of
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ketaqa import confidence
from ketaqa.analysis import analyser
from ketaqa.confidence import BEST
from ketaqa.config import ANSWER_OR_SILENCE
from ketaqa.errors import BadSetting
from ketaqa.records import TermWeight
from ketaqa.retriever import QueryTerm, Retriever

ENGLISH = analyser("english")
RAREST = 6.0  # the idf of an unknown word in a collection of some two hundred passages
# (idf, matched, whether it is a word and not a heading's evidence)
TERMS = st.lists(st.tuples(st.floats(0.01, 20), st.booleans(), st.booleans()), max_size=8)
SCORES = st.lists(st.floats(0, 40), min_size=1, max_size=BEST).map(lambda scores: sorted(scores, reverse=True))


def case(rows):
    query = [QueryTerm(f"t{n}", n, idf, idf, word) for n, (idf, _, word) in enumerate(rows)]
    return query, [TermWeight(f"t{n}", idf if hit else 0.0, hit) for n, (idf, hit, _) in enumerate(rows)]


def evidence(rows, scores):
    return confidence.evidence(*case(rows), scores, RAREST)


def test_evidence_by_hand():
    rows = [(3.0, True, True), (1.0, False, True), (9.0, True, False)]
    # half a rare word met, a sixth missing of two words; the score stands 8 - 18 / 9 above the others, by an idf of 4
    found = evidence(rows, [8.0, 6.0, 6.0, 6.0])
    assert astuple(found) == pytest.approx((sqrt(1.5), 1.5 * 0.5, 1 / 12))
    # a question of which one passage alone holds a word
    assert astuple(evidence([(3.0, True, True)], [5.0])) == pytest.approx((sqrt(5 / 3), 5 / 3 * 0.5, 0.0))


def test_no_evidence_where_the_passage_holds_no_word():
    assert evidence([(2.0, True, False), (3.0, False, True)], [1.0]) is None
    assert confidence.evidence([], [], [1.0], RAREST) is None
    assert confidence.probability(None) == 0.0


def test_words_that_ask_are_not_missed():
    asking, other = (confidence.evidence(*asked(word), [4.0], RAREST) for word in ("explain", "bladder"))
    assert asking.missing == 0.0
    assert other.missing > 0.0


def asked(word):
    texts = ["ketamine trials", "something else"]
    query = Retriever(postings_of([ENGLISH.terms(text) for text in texts]), ENGLISH).query(f"ketamine {word}")
    return query, [TermWeight(t.term, 1.0, t.term == ENGLISH.term("ketamine")) for t in query]


@settings(max_examples=200, deadline=None)
@given(TERMS, SCORES)
def test_confidence_is_a_probability_of_evidence_that_is_never_below_nothing(rows, scores):
    found = evidence(rows, scores)
    assert (found is None) == (not any(hit and word for _, hit, word in rows))
    assert 0.0 <= confidence.probability(found) <= 1.0
    if found:
        assert min(astuple(found)) >= 0.0
        words = [(idf, hit) for idf, hit, word in rows if word]
        assert found.missing == pytest.approx(sum(idf for idf, hit in words if not hit) / len(words) / RAREST)


@settings(max_examples=200, deadline=None)
@given(TERMS, SCORES, st.data())
def test_more_evidence_never_lowers_the_confidence(rows, scores, data):
    found = evidence(rows, scores)
    assume(found is not None)
    missing = [n for n, (_, hit, word) in enumerate(rows) if word and not hit]
    if missing:  # one word more is met
        n = data.draw(st.sampled_from(missing))
        more = [*rows[:n], (rows[n][0], True, True), *rows[n + 1 :]]
        assert confidence.probability(evidence(more, scores)) >= confidence.probability(found)
    # the best stands further ahead
    ahead = evidence(rows, [scores[0] + 1.0, *scores[1:]])
    assert confidence.probability(ahead) >= confidence.probability(found)


@pytest.mark.parametrize(("question", "sure"), [("5*3*2", False), ("5 mg", True), ("氯胺酮", True), ("2019", False)])
def test_numbers_alone_name_no_subject(question, sure):
    query = Retriever(postings_of([ENGLISH.terms(t) for t in (question, "other")]), ENGLISH).query(question)
    found = confidence.evidence(query, [TermWeight(t.term, 1.0, True) for t in query], [9.0, 1.0], RAREST)
    assert (found is not None) == sure


def test_the_threshold_lies_between_little_and_much():
    little, much = (evidence([(RAREST, False, True), (3.0, True, True)], scores) for scores in ([3.0] * BEST, [30.0, 3.0]))
    assert confidence.probability(little) < ANSWER_OR_SILENCE < confidence.probability(much)


def test_the_dial_promises_what_was_measured():
    rows = json.loads(confidence.PROMISE.read_text(encoding="utf-8"))["steps"]
    silences = [silent for _, _, silent in rows]
    assert silences == sorted(silences)
    said = {threshold: confidence.promise(threshold) for threshold, _, _ in rows}
    for threshold, right, silent in rows:
        assert f"from a confidence of {threshold:.2f} on" in said[threshold]
        assert f"{silent:.0%} then met silence, and {right:.0%} of the answers shown were right" in said[threshold]
    assert said[0.55].partition("Of ")[2] == confidence.promise(0.59).partition("Of ")[2]
    assert confidence.promise(0.0).partition("Of ")[2] == said[rows[0][0]].partition("Of ")[2]


def test_the_default_keeps_nine_in_ten_right():
    rows = {threshold: right for threshold, right, _ in json.loads(confidence.PROMISE.read_text(encoding="utf-8"))["steps"]}
    assert rows[ANSWER_OR_SILENCE] >= 0.9


@pytest.mark.parametrize("question", ["Does ketamine damage the bladder?", "will it show up on a drug test"])
def test_the_dial_trades_answers_for_silence(shipped, question):
    found = [shipped.ask(question, answer_or_silence=least) for least in (0.0, 0.3, 0.8, 1.0)]
    assert len({answer.confidence for answer in found}) == 1
    statuses = [answer.status for answer in found]
    assert statuses == sorted(statuses, reverse=False, key=["answered", "abstained"].index)
    assert statuses[0] == "answered"
    assert statuses[-1] == ("answered" if found[0].confidence == 1.0 else "abstained")


@pytest.mark.parametrize("least", [-0.1, 1.1, float("nan"), "much", True, None])
def test_what_is_no_share_is_refused(shipped, least):
    if least is None:  # the setting's
        assert shipped.ask("What is ketamine?", answer_or_silence=None) == shipped.ask("What is ketamine?")
        return
    with pytest.raises(BadSetting, match="answer_or_silence"):
        shipped.ask("What is ketamine?", answer_or_silence=least)
