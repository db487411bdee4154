"""The guard as plain ASGI: limits, and headers on whatever the application answers."""

import asyncio
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ketaqa.web.guard import CHAT_BODY_SIZE, BodyLimit, SecurityHeaders

HEADERS = ("content-security-policy", "x-content-type-options", "referrer-policy", "permissions-policy")


class Recorder:
    """An application that reads its body whole and says so."""

    def __init__(self):
        self.body, self.called = b"", False

    async def __call__(self, scope, receive, send):
        self.called = True
        while True:
            message = await receive()
            self.body += message.get("body", b"")
            if not message.get("more_body"):
                break
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
        await send({"type": "http.response.body", "body": b"read"})


def call(app, chunks=(b"",), headers=(), path="/v1/ask", root_path="", kind="http"):
    """What the application sends for a request whose body comes in `chunks`."""
    rest = [{"type": "http.request", "body": c, "more_body": n < len(chunks)} for n, c in enumerate(chunks, 1)]
    sent = []

    async def receive():
        return rest.pop(0)

    async def send(message):
        sent.append(message)

    scope = {"type": kind, "method": "POST", "path": path, "root_path": root_path, "headers": list(headers)}
    asyncio.run(app(scope, receive, send))
    return sent


def status(sent):
    starts = [message for message in sent if message["type"] == "http.response.start"]
    assert len(starts) == 1, "exactly one response begins"
    return starts[0]["status"]


def error_of(sent):
    return json.loads(b"".join(m.get("body", b"") for m in sent if m["type"] == "http.response.body"))["error"]


def policy_of(sent):
    return dict(sent[0]["headers"])[b"content-security-policy"].decode()


@settings(deadline=None, max_examples=100)
@given(st.lists(st.binary(max_size=20), min_size=1, max_size=8), st.integers(0, 60))
def test_a_body_passes_unchanged_exactly_when_it_is_within_the_limit(chunks, limit):
    inner = Recorder()
    sent = call(BodyLimit(inner, limit, "/chat"), chunks)
    whole = b"".join(chunks)
    if len(whole) <= limit:
        assert (status(sent), inner.body) == (200, whole)
    else:
        assert status(sent) == 413
        assert error_of(sent)["code"] == "too_large"


@pytest.mark.parametrize("declared", [b"101", b"999999999", b"-1", b"+5", b"1e3", b"", b"abc", b"5, 5", b"9" * 5000])
def test_a_declared_length_above_the_limit_or_unreadable_never_reaches_the_application(declared):
    inner = Recorder()
    sent = call(BodyLimit(inner, 100, "/chat"), [b"small"], [(b"content-length", declared)])
    assert 400 <= status(sent) < 500
    assert not inner.called
    message = error_of(sent)["message"]
    assert "request" in message
    assert "100 bytes" in message
    assert "send less" in message


@pytest.mark.parametrize("declared", [b"0", b"5", b"100", b"0005"])
def test_a_declared_length_within_the_limit_passes(declared):
    inner = Recorder()
    assert status(call(BodyLimit(inner, 100, "/chat"), [b"small"], [(b"content-length", declared)])) == 200
    assert inner.body == b"small"


# path, the path a proxy puts in front, whether the chat is meant
PATHS = [
    ("/chat", "", True),
    ("/chat/", "", True),
    ("/chat/gradio_api/queue/join", "", True),
    ("/help/chat/config", "/help", True),
    ("/chat/config", "/help", True),  # the proxy took its own path away
    ("/v1/ask", "", False),
    ("/help/v1/ask", "/help", False),
    ("/chatter", "", False),
    ("/v1/documents/chat.md", "", False),
    ("/v1/documents/notes/chat/x.md", "", False),
    ("/help/v1/documents/chat/x.md", "/help", False),
]


@pytest.mark.parametrize(("path", "root_path", "is_chat"), PATHS)
def test_only_the_chat_may_send_more(path, root_path, is_chat):
    limit = CHAT_BODY_SIZE if is_chat else 100
    inner = Recorder()
    sent = call(BodyLimit(inner, 100, "/chat"), [b""], [(b"content-length", str(limit + 1).encode())], path, root_path)
    assert status(sent) == 413
    assert f"{limit} bytes" in error_of(sent)["message"]


def test_a_body_that_grows_too_large_after_the_answer_began_gets_no_second_answer():
    async def hasty(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await receive()
        await send({"type": "http.response.body", "body": b"never"})

    sent = call(BodyLimit(hasty, 3, "/chat"), [b"four"])
    assert status(sent) == 200
    assert all(b"never" not in message.get("body", b"") for message in sent)


def test_a_stream_stays_a_stream():
    seen_before_the_end = []
    sent = []

    async def streaming(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for part in (b"one", b"two"):
            await send({"type": "http.response.body", "body": part, "more_body": True})
            seen_before_the_end.append([m.get("body") for m in sent][1:])
        await send({"type": "http.response.body", "body": b""})

    async def send(message):
        sent.append(message)

    guarded = SecurityHeaders(BodyLimit(streaming, 10, "/chat"), [], "/chat")
    asyncio.run(guarded({"type": "http", "path": "/chat/", "headers": []}, None, send))
    assert seen_before_the_end == [[b"one"], [b"one", b"two"]]


@pytest.mark.parametrize("kind", ["lifespan", "websocket"])
def test_other_protocols_pass_untouched(kind):
    sent = call(SecurityHeaders(BodyLimit(Recorder(), 1, "/chat"), [], "/chat"), [b"more than one"], kind=kind)
    assert sent[0] == {"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]}


@pytest.mark.parametrize("path", ["/", "/v1/ask", "/chat/", "/chat/gradio_api/info", "/nowhere"])
def test_every_response_carries_each_header_once_and_a_closed_policy(path):
    sent = call(SecurityHeaders(Recorder(), ["https://page.example"], "/chat"), path=path)
    names = [name.decode() for name, _ in sent[0]["headers"]]
    assert [names.count(header) for header in HEADERS] == [1] * len(HEADERS)
    assert "content-type" in names
    policy = dict(part.strip().split(" ", 1) for part in policy_of(sent).split(";"))
    assert policy["frame-ancestors"] == "'self' https://page.example"
    assert policy["default-src"] in ("'none'", "'self'")
    sources = {source for values in policy.values() for source in values.split()}
    assert sources <= {"'self'", "'none'", "'unsafe-inline'", "data:", "blob:", "https://page.example"}


def test_the_application_cannot_loosen_the_policy():
    async def loose(scope, receive, send):
        headers = [(b"content-security-policy", b"default-src *"), (b"x-content-type-options", b"sniff")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})

    headers = call(SecurityHeaders(loose, [], "/chat"))[0]["headers"]
    values = [value for name, value in headers if name in (b"content-security-policy", b"x-content-type-options")]
    assert values == [b"default-src 'none'; frame-ancestors 'self'", b"nosniff"]


@pytest.mark.parametrize(("path", "root_path", "is_chat"), PATHS)
def test_only_the_chat_page_may_run_scripts(path, root_path, is_chat):
    sent = call(SecurityHeaders(Recorder(), [], "/chat"), path=path, root_path=root_path)
    assert ("script-src" in policy_of(sent)) == is_chat
