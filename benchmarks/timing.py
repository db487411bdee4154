"""How long, how much memory, and how the runs of two systems compare.

Useful for: numbers of one process and what they add up to. Not useful for: what is run (speed, size).
"""

import gc
import os
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

RUNS = 5
# read by NumPy, numba and their libraries when they are imported: a child must find them in its environment
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "RAYON_NUM_THREADS")
MB = 1e6
# seconds a run, one row for each run and one column for each query
Times = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Work:
    """A piece of work: wall-clock and processor seconds (of all threads), and resident bytes before it and at its peak."""

    seconds: float
    processor: float
    before: int
    peak: int


def ratio(slow: Times, fast: Times) -> float:
    """How many times as long one took as the other, over the queries that both were asked: the median of the runs' ratios."""
    asked = min(slow.shape[1], fast.shape[1])
    return float(np.median(slow[:, :asked].sum(axis=1) / fast[:, :asked].sum(axis=1)))


def percentile(times: Times, percent: float) -> float:
    """A percentile over queries of each query's median over runs, in seconds."""
    return float(np.percentile(np.median(times, axis=0), percent))


def rate(times: Times) -> float:
    """Queries a second, the median of the runs."""
    return float(np.median(times.shape[1] / times.sum(axis=1)))


def interleaved(runs: int, jobs: Sequence[Callable[[], Any]]) -> list[list[Any]]:
    """What each job gives in each run, as A, B, A, B: what else the machine does meets them alike."""
    found: list[list[Any]] = [[] for _ in jobs]
    for _ in range(runs):
        for job, results in zip(jobs, found, strict=True):
            results.append(job())
    return found


def each(search: Callable[[str], object], queries: Sequence[str]) -> list[float]:
    """Seconds of each query, asked one after the other."""
    times = []
    with _no_collector():
        for query in queries:
            start = time.perf_counter()
            search(query)
            times.append(time.perf_counter() - start)
    return times


def seconds(job: Callable[[], object]) -> float:
    """Seconds of one call."""
    with _no_collector():
        start = time.perf_counter()
        job()
        return time.perf_counter() - start


def work(job: Callable[[], object], workers: int = 1) -> Work:
    """Seconds and memory of one call; the peak is this process's own, and its workers' where there are some."""
    gc.collect()
    before, used = resident(), time.process_time()
    with _watched(workers > 1) as most:
        start = time.perf_counter()
        job()
        took = time.perf_counter() - start
    # the children's own time is known once they have ended, so that with workers it says nothing
    return Work(took, time.process_time() - used, before, max(peak(), most[0]))


@contextmanager
def _no_collector() -> Iterator[None]:
    # as timeit does: a collection would be counted to whichever query it meets
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def resident() -> int:
    """Bytes of this process in memory, those of mapped files included."""
    import psutil

    return int(psutil.Process().memory_info().rss)


def peak() -> int:
    """The most bytes that this process has had in memory.

    From the kernel's mark for this program where there is one: on Linux getrusage also counts the memory of the process that
    started this one.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        line = next((line for line in status.read_text().splitlines() if line.startswith("VmHWM:")), None)
        if line is not None:
            return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


@contextmanager
def _watched(watch: bool) -> Iterator[list[int]]:
    """The largest sum of this process and those it started, looked at five times a second; pages they share count twice."""
    most, ended = [0], threading.Event()

    def look() -> None:
        import psutil

        while not ended.wait(0.2):
            total = resident()
            for child in psutil.Process().children(recursive=True):
                try:
                    total += child.memory_info().rss
                except psutil.Error:  # it ended meanwhile
                    continue
            most[0] = max(most[0], total)

    watcher = threading.Thread(target=look)
    if watch:
        watcher.start()
    try:
        yield most
    finally:
        ended.set()
        if watch:
            watcher.join()


def pool(threads: int = 1, initializer: Callable[..., None] | None = None, *arguments: Any) -> ProcessPoolExecutor:
    """One fresh process, started now, whose libraries use so many threads."""
    kept = {name: os.environ.get(name) for name in THREADS}
    os.environ.update(dict.fromkeys(THREADS, str(threads)))
    try:
        started = ProcessPoolExecutor(1, get_context("spawn"), initializer, arguments)
        started.submit(peak).result()
    finally:
        for name, value in kept.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
    return started


def fresh(job: Callable[..., Any], *arguments: Any, threads: int = 1) -> Any:
    """What a function gives in a process of its own; both must be importable."""
    with pool(threads) as started:
        return started.submit(job, *arguments).result()
