"""Queries a second beside scikit-learn's matrix product and bm25s, on passages drawn from a seed, answers compared first."""

import statistics
import time
from collections.abc import Callable

import bm25s
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from ketaqa import compiling
from ketaqa.estimator import TfidfRetriever

SEED = 20261123
SIZES, QUERIES, TERMS, K, RUNS = (50_000, 300_000), 200, 30_000, 10, 5


def drawn(passages: int) -> tuple[list[str], list[str]]:
    """Passages of 20 to 80 words with Zipf's frequencies, and queries of 2 to 6 words."""
    rng = np.random.default_rng(SEED)
    chances = 1.0 / np.arange(1, TERMS + 1)
    chances /= chances.sum()
    words = np.array([f"w{n}" for n in range(TERMS)])

    def text(low: int, high: int) -> str:
        return " ".join(words[rng.choice(TERMS, rng.integers(low, high + 1), p=chances)])

    return [text(20, 80) for _ in range(passages)], [text(2, 6) for _ in range(QUERIES)]


def rate(answer: Callable[[], object]) -> float:
    """Queries a second, the median of RUNS."""
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        answer()
        times.append(time.perf_counter() - start)
    return QUERIES / statistics.median(times)


def main() -> None:
    """Compare at each size."""
    compiling.load()
    for passages in SIZES:
        compare(passages)


def compare(passages: int) -> None:
    """Check that the answers agree, then print the rates and their ratios."""
    texts, queries = drawn(passages)
    tfidf = TfidfRetriever("tfidf", "plain").fit(texts)
    vectorizer = TfidfVectorizer(analyzer=tfidf.build_analyzer())
    matrix = vectorizer.fit_transform(texts)

    def sklearn() -> np.ndarray:
        found = []
        for query in queries:
            scores = (matrix @ vectorizer.transform([query]).T).toarray().ravel()
            found.append(np.sort(scores)[::-1][:K])
        return np.array(found)

    assert np.allclose(tfidf.search(queries, K)[1], sklearn(), atol=1e-6)
    bm25 = TfidfRetriever("bm25", "plain").fit(texts)
    peer = bm25s.BM25(method="lucene", k1=1.2, b=0.75, backend="numba")
    peer.index(bm25s.tokenize(texts, stopwords=None, show_progress=False), show_progress=False)

    def bm25s_scores() -> np.ndarray:
        tokens = bm25s.tokenize(queries, stopwords=None, show_progress=False)
        return np.asarray(peer.retrieve(tokens, k=K, show_progress=False)[1])

    # bm25s folds idf and tf into one number, the query counts a repeated word once; compare queries without repeats
    single = [n for n, q in enumerate(queries) if len(set(q.split())) == len(q.split())]
    assert np.allclose(bm25.search(queries, K)[1][single], bm25s_scores()[single], atol=1e-4)
    rates = {
        "KetaQA, bm25": rate(lambda: bm25.search(queries, K)),
        "KetaQA, tfidf": rate(lambda: tfidf.search(queries, K)),
        "scikit-learn": rate(sklearn),
        "bm25s": rate(bm25s_scores),
    }
    print(f"{passages} passages, top {K}, one thread:")
    for name, value in rates.items():
        print(f"  {name:14} {value:8.0f} queries/s, KetaQA (bm25) is {rates['KetaQA, bm25'] / value:.1f} times that")
