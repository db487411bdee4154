"""Document to passages: slices that are read and cited alone.

Sections come from the headings, paragraphs from blank lines, sentences from `analysis.sentences`. Inside a section
sentences are packed to about `passage_length` words; no sentence is cut, no passage spans two sections, and a heading
stays with the text that follows it. Together the passages hold every non-blank character of the document.
"""

from dataclasses import dataclass

from ketaqa.analysis import paragraphs, sentences
from ketaqa.config import PASSAGE_LENGTH
from ketaqa.records import Document, Heading, Passage, Piece


@dataclass(frozen=True, slots=True)
class _Section:
    """Headings without text between them and the text below: [lead, start) are the headings, [start, end) the text."""

    lead: int
    start: int
    end: int
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Sentence:
    start: int
    end: int
    words: int
    paragraph: int


def cut(document: Document, passage_length: int = PASSAGE_LENGTH) -> list[Passage]:
    """The passages of a document, in order, each of about `passage_length` words; none for a document of blanks."""
    spans: list[tuple[int, int, tuple[str, ...]]] = []
    for section in _sections(document):
        groups = _packed(_sentences(document.text, section), passage_length)
        for group in groups:
            start = section.lead if group is groups[0] else group[0].start
            spans.append((start, group[-1].end, section.path))
        if not groups:  # headings at the very end, with nothing below: they close the passage before them
            path = spans[-1][2] if spans else section.path
            start = spans.pop()[0] if spans else section.lead
            spans.append((start, section.start, path))
    return [_passage(document, number, *span) for number, span in enumerate(spans)]


def _sections(document: Document) -> list[_Section]:
    text, headings = document.text, document.headings
    sections: list[_Section] = []
    before = _Section(0, 0, headings[0].start if headings else len(text), ())
    if text[before.start : before.end].strip():
        sections.append(before)
    stack: list[Heading] = []
    lead: int | None = None
    for number, heading in enumerate(headings):
        stack = [*(h for h in stack if h.level < heading.level), heading]
        lead = heading.start if lead is None else lead
        last = number + 1 == len(headings)
        end = len(text) if last else headings[number + 1].start
        if last or text[heading.end : end].strip():
            sections.append(_Section(lead, heading.end, end, tuple(h.text for h in stack)))
            lead = None
    return sections


def _sentences(text: str, section: _Section) -> list[_Sentence]:
    found: list[_Sentence] = []
    for number, (first, last) in enumerate(paragraphs(text, section.start, section.end)):
        for start, end in sentences(text[first:last]):
            words = len(text[first + start : first + end].split())
            found.append(_Sentence(first + start, first + end, words, number))
    return found


def _packed(found: list[_Sentence], passage_length: int) -> list[list[_Sentence]]:
    """Groups of nearly equal size, broken where a paragraph ends if that is near enough."""
    parts = max(1, round(sum(s.words for s in found) / passage_length))
    if parts == 1:
        return [found] if found else []
    ideal = sum(s.words for s in found) / parts
    groups: list[list[_Sentence]] = []
    size = 0
    for sentence in found:
        full = size + sentence.words / 2 > ideal
        if groups and not full:
            full = sentence.paragraph != groups[-1][-1].paragraph and size >= 0.7 * ideal
        if not groups or (size and full):
            groups.append([])
            size = 0
        groups[-1].append(sentence)
        size += sentence.words
    return groups


def _passage(document: Document, number: int, start: int, end: int, path: tuple[str, ...]) -> Passage:
    text = document.text[start:end]
    return Passage(f"{document.doc_id}#{number + 1}", document.doc_id, start, end, text, (Piece(text, False),), path)
