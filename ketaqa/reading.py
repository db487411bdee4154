"""Files to cut documents and their postings, by one process or several.

Useful for: the first half of a build. Not useful for: putting an index together (builder).
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ketaqa import analysis, asked, fields, loaders, passages
from ketaqa.asked import Asked
from ketaqa.errors import BadSource
from ketaqa.inversion import Block, Inverter
from ketaqa.lexicon import Lexicon
from ketaqa.loaders import Source
from ketaqa.pool import mapped
from ketaqa.records import Document, Passage, Refusal
from ketaqa.spelling import spelled

# files are handed to worker processes in groups, so that small files do not pay for a message each
FILES_A_MESSAGE = 16
# passages that are counted at a time
BLOCK = 8192

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Cut:
    """A document, its passages, and for each the questions put to it."""

    document: Document
    passages: list[Passage]
    asked: list[list[str]]


@dataclass(frozen=True, slots=True)
class Group:
    """Files that were read, and in their place what was refused; their postings, and how often each word stands in them."""

    files: list["File | Refusal"]
    blocks: list[Block]
    words: Counter[str]


@dataclass(frozen=True, slots=True)
class File:
    """A file that was read: where it is, what it held, and its digest, size and time."""

    source: Source
    cuts: list[Cut]
    sha256: str
    size: int
    mtime_ns: int


def read_all(
    found: Sequence[Source], workers: int, length: int, analyser: str, paired: bool, progress: Progress | None
) -> tuple[list[Group], list[Refusal]]:
    """The files in groups, in their order, and those that can't be read; progress(done, all) is called as they are read.

    paired: whether neighbouring terms are counted too.
    """
    whole = zip(found, _asked(found), strict=True)
    jobs = [(part, rows) for source, rows in whole for part in loaders.parts(source)]
    size = min(FILES_A_MESSAGE, -(-len(jobs) // (4 * workers)) or 1)
    messages = [jobs[start : start + size] for start in range(0, len(jobs), size)]
    groups, files = list[Group](), list[File | Refusal]()
    for group in mapped(partial(Reading, length, analyser, paired), messages, min(workers, len(messages))):
        groups.append(group)
        for file in group.files:
            files.append(file)
            if progress:
                progress(len(files), len(jobs))
    refused = [(job, file) for (job, _), file in zip(jobs, files, strict=True) if isinstance(file, Refusal)]
    torn = _repeating(files) | {job.path: refusal for job, refusal in reversed(refused) if job.part}
    if torn:  # a file is read as a whole or not at all
        groups, others = read_all([s for s in found if s.path not in torn], workers, length, analyser, paired, None)
        return groups, [*others, *torn.values()]
    return groups, [refusal for _, refusal in refused]


def _repeating(files: Sequence[File | Refusal]) -> dict[Path, Refusal]:
    """The files of which two parts give a document of one doc_id."""
    seen, found = set[tuple[Path, str]](), dict[Path, Refusal]()
    for file in (one for one in files if isinstance(one, File) and one.source.part):
        for cut in file.cuts:
            key = file.source.path, cut.document.doc_id
            if key in seen:
                found.setdefault(key[0], Refusal(file.source.name, f"repeats _id {key[1]!r}; give each row its own"))
            seen.add(key)
    return found


def _asked(found: Sequence[Source]) -> list[Mapping[str, Sequence[Asked]]]:
    """For each file the questions put to its documents."""
    by_root = {root: asked.load(root) for root in dict.fromkeys(s.root for s in found)}
    whole = [s for s in found if not s.alone and s.format != "beir"]
    for root in dict.fromkeys(s.root for s in whole):
        asked.check(by_root[root], {s.name for s in whole if s.root == root})
    # a collection's file holds many documents, any other file the one of its name
    return [by_root[s.root] if s.format == "beir" else {s.name: by_root[s.root].get(s.name, ())} for s in found]


class Reading:
    """Reads files, a group at a time; each process has one."""

    def __init__(self, passage_length: int, analyser: str, paired: bool) -> None:
        self._length, self._inverter = passage_length, Inverter(analyser, paired)
        self._spelled = Lexicon(self._inverter.chunks, lambda text: sorted(spelled(text)))
        self._analyser = analysis.analyser(analyser)

    def __call__(self, jobs: Sequence[tuple[Source, Mapping[str, Sequence[Asked]]]]) -> Group:
        """Read a group of files, each with the questions put to its documents."""
        files = [self._file(source, rows) for source, rows in jobs]
        cuts = [cut for file in files if isinstance(file, File) for cut in file.cuts]
        group = Group(files, [], Counter())
        held = [(cut.document, passage, asked) for cut in cuts for passage, asked in zip(cut.passages, cut.asked, strict=True)]
        for start in range(0, len(held), BLOCK):
            self._count(held[start : start + BLOCK], group)
        return group

    def _file(self, source: Source, rows: Mapping[str, Sequence[Asked]]) -> File | Refusal:
        try:
            loaded = loaders.read(source)
        except BadSource as error:
            # the message begins with the file's name, which the refusal carries already
            return Refusal(source.name, str(error).removeprefix(f"{source.name}: "))
        cuts = []
        for document in loaded.documents:
            found = passages.cut(document, self._length)
            cuts.append(Cut(document, found, asked.by_passage(document, found, rows.get(document.doc_id, ()))))
        return File(source, cuts, loaded.sha256, loaded.size, loaded.mtime_ns)

    def _count(self, held: Sequence[tuple[Document, Passage, list[str]]], group: Group) -> None:
        texts = [[*fields.texts(document, passage), *questions] for document, passage, questions in held]
        chunks = self._inverter.chunks.of([text for own in texts for text in own])
        beside = [fields.beside(*one, self._analyser) for one in held]
        sizes = np.array([len(own) for own in texts], dtype=np.int64)
        group.blocks.append(self._inverter.block(chunks, sizes, beside))
        numbers = self._spelled.numbers(chunks)
        counts = np.bincount(numbers[numbers >= 0], minlength=len(self._spelled.names))
        group.words.update({word: int(n) for word, n in zip(self._spelled.names, counts, strict=True) if n})
