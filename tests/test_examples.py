"""The examples run as they are."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


def run(name, folder):
    command = [sys.executable, "-W", "error", str(EXAMPLES / name)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=folder)


def test_the_grid_search_prints_every_setting_and_the_best_one(tmp_path):
    done = run("grid_search.py", tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    *rows, last = done.stdout.splitlines()
    scores = dict(reversed(re.fullmatch(r"(\d\.\d{3})  (\{.*\})", row).groups()) for row in rows)
    assert len(scores) == 4
    assert all(0.0 <= float(score) <= 1.0 for score in scores.values())
    best = last.removeprefix("best: ")
    assert scores[best] == max(scores.values())
    assert "'english'" in best
    assert len(set(scores.values())) > 1, "the grid has something to choose from"


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_an_example_says_how_it_is_run(path):
    assert f"python examples/{path.name}" in path.read_text(encoding="utf-8").split('"""')[1]
