"""Misspelt words are read as words of the documents; words that are right, or that nobody can mean, stay."""

from collections import Counter

import numpy as np
import pytest

import ketaqa
from ketaqa import analysis, safety
from ketaqa.postings import Vocabulary
from ketaqa.records import Correction
from ketaqa.spelling import MOST, Spelling, spelled

ENGLISH = analysis.analyser("english")


def spelling(*texts):
    counts = sum((Counter(spelled(t)) for t in texts), Counter())
    names = sorted(counts)
    terms = {term for t in texts for term in ENGLISH.terms(t)}
    return Spelling(Vocabulary.of(names), np.array([counts[n] for n in names], np.int32), ENGLISH, terms.__contains__)


def read(question, *texts):
    text, corrections = spelling(*texts).read(question)
    return text, [(c.typed, c.meant) for c in corrections]


def test_a_question_of_words_that_the_documents_hold_needs_no_mending():
    held = spelling("ketamine treatment")
    assert held.holds(ENGLISH.words_and_terms("What is the ketamine treatment?"))
    assert not held.holds(ENGLISH.words_and_terms("What is the ketamine threatment?"))
    assert held.holds([])


@pytest.mark.parametrize("typed", ["ketmine", "ketamiine", "ketamone", "kteamine", "Ketamina", "KETMINE"])
def test_one_slip_is_mended(typed):
    assert read(f"is {typed} safe?", "ketamine") == ("is ketamine safe?", [(typed, "ketamine")])


@pytest.mark.parametrize(
    ("typed", "held"),
    [
        ("propofol", "protocol"),
        ("prednisolone", "prednisone"),
        ("hypernatremia", "hyponatremia"),
        ("oxazepam", "lorazepam"),
        ("escitalopram", "citalopram"),
        ("psilocbyn", "psilocybin"),
        ("氯胺酮可以治疗癫痫患者吗", "氯胺酮可以治疗癫闲患者吗"),
    ],
)
def test_words_further_apart_are_not_taken_for_each_other(typed, held):
    assert read(typed, held) == (typed, [])


def test_words_that_documents_or_people_know_stay():
    for question in ("lithium", "form", "nicked", "safe", "the", "what"):
        assert read(question, "ketamine from picked save") == (question, [])


@pytest.mark.parametrize("question", ["k", "xyz", "0.5mgg", "56mgx", "", "  ", "😀", "ketamine", "zxqvblorp"])
def test_short_words_numbers_and_words_like_no_other_stay(question):
    assert read(question, "ketamine km kg blood") == (question, [])


def test_of_words_as_near_the_one_that_most_passages_hold_is_meant():
    assert read("blodd", "bloda", "blood", "blood")[1] == [("blodd", "blood")]


def test_all_else_of_the_question_stays_as_it_was():
    text, found = read("  Is\tketmine – “ketmine” – ok?\n", "ketamine")
    assert text == "  Is\tketamine – “ketamine” – ok?\n"
    assert found == [("ketmine", "ketamine")]


def test_what_cannot_be_seen_splits_no_word():
    assert ketaqa.open().ask("What is ke\u200bta\u00admine?").passage.doc_id == "what-is-ketamine.md"


def test_an_answer_says_what_was_read():
    answer = ketaqa.open().ask("What is ketmine cystitis?")
    assert answer.status == "answered"
    assert answer.passage.doc_id == "bladder-and-urinary-problems.md"
    assert answer.corrections == (Correction("ketmine", "ketamine"),)
    assert answer.question == "What is ketmine cystitis?"


def test_a_silence_says_what_was_read_too():
    answer = ketaqa.open().ask("Does ketmine cure zxqvblorp?")
    assert answer.status == "abstained"
    assert "“zxqvblorp”" in answer.reason
    assert answer.corrections == (Correction("ketmine", "ketamine"),)


def test_only_so_many_words_of_a_question_are_looked_at():
    typed = ["ketmine", "ktamine", "keamine", "ketaine", "ketamne", "ketamie", "ketamin", "kketamine", "ketaamine", "ketamyne"]
    assert len(read(" ".join(typed), "ketamine")[1]) == MOST


@pytest.mark.parametrize(
    "question",
    ["where to get ketmine without a perscription", "where can I buy ketmine", "how much ketmine to get hgih at home alone"],
)
def test_a_slip_hides_no_danger(question):
    qa = ketaqa.open()
    mended = qa.index.spelling.read(question)[0]
    assert mended != question
    wanted, care = safety.check(mended), qa.care(question)
    assert care.silent or not wanted.silent
    assert care.silent or set(wanted.notices) <= set(care.notices)
    assert {notice.kind for notice in wanted.notices} <= {notice.kind for notice in care.notices}


def test_a_slip_in_the_message_before_hides_no_danger():
    qa = ketaqa.open()
    right, wrong = ([{"role": "user", "content": f"I am {word} about suicide"}] for word in ("thinking", "tinking"))
    for question in ("how much would it take?", "how does it work?"):
        assert qa.care(question, wrong) == qa.care(question, right)


def test_a_lesser_silence_hides_no_crisis():
    care = ketaqa.open().care("How much ketamine should I take to end my lfie")
    assert care.silent
    assert [notice.kind for notice in care.notices] == ["crisis", "dosing"]


def test_a_question_without_slips_needs_no_list_of_words():
    qa = ketaqa.open()
    qa.ask("What is ketamine?")
    assert "_words" not in qa.index.spelling.__dict__


def test_a_word_of_three_letters_may_have_lost_one():
    assert read("spil on the sof", "spill on the sofa") == ("spill on the sofa", [("spil", "spill"), ("sof", "sofa")])
    assert read("il", "ill hill") == ("il", [])
    # capitals are an abbreviation's, two letters may be anything, and one consonant makes another drug
    for question in ("SOF", "Sof", "so", "qx", "mda", "hep"):
        assert read(question, "sofa sofa qxy mdma help") == (question, [])


def test_an_accent_may_be_a_character_of_its_own():
    assert read("de\u0301presssion", "d\u00e9pression") == ("d\u00e9pression", [("de\u0301presssion", "d\u00e9pression")])


def test_letters_in_another_order_are_all_meant():
    assert read("luanch", "lunch lunch", "lunch", "launch") == ("launch", [("luanch", "launch")])
