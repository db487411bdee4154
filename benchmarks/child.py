"""A system in a process of its own: its memory is its own, its runs take turns with the others'.

Useful for: comparing systems whose peaks and garbage must not meet. Not useful for: what is compared (speed).
"""

from collections.abc import Sequence
from types import TracebackType

import numpy as np

from benchmarks import timing
from benchmarks.data import Data
from benchmarks.peers import SYSTEMS, TWO, Answers, Peer
from benchmarks.timing import Work

# enough to import and compile all that a system needs
WARM = [f"w{n % 7} w{n % 11} w{n % 5}" for n in range(500)]


class Child:
    """A system and its texts, in another process; close it, or use it in a with statement."""

    def __init__(self, system: str, data: Data) -> None:
        self.system = system
        self._workers = 2 if system == TWO else 1
        self._pool = timing.pool(self._workers, _start, system, data)

    def __enter__(self) -> "Child":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._pool.shutdown()

    def build(self) -> Work:
        """Build the index, anew where there is one."""
        done: Work = self._pool.submit(_build, self._workers).result()
        return done

    def forget(self) -> None:
        """Let the texts go: what follows asks."""
        self._pool.submit(_forget).result()

    def answers(self, queries: Sequence[str], k: int) -> Answers:
        """The answers to queries, asked one by one."""
        found: Answers = self._pool.submit(_answers, queries, k).result()
        return found

    def each(self, queries: Sequence[str], k: int) -> list[float]:
        """Seconds of each query, asked one by one."""
        times: list[float] = self._pool.submit(_each, queries, k).result()
        return times

    def batch(self, queries: Sequence[str], k: int) -> float:
        """Seconds of all queries in one call."""
        took: float = self._pool.submit(_batch, queries, k).result()
        return took


class _Here:
    """What the other process holds."""

    system: str
    texts: list[str]
    peer: Peer | None = None


def _start(system: str, data: Data) -> None:
    _Here.system, _Here.texts = system, data.texts()
    _warm_up()


def _warm_up() -> None:
    peer = SYSTEMS[_Here.system]()
    peer.build(WARM)
    peer.search(["w1 w2", "w3"], 10)


def _build(workers: int) -> Work:
    # the index before goes first, or the peak would be that of two
    _Here.peer = None
    peer = _Here.peer = SYSTEMS[_Here.system]()
    return timing.work(lambda: peer.build(_Here.texts), workers)


def _forget() -> None:
    _Here.texts = []


def _built() -> Peer:
    assert _Here.peer is not None, f"{_Here.system}: build first"
    return _Here.peer


def _answers(queries: Sequence[str], k: int) -> Answers:
    found = [_built().search([query], k) for query in queries]
    return np.concatenate([numbers for numbers, _ in found]), np.concatenate([scores for _, scores in found])


def _each(queries: Sequence[str], k: int) -> list[float]:
    peer = _built()
    return timing.each(lambda query: peer.search([query], k), queries)


def _batch(queries: Sequence[str], k: int) -> float:
    peer = _built()
    return timing.seconds(lambda: peer.search(queries, k))
