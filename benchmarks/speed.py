"""Queries and building beside scikit-learn, bm25s and tantivy, answers asserted first: one thread, in turns, medians of RUNS.

Useful for: rates, times, peaks. Not useful for: an index on disk (size).
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

import numpy as np

from benchmarks import agreement, timing
from benchmarks.child import Child
from benchmarks.data import Data, megabytes, queries
from benchmarks.peers import BM25S, BY_TERM, MATRIX, ONE, SYSTEMS, TANTIVY, TFIDF, TWO
from benchmarks.timing import MB, RUNS, Times, Work

K = 10
# cost by query terms, queries of each, and by passages wanted
QUERY_TERMS, OF_EACH, KS = (1, 2, 4, 6, 8, 12), 50, (1, 10, 100, 1000)
BUILT = (ONE, TWO, MATRIX, BM25S, TANTIVY)  # the others build as one of these does
ASKED = (ONE, TFIDF, MATRIX, BY_TERM, BM25S, TANTIVY)
# for which several queries in one call are another way than one after the other
BATCHING = (ONE, TFIDF, MATRIX, BY_TERM, BM25S)
GROWING = (ONE, BM25S, TANTIVY)
# from here on a system is built once: five times would take half an hour
ONCE = 500_000
# by system: from so many passages on it is asked so many queries. One looks at every passage, whatever is asked, and would take
# an hour; the other keeps every passage that a batch touches, and would take all memory
FEWER = {MATRIX: (50_000, 20), BY_TERM: (ONCE, 100)}

Say = Callable[[str], None]


def measure(data: Data, say: Say, growth: bool = False) -> dict[str, Any]:
    """All rates and ratios of one data set, and with `growth` how cost grows with query terms and k."""
    texts, asked = data.texts(), data.queries()
    size, passages = megabytes(texts), len(texts)
    del texts  # each child has its own
    with ExitStack() as stack:
        children = {name: stack.enter_context(Child(name, data)) for name in SYSTEMS}
        say(f"{data.name}: {passages} passages, {size:.0f} MB, {len(asked)} queries")
        building = _built(children, 1 if passages >= ONCE else RUNS, say)
        wanted = {name: asked[: _few(name, passages)] for name in ASKED}
        answers = {name: children[name].answers(wanted.get(name, asked), K) for name in SYSTEMS}
        agree = agreement.check(answers)
        say("  the answers agree")
        children.pop(TWO)
        rows = {
            "passages": passages,
            "text_mb": size,
            "queries": len(asked),
            "agreement": agree,
            "building": _building(building, size),
            "asking": _asking(_asked(children, wanted), _batches(children, wanted)),
        }
        _tell(rows, say)
        return rows | ({"growth": _growth(children)} if growth else {})


def _few(system: str, passages: int) -> int | None:
    least, few = FEWER.get(system, (passages, None))
    return few if passages >= least else None


def _built(children: Mapping[str, Child], runs: int, say: Say) -> dict[str, list[Work]]:
    """Each system's builds, in turns; the others are built once, to be asked."""
    jobs = [children[name].build for name in BUILT]
    found = dict(zip(BUILT, timing.interleaved(runs, jobs), strict=True))
    for name, child in children.items():
        if name not in found:
            child.build()
        child.forget()
    say("  built")
    return found


def _building(works: Mapping[str, list[Work]], megabytes: float) -> dict[str, Any]:
    """By system: MB/s, seconds, peaks, and how many times as fast KetaQA is."""
    times = {name: np.array([[work.seconds] for work in done]) for name, done in works.items()}
    return {
        name: {
            "seconds": times[name].ravel().tolist(),
            "processor_seconds": [work.processor for work in done],
            "mb_per_second": megabytes * timing.rate(times[name]),
            # of the first build: later ones reuse what the ones before have left
            "peak_mb": done[0].peak / MB,
            "peak_above_texts_mb": (done[0].peak - done[0].before) / MB,
            "ketaqa_is_times_as_fast": timing.ratio(times[name], times[ONE]),
        }
        for name, done in works.items()
    }


def _asked(children: Mapping[str, Child], wanted: Mapping[str, Sequence[str]]) -> dict[str, Times]:
    jobs = [partial(children[name].each, wanted[name], K) for name in ASKED]
    return {name: np.array(runs) for name, runs in zip(ASKED, timing.interleaved(RUNS, jobs), strict=True)}


def _batches(children: Mapping[str, Child], wanted: Mapping[str, Sequence[str]]) -> dict[str, Times]:
    """Seconds a query where all come in one call, of the systems for which that is another way."""
    jobs = [partial(children[name].batch, wanted[name], K) for name in BATCHING]
    found = zip(BATCHING, timing.interleaved(RUNS, jobs), strict=True)
    return {name: np.array(runs)[:, None] / len(wanted[name]) for name, runs in found}


def _asking(times: Mapping[str, Times], batches: Mapping[str, Times]) -> dict[str, Any]:
    """By system: rates and times, and how many times as fast KetaQA is with the same weighting."""
    found: dict[str, Any] = {}
    for name, runs in times.items():
        # the very queries that the other was asked
        ours = times[_ours(name)][:, : runs.shape[1]]
        found[name] = {
            "queries": runs.shape[1],
            "queries_per_second": timing.rate(runs),
            "p50_ms": 1e3 * timing.percentile(runs, 50),
            "p99_ms": 1e3 * timing.percentile(runs, 99),
            "ketaqa_is_times_as_fast": timing.ratio(runs, ours),
            "ketaqa_p50_is_times_as_fast": timing.percentile(runs, 50) / timing.percentile(ours, 50),
            "ketaqa_p99_is_times_as_fast": timing.percentile(runs, 99) / timing.percentile(ours, 99),
        }
        if name in batches:
            found[name]["batch_queries_per_second"] = timing.rate(batches[name])
            found[name]["ketaqa_batch_is_times_as_fast"] = timing.ratio(batches[name], batches[_ours(name)])
    return found


def _ours(name: str) -> str:
    return TFIDF if name in (MATRIX, BY_TERM) else ONE


def _growth(children: Mapping[str, Child]) -> dict[str, dict[str, dict[int, float]]]:
    """Median milliseconds of a query, by query terms, and by k over queries of the usual length."""
    sets = {terms: queries(OF_EACH, terms, terms) for terms in QUERY_TERMS}
    usual = Data("").queries()[:OF_EACH]
    return {
        "terms": {name: {n: _milliseconds(children[name], asked, K) for n, asked in sets.items()} for name in GROWING},
        "k": {name: {k: _milliseconds(children[name], usual, k) for k in KS} for name in GROWING},
    }


def _milliseconds(child: Child, asked: Sequence[str], k: int) -> float:
    child.each(asked, k)
    return 1e3 * timing.percentile(np.array([child.each(asked, k) for _ in range(RUNS)]), 50)


def _tell(rows: Mapping[str, Any], say: Say) -> None:
    for name, row in rows["building"].items():
        say(f"  {name:22} builds {row['mb_per_second']:6.1f} MB/s, KetaQA {row['ketaqa_is_times_as_fast']:.2f} times that")
    for name, row in rows["asking"].items():
        batch = f", batch {row['batch_queries_per_second']:7.0f}/s" if "batch_queries_per_second" in row else ""
        times = f"p50 {row['p50_ms']:.3f} ms, p99 {row['p99_ms']:.3f} ms{batch}"
        ratio = f"KetaQA {row['ketaqa_is_times_as_fast']:.2f} times that"
        say(f"  {name:22} {row['queries_per_second']:7.0f} queries/s, {ratio}, {times}")
