"""Documents and passages as they are read from the arrays of an index.

Useful for: "here is a passage's number, what does it say and where does it stand?" Not useful for: ranking, citations (index).
"""

import json
from collections.abc import Callable, Mapping
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketaqa import columns
from ketaqa.records import Document, Heading, Passage, Piece

Arrays = Mapping[str, NDArray[Any]]
# columns of the array "spans"
START, END, BYTE_START, BYTE_END = range(4)


class Rows:
    """JSON rows in one block of bytes, read one at a time."""

    def __init__(self, blob: NDArray[np.uint8], ends: NDArray[Any], wait: Callable[[], None]) -> None:
        self.blob, self.ends, self._wait = blob, ends, wait

    def __len__(self) -> int:
        return len(self.ends) - 1

    def __getitem__(self, number: int) -> Any:
        self._wait()  # nothing is believed before it was compared
        return json.loads(self.blob[self.ends[number] : self.ends[number + 1]].tobytes())


class Documents:
    """The documents of an index, numbered from 0, and their passages, numbered from 0."""

    def __init__(self, arrays: Arrays, wait: Callable[[], None]) -> None:
        self._arrays, self._wait = arrays, wait
        self._documents, self._sections = self.rows("documents"), self.rows("sections")
        self._headings, self._asked, self._names = self.rows("headings"), self.rows("asked"), self.rows("source_names")

    def rows(self, name: str) -> Rows:
        """The rows of that name."""
        return Rows(self._arrays[name], self._arrays[f"{name}_ends"], self._wait)

    def __len__(self) -> int:
        return len(self._documents)

    @property
    def passages(self) -> int:
        """How many passages there are."""
        return len(self._arrays["spans"])

    def row(self, document: int) -> dict[str, Any]:
        """All that is kept of a document beside its text and headings, by the names of `Document`."""
        row = self._documents[document]
        found: dict[str, Any] = {"doc_id": row} if isinstance(row, str) else row
        found.setdefault("title", found["doc_id"])
        found["sha256"] = self._arrays["digests"][document].tobytes().hex()
        return found

    def doc_id_at(self, document: int) -> str:
        """The doc_id of the document of that number."""
        row = self._documents[document]
        return row if isinstance(row, str) else str(row["doc_id"])

    def doc_ids(self, first: int, end: int) -> list[str]:
        """The doc_ids of the documents from `first` to `end`, read at once."""
        self._wait()
        ends = self._documents.ends[first : end + 1].tolist()
        blob = self._documents.blob[ends[0] : ends[-1]].tobytes()
        rows = json.loads(b"[" + b",".join(blob[low - ends[0] : high - ends[0]] for low, high in pairwise(ends)) + b"]")
        return [row if isinstance(row, str) else str(row["doc_id"]) for row in rows]

    def source_of(self, document: int) -> int:
        """The number of the file that a document was read from."""
        return int(columns.looked_up(self._arrays["source_firsts"], document, "right")) - 1

    def source_name(self, source: int) -> str:
        """The name of a file below its folder."""
        name: str = self._names[source]
        return name

    def of_source(self, source: int) -> range:
        """The documents that were read from a file."""
        return range(*self._arrays["source_firsts"][source : source + 2].tolist())

    def of(self, passage: int) -> int:
        """The number of the document that a passage belongs to."""
        return int(columns.looked_up(self._arrays["firsts"], passage, "right")) - 1

    def passages_of(self, document: int) -> range:
        """The numbers of a document's passages."""
        return range(*self._arrays["firsts"][document : document + 2].tolist())

    def span(self, passage: int) -> list[int]:
        """Where a passage begins and ends, in code points and in bytes of its document's text."""
        return [int(v) for v in self._arrays["spans"][passage]]

    def section(self, passage: int) -> list[str]:
        """The headings above a passage, outermost first."""
        found: list[str] = self._sections[int(self._arrays["section"][passage])]
        return found

    def headings(self, document: int) -> list[Heading]:
        """The headings of a document."""
        return [Heading(*row) for row in self._of_some(self._arrays["headed"], self._headings, document)]

    def asked(self, passage: int) -> list[str]:
        """The questions put to a passage."""
        return self._of_some(self._arrays["asked_of"], self._asked, passage)

    @staticmethod
    def _of_some(numbers: NDArray[Any], rows: Rows, wanted: int) -> list[Any]:
        """The row of a number, where only some have one; nothing of the others."""
        place = int(columns.looked_up(numbers, wanted))
        found: list[Any] = rows[place] if place < len(numbers) and numbers[place] == wanted else []
        return found

    def text(self, document: int, start: int = 0, end: int | None = None) -> str:
        """The text of a document, or of its bytes from `start` to `end`."""
        self._wait()  # nothing is quoted from files that were not compared
        base, limit = self._arrays["texts_ends"][document : document + 2].tolist()
        return bytes(self._arrays["texts"][base + start : limit if end is None else base + end]).decode()

    def passage(self, number: int) -> Passage:
        """The passage of that number, its text read from the index's copy of the document."""
        document, span = self.of(number), self.span(number)
        text, doc_id = self.text(document, span[BYTE_START], span[BYTE_END]), self.doc_id_at(document)
        name = self._name(doc_id, document, number)
        return Passage(name, doc_id, span[START], span[END], text, (Piece(text, False),), tuple(self.section(number)))

    def passage_id(self, number: int) -> str:
        """The passage's name: its document's doc_id and its place there, from 1."""
        document = self.of(number)
        return self._name(self.doc_id_at(document), document, number)

    def _name(self, doc_id: str, document: int, passage: int) -> str:
        return f"{doc_id}#{passage - self.passages_of(document).start + 1}"

    def document(self, number: int) -> Document:
        """A document with its whole text."""
        source = self.source_name(self.source_of(number))
        return Document(**self.row(number), source=source, text=self.text(number), headings=tuple(self.headings(number)))

    def alike(self, passages: NDArray[np.int64]) -> NDArray[np.int64]:
        """For each of these passages, which rise, a number that neighbours of one section of one document share."""
        if not len(passages):
            return passages
        document = columns.looked_up(self._arrays["firsts"], passages, "right")
        section = self._arrays["section"][passages]
        other = (document[1:] != document[:-1]) | (section[1:] != section[:-1]) | (np.diff(passages) != 1)
        return np.concatenate([[0], np.cumsum(other)])

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The numbers of all documents by doc_id, in order."""
        return {doc_id: number for number, doc_id in enumerate(self.doc_ids(0, len(self)))}
