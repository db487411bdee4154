"""`make bench`: speed, size, cold start, HTTP, and, where $KETAQA_COLLECTIONS names a folder of BEIR collections, quality.

    python -m benchmarks [--quick] [--only speed] [--passages 20000] [--beir FOLDER] [--out build/bench]
    python -m benchmarks --readme

Writes results.json, table.md and plots into the folder --out; --readme makes the README's block and docs/bench-*.svg of them.
"""

import argparse
import json
import os
import time
from collections.abc import Iterator, Sequence
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from benchmarks import cold_start, dense, drawing, machine, size, speed, tables
from benchmarks.data import Data
from benchmarks.timing import THREADS

ROOT = Path(__file__).parents[1]
SECTIONS = ("cold", "http", "speed", "size", "dense", "quality")
SIZES, QUICK = (10_000, 100_000, 1_000_000), (10_000, 100_000)
# below that an index on disk says little of what a posting takes
LEAST_ON_DISK = 100_000


def main() -> None:
    """Measure section by section; what there is is written as it comes."""
    options = _options()
    if options.readme:
        write_readme(options.out)
        return
    # before NumPy or numba is loaded by a child; this process measures nothing itself
    os.environ.update(dict.fromkeys(THREADS, "1"))
    options.out.mkdir(parents=True, exist_ok=True)
    sizes = options.passages or (QUICK if options.quick else SIZES)
    results = _kept(options.out) if options.only else {"where": {}}
    for section in options.only or SECTIONS:
        _say(f"[{section}]")
        results.pop(section, None)
        results["where"].pop(section, None)
        for name, found in _measured(section, sizes, _collections(options), options.out):
            results.setdefault(section, {})[name] = found
            results["where"][section] = machine.facts()
            write(results, options.out)
    _say(f"written to {options.out}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure KetaQA beside others.")
    parser.add_argument("--quick", action="store_true", help=f"at most {QUICK[-1]:,} passages")
    parser.add_argument("--only", action="append", choices=SECTIONS, help="this part alone; the others stay as measured before")
    parser.add_argument("--passages", action="append", type=int, help="so many drawn passages, in place of the usual")
    parser.add_argument("--beir", action="append", type=Path, default=[], help="a BEIR folder, or a folder of several")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "bench", help="where to write")
    parser.add_argument("--readme", action="store_true", help="measure nothing; write the README from what was measured")
    return parser.parse_args()


def _collections(options: argparse.Namespace) -> list[Path]:
    """The shipped documents, and every BEIR folder that was named."""
    named = [*options.beir, *([Path(os.environ["KETAQA_COLLECTIONS"])] if os.environ.get("KETAQA_COLLECTIONS") else [])]
    beir = [file.parent for folder in named for file in [*folder.glob("corpus.jsonl"), *sorted(folder.glob("*/corpus.jsonl"))]]
    return [ROOT / "corpus", *([] if options.quick and not options.beir else dict.fromkeys(beir))]


def _kept(folder: Path) -> dict[str, Any]:
    path = folder / "results.json"
    kept: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {"where": {}}
    return kept


def _measured(section: str, sizes: Sequence[int], real: Sequence[Path], out: Path) -> Iterator[tuple[str, Any]]:
    """Name and figures of each thing that a section measures."""
    if section == "speed":
        sets = [*(Data(path.resolve().name, folder=str(path)) for path in real), *map(_drawn, sizes)]
        yield from ((data.name, speed.measure(data, _say, growth=data.passages == max(sizes))) for data in sets)
    elif section == "size":
        wanted = [n for n in sizes if n >= LEAST_ON_DISK] or [max(sizes)]
        yield from ((data.name, size.measure(data, out / "index", _say)) for data in map(_drawn, wanted))
    elif section == "dense":
        yield from ((f"{passages:,}", dense.measure(passages, out, _say)) for passages in sizes)
    elif section == "cold":
        for name, row in cold_start.measure().items():
            _say(f"  {name}: {row['ms']:.0f} ms, {row['ratio']:.2f} times `{row['import']}`")
            yield name, row
    elif section == "http":
        yield from _http()
    else:
        _quality()


def _drawn(passages: int) -> Data:
    return Data(f"{passages:,}", passages)


def _http() -> Iterator[tuple[str, Any]]:
    """The server beside an empty route: benchmarks/http.py, `measure() -> dict` of figures by name."""
    if find_spec("benchmarks.http") is None:
        _say("  benchmarks/http.py is not there")
        return
    for name, value in import_module("benchmarks.http").measure().items():
        _say(f"  {name}: {value}")
        yield name, value


def _quality() -> None:
    """Prints its own table; what it is measured on, and with, is not everywhere."""
    from ketaqa import encoder

    folder = os.environ.get("KETAQA_COLLECTIONS")
    if not folder or not encoder.installed():
        _say("  set KETAQA_COLLECTIONS to a folder of BEIR collections, and install ketaqa[semantic], to measure it")
        return
    from benchmarks import quality

    quality.main(Path(folder))


def write(results: dict[str, Any], folder: Path) -> None:
    """results.json, table.md and the plots."""
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    (folder / "table.md").write_text(tables.table(results), encoding="utf-8")
    drawing.draw(results, folder)


def write_readme(folder: Path) -> None:
    """The README's block and the plots it shows, from results.json."""
    results, path = _kept(folder), ROOT / "README.md"
    path.write_text(tables.readme(path.read_text(encoding="utf-8"), results), encoding="utf-8")
    (ROOT / "docs").mkdir(exist_ok=True)
    for plot in drawing.draw(results, folder):
        (ROOT / "docs" / f"bench-{plot.name}").write_text(plot.read_text(encoding="utf-8"), encoding="utf-8")


_START = time.monotonic()


def _say(line: str) -> None:
    print(f"{time.monotonic() - _START:6.0f} s  {line}", flush=True)


if __name__ == "__main__":
    main()
