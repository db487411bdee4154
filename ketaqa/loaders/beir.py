"""BEIR corpus.jsonl to Documents: one row {"_id", "title", "text"} is one document."""

import hashlib
from collections.abc import Iterator

from ketaqa.errors import BadSource
from ketaqa.loaders import jsonl
from ketaqa.loaders.text import decode
from ketaqa.records import Document

EXAMPLE = '{"_id": "d1", "title": "", "text": "..."}'


def rows(data: bytes, source: str, first: int = 1) -> Iterator[tuple[str, str, str, str]]:
    """(doc_id, title, text, sha256 of the row) for each row; BadSource names the line, of which the first has that number."""
    seen: set[str] = set()
    for number, line, row in jsonl.rows(decode(data, source), source, EXAMPLE, first):
        doc_id, title, text = row.get("_id"), row.get("title") or "", row.get("text")
        if not isinstance(text, str) or not isinstance(title, str):
            raise BadSource(f"{source}: line {number} has no text; each line must be an object such as {EXAMPLE}")
        if not isinstance(doc_id, (str, int)) or isinstance(doc_id, bool) or doc_id == "":
            raise BadSource(f"{source}: line {number} has no _id; each line must be an object such as {EXAMPLE}")
        if str(doc_id) in seen:
            raise BadSource(f"{source}: line {number} repeats _id {doc_id!r}; give each row its own")
        seen.add(str(doc_id))
        yield str(doc_id), title, text, hashlib.sha256(line.encode()).hexdigest()


def load(data: bytes, source: str, first: int = 1) -> Iterator[Document]:
    """The documents of a BEIR corpus.jsonl; a row without a title is called by its id."""
    for doc_id, title, text, digest in rows(data, source, first):
        yield Document(doc_id, title or doc_id, text, digest, source)
