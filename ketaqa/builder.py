"""Sources to an index on disk.

Useful for: `ketaqa index`. Not useful for: reading an index (index).
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketaqa import analysis, asked, embedder, fields, inversion, loaders, passages, postings, references, semantics, storage
from ketaqa.asked import Asked
from ketaqa.errors import BadSetting, BadSource
from ketaqa.index import document_row, pack_bytes, pack_rows
from ketaqa.inversion import Block, Inverter
from ketaqa.lexicon import Lexicon
from ketaqa.loaders import Source
from ketaqa.pool import mapped
from ketaqa.records import BuildReport, Document, Passage, Reference, Refusal
from ketaqa.spelling import spelled

ANALYSER = "english"
WEIGHTING = "bm25"
NO_ENCODER = "none"
# files are handed to worker processes in groups, so that small files do not pay for a message each
FILES_A_MESSAGE = 16
# passages that are counted at a time
BLOCK = 8192

# where the files lie and when they were written says nothing of what the index holds
UNVERSIONED = frozenset({"sources", "sources_ends", "source_stats", "companions", "companions_ends"})

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class _Cut:
    """A document, its passages, and for each the questions put to it."""

    document: Document
    passages: list[Passage]
    asked: list[list[str]]


@dataclass(frozen=True, slots=True)
class _Group:
    """Files that were read, and in their place what was refused; their postings, and how often each word stands in them."""

    files: list["_File | Refusal"]
    blocks: list[Block]
    words: Counter[str]


@dataclass(frozen=True, slots=True)
class _File:
    """A file that was read: where it is, what it held, and its digest, size and time."""

    source: Source
    cuts: list[_Cut]
    sha256: str
    size: int
    mtime_ns: int


def build(
    sources: str | Path | Iterable[str | Path],
    out: str | Path,
    *,
    workers: int = 1,
    weighting: str = WEIGHTING,
    passage_length: int = passages.PASSAGE_LENGTH,
    encoder: str = "",
    progress: Progress | None = None,
) -> BuildReport:
    """Read files and folders and write the index at `out`; an index that is there is replaced when all is done.

    encoder: the sentence encoder of the passages, by name or folder; the one of `ketaqa[semantic]` where that is installed,
    else "table", the shipped table of word meanings; "none" for counted words alone.
    progress(done, all) is called as files are read, and as passages are encoded.
    Files that can't be read are listed in the report. BadSource when nothing could be read or two documents share an id;
    BadIndex when `out` can't be written.
    """
    out = Path(out)
    for name, value in (("workers", workers), ("passage_length", passage_length)):
        if value < 1:
            raise BadSetting(f"{name} is {value!r}; give a whole number of at least 1")
    storage.check_place(out)
    chosen = None if encoder == NO_ENCODER else embedder.reader(encoder)
    found, refused = loaders.find(sources)
    groups = _read_all(found, workers, passage_length, weighting, progress)
    files = [file for group in groups for file in group.files if isinstance(file, _File)]
    refused += [file for group in groups for file in group.files if isinstance(file, Refusal)]
    read = [item for file in files for item in file.cuts]
    if not any(item.passages for item in read):
        raise BadSource(_nothing(found, refused))
    _check_ids(files)
    table = inversion.join([block for group in groups for block in group.blocks], weighting)
    arrays = _documents(read) | _sources(files, out) | _references(files, read) | _postings(table)
    arrays |= _spellings(sum((group.words for group in groups), Counter()))
    facts = {"analyser": ANALYSER, "weighting": weighting, "passage_length": passage_length, "encoder": ""}
    # scikit-learn's weighting is kept as it is here too
    plain = encoder == NO_ENCODER or weighting != WEIGHTING
    vectors, facts["encoder"] = ({}, "") if plain else _vectors(files, chosen, progress)
    arrays |= vectors
    version = storage.write(out, arrays, facts, unversioned=UNVERSIONED)
    known = int(vectors["vectors"].any(axis=1).sum()) if vectors else 0
    return BuildReport(version, len(read), table.passages, len(table.vocabulary), known, tuple(refused))


def _read_all(found: Sequence[Source], workers: int, length: int, weighting: str, progress: Progress | None) -> list[_Group]:
    jobs = list(zip(found, _asked(found), strict=True))
    size = min(FILES_A_MESSAGE, -(-len(jobs) // (4 * workers)) or 1)
    messages = [jobs[start : start + size] for start in range(0, len(jobs), size)]
    groups, done = [], 0
    for group in mapped(partial(_Reading, length, weighting), messages, min(workers, len(messages))):
        groups.append(group)
        for _ in group.files:
            done += 1
            if progress:
                progress(done, len(found))
    return groups


def _asked(found: Sequence[Source]) -> list[Mapping[str, Sequence[Asked]]]:
    """For each file the questions put to its documents."""
    by_root = {root: asked.load(root) for root in dict.fromkeys(s.root for s in found)}
    whole = [s for s in found if not s.alone and s.format != "beir"]
    for root in dict.fromkeys(s.root for s in whole):
        asked.check(by_root[root], {s.name for s in whole if s.root == root})
    # a collection's file holds many documents, any other file the one of its name
    return [by_root[s.root] if s.format == "beir" else {s.name: by_root[s.root].get(s.name, ())} for s in found]


class _Reading:
    """Reads files, a group at a time; each process has one."""

    def __init__(self, passage_length: int, weighting: str) -> None:
        # scikit-learn's weighting is kept as it is: its norm would count the pairs in full
        self._length, self._inverter = passage_length, Inverter(ANALYSER, paired=weighting == WEIGHTING)
        self._spelled = Lexicon(self._inverter.chunks, lambda text: sorted(spelled(text)))
        self._analyser = analysis.analyser(ANALYSER)

    def __call__(self, jobs: Sequence[tuple[Source, Mapping[str, Sequence[Asked]]]]) -> _Group:
        files = [self._file(source, rows) for source, rows in jobs]
        cuts = [cut for file in files if isinstance(file, _File) for cut in file.cuts]
        group = _Group(files, [], Counter())
        held = [(cut.document, passage, asked) for cut in cuts for passage, asked in zip(cut.passages, cut.asked, strict=True)]
        for start in range(0, len(held), BLOCK):
            self._count(held[start : start + BLOCK], group)
        return group

    def _file(self, source: Source, rows: Mapping[str, Sequence[Asked]]) -> _File | Refusal:
        try:
            loaded = loaders.read(source)
        except BadSource as error:
            # the message begins with the file's name, which the refusal carries already
            return Refusal(source.name, str(error).removeprefix(f"{source.name}: "))
        cuts = []
        for document in loaded.documents:
            found = passages.cut(document, self._length)
            cuts.append(_Cut(document, found, asked.by_passage(document, found, rows.get(document.doc_id, ()))))
        return _File(source, cuts, loaded.sha256, loaded.size, loaded.mtime_ns)

    def _count(self, held: Sequence[tuple[Document, Passage, list[str]]], group: _Group) -> None:
        texts = [[*fields.texts(document, passage), *questions] for document, passage, questions in held]
        chunks = self._inverter.chunks.of([text for own in texts for text in own])
        beside = [fields.beside(*one, self._analyser) for one in held]
        sizes = np.array([len(own) for own in texts], dtype=np.int64)
        group.blocks.append(self._inverter.block(chunks, sizes, beside))
        numbers = self._spelled.numbers(chunks)
        counts = np.bincount(numbers[numbers >= 0], minlength=len(self._spelled.names))
        group.words.update({word: int(n) for word, n in zip(self._spelled.names, counts, strict=True) if n})


def _nothing(found: Sequence[Source], refused: Sequence[Refusal]) -> str:
    if refused:
        return f"nothing could be read; the first of {len(refused)} refused: {refused[0].source}: {refused[0].reason}"
    return f"nothing to index in {len(found)} files; give files of format {loaders.KNOWN} that hold text"


def _check_ids(files: Sequence[_File]) -> None:
    seen: dict[str, Source] = {}
    for file in files:
        for item in file.cuts:
            first = seen.setdefault(item.document.doc_id, file.source)
            if first is not file.source:
                raise BadSource(
                    f"{file.source.path} and {first.path}: both give a document {item.document.doc_id!r}; "
                    "index the folder above them, or rename one"
                )


def _documents(read: Sequence[_Cut]) -> dict[str, NDArray[Any]]:
    sections: dict[tuple[str, ...], int] = {}
    rows = []
    for number, item in enumerate(read):
        end = at = 0
        for place, passage in enumerate(item.passages):
            first = at + len(item.document.text[end : passage.start].encode())
            end, at = passage.end, first + len(passage.text.encode())
            section = sections.setdefault(passage.section, len(sections))
            rows.append((number, passage.start, passage.end, first, at, section, place))
    tables: dict[str, NDArray[Any]] = {"passages": np.array(rows, dtype=np.int64)}
    tables["firsts"] = np.cumsum([0, *(len(item.passages) for item in read)], dtype=np.int64)
    tables["texts"], tables["texts_ends"] = pack_bytes(item.document.text.encode() for item in read)
    documents = [item.document for item in read]
    tables |= pack_rows("documents", map(document_row, documents))
    tables |= pack_rows("headings", ([[h.start, h.end, h.level, h.text] for h in d.headings] for d in documents))
    return tables | pack_rows("sections", sections)


def _sources(files: Sequence[_File], out: Path) -> dict[str, NDArray[Any]]:
    here = out.resolve()

    def row(file: _File) -> dict[str, Any]:
        # paths relative to the index, so that documents and index can be moved together
        path, root = (os.path.relpath(p.resolve(), here) for p in (file.source.path, file.source.root))
        return {"path": path, "root": root, "sha256": file.sha256}

    roots = dict.fromkeys(f.source.root for f in files)
    companions = [
        {"path": os.path.relpath(path.resolve(), here), "root": os.path.relpath(root.resolve(), here), "sha256": digest}
        for root in roots
        for path, digest in references.digests(root)
    ]
    stats = np.array([(f.size, f.mtime_ns) for f in files], dtype=np.int64)
    source_of = np.repeat(np.arange(len(files), dtype=np.int64), [len(f.cuts) for f in files])
    return (
        pack_rows("sources", map(row, files))
        | pack_rows("companions", companions)
        | {"source_stats": stats, "source_of": source_of}
    )


def _references(files: Sequence[_File], read: Sequence[_Cut]) -> dict[str, NDArray[Any]]:
    cited: dict[Reference, int] = {}
    claims = _claims(files)
    numbers: list[int] = []
    ends = [0]
    for item in read:
        for passage in item.passages:
            inside = (c for c in claims.get(item.document.doc_id, []) if c.start < passage.end and passage.start < c.end)
            numbers.extend(dict.fromkeys(cited.setdefault(r, len(cited)) for claim in inside for r in claim.references))
            ends.append(len(numbers))
    lists = {"passage_references": np.array(numbers, dtype=np.int64), "passage_references_ends": np.array(ends, dtype=np.int64)}
    return pack_rows("references", ({"text": r.text, "url": r.url} for r in cited)) | lists


def _claims(files: Sequence[_File]) -> dict[str, list[references.Claim]]:
    by_document: dict[str, list[references.Claim]] = {}
    for root in dict.fromkeys(f.source.root for f in files):
        documents = {i.document.doc_id: i.document for f in files if f.source.root == root for i in f.cuts}
        partial = all(f.source.alone for f in files if f.source.root == root)
        for claim in references.load(root, documents, partial):
            by_document.setdefault(claim.doc_id, []).append(claim)
    return by_document


def _vectors(
    files: Sequence[_File], encoder: embedder.Reader | None, progress: Progress | None
) -> tuple[dict[str, NDArray[Any]], str]:
    """The arrays of the vectors, and the name of what made them."""
    items = [
        embedder.Item(file.source.root, fields.texts(cut.document, passage), questions)
        for file in files
        for cut in file.cuts
        for passage, questions in zip(cut.passages, cut.asked, strict=True)
    ]
    sections = [(p.doc_id, p.section) for file in files for cut in file.cuts for p in cut.passages]
    codes, made_by = embedder.in_place(items, sections, encoder, progress)
    return {"vectors": codes, "vectors_mean": semantics.mean(codes)}, made_by


def _spellings(counts: Mapping[str, int]) -> dict[str, NDArray[Any]]:
    names = sorted(counts)
    words = postings.Vocabulary.of(names)
    held = np.array([counts[name] for name in names], dtype=np.int32)
    return {"spellings": words.blob, "spellings_ends": words.ends, "spellings_counts": held}


def _postings(table: postings.Postings) -> dict[str, NDArray[Any]]:
    words: dict[str, NDArray[Any]] = {"terms": table.vocabulary.blob, "terms_ends": table.vocabulary.ends}
    words["terms_keys"] = table.vocabulary.keys
    words |= {"indptr": table.indptr, "indices": table.indices, "tf": table.tf, "norms": table.norms, "upper": table.upper}
    empty = np.empty(0, dtype=np.int32)
    pairs = table.pairs or postings.Pairs(np.zeros(1, dtype=np.int64), empty, empty)
    return words | {"pair_indptr": pairs.indptr, "pair_nexts": pairs.nexts, "pair_passages": pairs.passages}
