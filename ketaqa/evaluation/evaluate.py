"""A collection to a table of measures: index it, ask it every question, judge what came back."""

import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ketaqa.builder import build
from ketaqa.evaluation import collections, measures
from ketaqa.evaluation.collections import Collection
from ketaqa.evaluation.measures import Measured, Run
from ketaqa.index import Index

DEPTH = 100  # documents a question in a run

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Evaluation:
    """What `ketaqa evaluate` reports; latency is of one search, in milliseconds."""

    collection: str
    passages: int
    queries: int
    measures: dict[str, Measured]
    latency_ms: dict[str, float]
    run: Run


def evaluate(
    path: Path, names: Sequence[str] = measures.DEFAULT, progress: Progress | None = None, split: str = ""
) -> Evaluation:
    """Measure the default ranking on a collection. BadCollection or BadSetting when it or a measure is malformed."""
    measures.parse(names)
    collection = collections.read(path, split)
    tell = progress or (lambda what, done, total: None)
    with tempfile.TemporaryDirectory(prefix="ketaqa-") as folder:
        build([path], Path(folder, "index"), progress=lambda done, total: tell("indexing", done, total))
        index = Index(Path(folder, "index"))
        run, latencies = _asked(index, collection, tell)
        qrels = collection.qrels or collections.judged_passages(collection, index)
        table = measures.measure(run, qrels, names)
    p50, p99 = np.percentile(latencies, [50, 99])
    latency = {"p50": round(float(p50), 3), "p99": round(float(p99), 3)}
    return Evaluation(collection.name, index.info.passages, len(collection.questions), table, latency, run)


def _asked(index: Index, collection: Collection, tell: Progress) -> tuple[Run, list[float]]:
    run: dict[str, list[tuple[str, float]]] = {}
    latencies = []
    by_document = bool(collection.qrels)
    for done, (question_id, question) in enumerate(collection.questions.items(), 1):
        start = time.perf_counter()
        run[question_id] = ranked(index, question, by_document)
        latencies.append((time.perf_counter() - start) * 1000.0)
        tell("asking", done, len(collection.questions))
    return run, latencies


def ranked(index: Index, question: str, by_document: bool) -> list[tuple[str, float]]:
    """The best DEPTH documents, each by its best passage, or the best DEPTH passages."""
    query = index.retriever.query(question)
    k = DEPTH
    while True:
        hits = index.retriever.search(query, k)
        best: dict[str, float] = {}
        for number, score in hits:
            best.setdefault(index.doc_id_of(number) if by_document else index.passage_id(number), score)
        if len(best) >= DEPTH or len(hits) < k:
            return list(best.items())[:DEPTH]
        k *= 2


def write_run(run: Run, path: Path, tag: str = "ketaqa") -> None:
    """A TREC run: query_id Q0 doc_id rank score tag."""
    lines = [
        f"{query_id} Q0 {doc_id} {rank} {score:.9g} {tag}\n"
        for query_id, docs in run.items()
        for rank, (doc_id, score) in enumerate(docs, 1)
    ]
    path.write_text("".join(lines), encoding="utf-8")
