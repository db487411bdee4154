"""Counts to weights: one formula, one pure function, one source.

Useful for: turning how often a term stands in a passage, and in how many passages, into numbers that add up to a score.
Not useful for: finding passages.

tf is a count in one passage, df the number of passages that hold a term, n the number of passages; results are float64.
"""

from math import log1p
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BM25_K1 = 1.2
BM25_B = 0.75
NAMES = ("bm25", "tfidf")


def bm25_idf(df: int, n: int) -> float:
    """log(1 + (n - df + 0.5) / (df + 0.5)), always positive (Robertson & Zaragoza 2009, Lucene's form)."""
    return log1p((n - df + 0.5) / (df + 0.5))


def bm25_norms(lengths: NDArray[np.int64], k1: float = BM25_K1, b: float = BM25_B) -> Floats:
    """k1 (1 - b + b length / mean length), which a passage's counts are set against (Robertson & Zaragoza 2009)."""
    mean = float(lengths.mean()) if len(lengths) else 0.0
    return np.asarray(k1 * (1.0 - b + b * lengths / max(mean, 1e-12)), dtype=np.float64)


def bent(tf: NDArray[Any], norms: NDArray[Any], bend: float, kind: type[np.floating] = np.float64) -> NDArray[Any]:
    """tf / (bend tf + norm), in double precision or another.

    With bend 1 and BM25's norms that is BM25's count in [0, 1), without the constant k1 + 1; with bend 0 and the lengths of
    vectors it is cosine normalisation (Salton & Buckley 1988).
    """
    counts = tf.astype(kind)
    return np.asarray(counts / (bend * counts + norms.astype(kind)))


def smooth_idf(df: Any, n: int) -> Floats:
    """log((1 + n) / (1 + df)) + 1: the idf of scikit-learn's TfidfTransformer with its defaults."""
    return np.asarray(np.log((1.0 + n) / (1.0 + df)) + 1.0, dtype=np.float64)


def unit_norms(squares: Floats) -> Floats:
    """Lengths of vectors, given the sums of their squares; 1 for a vector of zeros."""
    return np.asarray(np.where(squares > 0.0, np.sqrt(squares), 1.0))
