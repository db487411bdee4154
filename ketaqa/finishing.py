"""What is made of all documents of an index once they are read: citations, vectors, words, and where the files lie.

Useful for: the end of a build. Not useful for: postings (inversion).
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from ketaqa import embedder, fields, postings, references, semantics
from ketaqa.assembling import BLOCK, narrow
from ketaqa.columns import Column
from ketaqa.documents import BYTE_END, BYTE_START, END, START, Documents
from ketaqa.loaders import Source
from ketaqa.packing import pack_rows
from ketaqa.reading import Progress, Worded
from ketaqa.records import Document, Passage, Piece, Reference
from ketaqa.storage import Writer

Arrays = dict[str, NDArray[Any]]
Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Held:
    """A file whose documents are in the index: its digest, size and time, the digest of the questions put to its documents, and
    its first document."""

    source: Source
    sha256: str
    size: int
    mtime_ns: int
    asked: str
    first: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """Passages from `start` to `end`, and where they begin in the index before, if they were taken over."""

    start: int
    end: int
    old: int | None = None


def sources(files: Sequence[Held], out: Path, made: Any) -> Arrays:
    """Where the files lie, relative to the index, so that both can be moved together; when they were written; and `made`."""
    rows = ({"path": p, "root": r, "sha256": f.sha256, "asked": f.asked} for f in files for p, r in [_place(f.source, out)])
    stats = np.array([(f.size, f.mtime_ns) for f in files], dtype=np.int64).reshape(-1, 2)
    roots = dict.fromkeys(f.source.root for f in files)
    return (
        pack_rows("sources", rows)
        | pack_rows("companions", _companions(roots, out))
        | pack_rows("made", [made])
        | {"source_stats": stats}
    )


def _place(source: Source, out: Path) -> tuple[str, str]:
    return _below(source.path, out), _below(source.root, out)


def _below(path: Path, out: Path) -> str:
    return os.path.relpath(path.resolve(), out.resolve())


def _companions(roots: Iterable[Path], out: Path) -> list[dict[str, str]]:
    """The files of which citations are made, and their digests."""
    return [
        {"path": _below(path, out), "root": _below(root, out), "sha256": digest}
        for root in roots
        for path, digest in references.digests(root)
    ]


def citations(documents: Documents, files: Sequence[Held]) -> Arrays:
    """The published sources behind the statements in each passage: rows of a passage and a source, the passages rising."""
    cited: dict[Reference, int] = {}
    rows: list[tuple[int, int]] = []
    for number, claims in sorted(_claims(documents, files).items()):
        for passage in documents.passages_of(number):
            span = documents.span(passage)
            inside = (c for c in claims if c.start < span[END] and span[START] < c.end)
            found = dict.fromkeys(cited.setdefault(r, len(cited)) for claim in inside for r in claim.references)
            rows.extend((passage, reference) for reference in found)
    columns = np.array(rows, dtype=np.int64).reshape(-1, 2)
    return pack_rows("references", ({"text": r.text, "url": r.url} for r in cited)) | {
        "citing": narrow(columns[:, 0]),
        "cited": narrow(columns[:, 1]),
    }


def _claims(documents: Documents, files: Sequence[Held]) -> dict[int, list[references.Claim]]:
    found: dict[int, list[references.Claim]] = {}
    for root in dict.fromkeys(f.source.root for f in files):
        own = {n for n, f in enumerate(files) if f.source.root == root}

        def text_of(doc_id: str, own: set[int] = own) -> str | None:
            number = documents.numbers.get(doc_id)
            return None if number is None or documents.source_of(number) not in own else documents.text(number)

        partial = all(f.source.alone for f in files if f.source.root == root)
        for claim in references.load(root, text_of, partial):
            found.setdefault(documents.numbers[claim.doc_id], []).append(claim)
    return found


def spellings(counts: Counter[str]) -> Arrays:
    """The words of the documents, and how often each stands there."""
    names = sorted(word for word, count in counts.items() if count)
    words = postings.Vocabulary.of(names)
    held = np.array([counts[name] for name in names], dtype=np.int32)
    return {"spellings": words.blob, "spellings_ends": words.ends, "spellings_counts": held}


def held(documents: Documents, numbers: Iterable[int]) -> Iterator[Worded]:
    """Passages, for each what of its document stands for it, and the questions put to it."""
    for place, several in groupby(numbers, documents.of):
        row, headings = documents.row(place), tuple(documents.headings(place))  # once: there may be thousands
        document = Document(row["doc_id"], row["title"], "", row["sha256"], "", headings)
        for number in several:
            span, section = documents.span(number), tuple(documents.section(number))
            text = documents.text(place, span[BYTE_START], span[BYTE_END])
            passage = Passage("", row["doc_id"], span[START], span[END], text, (Piece(text, False),), section)
            yield document, passage, documents.asked(number)


class Items(Sequence[embedder.Item]):
    """Passages to embed, read from the index when their turn comes."""

    def __init__(self, documents: Documents, files: Sequence[Held], passages: Numbers) -> None:
        self._documents, self._files, self._passages = documents, files, passages

    def __len__(self) -> int:
        return len(self._passages)

    @overload
    def __getitem__(self, place: int) -> embedder.Item: ...
    @overload
    def __getitem__(self, place: slice) -> list[embedder.Item]: ...
    def __getitem__(self, place: int | slice) -> embedder.Item | list[embedder.Item]:
        if not isinstance(place, slice):
            return self[place : place + 1][0]
        numbers = self._passages[place].tolist()
        roots = (self._files[self._documents.source_of(self._documents.of(n))].source.root for n in numbers)
        rows = zip(roots, held(self._documents, numbers), strict=True)
        return [embedder.Item(root, fields.texts(document, passage), asked) for root, (document, passage, asked) in rows]


def vectors(
    items: Items,
    alike: Numbers,
    stretches: Sequence[Stretch],
    before: Any,
    reader: embedder.Reader | None,
    writer: Writer,
    progress: Progress | None,
) -> int:
    """Write the vectors of all passages: those of `items` are made, the others stand in `before`; how many are known.

    alike: for each item a number that it shares with its neighbours of one section.
    """
    tell = (lambda done, every: progress("encoding", done, every)) if progress else None
    alone = _written(writer.scratch(np.uint8, semantics.DIMENSIONS // 2), embedder.embedded(items, reader, tell))
    fresh = _written(writer.scratch(np.uint8, alone.shape[1]), embedder.neighboured(alone, alike))
    column, at = writer.column("vectors", np.uint8, alone.shape[1]), 0
    for stretch in stretches:
        size = stretch.end - stretch.start
        rows, first = (fresh, at) if stretch.old is None else (before, stretch.old)
        for start in range(first, first + size, BLOCK):
            column.append(rows[start : min(start + BLOCK, first + size)])
        at += size if stretch.old is None else 0
    found = column.ended()
    writer.save("vectors_mean", semantics.mean(found))
    return sum(int(found[start : start + BLOCK].any(axis=1).sum()) for start in range(0, len(found), BLOCK))


def _written(column: Column, blocks: Iterator[NDArray[Any]]) -> NDArray[Any]:
    for block in blocks:
        column.append(block)
    return column.ended()
