"""Fit the model of data/danger.json, and choose the two thresholds of ketaqa/safety.py, by cross-validation.

    python -m benchmarks.fit_danger

Learns from benchmarks/danger.jsonl (messages written for this, none of a real person) and from the dev split of the shipped
questions; prints what is caught, and what is alarmed by mistake, in ten-fold cross-validation and on the test split.
"""

import json
from pathlib import Path

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.pipeline import Pipeline, make_pipeline, make_union

from ketaqa import danger, safety, shipped
from ketaqa.evaluation.collections import CRISIS

HERE = Path(__file__).parent
# what the styles of the shipped messages are called here
KINDS = {"overdose": "emergency", "emergency": "emergency", "dangerous-use": "dosing"}
ALARMS = (0.02, 0.06)  # shares of look-alike messages that may be alarmed: instead of an answer, beside one


def model() -> Pipeline:
    """The pipeline; `danger.words` and `danger.parts` are its analysers."""
    words = TfidfVectorizer(analyzer=lambda text: list(danger.words(text)), sublinear_tf=True, min_df=2)
    parts = TfidfVectorizer(analyzer=lambda text: list(danger.parts(text)), sublinear_tf=True, min_df=3)
    return make_pipeline(make_union(words, parts), LogisticRegression(C=10.0, class_weight="balanced", max_iter=3000))


def messages() -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """(normalised text, kind) to learn from, and of the test split."""
    rows = [json.loads(line) for line in (HERE / "danger.jsonl").read_text(encoding="utf-8").splitlines()]
    learn = [(safety.normalised(row["text"]), row["kind"]) for row in rows]
    test: list[tuple[str, str]] = []
    for line in (shipped.corpus_path() / "questions.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        kind = KINDS.get(row["style"], "crisis") if row["kind"] == CRISIS else "none"
        (learn if row["split"] == "dev" else test).append((safety.normalised(row["question"]), kind))
    return learn, test


def saved(fitted: Pipeline) -> dict[str, object]:
    """The fitted pipeline as data: per feature its idf and a weight for each kind."""
    union, regression = fitted[0], fitted[1]
    found: dict[str, object] = {"kinds": list(regression.classes_), "intercepts": regression.intercept_.round(4).tolist()}
    at = 0
    for name, (_, vectorizer) in zip(("words", "parts"), union.transformer_list, strict=True):
        names = vectorizer.get_feature_names_out()
        weights = regression.coef_[:, at : at + len(names)].T
        rows = zip(names, vectorizer.idf_, weights, strict=True)
        found[name] = {str(n): [round(float(idf), 3), *(round(float(w), 2) for w in row)] for n, idf, row in rows}
        at += len(names)
    return found


def main() -> None:
    """Fit, write, report."""
    learn, test = messages()
    texts, kinds = [t for t, _ in learn], np.array([k for _, k in learn])
    folds = StratifiedKFold(10, shuffle=True, random_state=0)
    none = sorted(set(kinds)).index("none")
    risk = 1.0 - cross_val_predict(model(), texts, kinds, cv=folds, method="predict_proba")[:, none]
    fitted = model().fit(texts, kinds)
    danger.MODEL.write_text(json.dumps(saved(fitted), ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
    risk_test = 1.0 - fitted.predict_proba([t for t, _ in test])[:, none]
    for name, alarm in zip(("instead of an answer", "beside one"), ALARMS, strict=True):
        threshold = float(np.quantile(risk[kinds == "none"], 1.0 - alarm))
        print(f"{name}: threshold {threshold:.2f}")
        for where, values, truth in (
            ("cross-validation", risk, kinds),
            ("test split", risk_test, np.array([k for _, k in test])),
        ):
            caught, false = (values[truth != "none"] >= threshold).mean(), (values[truth == "none"] >= threshold).mean()
            print(f"  {where}: caught {caught:.3f}, false alarms {false:.3f}, without the rules")


if __name__ == "__main__":
    main()
