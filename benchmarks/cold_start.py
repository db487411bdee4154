"""A whole command on the shipped documents, as a ratio to importing what it can't do without.

Useful for: what a person at a terminal waits. Not useful for: a server (http).
"""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import timing

RUNS = 7


def run(command: Sequence[str]) -> str:
    """What a process prints."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def beside(command: Sequence[str], imports: str, expected: str) -> dict[str, Any]:
    """Milliseconds of a command and of importing some modules, and the ratio, median of RUNS pairs after one of each."""
    other = [sys.executable, "-c", f"import {imports}"]
    answer = run(command)
    assert expected in answer, answer
    run(other)
    pairs = timing.interleaved(RUNS, [lambda: timing.seconds(lambda: run(command)), lambda: timing.seconds(lambda: run(other))])
    ours, theirs = (np.array(times)[:, None] for times in pairs)
    return {
        "import": f"import {imports}",
        "ms": 1e3 * float(np.median(ours)),
        "import_ms": 1e3 * float(np.median(theirs)),
        "ratio": timing.ratio(ours, theirs),
    }


def measure() -> dict[str, Any]:
    """By command."""
    ketaqa = shutil.which("ketaqa", path=str(Path(sys.prefix, "bin"))) or "ketaqa"
    return {
        "ketaqa ask": beside([ketaqa, "ask", "What is ketamine?"], "numpy, scipy.sparse", "dissociative anaesthetic"),
        "ketaqa --help": beside([ketaqa, "--help"], "typer", "Usage"),
    }


def main() -> None:
    """Print both ratios."""
    for name, row in measure().items():
        print(f"cold `{name}`: {row['ms']:.0f} ms, {row['ratio']:.2f} times the imports (median of {RUNS})")


if __name__ == "__main__":
    main()
