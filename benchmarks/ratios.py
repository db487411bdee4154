"""What was measured, as ratios: how many times as good KetaQA is as another, above 1 where it is ahead.

Useful for: the rows of tables and the bars of plots. Not useful for: figures with a unit (tables prints those).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.peers import BM25S, BY_TERM, MATRIX, ONE, TANTIVY, TWO

Results = Mapping[str, Any]
PEERS = (MATRIX, BY_TERM, BM25S, TANTIVY)
QUERIES, BATCH, P50, P99 = "queries/s", "queries/s, one batch", "p50 of a query", "p99 of a query"
BUILD, WORKERS, PEAK = "build MB/s", "build MB/s, two workers", "peak memory of building"
BYTES, OPEN = "index bytes a passage", "open time"
MEASURES = (QUERIES, BATCH, P50, P99, BUILD, WORKERS, PEAK, BYTES, OPEN)


@dataclass(frozen=True, slots=True)
class Ratio:
    """One measure beside one peer on one data set."""

    measure: str
    peer: str
    data: str
    value: float


def of(results: Results) -> list[Ratio]:
    """All ratios of a run, in the order of MEASURES, then of PEERS, then as measured."""
    found = [
        ratio for name, rows in results.get("speed", {}).items() for ratio in (*_asking(name, rows), *_building(name, rows))
    ]
    found += [ratio for name, rows in results.get("size", {}).items() for ratio in _on_disk(name, rows)]
    places = (*PEERS, ONE)
    return sorted(found, key=lambda ratio: (MEASURES.index(ratio.measure), places.index(ratio.peer)))


def _asking(data: str, rows: Results) -> Iterator[Ratio]:
    asking = rows["asking"]
    keys = {QUERIES: "", BATCH: "batch_", P50: "p50_", P99: "p99_"}
    for peer in PEERS:
        for measure, key in keys.items():
            value = asking[peer].get(f"ketaqa_{key}is_times_as_fast")
            if value is not None:
                yield Ratio(measure, peer, data, value)


def _building(data: str, rows: Results) -> Iterator[Ratio]:
    building = rows["building"]
    for peer in (MATRIX, BM25S, TANTIVY):
        yield Ratio(BUILD, peer, data, building[peer]["ketaqa_is_times_as_fast"])
        # of small data nothing may show above the texts
        ours, theirs = (max(building[name]["peak_above_texts_mb"], 1.0) for name in (ONE, peer))
        yield Ratio(PEAK, peer, data, theirs / ours)
    yield Ratio(WORKERS, ONE, data, 1.0 / building[TWO]["ketaqa_is_times_as_fast"])


def _on_disk(data: str, rows: Results) -> Iterator[Ratio]:
    systems = rows["systems"]
    for peer in (BM25S, TANTIVY):
        yield Ratio(BYTES, peer, data, systems[peer]["bytes"] / systems[ONE]["bytes"])
        yield Ratio(OPEN, peer, data, systems[peer]["open_ms"] / systems[ONE]["open_ms"])
