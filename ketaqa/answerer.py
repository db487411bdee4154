"""Hits to an Answer's parts: the sentence that answers, and why nothing is shown where nothing is.

Useful for: what is shown. Not useful for: finding it (retriever), whether it answers (confidence).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from ketaqa.analysis import Analyser, paragraph_sentences
from ketaqa.confidence import ASKING, Evidence
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
SECOND = 0.6  # of the best sentence's gain, from which the next best is marked too


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
    """The passage with the sentence that answers marked, the first one on a tie, and with it the next best where that gains at
    least SECOND as much: passages often say in short and then in full.

    A sentence gains the share of the question's idf that it holds, and QUANTITY_GAIN where the question asks for a
    quantity and the sentence holds a number. Words that the heading holds count HEADING_SHARE: the whole section is about
    them, so they tell its sentences apart less.
    """
    weights = [(term, idf * HEADING_SHARE if term in read.above else idf) for term, idf in wanted.idf]
    gains = []
    for sentence in read.sentences:
        held = sum([weight for term, weight in weights if term in sentence.terms]) / wanted.total
        gains.append((held + QUANTITY_GAIN if wanted.quantity and sentence.number else held, held))
    ranked = sorted(range(len(gains)), key=lambda place: -gains[place][0])
    marked = ranked[:1]
    # a number alone, or nothing, makes no second one
    marked += [place for place in ranked[1:2] if gains[place][1] and gains[place][0] >= SECOND * gains[ranked[0]][0]]
    edges = [edge for place in sorted(marked) for edge in (read.sentences[place].start, read.sentences[place].end)]
    cuts = pairwise([0, *edges, len(passage.text)])
    pieces = (Piece(passage.text[start:end], number % 2 == 1) for number, (start, end) in enumerate(cuts) if start < end)
    return replace(passage, pieces=tuple(pieces))


def _candidates(text: str, headings: Sequence[Span]) -> list[Span]:
    """Sentences between the headings; the headings themselves only when there is nothing else."""
    edges = [0, *(edge for heading in headings for edge in heading), len(text)]
    between = list(zip(edges[::2], edges[1::2], strict=True))
    found = [span for start, end in between for span in paragraph_sentences(text, start, end)]
    return found or list(headings)


def reason_for_silence(question: str, query: Sequence[QueryTerm], analyser: Analyser, found: Evidence | None = None) -> str:
    """Why nothing is shown, in the reader's own words. found: what speaks for the best passage."""
    if not any(t.word for t in query):
        return "Nothing here answers that: the question has no word to search for. Name what it is about."
    missing = {q.term for q in query if q.number is None} - ASKING
    words = [question[t.start : t.end] for t in analyser.tokens(question) if t.term in missing]
    unknown = list(dict.fromkeys(words))
    if unknown:
        listed = ", ".join(f"“{w}”" for w in unknown[:5])
        return f"Nothing here answers that: no document mentions {listed}."
    if found and not found.missing:
        return "Nothing here answers that clearly: several passages hold these words, and none stands out. Ask more fully."
    return "Nothing here answers that: no passage holds enough of the question's words together."
