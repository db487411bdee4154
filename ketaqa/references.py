"""Which published sources stand behind which sentences.

A folder of documents may hold claims.jsonl ({"claim_id", "doc_id", "quote", "source_ids"}) and sources.jsonl
({"source_id", "authors", "year", "title", "journal_or_body", "doi", "url"}). A passage's citation lists the sources of
the claims whose quotes it overlaps.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ketaqa.errors import BadSource
from ketaqa.loaders.text import decode
from ketaqa.records import Document, Reference

CLAIMS, SOURCES = "claims.jsonl", "sources.jsonl"


@dataclass(frozen=True, slots=True)
class Claim:
    """A span of a document and the sources that support it."""

    doc_id: str
    start: int
    end: int
    references: tuple[Reference, ...]


def load(folder: Path, documents: Mapping[str, Document]) -> list[Claim]:
    """The claims of a folder, none where it has no claims.jsonl.

    BadSource names file and line when a quote is not in its document word for word or a source is unknown.
    """
    if not (folder / CLAIMS).is_file():
        return []
    sources = {}
    for number, row in _rows(folder / SOURCES):
        sources[_text(row, "source_id", folder / SOURCES, number)] = _reference(row, folder / SOURCES, number)
    return [_claim(row, number, folder / CLAIMS, documents, sources) for number, row in _rows(folder / CLAIMS)]


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    try:
        lines = decode(path.read_bytes(), str(path)).split("\n")
    except OSError as error:
        raise BadSource(f"{path}: can't be read ({error.strerror}); {CLAIMS} needs {SOURCES} beside it") from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                row = json.loads(line)
            except (json.JSONDecodeError, RecursionError) as error:
                raise BadSource(f"{path}: line {number} is not JSON; write one object a line") from error
            if not isinstance(row, dict):
                raise BadSource(f"{path}: line {number} is not a JSON object; write one object a line")
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
    row: Mapping[str, Any], number: int, path: Path, documents: Mapping[str, Document], sources: Mapping[str, Reference]
) -> Claim:
    doc_id, quote = _text(row, "doc_id", path, number), _text(row, "quote", path, number)
    source_ids = row.get("source_ids")
    if doc_id not in documents:
        raise BadSource(f"{path}: line {number} names document {doc_id!r}, which is not there; mend the doc_id")
    start = documents[doc_id].text.find(quote)
    if start < 0:
        raise BadSource(f"{path}: line {number}: the quote is not in {doc_id} word for word; copy it from there")
    if not isinstance(source_ids, list) or not source_ids:
        raise BadSource(f"{path}: line {number} has no source_ids; give at least one")
    unknown = [s for s in source_ids if s not in sources]
    if unknown:
        raise BadSource(f"{path}: line {number} names source {unknown[0]!r}, which is not in {SOURCES}; add it there")
    return Claim(doc_id, start, start + len(quote), tuple(sources[s] for s in source_ids))
