"""A collection to a table of measures: index it, ask it every question, judge what came back."""

import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ketaqa import builder, confidence, config
from ketaqa.errors import BadSetting
from ketaqa.evaluation import abstention, collections, inspection, measures, significance
from ketaqa.evaluation.abstention import Abstention, Judged
from ketaqa.evaluation.collections import Collection
from ketaqa.evaluation.inspection import Inspection, Shown
from ketaqa.evaluation.significance import Measured
from ketaqa.evaluation.trec import Qrels, Run
from ketaqa.index import Index
from ketaqa.pipeline import KetaQA
from ketaqa.retriever import QueryTerm
from ketaqa.weighting import NAMES

DEPTH = 100  # documents a question in a run

Kind = Literal["answerable", "unanswerable", "crisis"]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Setting:
    """What a sweep varies: the target length of a passage in words, and the weighting."""

    passage_length: int = config.PASSAGE_LENGTH
    weighting: str = builder.WEIGHTING


@dataclass(frozen=True, slots=True)
class Met:
    """A question, and how it was met: what stood first, how sure KetaQA was, and what it took (milliseconds).

    marked: whether what is marked in a right passage overlaps a quote; None where nothing can be said of that.
    """

    question_id: str
    question: str
    kind: Kind
    confidence: float
    right: bool
    marked: bool | None
    silenced: bool
    best: Shown | None
    wanted: tuple[Shown, ...]
    latency_ms: float


@dataclass(frozen=True)
class Evaluation:
    """What `ketaqa evaluate` reports; latency is of one search, in milliseconds.

    `values` holds each measure's value for each question. `marked` is, where answers are quotes, the share of right passages in
    which they are marked. `care` is, where the collection has messages that call for help, the
    share of them that is met with help lines, and the share of all other questions that is so by mistake.
    """

    collection: str
    passages: int
    queries: int
    measures: dict[str, Measured]
    latency_ms: dict[str, float]
    marked: Measured | None
    abstention: Abstention | None
    care: dict[str, Measured] | None
    setting: Setting
    run: Run
    qrels: Qrels
    values: dict[str, dict[str, float]]
    met: tuple[Met, ...]
    inspection: Inspection | None


def evaluate(
    path: Path,
    names: Sequence[str] = measures.DEFAULT,
    progress: Progress | None = None,
    split: str = "",
    setting: Setting | None = None,
    inspect: bool = False,
    encoder: str = "",
) -> Evaluation:
    """Measure a ranking on a collection. BadCollection or BadSetting when it or a measure is malformed.

    encoder: of the passages, as `builder.build` takes it. The setting `encoder` reads the questions too.
    inspect: also look for near-duplicate passages and for passages that no question finds, which takes longer.
    """
    measures.parse(names)
    collection = collections.read(path, split)
    setting = setting or Setting()
    # scikit-learn's weighting has no vectors to compare with
    asks = config.load().encoder if setting.weighting == builder.WEIGHTING and encoder != builder.NO_ENCODER else ""
    tell = progress or (lambda what, done, total: None)
    with tempfile.TemporaryDirectory(prefix="ketaqa-") as folder:
        where = Path(folder, "index")
        builder.build(
            [path],
            where,
            weighting=setting.weighting,
            passage_length=setting.passage_length,
            encoder=encoder or asks,
            progress=tell,
        )
        return _evaluated(collection, KetaQA(Index(where, asks)), names, tell, setting, inspect)


def _evaluated(
    collection: Collection, qa: KetaQA, names: Sequence[str], tell: Progress, setting: Setting, inspect: bool
) -> Evaluation:
    qrels = collection.qrels or collections.judged_passages(collection, qa.index)
    met, run = _asked(qa, collection, qrels, tell)
    values = measures.by_question(run, qrels, names)
    judged = [Judged(m.question_id, m.confidence, m.kind == "answerable", m.right) for m in met if m.kind != "crisis"]
    p50, p99 = np.percentile([m.latency_ms for m in met], [50, 99])
    return Evaluation(
        collection.name,
        qa.info.passages,
        len(collection.questions),
        {name: significance.mean(list(v.values())) for name, v in values.items()},
        {"p50": round(float(p50), 3), "p99": round(float(p99), 3)},
        _share([m.marked for m in met if m.marked is not None]),
        abstention.measure(judged, config.ANSWER_OR_SILENCE),
        _care(met),
        setting,
        run,
        qrels,
        values,
        met,
        inspection.inspect(qa.index, (qa.query(m.question) for m in met)) if inspect else None,
    )


def _asked(qa: KetaQA, collection: Collection, qrels: Qrels, tell: Progress) -> tuple[tuple[Met, ...], Run]:
    kinds: list[tuple[Kind, Mapping[str, str]]] = [
        ("answerable", collection.questions),
        ("unanswerable", collection.unanswerable),
        ("crisis", collection.crisis),
    ]
    questions = [(question_id, text, kind) for kind, texts in kinds for question_id, text in texts.items()]
    run: Run = {}
    met: list[Met] = []
    by_document = bool(collection.qrels)
    for done, (question_id, question, kind) in enumerate(questions, 1):
        start = time.perf_counter()
        query = qa.query(question, collection.histories.get(question_id, []))
        ranking = ranked(qa.index, query, by_document)
        took = (time.perf_counter() - start) * 1000.0
        if kind == "answerable":
            run[question_id] = ranking
        met.append(_met(qa, question_id, question, kind, query, qrels.get(question_id, {}), collection, took))
        tell("asking", done, len(questions))
    return tuple(met), run


def _met(
    qa: KetaQA,
    question_id: str,
    question: str,
    kind: Kind,
    query: list[QueryTerm],
    relevant: Mapping[str, int],
    collection: Collection,
    took: float,
) -> Met:
    index, by_document = qa.index, bool(collection.qrels)
    silenced = qa.care(question).silent
    found = qa.best(query)
    wanted = tuple(inspection.shown(index, name, by_document) for name, r in list(relevant.items())[:3] if r > 0)
    if found is None:
        return Met(question_id, question, kind, 0.0, False, None, silenced, None, wanted, took)
    number, evidence = found
    name = index.doc_id_of(number) if by_document else index.passage_id(number)
    sure = 0.0 if silenced else confidence.probability(evidence)
    passage, right, marked = qa.passage_for(number, query, question), relevant.get(name, 0) > 0, None
    if right and not by_document:
        marked = collections.marked_right(collection, question_id, index, passage)
    best = Shown(passage.passage_id, passage.text)
    return Met(question_id, question, kind, sure, right, marked, silenced, best, wanted, took)


def _share(found: Sequence[bool]) -> Measured | None:
    return significance.mean(found) if found else None


def _care(met: Sequence[Met]) -> dict[str, Measured] | None:
    crisis = [m.silenced for m in met if m.kind == "crisis"]
    if not crisis:
        return None
    others = [m.silenced for m in met if m.kind != "crisis"]
    return {"caught": significance.mean(crisis), "false alarms": significance.mean(others)}


def ranked(index: Index, query: list[QueryTerm], by_document: bool) -> list[tuple[str, float]]:
    """The best DEPTH documents, each by its best passage, or the best DEPTH passages."""
    k = DEPTH
    while True:
        hits = index.retriever.search(query, k)
        best: dict[str, float] = {}
        for number, score in hits:
            best.setdefault(index.doc_id_of(number) if by_document else index.passage_id(number), score)
        if len(best) >= DEPTH or len(hits) < k:
            return list(best.items())[:DEPTH]
        k *= 2


def settings(vary: Sequence[str]) -> list[Setting]:
    """Every combination of "passage_length=60,120" and "weighting=bm25,tfidf"; BadSetting for anything else."""
    found = [Setting()]
    seen: set[str] = set()
    for one in vary:
        key, _, listed = one.partition("=")
        if key not in ("passage_length", "weighting") or not listed or key in seen:
            raise BadSetting(f"--vary {one!r}: give passage_length=60,120,240 or weighting=bm25,tfidf, each once")
        seen.add(key)
        values: list[dict[str, Any]] = [{key: _value(key, text, one)} for text in listed.split(",")]
        found = [replace(setting, **value) for setting in found for value in values]
    return found


def _value(key: str, text: str, where: str) -> int | str:
    if key == "weighting":
        if text not in NAMES:
            raise BadSetting(f"--vary {where!r}: unknown weighting {text!r}; known are {', '.join(NAMES)}")
        return text
    if not text.isascii() or not text.isdigit() or len(text) > 4 or not 20 <= int(text) <= 2000:
        raise BadSetting(f"--vary {where!r}: {text!r} is no passage length; give words, from 20 to 2000")
    return int(text)


def summary(done: Evaluation) -> dict[str, Any]:
    """The JSON of `ketaqa evaluate --json`; abstention and care are there where the collection has such questions."""
    keys = ("collection", "passages", "queries", "latency_ms")
    table = {key: getattr(done, key) for key in keys} | {"measures": {n: asdict(m) for n, m in done.measures.items()}}
    if done.marked:
        table["marked"] = asdict(done.marked)
    if done.abstention:
        table["abstention"] = {k: v for k, v in asdict(done.abstention).items() if k not in ("curve", "bins")}
    if done.care:
        table["care"] = {name: asdict(m) for name, m in done.care.items()}
    return table
