"""Work for several processes, each of which keeps what it learned from one piece for the next, or for several threads.

Useful for: building. Not useful for: questions.
"""

import os
import signal
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

_job: list[Callable[[Any], Any]] = []


def mapped(make: Callable[[], Callable[[Item], Result]], items: Iterable[Item], workers: int) -> Iterator[Result]:
    """The results for items, in order; `make` makes the job, once in each process."""
    if workers < 2:
        yield from map(make(), items)
        return
    with ProcessPoolExecutor(workers, initializer=_begin, initargs=(os.getpid(), make)) as pool:
        yield from _ahead(pool, _do, items, workers)


def threaded(job: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Iterator[Result]:
    """The results for items, in order, by threads."""
    if workers < 2:
        yield from map(job, items)
        return
    with ThreadPoolExecutor(workers) as pool:
        yield from _ahead(pool, job, items, workers)


def _ahead(pool: Executor, job: Callable[[Item], Result], items: Iterable[Item], workers: int) -> Iterator[Result]:
    """The results in order, at most two items a worker ahead of what was taken, so that results do not fill the memory."""
    begun: deque[Future[Result]] = deque()
    try:
        for item in items:
            begun.append(pool.submit(job, item))
            if len(begun) > 2 * workers:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
    finally:
        for future in begun:
            future.cancel()


def _begin(parent: int, make: Callable[[], Callable[[Any], Any]]) -> None:
    # an interrupt reaches all processes of a terminal; one that stops halfway through a result leaves its parent waiting for
    # the rest for ever. The parent stops, and with it all others
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    _job[:] = [make()]


def _do(item: Any) -> Any:
    return _job[0](item)


def _end_with(parent: int) -> None:
    """End this process when the one that started it is gone, however that ended."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)
