"""`make bench`: cold start, speed, HTTP, and, where $KETAQA_COLLECTIONS names a folder of BEIR collections, quality."""

import os
import platform
import subprocess
from importlib.metadata import version
from pathlib import Path

from benchmarks import cold_start, http, quality, speed
from ketaqa import encoder


def main() -> None:
    """Say where this is measured, then measure."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False).stdout.strip()
    versions = ", ".join(f"{name} {version(name)}" for name in ("numpy", "scikit-learn", "bm25s"))
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, {versions}, commit {commit}")
    cold_start.main()
    speed.main()
    http.main()
    folder = os.environ.get("KETAQA_COLLECTIONS")
    if folder and encoder.installed():
        quality.main(Path(folder))
    else:
        print("quality: set KETAQA_COLLECTIONS to a folder of BEIR collections, and install ketaqa[semantic], to measure it")


main()
