"""nDCG@10 and P@1 beside scikit-learn's defaults and BM25 (bm25s), on every BEIR collection of a folder: the whole ranking, and
what each of its parts adds.

    KETAQA_COLLECTIONS=... python -m benchmarks.quality

Needs `ketaqa[semantic,bench]`. The weights were chosen on one half of each collection's questions (`held_out` is False there).
"""

import hashlib
import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import bm25s
import numpy as np
import Stemmer
from sklearn.feature_extraction.text import TfidfVectorizer

from ketaqa import builder, embedder, loaders, meaning, retriever, semantics, shipped
from ketaqa.evaluation import collections, measures
from ketaqa.evaluation.evaluate import DEPTH, ranked
from ketaqa.evaluation.significance import Floats
from ketaqa.evaluation.trec import Qrels
from ketaqa.index import Index

Ranking = dict[str, list[tuple[str, float]]]
NAMES = ("nDCG@10", "P@1")


def texts_of(path: Path) -> tuple[list[str], list[str]]:
    """The ids and the texts (title and text) of a collection's documents."""
    found, _ = loaders.find([path])
    documents = [d for source in found for d in loaders.read(source).documents]
    titles = ["" if d.title == d.doc_id else d.title for d in documents]
    return [d.doc_id for d in documents], [f"{t}\n{d.text}" for t, d in zip(titles, documents, strict=True)]


def sklearn_run(ids: Sequence[str], texts: Sequence[str], questions: dict[str, str]) -> Ranking:
    """TfidfVectorizer() and the cosine."""
    vectorizer = TfidfVectorizer()
    matrix = vectorizer.fit_transform(texts)
    run = {}
    for question_id, question in questions.items():
        scores = (matrix @ vectorizer.transform([question]).T).toarray().ravel()
        run[question_id] = [(ids[n], float(scores[n])) for n in np.argsort(-scores, kind="stable")[:DEPTH]]
    return run


def bm25s_run(ids: Sequence[str], texts: Sequence[str], questions: dict[str, str]) -> Ranking:
    """Lucene's BM25, k1 = 1.2, b = 0.75, English stop words and Snowball stems."""
    stemmer = Stemmer.Stemmer("english")
    model = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
    model.index(bm25s.tokenize(list(texts), stopwords="en", stemmer=stemmer, show_progress=False), show_progress=False)
    tokens = bm25s.tokenize(list(questions.values()), stopwords="en", stemmer=stemmer, show_progress=False)
    found, scores = model.retrieve(tokens, k=min(DEPTH, len(ids)), show_progress=False)
    rows = zip(questions, found, scores, strict=True)
    return {q: [(ids[int(n)], float(s)) for n, s in zip(docs, row, strict=True)] for q, docs, row in rows}


PEERS: dict[str, Callable[[Sequence[str], Sequence[str], dict[str, str]], Ranking]] = {
    "scikit-learn": sklearn_run,
    "BM25 (bm25s)": bm25s_run,
}


@dataclass(frozen=True)
class Variant:
    """A ranking: what made the vectors of passages ("": it does without), and the weights that differ from the default."""

    name: str
    made_by: str = semantics.TEACHER
    spelling: bool = False
    weights: Mapping[tuple[ModuleType, str], float] = field(default_factory=dict)
    encoder: str = ""


# from the fewest parts to the most; "default" is what KetaQA does where passages carry the encoder's vectors, "table alone"
# where no encoder was there
VARIANTS = (
    Variant("words", made_by="", weights={(retriever, "PAIR_WEIGHT"): 0.0, (retriever, "DOCUMENT_WEIGHT"): 0.0}),
    Variant("+ pairs", made_by="", weights={(retriever, "DOCUMENT_WEIGHT"): 0.0}),
    Variant("+ documents", made_by=""),
    Variant("table alone", made_by=semantics.TABLE, spelling=True),
    Variant("+ table", weights={(meaning, "COMPANY_WEIGHT"): 0.0}),
    Variant("+ company"),
    Variant("+ spelling, default", spelling=True),
    Variant("encoder asks", spelling=True, encoder=semantics.TEACHER),
)


def indexed(path: Path, made_by: str = semantics.TEACHER) -> Path:
    """The index of a collection with the encoder's vectors, or the table's, kept in build/ for this code and collection.

    The encoder's vectors are kept for the texts alone, whatever the code: they take minutes.
    """
    index = Path("build", "quality", f"{path.name}-{made_by}-{shipped.fingerprint(path)[:12]}")
    if (index / "manifest.json").is_file():
        return index
    if made_by == semantics.TABLE:
        builder.build([path / "corpus.jsonl"], index, encoder=made_by)
        return index
    vectors = Path("build", "quality", f"{path.name}-vectors", embedder.STORED)
    vectors.parent.mkdir(parents=True, exist_ok=True)
    kept, embedded = embedder.stored(vectors.parent), embedder.embedded

    def keeping(items: Sequence[embedder.Item], *rest: Any) -> Iterator[semantics.Codes]:
        blocks = list(embedded(items, *rest))
        embedder.store(items, np.concatenate(blocks), vectors)
        yield from blocks

    with patch.object(embedder, "stored", lambda folder: kept), patch.object(embedder, "embedded", keeping):
        builder.build([path / "corpus.jsonl"], index, encoder=made_by)
    return index


def variant_run(variant: Variant, index: Path, questions: dict[str, str]) -> tuple[Ranking, float]:
    """A run, and the median time of a question in milliseconds."""
    opened = Index(index, variant.encoder)
    ranker = opened.retriever if variant.made_by else replace(opened.retriever, meaning=None)
    opened.__dict__["retriever"] = ranker
    run, took = {}, []
    with ExitStack() as stack:
        for (module, name), value in variant.weights.items():
            stack.enter_context(patch.object(module, name, value))
        for question_id, question in questions.items():
            start = time.perf_counter()
            read = opened.spelling.read(question)[0] if variant.spelling else question
            run[question_id] = ranked(opened, ranker.query(read), by_document=True)
            took.append((time.perf_counter() - start) * 1000.0)
    return run, statistics.median(took)


def held_out(collection: str, question_id: str) -> bool:
    """Whether a question is of the half on which no weight was chosen."""
    return hashlib.sha256(f"{collection}{question_id}".encode()).digest()[0] % 2 == 1


def main(folder: Path) -> None:
    """Print the table, its means, those of the questions on which no weight was chosen, and the time of a question.

    The time is the median of a collection's questions, each ranked to DEPTH; its mean over the collections is printed.
    """
    columns = [*PEERS, *(v.name for v in VARIANTS)]
    print("nDCG@10, P@1\n| collection | " + " | ".join(columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    rows: list[list[Floats]] = []
    times: list[list[float]] = []
    for path in sorted(p.parents[1] for p in folder.glob("*/qrels/test.tsv")):
        collection = collections.read(path)
        ids, texts = texts_of(path)
        runs = [run(ids, texts, collection.questions) for run in PEERS.values()]
        timed = [
            variant_run(variant, indexed(path, variant.made_by or semantics.TEACHER), collection.questions)
            for variant in VARIANTS
        ]
        rows.append([means(path.name, run, collection.qrels) for run in [*runs, *(run for run, _ in timed)]])
        print(f"| {path.name} | " + " | ".join(f"{a:.3f}, {b:.3f}" for a, b, *_ in rows[-1]) + " |", flush=True)
        times.append([ms for _, ms in timed])
        print("  ms a question: " + ", ".join(f"{v.name} {ms:.2f}" for v, ms in zip(VARIANTS, times[-1], strict=True)))
    total = np.array(rows).mean(axis=0)
    print("| mean | " + " | ".join(f"{a:.4f}, {b:.4f}" for a, b, *_ in total) + " |")
    print("| mean, held out | " + " | ".join(f"{a:.4f}, {b:.4f}" for *_, a, b in total) + " |")
    print("| ms a question | " + " | ".join([*("" for _ in PEERS), *(f"{ms:.1f}" for ms in np.mean(times, axis=0))]) + " |")


def means(collection: str, run: Ranking, qrels: Qrels) -> Floats:
    """nDCG@10 and P@1 over all questions, then over those on which weights are chosen, then over the held-out half."""
    values = measures.by_question(run, qrels, NAMES)
    whole = [float(np.mean(list(values[name].values()))) for name in NAMES]
    halves = [
        float(np.mean([v for q, v in values[name].items() if held_out(collection, q) == half]))
        for half in (False, True)
        for name in NAMES
    ]
    return np.array(whole + halves)


if __name__ == "__main__":
    main(Path(os.environ["KETAQA_COLLECTIONS"]))
