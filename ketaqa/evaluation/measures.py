"""Runs and judgements to measures, by ir-measures, with the intervals of `significance`."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from ketaqa.errors import BadSetting
from ketaqa.evaluation import significance
from ketaqa.evaluation.significance import Measured
from ketaqa.evaluation.trec import Qrels

DEFAULT = ("nDCG@10", "RR@10", "R@100", "P@1")


Ranking = Mapping[str, Sequence[tuple[str, float]]]


def parse(names: Sequence[str]) -> dict[str, Any]:
    """Measures by their ir-measures names; BadSetting for a name that it does not know or can't compute."""
    import ir_measures

    found = {}
    for name in names:
        try:
            found[name] = ir_measures.parse_measure(name)
            # some names are read and then can't be computed ("P" wants a cutoff); a cutoff of 0 ends the whole process
            if re.search(r"@0*$", name):
                raise ValueError(name)
            toy = [ir_measures.Qrel("q", "d", 1)], [ir_measures.ScoredDoc("q", "d", 1.0)]
            list(ir_measures.iter_calc([found[name]], *toy))
        except Exception as error:  # the parser and the providers raise what they like
            remedy = "give for instance nDCG@10, RR@10, R@100, P@1, Success@3, AP"
            raise BadSetting(f"unknown measure {name!r}; known are ir-measures' names: {remedy}") from error
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
    labels: dict[str, list[str]] = {}  # two names may mean one measure: MRR@10 is RR@10
    for name, one in measures.items():
        labels.setdefault(str(one), []).append(name)
    judged = [ir_measures.Qrel(q, d, r) for q, docs in qrels.items() for d, r in docs.items()]
    scored = [ir_measures.ScoredDoc(q, d, s) for q, docs in run.items() for d, s in docs]
    for metric in ir_measures.iter_calc(list(measures.values()), judged, scored):
        for name in labels[str(metric.measure)]:
            values[name][metric.query_id] = float(metric.value)
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
    """One sentence on a measure."""
    kind, _, cutoff = str(parse([name])[name]).partition("@")
    plain = kind.partition("(")[0]
    return MEANINGS.get(plain, "As ir-measures defines it.").format(cutoff=cutoff or "ranking")
