"""What stands before every request: size limits, and headers that keep pages and readers safe.

Written as plain ASGI, so that streamed responses stay streams.
"""

from collections.abc import Sequence

from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# the chat sends the conversation back with every turn, so its messages may be larger than a question
CHAT_BODY_SIZE = 4 * 2**20


class TooLarge(Exception):
    """The body passed the limit while it was being read."""


class BodyLimit:
    """Answers 413 to a body above the limit, before it is read whole."""

    def __init__(self, app: ASGIApp, size: int, chat_path: str) -> None:
        self.app, self.size, self.chat_path = app, size, chat_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI interface."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = CHAT_BODY_SIZE if self.chat_path in scope["path"] else self.size
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > limit:
            await too_large(limit)(scope, receive, send)
            return
        seen = 0
        started = False

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                raise TooLarge
            return message

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, counted, watched)
        except TooLarge:
            if not started:
                await too_large(limit)(scope, receive, send)


def too_large(limit: int) -> JSONResponse:
    """The answer to a body above the limit."""
    message = f"the request is larger than {limit} bytes; send less"
    return JSONResponse({"error": {"code": "too_large", "message": message}}, status_code=413)


class SecurityHeaders:
    """Adds a Content-Security-Policy with the allowed embedding pages, and the usual protections, to every response."""

    def __init__(self, app: ASGIApp, allowed_origins: Sequence[str], chat_path: str) -> None:
        self.app, self.chat_path = app, chat_path
        self.ancestors = " ".join(["frame-ancestors", "'self'", *allowed_origins])

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI interface."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        policy = self._policy(scope["path"])

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                headers["Content-Security-Policy"] = policy
                headers["X-Content-Type-Options"] = "nosniff"
                headers["Referrer-Policy"] = "no-referrer"
                headers["Permissions-Policy"] = "camera=(), geolocation=(), microphone=()"
            await send(message)

        await self.app(scope, receive, with_headers)

    def _policy(self, path: str) -> str:
        if self.chat_path not in path:
            return f"default-src 'none'; {self.ancestors}"
        # Gradio's page carries its configuration and styles inline; everything comes from this host, so no
        # passage can make a reader's browser call another one
        return (
            "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
            "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; object-src 'none'; "
            f"base-uri 'self'; form-action 'self'; {self.ancestors}"
        )
