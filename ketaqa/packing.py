"""Documents and their passages as arrays, one after the other, as an index keeps them.

Useful for: building, by processes that hand arrays on and keep no documents. Not useful for: reading them again (documents).
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketaqa import columns
from ketaqa.records import Document, Passage

Numbers = NDArray[np.int64]
Bytes = NDArray[np.uint8]

# of a document: what the index keeps in a row of its own; the rest is kept as arrays, or follows from the source
KEPT = [field.name for field in fields(Document) if field.name not in ("text", "headings", "sha256", "source")]


@dataclass(frozen=True, slots=True)
class Cut:
    """A document, its passages, and for each the questions put to it."""

    document: Document
    passages: list[Passage]
    asked: list[list[str]]


@dataclass(frozen=True, slots=True)
class Rows:
    """Items of bytes, one after the other, and the size of each."""

    blob: Bytes
    sizes: Numbers

    @classmethod
    def of(cls, items: Iterable[bytes]) -> "Rows":
        """From the items."""
        parts = list(items)
        return cls(np.frombuffer(b"".join(parts), dtype=np.uint8), np.array([*map(len, parts)], dtype=np.int64))


@dataclass(frozen=True, slots=True)
class Packed:
    """Some documents, numbered from 0, and all their passages, numbered from 0.

    texts, rows: of each document, see `row`. digests (documents, 32): SHA-256. headed, headings: the documents that have
    headings, rising, and theirs. counts: of each document's passages. spans (passages, 4): where each begins and ends in its
    document's text, in code points and in bytes. section: of each passage, its place in `sections`, which stand in the order of
    their first passage. asked_of, asked: the passages to which questions are put, rising, and these.
    """

    texts: Rows
    rows: Rows
    digests: Bytes
    headed: Numbers
    headings: Rows
    counts: Numbers
    spans: Numbers
    section: Numbers
    sections: Sequence[bytes]
    asked_of: Numbers
    asked: Rows


def pack(cuts: Sequence[Cut]) -> Packed:
    """Documents as arrays."""
    documents, sections = [cut.document for cut in cuts], dict[tuple[str, ...], int]()
    asked = [questions for cut in cuts for questions in cut.asked]
    headed = [number for number, document in enumerate(documents) if document.headings]
    return Packed(
        Rows.of(document.text.encode() for document in documents),
        Rows.of(written(row(document)) for document in documents),
        np.frombuffer(b"".join(bytes.fromhex(d.sha256) for d in documents), dtype=np.uint8).reshape(-1, 32),
        np.array(headed, dtype=np.int64),
        Rows.of(written([[h.start, h.end, h.level, h.text] for h in documents[number].headings]) for number in headed),
        np.array([len(cut.passages) for cut in cuts], dtype=np.int64),
        np.array([span for cut in cuts for span in _spans(cut)], dtype=np.int64).reshape(-1, 4),
        np.array([sections.setdefault(p.section, len(sections)) for cut in cuts for p in cut.passages], dtype=np.int64),
        [written(section) for section in sections],
        np.array([number for number, questions in enumerate(asked) if questions], dtype=np.int64),
        Rows.of(written(questions) for questions in asked if questions),
    )


def _spans(cut: Cut) -> Iterable[tuple[int, int, int, int]]:
    end = at = 0
    for passage in cut.passages:
        first = at + len(cut.document.text[end : passage.start].encode())
        end, at = passage.end, first + len(passage.text.encode())
        yield passage.start, passage.end, first, at


def row(document: Document) -> Any:
    """What the index keeps of a document beside its text, headings, digest and source; its name where that is all."""
    found = {name: value for name in KEPT if (value := getattr(document, name)) is not None}
    if document.title == document.doc_id:
        del found["title"]
    return document.doc_id if len(found) == 1 else found


def written(row: Any) -> bytes:
    """A row as JSON."""
    return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()


def pack_bytes(items: Iterable[bytes]) -> tuple[Bytes, Numbers]:
    """One block of all items, and where each ends (with a 0 in front)."""
    rows = Rows.of(items)
    return rows.blob, columns.ends(rows.sizes)


def pack_rows(name: str, rows: Iterable[Any]) -> dict[str, NDArray[Any]]:
    """The two arrays that `documents.Rows` reads, under their names in the index."""
    blob, ends = pack_bytes(map(written, rows))
    return {name: blob, f"{name}_ends": ends}
