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
from math import exp, log, sqrt
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

MODEL = Path(__file__).parent / "data" / "danger.json"
PARTS = (3, 4, 5)  # lengths of the parts of words


@dataclass(frozen=True)
class Block:
    """Features of one sort: the row of each, and (rows, kinds and one more) idf times weight by kind, then the idf itself."""

    rows: dict[str, int]
    added: NDArray[np.float64]

    def found(self, grams: Iterable[str]) -> list[int]:
        """The rows of those grams that are features."""
        return [row for gram in grams if (row := self.rows.get(gram)) is not None]

    def share(self, rows: list[int]) -> NDArray[np.float64]:
        """What these features add to the sum of each kind: (1 + log tf) idf, to unit length, times the weights.

        That is scikit-learn's TfidfVectorizer(sublinear_tf=True).
        """
        counts = Counter(rows)
        added = self.added.take([*counts], axis=0)
        for place, count in enumerate(counts.values()):
            if count > 1:
                added[place] *= 1.0 + log(count)
        idf = added[:, -1]
        return np.asarray(np.add.reduce(added)[:-1] / (sqrt(idf @ idf) or 1.0))


def probabilities(text: str) -> dict[str, float]:
    """The probability of each kind ("none", "crisis", "emergency", "dosing") for a text normalised as `safety` does it."""
    kinds, intercepts, by_words, by_parts = _model()
    rows = [row for word in text.split() for row in _known.get(word) or by_parts.found(parts(word))]
    sums = (intercepts + by_words.share(by_words.found(words(text))) + by_parts.share(rows)).tolist()
    highest = max(sums)
    odds = [exp(s - highest) for s in sums]
    total = sum(odds)
    return {kind: o / total for kind, o in zip(kinds, odds, strict=True)}


def words(text: str) -> Iterator[str]:
    """Words and pairs of adjacent words."""
    found = text.split()
    yield from found
    yield from (f"{a} {b}" for a, b in pairwise(found))


def parts(text: str) -> list[str]:
    """Runs of 3 to 5 characters inside words, blanks at both ends included: they see through misspellings."""
    padded = [f" {word} " for word in text.split()]
    return [word[at : at + n] for word in padded for n in PARTS for at in range(len(word) - n + 1)]


_known: dict[str, list[int]] = {}  # by word, the rows of its parts


def remember() -> None:
    """Keep the parts of all words of the model, which are most words of a message: for a server."""
    _, _, by_words, by_parts = _model()
    _known.update((word, by_parts.found(parts(word))) for word in by_words.rows if " " not in word)


@cache
def _model() -> tuple[list[str], NDArray[np.float64], Block, Block]:
    model = json.loads(MODEL.read_text(encoding="utf-8"))
    by_words, by_parts = (_block(model[name]) for name in ("words", "parts"))
    return model["kinds"], np.array(model["intercepts"]), by_words, by_parts


def _block(features: dict[str, list[float]]) -> Block:
    numbers = np.array(list(features.values()))
    idf, weights = numbers[:, :1], numbers[:, 1:]
    return Block({feature: row for row, feature in enumerate(features)}, np.hstack([idf * weights, idf]))
