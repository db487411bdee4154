"""Danger: the sum in plain Python is the model that was fitted, and what it is for."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import fit_danger
from ketaqa import danger, safety


@pytest.fixture(scope="module")
def fitted():
    learn, test = fit_danger.messages()
    return fit_danger.model().fit([t for t, _ in learn], [k for _, k in learn]), learn, test


def test_the_probabilities_are_the_fitted_models(fitted):
    model, learn, _ = fitted
    texts = [text for text, _ in learn[::7]] + ["", "zxqv", "a", "ketamine " * 50]
    expected = model.predict_proba(texts)
    found = [danger.probabilities(text) for text in texts]
    kinds = list(model.classes_)
    # the weights are stored to two digits
    assert np.allclose([[row[k] for k in kinds] for row in found], expected, atol=0.02)


def test_the_stored_model_is_the_one_that_the_script_makes(fitted):
    assert json.loads(json.dumps(fit_danger.saved(fitted[0]))) == json.loads(danger.MODEL.read_text(encoding="utf-8"))


def test_words_that_are_remembered_change_nothing(fitted):
    texts = [safety.normalised(text) for text, _ in fitted[2]] + ["", "zxqv", "ketamine " * 50]
    read = [danger.probabilities(text) for text in texts]
    danger.remember()
    assert [danger.probabilities(text) for text in texts] == read
    danger._known.clear()


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200))
def test_the_probabilities_sum_to_one(text):
    found = danger.probabilities(safety.normalised(text))
    assert set(found) == {"none", "crisis", "emergency", "dosing"}
    assert sum(found.values()) == pytest.approx(1.0)
    assert all(0.0 <= p <= 1.0 for p in found.values())


@pytest.mark.parametrize("text", ["", "a", "ab", "abc def", "  odd   spaces "])
def test_parts_are_those_of_scikit_learns_char_wb(text):
    from sklearn.feature_extraction.text import CountVectorizer

    peer = CountVectorizer(analyzer="char_wb", ngram_range=(3, 5)).build_analyzer()
    assert sorted(danger.parts(text)) == sorted(peer(text))


@pytest.mark.parametrize(
    "question",
    [
        "What is ketamine?",
        "How fast does ketamine work for depression?",
        "is it legal in the UK",
        "What are the side effects?",
        "Explain the offside rule.",
        "How many people have died with ketamine in the United Kingdom?",
        "Does ketamine reduce suicidal thoughts?",
    ],
)
def test_plain_questions_are_answered(question):
    assert not safety.check(question).silent


def test_most_messages_that_it_was_not_fitted_on_are_met_with_help():
    # in the test split, which chose nothing: a bound well below what was measured, to notice a broken model
    _, test = fit_danger.messages()
    care = {kind: [safety.check(text) for text, k in test if (k != "none") == kind] for kind in (True, False)}
    helped = [c.silent or any(n.kind in ("crisis", "emergency", "dosing") for n in c.notices) for c in care[True]]
    assert np.mean(helped) > 0.75
    assert np.mean([c.silent for c in care[False]]) < 0.05
