"""Hits to reasons: what did each term of the question add to each hit's score?

All terms are looked at together, for all hits. Useful for: showing why. Not useful for: ranking (retriever).
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ketaqa.columns import looked_up
from ketaqa.gathered import Gathered
from ketaqa.postings import Postings
from ketaqa.records import TermWeight
from ketaqa.retriever import DOCUMENT_WEIGHT, QueryTerm, Retriever, Told

Numbers = NDArray[np.int64]
Weights = NDArray[np.float64]


def explained(
    retriever: Retriever, query: Sequence[QueryTerm], passages: Sequence[int], told: Told | None = None
) -> list[tuple[TermWeight, ...]]:
    """What each term added to each passage's score; a passage's weights sum to its score.

    told: what is known of the question already.
    """
    if not passages:
        return []
    told = told or Told([], None, {})
    counted, meant = _counted(retriever, query, passages, told), _meant(retriever, query, passages, told)
    absent = [0.0] * len(passages), [False] * len(passages)
    parts = [next(meant) if t.vector is not None else next(counted) if t.number is not None else absent for t in query]
    names = [t.term for t in query]
    added, held = (zip(*rows, strict=True) for rows in zip(*parts, strict=True)) if parts else ([()] * len(passages),) * 2
    return [tuple(map(TermWeight, names, *one)) for one in zip(added, held, strict=True)]


Parts = Iterator[tuple[Sequence[float], list[bool]]]  # of each term, what it added to each passage, and which of them hold it


def _meant(retriever: Retriever, query: Sequence[QueryTerm], passages: Sequence[int], told: Told) -> Parts:
    held = [True] * len(passages)
    if all(number in told.meant for number in passages):
        return ((row, held) for row in zip(*map(told.meant.__getitem__, passages), strict=True))
    vectors = [t.vector for t in query if t.vector is not None]
    if retriever.meaning is None or not vectors:
        return iter([])
    return ((row, held) for row in retriever.meaning.shares(np.array(passages), np.array(vectors)).tolist())


def _counted(retriever: Retriever, query: Sequence[QueryTerm], passages: Sequence[int], told: Told) -> Parts:
    terms = [(t.number, t.weight) for t in query if t.number is not None]
    if not terms:
        return iter([])
    numbers = sorted(set(passages))
    places = [numbers.index(number) for number in passages]
    rows = told.rows if told.rows and len(told.rows.sizes) == len(terms) else None
    own, shares = _sums(retriever, [number for number, _ in terms], numbers, rows)
    added = np.array([[weight] for _, weight in terms]) * (own + shares)[:, places]
    return zip(added.tolist(), (own > 0.0)[:, places].tolist(), strict=True)


def _sums(retriever: Retriever, terms: list[int], numbers: list[int], rows: Gathered | None) -> tuple[Weights, Weights]:
    """What terms weigh in passages, which rise, and in the mean passage of their documents: (terms, passages) both."""
    table, firsts = retriever.postings, retriever.firsts
    spans = np.array([(number, number + 1) for number in numbers])
    if firsts is None:
        own = _within(rows or _inside(table, terms, spans), spans)
        if table.bend == 0.0:
            own *= [[table.factor(number)] for number in terms]
        return own, np.zeros(own.shape)
    of = (looked_up(firsts, numbers, "right") - 1).tolist()
    documents = sorted(set(of))
    whole = firsts[[(document, document + 1) for document in documents]]
    rows = rows or _inside(table, terms, whole)
    shares = DOCUMENT_WEIGHT * _within(rows, whole) / (whole[:, 1] - whole[:, 0])
    return _within(rows, spans), shares[:, [documents.index(document) for document in of]]


def _within(rows: Gathered, spans: Numbers) -> Weights:
    """(terms, spans): the sum of each row over the passages of each span; spans rise and do not overlap."""
    size = spans.size + 1
    # between the edges of a span lie odd places
    places = spans.ravel().searchsorted(rows.passages, side="right")
    places += np.arange(0, len(rows.sizes) * size, size).repeat(rows.sizes)
    found = np.bincount(places, rows.shares, len(rows.sizes) * size)
    return np.asarray(found.reshape(-1, size)[:, 1::2], dtype=np.float64)


def _inside(table: Postings, terms: list[int], spans: Numbers) -> Gathered:
    """The rows of terms, but for what lies outside of the spans: of a common term few postings are looked at."""
    rows = []
    for number in terms:
        held, tf = table.counts(number)
        edges = looked_up(held, spans).tolist()
        looked = np.concatenate([np.arange(low, high) for low, high in edges])
        rows.append((held[looked], table.shares(held[looked], tf[looked])))
    return Gathered.of(rows)
