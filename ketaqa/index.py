"""An opened index: passages, documents, references, and whether their files have changed since.

Useful for: "here is a passage number, give me its text, section and citation".
Not useful for: ranking (retriever), building (builder), files (storage).
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from ketaqa import analysis, columns, semantics, storage, weighting
from ketaqa import encoder as encoders
from ketaqa.documents import Documents
from ketaqa.errors import BadIndex, BadSetting, UnknownDocument
from ketaqa.meaning import BY_TABLE, Meaning
from ketaqa.postings import Pairs, Postings, Vocabulary
from ketaqa.records import Citation, Document, IndexInfo, Passage, Reference
from ketaqa.retriever import Retriever
from ketaqa.spelling import Spelling

# bytes of an array whose memory is given back with each question: one maps some 50 MB at a million passages, and the next
# takes as long as before
LARGE = 1 << 26
WATCHED = 1024  # files, of those looked at last, whose paths are kept: they are looked at again for every question


class Index:
    """The index at a path, opened for reading; BadIndex when it can't be."""

    def __init__(self, path: Path, encoder: str = "") -> None:
        self.path, self._encoder = path, encoder
        self.facts, self._arrays, self._comparison = storage.read(path)
        self._documents = Documents(self._arrays, self._comparison.wait)
        self.info = IndexInfo(str(self.facts["version"]), self._documents.passages)
        for key in ("analyser", "weighting"):
            if key not in self.facts:
                raise BadIndex(f"{path}: its manifest names no {key}; build the index again")
        self.analyser = analysis.analyser(self.facts["analyser"])
        if self.facts["weighting"] not in weighting.NAMES:
            raise BadIndex(f"{path}: unknown weighting {self.facts['weighting']!r}; build the index again with this version")
        rows = self._documents.rows
        self._references, self._sources, self._companions = rows("references"), rows("sources"), rows("companions")
        if encoder:
            _ = self.retriever  # refuses an encoder that is not the index's, here and not at the first question
        # by path: size and time, and the digest that was read at that time
        self._digests: dict[Path, tuple[tuple[int, int], str]] = {}
        self._watched = lru_cache(maxsize=WATCHED)(self._watched_anew)
        self._large = [array for array in self._arrays.values() if array.nbytes >= LARGE]

    @cached_property
    def retriever(self) -> Retriever:
        """The retriever over this index's postings and vectors; BadSetting when the encoder is not the index's."""
        self._comparison.wait()  # compiled code trusts the numbers that it reads
        a = self._arrays
        vocabulary = Vocabulary(a["terms"], a["terms_ends"], a["terms_keys"])
        pairs = Pairs(a["pair_indptr"], a["pair_nexts"], a["pair_passages"]) if len(a["pair_indptr"]) > 1 else None
        counts = a["indptr"], a["indices"], a["tf"]
        postings = Postings(vocabulary, *counts, pairs, a["norms"], a["upper"], self.facts["weighting"])
        # scikit-learn's weighting is kept as it is: there a document has no share
        firsts = a["firsts"] if postings.weighting == "bm25" else None
        return Retriever(postings, self.analyser, self._meaning(postings), firsts)

    def tidy(self) -> None:
        """Keep what earlier questions looked at from filling the memory; called once a question."""
        for array in self._large:
            columns.give_back(array)

    @cached_property
    def spelling(self) -> Spelling:
        """What reads misspelt questions by this index's words."""
        a, held = self._arrays, self.retriever.postings.vocabulary
        words = Vocabulary(a["spellings"], a["spellings_ends"])
        return Spelling(words, a["spellings_counts"], self.analyser, lambda term: held.find(term) is not None)

    def _meaning(self, postings: Postings) -> Meaning | None:
        a, made_by = self._arrays, str(self.facts.get("encoder", ""))
        asked_by = encoders.encoder(self._encoder) if self._encoder else None
        if asked_by and asked_by.name != made_by:
            made = "made without an encoder" if made_by in ("", semantics.TABLE) else f"made with {made_by!r}"
            raise BadSetting(
                f"encoder {self._encoder!r}: {self.path} was {made}; build it again with --encoder, or take the setting away"
            )
        if not made_by:
            return None
        general, weight = made_by in (semantics.TEACHER, semantics.TABLE), BY_TABLE if made_by == semantics.TABLE else 1.0
        return Meaning(postings, a["vectors"], a["vectors_mean"], general, asked_by, weight)

    def passage(self, number: int) -> Passage:
        """The passage of that number, its text read from the index's copy of the document."""
        return self._documents.passage(number)

    def passage_id(self, number: int) -> str:
        """The passage's name: its document's doc_id and its place there, from 1."""
        return self._documents.passage_id(number)

    def doc_id_of(self, number: int) -> str:
        """The doc_id of the document that a passage belongs to."""
        return self.doc_id_at(self.document_of(number))

    def doc_id_at(self, document: int) -> str:
        """The doc_id of the document of that number."""
        return self._documents.doc_id_at(document)

    def document_of(self, number: int) -> int:
        """The number of the document that a passage belongs to."""
        return self._documents.of(number)

    def headings_in(self, number: int) -> list[tuple[int, int]]:
        """The spans of the heading lines inside a passage, counted from its beginning."""
        start, end, *_ = self._documents.span(number)
        headings = self._documents.headings(self.document_of(number))
        return [(h.start - start, h.end - start) for h in headings if start <= h.start < end]

    def topic(self, number: int) -> str:
        """What a passage is about: its document's title and the headings above it."""
        title = self._documents.row(self.document_of(number))["title"]
        return ", ".join([title, *(heading for heading in self._documents.section(number) if heading != title)])

    def citation(self, number: int) -> Citation:
        """The citation of a passage: its document, its section, and the sources of the statements inside it."""
        row = self._documents.row(self.document_of(number))
        dated = next((f"{word} {row[word]}" for word in ("reviewed", "published") if row.get(word)), None)
        words = ", ".join([self.topic(number), *([dated] if dated else [])])
        low, high = (int(columns.looked_up(self._arrays["citing"], number, side)) for side in ("left", "right"))
        cited = self._arrays["cited"][low:high]
        references = tuple(Reference(**self._references[int(r)]) for r in cited)
        keys = ("doc_id", "title", "url", "published", "reviewed")
        kept: Any = {key: row.get(key) for key in keys}
        return Citation(text=words, doc_sha256=row["sha256"], references=references, **kept)

    def doc_ids(self) -> list[str]:
        """All doc_ids, in order."""
        return list(self._documents.numbers)

    def document(self, doc_id: str) -> Document:
        """A document with its whole text; UnknownDocument when it is not there."""
        return self._documents.document(self._number(doc_id))

    def file_of(self, doc_id: str) -> tuple[Path, Path, str]:
        """The folder that a document was read from, its file, and that file's name there; UnknownDocument without it."""
        number = self._documents.source_of(self._number(doc_id))
        source = self._watched(number)
        return source.root, source.path, self._documents.source_name(number)

    def passages_of(self, doc_id: str) -> list[Passage]:
        """The passages of a document, in order."""
        return [self.passage(n) for n in self._documents.passages_of(self._number(doc_id))]

    def around(self, passage: Passage) -> list[Passage | None]:
        """The passages of the same section before a passage and after it."""
        numbers = self._documents.passages_of(self._number(passage.doc_id))
        number = numbers[int(passage.passage_id.rpartition("#")[2]) - 1]
        near = (self.passage(n) if n in numbers else None for n in (number - 1, number + 1))
        return [one if one and one.section == passage.section else None for one in near]

    def _number(self, doc_id: str) -> int:
        if doc_id not in self._documents.numbers:
            raise UnknownDocument(f"no document {doc_id!r} in this index; `ketaqa passages` lists them")
        return self._documents.numbers[doc_id]

    def stale(self, documents: Iterable[int]) -> set[int]:
        """Those of the documents whose file, or whose folder's claims or sources, changed or went away since the build.

        Where the whole folder is absent (an index carried to another machine) nothing can be said, and they count as fresh.
        """
        self._comparison.wait()
        verdicts: dict[int, bool] = {}  # a file is looked at once, however many of its documents are asked about
        roots: dict[Path, bool] = {}
        found = set()
        for document in documents:
            source = self._documents.source_of(document)
            if source not in verdicts:
                verdicts[source] = self._source_changed(self._watched(source), roots)
            if verdicts[source]:
                found.add(document)
        return found

    def _source_changed(self, source: "_Watched", roots: dict[Path, bool]) -> bool:
        if source.root not in roots:
            # all files below a root count as changed where its claims or sources did
            roots[source.root] = any(self._changed(row) for row in self._watched_companions if row.root == source.root)
        # whether the whole folder is absent is asked where something is amiss
        return (roots[source.root] or self._changed(source)) and source.root.is_dir()

    def _changed(self, file: "_Watched") -> bool:
        """Whether a file is another than was read: where its time differs, or is not known, the digest decides."""
        try:
            stat = file.path.stat()
            now = (stat.st_size, stat.st_mtime_ns)
            if now == file.known:
                return False
            if file.known is not None and now[0] != file.known[0]:
                return True
            if self._digests.get(file.path, (None, ""))[0] != now:
                with open(file.path, "rb") as opened:
                    self._digests[file.path] = (now, hashlib.file_digest(opened, "sha256").hexdigest())
            return self._digests[file.path][1] != file.sha256
        except OSError:
            return True

    def _watched_anew(self, number: int) -> "_Watched":
        size, time = self._arrays["source_stats"][number].tolist()
        return self._watching(self._sources[number], (size, time))

    @cached_property
    def _watched_companions(self) -> list["_Watched"]:
        return [self._watching(self._companions[number], None) for number in range(len(self._companions))]

    def _watching(self, row: Mapping[str, str], known: tuple[int, int] | None) -> "_Watched":
        return _Watched(self._whole_path / row["path"], self._whole_path / row["root"], row["sha256"], known)

    @cached_property
    def _whole_path(self) -> Path:
        return self.path.resolve()


@dataclass(frozen=True, slots=True)
class _Watched:
    """A file that documents were read from, or beside them, and its folder; `known`: its size and time when it was read."""

    path: Path
    root: Path
    sha256: str
    known: tuple[int, int] | None
