"""Results as Markdown: the table of a run, and the block of the README.

Useful for: what people read. Not useful for: measuring.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any

from benchmarks import ratios
from benchmarks.drawing import PLOTS
from benchmarks.ratios import Ratio, Results

BLOCK = re.compile(r"<!-- bench -->\n.*?<!-- /bench -->", re.DOTALL)


def table(results: Results) -> str:
    """All of it: where, ratios, figures with their units."""
    parts = [_where(results), _ratios(ratios.of(results)), _rates(results), _figures(results)]
    return "\n\n".join(part for part in parts if part) + "\n"


def readme(text: str, results: Results) -> str:
    """The README with its block written anew; ValueError where it has none."""
    if not BLOCK.search(text):
        raise ValueError("README.md has no block to write; add the lines <!-- bench --> and <!-- /bench -->")
    kept = [ratio for ratio in ratios.of(results) if ratio.measure not in (ratios.P50, ratios.P99)]
    images = "\n".join(f"![{words}](docs/bench-{name}.svg)" for name, words in PLOTS.items())
    parts = [_where(results), _ratios(kept), _figures(results), images]
    body = "\n\n".join(part for part in parts if part)
    # a function, since a backslash in the text means nothing
    return BLOCK.sub(lambda _: f"<!-- bench -->\n{body}\n<!-- /bench -->", text)


def _where(results: Results) -> str:
    facts = list(results["where"].values())
    if not facts:
        return ""
    last = facts[-1]
    commits = ", ".join(dict.fromkeys(fact["commit"] for fact in facts))
    versions = ", ".join(f"{name} {version}" for name, version in last["versions"].items())
    machine = f"{last['processor']}, {last['cores']} cores, {last['memory_gb']:.0f} GB"
    return f"{machine}; Python {last['python']}, {versions}; commit {commits}."


def _ratios(rows: Sequence[Ratio]) -> str:
    if not rows:
        return ""
    names = list(dict.fromkeys(row.data for row in rows))
    values = {(row.measure, row.peer, row.data): f"{row.value:.2f}" for row in rows}
    pairs = dict.fromkeys((row.measure, row.peer) for row in rows)
    lines = [[measure, peer, *(values.get((measure, peer, name), "") for name in names)] for measure, peer in pairs]
    heading = "How many times as good KetaQA is: as fast, as small. Above 1 it is ahead; columns are passages."
    return f"{heading}\n\n{grid(['measure', 'beside', *names], lines)}"


def grid(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    rows = [heads, ["---"] * len(heads), *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _rates(results: Results) -> str:
    heads = ["passages", "system", "queries/s", "in one batch", "p50 ms", "p99 ms", "build MB/s", "peak MB"]
    lines = []
    for name, rows in results.get("speed", {}).items():
        for system in dict.fromkeys([*rows["asking"], *rows["building"]]):
            asked, built = rows["asking"].get(system, {}), rows["building"].get(system, {})
            keys = ("queries_per_second", "batch_queries_per_second", "p50_ms", "p99_ms")
            cells = [*(_number(asked.get(key)) for key in keys), *(_number(built.get(k)) for k in ("mb_per_second", "peak_mb"))]
            lines.append([name, system, *cells])
    return grid(heads, lines) if lines else ""


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def _figures(results: Results) -> str:
    lines = [
        *_disk(results.get("size", {})),
        *_dense(results.get("dense", {})),
        *_cold(results.get("cold", {})),
        *_http(results.get("http", {})),
    ]
    return grid(["figure", "value"], lines) if lines else ""


def _disk(sizes: dict[str, Any]) -> Iterator[list[str]]:
    for name, rows in sizes.items():
        memory, ours = rows["memory"], rows["systems"]["KetaQA"]
        built = rows["building"]["workers_1"]["peak_mb"]
        yield [f"{name} passages: bytes a posting on disk, beside the texts", f"{memory['bytes_a_posting']:.2f}"]
        yield [f"{name} passages: opening", f"{ours['open_ms']:.1f} ms"]
        touched = f"{memory['times_the_touched']:.2f} ({memory['asked_mb']:.0f} MB)"
        yield [f"{name} passages: memory after 1,000 queries, times the bytes of the postings touched", touched]
        yield [f"{name} passages: peak memory of building on disk", f"{built:.0f} MB for {rows['text_mb']:.0f} MB of texts"]
        if "updating" in rows:
            again = f"{rows['updating']['whole_is_times_as_long']:.1f} times as fast ({rows['updating']['seconds']:.1f} s)"
            yield [f"{name} passages: building again, one file of 16 changed, beside building anew", again]
        if "two_workers_are_times_as_fast" in rows["building"]:
            value = rows["building"]["two_workers_are_times_as_fast"]
            yield [f"{name} passages: building on disk, two workers beside one", f"{value:.2f} times as fast"]


def _dense(rows: dict[str, Any]) -> Iterator[list[str]]:
    for name, row in rows.items():
        yield [f"{name} passages: comparing the vectors of 500 candidates", f"{row['candidates_ms']:.2f} ms"]
        nearest = f"{row['all_ms']:.1f} ms, {row['plain_ms']:.0f} ms without numba"
        yield [f"{name} passages: the nearest of all, where an encoder asks", nearest]


def _cold(rows: dict[str, Any]) -> Iterator[list[str]]:
    for name, row in rows.items():
        yield [f"cold `{name}`, times `{row['import']}`", f"{row['ratio']:.2f} ({row['ms']:.0f} ms)"]


def _http(rows: dict[str, Any]) -> Iterator[list[str]]:
    for name, value in rows.items():
        if isinstance(value, (int, float)):
            yield [f"HTTP: {name.replace('_', ' ')}", _number(value)]
