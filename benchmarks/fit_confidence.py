"""Fit the confidence curve on the dev split of the shipped questions, and report it on the test split.

    python -m benchmarks.fit_confidence

Prints the two constants of ketaqa/answerer.py, and on the test split the AUROC of answerable against unanswerable
questions, the share of shown answers that are right and the share of answerable questions that are answered.
"""

import json
from dataclasses import dataclass

from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

import ketaqa
from ketaqa import answerer, safety, shipped
from ketaqa.evaluation import collections


@dataclass(frozen=True)
class Row:
    """A question, whether documents answer it, whether the best passage does, and how much of it that passage covers."""

    split: str
    answerable: bool
    right: bool
    coverage: float


def rows() -> list[Row]:
    """All shipped questions that are searched for; those that call for help in place of an answer are not."""
    qa = ketaqa.open()
    path = shipped.corpus_path()
    relevant = collections.judged_passages(collections.read(path), qa.index)
    found = []
    for line in (path / "questions.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if safety.check(row["question"]).silent:
            continue
        query = qa.index.retriever.query(row["question"])
        hits = qa.search(row["question"], 1)
        covered = answerer.coverage(query, hits[0].terms) if hits else 0.0
        right = bool(hits) and hits[0].passage.passage_id in relevant.get(row["question_id"], {})
        found.append(Row(row["split"], bool(row["answers"]), right, covered))
    return found


def main() -> None:
    """Fit, and print."""
    found = rows()
    dev, test = ([r for r in found if r.split == split] for split in ("dev", "test"))
    # no shrinking: two parameters need none here, and it would pull every confidence to one half
    model = LogisticRegression(C=1e6).fit([[r.coverage] for r in dev], [r.right for r in dev])
    slope = float(model.coef_[0][0])
    print(f"fitted on {len(dev)} dev questions: SLOPE = {slope:.2f}, MIDDLE = {-float(model.intercept_[0]) / slope:.2f}")
    for name, part in (("dev", dev), ("test", test)):
        shown = [r for r in part if model.predict_proba([[r.coverage]])[0][1] >= answerer.THRESHOLD]
        auroc = roc_auc_score([r.answerable for r in part], [r.coverage for r in part])
        answered = sum(r.answerable for r in shown) / sum(r.answerable for r in part)
        right = sum(r.right for r in shown) / len(shown)
        print(f"{name}: {len(part)} questions, AUROC {auroc:.3f}, right when shown {right:.3f}, answered {answered:.3f}")


if __name__ == "__main__":
    main()
