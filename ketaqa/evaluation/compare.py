"""Runs side by side: which is better, by how much, and is the difference more than chance?"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ketaqa.errors import BadCollection, BadSetting
from ketaqa.evaluation import measures, significance
from ketaqa.evaluation.significance import Measured
from ketaqa.evaluation.trec import Qrels, Run


@dataclass(frozen=True, slots=True)
class Difference:
    """A run's mean difference from the first run, p of the paired randomisation test, and p adjusted by Holm's procedure."""

    mean: Measured
    p: float
    p_holm: float
    better: int
    worse: int


@dataclass(frozen=True)
class Comparison:
    """Runs by name, the first of them the one that the others are held against.

    `missing` names, for each run, the judged questions that it does not hold; they count as 0. `differences` is by measure and
    run; Holm's procedure is applied across the runs of a measure.
    """

    runs: tuple[str, ...]
    queries: int
    measures: dict[str, dict[str, Measured]]
    differences: dict[str, dict[str, Difference]]
    missing: dict[str, tuple[str, ...]]
    values: dict[str, dict[str, dict[str, float]]]


def compare(runs: Mapping[str, Run], qrels: Qrels, names: Sequence[str] = measures.DEFAULT) -> Comparison:
    """Measure runs on the same judgements and test each against the first. BadSetting for an unknown measure."""
    judged = {q: docs for q, docs in qrels.items() if any(r > 0 for r in docs.values())}
    if not judged:
        raise BadCollection("the judgements name no relevant document; give judgements above 0")
    values = {run: measures.by_question(ranking, judged, names) for run, ranking in runs.items()}
    tables = {name: {run: significance.mean(list(values[run][name].values())) for run in runs} for name in names}
    first, *others = runs
    differences = {}
    for name in names:
        pairs = {run: (_ordered(values[first][name], judged), _ordered(values[run][name], judged)) for run in others}
        p_values = {run: significance.randomisation_p(*pair) for run, pair in pairs.items()}
        adjusted = dict(zip(others, significance.holm(list(p_values.values())), strict=True))
        differences[name] = {run: _difference(*pairs[run], p_values[run], adjusted[run]) for run in others}
    missing = {run: tuple(q for q in judged if not ranking.get(q)) for run, ranking in runs.items()}
    return Comparison(tuple(runs), len(judged), tables, differences, missing, values)


def _ordered(values: Mapping[str, float], questions: Mapping[str, object]) -> list[float]:
    # by question, never by position: runs list their questions in orders of their own
    return [values[q] for q in questions]


def _difference(first: Sequence[float], second: Sequence[float], p: float, p_holm: float) -> Difference:
    gains = [b - a for a, b in zip(first, second, strict=True)]
    return Difference(significance.mean(gains), p, p_holm, sum(g > 0 for g in gains), sum(g < 0 for g in gains))


def named(paths: Sequence[str], runs: Sequence[Run]) -> dict[str, Run]:
    """Runs by the name of their file, by the whole path where two files share a name."""
    stems = [Path(p).name for p in paths]
    if len(set(paths)) < len(paths):
        raise BadSetting(f"a run was given twice: {', '.join(paths)}; name each once")
    names = stems if len(set(stems)) == len(stems) else paths
    return dict(zip(names, runs, strict=True))


def summary(done: Comparison) -> dict[str, Any]:
    """The JSON of `ketaqa compare --json`."""
    return {
        "runs": list(done.runs),
        "queries": done.queries,
        "measures": {name: {run: asdict(m) for run, m in table.items()} for name, table in done.measures.items()},
        "differences": {name: {run: asdict(d) for run, d in table.items()} for name, table in done.differences.items()},
        "missing": {run: list(ids) for run, ids in done.missing.items()},
    }
