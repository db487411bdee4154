"""Hits to reasons: what did each term of the question add to each hit's score?

Each term's postings and each word's meaning are looked at once for all hits. Useful for: showing why.
Not useful for: ranking (retriever).
"""

from collections.abc import Sequence
from itertools import islice

import numpy as np

from ketaqa.records import TermWeight
from ketaqa.retriever import DOCUMENT_WEIGHT, QueryTerm, Retriever

Part = tuple[float, bool]  # what a term added to a passage's score, and whether the passage holds it


def explained(retriever: Retriever, query: Sequence[QueryTerm], passages: Sequence[int]) -> list[tuple[TermWeight, ...]]:
    """What each term added to each passage's score; a passage's weights sum to its score."""
    if not passages:
        return []
    meant, counted = iter(_meant(retriever, query, passages)), _Counted(retriever, passages)
    parts = [next(meant) if t.vector is not None else counted.parts(t) for t in query]
    names = [t.term for t in query]
    return [tuple(map(TermWeight, names, *zip(*(part[n] for part in parts), strict=True))) for n in range(len(passages))]


def _meant(retriever: Retriever, query: Sequence[QueryTerm], passages: Sequence[int]) -> list[list[Part]]:
    vectors = [t.vector for t in query if t.vector is not None]
    if retriever.meaning is None or not vectors:
        return []
    return [
        [(weight, True) for weight in row] for row in retriever.meaning.shares(np.array(passages), np.array(vectors)).tolist()
    ]


class _Counted:
    """Counted terms of some passages, which are looked for together, with the first and the end of their documents."""

    def __init__(self, retriever: Retriever, passages: Sequence[int]) -> None:
        self._postings, self._passages, self._bounds = retriever.postings, passages, list[int]()
        if retriever.firsts is not None:
            ends = retriever.firsts.searchsorted(passages, side="right")
            self._bounds = retriever.firsts[np.stack([ends - 1, ends], axis=1)].ravel().tolist()
        self._sizes = [end - first for first, end in zip(self._bounds[::2], self._bounds[1::2], strict=True)]
        # of the postings' own type, else NumPy turns all of a term's postings into another first
        self._asked = np.array([*passages, *self._bounds], dtype=self._postings.indices.dtype)

    def parts(self, term: QueryTerm) -> list[Part]:
        """What a term added to the score of each passage, by itself and by its document."""
        if term.number is None:
            return [(0.0, False)] * len(self._passages)
        indices, tf = self._postings.counts(term.number)
        places = indices.searchsorted(self._asked).tolist()
        own, edges = places[: len(self._passages)], places[len(self._passages) :]
        held = [place < len(indices) and indices.item(place) == n for place, n in zip(own, self._passages, strict=True)]
        spans = list(zip(edges[::2], edges[1::2], strict=True))
        # of a common term few postings are looked at
        looked = [place for place, there in zip(own, held, strict=True) if there]
        looked += [place for low, high in spans for place in range(low, high)]
        data = iter(self._postings.weights(term.number, indices[looked], tf[looked]).tolist())
        weights = [next(data) if there else 0.0 for there in held]
        shares = [
            DOCUMENT_WEIGHT * sum(islice(data, high - low)) / size for (low, high), size in zip(spans, self._sizes, strict=True)
        ] or [0.0] * len(held)
        return [(term.weight * (one + share), there) for one, share, there in zip(weights, shares, held, strict=True)]
