"""What tests share: the shipped documents, the application, a real server, pages of other origins, a browser."""

import asyncio
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

import ketaqa
from ketaqa import inversion, joining
from ketaqa.lexicon import BORDER

COMMAND = Path(sys.executable).with_name("ketaqa")
BROWSERS = ("/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome")
BROWSER_FLAGS = ["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
PATIENCE = 60.0


def environment(**settings: str) -> dict[str, str]:
    """The environment without settings of this machine, which would decide what a test sees."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("KETAQA_", "GRADIO_"))}
    return kept | settings


@dataclass(frozen=True)
class Server:
    """A running `ketaqa serve`, and the files that hold what it printed."""

    url: str
    stdout: Path
    stderr: Path

    def output(self) -> str:
        return self.stdout.read_text() + self.stderr.read_text()


@contextmanager
def serving(folder: Path, *options: str, **settings: str) -> Iterator[Server]:
    stdout, stderr = folder / "stdout.txt", folder / "stderr.txt"
    command = [str(COMMAND), "serve", "--port", "0", *options]
    with open(stdout, "wb") as out, open(stderr, "wb") as err:
        process = subprocess.Popen(command, stdout=out, stderr=err, cwd=folder, env=environment(**settings))
        try:
            yield Server(_address(process, stderr), stdout, stderr)
        finally:
            process.terminate()
            try:
                process.wait(timeout=PATIENCE / 3)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _address(process: subprocess.Popen, stderr: Path) -> str:
    # no proxy of this machine may stand between the tests and the server
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        said = re.search(r"^KetaQA: (http://\S+)/chat$", stderr.read_text(), re.MULTILINE)
        if said:
            with opener.open(f"{said[1]}/healthz", timeout=PATIENCE) as reply:
                assert reply.status == 200
            return said[1]
        time.sleep(0.05)
    pytest.fail(f"the server did not start (exit status {process.poll()}): {stderr.read_text()[-2000:]}")


class PageServer:
    """A web server of another origin; it gives `page` at every address."""

    def __init__(self) -> None:
        self.page = ""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = outer.page.encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.origin = f"http://127.0.0.1:{self.server.server_address[1]}"

    @contextmanager
    def running(self) -> Iterator["PageServer"]:
        thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield self
        finally:
            self.server.shutdown()
            thread.join()
            self.server.server_close()


@pytest.fixture(scope="session")
def shipped():
    """The shipped documents, opened."""
    return ketaqa.open()


@pytest.fixture(scope="session")
def make_app():
    """create_app, run inside an event loop as it is under uvicorn: outside of one Gradio leaves loops open."""

    def make(qa):
        async def made():
            from ketaqa.web.api import create_app

            return create_app(qa)

        return asyncio.run(made())

    return make


@pytest.fixture(scope="session")
def app(make_app, shipped):
    """The application over the shipped documents."""
    return make_app(shipped)


@pytest.fixture(scope="session")
def allowed_pages():
    """A page server whose origin the server's settings allow."""
    with PageServer().running() as pages:
        yield pages


@pytest.fixture(scope="session")
def foreign_pages():
    """A page server whose origin no setting names."""
    with PageServer().running() as pages:
        yield pages


@pytest.fixture(scope="session")
def server(tmp_path_factory, allowed_pages):
    """`ketaqa serve` over the shipped documents; pages of `allowed_pages` may frame it."""
    folder = tmp_path_factory.mktemp("server")
    with serving(folder, KETAQA_ALLOWED_ORIGINS=allowed_pages.origin) as running:
        yield running


@pytest.fixture(scope="session")
def serve(tmp_path_factory):
    """serve(*options, **environment): one more server, as a context manager."""

    def another(*options: str, **settings: str):
        return serving(tmp_path_factory.mktemp("server"), *options, **settings)

    return another


@pytest.fixture(scope="session")
def run_ketaqa(tmp_path_factory):
    """run_ketaqa("ask", ...): the command line, run to its end, away from this machine's settings."""
    folder = tmp_path_factory.mktemp("command")

    def run(*words: str, settings: Mapping[str, str] | None = None) -> subprocess.CompletedProcess:
        env = environment(**(settings or {}))
        return subprocess.run([str(COMMAND), *words], capture_output=True, text=True, timeout=120, cwd=folder, env=env)

    return run


# one browser a module, not a session: while Playwright runs, asyncio.run() refuses in this thread
@pytest.fixture(scope="module")
def browser():
    """Chromium; skipped where there is none, but never in continuous integration."""
    try:
        from playwright.sync_api import expect, sync_playwright
    except ImportError:
        _without_browser("Playwright is not installed: pip install -e '.[dev]'")
    expect.set_options(timeout=20_000)
    with sync_playwright() as playwright:
        chromium = _started(playwright)
        yield chromium
        chromium.close()


@pytest.fixture
def browser_page(browser):
    """A page in a fresh browser profile."""
    with browser.new_context() as context:
        yield context.new_page()


def _started(playwright):
    from playwright.sync_api import Error

    found = [path for path in map(shutil.which, BROWSERS) if path]
    refusals = []
    for path in (None, *dict.fromkeys(found)):
        try:
            return playwright.chromium.launch(executable_path=path, args=BROWSER_FLAGS)
        except Error as error:
            refusals.append(f"{path or 'its own browser'}: {error.message.splitlines()[0]}")
    return _without_browser(f"no Chromium can be started ({'; '.join(refusals)}); run: playwright install chromium")


def _without_browser(reason: str):
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def postings_of(rows, weighting="bm25", paired=False):
    """The postings of passages given as lists of terms, made as a build makes them; neighbours count where `paired`."""
    names = sorted({term for row in rows for term in row})
    places = {term: n for n, term in enumerate(names)}
    numbers = [n for row in rows for n in [*(places[term] for term in row), BORDER]]
    none = np.empty(0, dtype=np.int32)
    sizes = np.ones(len(rows), dtype=np.int64)
    tokens = inversion.Tokens(names, np.array(numbers, dtype=np.int32), sizes, none, none, paired)
    return joining.join([inversion.invert(tokens)], weighting)


def row_of(table, number):
    """The passages that hold a term, and the term's weight in each."""
    passages, tf = table.counts(number)
    return passages, table.weights(number, passages, tf)


def same_postings(one, other):
    arrays = ("indptr", "indices", "tf", "norms", "upper")
    pairs = one.pairs is other.pairs or all(
        getattr(one.pairs, name).tolist() == getattr(other.pairs, name).tolist() for name in ("indptr", "nexts", "passages")
    )
    return pairs and all(getattr(one, name).tolist() == getattr(other, name).tolist() for name in arrays)
