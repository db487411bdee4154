"""Sources to an index on disk.

Useful for: `ketaqa index`. Not useful for: reading an index (index).
"""

import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketaqa import config, embedder, fields, inversion, loaders, postings, reading, references, semantics, storage
from ketaqa.errors import BadSetting, BadSource
from ketaqa.index import document_row, pack_bytes, pack_rows
from ketaqa.loaders import Source
from ketaqa.reading import Progress
from ketaqa.records import BuildReport, Reference, Refusal

ANALYSER = "english"
WEIGHTING = "bm25"
NO_ENCODER = "none"

# where the files lie and when they were written says nothing of what the index holds
UNVERSIONED = frozenset({"sources", "sources_ends", "source_stats", "companions", "companions_ends"})


def build(
    sources: str | Path | Iterable[str | Path],
    out: str | Path,
    *,
    workers: int = 1,
    weighting: str = WEIGHTING,
    passage_length: int = config.PASSAGE_LENGTH,
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
    # scikit-learn's weighting is kept as it is: its norm would count the pairs in full
    paired = weighting == WEIGHTING
    groups, unread = reading.read_all(found, workers, passage_length, ANALYSER, paired, progress)
    files, refused = [file for group in groups for file in group.files if isinstance(file, reading.File)], [*refused, *unread]
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


def _nothing(found: Sequence[Source], refused: Sequence[Refusal]) -> str:
    if refused:
        return f"nothing could be read; the first of {len(refused)} refused: {refused[0].source}: {refused[0].reason}"
    return f"nothing to index in {len(found)} files; give files of format {loaders.KNOWN} that hold text"


def _check_ids(files: Sequence[reading.File]) -> None:
    seen: dict[str, Source] = {}
    for file in files:
        for item in file.cuts:
            first = seen.setdefault(item.document.doc_id, file.source)
            if first is not file.source:
                raise BadSource(
                    f"{file.source.path} and {first.path}: both give a document {item.document.doc_id!r}; "
                    "index the folder above them, or rename one"
                )


def _documents(read: Sequence[reading.Cut]) -> dict[str, NDArray[Any]]:
    sections: dict[tuple[str, ...], int] = {}
    rows = []
    for number, item in enumerate(read):
        end = at = 0
        for place, passage in enumerate(item.passages):
            first = at + len(item.document.text[end : passage.start].encode())
            end, at = passage.end, first + len(passage.text.encode())
            section = sections.setdefault(passage.section, len(sections))
            rows.append((number, passage.start, passage.end, first, at, section, place))
    tables: dict[str, NDArray[Any]] = {"passages": _narrow(np.array(rows, dtype=np.int64).reshape(-1, 7))}
    tables["firsts"] = np.cumsum([0, *(len(item.passages) for item in read)], dtype=np.int64)
    tables["texts"], tables["texts_ends"] = pack_bytes(item.document.text.encode() for item in read)
    documents = [item.document for item in read]
    tables |= pack_rows("documents", map(document_row, documents))
    tables |= pack_rows("headings", ([[h.start, h.end, h.level, h.text] for h in d.headings] for d in documents))
    return tables | pack_rows("sections", sections)


def _narrow(numbers: NDArray[np.int64]) -> NDArray[Any]:
    # half the room where no document is larger than two gigabytes
    return numbers.astype(np.int32) if numbers.max(initial=0) <= np.iinfo(np.int32).max else numbers


def _sources(files: Sequence[reading.File], out: Path) -> dict[str, NDArray[Any]]:
    here = out.resolve()

    def row(file: reading.File) -> dict[str, Any]:
        # paths relative to the index, so that documents and index can be moved together
        path, root = (os.path.relpath(p.resolve(), here) for p in (file.source.path, file.source.root))
        return {"path": path, "root": root, "sha256": file.sha256}

    roots = dict.fromkeys(f.source.root for f in files)
    companions = [
        {"path": os.path.relpath(path.resolve(), here), "root": os.path.relpath(root.resolve(), here), "sha256": digest}
        for root in roots
        for path, digest in references.digests(root)
    ]
    whole = list({f.source.path: f for f in files}.values())  # one for all parts of a file
    stats = np.array([(f.size, f.mtime_ns) for f in whole], dtype=np.int64)
    places = {f.source.path: n for n, f in enumerate(whole)}
    source_of = np.repeat(np.array([places[f.source.path] for f in files], dtype=np.int32), [len(f.cuts) for f in files])
    return (
        pack_rows("sources", map(row, whole))
        | pack_rows("companions", companions)
        | {"source_stats": stats, "source_of": source_of}
    )


def _references(files: Sequence[reading.File], read: Sequence[reading.Cut]) -> dict[str, NDArray[Any]]:
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


def _claims(files: Sequence[reading.File]) -> dict[str, list[references.Claim]]:
    by_document: dict[str, list[references.Claim]] = {}
    for root in dict.fromkeys(f.source.root for f in files):
        documents = {i.document.doc_id: i.document for f in files if f.source.root == root for i in f.cuts}
        partial = all(f.source.alone for f in files if f.source.root == root)
        for claim in references.load(root, documents, partial):
            by_document.setdefault(claim.doc_id, []).append(claim)
    return by_document


def _vectors(
    files: Sequence[reading.File], encoder: embedder.Reader | None, progress: Progress | None
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
