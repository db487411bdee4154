import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ketaqa import shipped

PACKAGE = Path(shipped.__file__).parent
REPORT = """
import json, ketaqa
from ketaqa import shipped
qa = ketaqa.open()
where = [str(p) for p in (ketaqa.__file__, shipped.index_path(), shipped.corpus_path())]
print(json.dumps({"where": where, "version": qa.info.version, "doc_ids": qa.index.doc_ids()}))
"""


@pytest.fixture
def checkout(tmp_path):
    """A checkout of its own with two small documents."""
    root = tmp_path / "checkout"
    shutil.copytree(PACKAGE, root / "ketaqa", ignore=shutil.ignore_patterns("__pycache__", "shipped"))
    (root / "corpus").mkdir()
    (root / "corpus" / "a.md").write_text("# Rain\nRain is water that falls.\n")
    (root / "corpus" / "b.txt").write_text("Snow is frozen rain.\n")
    return root


def ran(root, script=REPORT, fails=False):
    empty = root.parent / "elsewhere"
    empty.mkdir(exist_ok=True)
    environ = {key: value for key, value in os.environ.items() if not key.startswith("KETAQA_")}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=empty, env=environ | {"PYTHONPATH": str(root)}, capture_output=True, text=True
    )
    assert (done.returncode != 0) is fails, done.stderr
    return done.stderr if fails else json.loads(done.stdout)


def folder_of(root):
    return json.loads((root / "build" / "corpus.index" / "manifest.json").read_text())["folder"]


def test_a_checkout_builds_its_index_when_it_is_first_asked(checkout):
    found = ran(checkout)
    wanted = [checkout / "ketaqa" / "__init__.py", checkout / "build" / "corpus.index", checkout / "corpus"]
    assert found["where"] == [str(path) for path in wanted]
    assert found["doc_ids"] == ["a.md", "b.txt"]


def test_the_index_is_not_built_again_without_a_change(checkout):
    first, folder = ran(checkout), folder_of(checkout)
    (checkout / "corpus" / "a.md").touch()
    assert ran(checkout) == first
    assert folder_of(checkout) == folder


@pytest.mark.parametrize(
    ("name", "content", "doc_ids"),
    [
        ("a.md", "# Rain\nRain is wet.\n", ["a.md", "b.txt"]),
        ("c.md", "Hail.", ["a.md", "b.txt", "c.md"]),
        ("a.md", None, ["b.txt"]),
    ],
    ids=["changed", "added", "removed"],
)
def test_the_index_is_built_again_when_a_document_changes(name, content, doc_ids, checkout):
    before = ran(checkout)["version"]
    path = checkout / "corpus" / name
    path.unlink() if content is None else path.write_text(content)
    after = ran(checkout)
    assert after["doc_ids"] == doc_ids
    assert after["version"] != before


def test_the_index_is_built_again_when_a_document_is_moved(checkout):
    ran(checkout)
    (checkout / "corpus" / "sub").mkdir()
    (checkout / "corpus" / "b.txt").rename(checkout / "corpus" / "sub" / "b.txt")
    assert ran(checkout)["doc_ids"] == ["a.md", "sub/b.txt"]


def test_the_index_is_built_again_when_the_code_changes(checkout):
    before = ran(checkout)["version"]
    path = checkout / "ketaqa" / "config.py"
    path.write_text(path.read_text().replace("PASSAGE_LENGTH = ", "PASSAGE_LENGTH = 1 + "))
    assert ran(checkout)["version"] != before


def test_the_index_is_built_again_when_the_data_of_the_code_changes(checkout):
    before = ran(checkout)["version"]
    with open(checkout / "ketaqa" / "data" / "stop_words.txt", "a") as file:
        file.write("\nrain\n")
    assert ran(checkout)["version"] != before


def test_the_index_is_built_again_when_it_was_taken_away(checkout):
    first = ran(checkout)
    shutil.rmtree(checkout / "build" / "corpus.index")
    assert ran(checkout) == first


def test_a_build_that_was_refused_is_tried_again(checkout):
    (checkout / "corpus" / "sources.jsonl").write_text("")
    (checkout / "corpus" / "claims.jsonl").write_text("{")
    assert "claims.jsonl: line 1 is not JSON" in ran(checkout, fails=True)
    (checkout / "corpus" / "claims.jsonl").unlink()
    assert ran(checkout)["doc_ids"] == ["a.md", "b.txt"]


def test_two_processes_may_ask_first_at_once(checkout):
    environ = os.environ | {"PYTHONPATH": str(checkout)}
    command = [sys.executable, "-c", REPORT]
    both = [subprocess.Popen(command, cwd=checkout, env=environ, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    answers = [json.loads(process.communicate()[0]) for process in both]
    assert [process.returncode for process in both] == [0, 0, 0]
    assert all(answer == answers[0] for answer in answers)


def test_without_documents_and_index_the_remedy_is_said(checkout):
    shutil.rmtree(checkout / "corpus")
    said = ran(checkout, fails=True)
    assert "BadIndex: the shipped documents are missing: install ketaqa again, or name an index with -i" in said


def test_a_wheel_answers_from_its_own_documents_whatever_lies_beside_it(checkout):
    ran(checkout)
    wheel = checkout / "ketaqa" / "shipped"
    shutil.copytree(checkout / "corpus", wheel / "corpus")
    shutil.copytree(checkout / "build" / "corpus.index", wheel / "index")
    (checkout / "corpus" / "c.md").write_text("Of another package.")
    assert ran(checkout)["where"][1:] == [str(wheel / "index"), str(wheel / "corpus")]
