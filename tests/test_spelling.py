"""Misspelt words are read as words of the documents; words that are right, or that nobody can mean, stay."""

from collections import Counter

import numpy as np
import pytest

import ketaqa
from ketaqa import analysis
from ketaqa.postings import Vocabulary
from ketaqa.records import Correction
from ketaqa.spelling import Spelling, spelled

ENGLISH = analysis.analyser("english")


def spelling(*texts):
    counts = sum((Counter(spelled(t)) for t in texts), Counter())
    names = sorted(counts)
    terms = {term for t in texts for term in ENGLISH.terms(t)}
    return Spelling(Vocabulary.of(names), np.array([counts[n] for n in names], np.int32), ENGLISH, terms.__contains__)


def read(question, *texts):
    text, corrections = spelling(*texts).read(question)
    return text, [(c.typed, c.meant) for c in corrections]


@pytest.mark.parametrize("typed", ["ketmine", "ketamiine", "ketamone", "kteamine", "Ketamina", "KETMINE"])
def test_one_slip_is_mended(typed):
    assert read(f"is {typed} safe?", "ketamine") == ("is ketamine safe?", [(typed, "ketamine")])


def test_two_slips_are_mended_in_long_words_only():
    assert read("psilocibyn", "psilocybin")[1] == [("psilocibyn", "psilocybin")]
    assert read("blodr", "bladder")[1] == []


def test_words_that_documents_or_people_know_stay():
    for question in ("lithium", "form", "nicked", "safe", "the", "what"):
        assert read(question, "ketamine from picked save") == (question, [])


@pytest.mark.parametrize("question", ["k", "xyz", "0.5mgg", "56mgx", "", "  ", "😀", "ketamine", "zxqvblorp"])
def test_short_words_numbers_and_words_like_no_other_stay(question):
    assert read(question, "ketamine km kg blood") == (question, [])


def test_the_first_letter_decides_between_words_as_near_then_how_many_passages_hold_them():
    assert read("blodd", "blood", "flodd")[1] == [("blodd", "blood")]
    assert read("blodd", "bloda", "blood", "blood")[1] == [("blodd", "blood")]


def test_all_else_of_the_question_stays_as_it_was():
    text, found = read("  Is\tketmine – “ketmine” – ok?\n", "ketamine")
    assert text == "  Is\tketamine – “ketamine” – ok?\n"
    assert found == [("ketmine", "ketamine")]


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


def test_a_question_without_slips_needs_no_list_of_words():
    qa = ketaqa.open()
    qa.ask("What is ketamine?")
    assert "_words" not in qa.index.spelling.__dict__
