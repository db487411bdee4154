"""Wordings: trying an expression only where a word begins as it may finds what trying it everywhere finds."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ketaqa import safety
from ketaqa.wordings import Wordings, openings

RULES = [(number, expression) for number, row in enumerate(safety._data()["rule"]) for expression in row["patterns"]]
EXPRESSIONS = [(number, *safety._written_out([expression])) for number, expression in RULES]
ALONE = [(number, re.compile(rf"\b(?:{expression})\b")) for number, expression in EXPRESSIONS]
# all words that stand in the rules, and some that stand in none
LITERALS = sorted({word for _, expression in EXPRESSIONS for word in re.findall(r"[a-z0-9]+", expression)} | {"ketones", "zx"})
GROUPS = sorted({group for _, expression in EXPRESSIONS for group in re.findall(r"[a-z0-9][a-z0-9 ]+", expression)})


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("kms", {"km"}),
        ("k", {"k "}),
        ("i cant breathe", {"i "}),
        ("hope (?:i|that i)", {"ho"}),
        ("(?:want|wish|i)(?: to)? go", {"wa", "wi", ""}),
        ("(?:i|im)(?: \\w+){0,4} go", {"i ", "im"}),
        ("(?:i|im) go", {"i ", "im"}),
        ("(?:i|im)", {"i ", "im"}),
        ("(?:(?:a|be) cat|no ?one)", {"a ", "be", "no"}),
        ("ways?", {"wa"}),
        ("go|stay", {"go", "st"}),
        # these may begin with anything
        ("do?g", {""}),
        ("(?:my )?dog", {""}),
        ("(?:my ){0,2}dog", {""}),
        ("i(?: \\w+){0,4}t", {""}),
        ("\\d\\d pills", {""}),
        ("^did", {""}),
        ("(?:my|(our)) [)] dog", {""}),
        ("my dog \\(or cat|mine", {""}),
        ("", {""}),
    ],
)
def test_openings(expression, expected):
    assert openings(expression) == expected


def test_nearly_all_expressions_of_the_rules_tell_how_they_begin():
    assert sum("" in openings(expression) for _, expression in EXPRESSIONS) <= 2


def everywhere(text):
    return {number for number, expression in ALONE if expression.search(text)}


@settings(max_examples=500, deadline=None)
@given(st.lists(st.sampled_from(LITERALS + GROUPS), max_size=12).map(" ".join))
def test_what_fits_is_what_fits_anywhere(text):
    assert safety._wordings().fitting(text) == everywhere(text)


@pytest.mark.parametrize(("number", "expression"), EXPRESSIONS)
def test_each_expression_is_found_in_what_it_fits(number, expression):
    wordings = Wordings([(number, expression)])

    @settings(max_examples=25, deadline=None, derandomize=True)
    @given(st.from_regex(rf"(?:{expression})\Z".replace("\\w", "[a-z]").replace("\\d", "[0-9]")))
    def found(text):
        said = safety.normalised(text)
        if re.search(rf"\b(?:{expression})\b", said):
            assert wordings.fitting(said) == {number}
            assert wordings.fitting(f"well {said}") == {number} or expression.startswith("^")

    found()
