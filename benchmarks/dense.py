"""The part of the ranking that compares vectors, on passages with vectors drawn from a seed: what a question pays for it.

Candidates: those of the counted words, which every question has. All: the nearest of all passages, where an encoder asks.
Useful for: milliseconds by number of passages. Not useful for: what vectors are worth (quality).
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks import timing
from benchmarks.timing import MB

ASKED, SEED, BLOCK = 50, 20261125, 1 << 16
Say = Callable[[str], None]


def measure(passages: int, folder: Path, say: Say) -> dict[str, float]:
    """Medians in milliseconds, and the memory that asking took."""
    path = folder / "codes.npy"
    try:
        _write(path, passages)
        found: dict[str, float] = timing.fresh(_measured, path)
    finally:
        path.unlink(missing_ok=True)
    say(
        f"{passages:,}: vectors of 500 candidates {found['candidates_ms']:.2f} ms, the nearest of all {found['all_ms']:.1f} ms "
        f"({found['plain_ms']:.0f} ms without numba), {found['asked_mb']:.0f} MB"
    )
    return found


def _write(path: Path, passages: int) -> None:
    from ketaqa.columns import Column
    from ketaqa.semantics import DIMENSIONS

    column, rng = Column(path, np.uint8, DIMENSIONS // 2), np.random.default_rng(SEED)
    for start in range(0, passages, BLOCK):
        column.append(rng.integers(1, 256, (min(BLOCK, passages - start), DIMENSIONS // 2), dtype=np.uint8))
    column.close()


def _measured(path: Path) -> dict[str, float]:
    from ketaqa import compiled, semantics
    from ketaqa.columns import mapped
    from ketaqa.joining import join
    from ketaqa.meaning import Meaning
    from ketaqa.retriever import CANDIDATES

    codes, rng = mapped(path), np.random.default_rng(SEED + 1)
    known = Meaning(join([], "bm25"), codes, semantics.mean(codes[:BLOCK]), general=True)
    vectors = list(rng.standard_normal((ASKED, semantics.DIMENSIONS)))
    some = [np.sort(rng.choice(len(codes), min(CANDIDATES, len(codes)), replace=False)) for _ in vectors]
    compiled.module("nearing", wanted=True)
    before = timing.resident()
    fast = [known.nearest(vector, CANDIDATES) for vector in vectors[:2]]
    found: dict[str, Any] = {
        "candidates_ms": _median([partial(known.scores, *one) for one in zip(some, vectors, strict=True)]),
        "all_ms": _median([partial(known.nearest, vector, CANDIDATES) for vector in vectors]),
        "asked_mb": (timing.resident() - before) / MB,
    }
    with patch.object(compiled, "module", lambda *_: None):
        plain = [known.nearest(vector, CANDIDATES) for vector in vectors[:2]]
        found["plain_ms"] = _median([partial(known.nearest, vector, CANDIDATES) for vector in vectors[:3]])
    assert all(map(np.array_equal, fast, plain)), "the nearest are not the same"
    return found


def _median(jobs: list[Callable[[], object]]) -> float:
    return 1e3 * float(np.median([timing.seconds(job) for job in jobs]))
