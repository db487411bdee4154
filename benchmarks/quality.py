"""nDCG@10 and P@1 beside scikit-learn's defaults and BM25 (bm25s), on every BEIR collection of a folder."""

from collections.abc import Callable, Sequence
from pathlib import Path

import bm25s
import numpy as np
import Stemmer
from sklearn.feature_extraction.text import TfidfVectorizer

from ketaqa import loaders
from ketaqa.evaluation import collections, measures
from ketaqa.evaluation.evaluate import DEPTH, evaluate

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


def main(folder: Path) -> None:
    """Print the table and the means."""
    paths = sorted(p.parents[1] for p in folder.glob("*/qrels/test.tsv"))
    columns = [*PEERS, "KetaQA"]
    rows = []
    print("| collection | " + " | ".join(f"{c} nDCG@10, P@1" for c in columns) + " |")
    print("|---" * (len(columns) + 1) + "|")
    for path in paths:
        collection = collections.read(path)
        ids, texts = texts_of(path)
        tables = [measures.measure(run(ids, texts, collection.questions), collection.qrels, NAMES) for run in PEERS.values()]
        tables.append(evaluate(path, NAMES).measures)
        rows.append([[table[name].value for name in NAMES] for table in tables])
        print(f"| {path.name} | " + " | ".join(f"{a:.3f}, {b:.3f}" for a, b in rows[-1]) + " |", flush=True)
    means = np.array(rows).mean(axis=0)
    print("| mean | " + " | ".join(f"{a:.3f}, {b:.3f}" for a, b in means) + " |")
