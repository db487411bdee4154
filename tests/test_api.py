"""The HTTP interface, inside the process and as a running server: what it answers, what it refuses, and how."""

import json
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

import ketaqa
from ketaqa.config import MAX_K, Config
from ketaqa.pipeline import KetaQA, open_index
from ketaqa.web import api

JSON = {"Content-Type": "application/json"}
MARKER = "zyxwvutsrq"
PUBLIC = {"Host": "ketaqa.example"}  # on a local host Gradio refuses foreign origins by itself, which would hide a fault
ANSWERS = {
    "answered": "How fast does ketamine work for depression?",
    "abstained": "whats the offside rule",
    "crisis": "I want to kill myself",
    "disclaimer": "Can I take ketamine while pregnant?",
    "markup": "<script>alert(1)</script> side effects 5*3*2 👩🏽‍⚕️?",
}


@pytest.fixture(scope="module")
def client(app):
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def running(server):
    with httpx.Client(base_url=server.url, trust_env=False, timeout=30) as client:
        yield client


@pytest.fixture(params=["in process", "running"])
def http(request):
    return request.getfixturevalue("client" if request.param == "in process" else "running")


@pytest.fixture(scope="module")
def small(tmp_path_factory, make_app):
    """A server with its own settings over a toy collection; a question of "break" breaks it."""
    folder = tmp_path_factory.mktemp("toy")
    (folder / "notes, old").mkdir()
    (folder / "notes, old" / "tea & naïve #1?.md").write_text("# Tea\n\nTea is a hot drink.\n", encoding="utf-8")
    (folder / "chat.txt").write_text("Coffee is a drink too.", encoding="utf-8")
    index = tmp_path_factory.mktemp("index") / "toy.index"
    ketaqa.build([folder], index)

    class Breaking(KetaQA):
        def ask(self, question, *rest):
            if question == "break":
                raise RuntimeError(f"broken by {question}")
            return super().ask(question, *rest)

    settings = Config(index=str(index), max_question_length=50, max_body_size=300)
    app = make_app(Breaking(open_index(config=settings).index, settings))
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        yield client


def error_of(reply, status):
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/json"
    body = reply.json()
    assert list(body) == ["error"]
    assert set(body["error"]) == {"code", "message"}
    assert body["error"]["code"]
    assert "\n" not in body["error"]["message"]
    return body["error"]["message"]


def ask(http, **body):
    reply = http.post("/v1/ask", json=body)
    assert reply.status_code == 200, reply.text
    return reply.json()


@pytest.mark.parametrize("kind", ANSWERS)
def test_ask_gives_what_the_command_line_gives(http, kind, run_ketaqa):
    done = run_ketaqa("ask", ANSWERS[kind], "--json")
    answer = ask(http, question=ANSWERS[kind])
    assert answer == json.loads(done.stdout)
    assert done.returncode == (0 if answer["status"] == "answered" else 1)


def test_an_index_too_large_to_be_asked_at_once_gives_the_same_answers(monkeypatch, make_app, shipped, client):
    monkeypatch.setattr(api, "AT_ONCE", 0)
    with TestClient(make_app(shipped), base_url="http://127.0.0.1") as threaded:
        for question in ANSWERS.values():
            assert ask(threaded, question=question) == ask(client, question=question)
        assert error_of(threaded.post("/v1/ask", json={"question": ""}), 422)


def test_help_comes_through_whatever_else_was_typed(http):
    reply = http.post("/v1/ask", content=json.dumps({"question": "I want to kill myself \ud800"}), headers=JSON)
    assert reply.status_code == 200
    assert [notice["kind"] for notice in reply.json()["notices"]] == ["crisis"]


def test_search_gives_what_the_command_line_gives(http, run_ketaqa):
    done = run_ketaqa("search", "bladder damage", "-k", "3", "--json")
    assert http.get("/v1/search", params={"q": "bladder damage", "k": 3}).json() == json.loads(done.stdout)


def test_search_gives_k_hits_by_rank_and_ten_when_not_said(http):
    for k in (1, 10, MAX_K):
        hits = http.get("/v1/search", params={"q": "ketamine", "k": k}).json()["hits"]
        assert [hit["rank"] for hit in hits] == list(range(1, k + 1))
        assert [hit["score"] for hit in hits] == sorted((hit["score"] for hit in hits), reverse=True)
    assert len(http.get("/v1/search", params={"q": "ketamine"}).json()["hits"]) == 10


def test_documents_are_listed_and_given_whole(http, shipped, run_ketaqa):
    listed = http.get("/v1/documents").json()["documents"]
    assert [d["doc_id"] for d in listed] == [d.doc_id for d in shipped.documents()]
    assert not any("text" in d for d in listed)
    for row in json.loads(run_ketaqa("passages", "--json").stdout)["documents"]:
        reply = http.get(f"/v1/documents/{quote(row['doc_id'])}")
        assert reply.status_code == 200
        assert reply.json().items() >= row.items()


def test_k_counts_the_answer_and_its_alternatives(http):
    for k in (1, 2, 7):
        assert len(ask(http, question="What is ketamine?", k=k)["alternatives"]) == k - 1
    assert len(ask(http, question="What is ketamine?")["alternatives"]) == 3


def test_a_follow_up_is_understood_from_its_history(http, shipped):
    history = [{"role": "user", "content": "Is ketamine legal in the UK?"}, {"role": "assistant", "content": "A passage."}]
    answer = ask(http, question="what about Canada?", history=history)
    assert answer["passage"]["doc_id"] == "legal-status.md"
    assert answer["passage"]["text"] == shipped.ask("what about Canada?", history).passage.text
    assert answer["passage"] != ask(http, question="what about Canada?")["passage"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
def test_health_names_the_index(http, shipped, path):
    index = {"version": shipped.info.version, "passages": shipped.info.passages}
    assert http.get(path).json() == {"status": "ok", "index": index}


def test_the_front_door_leads_to_the_chat(http):
    reply = http.get("/", follow_redirects=False)
    assert (reply.status_code, reply.headers["location"]) == (307, "/chat/")
    assert "KetaQA" in http.get("/chat/").text


def test_openapi_describes_routes_and_errors_as_they_are(http):
    described = http.get("/openapi.json").json()
    operations = {f"{m.upper()} {path}": o for path, methods in described["paths"].items() for m, o in methods.items()}
    assert set(operations) >= {"POST /v1/ask", "GET /v1/search", "GET /v1/documents", "GET /healthz", "GET /readyz"}
    for name, operation in operations.items():
        assert operation["summary"], name
        for status, response in operation["responses"].items():
            schema = response.get("content", {}).get("application/json", {}).get("schema", {})
            while "$ref" in schema:
                schema = described["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
            assert status == "200" or list(schema["properties"]) == ["error"], f"{name} documents another body for {status}"


REFUSED = [  # body, and what the message must say
    ({"question": ""}, ["question is empty", "type a question"]),
    ({"question": " \n\t\u3000"}, ["question is empty", "type a question"]),
    ({"question": "x" * 1001}, ["question has 1001 characters", "at most 1000"]),
    ({"question": "é" * 1001}, ["1001", "1000"]),
    ({"question": "\ud800"}, ["question", "surrogate", "type it again"]),
    ({"question": "ketamine \udfff"}, ["question", "surrogate", "type it again"]),
    ({}, ["body.question", "required"]),
    ({"question": None}, ["body.question", "string"]),
    ({"question": 5}, ["body.question", "string"]),
    ({"question": ["ketamine"]}, ["body.question", "string"]),
    ({"question": "x", "k": 0}, ["body.k", "greater than or equal to 1"]),
    ({"question": "x", "k": -1}, ["body.k", "greater than or equal to 1"]),
    ({"question": "x", "k": MAX_K + 1}, ["body.k", f"less than or equal to {MAX_K}"]),
    ({"question": "x", "k": 1.5}, ["body.k", "integer"]),
    ({"question": "x", "k": "four"}, ["body.k", "integer"]),
    ({"question": "x", "k": None}, ["body.k", "integer"]),
    ({"question": "x", "k": True}, ["body.k", "integer"]),
    ({"question": "x", "k": float("nan")}, ["body.k"]),
    ({"question": "x", "top_k": 3}, ["body.top_k", "not permitted"]),
    ({"question": "x", "history": "hello"}, ["body.history", "list"]),
    ({"question": "x", "history": ["hello"]}, ["body.history.0"]),
    ({"question": "x", "history": [{"role": "system", "content": "a"}]}, ["body.history.0.role", "'user' or 'assistant'"]),
    ({"question": "x", "history": [{"role": "user"}]}, ["body.history.0.content", "required"]),
    ({"question": "x", "history": [{"role": "user", "content": 1}]}, ["body.history.0.content", "string"]),
    ({"question": "x", "history": [{"role": "user", "content": "a"}] * 101}, ["body.history", "100"]),
    ([], ["body"]),
    ("ketamine", ["body"]),
    (None, ["body"]),
]


@pytest.mark.parametrize(("body", "words"), REFUSED, ids=[ascii(body)[:60] for body, _ in REFUSED])
def test_a_wrong_body_is_refused_with_its_place_and_the_remedy(http, body, words):
    message = error_of(http.post("/v1/ask", content=json.dumps(body), headers=JSON), 422)
    for word in words:
        assert word.lower() in message.lower()
    assert "; " in message


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"question": }',
        b"\xff\xfe",
        b'{"question": "\xff"}',
        b"[" * 60000,
        b'{"question":"x","k":' + b"9" * 5000 + b"}",
    ],
)
def test_malformed_json_is_refused(http, body):
    reply = http.post("/v1/ask", content=body, headers=JSON)
    assert reply.status_code in (400, 422)
    assert error_of(reply, reply.status_code)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"])
def test_a_body_that_another_page_could_send_without_asking_is_refused(http, kind):
    # these three kinds cross origins without a preflight
    reply = http.post("/v1/ask", content=b'{"question": "ketamine"}', headers={"Content-Type": kind})
    assert "body" in error_of(reply, 422)


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", ["query.q", "required"]),
        ("q=", ["empty", "type a question"]),
        ("q=%20%0A", ["empty", "type a question"]),
        ("q=" + "x" * 1001, ["1001", "1000"]),
        ("q=x&k=0", ["query.k", "greater than or equal to 1"]),
        (f"q=x&k={MAX_K + 1}", ["query.k", f"less than or equal to {MAX_K}"]),
        ("q=x&k=ten", ["query.k", "integer"]),
    ],
)
def test_a_wrong_search_is_refused(http, query, words):
    message = error_of(http.get(f"/v1/search?{query}"), 422)
    for word in words:
        assert word.lower() in message.lower()


@pytest.mark.parametrize(
    "path", ["/nowhere", "/v1", "/v1/asks", "/v2/ask", "/docs", "/redoc", "/v1/documents/../x", "/.env", "/manifest.json/x"]
)
def test_an_unknown_path_is_404(http, path):
    assert error_of(http.get(path), 404) == "Not Found"


@pytest.mark.parametrize("doc_id", ["nowhere.md", "", "a/b", "%00", "..%2f..%2fetc%2fpasswd", "<b>"])
def test_an_unknown_document_is_404_with_its_name_and_where_to_look(http, doc_id):
    message = error_of(http.get(f"/v1/documents/{doc_id}"), 404)
    assert "no document" in message
    assert "lists them" in message


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/v1/ask"), ("PUT", "/v1/ask"), ("POST", "/v1/search"), ("POST", "/healthz")],
)
def test_a_wrong_method_is_405_and_names_the_right_one(http, method, path):
    reply = http.request(method, path)
    assert error_of(reply, 405) == "Method Not Allowed"
    assert reply.headers["allow"] in ("GET", "POST")


def pieces(size):
    for _ in range(size // 1000):
        yield b" " * 1000


@pytest.mark.parametrize("body", [b" " * 65537, pieces], ids=["declared", "chunked"])
def test_a_body_over_the_limit_is_413(http, body):
    content = body if isinstance(body, bytes) else body(200_000)
    message = error_of(http.post("/v1/ask", content=content, headers=JSON), 413)
    assert "65536 bytes" in message
    assert "send less" in message


def test_a_body_at_the_limit_is_read(http):
    body = b'{"question": "What is ketamine?"}'
    assert http.post("/v1/ask", content=body + b" " * (65536 - len(body)), headers=JSON).status_code == 200


@settings(deadline=None, max_examples=60)
@given(question=st.text(st.characters(), max_size=60), k=st.integers(1, 5))
def test_any_text_is_answered_exactly_or_refused(client, shipped, question, k):
    reply = client.post("/v1/ask", content=json.dumps({"question": question, "k": k}), headers=JSON)
    if not question.strip() or any("\ud800" <= c <= "\udfff" for c in question):
        error_of(reply, 422)
        return
    assert reply.status_code == 200
    answer = reply.json()
    assert answer["question"] == question
    for passage in [answer["passage"] or {}, *(hit["passage"] for hit in answer["alternatives"])]:
        if passage:
            whole = shipped.document(passage["doc_id"]).text
            assert passage["text"] == whole[passage["start"] : passage["end"]] == "".join(p["text"] for p in passage["pieces"])


def test_a_fault_of_our_own_is_500_protected_and_says_nothing_of_the_question(small):
    reply = small.post("/v1/ask", json={"question": "break"})
    assert "break" not in error_of(reply, 500)
    assert "frame-ancestors 'self'" in reply.headers["content-security-policy"]
    assert reply.headers["x-content-type-options"] == "nosniff"


def test_settings_are_obeyed(small):
    assert "51 characters; ask in at most 50" in error_of(small.post("/v1/ask", json={"question": "x" * 51}), 422)
    assert "300 bytes" in error_of(small.post("/v1/ask", content=b" " * 301, headers=JSON), 413)


def test_the_path_of_a_proxy_is_obeyed(make_app, shipped):
    app = make_app(KetaQA(shipped.index, Config(root_path="/help")))
    with TestClient(app, base_url="http://127.0.0.1", raise_server_exceptions=False) as client:
        assert client.get("/", follow_redirects=False).headers["location"] == "/help/chat/"
        for path in ("/healthz", "/help/healthz", "/chat/", "/help/chat/"):
            assert client.get(path).status_code == 200


def test_any_document_name_can_be_fetched(small):
    names = [d["doc_id"] for d in small.get("/v1/documents").json()["documents"]]
    assert set(names) == {"notes, old/tea & naïve #1?.md", "chat.txt"}
    for name in names:
        assert small.get(f"/v1/documents/{quote(name)}").json()["doc_id"] == name
        assert small.get(f"/v1/documents/{quote(name, safe='')}").json()["doc_id"] == name


READ = [
    "/v1/search?q=ketamine",
    "/v1/documents",
    "/healthz",
    "/chat/",
    "/chat/config",
    "/chat/gradio_api/info",
    "/chat/gradio_api/app_id",
]


@pytest.mark.parametrize("path", READ)
def test_a_foreign_page_reads_nothing(running, path, foreign_pages, allowed_pages):
    for origin in (
        foreign_pages.origin,
        "https://evil.test",
        "null",
        f"{allowed_pages.origin}.evil.test",
        "https://ketaqa.example",
    ):
        reply = running.get(path, headers=PUBLIC | {"Origin": origin})
        assert [name for name in reply.headers if name.startswith("access-control")] == []
        preflight = running.options(path, headers=PUBLIC | {"Origin": origin, "Access-Control-Request-Method": "POST"})
        assert "access-control-allow-origin" not in preflight.headers
        assert preflight.status_code == 400


@pytest.mark.parametrize("path", READ)
def test_an_allowed_page_reads_without_credentials(running, path, allowed_pages):
    headers = PUBLIC | {"Origin": allowed_pages.origin}
    for reply in (
        running.get(path, headers=headers),
        running.options(path, headers=headers | {"Access-Control-Request-Method": "GET"}),
    ):
        assert reply.status_code == 200
        assert reply.headers["access-control-allow-origin"] == allowed_pages.origin
        assert "access-control-allow-credentials" not in reply.headers
        assert "Origin" in reply.headers["vary"]


@pytest.mark.parametrize(("body", "status"), [(b"{}", 422), (b" " * 65537, 413)])
def test_an_allowed_page_can_read_why_it_was_refused(running, allowed_pages, body, status):
    reply = running.post("/v1/ask", content=body, headers=JSON | PUBLIC | {"Origin": allowed_pages.origin})
    assert reply.status_code == status
    assert reply.headers["access-control-allow-origin"] == allowed_pages.origin


def test_gradio_offers_no_interface_of_its_own(http):
    assert http.get("/chat/gradio_api/info").json() == {"named_endpoints": {}, "unnamed_endpoints": {}}
    for name in ("respond", "example", "predict"):
        assert http.post(f"/chat/gradio_api/run/{name}", json={"data": ["x", []]}).status_code >= 400


def test_nobody_can_store_a_file_on_the_server(http):
    reply = http.post("/chat/gradio_api/upload", files={"files": ("x.html", b"<script>alert(1)</script>", "text/html")})
    assert reply.status_code >= 400


def test_no_question_reaches_the_servers_output(running, server):
    ask(running, question=f"{MARKER} ketamine")
    running.get("/v1/search", params={"q": MARKER})
    running.get("/v1/search", params={"q": MARKER, "k": 0})
    running.post("/v1/ask", json={"question": MARKER * 200})
    running.post("/v1/ask", json={"question": [MARKER], MARKER: MARKER})
    running.post("/v1/ask", content=f'{{"question": "{MARKER}'.encode(), headers=JSON)
    assert MARKER not in server.output()


# each with a word of its own, so that one leak is not taken for another's
@pytest.mark.parametrize(
    ("marker", "data"),
    [
        ("whole", ["whole-zyx ketamine", []]),
        ("short", ["short-zyx"]),
        ("table", ["table-zyx", {"a": 1}]),
        ("listed", [["listed-zyx"], []]),
        ("role", ["role-zyx", [{"role": "role-zyx"}]]),
    ],
)
def test_no_question_of_the_chat_reaches_the_servers_output(running, server, marker, data):
    session = f"session-{marker}"
    body = {"data": data, "fn_index": 0, "session_hash": session}
    if running.post("/chat/gradio_api/queue/join", json=body).status_code == 200:
        with running.stream("GET", "/chat/gradio_api/queue/data", params={"session_hash": session}) as events:
            assert any("process_completed" in line for line in events.iter_lines())
    assert f"{marker}-zyx" not in server.output()


def test_the_server_says_where_it_is_and_nothing_more(server):
    assert server.stdout.read_text() == ""
    said = server.stderr.read_text().split(f"KetaQA: {server.url}/chat\n")[0]
    assert said.splitlines() == [line for line in said.splitlines() if line.startswith("loading the chat")]


RESPONSES = [
    ("GET", "/", 307),
    ("GET", "/healthz", 200),
    ("GET", "/v1/search?q=ketamine", 200),
    ("GET", "/v1/search", 422),
    ("GET", "/nowhere", 404),
    ("GET", "/v1/ask", 405),
    ("POST", "/v1/ask", 422),
    ("GET", "/openapi.json", 200),
    ("GET", "/chat", 307),
    ("GET", "/chat/", 200),
    ("GET", "/chat/nowhere", 404),
    ("GET", "/chat/config", 200),
    ("GET", "/chat/gradio_api/info", 200),
    ("GET", "/chat/gradio_api/runs", 404),
    ("GET", "/chat/gradio_api/file=/etc/passwd", 403),
    ("POST", "/v1/ask", 413),
]


@pytest.mark.parametrize(("method", "path", "status"), RESPONSES)
def test_every_response_is_protected(running, method, path, status, allowed_pages):
    body = b" " * 65537 if status == 413 else b""
    reply = running.request(method, path, content=body, follow_redirects=False)
    assert reply.status_code == status
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert reply.headers["referrer-policy"] == "no-referrer"
    assert "camera=()" in reply.headers["permissions-policy"]
    assert f"frame-ancestors 'self' {allowed_pages.origin}" in reply.headers["content-security-policy"]
    assert "server" not in reply.headers


def test_the_dial_of_answer_or_silence_is_obeyed(small):
    assert ask(small, question="Is tea a drink?", answer_or_silence=0.0)["status"] == "answered"
    assert ask(small, question="Is tea a drink?", answer_or_silence=1.0)["status"] == "abstained"
    assert "answer_or_silence" in error_of(small.post("/v1/ask", json={"question": "tea", "answer_or_silence": 2}), 422)
