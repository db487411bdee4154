"""The contract: the checker that stands beside this repository finds nothing to object to."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import ketaqa

CHECKER = Path(__file__).parent.parent.parent / "shared" / "contract" / "check.py"
QUESTIONS = 6  # those the checker asks when none is given

pytestmark = pytest.mark.skipif(not CHECKER.is_file(), reason="the contract's checker is not beside this repository")


@pytest.fixture(scope="module")
def toy_index(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy")
    (folder / "tea.txt").write_text("Tea needs water.\r\n\r\n\tBoil it, 5*3*2 minutes at most.\n", encoding="utf-8", newline="")
    (folder / "coffee.md").write_text("---\ntitle: Coffee\n---\n# Coffee\n\nCoffee keeps people awake ☕.\n", encoding="utf-8")
    (folder / "below").mkdir()
    (folder / "below" / "ketamine.md").write_text("What?\n===\n\nKetamine is an anaesthetic. 👩🏽‍⚕️ العلاج\n", encoding="utf-8")
    index = tmp_path_factory.mktemp("index") / "toy.index"
    report = ketaqa.build([folder], index)
    assert (report.documents, report.refused) == (3, ())
    return index


def check(folder, *options):
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    env = {k: v for k, v in os.environ.items() if not k.startswith(("KETAQA_", "GRADIO_"))} | {"PATH": path}
    command = [sys.executable, str(CHECKER), *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=folder, env=env)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout + done.stderr[-2000:]
    return done.stdout.splitlines()


def words(lines):
    return [line.split()[0] for line in lines]


def test_the_command_line_keeps_the_contract(tmp_path):
    said = words(check(tmp_path))
    assert len(said) == QUESTIONS
    assert said[0] == "answered"
    assert said[2:5] == ["abstained", "refused", "refused"]


def test_the_server_keeps_the_contract_and_agrees_with_the_command_line(tmp_path, server):
    assert check(tmp_path, "--url", server.url) == check(tmp_path)


def test_an_index_of_text_and_markdown_keeps_the_contract(tmp_path, toy_index):
    said = words(check(tmp_path, "--index", str(toy_index), "What is ketamine?", "Does tea need water?", "qwertz", "  "))
    assert said == ["answered", "answered", "abstained", "refused"]
