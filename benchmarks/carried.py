"""Is confidence, fitted on the shipped questions, worth the same on other collections?

    KETAQA_COLLECTIONS=... python -m benchmarks.carried

Each BEIR collection of the folder is asked its own questions, those that it lists as unanswerable, and questions of the other
collections (of which a few may have an answer there; two that share a source are not asked each other's). Nothing was fitted on
any of them. Intervals are at 95 %.
"""

import os
import random
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import ketaqa
from ketaqa import KetaQA, confidence
from ketaqa.config import ANSWER_OR_SILENCE
from ketaqa.evaluation import abstention, collections, significance
from ketaqa.evaluation.collections import Collection
from ketaqa.evaluation.significance import Floats, Measured
from ketaqa.evaluation.trec import Qrels

# of questions of a collection; of those, how many are asked of each other one; collections made of the same texts
MOST, FOREIGN, SAME = 1500, 120, [{"squad2-dev-half", "xquad-en"}]


@dataclass(frozen=True)
class Asked:
    """How sure KetaQA was of its best passage, and whether that is right, of questions in turn."""

    sure: Floats
    right: Floats


def asked(qa: KetaQA, questions: Mapping[str, str], qrels: Qrels) -> Asked:
    """A collection's answers to questions."""
    sure, right = [], []
    for question_id, question in questions.items():
        number, evidence = qa.best(qa.query(question)) or (None, None)
        sure.append(confidence.probability(evidence))
        right.append(number is not None and qrels.get(question_id, {}).get(qa.index.doc_id_of(number), 0) > 0)
    return Asked(np.array(sure), np.array(right, dtype=np.float64))


def some(questions: Mapping[str, str], count: int) -> dict[str, str]:
    """So many of the questions, drawn by a seed."""
    return dict(random.Random(0).sample(list(questions.items()), min(count, len(questions))))


def others(name: str, found: Iterable[Collection]) -> dict[str, str]:
    """Questions of the other collections."""
    strange = [c for c in found if c.name != name and {c.name, name} not in SAME]
    return {f"{c.name} {n}": text for c in strange for n, text in some(c.questions, FOREIGN).items()}


def told(m: Measured) -> str:
    """A value with its interval."""
    return f"{m.value:.3f} ({m.ci95[0]:.3f} to {m.ci95[1]:.3f})"


def report(collection: Collection, strange: Mapping[str, str]) -> Iterable[str]:
    """The lines of one collection."""
    with tempfile.TemporaryDirectory() as folder:
        ketaqa.build([collection.path], Path(folder, "index"))
        qa = ketaqa.open(Path(folder, "index"))
        own = asked(qa, some(collection.questions, MOST), collection.qrels)
        unanswerable, foreign = (asked(qa, some(q, MOST), {}).sure for q in (collection.unanswerable, strange))
    shown = own.sure >= ANSWER_OR_SILENCE
    yield f"{collection.name}: {len(own.sure)} questions, the best passage is right for {own.right.mean():.3f}"
    yield f"  right when shown {told(significance.mean(own.right[shown].tolist()))}, shown {shown.mean():.3f}"
    yield f"  calibration error {abstention.calibration_error(own.sure, own.right):.3f}"
    for name, sure in (("its own unanswerable", unanswerable), ("others' questions", foreign)):
        if len(sure):
            auroc = significance.interval((own.sure, sure), abstention.auroc, resamples=999)
            yield f"  AUROC against {name} {told(auroc)}, of which {(sure >= ANSWER_OR_SILENCE).mean():.3f} are answered"


def main(folder: Path) -> None:
    """Print the table."""
    found = [collections.read(path.parent.parent) for path in sorted(folder.glob("*/qrels/test.tsv"))]
    for collection in found:
        print("\n".join(report(collection, others(collection.name, found))), flush=True)


if __name__ == "__main__":
    main(Path(os.environ["KETAQA_COLLECTIONS"]))
