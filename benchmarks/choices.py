"""The measurements behind some constants: passage length, what a heading weighs, and which sentences are marked.

    python -m benchmarks.choices

Each is chosen on the dev split of the shipped questions; the test split stands beside it. Where $KETAQA_COLLECTIONS names a
folder of BEIR collections, their nDCG@10 is printed for each passage length too: a row is scored by its best passage.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import mean
from unittest.mock import patch

from ketaqa import KetaQA, answerer, builder, retriever, shipped
from ketaqa.evaluation import collections, measures
from ketaqa.evaluation.evaluate import ranked
from ketaqa.index import Index

LENGTHS = (60, 90, 120, 160, 240)
HEADING_WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.5, 0.8)
MARKS = ((0.0, 1.0), (0.2, 1.0), (0.3, 1.0), (0.0, 0.2), (0.2, 0.5), (0.2, 0.2))
SECONDS = (1.1, 0.9, 0.8, 0.7, 0.6, 0.5)


@contextmanager
def indexed(source: Path, words: int) -> Iterator[Index]:
    """An index of a folder, gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        builder.build([source], Path(folder, "index"), passage_length=words, encoder="none")  # no length has vectors made
        yield Index(Path(folder, "index"))


def score(index: Index, path: Path, split: str, measure: str) -> float:
    """A measure's mean over the questions of a split."""
    collection = collections.read(path, split)
    run = {q: ranked(index, index.retriever.query(text), bool(collection.qrels)) for q, text in collection.questions.items()}
    qrels = collection.qrels or collections.judged_passages(collection, index)
    return measures.measure(run, qrels, [measure])[measure].value


def marked(qa: KetaQA, path: Path, split: str) -> str:
    """The share of right best passages in which a gold quote is marked, and how much of them is marked."""
    collection = collections.read(path, split)
    relevant, hits, shares = collections.judged_passages(collection, qa.index), [], []
    for question_id, question in collection.questions.items():
        query = qa.query(question, collection.histories.get(question_id, []))
        best = qa.best(query)
        if best and qa.index.passage_id(best[0]) in relevant[question_id]:
            passage = qa.passage_for(best[0], query, question)
            hits.append(collections.marked_right(collection, question_id, qa.index, passage))
            shares.append(sum(len(p.text) for p in passage.pieces if p.highlight) / len(passage.text))
    return f"{mean(hits):.3f} of {mean(shares):.2f}"


def main() -> None:
    """Print the tables."""
    corpus = shipped.corpus_path()
    print("passage length (words): P@1 dev, test")
    for words in LENGTHS:
        with indexed(corpus, words) as index:
            print(f"  {words:4} {score(index, corpus, 'dev', 'P@1'):.3f} {score(index, corpus, 'test', 'P@1'):.3f}")
    others = sorted(Path(os.environ.get("KETAQA_COLLECTIONS", "/nonexistent")).glob("*/qrels/test.tsv"))
    for path in (p.parents[1] for p in others):
        row = []
        for words in LENGTHS:
            with indexed(path, words) as index:
                row.append(f"{words}: {score(index, path, '', 'nDCG@10'):.3f}")
        print(f"  nDCG@10 of {path.name}: {', '.join(row)}")
    index = Index(shipped.index_path())
    print("weight of a heading's word: P@1 dev, test")
    for weight in HEADING_WEIGHTS:
        with patch.object(retriever, "HEADING_WEIGHT", weight):
            print(f"  {weight:.1f} {score(index, corpus, 'dev', 'P@1'):.3f} {score(index, corpus, 'test', 'P@1'):.3f}")
    qa = KetaQA(index)
    print("gain of a number, share of the heading's words: gold quote marked, and share of the passage marked, dev, test")
    for gain, share in MARKS:
        with patch.object(answerer, "QUANTITY_GAIN", gain), patch.object(answerer, "HEADING_SHARE", share):
            print(f"  {gain:.1f} {share:.1f} {marked(qa, corpus, 'dev')}, {marked(qa, corpus, 'test')}")
    print("what a second sentence must gain: the same")
    for second in SECONDS:
        with patch.object(answerer, "SECOND", second):
            print(f"  {second:.1f} {marked(qa, corpus, 'dev')}, {marked(qa, corpus, 'test')}")


if __name__ == "__main__":
    main()
