"""An index that is being built: documents and postings as they come, and what is made of all of them at the end.

Useful for: builder. Not useful for: deciding what an index is made from (builder).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import groupby, islice
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ketaqa import embedder, finishing, joining, loaders, postings, reading, storage, updating
from ketaqa.assembling import Assembly
from ketaqa.errors import BadSource
from ketaqa.finishing import Held, Stretch
from ketaqa.loaders import Source
from ketaqa.packing import Rows, written
from ketaqa.reading import Progress, Questions, Segment, Settings
from ketaqa.records import BuildReport, Refusal
from ketaqa.spooling import Spool
from ketaqa.updating import Kept, Old, Same

# where the files lie and when they were written says nothing of what the index holds
UNVERSIONED = frozenset({"sources", "sources_ends", "source_stats", "companions", "companions_ends", "made", "made_ends"})
PASSAGES = 8192  # whose words are counted at a time

Item = TypeVar("Item")
Plan = tuple[Source, Questions, str, Same | None]


class Building:
    """Files in, index out; within `with`, which leaves the index that was there where it is not finished."""

    def __init__(
        self,
        out: Path,
        facts: dict[str, Any],
        settings: Settings,
        workers: int,
        reader: embedder.Reader | None,
        progress: Progress | None,
    ) -> None:
        self._out, self._facts, self._settings, self._workers = out, facts, settings, workers
        self._reader, self._progress, self._stack = reader, progress, ExitStack()
        self._files, self._refused = list[Held](), list[tuple[Source, Refusal]]()
        self._stretches, self._taken, self._words = list[Stretch](), list[int](), Counter[str]()
        self._old: Old | None = None

    def __enter__(self) -> "Building":
        self._writer = self._stack.enter_context(storage.writing(self._out))
        self._assembly, self._spool = Assembly(self._writer), Spool(self._writer.scratch)
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def read(self, found: Sequence[Source]) -> None:
        """Read the files, or take over what the index there holds of them, in their order."""
        with_questions = reading.with_questions(found)
        # without an encoder passages for which a folder brings no vectors have none
        encodes, brought = self._reader is not None, updating.digests(source.root for source in found)
        self._made = {"code": updating.code(), "vectors": brought, "encodes": encodes}
        self._old = updating.old(self._out, self._facts, self._made)
        planned = [self._planned(*one) for one in self._told("comparing" if self._old else "", with_questions)]
        stretches = [(taken, list(some)) for taken, some in groupby(planned, lambda one: one[3] is not None)]
        jobs = [[] if taken else reading.jobs((source, rows) for source, rows, _, _ in some) for taken, some in stretches]
        messages = reading.messages(jobs, self._workers)
        segments = reading.read([one for some in messages for one in some], self._settings, self._workers, self._progress)
        self._asked = {source.path: asked for source, _, asked, _ in planned}
        for (taken, some), own in zip(stretches, messages, strict=True):
            if self._old and taken:
                same_files = [(source, same) for source, _, _, same in some if same]
                for _, run in groupby(enumerate(same_files), lambda one: one[1][1].number - one[0]):
                    self._take(self._old, [one for _, one in run])
            for segment in islice(segments, len(own)):
                self._add(segment)
        self._end()

    def _told(self, what: str, items: Sequence[Item]) -> Iterator[Item]:
        for done, item in enumerate(items, 1):
            yield item
            if self._progress and what:
                self._progress(what, done, len(items))

    def _planned(self, source: Source, questions: Questions) -> Plan:
        asked = reading.digest(questions)
        return source, questions, asked, self._old.same(source, asked) if self._old else None

    def _take(self, old: Old, run: Sequence[tuple[Source, Same]]) -> None:
        """Take over the documents of files that stand one after the other in the index there."""
        start, numbers = self._assembly.passages, [same.number for _, same in run]
        documents = range(old.documents.of_source(numbers[0]).start, old.documents.of_source(numbers[-1]).stop)
        for source, same in run:
            row = old.source(same.number)
            first = self._assembly.documents + old.documents.of_source(same.number).start - documents.start
            self._files.append(Held(source, row["sha256"], same.size, same.mtime_ns, row["asked"], first))
        for packed, doc_ids in old.packed(documents):
            self._assembly.add(packed, doc_ids)
        self._taken += numbers
        self._stretches.append(Stretch(start, self._assembly.passages, old.passages_of(numbers[0]).start))

    def _add(self, segment: Segment) -> None:
        first, start = self._assembly.documents, self._assembly.passages
        for file in segment.files:
            # the parts of a file follow one another
            if not (file.source.part and self._files and self._files[-1].source.path == file.source.path):
                asked = self._asked[file.source.path]
                self._files.append(Held(file.source, file.sha256, file.size, file.mtime_ns, asked, first))
            first += len(file.doc_ids)
        self._assembly.add(segment.documents, [doc_id for file in segment.files for doc_id in file.doc_ids])
        self._refused += segment.refused
        self._spool.add(segment.block)
        self._words.update(segment.words)
        self._stretches.append(Stretch(start, self._assembly.passages))

    def _end(self) -> None:
        names = Rows.of(written(file.source.name) for file in self._files)
        firsts = np.array([*(file.first for file in self._files), self._assembly.documents], dtype=np.int64)
        self._documents = self._assembly.ended(names, firsts)

    def torn(self) -> dict[Path, Refusal]:
        """The files that were read in parts of which one can't be read, or repeats a doc_id. BadSource when two files have
        one."""
        found = {source.path: refusal for source, refusal in reversed(self._refused) if source.part}
        for pair in self._assembly.repeated():
            doc_id, other = (self._documents.doc_id_at(number) for number in pair)
            first, second = (self._files[self._documents.source_of(number)].source for number in pair)
            if doc_id == other and first is second:
                found.setdefault(first.path, Refusal(first.name, f"repeats _id {doc_id!r}; give each row its own"))
            elif doc_id == other:
                raise BadSource(
                    f"{second.path} and {first.path}: both give a document {doc_id!r}; "
                    "index the folder above them, or rename one"
                )
        return found

    def finished(self, refused: Sequence[Refusal]) -> BuildReport:
        """Put the index in place. BadSource when no document has a passage."""
        refused = [*refused, *(refusal for _, refusal in self._refused)]
        if not self._assembly.passages:
            raise BadSource(_nothing(len(self._files), refused))
        # citations first: a claim whose quote is gone is better said before hours of encoding than after
        arrays = finishing.sources(self._files, self._out, self._made) | finishing.citations(self._documents, self._files)
        table, known = self._postings(), self._vectors()
        arrays |= finishing.spellings(self._counted())
        for name, array in arrays.items():
            self._writer.save(name, array)
        version = self._writer.finish(self._facts, unversioned=UNVERSIONED)
        counts = self._assembly.documents, table.passages, len(table.vocabulary), known
        return BuildReport(version, *counts, tuple(refused), len(self._taken))

    def _postings(self) -> postings.Postings:
        blocks: list[joining.Run] = list(self._spool.blocks())
        places = [np.arange(s.start, s.end, dtype=np.int32) for s in self._stretches if s.old is None]
        if self._old and self._taken:
            blocks.append(Kept(self._old.arrays, self._old.of_sources(self._taken)))
            taken = sorted((s for s in self._stretches if s.old is not None), key=lambda s: s.old or 0)
            places.append(np.concatenate([np.arange(s.start, s.end, dtype=np.int32) for s in taken]))

        def make(name: str, dtype: Any, size: int) -> Any:
            return self._writer.column(name, dtype)

        def tell(done: int, every: int) -> None:
            if self._progress:
                self._progress("writing", done, every)

        table = joining.join(blocks, self._facts["weighting"], places, make, self._workers, tell)
        for name, array in _small(table).items():
            self._writer.save(name, array)
        self._assembly.narrowed("lengths", joining.lengths(blocks, places))
        return table

    def _vectors(self) -> int:
        """Write the vectors, if there are any; how many passages have one."""
        if not self._facts["encoder"]:
            return 0
        fresh = np.concatenate([np.arange(0), *(np.arange(s.start, s.end) for s in self._stretches if s.old is None)])
        items = finishing.Items(self._documents, self._files, fresh)
        before = self._old.arrays["vectors"] if self._old and self._taken else None
        alike = self._documents.alike(fresh)
        return finishing.vectors(items, alike, self._stretches, before, self._reader, self._writer, self._progress)

    def _counted(self) -> Counter[str]:
        """How often each word stands in the documents: what was read, and of the index there what was taken over."""
        if not self._old or not self._taken:
            return self._words
        found = self._words + self._old.spellings()
        gone = np.flatnonzero(~self._old.of_sources(self._taken))
        count = reading.Reading(self._settings, 0)
        for start in range(0, len(gone), PASSAGES):
            numbers = gone[start : start + PASSAGES].tolist()
            found.subtract(count.words(list(finishing.held(self._old.documents, numbers))))
        return found


def _nothing(files: int, refused: Sequence[Refusal]) -> str:
    if refused:
        return f"nothing could be read; the first of {len(refused)} refused: {refused[0].source}: {refused[0].reason}"
    return f"nothing to index in {files} files; give files of format {loaders.KNOWN} that hold text"


def _small(table: postings.Postings) -> dict[str, NDArray[Any]]:
    """The arrays of postings that are not written as they are made."""
    words: dict[str, NDArray[Any]] = {"terms": table.vocabulary.blob, "terms_ends": table.vocabulary.ends}
    words |= {"terms_keys": table.vocabulary.keys, "indptr": table.indptr, "norms": table.norms, "upper": table.upper}
    if table.pairs is not None:
        return words | {"pair_indptr": table.pairs.indptr}
    empty = np.empty(0, dtype=np.int32)
    return words | {"pair_indptr": np.zeros(1, dtype=np.int64), "pair_nexts": empty, "pair_passages": empty}
