"""Many texts to numbers of terms, at the speed of the interpreter's own loops.

Bytes are cut at blanks and at signs that no word holds; what stands between two cuts, a chunk, is taken apart when it is first
seen, and looked up from then on. The terms are those of `Analyser.terms`, whatever the text (test).
Useful for: building. Not useful for: questions, whose words must not be kept; spans.
"""

import secrets
import string
from collections.abc import Callable, Iterable, Iterator, Sequence
from copy import copy
from itertools import chain, islice, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketaqa import compiled

# ends a text; no byte of UTF-8
END = b"\xff"
BLANK = 32
SEPARATOR = b" " + END + b" "
# the signs that stand inside a word or a number, and all that is not ASCII
KEPT = string.ascii_letters + string.digits + "_'.,"
CUTS = bytes(n if n > 127 or chr(n) in KEPT else BLANK for n in range(256))
# the same with small letters, and 0 for what ends a chunk
SMALL = bytes(0 if byte == BLANK else ord(chr(byte).lower()) if byte < 128 else byte for byte in CUTS)
BORDER, NOTHING, SEVERAL = -1, -2, -3
# chunks that are kept in memory; a vocabulary is small beside its text
MOST_CHUNKS = 2_000_000
# characters from which the compiled way pays: loading it takes as long as reading ten million of them the other way
LARGE = 1 << 24

Numbers = NDArray[np.int32]


class Chunks:
    """Numbers of chunks, given when they are first seen; 0 is the end of a text."""

    def __init__(self) -> None:
        self.begun = 0  # how often they were forgotten
        self._forget()

    def of(self, texts: Sequence[str]) -> Numbers:
        """The numbers of the chunks of all texts, in order.

        Of too many chunks all are forgotten first: what was never text, digests for instance, has new ones without end.
        """
        if len(self) > MOST_CHUNKS:
            self.begun += 1
            self._forget()
        return self._numbers(self._encoded(texts) + SEPARATOR if texts else b"")

    def _encoded(self, texts: Sequence[str]) -> bytes:
        # fewer chunks; elsewhere a mark may make another letter of a small one than of its capital
        parts = (text.lower().encode() if text.isascii() else text.encode("utf-8", "surrogatepass") for text in texts)
        return SEPARATOR.join(parts)

    def copy(self) -> "Chunks":
        """Another that knows the same chunks by the same numbers."""
        made = copy(self)
        made._known = _Known(self._known)
        return made

    def __len__(self) -> int:
        return len(self._known)

    def since(self, number: int) -> Iterator[bytes]:
        """The chunks from that number on."""
        return islice(self._known, number, None)

    def _forget(self) -> None:
        self._known = _Known({END: 0})

    def _numbers(self, blob: bytes) -> Numbers:
        found = blob.translate(CUTS).split()
        return np.fromiter(map(self._known.__getitem__, found), dtype=np.int32, count=len(found))


class _Known(dict[bytes, int]):
    def __missing__(self, chunk: bytes) -> int:
        number = self[chunk] = len(self)
        return number


class Table(Chunks):
    """The same by compiled code (chunking), some ten times as fast."""

    def __init__(self, fast: Any) -> None:
        self._fast, self._small = fast, np.frombuffer(SMALL, dtype=np.uint8)
        self._basis = np.uint64(secrets.randbits(64))
        super().__init__()

    def __len__(self) -> int:
        return self._count

    def copy(self) -> "Table":
        """See Chunks."""
        made = copy(self)
        made._hashes, made._slots = self._hashes.copy(), self._slots.copy()
        made._ends, made._arena = self._ends.copy(), self._arena.copy()
        return made

    def since(self, number: int) -> Iterator[bytes]:
        """See Chunks."""
        ends = self._ends[number : self._count + 1] - self._ends[number]
        held = self._arena[self._ends[number] : self._ends[self._count]].tobytes()
        for start, end in pairwise(ends.tolist()):
            yield held[start:end]

    def _encoded(self, texts: Sequence[str]) -> bytes:
        if all(map(str.isascii, texts)):  # all at once, so that no thread waits for the interpreter
            return SEPARATOR.decode("latin-1").join(texts).encode("latin-1")
        return SEPARATOR.join([text.encode("utf-8", "surrogatepass") for text in texts])

    def _forget(self) -> None:
        self._count, self._ends, self._arena = 0, np.zeros(1, dtype=np.int64), np.empty(0, dtype=np.uint8)
        self._hashes, self._slots = np.empty(0, dtype=np.uint64), np.empty(0, dtype=np.int32)
        self._grow(len(END))
        self._numbers(END)

    def _numbers(self, blob: bytes) -> Numbers:
        data, at, count = np.frombuffer(bytearray(blob), dtype=np.uint8), 0, 0
        found = np.empty(len(data) // 2 + 1, dtype=np.int32)  # a blank stands between two
        while at < len(data):
            table = self._slots, self._hashes, self._ends, self._arena
            at, count, self._count = self._fast.number(data, at, self._small, self._basis, table, self._count, found, count)
            if at < len(data):
                self._grow(int(data[at:].size))
        return found[:count].copy()

    def _grow(self, room: int) -> None:
        """Room for twice as many chunks, and for the bytes of all that may come; a slot in two stays free."""
        size = max(1 << 12, 2 * len(self._hashes))
        self._hashes = np.concatenate([self._hashes[: self._count], np.empty(size - self._count, dtype=np.uint64)])
        self._ends = np.concatenate([self._ends[: self._count + 1], np.empty(size - self._count, dtype=np.int64)])
        self._arena = np.concatenate([self._arena[: self._ends[self._count]], np.empty(room, dtype=np.uint8)])
        self._slots = np.full(2 * size, -1, dtype=np.int32)
        self._fast.slotted(self._hashes[: self._count], self._slots)


def chunks(characters: int) -> Chunks:
    """What numbers the chunks of texts of so many characters in all: compiled where numba is installed and they are many."""
    fast = compiled.module("chunking", characters >= LARGE)
    return Table(fast) if fast else Chunks()


class Lexicon:
    """What a rule finds in each chunk (terms, say), with numbers in the order in which it is first seen."""

    def __init__(self, chunks: Chunks, rule: Callable[[str], Iterable[str]]) -> None:
        self._chunks, self._rule = chunks, rule
        self._begin()

    def _begin(self) -> None:
        self._begun, self.names = self._chunks.begun, dict[str, int]()
        # for each chunk the number of its one name, or BORDER, NOTHING, or SEVERAL less the place in _several
        self._name_of = [BORDER]
        self._several: list[list[int]] = []
        self._sorted, self._ranks = list[str](), np.full(1, BORDER, dtype=np.int32)

    def copy(self, chunks: Chunks) -> "Lexicon":
        """Another that knows the same of a copy of its chunks."""
        made = copy(self)
        made._chunks, made.names = chunks, self.names.copy()
        made._name_of, made._several = self._name_of.copy(), self._several.copy()
        return made

    def number(self, name: str) -> int:
        """The number of a name, a new one where it has none."""
        return self.names.setdefault(name, len(self.names))

    def numbers(self, chunks: Numbers) -> Numbers:
        """The numbers of the names in these chunks, in order; BORDER ends a text. Names are forgotten with the chunks."""
        if self._begun != self._chunks.begun:
            self._begin()
        for chunk in self._chunks.since(len(self._name_of)):
            self._learn(chunk)
        found = np.array(self._name_of, dtype=np.int32)[chunks]
        if self._several:
            found = self._spread(found)
        return np.asarray(found[found != NOTHING], dtype=np.int32)

    def ranked(self) -> tuple[list[str], Numbers]:
        """All names, sorted, and the place of each number's name there; of BORDER, the last, BORDER."""
        if len(self._sorted) < len(self.names):
            new = sorted(islice(self.names, len(self._sorted), None))
            self._sorted = sorted([*self._sorted, *new])  # of two sorted runs it makes one in a single pass
            self._ranks = np.full(len(self.names) + 1, BORDER, dtype=np.int32)
            self._ranks[np.fromiter(map(self.names.__getitem__, self._sorted), np.int64, len(self.names))] = np.arange(
                len(self.names)
            )
        return self._sorted, self._ranks

    def _learn(self, chunk: bytes) -> None:
        names = [self.number(name) for name in self._rule(chunk.decode("utf-8", "surrogatepass"))]
        if len(names) > 1:
            self._name_of.append(SEVERAL - len(self._several))
            self._several.append(names)
        else:
            self._name_of.append(names[0] if names else NOTHING)

    def _spread(self, found: Numbers) -> Numbers:
        """Each chunk of several names replaced by them."""
        places = np.flatnonzero(found <= SEVERAL)
        held = [self._several[SEVERAL - int(code)] for code in found[places]]
        sizes = np.ones(len(found), dtype=np.int64)
        sizes[places] = [len(names) for names in held]
        spread = np.repeat(found, sizes)
        spread[spread <= SEVERAL] = list(chain.from_iterable(held))
        return spread
