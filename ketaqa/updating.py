"""What an index that is there already holds of files that have not changed since.

Useful for: building again where little changed. Not useful for: telling readers that a source changed (index).
"""

import hashlib
import os
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketaqa import columns, embedder, storage
from ketaqa.documents import Documents, Rows
from ketaqa.errors import BadIndex
from ketaqa.loaders import Source
from ketaqa.packing import Packed
from ketaqa.packing import Rows as Packing
from ketaqa.postings import Vocabulary, spans

DOCUMENTS = 8192  # that are handed on at a time
# what documents, words and sentences are read with
LIBRARIES = ("markdown-it-py", "PyStemmer", "PyYAML", "regex", "sentencex")
SHIPPED = "shipped"  # the folder of the shipped documents, in a wheel

Mask = NDArray[np.bool_]
Numbers = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Same:
    """A file that did not change: its number in the index there, its size and time."""

    number: int
    size: int
    mtime_ns: int


class Old:
    """The index that a build is going to replace."""

    def __init__(self, path: Path, arrays: dict[str, NDArray[Any]]) -> None:
        self._path, self.arrays = path.resolve(), arrays
        self.documents = Documents(arrays, lambda: None)
        rows = self.rows("sources")
        names = self.rows("source_names")  # links may lead to one file by several
        self._sources = {(row["path"], row["root"], name): n for n, (row, name) in enumerate(zip(rows, names, strict=True))}
        self._rows_of_sources = rows

    def source(self, number: int) -> dict[str, str]:
        """Where a file lies, its digest, and that of the questions put to its documents."""
        row: dict[str, str] = self._rows_of_sources[number]
        return row

    def passages_of(self, source: int) -> range:
        """The passages of a file."""
        documents = self.documents.of_source(source)
        return range(*(int(self.arrays["firsts"][end]) for end in (documents.start, documents.stop)))

    def spellings(self) -> Counter[str]:
        """How often each word stands in its documents."""
        words = Vocabulary(self.arrays["spellings"], self.arrays["spellings_ends"])
        return Counter({words[n]: count for n, count in enumerate(self.arrays["spellings_counts"].tolist())})

    def rows(self, name: str) -> list[Any]:
        """All rows of that name."""
        rows: Rows = self.documents.rows(name)
        return [rows[number] for number in range(len(rows))]

    def same(self, source: Source, asked: str) -> Same | None:
        """A file as it is here, None where it, or the questions put to its documents, are not as they were."""
        path, root = (os.path.relpath(p.resolve(), self._path) for p in (source.path, source.root))
        number = self._sources.get((path, root, source.name))
        if number is None or self.source(number)["asked"] != asked:
            return None
        try:
            with open(source.path, "rb") as file:
                stat = os.fstat(file.fileno())  # before it is read: one that changes while it is has another time
                unchanged = hashlib.file_digest(file, "sha256").hexdigest() == self.source(number)["sha256"]
        except OSError:
            return None  # which reading it will say
        return Same(number, stat.st_size, stat.st_mtime_ns) if unchanged else None

    def packed(self, documents: range) -> Iterator[tuple[Packed, list[str]]]:
        """Some documents, as they were packed, and their doc_ids, some at a time."""
        for first in range(documents.start, documents.stop, DOCUMENTS):
            end = min(first + DOCUMENTS, documents.stop)
            yield self._packed(first, end), self.documents.doc_ids(first, end)

    def _packed(self, first: int, end: int) -> Packed:
        a, (low, high) = self.arrays, (int(self.arrays["firsts"][n]) for n in (first, end))
        headed, asked = (
            slice(*columns.looked_up(a[name], span)) for name, span in (("headed", (first, end)), ("asked_of", (low, high)))
        )
        _, places, inverse = np.unique(a["section"][low:high], return_index=True, return_inverse=True)
        order = np.argsort(places)  # in the order of their first passage
        ranks = np.empty(len(order), dtype=np.int64)
        ranks[order] = np.arange(len(order))
        return Packed(
            self._rows("texts", slice(first, end)),
            self._rows("documents", slice(first, end)),
            a["digests"][first:end],
            a["headed"][headed].astype(np.int64) - first,
            self._rows("headings", headed),
            np.diff(a["firsts"][first : end + 1]).astype(np.int64),
            a["spans"][low:high].astype(np.int64),
            ranks[inverse],
            [self._bytes("sections", int(a["section"][low + place])) for place in places[order].tolist()],
            a["asked_of"][asked].astype(np.int64) - low,
            self._rows("asked", asked),
        )

    def _rows(self, name: str, some: slice) -> Packing:
        ends = self.arrays[f"{name}_ends"][some.start : some.stop + 1].astype(np.int64)
        return Packing(self.arrays[name][int(ends[0]) : int(ends[-1])], np.diff(ends))

    def _bytes(self, name: str, number: int) -> bytes:
        return self._rows(name, slice(number, number + 1)).blob.tobytes()

    def of_sources(self, sources: Sequence[int]) -> Mask:
        """Which passages are of those files."""
        found = np.zeros(self.documents.passages, dtype=bool)
        for source in sources:
            found[self.passages_of(source)] = True
        return found


def old(path: Path, facts: dict[str, Any], made: Any) -> Old | None:
    """The index at `path`; None where none can be read, it is damaged, or it was made with other facts or by other code."""
    try:
        found, arrays, comparison = storage.read(path)
        comparison.wait()
        index = Old(path, arrays)
    except (BadIndex, KeyError):
        return None
    return index if facts == {name: found.get(name) for name in facts} and index.rows("made") == [made] else None


def code() -> list[str]:
    """What changes when this package does, or what it takes texts apart with: all of an index depends on that."""
    versions = (f"{name} {metadata.version(name)}" for name in LIBRARIES)
    return [_package(), unicodedata.unidata_version, *versions]


@cache
def _package() -> str:
    # once: what runs is what was there when it was imported
    return fingerprint(Path(__file__).parent)


def fingerprint(*roots: Path) -> str:
    """A digest of all files below some folders, but for what Python keeps there."""
    digest = hashlib.sha256()
    for root in roots:
        for path in sorted(root.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts and SHIPPED not in path.relative_to(root).parts[:1]:
                digest.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def digests(roots: Iterable[Path]) -> list[str]:
    """The digests of the vectors that folders bring, by folder; of those that bring none, nothing."""
    paths = [root / embedder.STORED for root in dict.fromkeys(roots)]
    return [hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "" for path in paths]


class Kept:
    """The postings of some passages of an index, as a part of another; see joining.Run."""

    def __init__(self, arrays: dict[str, NDArray[Any]], passages: Mask) -> None:
        self._a, self._kept = arrays, passages
        self._numbers = (np.cumsum(passages) - 1).astype(np.int32)
        sizes = self._sizes("indptr", "indices")
        self._terms = np.flatnonzero(sizes)  # by their numbers there
        self._places = np.full(len(sizes), -1, dtype=np.int32)
        self._places[self._terms] = np.arange(len(self._terms))
        self.ends = columns.ends(sizes[self._terms])
        paired = len(arrays["pair_indptr"]) > 1
        pairs = self._sizes("pair_indptr", "pair_passages") if paired else np.zeros(len(sizes), dtype=np.int64)
        self.pair_ends = columns.ends(pairs[self._terms])
        self.lengths = arrays["lengths"][passages].astype(np.int64)

    @cached_property
    def terms(self) -> list[str]:
        """See Run."""
        words = Vocabulary(self._a["terms"], self._a["terms_ends"], self._a["terms_keys"])
        return [words[number] for number in self._terms.tolist()]

    def _sizes(self, indptr: str, passages: str) -> NDArray[np.int64]:
        """How many rows of each term are kept."""
        ends, found = self._a[indptr], np.zeros(len(self._a[indptr]) - 1, dtype=np.int64)
        for terms, span in spans(ends):
            kept = columns.ends(self._kept[self._a[passages][span]])
            found[terms] = np.diff(kept[ends[terms.start : terms.stop + 1] - span.start])
        return found

    def postings(self, terms: slice) -> tuple[Numbers, NDArray[np.uint16]]:
        """See Run."""
        passages, kept, tf = self._rows(terms, "indptr", "indices", "tf")
        return self._numbers[passages[kept]], tf[kept]

    def pairs(self, terms: slice) -> tuple[Numbers, Numbers]:
        """See Run."""
        if self.pair_ends[terms.start] == self.pair_ends[terms.stop]:
            return np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int32)
        passages, kept, nexts = self._rows(terms, "pair_indptr", "pair_passages", "pair_nexts")
        return self._places[nexts[kept]], self._numbers[passages[kept]]

    def _rows(self, terms: slice, indptr: str, passages: str, beside: str) -> tuple[NDArray[Any], Mask, NDArray[Any]]:
        numbers = self._terms[terms]
        if not len(numbers):
            return self._a[passages][:0], self._kept[:0], self._a[beside][:0]
        span = slice(int(self._a[indptr][numbers[0]]), int(self._a[indptr][numbers[-1] + 1]))
        return self._a[passages][span], self._kept[self._a[passages][span]], self._a[beside][span]
