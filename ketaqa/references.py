"""Which published sources stand behind which sentences.

A folder of documents may hold claims.jsonl ({"claim_id", "doc_id", "quote", "source_ids"}) and sources.jsonl
({"source_id", "authors", "year", "title", "journal_or_body", "doi", "url"}). A passage's citation lists the sources of
the claims whose quotes it overlaps.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ketaqa.errors import BadSource
from ketaqa.loaders import jsonl
from ketaqa.loaders.text import decode
from ketaqa.records import Reference

CLAIMS, SOURCES = "claims.jsonl", "sources.jsonl"
EXAMPLES = {
    CLAIMS: '{"claim_id": "c1", "doc_id": "a.md", "quote": "...", "source_ids": ["s1"]}',
    SOURCES: '{"source_id": "s1", "authors": "...", "year": 2020, "title": "...", "doi": "10.1000/1"}',
}


@dataclass(frozen=True, slots=True)
class Claim:
    """A span of a document and the sources that support it."""

    doc_id: str
    start: int
    end: int
    references: tuple[Reference, ...]


def load(folder: Path, text_of: Callable[[str], str | None], partial: bool = False) -> list[Claim]:
    """The claims of a folder, none where it has no claims.jsonl.

    text_of: the text of a document of the folder by its doc_id, None where it is not there; `partial`: claims about such are
    left out. BadSource names file and line when a quote is not in its document word for word or a source is unknown.
    """
    if not (folder / CLAIMS).is_file():
        return []
    sources: dict[str, Reference] = {}
    for number, row in _rows(folder / SOURCES):
        source_id = _text(row, "source_id", folder / SOURCES, number)
        if source_id in sources:
            raise BadSource(f"{folder / SOURCES}: line {number} repeats source_id {source_id!r}; give each its own")
        sources[source_id] = _reference(row, folder / SOURCES, number)
    rows = list(_rows(folder / CLAIMS))
    if partial:
        rows = [(n, row) for n, row in rows if isinstance(row.get("doc_id"), str) and text_of(row["doc_id"]) is not None]
    return [_claim(row, number, folder / CLAIMS, text_of, sources) for number, row in rows]


def digests(folder: Path) -> list[tuple[Path, str]]:
    """The files of a folder that citations are made of, where there are any, and their SHA-256."""
    present = [path for path in (folder / CLAIMS, folder / SOURCES) if path.is_file()]
    return [(path, hashlib.sha256(path.read_bytes()).hexdigest()) for path in present]


def _rows(path: Path) -> Iterator[tuple[int, jsonl.Row]]:
    try:
        text = decode(path.read_bytes(), str(path))
    except OSError as error:
        raise BadSource(f"{path}: can't be read ({error.strerror}); {CLAIMS} needs {SOURCES} beside it") from error
    for number, _, row in jsonl.rows(text, str(path), EXAMPLES[path.name]):
        yield number, row


def _text(row: Mapping[str, Any], key: str, path: Path, number: int) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value:
        raise BadSource(f"{path}: line {number} has no {key}; give it as text")
    return value


def _reference(row: Mapping[str, Any], path: Path, number: int) -> Reference:
    title = _text(row, "title", path, number)
    parts = [row.get("authors"), title, row.get("journal_or_body"), row.get("year")]
    words = " ".join(f"{str(part).rstrip('.')}." for part in parts if part)
    doi, url = row.get("doi"), row.get("url")
    address = f"https://doi.org/{doi}" if doi else url
    if address is not None and not (isinstance(address, str) and address.startswith(("https://", "http://"))):
        raise BadSource(f"{path}: line {number} has url {address!r}; give an address that starts with https://")
    return Reference(words, address)


def _claim(
    row: Mapping[str, Any], number: int, path: Path, text_of: Callable[[str], str | None], sources: Mapping[str, Reference]
) -> Claim:
    doc_id, quote = _text(row, "doc_id", path, number), _text(row, "quote", path, number)
    source_ids = row.get("source_ids")
    text = text_of(doc_id)
    if text is None:
        raise BadSource(f"{path}: line {number} names document {doc_id!r}, which is not there; mend the doc_id")
    start = text.find(quote)
    if start < 0:
        raise BadSource(f"{path}: line {number}: the quote is not in {doc_id} word for word; copy it from there")
    if not isinstance(source_ids, list) or not source_ids:
        raise BadSource(f"{path}: line {number} has no source_ids; give at least one")
    unknown = [s for s in source_ids if not isinstance(s, str) or s not in sources]
    if unknown:
        raise BadSource(f"{path}: line {number} names source {unknown[0]!r}, which is not in {SOURCES}; add it there")
    return Claim(doc_id, start, start + len(quote), tuple(sources[s] for s in source_ids))
