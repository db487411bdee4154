"""Hits to an Answer's parts: the sentence that answers, and why nothing is shown where nothing is.

Useful for: what is shown. Not useful for: finding it (retriever), whether it answers (confidence).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ketaqa.analysis import Analyser, paragraph_sentences
from ketaqa.records import Passage, Piece
from ketaqa.retriever import QueryTerm

Span = tuple[int, int]

QUANTITY = re.compile(
    r"\bhow (?:fast|soon|quick|quickly|long|much|many|often|high|big|common)\b|\bwhen\b|\bwhat per ?cent", re.IGNORECASE
)
NUMBER = re.compile(r"\d")
# chosen on the dev split, see benchmarks/choices.py
QUANTITY_GAIN = 0.2
HEADING_SHARE = 0.2


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
