"""Counts to weights: one formula, one pure function, one source.

Useful for: turning how often a term stands in a passage, and in how many passages, into numbers that add up to a score.
Not useful for: finding passages.

tf is a count in one passage, df the number of passages that hold a term, N the number of passages; all arrays are float64.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BM25_K1 = 1.2
BM25_B = 0.75
NAMES = ("bm25", "tfidf")


def bm25_idf(df: Floats, n: int) -> Floats:
    """log(1 + (N - df + 0.5) / (df + 0.5)), always positive (Robertson & Zaragoza 2009, Lucene's form)."""
    return np.asarray(np.log1p((n - df + 0.5) / (df + 0.5)), dtype=np.float64)


def bm25_tf(tf: Floats, length: Floats, mean_length: float, k1: float = BM25_K1, b: float = BM25_B) -> Floats:
    """tf / (tf + k1 (1 - b + b length / mean length)), in [0, 1) (Robertson & Zaragoza 2009, without the constant k1 + 1)."""
    return np.asarray(tf / (tf + k1 * (1.0 - b + b * length / max(mean_length, 1e-12))), dtype=np.float64)


def smooth_idf(df: Floats, n: int) -> Floats:
    """log((1 + N) / (1 + df)) + 1: the idf of scikit-learn's TfidfTransformer with its defaults."""
    return np.asarray(np.log((1.0 + n) / (1.0 + df)) + 1.0, dtype=np.float64)


def unit_length(weights: Floats, rows: NDArray[np.int64], n: int) -> Floats:
    """Weights divided by the Euclidean norm of their row (cosine normalisation, Salton & Buckley 1988)."""
    norms = np.sqrt(np.bincount(rows, weights=weights**2, minlength=n))
    norms[norms == 0.0] = 1.0
    return np.asarray(weights / norms[rows], dtype=np.float64)
