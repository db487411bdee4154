"""An evaluation or a comparison as one HTML page that needs nothing but itself."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ketaqa
from ketaqa.evaluation import plots
from ketaqa.evaluation.compare import Comparison
from ketaqa.evaluation.evaluate import Evaluation, Met
from ketaqa.evaluation.measures import meaning
from ketaqa.evaluation.trec import Qrels, Run

WORST = 30
EXCERPT = 1200


@dataclass(frozen=True, slots=True)
class Side:
    """What one run put first for a question: the name, whether it is right, and its text where it is known."""

    run: str
    value: float
    name: str
    right: bool
    text: str


def of_evaluations(all_done: Sequence[Evaluation]) -> str:
    """The report of one evaluation, or of a sweep over several settings: the table of all, the details of the best."""
    first = next(iter(all_done[0].measures))
    best = max(all_done, key=lambda done: done.measures[first].value)
    drawn = figures(best)
    if len(all_done) > 1:
        labels = [f"{d.setting.passage_length} words, {d.setting.weighting}" for d in all_done]
        for name in best.measures:
            table = [d.measures[name] for d in all_done]
            drawn.append(plots.sweep(labels, [m.value for m in table], [m.ci95 for m in table], name))
    return _rendered(
        "evaluation.html.jinja",
        title=f"{best.collection}: how good is the ranking?",
        sweep=all_done if len(all_done) > 1 else [],
        done=best,
        figures=[plots.svg(figure) for figure in drawn],
        worst=worst(best),
        first=first,
        meanings={name: meaning(name) for name in best.measures},
    )


def figures(done: Evaluation) -> list[Any]:
    """The plots of an evaluation: each measure by question, what confidence is worth where silence can be judged, times."""
    drawn = [plots.sorted_values(list(values.values()), name) for name, values in done.values.items()]
    if done.abstention:
        drawn.append(plots.risk_coverage(done.abstention.curve, _share_shown(done)))
        drawn.append(plots.reliability(done.abstention.bins))
    return [*drawn, plots.latencies([m.latency_ms for m in done.met])]


def of_comparison(done: Comparison, runs: Mapping[str, Run], qrels: Qrels, texts: Mapping[str, str], questions: Any) -> str:
    """The report of a comparison; texts by document or passage name and questions by id are shown where they are known."""
    name = next(iter(done.measures))
    first, *others = done.runs
    drawn: list[str] = []
    tables = []
    for run in others:
        gains = {q: done.values[run][name][q] - done.values[first][name][q] for q in done.values[run][name]}
        drawn.append(plots.svg(plots.differences(gains, name, run)))
        changed = sorted((q for q in gains if gains[q]), key=lambda q: (-abs(gains[q]), q))[:WORST]
        rows = []
        for q in changed:
            sides = [_side(done, r, runs[r], qrels, texts, q, name) for r in (first, run)]
            rows.append({"id": q, "question": questions.get(q, ""), "gain": gains[q], "sides": sides})
        tables.append({"run": run, "rows": rows})
    return _rendered(
        "comparison.html.jinja",
        title="Runs side by side",
        done=done,
        figures=drawn,
        tables=tables,
        first=name,
        meanings={measure: meaning(measure) for measure in done.measures},
    )


def _side(
    done: Comparison, run: str, ranking: Run, qrels: Qrels, texts: Mapping[str, str], question_id: str, name: str
) -> Side:
    docs = ranking.get(question_id, [])
    best = max(docs, key=lambda doc: doc[1])[0] if docs else ""
    right = qrels.get(question_id, {}).get(best, 0) > 0
    return Side(run, done.values[run][name][question_id], best, right, texts.get(best, "")[:EXCERPT])


def worst(done: Evaluation) -> list[Met]:
    """The answerable questions with the lowest value of the first measure, at most WORST that are not perfect."""
    values = next(iter(done.values.values()))
    asked = [m for m in done.met if m.kind == "answerable" and values[m.question_id] < 1.0]
    return sorted(asked, key=lambda m: (values[m.question_id], m.question_id))[:WORST]


def _share_shown(done: Evaluation) -> float:
    judged = [m for m in done.met if m.kind != "crisis"]
    threshold = done.abstention.threshold if done.abstention else 0.0
    return sum(m.confidence >= threshold for m in judged) / len(judged)


def _rendered(template: str, **values: Any) -> str:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,  # questions and passages are strangers' text
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made = f"KetaQA {ketaqa.__version__}, Python {platform.python_version()}, {platform.machine()}"
    return environment.get_template(template).render(made=made, **values)
