"""The gate: keeps what is as good as it was, fails on a significant fall, refuses a baseline that does not fit."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from ketaqa.errors import BadCollection
from ketaqa.evaluation import gate
from ketaqa.evaluation.evaluate import evaluate

HOUSE = Path(__file__).parents[1]
WORDS = ["bladder", "cost", "clinic", "spray", "dose", "nausea", "memory", "trial", "driving", "sleep", "anxiety", "insurance"]
MEASURES = ["nDCG@10", "P@1"]


def collection(folder, texts):
    """Twelve documents, and a question for the word of each; in `texts` a document may say something else."""
    said = {word: f"A page about the {word}." for word in WORDS} | texts
    rows = [{"_id": word, "title": "", "text": said[word]} for word in WORDS]
    queries = [{"_id": f"q-{word}", "text": word} for word in WORDS]
    (folder / "qrels").mkdir(parents=True, exist_ok=True)
    for name, lines in (("corpus", rows), ("queries", queries)):
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in lines), encoding="utf-8")
    judged = "".join(f"q-{word}\t{word}\t1\n" for word in WORDS)
    (folder / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{judged}")
    return folder


def spoiled(count):
    """The texts of so many documents, exchanged with their neighbours', so that their questions find the wrong ones."""
    first = WORDS[:count]
    return {word: f"A page about the {other}." for word, other in zip(first, first[1:] + first[:1], strict=True)}


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    return evaluate(collection(tmp_path_factory.mktemp("good") / "toy", {}), MEASURES)


@pytest.fixture
def baseline(good, tmp_path):
    gate.save(good, tmp_path / "baseline.json")
    return tmp_path / "baseline.json"


def now(tmp_path, count):
    return evaluate(collection(tmp_path / "toy", spoiled(count)), MEASURES)


def test_what_was_saved_is_kept(good, baseline):
    verdicts = gate.check(good, baseline)
    assert [v.name for v in verdicts] == sorted(MEASURES)
    for verdict in verdicts:
        assert verdict.baseline == verdict.now == pytest.approx(1.0)
        assert (verdict.difference.value, verdict.p_holm, verdict.fell) == (0.0, 1.0, False)


def test_the_same_evaluation_writes_the_same_bytes(good, baseline, tmp_path):
    gate.save(replace(good, latency_ms={"p50": 9.0, "p99": 9.0}), tmp_path / "again.json")
    assert (tmp_path / "again.json").read_bytes() == baseline.read_bytes()


def test_a_significant_fall_is_a_fall(baseline, tmp_path):
    for verdict in gate.check(now(tmp_path, 12), baseline):
        # every question fell: two of 2 ** 12 sign flips go as far, and two measures were tested
        assert verdict.fell
        assert verdict.p_holm == pytest.approx(2 * 2 / 4096)
        assert verdict.now == 0.0
        assert verdict.difference.value == pytest.approx(-1.0)


@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_a_fall_on_few_questions_may_be_chance(baseline, tmp_path, count):
    for verdict in gate.check(now(tmp_path, count), baseline):
        assert verdict.now < verdict.baseline
        assert verdict.difference.value == pytest.approx(-count / 12)
        assert verdict.p_holm == pytest.approx(min(1.0, 2 * 2 / 2**count))
        assert not verdict.fell


def test_a_gain_is_no_fall(good, tmp_path):
    gate.save(now(tmp_path, 12), tmp_path / "low.json")
    for verdict in gate.check(good, tmp_path / "low.json"):
        assert verdict.p_holm < gate.LEVEL
        assert verdict.difference.value == pytest.approx(1.0)
        assert not verdict.fell


def test_holm_keeps_the_gate_from_failing_by_the_number_of_measures(tmp_path, good):
    six = now(tmp_path, 6)
    for wanted, p, fell in ((["P@1"], 2 / 64, True), (MEASURES, 2 * 2 / 64, False)):
        gate.save(replace(good, values={name: good.values[name] for name in wanted}), tmp_path / "b.json")
        verdict = next(v for v in gate.check(six, tmp_path / "b.json") if v.name == "P@1")
        assert (verdict.p_holm, verdict.fell) == (pytest.approx(p), fell)


def test_one_question_alone_is_kept(good, tmp_path):
    only = good.met[0].question_id
    alone = replace(good, met=good.met[:1], values={"P@1": {only: 1.0}})
    gate.save(alone, tmp_path / "one.json")
    verdicts = gate.check(replace(alone, values={"P@1": {only: 0.0}}), tmp_path / "one.json")
    assert [(v.p_holm, v.fell) for v in verdicts] == [(1.0, False)]


def changed(baseline, **keys):
    return json.dumps(json.loads(baseline.read_text(encoding="utf-8")) | keys)


@pytest.mark.parametrize(
    "keys",
    [
        {"collection": "another"},
        {"questions": {"q-cost": "cost"}},
        {"questions": {f"q-{word}": word.upper() for word in WORDS}},
    ],
)
def test_a_baseline_of_other_questions_is_refused(good, baseline, keys):
    baseline.write_text(changed(baseline, **keys))
    with pytest.raises(BadCollection, match="made of other questions than toy has now; save it again with --save") as refused:
        gate.check(good, baseline)
    assert str(refused.value).startswith(f"{baseline}: ")


def test_a_baseline_without_the_measures_is_refused(good, baseline):
    with pytest.raises(BadCollection, match="none of the measures asked for; save it again with --save"):
        gate.check(replace(good, values={"AP": good.values["P@1"]}), baseline)


@pytest.mark.parametrize(
    "values",
    [
        {"P@1": {"q-cost": 1.0}},
        {"P@1": {f"q-{word}": "high" for word in WORDS}},
        {"P@1": {f"q-{word}": None for word in WORDS}},
        {"P@1": [1.0] * len(WORDS)},
        {"P@1": 1.0},
        [],
        "none",
    ],
    ids=["questions missing", "texts", "null", "a list", "one number", "no object", "text"],
)
def test_a_baseline_with_torn_values_is_refused(good, baseline, values):
    baseline.write_text(changed(baseline, values=values))
    with pytest.raises(BadCollection, match="--save") as refused:
        gate.check(good, baseline)
    assert str(refused.value).startswith(f"{baseline}: ")


NOT_BASELINES = {
    "empty": b"",
    "not JSON": b"nDCG@10 0.61",
    "torn": b'{"format": "ketaqa baseline 1", "collection": "toy", "ques',
    "a list": b"[1]",
    "text": b'"ketaqa baseline 1"',
    "null": b"null",
    "another format": b'{"format": "ketaqa baseline 99", "collection": "toy", "questions": {}, "values": {}}',
    "without values": b'{"format": "ketaqa baseline 1", "collection": "toy", "questions": {}}',
    "Latin-1": '{"format": "ketaqa baseline 1", "collection": "café"}'.encode("latin-1"),
    "deep": b"[" * 100_000,
    "a long number": b'{"format": ' + b"9" * 10_000 + b"}",
}


@pytest.mark.parametrize("name", NOT_BASELINES)
def test_what_is_no_baseline_is_refused(tmp_path, name):
    path = tmp_path / "b.json"
    path.write_bytes(NOT_BASELINES[name])
    with pytest.raises(BadCollection) as refused:
        gate.read(path)
    assert str(refused.value) == f"{path}: not a baseline of this version ({gate.FORMAT}); make it anew with --save"


def test_a_missing_baseline_is_refused(tmp_path):
    with pytest.raises(BadCollection, match=r"b\.json: can't be read \(No such file or directory\); make it with --save"):
        gate.read(tmp_path / "b.json")


def test_the_baseline_is_refused_before_the_work(tmp_path, run_ketaqa):
    # the collection is not even there, and yet it is the baseline that is named
    (tmp_path / "b.json").write_text("[]")
    for baseline, said in (("b.json", "not a baseline"), ("none.json", "can't be read")):
        done = run_ketaqa("gate", str(tmp_path / "no-collection"), "--baseline", str(tmp_path / baseline))
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(f"ketaqa: {tmp_path / baseline}: {said}")
        assert done.stderr.count("\n") == 1


def test_the_command_line_saves_keeps_and_fails(tmp_path, run_ketaqa):
    folder, baseline = collection(tmp_path / "toy", {}), tmp_path / "b.json"
    words = ["gate", str(folder), "--baseline", str(baseline), "--measures", "P@1"]
    saved = run_ketaqa(*words, "--save")
    assert (saved.returncode, saved.stderr) == (0, "")
    assert saved.stdout == f"baseline of 1 measures on 12 questions -> {baseline}\n"
    kept = run_ketaqa(*words)
    assert (kept.returncode, kept.stderr) == (0, "")
    assert kept.stdout.split() == ["kept", "P@1", "1.0000", "->", "1.0000,", "p", "=", "1.0000"]
    collection(folder, spoiled(12))
    fell = run_ketaqa(*words, "--json")
    assert (fell.returncode, fell.stderr) == (1, "")
    (verdict,) = json.loads(fell.stdout)
    assert (verdict["name"], verdict["baseline"], verdict["now"], verdict["fell"]) == ("P@1", 1.0, 0.0, True)
    assert run_ketaqa(*words).stdout.startswith("FELL  P@1")


def test_a_baseline_that_cannot_be_written_is_refused(tmp_path, run_ketaqa):
    folder = collection(tmp_path / "toy", {})
    done = run_ketaqa("gate", str(folder), "--baseline", str(tmp_path / "no" / "b.json"), "--save")
    assert done.returncode == 2
    assert "b.json: can't be written (No such file or directory); choose another place" in done.stderr


def test_the_shipped_documents_are_as_good_as_their_baseline(run_ketaqa):
    baseline = str(HOUSE / "benchmarks" / "corpus.baseline.json")
    done = run_ketaqa("gate", str(HOUSE / "corpus"), "--baseline", baseline, "--measures", "nDCG@10", "--measures", "P@1")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [["kept", "P@1"], ["kept", "nDCG@10"]]
