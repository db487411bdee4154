"""The systems that are compared, behind one Protocol: the same texts, one thread, the same formula where they have it.

Each takes texts and queries as text, so that its own tokenising counts, in the fastest form that its documentation gives.
Left out: rank_bm25 (pure Python, some hundred times slower than bm25s), SQLite's FTS5 (another idf, so its answers can't be
asserted), and servers and Java engines, which aren't one thread in this process.

Useful for: "build this, search that". Not useful for: timing (timing), processes (child).
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

K1, B = 1.2, 0.75
# passage numbers and scores, both (queries, k), best first, padded with -1 and 0
Answers = tuple[NDArray[np.int64], NDArray[np.float64]]


class Peer(Protocol):
    """A system that ranks texts."""

    def build(self, texts: Sequence[str]) -> None:
        """Index texts in memory, tokenising included."""

    def search(self, queries: Sequence[str], k: int) -> Answers:
        """The k best texts of each query."""


class KetaQA:
    """TfidfRetriever with every word as it is."""

    def __init__(self, weighting: str = "bm25", workers: int = 1) -> None:
        from ketaqa import compiling
        from ketaqa.estimator import TfidfRetriever

        compiling.load()
        self._retriever = TfidfRetriever(weighting, "plain", n_jobs=workers)

    def build(self, texts: Sequence[str]) -> None:
        """See Peer."""
        self._retriever.fit(texts)

    def search(self, queries: Sequence[str], k: int) -> Answers:
        """See Peer."""
        found, scores = self._retriever.search(queries, k)
        return found, scores.astype(np.float64)


class ScikitLearn:
    """TfidfVectorizer and the product of its matrix with the queries: every passage is looked at."""

    def __init__(self) -> None:
        from sklearn.feature_extraction.text import TfidfVectorizer

        self._vectorizer = TfidfVectorizer()

    def build(self, texts: Sequence[str]) -> None:
        """See Peer."""
        self._matrix = self._vectorizer.fit_transform(texts)

    def search(self, queries: Sequence[str], k: int) -> Answers:
        """See Peer."""
        scores = (self._matrix @ self._vectorizer.transform(queries).T).toarray().T
        return _stacked([_best(np.arange(row.size), row, k) for row in scores], k)


class ScikitLearnByTerm(ScikitLearn):
    """The same matrix turned round when it is built, so that a product looks at the passages of the query's terms alone."""

    def build(self, texts: Sequence[str]) -> None:
        """See Peer."""
        self._matrix = self._vectorizer.fit_transform(texts).T.tocsr()

    def search(self, queries: Sequence[str], k: int) -> Answers:
        """See Peer."""
        product = (self._vectorizer.transform(queries) @ self._matrix).tocsr()
        spans = [slice(*product.indptr[n : n + 2]) for n in range(len(queries))]
        return _stacked([_best(product.indices[span], product.data[span], k) for span in spans], k)


class Bm25s:
    """bm25s compiled by numba."""

    def build(self, texts: Sequence[str]) -> None:
        """See Peer."""
        import bm25s

        self.model = bm25s.BM25(method="lucene", k1=K1, b=B, backend="numba")
        self.model.index(bm25s.tokenize(list(texts), stopwords=None, show_progress=False), show_progress=False)

    def search(self, queries: Sequence[str], k: int) -> Answers:
        """See Peer."""
        import bm25s

        tokens = bm25s.tokenize(list(queries), stopwords=None, show_progress=False)
        found, scores = self.model.retrieve(tokens, k=k, n_threads=1, show_progress=False)
        return found.astype(np.int64), scores.astype(np.float64)


class Tantivy:
    """tantivy, in memory or in a folder: lower-cased words, frequencies, positions where wanted, one writing thread."""

    # room enough that a million passages stay one segment: several are searched one after the other
    HEAP = 4_000_000_000

    def __init__(self, folder: Path | None = None, positions: bool = False, stored: bool = False) -> None:
        self._folder, self._option, self._stored = folder, "position" if positions else "freq", stored

    def build(self, texts: Sequence[str]) -> None:
        """See Peer."""
        import tantivy

        schema = tantivy.SchemaBuilder()
        schema.add_text_field("text", stored=self._stored, tokenizer_name="plain", index_option=self._option)
        self._index = tantivy.Index(schema.build(), path=str(self._folder) if self._folder else None)
        plain = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple()).filter(tantivy.Filter.lowercase())
        self._index.register_tokenizer("plain", plain.build())
        writer = self._index.writer(heap_size=self.HEAP, num_threads=1)
        for text in texts:
            writer.add_document(tantivy.Document(text=text))
        writer.commit()
        writer.wait_merging_threads()
        self._index.reload()
        self._searcher = self._index.searcher()
        # then a document's number is its place among the texts
        assert self._searcher.num_segments == 1, f"{self._searcher.num_segments} segments; give the writer more room"

    def search(self, queries: Sequence[str], k: int) -> Answers:
        """See Peer. Words are joined by "or"; without a count it may skip what can't be among the best."""
        rows = []
        for query in queries:
            hits = self._searcher.search(self._index.parse_query(query, ["text"]), k, count=False).hits
            rows.append(([address.doc for _, address in hits], [score for score, _ in hits]))
        # tantivy keeps the factor k1 + 1 that Lucene and the others leave out, as it changes no order
        found, scores = _stacked(rows, k)
        return found, scores / (K1 + 1.0)


ONE, TWO, TFIDF = "KetaQA", "KetaQA, two workers", "KetaQA, tfidf"
MATRIX, BY_TERM, BM25S, TANTIVY = "scikit-learn", "scikit-learn, by term", "bm25s", "tantivy"
SYSTEMS: dict[str, Callable[[], Peer]] = {
    ONE: KetaQA,
    TWO: lambda: KetaQA(workers=2),
    TFIDF: lambda: KetaQA("tfidf"),
    MATRIX: ScikitLearn,
    BY_TERM: ScikitLearnByTerm,
    BM25S: Bm25s,
    TANTIVY: Tantivy,
}


def _best(numbers: NDArray[Any], scores: NDArray[Any], k: int) -> tuple[NDArray[Any], NDArray[Any]]:
    if k < len(scores):
        keep = np.argpartition(scores, -k)[-k:]
        numbers, scores = numbers[keep], scores[keep]
    order = np.argsort(-scores, kind="stable")
    return numbers[order], scores[order]


def _stacked(rows: Sequence[tuple[Any, Any]], k: int) -> Answers:
    found, scores = np.full((len(rows), k), -1, dtype=np.int64), np.zeros((len(rows), k))
    for row, (numbers, values) in enumerate(rows):
        found[row, : len(numbers)], scores[row, : len(values)] = numbers, values
    return found, scores
