"""Sweeps: what --vary may say, and `ketaqa evaluate --vary` from the command line."""

import json

import pytest

from ketaqa.errors import BadSetting
from ketaqa.evaluation.evaluate import Setting, evaluate, settings

DEFAULT = Setting()
LENGTH, WEIGHTING = DEFAULT.passage_length, DEFAULT.weighting
SENTENCES = " ".join(
    f"Sentence number {n} of this long page says something about the {word}." for n, word in enumerate("abcdefghij" * 6)
)
QUESTIONS = [
    {"question_id": "s1", "question": "bladder harm", "answers": [{"doc_id": "long.md", "quote": "harm the bladder"}]},
    {"question_id": "s2", "question": "session cost", "answers": [{"doc_id": "cost.txt", "quote": "400 dollars"}]},
]


@pytest.fixture(scope="module")
def spans(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep") / "toy"
    folder.mkdir()
    (folder / "long.md").write_text(f"# Bladder\n\n{SENTENCES} Ketamine can harm the bladder. {SENTENCES}\n")
    (folder / "cost.txt").write_text("A session costs 400 dollars.\n")
    (folder / "questions.jsonl").write_text("".join(json.dumps(row) + "\n" for row in QUESTIONS))
    return folder


@pytest.mark.parametrize(
    ("vary", "found"),
    [
        ([], [(LENGTH, WEIGHTING)]),
        (["passage_length=60"], [(60, WEIGHTING)]),
        (["passage_length=20,2000"], [(20, WEIGHTING), (2000, WEIGHTING)]),
        (["passage_length=240,60,120"], [(240, WEIGHTING), (60, WEIGHTING), (120, WEIGHTING)]),
        (["weighting=tfidf"], [(LENGTH, "tfidf")]),
        (["passage_length=60,120", "weighting=bm25,tfidf"], [(60, "bm25"), (60, "tfidf"), (120, "bm25"), (120, "tfidf")]),
        (["weighting=bm25,tfidf", "passage_length=60,120"], [(60, "bm25"), (120, "bm25"), (60, "tfidf"), (120, "tfidf")]),
    ],
)
def test_every_combination_is_a_setting(vary, found):
    assert settings(vary) == [Setting(*one) for one in found]


SHAPE = "give passage_length=60,120,240 or weighting=bm25,tfidf, each once"
LENGTHS = "is no passage length; give words, from 20 to 2000"
KNOWN = "known are "
REFUSED = [
    ("", SHAPE),
    ("passage_length", SHAPE),
    ("passage_length=", SHAPE),
    ("length=60", SHAPE),
    ("=60", SHAPE),
    ("Weighting=bm25", SHAPE),
    ("passage_length:60", SHAPE),
    ("passage_length=19", f"'19' {LENGTHS}"),
    ("passage_length=2001", f"'2001' {LENGTHS}"),
    ("passage_length=60,", f"'' {LENGTHS}"),
    ("passage_length=60,,120", f"'' {LENGTHS}"),
    ("passage_length=60, 120", f"' 120' {LENGTHS}"),
    ("passage_length=-60", f"'-60' {LENGTHS}"),
    ("passage_length=60.5", f"'60.5' {LENGTHS}"),
    ("passage_length=6_0", f"'6_0' {LENGTHS}"),
    ("passage_length=٦٠", f"'٦٠' {LENGTHS}"),
    ("passage_length=sixty", f"'sixty' {LENGTHS}"),
    ("passage_length=100000", f"'100000' {LENGTHS}"),
    ("passage_length=0010000", f"'0010000' {LENGTHS}"),
    ("passage_length=" + "9" * 5000, LENGTHS),
    ("weighting=bm26", f"unknown weighting 'bm26'; {KNOWN}"),
    ("weighting=bm25,", f"unknown weighting ''; {KNOWN}"),
    ("weighting=BM25", f"unknown weighting 'BM25'; {KNOWN}"),
]


@pytest.mark.parametrize(("vary", "said"), REFUSED, ids=[vary[:24] for vary, _ in REFUSED])
def test_anything_else_is_refused_with_what_would_be_right(vary, said):
    with pytest.raises(BadSetting) as refused:
        settings([vary])
    assert str(refused.value).startswith(f"--vary {vary!r}: ")
    assert said in str(refused.value)


def test_a_setting_is_varied_once():
    with pytest.raises(BadSetting, match=r"'passage_length=120'.*each once"):
        settings(["passage_length=60", "passage_length=120"])


def test_a_setting_decides_what_is_measured(spans):
    done = {one: evaluate(spans, ["P@1"], setting=one) for one in settings(["passage_length=30,2000", "weighting=bm25,tfidf"])}
    assert [d.setting for d in done.values()] == list(done)
    passages = {(one.passage_length, one.weighting): d.passages for one, d in done.items()}
    assert passages[30, "bm25"] == passages[30, "tfidf"] > passages[2000, "bm25"] == passages[2000, "tfidf"] == 2
    # the judgements are quotes, so they outlive every way of cutting
    for d in done.values():
        assert d.qrels["s2"] == {"cost.txt#1": 1}
        assert all(d.qrels.values())
    scores = {d.run["s2"][0][1] for d in done.values()}
    assert len(scores) > 1


def test_the_command_line_shows_each_setting(spans, run_ketaqa):
    done = run_ketaqa("evaluate", str(spans), "--measures", "P@1", "--vary", "passage_length=30,2000")
    assert (done.returncode, done.stderr) == (0, "")
    heads = [line for line in done.stdout.splitlines() if line.startswith("toy: ")]
    assert [head.partition("passages, ")[2] for head in heads] == [
        f"30 words a passage, {WEIGHTING}",
        f"2000 words a passage, {WEIGHTING}",
    ]
    assert done.stdout.count("  P@1") == 2


def test_the_json_of_a_sweep_is_a_list_with_settings(spans, run_ketaqa):
    words = ["evaluate", str(spans), "--measures", "P@1", "--json"]
    done = run_ketaqa(*words, "--vary", "passage_length=30,2000", "--vary", "weighting=tfidf")
    assert (done.returncode, done.stderr) == (0, "")
    table = json.loads(done.stdout)
    assert [one["setting"] for one in table] == [{"passage_length": n, "weighting": "tfidf"} for n in (30, 2000)]
    for one in table:
        assert set(one) == {"collection", "passages", "queries", "measures", "marked", "latency_ms", "setting"}
        assert (one["collection"], one["queries"]) == ("toy", 2)
    single = json.loads(run_ketaqa(*words, "--vary", "passage_length=30").stdout)
    assert [one["setting"]["passage_length"] for one in single] == [30]


def test_several_rankings_do_not_fit_one_run_and_that_is_said_before_the_work(tmp_path, run_ketaqa):
    run = tmp_path / "out.run"
    done = run_ketaqa("evaluate", str(tmp_path / "none"), "--vary", "passage_length=30,60", "--run-out", str(run))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "ketaqa: --run-out takes one ranking, --vary gives 2; leave one of them out\n"
    assert not run.exists()


def test_one_setting_has_one_run(spans, tmp_path, run_ketaqa):
    run = tmp_path / "out.run"
    done = run_ketaqa("evaluate", str(spans), "--measures", "P@1", "--vary", "passage_length=30", "--run-out", str(run))
    assert done.returncode == 0
    assert {line.split()[0] for line in run.read_text().splitlines()} == {"s1", "s2"}


def test_a_wrong_sweep_is_one_line_and_exit_status_2(tmp_path, run_ketaqa):
    done = run_ketaqa("evaluate", str(tmp_path / "none"), "--vary", "passage_length=5")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"ketaqa: --vary 'passage_length=5': '5' {LENGTHS}\n"
