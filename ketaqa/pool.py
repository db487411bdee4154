"""Work for several processes, each of which keeps what it learned from one piece for the next.

Useful for: building. Not useful for: questions, which threads answer.
"""

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
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
        yield from pool.map(_do, items)


def _begin(parent: int, make: Callable[[], Callable[[Any], Any]]) -> None:
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    _job[:] = [make()]


def _do(item: Any) -> Any:
    return _job[0](item)


def _end_with(parent: int) -> None:
    """End this process when the one that started it is gone, however that ended."""
    while os.getppid() == parent:
        time.sleep(1.0)
    os._exit(1)
