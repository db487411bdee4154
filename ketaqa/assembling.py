"""Packed documents, some after the other, to the files of an index that is being written.

Useful for: building in bounded memory. Not useful for: postings (inversion), vectors (embedder).
"""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ketaqa import columns
from ketaqa.documents import Documents
from ketaqa.packing import Packed, Rows
from ketaqa.storage import Writer

KEY = 8  # bytes of a digest that tell one doc_id from nearly all others
BLOCK = 1 << 20  # rows that are copied at a time

Numbers = NDArray[Any]


class _Packing:
    """Items of bytes in a file, and the size of each in another."""

    def __init__(self, name: str, writer: Writer) -> None:
        self._name, self._writer = name, writer
        self._blob, self._sizes = writer.column(name, np.uint8), writer.scratch(np.int64)

    def append(self, rows: Rows) -> None:
        self._blob.append(rows.blob)
        self._sizes.append(rows.sizes)

    def ended(self) -> dict[str, Numbers]:
        ends = columns.ends(self._sizes.ended())
        self._writer.save(f"{self._name}_ends", narrow(ends))
        return {self._name: self._blob.ended(), f"{self._name}_ends": ends}


class Assembly:
    """The documents of an index that is being written."""

    def __init__(self, writer: Writer) -> None:
        self._writer, self.documents, self.passages = writer, 0, 0
        self._texts, self._rows = _Packing("texts", writer), _Packing("documents", writer)
        self._headings, self._asked = _Packing("headings", writer), _Packing("asked", writer)
        self._digests = writer.column("digests", np.uint8, 32)
        self._headed, self._asked_of = writer.scratch(np.int64), writer.scratch(np.int64)
        self._counts, self._spans, self._section = (
            writer.scratch(np.int64),
            writer.scratch(np.int64, 4),
            writer.scratch(np.int64),
        )
        self._keys = writer.scratch(np.uint64)
        self._sections: dict[bytes, int] = {}

    def add(self, packed: Packed, doc_ids: Sequence[str]) -> None:
        """Add documents at the end."""
        self._texts.append(packed.texts)
        self._rows.append(packed.rows)
        self._digests.append(packed.digests)
        self._headed.append(packed.headed + self.documents)
        self._headings.append(packed.headings)
        self._counts.append(packed.counts)
        self._spans.append(packed.spans)
        numbers = [self._sections.setdefault(section, len(self._sections)) for section in packed.sections]
        self._section.append(np.array(numbers, dtype=np.int64)[packed.section])
        self._asked_of.append(packed.asked_of + self.passages)
        self._asked.append(packed.asked)
        keys = b"".join(hashlib.blake2b(doc_id.encode(), digest_size=KEY).digest() for doc_id in doc_ids)
        self._keys.append(np.frombuffer(keys, dtype=np.uint64))
        self.documents += len(packed.counts)
        self.passages += len(packed.spans)

    def ended(self, source_names: Rows, source_firsts: Numbers) -> Documents:
        """The documents, as they can be read from here on; given the files' names and the first document of each."""
        found = self._texts.ended() | self._rows.ended() | self._headings.ended() | self._asked.ended()
        sections = _Packing("sections", self._writer)
        sections.append(Rows.of(self._sections))
        names = _Packing("source_names", self._writer)
        names.append(source_names)
        found |= sections.ended() | names.ended() | {"digests": self._digests.ended(), "source_firsts": source_firsts}
        self._writer.save("source_firsts", narrow(source_firsts))
        found["firsts"] = columns.ends(self._counts.ended())
        self._writer.save("firsts", narrow(found["firsts"]))
        for name, column in (("headed", self._headed), ("asked_of", self._asked_of)):
            found[name] = narrow(np.array(column.ended()))  # in memory: Windows takes away no file that is mapped
            self._writer.save(name, found[name])
        for name, column in (("spans", self._spans), ("section", self._section)):
            found[name] = self.narrowed(name, column.ended())
        return Documents(found, lambda: None)

    def narrowed(self, name: str, rows: Numbers) -> Numbers:
        """Write numbers of at least 0 in the smallest type that holds them all."""
        largest = max((int(rows[start : start + BLOCK].max()) for start in range(0, len(rows), BLOCK)), default=0)
        column = self._writer.column(name, smallest(largest), *rows.shape[1:])
        for start in range(0, len(rows), BLOCK):
            column.append(rows[start : start + BLOCK])
        return column.ended()

    def repeated(self) -> list[tuple[int, int]]:
        """Pairs of documents that may have one doc_id; nearly always they have."""
        keys = self._keys.ended()
        order = np.argsort(keys, kind="stable")
        places = np.flatnonzero(keys[order[1:]] == keys[order[:-1]])
        return sorted(zip(order[places].tolist(), order[places + 1].tolist(), strict=True))


def narrow(ends: Numbers) -> Numbers:
    """Half the room where no number is larger than two thousand million."""
    return ends.astype(np.int32) if ends.max(initial=0) <= np.iinfo(np.int32).max else ends


def smallest(largest: int) -> DTypeLike:
    """The smallest type of whole numbers from 0 to that one."""
    return next(kind for kind in (np.uint8, np.uint16, np.uint32, np.int64) if largest <= np.iinfo(kind).max)
