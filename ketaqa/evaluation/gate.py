"""Has the ranking become worse than it was? A saved baseline, and the test against it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ketaqa.errors import BadCollection
from ketaqa.evaluation import significance
from ketaqa.evaluation.evaluate import Evaluation
from ketaqa.evaluation.significance import Measured

FORMAT = "ketaqa baseline 1"
LEVEL = 0.05


@dataclass(frozen=True, slots=True)
class Verdict:
    """A measure against its baseline: both means, the difference, p by Holm's procedure, and whether it fell."""

    name: str
    baseline: float
    now: float
    difference: Measured
    p_holm: float
    fell: bool


def save(done: Evaluation, path: Path) -> None:
    """Write the value of each question for each measure, so that a later evaluation can be paired with it."""
    body = {"format": FORMAT, "collection": done.collection, "questions": _texts(done), "values": _rounded(done.values)}
    path.write_text(json.dumps(body, indent=1, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")


def check(done: Evaluation, path: Path) -> list[Verdict]:
    """Each measure of the baseline against the same questions now.

    A measure fell when its mean is lower and p of the paired randomisation test, adjusted by Holm's procedure, is below LEVEL.
    BadCollection when the baseline is malformed or was made of other questions.
    """
    baseline = read(path)
    if baseline["collection"] != done.collection or baseline["questions"] != _texts(done):
        raise BadCollection(f"{path}: made of other questions than {done.collection} has now; save it again with --save")
    values = _rounded(done.values)  # as the baseline is, so that equal values are equal
    pairs = {}
    for name, before in baseline["values"].items():
        if name in values:
            pairs[name] = ([before[q] for q in values[name]], list(values[name].values()))
    if not pairs:
        raise BadCollection(f"{path}: holds none of the measures asked for; save it again with --save")
    p_values = significance.holm([significance.randomisation_p(*pair) for pair in pairs.values()])
    return [_verdict(name, *pair, p) for (name, pair), p in zip(pairs.items(), p_values, strict=True)]


def read(path: Path) -> dict[str, Any]:
    """A baseline file; BadCollection when it is not one."""
    try:
        body = json.loads(path.read_text(encoding="utf-8"))
        if body["format"] != FORMAT:
            raise ValueError(body["format"])
        # every measure must have a number for every question
        questions = list(body["questions"])
        values = {name: {q: float(row[q]) for q in questions} for name, row in body["values"].items()}
        return {"collection": body["collection"], "questions": body["questions"], "values": values}
    except OSError as error:
        raise BadCollection(f"{path}: can't be read ({error.strerror}); make it with --save") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BadCollection(f"{path}: not a baseline of this version ({FORMAT}); make it anew with --save") from error


def _texts(done: Evaluation) -> dict[str, str]:
    return {m.question_id: m.question for m in done.met if m.kind == "answerable"}


def _rounded(values: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, float]]:
    return {name: {q: round(v, 6) for q, v in by_question.items()} for name, by_question in values.items()}


def _verdict(name: str, before: list[float], now: list[float], p_holm: float) -> Verdict:
    gain = significance.mean([b - a for a, b in zip(before, now, strict=True)])
    means = sum(before) / len(before), sum(now) / len(now)
    return Verdict(name, *means, gain, p_holm, gain.value < 0.0 and p_holm < LEVEL)
