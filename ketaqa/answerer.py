"""Hits to an Answer's parts: the sentence that answers, the confidence, and whether to stay silent.

Useful for: deciding what is shown. Not useful for: finding it (retriever).
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from math import exp

from ketaqa.analysis import Analyser, sentences
from ketaqa.records import Passage, Piece, TermWeight
from ketaqa.retriever import QueryTerm

# A logistic curve over `coverage`, fitted on the dev split of the shipped questions by benchmarks/fit_confidence.py
SLOPE = 5.54
MIDDLE = 0.55
# below this an honest "nothing here answers that" serves the reader better than the best passage
THRESHOLD = 0.5

QUANTITY = re.compile(
    r"\bhow (?:fast|soon|quick|quickly|long|much|many|often|high|big|common)\b|\bwhen\b|\bwhat per ?cent", re.IGNORECASE
)
NUMBER = re.compile(r"\d")
# chosen on the dev split, see benchmarks/choices.py
QUANTITY_GAIN = 0.2
HEADING_SHARE = 0.2


def coverage(query: Sequence[QueryTerm], terms: Sequence[TermWeight]) -> float:
    """The share, in [0, 1], of the question's idf that the passage holds; a word that no passage knows counts in full."""
    matched = {t.term for t in terms if t.matched}
    words = [t for t in query if t.word]
    total = sum(t.idf for t in words)
    return sum(t.idf for t in words if t.term in matched) / total if total else 0.0


def confidence(query: Sequence[QueryTerm], terms: Sequence[TermWeight]) -> float:
    """How likely, in [0, 1], the passage answers the question."""
    covered = coverage(query, terms)
    if covered == 0.0:
        return 0.0
    return 1.0 / (1.0 + exp(-SLOPE * (covered - MIDDLE)))


def highlighted(passage: Passage, query: Sequence[QueryTerm], analyser: Analyser, question: str) -> Passage:
    """The passage with the sentence that answers marked; the first one on a tie.

    A sentence gains the share of the question's idf that it holds, and QUANTITY_GAIN where the question asks for a
    quantity and the sentence holds a number. Words that the heading holds count HEADING_SHARE: the whole section is about
    them, so they tell its sentences apart less.
    """
    above = {term for heading in passage.section[-1:] for term in analyser.terms(heading)}
    idf = {t.term: t.idf * (HEADING_SHARE if t.term in above else 1.0) for t in query if t.word}
    total = sum(t.idf for t in query if t.word) or 1.0
    asks_quantity = QUANTITY.search(question) is not None
    best, best_gain = None, -1.0
    for start, end in _candidates(passage):
        sentence = passage.text[start:end]
        gain = sum(idf.get(t, 0.0) for t in sorted(set(analyser.terms(sentence)))) / total
        if asks_quantity and NUMBER.search(sentence):
            gain += QUANTITY_GAIN
        if gain > best_gain:
            best, best_gain = (start, end), gain
    if best is None:
        return passage
    start, end = best
    cuts = ((passage.text[:start], False), (passage.text[start:end], True), (passage.text[end:], False))
    return replace(passage, pieces=tuple(Piece(text, mark) for text, mark in cuts if text))


def _candidates(passage: Passage) -> list[tuple[int, int]]:
    """Sentences of a passage; its heading lines only when there is nothing else."""
    found: list[tuple[int, int, bool]] = []
    at = 0
    for line in passage.text.split("\n"):
        found.extend((at + a, at + b, line.strip() in passage.section) for a, b in sentences(line))
        at += len(line) + 1
    body = [(a, b) for a, b, heading in found if not heading]
    return body or [(a, b) for a, b, _ in found]


def reason_for_silence(question: str, query: Sequence[QueryTerm], analyser: Analyser) -> str:
    """Why nothing is shown, in the reader's own words."""
    if not query:
        return "Nothing here answers that: the question has no word to search for. Name what it is about."
    words = [
        question[t.start : t.end] for t in analyser.tokens(question) if t.term in {q.term for q in query if q.number is None}
    ]
    unknown = list(dict.fromkeys(words))
    if unknown:
        listed = ", ".join(f"“{w}”" for w in unknown[:5])
        return f"Nothing here answers that: no document mentions {listed}."
    return "Nothing here answers that: no passage holds enough of the question's words together."
