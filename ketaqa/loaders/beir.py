"""BEIR corpus.jsonl to Documents: one row {"_id", "title", "text"} is one document."""

import hashlib
import json
from collections.abc import Iterator

from ketaqa.errors import BadSource
from ketaqa.loaders.text import decode
from ketaqa.records import Document

REMEDY = 'each line must be a JSON object such as {"_id": "d1", "title": "", "text": "..."}'


def rows(data: bytes, source: str) -> Iterator[tuple[str, str, str, str]]:
    """(doc_id, title, text, sha256 of the row) for each row; BadSource names the line."""
    seen: set[str] = set()
    # not splitlines(): U+2028 inside a JSON string is no line end
    for number, line in enumerate(decode(data, source).split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (json.JSONDecodeError, RecursionError) as error:
            raise BadSource(f"{source}: line {number} is not JSON; {REMEDY}") from error
        if not isinstance(row, dict) or not isinstance(row.get("text"), str) or not isinstance(row.get("title") or "", str):
            raise BadSource(f"{source}: line {number} has no text; {REMEDY}")
        doc_id = row.get("_id")
        if not isinstance(doc_id, (str, int)) or isinstance(doc_id, bool) or doc_id == "":
            raise BadSource(f"{source}: line {number} has no _id; {REMEDY}")
        if any("\0" in part or _broken(part) for part in (str(doc_id), row.get("title") or "", row["text"])):
            raise BadSource(f"{source}: line {number} holds a NUL or half a character (a lone surrogate); remove it")
        if str(doc_id) in seen:
            raise BadSource(f"{source}: line {number} repeats _id {doc_id!r}; give each row its own")
        seen.add(str(doc_id))
        yield str(doc_id), row.get("title") or "", row["text"], hashlib.sha256(line.encode()).hexdigest()


def _broken(text: str) -> bool:
    # JSON can spell half of a surrogate pair, which no encoding can write
    return any("\ud800" <= c <= "\udfff" for c in text)


def load(data: bytes, source: str) -> Iterator[Document]:
    """The documents of a BEIR corpus.jsonl; a row without a title is called by its id."""
    for doc_id, title, text, digest in rows(data, source):
        yield Document(doc_id, title or doc_id, text, digest, source)
