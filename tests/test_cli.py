"""The command line as a person or a script meets it: output, exit status, refusals."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ketaqa import terminal

KETAQA = [sys.executable, "-c", "from ketaqa.cli import entry; entry()"]


def ketaqa(*words, cwd=None, **environment):
    return subprocess.run(
        [*KETAQA, *map(str, words)], capture_output=True, text=True, cwd=cwd, env=os.environ | environment, timeout=120
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("docs")
    (folder / "rules.md").write_text(
        "# Rules\n\n## Pool\n\nThe pool opens at 7. It costs 5*3*2 euros.\n\n## Dogs\n\nDogs stay out.\n"
    )
    (folder / "menu.txt").write_text("Breakfast is served in the garden.\n")
    (folder / "photo.jpg").write_bytes(b"\xff\xd8")
    return folder


@pytest.fixture(scope="module")
def index(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "my.index"
    done = ketaqa("index", folder, "-o", out)
    assert done.returncode == 0, done.stderr
    assert "refused photo.jpg: format '.jpg' is not known" in done.stderr
    assert done.stdout.startswith("2 documents, ")
    return out


def test_an_answer_is_the_passage_with_its_source(index):
    done = ketaqa("ask", "when does the pool open", "-i", index)
    assert done.returncode == 0
    assert done.stdout.startswith("Rules\n\nPool\n\nThe pool opens at 7. It costs 5*3*2 euros.\n")
    assert "Source: Rules, Pool (rules.md)" in done.stdout


def test_silence_has_exit_status_1_and_a_reason(index):
    done = ketaqa("ask", "Explain the offside rule.", "-i", index)
    assert (done.returncode, done.stderr) == (1, "")
    assert "Nothing here answers that" in done.stdout


def test_help_lines_come_first():
    done = ketaqa("ask", "i want to die")
    assert done.returncode == 1
    assert done.stdout.startswith("[crisis]")
    assert "988" in done.stdout
    assert "116 123" in done.stdout


@pytest.mark.parametrize(
    ("question", "doc_id"),
    [
        ("How fast does ketamine work for depression?", "how-fast-and-how-long.md"),
        ("What is ketamine?", "what-is-ketamine.md"),
        ("how often do I have to go for the nasal spray", "spravato-nasal-spray.md"),
        ("is it legal in the UK", "legal-status.md"),
    ],
)
def test_the_shipped_documents_answer_from_any_folder(question, doc_id, tmp_path):
    done = ketaqa("ask", question, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["passage"]["doc_id"] == doc_id
    assert answer["citation"]["references"]
    assert "".join(p["text"] for p in answer["passage"]["pieces"]) == answer["passage"]["text"]
    assert any(p["highlight"] for p in answer["passage"]["pieces"])


def test_search_json_has_the_contract_s_keys(index):
    found = json.loads(ketaqa("search", "pool", "-i", index, "--json").stdout)
    assert set(found) == {"query", "corrections", "hits"}
    assert set(found["hits"][0]) == {"rank", "score", "passage", "citation"}


def test_explained_terms_sum_to_the_score(index):
    for hit in json.loads(ketaqa("search", "pool dogs open", "-i", index, "--explain", "--json").stdout)["hits"]:
        assert sum(t["weight"] for t in hit["terms"]) == pytest.approx(hit["score"], abs=1e-9)


def test_the_printed_explanation_sums_to_the_printed_score():
    # "what is ..." has heading terms that the passage lacks and its document holds
    found = ketaqa("search", "what is esketamine", "--explain").stdout
    scores = [float(s) for s in re.findall(r"^\d+\. (\d+\.\d{4})  ", found, re.M)]
    lines = re.findall(r"^   = (.*)$", found, re.M)
    assert len(scores) == len(lines) == 10
    for score, line in zip(scores, lines, strict=True):
        weights = [float(w) for w in re.findall(r" (-?\d+\.\d{4})(?: \+|$)", line)]
        assert sum(weights) == pytest.approx(score, abs=0.0001 * len(weights))


def test_passages_json_cuts_the_text(index):
    documents = json.loads(ketaqa("passages", "--json", "-i", index).stdout)["documents"]
    assert [d["doc_id"] for d in documents] == ["menu.txt", "rules.md"]
    for document in documents:
        assert set(document) == {"doc_id", "title", "sha256", "text", "passages"}
        assert set(document["passages"][0]) == {"passage_id", "start", "end", "section"}


def test_evaluate_json_and_run(tmp_path):
    (tmp_path / "qrels").mkdir()
    (tmp_path / "corpus.jsonl").write_text('{"_id": "d1", "text": "the red fox"}\n{"_id": "d2", "text": "a blue whale"}\n')
    (tmp_path / "queries.jsonl").write_text('{"_id": "q1", "text": "red foxes"}\n')
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\n")
    run = tmp_path / "run.txt"
    done = json.loads(ketaqa("evaluate", tmp_path, "--measures", "nDCG@10", "--run-out", run, "--json").stdout)
    assert set(done) == {"collection", "passages", "queries", "measures", "latency_ms"}
    assert done["measures"] == {"nDCG@10": {"value": 1.0, "ci95": [1.0, 1.0]}}
    assert set(done["latency_ms"]) == {"p50", "p99"}
    assert run.read_text().split()[:4] == ["q1", "Q0", "d1", "1"]


@pytest.mark.parametrize("words", [["nDCG@10", "P@1"], ["nDCG@10", "--measures", "P@1"]])
def test_measures_are_named_one_after_the_other(words, tmp_path):
    (tmp_path / "a.txt").write_text("The pool opens at seven.\n")
    answer = {"doc_id": "a.txt", "quote": "seven"}
    row = {"question_id": "q", "question": "when does the pool open", "kind": "answerable", "answers": [answer]}
    (tmp_path / "questions.jsonl").write_text(json.dumps(row) + "\n")
    done = json.loads(ketaqa("evaluate", tmp_path, "--measures", *words, "--json").stdout)
    assert list(done["measures"]) == ["nDCG@10", "P@1"]
    assert ketaqa("evaluate", tmp_path, "P@1").returncode == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["ask", ""], "the question is empty"),
        (["ask", "  \n "], "the question is empty"),
        (["ask", "x" * 100_000], "the question has 100000 characters; ask in at most 1000"),
        (["ask", "x", "-i", "nowhere"], "nowhere: no index there; build it with"),
        (["ask", "x", "--colour"], "--colour"),
        (["search", "x", "-k", "0"], "'0'"),
        (["search", "x", "-k", "many"], "'many'"),
        (["passages", "nothing.md"], "no document 'nothing.md'"),
        (["index", "nowhere", "-o", "out"], "nowhere: no such file or folder"),
        (["index", "."], "out"),
        (["evaluate", "nowhere"], "nowhere: no collection there"),
        (["serve", "--port", "99999"], "'99999'"),
        (["serve", "-i", "nowhere"], "nowhere: no index there"),
        (["frobnicate"], "frobnicate"),
    ],
)
def test_refusals_are_one_line_with_status_2(words, said, tmp_path):
    done = ketaqa(*words, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr


def test_a_bad_setting_is_named(tmp_path):
    done = ketaqa("ask", "What is ketamine?", KETAQA_PORT="seven")
    assert done.returncode == 2
    assert "KETAQA_PORT: port is 'seven'" in done.stderr


def test_a_wrong_build_loses_nothing(index, tmp_path):
    before = ketaqa("ask", "when does the pool open", "-i", index, "--json").stdout
    (tmp_path / "only.jpg").write_bytes(b"\xff")
    assert ketaqa("index", tmp_path, "-o", index).returncode == 2
    assert ketaqa("ask", "when does the pool open", "-i", index, "--json").stdout == before


def test_control_characters_do_not_reach_the_terminal(tmp_path):
    (tmp_path / "evil.txt").write_text("The pool \x1b[2J opens at 7.\n")
    ketaqa("index", tmp_path / "evil.txt", "-o", tmp_path / "i")
    assert "\x1b" not in ketaqa("ask", "pool opens", "-i", tmp_path / "i").stdout


@pytest.mark.parametrize("words", [["ask", "What is ketamine?"], ["search", "bladder"]])
def test_asking_imports_neither_gradio_nor_sklearn(words):
    code = (
        "import sys\nfrom ketaqa import cli\n"
        f"sys.argv = ['ketaqa', *{words!r}]\n"
        "try:\n    cli.entry()\nexcept SystemExit as done:\n    assert not done.code, done.code\n"
        "heavy = {'gradio', 'sklearn', 'scipy', 'fastapi', 'ir_measures'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("command", ["index", "ask", "search", "passages", "serve", "evaluate"])
def test_every_command_has_help_with_an_example(command):
    done = ketaqa(command, "--help")
    assert done.returncode == 0
    assert "Example: ketaqa" in done.stdout


def test_help_and_version():
    assert "evaluate" in ketaqa("--help").stdout
    assert ketaqa("--version").stdout.startswith("ketaqa ")


def test_a_reader_that_goes_away_is_no_error(index):
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -c 'from ketaqa.cli import entry; entry()' passages -i {index} --json | head -c 10"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stderr == ""


def test_the_app_file_is_a_few_lines():
    assert len((Path(__file__).parents[1] / "app.py").read_text().splitlines()) <= 12


@pytest.mark.parametrize(
    ("what", "done", "total", "seconds", "said"),
    [
        ("reading", 0, 26_100_000, 0.0, "0.0 of 26.1 MB"),
        ("reading", 8_400_000, 26_100_000, 2.0, "8.4 of 26.1 MB, 4.2 MB/s, 0:04 left"),
        ("writing", 50, 9_000_000, 1.0, "50 of 9,000,000 rows, 50 rows/s, 2999:59 left"),
        ("evaluating", 3, 3, 1.0, "3 of 3, 3/s, 0:00 left"),
    ],
)
def test_progress_says_how_much_how_fast_and_how_long(what, done, total, seconds, said):
    assert terminal.amount(what, done, total, seconds) == said
