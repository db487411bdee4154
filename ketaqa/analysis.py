"""Text to sentence spans, tokens and terms.

Useful for: every place that must agree on what a word is (passages, index, questions, highlighting).
Not useful for: spelling, synonyms, meaning.
"""

import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path

import regex

from ketaqa.errors import BadIndex

# numbers keep their point ("0.5", "1,148"), words their apostrophe ("can't"); marks belong to the letter before them
TOKEN = regex.compile(r"\p{N}+(?:[.,]\p{N}+)+|[\p{L}\p{M}\p{N}_]+(?:['’][\p{L}\p{M}]+)*")

STOP_WORDS = Path(__file__).parent / "data" / "stop_words.txt"

# marks the terms of headings; no word holds a colon
HEADING = "heading:"
# marks the term that stands for a whole heading, or a whole question put to a passage
WHOLE = HEADING + "="

Words = list[tuple[str, str | None]]  # each word of a text, folded, and its term, or None for a stop word

# the splitter knows most abbreviations; after these few a full stop never ends a sentence before a number or a small letter
NO_BREAK_AFTER = frozenset(
    ["approx", "ca", "cf", "e.g", "eq", "fig", "i.e", "max", "min", "no", "nr", "pp", "prof", "resp", "sec", "vol", "vs"]
)


@dataclass(frozen=True, slots=True)
class Token:
    """An occurrence of a word: its span, and its term, or None for a stop word."""

    start: int
    end: int
    term: str | None


@dataclass(frozen=True)
class Analyser:
    """Words to terms: Unicode NFKC and case folding, then (by name) stop words and a Snowball stemmer (Porter 2001)."""

    name: str
    stop_words: frozenset[str] = frozenset()
    stem: Callable[[str], str] | None = None

    def __reduce__(self) -> "tuple[Callable[[str], Analyser], tuple[str]]":
        return analyser, (self.name,)  # a stemmer can't be pickled, its name can

    def term(self, word: str) -> str | None:
        """The term of one word as it stands in the text; None for a stop word."""
        return self._term(_folded(word))

    def _term(self, folded: str) -> str | None:
        if folded in self.stop_words:
            return None
        return self.stem(folded) if self.stem else folded

    def tokens(self, text: str) -> Iterator[Token]:
        """Every word of the text with its span, in order."""
        for match in TOKEN.finditer(text):
            yield Token(match.start(), match.end(), self.term(match.group()))

    def terms(self, text: str) -> list[str]:
        """The terms of a text, in order, repeats kept, stop words left out."""
        return [term for word in TOKEN.findall(text) if (term := self.term(word)) is not None]

    def words_and_terms(self, text: str) -> Words:
        """Every word of the text, folded, with its term, or None for a stop word."""
        return [(folded, self._term(folded)) for folded in words(text)]

    def heading_terms(self, text: str) -> list[str]:
        """The terms of a heading as evidence of their own: every word counts, "what" and "is" too.

        Headings are often the very question that the text below answers, where function words tell
        "What is ketamine?" from "Who makes ketamine?".
        """
        return self.as_heading(self.words_and_terms(text))

    def as_heading(self, read: Words) -> list[str]:
        """The terms of a heading, or a question, whose words and terms are known."""
        words = [term or (self.stem(word) if self.stem else word) for word, term in read]
        # the last term is the whole heading: a question that equals it matches in full
        return [HEADING + word for word in words] + ([WHOLE + ":".join(words)] if words else [])

    def whole(self, text: str) -> list[str]:
        """The one term that stands for a heading, or a question put to a passage, in full; none where it has no word."""
        return self.heading_terms(text)[-1:]


def words(text: str) -> list[str]:
    """The words of a text as the table of meanings knows them: in order, folded, none left out."""
    return [_folded(word) for word in TOKEN.findall(text)]


def pairs(terms: Sequence[str]) -> list[str]:
    """Neighbouring terms as terms of their own; no word holds a space (Metzler & Croft 2005 call this ordered adjacency)."""
    return [f"{first} {second}" for first, second in pairwise(terms)]


def _folded(word: str) -> str:
    if word.isascii():  # the same, sooner
        return word.lower().replace(" ", "")
    # a ligature may be several words in the compatibility form; it stays one, and no word holds a space
    return unicodedata.normalize("NFKC", word).casefold().replace("’", "'").replace(" ", "")


@cache
def analyser(name: str) -> Analyser:
    """The analyser of that name: "english" (stop words, stems) or "plain" (every word as it is). BadIndex otherwise."""
    if name == "english":
        import Stemmer

        return Analyser(name, _stop_words(), Stemmer.Stemmer("english", 0).stemWord)
    if name == "plain":
        return Analyser(name)
    raise BadIndex(f"unknown analyser {name!r}; known are english, plain: build the index again with this version")


def _stop_words() -> frozenset[str]:
    lines = STOP_WORDS.read_text(encoding="utf-8").splitlines()
    return frozenset(word for line in lines if not line.startswith("#") for word in line.split())


def sentences(text: str) -> list[tuple[int, int]]:
    """Spans of the sentences of one paragraph, blanks at their ends left out; together they hold every non-blank character.

    Each line that begins a list item begins a sentence; inside, the boundaries are sentencex's (Wikimedia).
    """
    spans: list[tuple[int, int]] = []
    for start, end in _list_items(text):
        inside = [(start + a, start + b) for a, b in _boundaries(text[start:end])]
        spans.extend(_rejoined(text, inside))
    return spans


BLANK_LINE = regex.compile(r"\n[ \t\r\f\v]*\n\s*")


def paragraph_sentences(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Spans of the sentences of text[start:end], where a blank line ends a paragraph."""
    for first, last in paragraphs(text, start, end):
        yield from ((first + a, first + b) for a, b in sentences(text[first:last]))


def paragraphs(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Spans of the paragraphs of text[start:end]."""
    for gap in BLANK_LINE.finditer(text, start, end):
        yield start, gap.start()
        start = gap.end()
    yield start, end


LIST_ITEM = regex.compile(r"^[ \t]*(?:[-*+•]|\p{N}{1,3}[.)])[ \t]+", regex.MULTILINE)


def _list_items(text: str) -> list[tuple[int, int]]:
    inside = LIST_ITEM.finditer(text) if "\n" in text else ()
    cuts = [0, *(m.start() for m in inside if m.start() > 0), len(text)]
    return list(pairwise(cuts))


# sentencex stumbles over blanks of several bytes; a blank for each keeps all offsets
WIDE_BLANKS = regex.compile(r"[^\S\x00-\x7F]")


def _boundaries(text: str) -> Iterator[tuple[int, int]]:
    import sentencex

    marker = LIST_ITEM.match(text)  # "2. " is no sentence of its own
    skip = marker.end() if marker else 0
    start = 0
    plain = text[skip:] if text.isascii() else WIDE_BLANKS.sub(" ", text[skip:])
    for boundary in sentencex.get_sentence_boundaries("en", plain):
        end = skip + boundary["end_index"]
        span = _trimmed(text, start, end)
        if span[0] < span[1]:
            yield span
        start = end
    rest = _trimmed(text, start, len(text))
    if rest[0] < rest[1]:
        yield rest


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    piece = text[start:end]
    return start + len(piece) - len(piece.lstrip()), end - len(piece) + len(piece.rstrip())


def _rejoined(text: str, spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    joined: list[tuple[int, int]] = []
    for start, end in spans:
        if joined and _runs_on(text[joined[-1][0] : joined[-1][1]], text[start:end]):
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((start, end))
    return joined


def _runs_on(before: str, after: str) -> bool:
    words = before.split()
    last = words[-1].strip("([\"'").rstrip(".").casefold() if words else ""
    starts_low = after[0].islower() or after[0].isdigit()
    return before.endswith(".") and last in NO_BREAK_AFTER and starts_low
