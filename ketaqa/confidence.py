"""How likely does the best passage answer the question?

A logistic curve over what the question's words, the passage and the passages behind it say; it holds for BM25. Useful for:
silence. Not useful for: ranking (retriever).
"""

import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from functools import cache
from math import exp, sqrt
from pathlib import Path
from typing import Any

from ketaqa.records import TermWeight
from ketaqa.retriever import QueryTerm

# fitted on the dev split of the shipped questions, for indexes with an encoder's vectors, the table's, and none:
# benchmarks/fit_confidence.py
SLOPES = (2.12, 2.85, -4.52)  # of the fields of Evidence, in their order
OFFSET = -0.91
# from here on the passages that come closest are named where none is shown: below, they have little to do with the question
NEAR = 0.2
BEST = 10  # passages whose scores are compared
# by threshold: (threshold, share of shown answers that were right, share of questions met with silence)
PROMISE = Path(__file__).parent / "data" / "promise.json"

# stems of words that ask rather than name, or fill: a passage that lacks them lacks nothing of the subject
ASKING = frozenset(["describ", "explain", "help", "know", "mean", "need", "pleas", "summaris", "tell", "want"])
ASKING |= {"abt", "btw", "gonna", "hello", "hey", "hi", "idk", "lol", "mani", "much", "omg", "pls", "plz", "tbh", "thank"}
ASKING |= {"ur", "wanna", "yo"}


@dataclass(frozen=True, slots=True)
class Evidence:
    """What speaks for the best passage, and against it. Each is 0 or more.

    ahead: the root of how far its score stands above the mean of the next, by the question's weight. standing: how far that is,
    times the idf of the question's words that it holds, in units of the idf of a word that no passage holds (about how many
    rare words). missing: the idf of the words that it lacks, in the same units, by the number of all.
    """

    ahead: float
    standing: float
    missing: float


def evidence(
    query: Sequence[QueryTerm], terms: Sequence[TermWeight], scores: Sequence[float], rarest: float
) -> Evidence | None:
    """The evidence, None where the passage holds no word of the question.

    terms: what each term added to the best passage's score. scores: those of the BEST best passages, falling; fewer where fewer
    were found. rarest: the idf of a word that no passage holds.
    """
    held = {t.term for t in terms if t.matched}
    words = [t for t in query if t.word and (t.term in held or t.term not in ASKING)]
    met = [t for t in words if t.term in held]
    # numbers alone name no subject: "5*3*2?" is answered by no passage that happens to hold a 5, a 3 and a 2
    if not any(any(map(str.isalpha, t.term)) for t in met):
        return None
    matched = sum(t.idf for t in met)
    ahead = max(0.0, (scores[0] - sum(scores[1:]) / (BEST - 1)) / sum(t.weight for t in words))
    missing = sum(t.idf for t in words if t.term not in held)
    return Evidence(sqrt(ahead), ahead * matched / rarest, missing / rarest / len(words))


def probability(found: Evidence | None) -> float:
    """How likely, in [0, 1], the passage answers the question; 0 without evidence."""
    if found is None:
        return 0.0
    return 1.0 / (1.0 + exp(-OFFSET - sum(slope * value for slope, value in zip(SLOPES, astuple(found), strict=True))))


def promise(threshold: float) -> str:
    """What was measured where answers are shown from a confidence on; between two steps, at the lower one."""
    measured = _measured()
    _, right, silent = max((row for row in measured["steps"] if row[0] <= threshold + 1e-9), default=measured["steps"][0])
    return (
        f"Answers are shown from a confidence of {threshold:.2f} on. Of {measured['questions']} questions that were put to the "
        f"documents on ketamine, {silent:.0%} then met silence, and {right:.0%} of the answers shown were right."
    )


@cache
def _measured() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(PROMISE.read_text(encoding="utf-8"))
    return found
