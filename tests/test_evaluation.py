"""Evaluation: collections, measures, intervals, runs."""

import json
import math
from pathlib import Path

import ir_measures
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap

import ketaqa
from ketaqa.errors import BadCollection, BadSetting
from ketaqa.evaluation import collections, measures, significance
from ketaqa.evaluation.evaluate import DEPTH, evaluate
from ketaqa.evaluation.trec import read_run, write_run
from ketaqa.index import Index

SHARED = Path(__file__).parents[2] / "shared" / "collections"
CORPUS = [
    {"_id": "d1", "title": "Bladder", "text": "Ketamine can harm the bladder."},
    {"_id": "d2", "title": "Cost", "text": "A session costs 400 dollars."},
    {"_id": "d3", "title": "", "text": "The spray is given in a clinic."},
]
QUERIES = [
    {"_id": "q1", "text": "bladder harm"},
    {"_id": "q2", "text": "what does a session cost"},
    {"_id": "q3", "text": "zxqv"},
    {"_id": "q4", "text": "is not judged"},
]
QRELS = "query-id\tcorpus-id\tscore\nq1\td1\t2\nq1\td3\t1\nq2\td2\t1\nq3\td3\t1\n"
DOCUMENTS = {
    "bladder.md": "# Bladder\n\nKetamine can harm the bladder. Pain is a sign.\n\n## Signs\n\nBlood may be seen.\n",
    "cost.txt": "A session costs 400 dollars.\n",
}
QUESTIONS = [
    {
        "question_id": "s1",
        "question": "bladder harm",
        "kind": "x",
        "answers": [{"doc_id": "bladder.md", "quote": "harm the bladder"}],
    },
    {"question_id": "s2", "question": "session cost", "kind": "x", "answers": [{"doc_id": "cost.txt", "quote": "400 dollars"}]},
    {"question_id": "s3", "question": "no answer", "kind": "x", "answers": []},
]


def jsonl(rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


def write(folder, files):
    for name, text in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8", newline="")
    return folder


@pytest.fixture
def beir(tmp_path):
    return write(tmp_path, {"corpus.jsonl": jsonl(CORPUS), "queries.jsonl": jsonl(QUERIES), "qrels/test.tsv": QRELS})


@pytest.fixture
def spans(tmp_path):
    return write(tmp_path, DOCUMENTS | {"questions.jsonl": jsonl(QUESTIONS)})


def test_a_beir_folder_is_read_with_the_queries_that_have_an_answer(beir):
    found = collections.read(beir)
    assert found.name == beir.name
    assert found.questions == {"q1": "bladder harm", "q2": "what does a session cost", "q3": "zxqv"}
    assert found.qrels == {"q1": {"d1": 2, "d3": 1}, "q2": {"d2": 1}, "q3": {"d3": 1}}
    assert found.quotes == {}


def test_a_span_collection_is_read_and_judges_the_passages_that_overlap_a_quote(spans, tmp_path):
    found = collections.read(spans)
    assert found.questions == {"s1": "bladder harm", "s2": "session cost"}
    assert found.qrels == {}
    ketaqa.build([spans], tmp_path / "i")
    judged = collections.judged_passages(found, Index(tmp_path / "i"))
    assert judged == {"s1": {"bladder.md#1": 1}, "s2": {"cost.txt#1": 1}}


def test_a_split_is_a_part_of_the_collection(beir, tmp_path_factory):
    write(beir, {"qrels/dev.tsv": "query-id\tcorpus-id\tscore\nq2\td2\t1\n"})
    assert list(collections.read(beir, "dev").questions) == ["q2"]
    assert collections.read(beir, "test") == collections.read(beir)
    rows = [row | {"split": split} for row, split in zip(QUESTIONS, ["dev", "test", "test"], strict=True)]
    folder = write(tmp_path_factory.mktemp("spans"), DOCUMENTS | {"questions.jsonl": jsonl(rows)})
    assert [list(collections.read(folder, split).questions) for split in ("", "dev", "test")] == [["s1", "s2"], ["s1"], ["s2"]]
    for path in (beir, folder):
        with pytest.raises(BadCollection, match="train"):
            collections.read(path, "train")


def test_a_quote_over_two_passages_makes_both_relevant(tmp_path):
    text = "# A\n\nOne ends here.\n\n# B\n\nTwo begins here.\n"
    rows = [{"question_id": "q", "question": "one two", "answers": [{"doc_id": "a.md", "quote": "here.\n\nB\n\nTwo"}]}]
    write(tmp_path, {"a.md": text, "questions.jsonl": jsonl(rows)})
    ketaqa.build([tmp_path], tmp_path / "i")
    judged = collections.judged_passages(collections.read(tmp_path), Index(tmp_path / "i"))
    assert judged == {"q": {"a.md#1": 1, "a.md#2": 1}}


@pytest.mark.parametrize("kind", ["beir", "spans"])
def test_a_collection_is_measured_from_end_to_end(kind, request):
    done = evaluate(request.getfixturevalue(kind), ["nDCG@10", "P@1", "RR@10"])
    assert (done.passages, done.queries) == ((3, 3) if kind == "beir" else (3, 2))
    assert list(done.measures) == ["nDCG@10", "P@1", "RR@10"]
    assert done.measures["P@1"].value == pytest.approx(2 / 3 if kind == "beir" else 1.0)
    assert set(done.latency_ms) == {"p50", "p99"}
    assert 0 <= done.latency_ms["p50"] <= done.latency_ms["p99"]
    assert all(score > 0 for docs in done.run.values() for _, score in docs)


def test_a_document_of_many_passages_is_scored_by_its_best_one_and_named_once(tmp_path):
    long = " ".join(["Ketamine is a drug that is often named here."] * 60)
    corpus = [{"_id": "long", "text": f"{long} Bladder."}, *({"_id": f"d{n}", "text": "Ketamine."} for n in range(DEPTH + 20))]
    write(tmp_path, {"corpus.jsonl": jsonl(corpus), "queries.jsonl": jsonl([{"_id": "q", "text": "ketamine bladder"}])})
    write(tmp_path, {"qrels/test.tsv": "query-id\tcorpus-id\tscore\nq\tlong\t1\n"})
    done = evaluate(tmp_path, ["P@1"])
    names = [doc_id for doc_id, _ in done.run["q"]]
    assert names[0] == "long"
    assert len(names) == len(set(names)) == DEPTH
    scores = [score for _, score in done.run["q"]]
    assert scores == sorted(scores, reverse=True)


def test_ndcg_by_hand():
    # gains 0, 2, 1 at ranks 1, 2, 3 against the ideal 2, 1
    run = {"q": [("x", 3.0), ("a", 2.0), ("b", 1.0)]}
    ideal = 2 / math.log2(2) + 1 / math.log2(3)
    found = measures.measure(run, {"q": {"a": 2, "b": 1}}, ["nDCG@10", "RR@10", "P@1", "R@100"])
    assert found["nDCG@10"].value == pytest.approx((2 / math.log2(3) + 1 / math.log2(4)) / ideal, abs=1e-6)
    assert [found[name].value for name in ("RR@10", "P@1", "R@100")] == [0.5, 0.0, 1.0]
    assert found["RR@10"].ci95 == (0.5, 0.5)


IDS = st.sampled_from([f"d{n}" for n in range(8)])
RUNS = st.dictionaries(
    st.sampled_from("abcd"),
    st.lists(IDS, unique=True, max_size=8).map(lambda ids: [(d, float(len(ids) - n)) for n, d in enumerate(ids)]),
)
JUDGED = st.dictionaries(st.sampled_from("abcd"), st.dictionaries(IDS, st.integers(0, 3), min_size=1), min_size=1)
NAMES = ["nDCG@10", "RR@10", "R@100", "P@1", "AP"]


@settings(max_examples=50, deadline=None)
@given(RUNS, JUDGED)
def test_the_measures_are_those_of_ir_measures_and_a_missing_query_counts_as_nothing(run, qrels):
    found = measures.by_question(run, qrels, NAMES)
    peer = [ir_measures.parse_measure(name) for name in NAMES]
    # the peer leaves out a query that the run lacks; here it counts as 0
    expected = {name: dict.fromkeys(qrels, 0.0) for name in NAMES}
    rows = [ir_measures.ScoredDoc(q, d, s) for q, docs in run.items() for d, s in docs]
    for metric in ir_measures.iter_calc(
        peer, [ir_measures.Qrel(q, d, r) for q, ds in qrels.items() for d, r in ds.items()], rows
    ):
        expected[str(metric.measure)][metric.query_id] = metric.value
    assert found == expected


def test_a_query_missing_from_the_run_counts_as_nothing():
    found = measures.measure({"a": [("d", 1.0)]}, {"a": {"d": 1}, "b": {"d": 1}}, ["P@1", "nDCG@10"])
    assert [m.value for m in found.values()] == [0.5, 0.5]
    assert measures.measure({}, {"a": {"d": 1}}, ["P@1"])["P@1"] == significance.Measured(0.0, (0.0, 0.0))


@settings(max_examples=8, deadline=None)
@given(st.lists(st.booleans(), min_size=2, max_size=40).filter(lambda hits: len(set(hits)) > 1))
def test_the_interval_is_scipys_and_contains_the_mean(hits):
    run = {f"q{n}": [("d" if hit else "x", 1.0)] for n, hit in enumerate(hits)}
    found = measures.measure(run, {q: {"d": 1} for q in run}, ["P@1"])["P@1"]
    sample = np.array(hits, dtype=np.float64)
    drawn = bootstrap(
        (sample,),
        np.mean,
        n_resamples=significance.RESAMPLES,
        batch=256,
        method="percentile",
        rng=np.random.default_rng(significance.SEED),
    ).confidence_interval
    assert found.value == pytest.approx(sample.mean())
    assert found.ci95 == pytest.approx((drawn.low, drawn.high), abs=1e-12)
    assert found.ci95[0] <= found.value <= found.ci95[1]


@pytest.mark.parametrize("name", ["nDCG@ten", "Goodness", "", "nDCG@10; import os", "__import__('os')", "P@"])
def test_an_unknown_measure_is_refused_before_anything_is_built(name, beir):
    with pytest.raises(BadSetting) as refused:
        evaluate(beir, ["P@1", name])
    assert f"unknown measure {name!r}; known are" in str(refused.value)


def test_a_run_is_written_as_trec_reads_it(tmp_path):
    run = {"q1": [("d1", 2.5), ("é", 1 / 3), ("d2", 1e-7)], "q2": []}
    write_run(run, tmp_path / "run.txt", tag="mine")
    assert (tmp_path / "run.txt").read_text(encoding="utf-8").split("\n")[0] == "q1 Q0 d1 1 2.5 mine"
    read = list(ir_measures.read_trec_run(str(tmp_path / "run.txt")))
    assert [(r.query_id, r.doc_id, r.score) for r in read] == [("q1", *doc) for doc in run["q1"]]
    assert read_run(tmp_path / "run.txt") == {"q1": run["q1"]}


def test_a_doc_id_with_a_blank_does_not_shift_the_columns_of_a_run(tmp_path):
    write_run({"q1": [("my notes.md#1", 1.0)]}, tmp_path / "run.txt")
    assert len((tmp_path / "run.txt").read_text(encoding="utf-8").split()) == 6


HEADER = "query-id\tcorpus-id\tscore\n"
MALFORMED_BEIR = [
    ("corpus.jsonl", '{"_id": "d1", "text": "fine"}\nnot json\n', ["corpus.jsonl", "line 2", "not JSON"]),
    ("corpus.jsonl", jsonl([CORPUS[0], CORPUS[0]]), ["corpus.jsonl", "line 2", "'d1'"]),
    ("corpus.jsonl", '{"_id": "d1"}\n', ["corpus.jsonl", "line 1", "no text"]),
    ("corpus.jsonl", "", ["'d1'"]),
    ("queries.jsonl", jsonl(QUERIES[:1]) + "{\n", ["queries.jsonl", "line 2", "not JSON"]),
    ("queries.jsonl", "[1]\n", ["queries.jsonl", "line 1", "not a JSON object"]),
    ("queries.jsonl", '{"_id": "q1"}\n', ["queries.jsonl", "line 1", "no text"]),
    ("queries.jsonl", jsonl([{"text": "a query without an id"}, *QUERIES]), ["queries.jsonl", "line 1", "_id"]),
    ("queries.jsonl", jsonl([*QUERIES, QUERIES[0]]), ["queries.jsonl", "line 5", "'q1'"]),
    ("queries.jsonl", "", ["qrels", "'q1'"]),
    ("qrels/test.tsv", HEADER + "q1d11\n", ["test.tsv", "line 2", "tabs"]),
    ("qrels/test.tsv", HEADER + "q1\td1\n", ["test.tsv", "line 2", "tabs"]),
    ("qrels/test.tsv", HEADER + "q1\td1\t1\nq2\td2\tyes\n", ["test.tsv", "line 3", "not a judgement"]),
    ("qrels/test.tsv", HEADER + "q9\td1\t1\n", ["test.tsv", "'q9'"]),
    ("qrels/test.tsv", HEADER + "q1\td9\t1\n", ["test.tsv", "'d9'"]),
    ("qrels/test.tsv", HEADER + "q1\td1\t1\nq1\td1\t2\n", ["test.tsv", "line 3"]),
    ("qrels/test.tsv", HEADER + "q1\td1\t0\n", ["test.tsv", "no query has a relevant document"]),
    ("qrels/test.tsv", "", ["test.tsv", "no "]),
]
MALFORMED_SPANS = [
    (jsonl(QUESTIONS) + "not json\n", ["line 4", "not JSON"]),
    (jsonl([QUESTIONS[0], QUESTIONS[0]]), ["line 2", "repeats", "'s1'"]),
    (jsonl([{"question": "no id"}]), ["line 1", "no question_id"]),
    (jsonl([{"question_id": "s1", "question": " "}]), ["line 1", "no question"]),
    (jsonl([QUESTIONS[0] | {"answers": [{"doc_id": "no.md", "quote": "x"}]}]), ["line 1", "'no.md'"]),
    (
        jsonl([QUESTIONS[0] | {"answers": [{"doc_id": "bladder.md", "quote": "not there"}]}]),
        ["line 1", "bladder.md", "word for word"],
    ),
    (jsonl([QUESTIONS[0] | {"answers": [{"doc_id": "bladder.md"}]}]), ["line 1", "no quote"]),
    (jsonl([QUESTIONS[0] | {"answers": ["bladder.md"]}]), ["line 1", "doc_id"]),
    (jsonl([QUESTIONS[0] | {"answers": "bladder.md"}]), ["line 1", "a list"]),
    (jsonl([QUESTIONS[0] | {"answers": 1}]), ["line 1", "answers"]),
    (jsonl([QUESTIONS[2]]), ["no question has answers"]),
    ("", ["no question has answers"]),
]


@pytest.mark.parametrize(("name", "text", "named"), MALFORMED_BEIR)
def test_a_malformed_beir_collection_is_refused_by_file_and_line(beir, name, text, named):
    write(beir, {name: text})
    with pytest.raises(BadCollection) as refused:
        evaluate(beir, ["P@1"])
    assert all(part in str(refused.value) for part in named), str(refused.value)


@pytest.mark.parametrize(("text", "named"), MALFORMED_SPANS)
def test_a_malformed_span_collection_is_refused_by_file_and_line(spans, text, named):
    write(spans, {"questions.jsonl": text})
    with pytest.raises(BadCollection) as refused:
        evaluate(spans, ["P@1"])
    assert all(part in str(refused.value) for part in ["questions.jsonl", *named]), str(refused.value)


@pytest.mark.parametrize("missing", ["queries.jsonl", "qrels/test.tsv"])
def test_a_missing_file_is_named(beir, missing):
    (beir / missing).unlink()
    with pytest.raises(BadCollection) as refused:
        collections.read(beir)
    assert missing in str(refused.value)


def test_a_folder_that_is_no_collection_is_told_what_one_is(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(BadCollection, match=r"no collection there; give a folder with corpus\.jsonl"):
            evaluate(path)


@pytest.mark.parametrize(("name", "least"), [("scifact", 0.66), ("xquad-en", 0.95)])
@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the shared collections")
def test_the_ranking_is_as_good_as_it_was(name, least):
    done = evaluate(SHARED / name, ["nDCG@10"])
    assert done.queries >= 300
    assert done.measures["nDCG@10"].value >= least
    assert max(len(docs) for docs in done.run.values()) <= DEPTH
