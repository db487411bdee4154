"""The measurements behind three constants: passage length, what a heading weighs, and which sentence is marked.

    python -m benchmarks.choices

Each is chosen on the dev split of the shipped questions; the test split stands beside it. Where $KETAQA_COLLECTIONS names a
folder of BEIR collections, their nDCG@10 is printed for each passage length too: a row is scored by its best passage.
"""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from ketaqa import answerer, builder, retriever, shipped
from ketaqa.evaluation import collections, measures
from ketaqa.evaluation.evaluate import ranked
from ketaqa.index import Index

LENGTHS = (60, 90, 120, 160, 240)
HEADING_WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.5, 0.8)
MARKS = ((0.0, 1.0), (0.2, 1.0), (0.3, 1.0), (0.0, 0.2), (0.2, 0.5), (0.2, 0.2))


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


def marked(index: Index, path: Path, split: str) -> float:
    """The share of right best passages whose marked sentence overlaps a gold quote."""
    collection = collections.read(path, split)
    hits = []
    for question_id, question in collection.questions.items():
        query = index.retriever.query(question)
        number = index.retriever.search(query, 1)[0][0]
        best = index.passage(number)
        quotes = [q.text for q in collection.quotes[question_id] if q.doc_id == best.doc_id and q.text in best.text]
        if quotes:
            read = answerer.reading(best, index.headings_in(number), index.analyser)
            shown = answerer.highlighted(best, read, answerer.sought(query, question))
            sentence = next(p.text for p in shown.pieces if p.highlight)
            hits.append(any(sentence in quote or quote in sentence for quote in quotes))
    return sum(hits) / len(hits)


def main() -> None:
    """Print the three tables."""
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
    print("gain of a number, share of the heading's words: marked sentence in the gold quote dev, test")
    for gain, share in MARKS:
        with patch.object(answerer, "QUANTITY_GAIN", gain), patch.object(answerer, "HEADING_SHARE", share):
            print(f"  {gain:.1f} {share:.1f} {marked(index, corpus, 'dev'):.3f} {marked(index, corpus, 'test'):.3f}")


if __name__ == "__main__":
    main()
