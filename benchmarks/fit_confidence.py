"""Fit the confidence curve on the dev split of the shipped questions, and report it on the test split.

    python -m benchmarks.fit_confidence

Prints the constants of ketaqa/confidence.py and, on both splits, the AUROC of answerable against unanswerable questions and the
expected calibration error; and, for each threshold, the share of shown answers that are right, of answerable questions that are
answered, and of questions met with silence. Writes what the dial promises (data/promise.json), measured on the test split.
"""

import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

import ketaqa
from ketaqa import confidence, safety, shipped
from ketaqa.confidence import Evidence
from ketaqa.evaluation import collections
from ketaqa.evaluation.abstention import calibration_error

UNRELATED = "unanswerable_unrelated"
STEPS = [round(0.05 * step, 2) for step in range(4, 20)]


@dataclass(frozen=True)
class Row:
    """A question, whether documents answer it, whether the best passage does, and the evidence for that."""

    split: str
    kind: str
    answerable: bool
    right: bool
    evidence: Evidence | None


def rows() -> list[Row]:
    """All shipped questions that are searched for; those that call for help in place of an answer are not."""
    qa = ketaqa.open()
    path = shipped.corpus_path()
    relevant = collections.judged_passages(collections.read(path), qa.index)
    found = []
    for line in (path / "questions.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["kind"] == collections.CRISIS or safety.check(row["question"]).silent:
            continue
        query = qa.query(row["question"], row.get("history", []))
        best = qa.best(query)
        right = best is not None and qa.index.passage_id(best[0]) in relevant.get(row["question_id"], {})
        evidence = best[1] if best else None
        found.append(Row(row["split"], row["kind"], bool(row["answers"]), right, evidence))
    return found


def main() -> None:
    """Fit, and print."""
    found = rows()
    dev, test = ([r for r in found if r.split == split] for split in ("dev", "test"))
    some = [(r.evidence, r.right) for r in dev if r.evidence]
    # no shrinking: four parameters need none here, and it would pull every confidence to one half
    model = LogisticRegression(C=1e6, max_iter=1000).fit([astuple(e) for e, _ in some], [right for _, right in some])
    slopes: Any = tuple(round(float(slope), 2) for slope in model.coef_[0])
    confidence.SLOPES = slopes
    confidence.OFFSET = round(float(model.intercept_[0]), 2)
    print(f"fitted on {len(dev)} dev questions:")
    print(f"SLOPES = {confidence.SLOPES}, OFFSET = {confidence.OFFSET}")
    for name, part in (("dev", dev), ("test", test)):
        sure = np.array([confidence.probability(r.evidence) for r in part])
        error = calibration_error(sure, np.array([r.right for r in part], dtype=np.float64))
        print(f"{name}: {len(part)} questions, AUROC {_auroc(part, sure):.3f}, calibration error {error:.3f}")
        unrelated = [r.answerable or r.kind == UNRELATED for r in part]
        print(f"  with unrelated ones alone AUROC {_auroc(list(compress(part, unrelated)), sure[unrelated]):.3f}")
        steps = []
        for threshold in STEPS:
            shown = list(compress(part, sure >= threshold - 1e-9))
            answered = sum(r.answerable for r in shown) / sum(r.answerable for r in part)
            right, silent = sum(r.right for r in shown) / len(shown), 1.0 - len(shown) / len(part)
            print(f"  from {threshold:.2f}: right when shown {right:.3f}, answered {answered:.3f}, silent {silent:.3f}")
            steps.append([threshold, round(right, 3), round(silent, 3)])
    # what the dial promises was measured on the test split
    confidence.PROMISE.write_text(json.dumps({"questions": len(test), "steps": steps}), encoding="utf-8")


def _auroc(part: Sequence[Row], sure: NDArray[np.float64]) -> float:
    return float(roc_auc_score([r.answerable for r in part], sure))


if __name__ == "__main__":
    main()
