"""Fit the confidence curve on the dev split of the shipped questions, and report it on the test split.

    python -m benchmarks.fit_confidence

Prints the three constants of ketaqa/answerer.py, and on the test split the AUROC of answerable against unanswerable
questions, the share of shown answers that are right and the share of answerable questions that are answered.
"""

import json
from dataclasses import dataclass

from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

import ketaqa
from ketaqa import answerer, safety, shipped
from ketaqa.evaluation import collections
from ketaqa.explaining import explained


@dataclass(frozen=True)
class Row:
    """A question, whether documents answer it, whether the best passage does, and the evidence for that."""

    split: str
    answerable: bool
    right: bool
    evidence: tuple[float, float]


def rows() -> list[Row]:
    """All shipped questions that are searched for; those that call for help in place of an answer are not."""
    qa = ketaqa.open()
    path = shipped.corpus_path()
    relevant = collections.judged_passages(collections.read(path), qa.index)
    rarest = qa.index.retriever.postings.idf(0)
    found = []
    for line in (path / "questions.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row["kind"] == collections.CRISIS or safety.check(row["question"]).silent:
            continue
        query = qa.query(row["question"], row.get("history", []))
        hits = qa.index.retriever.search(query, 1)
        terms = explained(qa.index.retriever, query, [hits[0][0]])[0] if hits else ()
        right = bool(hits) and qa.index.passage_id(hits[0][0]) in relevant.get(row["question_id"], {})
        evidence = (answerer.coverage(query, terms), answerer.matched(query, terms, rarest))
        found.append(Row(row["split"], bool(row["answers"]), right, evidence))
    return found


def main() -> None:
    """Fit, and print."""
    found = rows()
    dev, test = ([r for r in found if r.split == split] for split in ("dev", "test"))
    # no shrinking: three parameters need none here, and it would pull every confidence to one half
    model = LogisticRegression(C=1e6).fit([r.evidence for r in dev], [r.right for r in dev])
    coverage, matched = (float(c) for c in model.coef_[0])
    print(f"fitted on {len(dev)} dev questions:")
    print(f"COVERAGE_SLOPE = {coverage:.2f}, MATCHED_SLOPE = {matched:.2f}, OFFSET = {float(model.intercept_[0]):.2f}")
    for name, part in (("dev", dev), ("test", test)):
        sure = model.predict_proba([r.evidence for r in part])[:, 1]
        shown = [r for r, s in zip(part, sure, strict=True) if s >= answerer.THRESHOLD]
        auroc = roc_auc_score([r.answerable for r in part], sure)
        answered = sum(r.answerable for r in shown) / sum(r.answerable for r in part)
        right = sum(r.right for r in shown) / len(shown)
        print(f"{name}: {len(part)} questions, AUROC {auroc:.3f}, right when shown {right:.3f}, answered {answered:.3f}")


if __name__ == "__main__":
    main()
