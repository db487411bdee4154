"""Which questions do readers put to a passage? A reader's words beside the author's.

A folder of documents may hold asked.jsonl ({"doc_id", "quote", "questions"}): questions that the quoted words of a document
answer, worded as people word them. They are searched with the passage that holds the beginning of the quote, and never shown.
Useful for: words that a document does not use. Not useful for: measuring (questions.jsonl), which they must not repeat.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ketaqa.errors import BadSource
from ketaqa.loaders import jsonl
from ketaqa.loaders.text import decode
from ketaqa.records import Document, Passage

ASKED = "asked.jsonl"
EXAMPLE = '{"doc_id": "a.md", "quote": "...", "questions": ["..."]}'


@dataclass(frozen=True, slots=True)
class Asked:
    """Questions that a quote of a document answers; `place` names file and line."""

    quote: str
    questions: tuple[str, ...]
    place: str


def load(folder: Path) -> dict[str, list[Asked]]:
    """The rows of a folder's asked.jsonl by doc_id, none where there is no such file; BadSource names file and line."""
    path = folder / ASKED
    if not path.is_file():
        return {}
    found: dict[str, list[Asked]] = {}
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BadSource(f"{path}: can't be read ({error.strerror}); check its permissions") from error
    for number, _, row in jsonl.rows(decode(data, str(path)), str(path), EXAMPLE):
        place = f"{path}: line {number}"
        doc_id, quote, questions = row.get("doc_id"), row.get("quote"), row.get("questions")
        for key, value in (("doc_id", doc_id), ("quote", quote)):
            if not isinstance(value, str) or not value.strip():
                raise BadSource(f"{place} has no {key}; write {EXAMPLE}")
        if not isinstance(questions, list) or not questions or not all(map(_is_question, questions)):
            raise BadSource(f"{place}: questions is {questions!r:.60}; give a list of texts")
        found.setdefault(str(doc_id), []).append(Asked(str(quote).strip(), tuple(questions), place))
    return found


def _is_question(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip()) and jsonl.is_text(value)


def by_passage(document: Document, passages: Sequence[Passage], rows: Sequence[Asked]) -> list[list[str]]:
    """The questions put to each passage of a document; BadSource when a quote is not in the document word for word."""
    found: list[list[str]] = [[] for _ in passages]
    for row in rows:
        start = document.text.find(row.quote)
        if start < 0:
            raise BadSource(f"{row.place}: the quote is not in {document.doc_id} word for word; copy it from there")
        holder = max(n for n, passage in enumerate(passages) if n == 0 or passage.start <= start)
        found[holder].extend(row.questions)
    return found


def check(rows: Mapping[str, Sequence[Asked]], doc_ids: set[str]) -> None:
    """BadSource when a row names a document that is not there."""
    for doc_id, found in rows.items():
        if doc_id not in doc_ids:
            raise BadSource(f"{found[0].place} names document {doc_id!r}, which is not there; mend the doc_id")
