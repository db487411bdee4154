"""Files to packed documents and their postings, by one process or several.

Useful for: the first half of a build. Not useful for: putting an index together (builder).
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from ketaqa import analysis, asked, fields, loaders, packing, passages
from ketaqa.asked import Asked
from ketaqa.errors import BadSource
from ketaqa.inversion import Block, Inverter
from ketaqa.lexicon import Lexicon, Numbers
from ketaqa.loaders import Source
from ketaqa.packing import Cut, Packed
from ketaqa.pool import mapped
from ketaqa.records import Document, Passage, Refusal
from ketaqa.spelling import spelled

# bytes of files that are read by one process at a time, at most, and in how many turns each reads its share
MESSAGE, TURNS = loaders.PART, 4

# what is being done, how much of it is done, and all of it
Progress = Callable[[str, int, int], None]
Questions = Mapping[str, Sequence[Asked]]
# a passage, its document, and the questions put to it
Worded = tuple[Document, Passage, list[str]]


@dataclass(frozen=True, slots=True)
class Job:
    """A file to read, or a part of one, and the questions put to its documents."""

    source: Source
    asked: Questions
    size: int


@dataclass(frozen=True, slots=True)
class File:
    """A file that was read, or a part: how many documents it gave, their doc_ids, and its digest, size and time."""

    source: Source
    doc_ids: list[str]
    sha256: str
    size: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Segment:
    """Some files that were read, in order: their documents, the postings of their passages, and how often each word stands in
    them; and what was refused."""

    files: list[File]
    refused: list[tuple[Source, Refusal]]
    documents: Packed
    block: Block
    words: Counter[str]


@dataclass(frozen=True, slots=True)
class Settings:
    """How files are read. paired: whether neighbouring terms are counted too."""

    passage_length: int
    analyser: str
    paired: bool


def jobs(sources: Iterable[tuple[Source, Questions]]) -> list[Job]:
    """Each file as a job, a large collection as several."""
    return [Job(part, rows, _size(part)) for source, rows in sources for part in loaders.parts(source)]


def _size(source: Source) -> int:
    try:
        return source.part.end - source.part.start if source.part else source.path.stat().st_size
    except OSError:
        return 0  # which reading it will say


def messages(jobs: Sequence[Sequence[Job]], workers: int) -> list[list[list[Job]]]:
    """Each list of jobs in groups that are read at one go."""
    total = sum(job.size for some in jobs for job in some)
    return [list(_grouped(some, min(MESSAGE, total // (TURNS * workers)))) for some in jobs]


def _grouped(jobs: Iterable[Job], size: int) -> Iterator[list[Job]]:
    """Jobs in groups of about that many bytes."""
    group, held = list[Job](), 0
    for job in jobs:
        if group and held + job.size > size:
            yield group
            group, held = [], 0
        group.append(job)
        held += job.size
    if group:
        yield group


def read(messages: Sequence[Sequence[Job]], settings: Settings, workers: int, progress: Progress | None) -> Iterator[Segment]:
    """The segments of groups of jobs, in order. progress(what, done, all) is told of bytes."""
    sizes = [sum(job.size for job in message) for message in messages]
    make, done = partial(Reading, settings, sum(sizes) // workers), 0
    if progress and sizes:
        progress("reading", 0, sum(sizes))
    for size, segment in zip(sizes, mapped(make, messages, min(workers, len(messages))), strict=True):
        done += size
        if progress:
            progress("reading", done, sum(sizes))
        yield segment


def with_questions(found: Sequence[Source]) -> list[tuple[Source, Questions]]:
    """Each file and the questions put to its documents. BadSource when a row is malformed, or names no document."""
    by_root = {root: asked.load(root) for root in dict.fromkeys(s.root for s in found)}
    whole = [s for s in found if not s.alone and s.format != "beir"]
    for root in dict.fromkeys(s.root for s in whole):
        asked.check(by_root[root], {s.name for s in whole if s.root == root})
    # a collection's file holds many documents, any other file the one of its name
    return [(s, by_root[s.root] if s.format == "beir" else _of_one(by_root[s.root], s.name)) for s in found]


def _of_one(rows: Questions, name: str) -> Questions:
    return {name: rows[name]} if name in rows else {}


def digest(rows: Questions) -> str:
    """What changes when the questions do; nothing where there are none."""
    plain = {doc_id: [[one.quote, list(one.questions)] for one in found] for doc_id, found in rows.items()}
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest() if rows else ""


class Reading:
    """Reads files, a group at a time; each process has one. `characters`: about how many it will read."""

    def __init__(self, settings: Settings, characters: int) -> None:
        self._settings = settings
        self._inverter = Inverter(settings.analyser, settings.paired, characters)
        self._spelled = Lexicon(self._inverter.chunks, lambda text: sorted(spelled(text)))
        self._analyser = analysis.analyser(settings.analyser)

    def __call__(self, jobs: Sequence[Job]) -> Segment:
        """Read a group of files."""
        files, refused, cuts = list[File](), list[tuple[Source, Refusal]](), list[Cut]()
        for job in jobs:
            try:
                loaded = loaders.read(job.source)
            except BadSource as error:
                # the message begins with the file's name, which the refusal carries already
                refused.append((job.source, Refusal(job.source.name, str(error).removeprefix(f"{job.source.name}: "))))
                continue
            cuts += [self._cut(document, job.asked) for document in loaded.documents]
            doc_ids = [document.doc_id for document in loaded.documents]
            files.append(File(job.source, doc_ids, loaded.sha256, loaded.size, loaded.mtime_ns))
        held = [(cut.document, passage, own) for cut in cuts for passage, own in zip(cut.passages, cut.asked, strict=True)]
        return Segment(files, refused, packing.pack(cuts), *self._counted(held))

    def _cut(self, document: Document, rows: Questions) -> Cut:
        found = passages.cut(document, self._settings.passage_length)
        return Cut(document, found, asked.by_passage(document, found, rows.get(document.doc_id, ())))

    def _counted(self, held: Sequence[Worded]) -> tuple[Block, Counter[str]]:
        chunks, sizes = self._chunks(held)
        block = self._inverter.block(chunks, sizes, [fields.beside(*one, self._analyser) for one in held])
        return block, self._words(chunks)

    def words(self, held: Sequence[Worded]) -> Counter[str]:
        """How often each word stands in these passages."""
        return self._words(self._chunks(held)[0])

    def _chunks(self, held: Sequence[Worded]) -> tuple[Numbers, NDArray[np.int64]]:
        """The chunks of the texts that stand for passages, and how many texts each has."""
        texts = [[*fields.texts(document, passage), *questions] for document, passage, questions in held]
        chunks = self._inverter.chunks.of([text for own in texts for text in own])
        return chunks, np.array([len(own) for own in texts], dtype=np.int64)

    def _words(self, chunks: Numbers) -> Counter[str]:
        numbers = self._spelled.numbers(chunks)
        counts = np.bincount(numbers[numbers >= 0], minlength=len(self._spelled.names))
        return Counter({word: int(n) for word, n in zip(self._spelled.names, counts, strict=True) if n})
