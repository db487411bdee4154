"""Runs and judgements to measures, by ir-measures, with the intervals of `significance`."""

from collections.abc import Mapping, Sequence
from typing import Any

from ketaqa.errors import BadSetting
from ketaqa.evaluation import significance
from ketaqa.evaluation.significance import Measured
from ketaqa.evaluation.trec import Qrels

DEFAULT = ("nDCG@10", "RR@10", "R@100", "P@1")


Ranking = Mapping[str, Sequence[tuple[str, float]]]


def parse(names: Sequence[str]) -> dict[str, Any]:
    """Measures by their ir-measures names; BadSetting for a name that it does not know."""
    import ir_measures

    found = {}
    for name in names:
        try:
            found[name] = ir_measures.parse_measure(name)
        except (NameError, ValueError, SyntaxError) as error:
            raise BadSetting(f"unknown measure {name!r}; known are for instance nDCG@10, RR@10, R@100, P@1, AP") from error
    return found


def measure(
    run: Mapping[str, Sequence[tuple[str, float]]], qrels: Qrels, names: Sequence[str] = DEFAULT
) -> dict[str, Measured]:
    """Each measure's mean and interval. A judged question that the run does not hold counts as 0."""
    return {name: significance.mean(list(v.values())) for name, v in by_question(run, qrels, names).items()}


def by_question(
    run: Mapping[str, Sequence[tuple[str, float]]], qrels: Qrels, names: Sequence[str]
) -> dict[str, dict[str, float]]:
    """Each measure's value for each judged question."""
    import ir_measures

    measures = parse(names)
    values: dict[str, dict[str, float]] = {name: dict.fromkeys(qrels, 0.0) for name in names}
    label = {str(m): name for name, m in measures.items()}
    judged = [ir_measures.Qrel(q, d, r) for q, docs in qrels.items() for d, r in docs.items()]
    scored = [ir_measures.ScoredDoc(q, d, s) for q, docs in run.items() for d, s in docs]
    for metric in ir_measures.iter_calc(list(measures.values()), judged, scored):
        values[label[str(metric.measure)]][metric.query_id] = float(metric.value)
    return values


# what each measure says, for a reader who has never met it
MEANINGS = {
    "nDCG": "How near the first {cutoff} come to the best possible ranking, where a lower place counts less. 1 is perfect.",
    "RR": "One divided by the place of the first right one among the first {cutoff}: 1 when it is first, one half when second.",
    "R": "Of all right ones, the share that is among the first {cutoff}.",
    "P": "The share of the first {cutoff} that is right.",
    "Success": "The share of questions with at least one right one among the first {cutoff}.",
    "AP": "The precision at each right one, averaged: rewards finding all of them early.",
    "Judged": "The share of the first {cutoff} that anybody has judged; the rest counts as wrong.",
}


def meaning(name: str) -> str:
    """One sentence on a measure; empty for one that has none here."""
    kind, _, cutoff = name.partition("@")
    return MEANINGS.get(kind, "").format(cutoff=cutoff or "ranking")
