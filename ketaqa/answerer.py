"""Hits to an Answer's parts: the sentence that answers, the confidence, and whether to stay silent.

Useful for: deciding what is shown. Not useful for: finding it (retriever).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import exp

from ketaqa.analysis import Analyser, paragraph_sentences
from ketaqa.records import Passage, Piece, TermWeight
from ketaqa.retriever import QueryTerm

# A logistic curve over `coverage` and `matched`, fitted on the dev split of the shipped questions: benchmarks/fit_confidence.py
COVERAGE_SLOPE = 4.73
MATCHED_SLOPE = 0.85
OFFSET = -3.07
# below this an honest "nothing here answers that" serves the reader better than the best passage; the lowest step of 0.05 at
# which nine of ten answers shown on the dev split are right
THRESHOLD = 0.65

Span = tuple[int, int]

QUANTITY = re.compile(
    r"\bhow (?:fast|soon|quick|quickly|long|much|many|often|high|big|common)\b|\bwhen\b|\bwhat per ?cent", re.IGNORECASE
)
# stems of words that ask rather than name: a passage that lacks them lacks nothing of the subject
ASKING = frozenset(["describ", "explain", "help", "know", "mean", "need", "pleas", "summaris", "tell", "want"])
NUMBER = re.compile(r"\d")
# chosen on the dev split, see benchmarks/choices.py
QUANTITY_GAIN = 0.2
HEADING_SHARE = 0.2


def coverage(query: Sequence[QueryTerm], terms: Sequence[TermWeight]) -> float:
    """The share, in [0, 1], of the question's idf that the passage holds; a word that no passage knows counts in full."""
    met = _met(query, terms)
    total = sum(t.idf for t in query if t.word and (t in met or t.term not in ASKING))
    return sum(t.idf for t in met) / total if total else 0.0


def matched(query: Sequence[QueryTerm], terms: Sequence[TermWeight], rarest: float) -> float:
    """The idf of the words met, in units of `rarest`, the idf of a word that no passage holds: about how many rare words."""
    return sum(t.idf for t in _met(query, terms)) / rarest


def _met(query: Sequence[QueryTerm], terms: Sequence[TermWeight]) -> list[QueryTerm]:
    found = {t.term for t in terms if t.matched}
    return [t for t in query if t.word and t.term in found]


def confidence(query: Sequence[QueryTerm], terms: Sequence[TermWeight], rarest: float) -> float:
    """How likely, in [0, 1], the passage answers the question."""
    # numbers alone name no subject: "5*3*2?" is answered by no passage that happens to hold a 5, a 3 and a 2
    if not any(any(map(str.isalpha, t.term)) for t in _met(query, terms)):
        return 0.0
    evidence = COVERAGE_SLOPE * coverage(query, terms) + MATCHED_SLOPE * matched(query, terms, rarest) + OFFSET
    return 1.0 / (1.0 + exp(-evidence))


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence that may be marked: its span in the passage, its terms, and whether it holds a number."""

    start: int
    end: int
    terms: frozenset[str]
    number: bool


@dataclass(frozen=True, slots=True)
class Reading:
    """What is known of a passage before a question comes: its sentences, and the terms of the heading above it."""

    sentences: tuple[Sentence, ...]
    above: frozenset[str]


def reading(passage: Passage, headings: Sequence[Span], analyser: Analyser) -> Reading:
    """The reading of a passage. headings: the spans of heading lines in it."""
    cut = [(start, end, passage.text[start:end]) for start, end in _candidates(passage.text, headings)]
    return Reading(
        tuple(Sentence(a, b, frozenset(analyser.terms(text)), NUMBER.search(text) is not None) for a, b, text in cut),
        frozenset(term for heading in passage.section[-1:] for term in analyser.terms(heading)),
    )


@dataclass(frozen=True, slots=True)
class Sought:
    """What a marked sentence should hold: the words of the question with their idf, sorted, or a number."""

    idf: tuple[tuple[str, float], ...]
    total: float
    quantity: bool


def sought(query: Sequence[QueryTerm], question: str) -> Sought:
    """What the sentence that answers a question should hold."""
    words = [(t.term, t.idf) for t in query if t.word]
    return Sought(tuple(sorted(words)), sum(idf for _, idf in words) or 1.0, QUANTITY.search(question) is not None)


def highlighted(passage: Passage, read: Reading, wanted: Sought) -> Passage:
    """The passage with the sentence that answers marked; the first one on a tie.

    A sentence gains the share of the question's idf that it holds, and QUANTITY_GAIN where the question asks for a
    quantity and the sentence holds a number. Words that the heading holds count HEADING_SHARE: the whole section is about
    them, so they tell its sentences apart less.
    """
    weights = [(term, idf * HEADING_SHARE if term in read.above else idf) for term, idf in wanted.idf]
    best, best_gain = None, -1.0
    for sentence in read.sentences:
        gain = sum([weight for term, weight in weights if term in sentence.terms]) / wanted.total
        if wanted.quantity and sentence.number:
            gain += QUANTITY_GAIN
        if gain > best_gain:
            best, best_gain = sentence, gain
    if best is None:
        return passage
    text = passage.text
    cuts = ((text[: best.start], False), (text[best.start : best.end], True), (text[best.end :], False))
    return replace(passage, pieces=tuple(Piece(cut, mark) for cut, mark in cuts if cut))


def _candidates(text: str, headings: Sequence[Span]) -> list[Span]:
    """Sentences between the headings; the headings themselves only when there is nothing else."""
    edges = [0, *(edge for heading in headings for edge in heading), len(text)]
    between = list(zip(edges[::2], edges[1::2], strict=True))
    found = [span for start, end in between for span in paragraph_sentences(text, start, end)]
    return found or list(headings)


def reason_for_silence(question: str, query: Sequence[QueryTerm], analyser: Analyser) -> str:
    """Why nothing is shown, in the reader's own words."""
    if not any(t.word for t in query):
        return "Nothing here answers that: the question has no word to search for. Name what it is about."
    words = [
        question[t.start : t.end] for t in analyser.tokens(question) if t.term in {q.term for q in query if q.number is None}
    ]
    unknown = list(dict.fromkeys(words))
    if unknown:
        listed = ", ".join(f"“{w}”" for w in unknown[:5])
        return f"Nothing here answers that: no document mentions {listed}."
    return "Nothing here answers that: no passage holds enough of the question's words together."
