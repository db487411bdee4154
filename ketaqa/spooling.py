"""Blocks of postings that wait in files until they are joined.

Useful for: more postings than memory holds. Not useful for: an index (storage).
"""

from collections.abc import Callable, Collection, Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ketaqa.columns import Column
from ketaqa.inversion import Block

TYPES = {"ends": np.int64, "passages": np.int32, "tf": np.uint16, "pair_ends": np.int64}
TYPES |= {"nexts": np.int32, "pair_passages": np.int32, "lengths": np.int64}


class Terms(Collection[str]):
    """Sorted terms in a block of bytes, taken apart anew each time they are gone through."""

    def __init__(self, blob: NDArray[np.uint8], count: int) -> None:
        self._blob, self._count = blob, count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[str]:
        # no term holds the end of a line
        return iter(self._blob.tobytes().decode().split("\n") if self._count else ())

    def __contains__(self, term: object) -> bool:
        return any(term == one for one in self)


class Spool:
    """Blocks, one after the other; `column` makes the files."""

    def __init__(self, column: Callable[[DTypeLike], Column]) -> None:
        self._columns, self._terms = {name: column(kind) for name, kind in TYPES.items()}, column(np.uint8)
        self._counts = list[int]()
        self._ends = [dict.fromkeys([*TYPES, "terms"], 0)]

    def add(self, block: Block) -> None:
        """Add a block at the end."""
        blob = np.frombuffer("\n".join(block.terms).encode(), dtype=np.uint8)
        self._terms.append(blob)
        self._counts.append(len(block.terms))
        for name, column in self._columns.items():
            column.append(getattr(block, name))
        self._ends.append({name: len(column) for name, column in self._columns.items()} | {"terms": len(self._terms)})

    def blocks(self) -> list[Block]:
        """All blocks, as they were added."""
        arrays: dict[str, NDArray[Any]] = {name: column.ended() for name, column in self._columns.items()}
        terms = self._terms.ended()
        return [
            Block(
                terms=Terms(terms[start["terms"] : end["terms"]], count),
                **{name: array[start[name] : end[name]] for name, array in arrays.items()},
            )
            for start, end, count in zip(self._ends, self._ends[1:], self._counts, strict=False)
        ]
