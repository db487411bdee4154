"""What stands before every request: size limits, and headers that keep pages and readers safe.

Written as plain ASGI, so that streamed responses stay streams.
"""

import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress

from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# the chat sends the conversation back with every turn, so its messages may be larger than a question
CHAT_BODY_SIZE = 4 * 2**20
# a collection that is uploaded to be measured
UPLOAD_SIZE = 32 * 2**20
# the chat takes no files, so Gradio's route for them takes nothing
UPLOAD = "/gradio_api/upload"


def inside(scope: Scope, prefix: str) -> bool:
    """Whether a request is for the application mounted at `prefix`, whatever path a proxy put in front."""
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    return bool(path == prefix or path.startswith(f"{prefix}/"))


class TooLarge(Exception):
    """The body passed the limit while it was being read."""


class BodyLimit:
    """Answers 413 to a body above the limit, before it is read whole."""

    def __init__(self, app: ASGIApp, size: int, chat_path: str, upload_path: str | None = None) -> None:
        self.app, self.size, self.chat_path, self.upload_path = app, size, chat_path, upload_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI interface."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self._limit(scope)
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        # more digits than a limit can have are not worth reading as a number
        if not declared.isdigit() or len(declared.lstrip(b"0")) > 12 or int(declared) > limit:
            await too_large(limit)(scope, receive, send)
            return
        await self._counted(scope, receive, send, limit)

    def _limit(self, scope: Scope) -> int:
        if self.upload_path and inside(scope, self.upload_path):
            return UPLOAD_SIZE
        if not inside(scope, self.chat_path):
            return self.size
        return 0 if scope["path"].endswith(UPLOAD) else CHAT_BODY_SIZE

    async def _counted(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        seen = 0
        started = exceeded = False

        async def counting() -> Message:
            nonlocal seen, exceeded
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                exceeded = True
                raise TooLarge
            return message

        async def sending(message: Message) -> None:
            nonlocal started
            # whatever the application makes of the broken-off body, the answer is 413
            if not exceeded:
                started = True
                await send(message)

        with suppress(TooLarge):
            await self.app(scope, counting, sending)
        if exceeded and not started:
            await too_large(limit)(scope, receive, send)


def too_large(limit: int) -> JSONResponse:
    """The answer to a body above the limit."""
    message = f"the request is larger than {limit} bytes; send less"
    return JSONResponse({"error": {"code": "too_large", "message": message}}, status_code=413)


class Faults:
    """Answers 500 to a bug, and says on standard error what kind it was: its message might hold a question."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI interface."""
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except TooLarge:
            raise
        except Exception as error:
            if scope["type"] != "http":
                raise
            where = traceback.extract_tb(error.__traceback__)[-1]
            sys.stderr.write(f"fault: {type(error).__name__} in {where.name}, {where.filename}:{where.lineno}\n")
            if not started:
                body = {"error": {"code": "internal", "message": "something went wrong here; the question was not stored"}}
                await JSONResponse(body, status_code=500)(scope, receive, send)


class RootPath:
    """Tells the application which path a reverse proxy puts in front, whether the proxy takes it away again or not."""

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self.app, self.root_path = app, root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI interface."""
        if self.root_path and scope["type"] in ("http", "websocket"):
            path = scope["path"]
            whole = path if path == self.root_path or path.startswith(f"{self.root_path}/") else self.root_path + path
            scope = dict(scope) | {"root_path": self.root_path, "path": whole}
        await self.app(scope, receive, send)


class SecurityHeaders:
    """Adds a Content-Security-Policy with the allowed embedding pages, and the usual protections, to every response."""

    def __init__(self, app: ASGIApp, allowed_origins: Sequence[str], *pages: str) -> None:
        self.app, self.pages = app, pages
        self.ancestors = " ".join(["frame-ancestors", "'self'", *allowed_origins])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI interface."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        policy = self._policy(any(inside(scope, page) for page in self.pages))

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = policy
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "no-referrer"
                headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
            await send(message)

        await self.app(scope, receive, with_headers)

    def _policy(self, page: bool) -> str:
        if not page:
            return f"default-src 'none'; {self.ancestors}"
        # Gradio's page carries its configuration and styles inline; everything comes from this host, so no
        # passage can make a reader's browser call another one
        return (
            "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
            "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; object-src 'none'; "
            f"base-uri 'self'; form-action 'self'; {self.ancestors}"
        )
