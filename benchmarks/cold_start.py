"""A whole `ketaqa ask` on the shipped documents, as a ratio to importing NumPy and scipy.sparse."""

import shutil
import statistics
import subprocess
import sys
import time

RUNS = 7


def seconds(command: list[str]) -> float:
    """Wall-clock time of one process."""
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    """Print the median of the ratios, pair by pair, after one warm-up of each."""
    ketaqa = shutil.which("ketaqa", path=str(sys.prefix) + "/bin") or "ketaqa"
    ask = [ketaqa, "ask", "What is ketamine?"]
    answer = subprocess.run(ask, check=True, capture_output=True, text=True).stdout
    assert "dissociative anaesthetic" in answer, answer
    imports = [sys.executable, "-c", "import numpy, scipy.sparse"]
    seconds(imports)
    ratios = [seconds(ask) / seconds(imports) for _ in range(RUNS)]
    print(f"cold `ketaqa ask`: {statistics.median(ratios):.2f} times `import numpy, scipy.sparse` (median of {RUNS})")
