"""What a table of means does not show: passages that no question finds, and passages that say the same thing twice."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from ketaqa.index import Index
from ketaqa.retriever import QueryTerm

TOP = 10  # a passage below this place is as good as not found
SAME = 0.8  # cosine of the term counts from which two passages are near-duplicates
LISTED = 100


@dataclass(frozen=True, slots=True)
class Shown:
    """A passage, or a document that was judged as a whole: its name and its text."""

    name: str
    text: str


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Two passages nearly alike, how alike (cosine, in [0, 1]), and how many questions found both among their first TOP."""

    first: Shown
    second: Shown
    cosine: float
    questions: int


@dataclass(frozen=True, slots=True)
class Inspection:
    """Passages that no question finds (how many, and the first LISTED), and near-duplicates, most harmful first."""

    unfound: int
    unfound_listed: tuple[Shown, ...]
    duplicates: tuple[Duplicate, ...]


def inspect(index: Index, queries: Iterable[list[QueryTerm]]) -> Inspection:
    """Look at an index through the queries that are made of it."""
    found = [{n for n, _ in index.retriever.search(query, TOP)} for query in queries]
    times = Counter(number for numbers in found for number in numbers)
    unfound = [n for n in range(index.info.passages) if not times[n]]
    pairs = [
        Duplicate(_passage(index, a), _passage(index, b), cosine, sum(a in numbers and b in numbers for numbers in found))
        for a, b, cosine in _alike(index)
    ]
    pairs.sort(key=lambda pair: (-pair.questions, -pair.cosine, pair.first.name, pair.second.name))
    return Inspection(len(unfound), tuple(_passage(index, n) for n in unfound[:LISTED]), tuple(pairs[:LISTED]))


def _passage(index: Index, number: int) -> Shown:
    return Shown(index.passage_id(number), index.passage(number).text)


def _alike(index: Index) -> list[tuple[int, int, float]]:
    """Pairs of passages whose term counts have a cosine of at least SAME, block by block so that memory stays bounded."""
    from scipy.sparse import csr_array
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.preprocessing import normalize

    texts = (index.passage(n).text for n in range(index.info.passages))
    try:
        counts = CountVectorizer(analyzer=index.analyser.terms, dtype=np.float32).fit_transform(texts)
    except ValueError:  # no passage holds any term
        return []
    rows = csr_array(normalize(counts))
    pairs = []
    for start in range(0, rows.shape[0], 512):
        block = (rows[start : start + 512] @ rows.T).tocoo()
        alike = block.data >= SAME
        for row, column, cosine in zip(block.row[alike], block.col[alike], block.data[alike], strict=True):
            if start + row < column:
                pairs.append((int(start + row), int(column), float(min(cosine, 1.0))))
    return pairs


def shown(index: Index, name: str, is_document: bool) -> Shown:
    """A judged document's text, or a judged passage's."""
    if is_document:
        return Shown(name, index.document(name).text)
    doc_id, _, place = name.rpartition("#")
    return Shown(name, index.passages_of(doc_id)[int(place) - 1].text)
