"""An index on disk: its bytes, how long it takes to open, what asking it keeps in memory, and what building it takes.

Beside it tantivy with positions and stored texts, and bm25s with its corpus: what each needs to show passages from a folder.

Useful for: files and memory. Not useful for: rates of queries (speed).
"""

import json
import shutil
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import timing
from benchmarks.data import QUERY_WORDS, Data, megabytes, queries
from benchmarks.peers import BM25S, ONE, TANTIVY, Bm25s, Tantivy
from benchmarks.timing import MB, RUNS, Work

# files that workers share out; KetaQA's build takes turns with itself, one worker and two, up to so many passages
PARTS, TURNS, BOTH = 16, 3, 500_000
ASKED = 1_000
Say = Callable[[str], None]


def measure(data: Data, folder: Path, say: Say) -> dict[str, Any]:
    """All of one data set; `folder` holds the files meanwhile, and is gone afterwards."""
    shutil.rmtree(folder, ignore_errors=True)
    try:
        parts, size = _written(data, folder / "texts")
        say(f"{data.name} on disk: {size:.0f} MB of texts")
        indexes = {ONE: folder / "ketaqa", TANTIVY: folder / "tantivy", BM25S: folder / "bm25s"}
        rows: dict[str, Any] = {"passages": data.passages, "text_mb": size, "building": _building(data, parts, indexes)}
        rows["systems"] = _systems(indexes, data.passages, size)
        rows["memory"] = timing.fresh(_memory, indexes[ONE])
        rows["updating"] = _updating(parts, indexes[ONE], rows["building"]["workers_1"])
        _tell(rows, say)
        return rows
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _written(data: Data, folder: Path) -> tuple[list[Path], float]:
    """The passages as PARTS files in BEIR's form, and their texts' MB."""
    texts = data.texts()
    folder.mkdir(parents=True)
    step = -(-len(texts) // PARTS)
    parts = []
    for start in range(0, len(texts), step):
        parts.append(folder / f"{start:08}.jsonl")
        rows = ({"_id": f"p{start + n}", "title": "", "text": text} for n, text in enumerate(texts[start : start + step]))
        parts[-1].write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return parts, megabytes(texts)


def _building(data: Data, parts: Sequence[Path], indexes: dict[str, Path]) -> dict[str, Any]:
    """Seconds and peaks by number of workers, and their ratio; the other two are built for their bytes."""
    several = data.passages <= BOTH
    jobs = [partial(timing.fresh, build, parts, indexes[ONE], workers) for workers in ((1, 2) if several else (1,))]
    done: list[list[Work]] = timing.interleaved(TURNS if several else 1, jobs)
    for name, job in ((TANTIVY, _build_tantivy), (BM25S, _build_bm25s)):
        timing.fresh(job, data, indexes[name])
    times = [np.array([[work.seconds] for work in works]) for works in done]
    found: dict[str, Any] = {
        f"workers_{workers}": {
            "seconds": times[workers - 1].ravel().tolist(),
            "peak_mb": max(work.peak for work in works) / MB,
            "peak_above_start_mb": max(work.peak - work.before for work in works) / MB,
        }
        for workers, works in enumerate(done, 1)
    }
    return found | ({"two_workers_are_times_as_fast": timing.ratio(times[0], times[1])} if several else {})


def build(parts: Sequence[Path], out: Path, workers: int) -> Work:
    """Build KetaQA's index, counting words alone."""
    import ketaqa
    from ketaqa import builder

    assert builder  # what a build imports is no part of it
    shutil.rmtree(out, ignore_errors=True)  # else it would read what changed alone
    return timing.work(lambda: ketaqa.build(parts, out, workers=workers, encoder="none"), workers)


def _updating(parts: Sequence[Path], out: Path, whole: dict[str, Any]) -> dict[str, float]:
    """Seconds to build again when one of the files changed, and how many times as long reading all took."""
    seconds = []
    for turn in range(TURNS):
        with open(parts[0], "a", encoding="utf-8") as file:
            file.write(json.dumps({"_id": f"added{turn}", "title": "", "text": "w1 w2"}) + "\n")
        seconds.append(timing.fresh(update, parts, out))
    found = float(np.median(seconds))
    return {"seconds": found, "whole_is_times_as_long": float(np.median(whole["seconds"])) / found}


def update(parts: Sequence[Path], out: Path) -> float:
    """Seconds to build again."""
    import ketaqa
    from ketaqa import builder

    assert builder  # see build
    reports = []
    taken = timing.seconds(lambda: reports.append(ketaqa.build(parts, out, encoder="none")))
    assert reports[0].unchanged == len(parts) - 1, "more was read than what changed"
    return taken


def _build_tantivy(data: Data, out: Path) -> None:
    out.mkdir()
    Tantivy(out, positions=True, stored=True).build(data.texts())


def _build_bm25s(data: Data, out: Path) -> None:
    peer, texts = Bm25s(), data.texts()
    peer.build(texts)
    peer.model.save(str(out), corpus=texts, show_progress=False)


def _systems(indexes: dict[str, Path], passages: int, megabytes: float) -> dict[str, Any]:
    """By system: bytes a passage, texts included, and milliseconds to open."""
    jobs = [partial(timing.fresh, open_index, name, path) for name, path in indexes.items()]
    times = dict(zip(indexes, np.array(timing.interleaved(RUNS, jobs)), strict=True))
    found = {}
    for name, path in indexes.items():
        held = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
        found[name] = {
            "bytes": held,
            "bytes_a_passage": held / passages,
            "times_the_texts": held / (megabytes * MB),
            "open_ms": 1e3 * float(np.median(times[name])),
        }
    return found


def open_index(system: str, path: Path) -> float:
    """Seconds to open an index, its library imported before."""
    opener = {ONE: _opener, TANTIVY: _tantivy_opener, BM25S: _bm25s_opener}[system]()
    start = time.perf_counter()
    opener(str(path))
    return time.perf_counter() - start


def _opener() -> Callable[[str], Any]:
    import ketaqa
    from ketaqa import pipeline

    assert pipeline  # ketaqa.open imports it
    return ketaqa.open


def _tantivy_opener() -> Callable[[str], Any]:
    import tantivy

    return lambda path: tantivy.Index.open(path).searcher()


def _bm25s_opener() -> Callable[[str], Any]:
    import bm25s

    return lambda path: bm25s.BM25.load(path, mmap=True, load_corpus=True, show_progress=False)


def _memory(path: Path) -> dict[str, float]:
    """Resident memory that ASKED queries add to an opened index, beside the bytes of the postings that they touch."""
    import ketaqa
    from ketaqa import compiling

    compiling.load()
    before = timing.resident()
    qa = ketaqa.open(path)
    opened, asked = timing.resident(), queries(ASKED, *QUERY_WORDS)
    first = timing.seconds(lambda: qa.search(asked[0], 10))
    after = 0  # at most, after any of them
    for query in asked:
        qa.search(query, 10)
        after = max(after, timing.resident())
    retriever = qa.index.retriever
    table = retriever.postings
    postings = len(table.indices) + (len(table.pairs.passages) if table.pairs is not None else 0)
    touched = {term.number for query in asked for term in retriever.query(query) if term.number is not None}
    # every file but the texts themselves: postings, words, where passages lie
    files = [file for file in path.rglob("*") if file.is_file() and file.stem != "texts"]
    a_posting = sum(file.stat().st_size for file in files) / postings
    touched_bytes = a_posting * sum(map(table.df, touched))
    return {
        "postings": postings,
        "bytes_a_posting": a_posting,
        # what opening has put off is done then
        "first_answer_ms": 1e3 * first,
        "opened_mb": (opened - before) / MB,
        "asked_mb": (after - before) / MB,
        "touched_mb": touched_bytes / MB,
        "times_the_touched": (after - before) / touched_bytes,
    }


def _tell(rows: dict[str, Any], say: Say) -> None:
    for name, row in rows["building"].items():
        if isinstance(row, dict):
            say(f"  {name}: {np.median(row['seconds']):.1f} s, peak {row['peak_mb']:.0f} MB")
    for name, row in rows["systems"].items():
        say(f"  {name:8} {row['bytes_a_passage']:.0f} bytes a passage, opened in {row['open_ms']:.1f} ms")
    again, memory = rows["updating"], rows["memory"]
    say(f"  again with one file changed: {again['seconds']:.1f} s, anew {again['whole_is_times_as_long']:.1f} times as long")
    say(
        f"  {memory['bytes_a_posting']:.2f} bytes a posting; {ASKED} queries keep {memory['asked_mb']:.0f} MB in memory, "
        f"{memory['times_the_touched']:.2f} times the postings touched"
    )
