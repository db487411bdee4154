"""Fit the confidence curve on the dev split of the shipped questions, and report it on the test split.

    python -m benchmarks.fit_confidence

Prints the constants of ketaqa/confidence.py and, on both splits, the AUROC of answerable against unanswerable questions and the
expected calibration error; and, for each threshold, the share of shown answers that are right, of answerable questions that are
answered, and of questions met with silence. Writes what the dial promises (data/promise.json), measured on the test split.
"""

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import astuple, dataclass
from itertools import compress, product
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

import ketaqa
from ketaqa import KetaQA, builder, confidence, safety, semantics, shipped
from ketaqa.confidence import Evidence
from ketaqa.config import ANSWER_OR_SILENCE
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


def rows(qa: KetaQA) -> list[Row]:
    """All shipped questions that are searched for; those that call for help in place of an answer are not."""
    path = shipped.corpus_path()
    relevant = collections.judged_passages(collections.read(path), qa.index)
    found = []
    for line in (path / "questions.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["kind"] == collections.CRISIS or safety.check(row["question"]).silent:
            continue
        query = qa.query(row["question"], row.get("history", []))
        number, evidence = qa.best(query) or (None, None)
        right = number is not None and qa.index.passage_id(number) in relevant.get(row["question_id"], {})
        found.append(Row(row["split"], row["kind"], bool(row["answers"]), right, evidence))
    return found


def ways() -> dict[str, list[Row]]:
    """The rows of the shipped documents by the vectors of their index: an encoder's, as they are shipped, the table's, none."""
    found = {"shipped": rows(ketaqa.open())}
    for encoder in (semantics.TABLE, builder.NO_ENCODER):
        with tempfile.TemporaryDirectory() as folder:
            builder.build([shipped.corpus_path()], Path(folder, "index"), encoder=encoder)
            found[encoder] = rows(ketaqa.open(Path(folder, "index")))
    return found


def main() -> None:
    """Fit, and print."""
    found = ways()
    learn = [(r.evidence, r.right) for part in found.values() for r in part if r.split == "dev" and r.evidence]
    # no shrinking: three parameters need none here, and it would pull every confidence to one half
    model = LogisticRegression(C=1e6).fit([astuple(e) for e, _ in learn], [right for _, right in learn])
    slopes: Any = tuple(round(float(slope), 2) for slope in model.coef_[0])
    confidence.SLOPES = slopes
    confidence.OFFSET = round(float(model.intercept_[0]), 2)
    print(f"SLOPES = {confidence.SLOPES}, OFFSET = {confidence.OFFSET}")
    for way, split in product(found, ("dev", "test")):
        part = [r for r in found[way] if r.split == split]
        steps = list(report(f"{way}, {split}", part, STEPS if way == "shipped" else [ANSWER_OR_SILENCE]))
        if (way, split) == ("shipped", "test"):
            # what the dial promises
            confidence.PROMISE.write_text(json.dumps({"questions": len(part), "steps": steps}), encoding="utf-8")


def report(name: str, part: Sequence[Row], thresholds: Sequence[float]) -> Iterator[list[float]]:
    """Print what confidence is worth on a split; of each threshold: itself, share right when shown, share silent."""
    sure = np.array([confidence.probability(r.evidence) for r in part])
    error = calibration_error(sure, np.array([r.right for r in part], dtype=np.float64))
    unrelated = [r.answerable or r.kind == UNRELATED for r in part]
    alone = _auroc(list(compress(part, unrelated)), sure[unrelated])
    print(f"{name}: AUROC {_auroc(part, sure):.3f} (against unrelated ones {alone:.3f}), calibration error {error:.3f}")
    said = []
    for threshold in thresholds:
        shown = list(compress(part, sure >= threshold))
        answered = sum(r.answerable for r in shown) / sum(r.answerable for r in part)
        right, silent = sum(r.right for r in shown) / len(shown), 1.0 - len(shown) / len(part)
        said.append(f"{threshold:.2f}: {right:.3f} ({answered:.3f})")
        yield [threshold, round(right, 3), round(silent, 3)]
    print("  right when shown (answered) " + ", ".join(said[-8::2] if len(said) > 1 else said))


def _auroc(part: Sequence[Row], sure: NDArray[np.float64]) -> float:
    return float(roc_auc_score([r.answerable for r in part], sure))


if __name__ == "__main__":
    main()
