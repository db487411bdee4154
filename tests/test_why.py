"""Why a passage is shown: the words as typed, what each did, and what set the passage before the next."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ketaqa import why


def by_word(shipped, question):
    answer = shipped.ask(question)
    assert answer.status == "answered"
    return answer, shipped.why(answer), {one.word: one for one in shipped.why(answer).words}


def test_each_word_as_typed_has_its_part(shipped):
    _, _, words = by_word(shipped, "Does ketamine damage the blader of a cat?")
    assert {word: one.role for word, one in words.items()} == {
        "Does": "ignored",
        "ketamine": "matched",
        "damage": "beside",
        "the": "ignored",
        "blader": "matched",
        "of": "ignored",
        "a": "ignored",
        "cat": "missing",
    }
    assert [one.word for one in words.values() if one.read_as] == ["blader"]
    assert words["blader"].read_as == "bladder"
    # the rare word did most
    assert words["blader"].weight > words["damage"].weight > words["ketamine"].weight


QUESTIONS = ["What is ketamine?", "bladder damage bladders", "how long does it last", "Is ketamine legal in the UK?"]


@pytest.mark.parametrize("question", QUESTIONS)
def test_the_parts_add_up(shipped, question):
    answer, found, _ = by_word(shipped, question)
    score = sum(t.weight for t in answer.terms)
    assert sum(one.weight for one in found.words) + found.beside == pytest.approx(score)
    assert found.score == pytest.approx(score)
    second = answer.alternatives[0]
    assert found.next_id == second.passage.passage_id
    assert found.ahead == pytest.approx(score - second.score)
    assert sum(gain for _, gain in found.ahead_by) == pytest.approx(found.ahead)
    gains = [abs(gain) for _, gain in found.ahead_by]
    assert gains == sorted(gains, reverse=True)


@pytest.mark.parametrize("question", ["List the boxed warnings on Spravato", "What is esketamine?", "Is ketamine addictive?"])
def test_a_word_is_said_to_be_in_the_passage_where_it_is(shipped, question):
    answer, _, words = by_word(shipped, question)
    terms = set(shipped.index.analyser.terms(answer.passage.text))
    for word, one in words.items():
        term = shipped.index.analyser.term(word)
        assert (one.role == "matched") == (term in terms)
        assert (one.role == "ignored") == (term is None)


def test_characters_that_are_not_seen_do_not_cut_words(shipped):
    _, _, words = by_word(shipped, "Does keta\u00admine damage the blad\u200bder?")
    assert {word for word, one in words.items() if one.role in ("matched", "beside")} == {"ketamine", "damage", "bladder"}


def test_words_of_one_term_are_counted_once(shipped):
    _, _, words = by_word(shipped, "bladder damage bladders")
    assert words["bladder"].weight > words["bladders"].weight


def test_one_passage_has_none_to_stand_before(shipped):
    found = shipped.why(shipped.ask("What is ketamine?", k=1))
    assert (found.next_id, found.ahead, found.ahead_by) == (None, 0.0, ())


def test_silence_has_no_reasons_of_a_passage(shipped):
    assert shipped.why(shipped.ask("whats the offside rule")) is None


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=60))
def test_any_question_that_is_answered_has_its_reasons(shipped, text):
    answer = shipped.ask(f"what is ketamine {text}")
    found = shipped.why(answer)
    assert (found is None) == (answer.passage is None)
    if found:
        assert sum(one.weight for one in found.words) + found.beside == pytest.approx(found.score)


def test_what_set_it_ahead_is_said_in_words(shipped):
    _, found, _ = by_word(shipped, "Does ketamine damage the bladder?")
    said = why.said_ahead(found, "the next")
    assert said.startswith(f"{found.ahead:.1f} ahead of the next: ")
    named = re.findall(r" ([+-]\d+\.\d)", said)
    assert sum(map(float, named)) == pytest.approx(found.ahead, abs=0.05 * (len(named) + 1))
