"""The values that travel between rooms: frozen, without logic, named as in DESIGN and the answer's JSON Schema.

Spans are half-open [start, end) in Unicode code points of a document's text. Dates are ISO 8601 strings.
"""

from dataclasses import dataclass, field
from typing import Literal

WordRole = Literal["matched", "beside", "missing", "ignored"]
NoticeKind = Literal["crisis", "emergency", "dosing", "disclaimer", "stale"]


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading line of a document: its span, its level (1 is the outermost) and its words."""

    start: int
    end: int
    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Document:
    """A loaded source. `source` is the file's path below its root, `sha256` the digest of the bytes it was read from."""

    doc_id: str
    title: str
    text: str
    sha256: str
    source: str
    headings: tuple[Heading, ...] = ()
    summary: str | None = None
    url: str | None = None
    published: str | None = None
    reviewed: str | None = None
    jurisdiction: str | None = None
    licence: str | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a passage; the pieces joined are the passage's text, character for character."""

    text: str
    highlight: bool


@dataclass(frozen=True, slots=True)
class Passage:
    """A slice of a document: text == document.text[start:end]. `section` holds the headings above it, outermost first."""

    passage_id: str
    doc_id: str
    start: int
    end: int
    text: str
    pieces: tuple[Piece, ...]
    section: tuple[str, ...] = ()
    page: int | None = None


@dataclass(frozen=True, slots=True)
class Reference:
    """A published source behind a statement inside a passage."""

    text: str
    url: str | None


@dataclass(frozen=True, slots=True)
class Citation:
    """Where a passage stands, so that a reader can find and check it."""

    text: str
    doc_id: str
    title: str
    doc_sha256: str
    url: str | None
    published: str | None
    reviewed: str | None
    references: tuple[Reference, ...] = ()


@dataclass(frozen=True, slots=True)
class TermWeight:
    """What one query term added to a passage's score; `matched` says whether the passage holds it, or can be compared.

    One that it lacks may still add something: the share of its document.
    """

    term: str
    weight: float
    matched: bool


@dataclass(frozen=True, slots=True)
class Correction:
    """A word as it was typed, and the word of the documents that it was read as."""

    typed: str
    meant: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A passage found, with `rank` from 1 and `score`, the sum of its terms' weights."""

    rank: int
    score: float
    passage: Passage
    citation: Citation
    terms: tuple[TermWeight, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """A place to turn to: words, and an https:, tel: or sms: address."""

    text: str
    url: str


@dataclass(frozen=True, slots=True)
class Notice:
    """A message that stands before or beside an answer."""

    kind: NoticeKind
    text: str
    links: tuple[Link, ...] = ()


@dataclass(frozen=True, slots=True)
class Nearest:
    """A place in the documents that comes closest to a question that none answers. It is no answer, and has no citation."""

    topic: str
    passage: Passage


@dataclass(frozen=True, slots=True)
class WordReason:
    """What a word of the question, as typed, added to a passage's score.

    read_as: the word of the documents that it was read as, where it was misspelt. role: the passage holds it; its heading does,
    or a question that leads to it; neither does; or it is too common to be looked for. Its meaning may add something always.
    """

    word: str
    read_as: str | None
    role: WordRole
    weight: float


@dataclass(frozen=True, slots=True)
class Why:
    """Why a passage is shown. The weights of the words and `beside` (neighbouring words, headings, questions
    that lead to the passage and are like this one, words of the question before) add up to the score.

    next_id: the passage that comes next, if any; `ahead` is how far the score stands above its, and `ahead_by` what made that,
    the most first: (word, difference), "" for what is beside the words; the differences add up.
    """

    words: tuple[WordReason, ...]
    beside: float
    score: float
    next_id: str | None = None
    ahead: float = 0.0
    ahead_by: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a quotation. `start` and `end`: where its words stand now, None where they do not.

    read_from: the document's file, or the index's copy where the folder that was indexed is absent.
    """

    kind: Literal["match", "moved", "changed", "gone"]
    doc_id: str
    start: int | None
    end: int | None
    read_from: Literal["source", "index"]


@dataclass(frozen=True, slots=True)
class IndexInfo:
    """Which index answered: its content version and its number of passages."""

    version: str
    passages: int


@dataclass(frozen=True, slots=True)
class Answer:
    """What `ask` gives back; `dataclasses.asdict` of it is the JSON of the contract.

    `status` is "answered" (passage and citation are set, reason is None) or "abstained" (the other way round).
    `confidence` is in [0, 1]. `corrections` are the misspelt words that were read as others. `nearest`: where an abstention may
    name what comes closest. `context`: the question before, where the wording leans on it and it was read with this one.
    """

    question: str
    status: Literal["answered", "abstained"]
    passage: Passage | None
    citation: Citation | None
    confidence: float
    reason: str | None
    notices: tuple[Notice, ...]
    alternatives: tuple[Hit, ...]
    terms: tuple[TermWeight, ...]
    index: IndexInfo
    corrections: tuple[Correction, ...] = ()
    nearest: tuple[Nearest, ...] = ()
    context: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file that was not read, and why."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build did; `vectors`: how many passages have one; `unchanged`: files taken over from the index before."""

    version: str
    documents: int
    passages: int
    terms: int
    vectors: int
    refused: tuple[Refusal, ...] = field(default=())
    unchanged: int = field(default=0, compare=False)
