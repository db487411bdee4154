"""Message to probabilities: how much it looks like one from danger, by the words and parts of words in it.

A logistic regression over tf-idf (data/danger.json), fitted by benchmarks/fit_danger.py. Useful for: wordings that no rule
foresaw. Not useful for: certainty, so `safety` asks its rules first.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from math import exp, sqrt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

MODEL = Path(__file__).parent / "data" / "danger.json"
PARTS = (3, 4, 5)  # lengths of the parts of words


@dataclass(frozen=True)
class Block:
    """Features of one sort: the row of each, their idf (rows), and their weights (rows, kinds)."""

    rows: dict[str, int]
    idf: NDArray[np.float64]
    weights: NDArray[np.float64]

    def share(self, grams: Iterable[str]) -> NDArray[np.float64]:
        """What these features add to the sum of each kind: (1 + log tf) idf, to unit length, times the weights.

        That is scikit-learn's TfidfVectorizer(sublinear_tf=True).
        """
        counts = Counter([row for gram in grams if (row := self.rows.get(gram)) is not None])
        found = np.array([*counts], dtype=np.intp)
        tfidf = (1.0 + np.log(np.array([*counts.values()], dtype=np.float64))) * self.idf[found]
        return np.asarray(tfidf @ self.weights[found] / (sqrt(tfidf @ tfidf) or 1.0))


def probabilities(text: str) -> dict[str, float]:
    """The probability of each kind ("none", "crisis", "emergency", "dosing") for a text normalised as `safety` does it."""
    kinds, intercepts, by_words, by_parts = _model()
    sums = (intercepts + by_words.share(words(text)) + by_parts.share(parts(text))).tolist()
    highest = max(sums)
    odds = [exp(s - highest) for s in sums]
    return {kind: o / sum(odds) for kind, o in zip(kinds, odds, strict=True)}


def words(text: str) -> Iterator[str]:
    """Words and pairs of adjacent words."""
    found = text.split()
    yield from found
    yield from (f"{a} {b}" for a, b in pairwise(found))


def parts(text: str) -> list[str]:
    """Runs of 3 to 5 characters inside words, blanks at both ends included: they see through misspellings."""
    padded = [f" {word} " for word in text.split()]
    return [word[at : at + n] for word in padded for n in PARTS for at in range(len(word) - n + 1)]


@cache
def _model() -> tuple[list[str], NDArray[np.float64], Block, Block]:
    model = json.loads(MODEL.read_text(encoding="utf-8"))
    by_words, by_parts = (_block(model[name]) for name in ("words", "parts"))
    return model["kinds"], np.array(model["intercepts"]), by_words, by_parts


def _block(features: dict[str, list[float]]) -> Block:
    numbers = np.array(list(features.values()))
    return Block({feature: row for row, feature in enumerate(features)}, numbers[:, 0].copy(), numbers[:, 1:].copy())
