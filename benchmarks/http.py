"""`POST /v1/ask` beside an empty FastAPI route of the same process: alone, and asked by 100 clients at once.

The server runs in a process of its own, as `ketaqa serve` starts it, and the empty route is added to it here alone. Clients are
bare sockets that stay open, so that what is timed is the server. Alone, the empty route and a question take turns; then each
client asks again as soon as it is answered. Every answer is compared with `ketaqa.open().ask` first.
"""

import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import ketaqa
from ketaqa import shipped

EMPTY = b"GET /empty HTTP/1.1\r\nHost: localhost\r\n\r\n"
CLIENTS, TURNS, ROUNDS = 100, 20, 3


def questions() -> list[str]:
    """The questions of the test split, each once."""
    lines = (shipped.corpus_path() / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    return list(dict.fromkeys(row["question"] for row in map(json.loads, lines) if row["split"] == "test"))


def request(question: str) -> bytes:
    """A question as it goes over the wire."""
    body = json.dumps({"question": question}).encode()
    head = f"POST /v1/ask HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


@contextmanager
def server() -> Iterator[int]:
    """A server in a fresh process; its port."""
    command = [sys.executable, "-c", "from benchmarks import http; http.serve()"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.terminate()


def serve() -> None:
    """What that process does: `ketaqa.web.server.run`, with one route more."""
    from ketaqa.web import api
    from ketaqa.web import server as web

    os.environ.update(web.PINNED)
    listener = web.bound("127.0.0.1", 0)
    qa = ketaqa.open()
    qa.prepare()
    app = api.create_app(qa)

    @app.get("/empty")
    async def empty() -> dict[str, str]:
        return {}

    print(listener.getsockname()[1], flush=True)
    web.serve(app, listener)


class Client:
    """One connection that stays open."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._reader = self._socket.makefile("rb")

    def seconds(self, sent: bytes) -> tuple[float, bytes]:
        """How long one answer took, and its body."""
        start = time.perf_counter()
        self._socket.sendall(sent)
        assert self._reader.readline() == b"HTTP/1.1 200 OK\r\n"
        length = 0
        while (line := self._reader.readline()) != b"\r\n":
            if line.startswith(b"content-length:"):
                length = int(line[15:])
        body = self._reader.read(length)
        return time.perf_counter() - start, body


def alone(port: int, asked: Sequence[bytes]) -> tuple[list[float], list[float]]:
    """Seconds of questions and of the empty route, in turn, by one client."""
    client, asks, empties = Client(port), [], []
    for sent in [*asked[:50], *(one for _ in range(ROUNDS) for one in asked)]:
        empties.append(client.seconds(EMPTY)[0])
        asks.append(client.seconds(sent)[0])
    return asks[50:], empties[50:]  # the first warm up


async def crowded(port: int, asked: Sequence[bytes]) -> list[float]:
    """Seconds of questions, by CLIENTS at once, each with questions of its own in turn."""
    return [second for seconds in await asyncio.gather(*(_one(port, asked, n) for n in range(CLIENTS))) for second in seconds]


async def _one(port: int, asked: Sequence[bytes], number: int) -> list[float]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    found = []
    for turn in range(TURNS + 1):
        start = time.perf_counter()
        writer.write(asked[(number * TURNS + turn) % len(asked)])
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        await reader.readexactly(int(head.partition(b"content-length: ")[2].split(b"\r\n", 1)[0]))
        found.append(time.perf_counter() - start)
    writer.close()
    return found[1:]  # the first ones wait for all connections


def as_json(answer: Any) -> Any:
    """An answer as a client reads it."""
    return json.loads(json.dumps(asdict(answer)))


def measure() -> dict[str, float]:
    """Milliseconds and ratios."""
    asked = questions()
    qa = ketaqa.open()
    sent = [request(question) for question in asked]
    with server() as port:
        client = Client(port)
        for question, one in zip(asked, sent, strict=True):
            assert json.loads(client.seconds(one)[1]) == as_json(qa.ask(question)), question
        asks, empties = alone(port, sent)
        many = asyncio.run(crowded(port, sent))
    ask, empty, crowd = (1000.0 * statistics.median(times) for times in (asks, empties, many))
    p99 = 1000.0 * statistics.quantiles(many, n=100)[98]
    return {
        "median of the empty route, ms": empty,
        "median of ask, ms": ask,
        "ask beside the empty route": ask / empty,
        f"median of ask, {CLIENTS} clients, ms": crowd,
        f"99th percentile, {CLIENTS} clients, ms": p99,
        "99th percentile beside that median": p99 / crowd,
        "99th percentile beside the median of one client": p99 / ask,
    }


def main() -> None:
    """Print what was measured."""
    for name, value in measure().items():
        print(f"{name:48} {value:8.2f}")


if __name__ == "__main__":
    main()
