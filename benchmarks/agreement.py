"""Do the systems answer alike? Asserted before anything is timed: a fast wrong answer is worth nothing.

Useful for: the answers of two systems to the same queries. Not useful for: whether they are good (quality).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers import BM25S, BY_TERM, MATRIX, ONE, TANTIVY, TFIDF, TWO, Answers

# two systems, and the most by which two scores of the same place may differ. Passages may be others where scores are equal
EXACT = ((ONE, TWO, 0.0), (ONE, BM25S, 1e-3), (TFIDF, MATRIX, 1e-6), (TFIDF, BY_TERM, 1e-6))
# tantivy keeps a passage's length in a byte, steps of up to an eighth from 40 words on: its scores are near, and so are its ten
OVERLAP, NEAR = 0.7, 0.05


def check(answers: Mapping[str, Answers]) -> dict[str, float]:
    """What the answers have in common, by name; AssertionError where it is too little."""
    found = {}
    for first, second, allowed in EXACT:
        if first in answers and second in answers:
            found[f"{first} and {second}: largest difference of scores"] = _alike(answers, first, second, allowed)
    if ONE in answers and TANTIVY in answers:
        (ours, scores), (theirs, near) = answers[ONE], answers[TANTIVY]
        shared = overlap(ours, theirs)
        away = float(np.mean(np.abs(scores - near)[scores > 0.0] / scores[scores > 0.0]))
        assert shared >= OVERLAP, f"{ONE} and {TANTIVY} share {shared:.3f} of their best, less than {OVERLAP}"
        assert away <= NEAR, f"{ONE} and {TANTIVY}: scores differ by {away:.3f} of themselves, more than {NEAR}"
        found |= {f"{ONE} and {TANTIVY}: share of the same passages": shared, f"{ONE} and {TANTIVY}: mean difference": away}
    return found


def _alike(answers: Mapping[str, Answers], first: str, second: str, allowed: float) -> float:
    asked = min(len(answers[first][1]), len(answers[second][1]))
    differences = np.abs(answers[first][1][:asked] - answers[second][1][:asked]).max(axis=1)
    worst = int(differences.argmax())
    assert differences[worst] <= allowed, f"{first} and {second}: query {worst} differs by {differences[worst]:.2g}"
    return float(differences[worst])


def overlap(ours: NDArray[Any], theirs: NDArray[Any]) -> float:
    """The mean share of our passages that are among theirs; -1 is none."""
    rows = [({*a.tolist()} - {-1}, {*b.tolist()}) for a, b in zip(ours, theirs, strict=True)]
    return float(np.mean([len(a & b) / len(a) for a, b in rows if a]))
