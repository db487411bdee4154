"""Message to probabilities: how much it looks like one from danger, by the words and parts of words in it.

A logistic regression over tf-idf (data/danger.json), fitted by benchmarks/fit_danger.py; NumPy is not needed for a sum this
short. Useful for: wordings that no rule foresaw. Not useful for: certainty, so `safety` asks its rules first.
"""

import json
from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import pairwise
from math import exp, log, sqrt
from pathlib import Path
from typing import Any

MODEL = Path(__file__).parent / "data" / "danger.json"
PARTS = (3, 4, 5)  # lengths of the parts of words


def probabilities(text: str) -> dict[str, float]:
    """The probability of each kind ("none", "crisis", "emergency", "dosing") for a text normalised as `safety` does it."""
    model = _model()
    sums = list(model["intercepts"])
    for block, grams in (("words", words(text)), ("parts", parts(text))):
        for feature, weight in _tfidf(Counter(grams), model[block]):
            sums = [s + weight * w for s, w in zip(sums, model[block][feature][1:], strict=True)]
    highest = max(sums)
    odds = [exp(s - highest) for s in sums]
    return {kind: o / sum(odds) for kind, o in zip(model["kinds"], odds, strict=True)}


def _tfidf(counts: Counter[str], known: dict[str, list[float]]) -> list[tuple[str, float]]:
    """(1 + log tf) idf of the known features, to unit length, as scikit-learn's TfidfVectorizer(sublinear_tf=True)."""
    weights = [(f, (1.0 + log(tf)) * known[f][0]) for f, tf in sorted(counts.items()) if f in known]
    norm = sqrt(sum(w * w for _, w in weights)) or 1.0
    return [(f, w / norm) for f, w in weights]


def words(text: str) -> Iterator[str]:
    """Words and pairs of adjacent words."""
    found = text.split()
    yield from found
    yield from (f"{a} {b}" for a, b in pairwise(found))


def parts(text: str) -> Iterator[str]:
    """Runs of 3 to 5 characters inside words, blanks at both ends included: they see through misspellings."""
    for word in text.split():
        padded = f" {word} "
        for n in PARTS:
            yield from (padded[at : at + n] for at in range(max(1, len(padded) - n + 1)))
            if len(padded) <= n:
                break


@cache
def _model() -> dict[str, Any]:
    model: dict[str, Any] = json.loads(MODEL.read_text(encoding="utf-8"))
    return model
