"""Many texts to numbers of terms, at the speed of the interpreter's own loops.

Bytes are cut at blanks and at signs that no word holds; what stands between two cuts, a chunk, is taken apart when it is first
seen, and looked up from then on. The terms are those of `Analyser.terms`, whatever the text (test).
Useful for: building. Not useful for: questions, whose words must not be kept; spans.
"""

import string
from collections.abc import Callable, Iterable, Sequence
from itertools import chain, islice

import numpy as np
from numpy.typing import NDArray

# ends a text; no byte of UTF-8
END = b"\xff"
# the signs that stand inside a word or a number, and all that is not ASCII
KEPT = string.ascii_letters + string.digits + "_'.,"
CUTS = bytes(n if n > 127 or chr(n) in KEPT else 32 for n in range(256))
BORDER, NOTHING, SEVERAL = -1, -2, -3
# chunks that are kept in memory; a vocabulary is small beside its text
MOST_CHUNKS = 2_000_000

Numbers = NDArray[np.int32]


class Chunks(dict[bytes, int]):
    """Numbers of chunks, given when they are first asked for; 0 is the end of a text."""

    def __init__(self) -> None:
        super().__init__({END: 0})
        self.begun = 0  # how often they were forgotten

    def __missing__(self, chunk: bytes) -> int:
        number = self[chunk] = len(self)
        return number

    def of(self, texts: Sequence[str]) -> Numbers:
        """The numbers of the chunks of all texts, in order.

        Of too many chunks all are forgotten first: what was never text, digests for instance, has new ones without end.
        """
        if len(self) > MOST_CHUNKS:
            self.clear()
            self[END] = 0
            self.begun += 1
        # fewer chunks; elsewhere a mark may make another letter of a small one than of its capital
        lowered = (text.lower() if text.isascii() else text for text in texts)
        blob = b"".join(chain.from_iterable((text.encode("utf-8", "surrogatepass"), b" " + END + b" ") for text in lowered))
        found = blob.translate(CUTS).split()
        return np.fromiter(map(self.__getitem__, found), dtype=np.int32, count=len(found))


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

    def number(self, name: str) -> int:
        """The number of a name, a new one where it has none."""
        return self.names.setdefault(name, len(self.names))

    def numbers(self, chunks: Numbers) -> Numbers:
        """The numbers of the names in these chunks, in order; BORDER ends a text. Names are forgotten with the chunks."""
        if self._begun != self._chunks.begun:
            self._begin()
        for chunk in islice(self._chunks, len(self._name_of), None):
            self._learn(chunk)
        found = np.array(self._name_of, dtype=np.int32)[chunks]
        if self._several:
            found = self._spread(found)
        return np.asarray(found[found != NOTHING], dtype=np.int32)

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
