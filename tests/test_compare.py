"""Runs side by side: aligned by question, missing questions counted and named, Holm across the runs, the JSON."""

import json
import random

import pytest

from ketaqa.errors import BadCollection, BadSetting, KetaqaError
from ketaqa.evaluation.compare import compare, named, summary
from ketaqa.evaluation.significance import holm, randomisation_p
from ketaqa.evaluation.trec import read_qrels, read_run, write_run

QUESTIONS = [f"q{n}" for n in range(12)]
QRELS = {q: {"d": 1} for q in QUESTIONS}
RIGHT, WRONG = [("d", 2.0), ("x", 1.0)], [("x", 2.0), ("d", 1.0)]
GOOD = {q: list(RIGHT) for q in QUESTIONS}
BAD = {q: list(WRONG) for q in QUESTIONS}
# right on the first nine
FAIR = {q: list(RIGHT if n < 9 else WRONG) for n, q in enumerate(QUESTIONS)}


def shuffled(run, seed):
    questions = list(run)
    random.Random(seed).shuffle(questions)
    return {q: run[q] for q in questions}


@pytest.mark.parametrize("seed", range(4))
def test_runs_are_aligned_by_question_whatever_their_order(seed):
    straight = compare({"a": FAIR, "b": GOOD}, QRELS)
    mixed = compare({"a": shuffled(FAIR, seed), "b": shuffled(GOOD, seed + 9)}, shuffled(QRELS, seed + 5))
    assert mixed.queries == straight.queries == 12
    for name, table in straight.differences.items():
        assert mixed.values["a"][name] == straight.values["a"][name]
        assert mixed.differences[name]["b"].mean.value == pytest.approx(table["b"].mean.value)
        assert mixed.differences[name]["b"].p == pytest.approx(table["b"].p)
        assert (mixed.differences[name]["b"].better, mixed.differences[name]["b"].worse) == (
            table["b"].better,
            table["b"].worse,
        )


def test_the_difference_is_of_each_question_with_itself():
    done = compare({"a": FAIR, "b": GOOD}, QRELS, ["P@1"])
    assert done.measures["P@1"]["a"].value == pytest.approx(9 / 12)
    found = done.differences["P@1"]["b"]
    assert (found.mean.value, found.better, found.worse) == (pytest.approx(3 / 12), 3, 0)
    assert found.p == found.p_holm == pytest.approx(2 / 8)
    back = compare({"b": GOOD, "a": FAIR}, QRELS, ["P@1"]).differences["P@1"]["a"]
    assert (back.mean.value, back.better, back.worse, back.p) == (pytest.approx(-3 / 12), 0, 3, pytest.approx(2 / 8))


def test_equal_runs_have_p_one_and_no_difference():
    for run in (GOOD, FAIR, BAD):
        for name, table in compare({"a": run, "b": run}, QRELS).differences.items():
            found = table["b"]
            assert (found.mean.value, found.mean.ci95, found.p, found.p_holm) == (0.0, (0.0, 0.0), 1.0, 1.0), name
            assert (found.better, found.worse) == (0, 0)


def test_missing_questions_count_as_nothing_and_are_named():
    part = {q: docs for q, docs in GOOD.items() if q not in ("q3", "q7")} | {"q9": []}
    done = compare({"whole": GOOD, "part": part}, QRELS, ["P@1", "nDCG@10"])
    assert done.missing == {"whole": (), "part": ("q3", "q7", "q9")}
    for name in ("P@1", "nDCG@10"):
        assert done.measures[name]["part"].value == pytest.approx(9 / 12)
        assert [q for q, value in done.values["part"][name].items() if value == 0.0] == ["q3", "q7", "q9"]
        assert done.differences[name]["part"].worse == 3


def test_questions_that_are_not_judged_and_documents_that_are_not_known_do_not_matter():
    more = GOOD | {"unjudged": [("d", 1.0)]}
    done = compare({"a": GOOD, "b": more}, QRELS | {"nothing relevant": {"d": 0}}, ["P@1"])
    assert done.queries == 12
    assert done.measures["P@1"]["a"] == done.measures["P@1"]["b"]
    assert "unjudged" not in done.values["b"]["P@1"]


def test_holm_runs_across_the_runs_of_each_measure():
    runs = {"base": BAD, "one": {**BAD, **dict.fromkeys(QUESTIONS[:6], RIGHT)}, "two": GOOD, "three": {**BAD, "q0": RIGHT}}
    done = compare(runs, QRELS, ["P@1", "RR@10"])
    for name in ("P@1", "RR@10"):
        table = done.differences[name]
        assert list(table) == ["one", "two", "three"]
        for run, difference in table.items():
            pair = [[done.values[r][name][q] for q in QUESTIONS] for r in ("base", run)]
            assert difference.p == pytest.approx(randomisation_p(*pair))
        assert [d.p_holm for d in table.values()] == pytest.approx(holm([d.p for d in table.values()]))
    p = {run: d.p for run, d in done.differences["P@1"].items()}
    assert p == pytest.approx({"one": 2 / 64, "two": 2 / 4096, "three": 1.0})
    assert done.differences["P@1"]["one"].p_holm == pytest.approx(2 * 2 / 64)
    assert done.differences["P@1"]["two"].p_holm == pytest.approx(3 * 2 / 4096)


def test_one_run_alone_is_measured():
    done = compare({"a": FAIR}, QRELS, ["P@1"])
    assert done.measures["P@1"]["a"].value == pytest.approx(0.75)
    assert done.differences == {"P@1": {}}


def test_runs_of_one_question_can_be_compared():
    done = compare({"a": {"q": WRONG}, "b": {"q": RIGHT}}, {"q": {"d": 1}}, ["P@1"])
    found = done.differences["P@1"]["b"]
    assert (found.mean.value, found.p) == (1.0, 1.0)


def test_judgements_without_a_relevant_document_are_refused():
    with pytest.raises(KetaqaError, match="relevant"):
        compare({"a": GOOD, "b": BAD}, {q: {"d": 0} for q in QUESTIONS}, ["P@1"])


# the same ranking as other tools write it
OTHER_TOOLS = {
    "ranks from 0, another tag": "q0 Q0 d 0 2 Anserini\nq0 Q0 x 1 1 Anserini\n",
    "tabs": "q0\tQ0\td\t1\t2.0\tbm25s\nq0\tQ0\tx\t2\t1.0\tbm25s\n",
    "negative scores": "q0 Q0 d 1 -1.5 dense\nq0 Q0 x 2 -2.5 dense\n",
    "exponents": "q0 Q0 d 1 2e-05 lm\nq0 Q0 x 2 1E-05 lm\n",
    "lowest first": "q0 Q0 x 2 1.0 t\nq0 Q0 d 1 2.0 t\n",
    "lines of an unjudged question": "q99 Q0 d 1 1 t\nq0 Q0 d 1 2 t\nq0 Q0 x 2 1 t\n",
}


@pytest.mark.parametrize("form", OTHER_TOOLS)
def test_runs_of_other_tools_are_compared(tmp_path, form):
    path = tmp_path / "other.run"
    path.write_text(OTHER_TOOLS[form])
    qrels = {"q0": {"d": 1}, "q1": {"d": 1}}
    done = compare({"base": {"q0": WRONG, "q1": WRONG}, "other": read_run(path)}, qrels, ["P@1", "RR@10"])
    assert done.values["other"]["P@1"] == {"q0": 1.0, "q1": 0.0}
    assert done.missing["other"] == ("q1",)
    assert (done.differences["P@1"]["other"].better, done.differences["P@1"]["other"].worse) == (1, 0)


def test_runs_are_named_by_their_files():
    assert list(named(["a/one.run", "b/two.run"], [GOOD, BAD])) == ["one.run", "two.run"]
    assert list(named(["a/x.run", "b/x.run"], [GOOD, BAD])) == ["a/x.run", "b/x.run"]
    assert named(["a/x.run", "b/x.run"], [GOOD, BAD])["b/x.run"] is BAD
    with pytest.raises(BadSetting, match=r"given twice: a\.run, a\.run; name each once"):
        named(["a.run", "a.run"], [GOOD, BAD])


def test_the_json_holds_every_figure_and_nothing_that_json_cannot_say():
    part = {q: docs for q, docs in FAIR.items() if q != "q5"}
    done = compare({"a": GOOD, "b": part}, QRELS, ["P@1"])
    table = json.loads(json.dumps(summary(done), allow_nan=False))
    assert list(table) == ["runs", "queries", "measures", "differences", "missing"]
    assert (table["runs"], table["queries"], table["missing"]) == (["a", "b"], 12, {"a": [], "b": ["q5"]})
    found = done.measures["P@1"]["b"]
    assert table["measures"]["P@1"] == {
        "a": {"value": 1.0, "ci95": [1.0, 1.0]},
        "b": {"value": found.value, "ci95": list(found.ci95)},
    }
    difference = table["differences"]["P@1"]["b"]
    assert set(difference) == {"mean", "p", "p_holm", "better", "worse"}
    assert (difference["better"], difference["worse"], difference["mean"]["value"]) == (0, 4, pytest.approx(-4 / 12))


@pytest.fixture
def files(tmp_path):
    for name, run in {"good": GOOD, "fair": FAIR, "part": {q: BAD[q] for q in QUESTIONS[:10]}}.items():
        write_run(run, tmp_path / f"{name}.run", tag="other")
    (tmp_path / "test.tsv").write_text("query-id\tcorpus-id\tscore\n" + "".join(f"{q}\td\t1\n" for q in QUESTIONS))
    return tmp_path


def test_the_command_line_compares_files(files, run_ketaqa):
    paths = [str(files / f"{name}.run") for name in ("good", "fair", "part")]
    done = run_ketaqa("compare", *paths, "--qrels", str(files / "test.tsv"), "--measures", "P@1", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    runs = named(paths, [read_run(files / f"{name}.run") for name in ("good", "fair", "part")])
    assert json.loads(done.stdout) == json.loads(json.dumps(summary(compare(runs, read_qrels(files / "test.tsv"), ["P@1"]))))
    shown = run_ketaqa("compare", *paths, "--qrels", str(files / "test.tsv"), "--measures", "P@1").stdout
    assert "part.run lacks 2 questions, which count as 0: q10, q11" in shown
    for part in ("12 judged questions", "good.run", "fair.run", "-0.2500", "better on 0, worse on 3"):
        assert part in shown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["good.run", "none.run", "--qrels", "test.tsv"], "none.run: can't be read (No such file or directory); name a file"),
        (["good.run", "test.tsv", "--qrels", "test.tsv"], "test.tsv: line 1 is not a line of a run; write query_id Q0"),
        (["good.run", "fair.run", "--qrels", "good.run"], "good.run: line 1 is not a judgement; write query-id"),
        (["good.run", "fair.run", "--qrels", "test.tsv", "--measures", "Best@1"], "unknown measure 'Best@1'; known are"),
        (["good.run", "good.run", "--qrels", "test.tsv"], "given twice"),
        (["good.run", "--qrels", "test.tsv", "--report", "no/r.html"], "r.html: can't be written (No such file or directory)"),
    ],
)
def test_what_cannot_be_compared_is_refused_in_one_line(files, run_ketaqa, words, said):
    done = run_ketaqa("compare", *(str(files / word) if "." in word else word for word in words))
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_malformed_run_is_refused_before_anything_is_measured(files):
    (files / "bad.run").write_text("q0 Q0 d\n")
    with pytest.raises(BadCollection, match=r"bad\.run: line 1"):
        read_run(files / "bad.run")
