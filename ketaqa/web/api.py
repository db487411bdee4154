"""The HTTP interface, version 1, with the chat mounted beside it."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Annotated, Any, Literal

import orjson
from fastapi import FastAPI, Query, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import FileResponse, JSONResponse, RedirectResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

import ketaqa
from ketaqa import receipts
from ketaqa.config import MAX_K
from ketaqa.errors import BadQuestion, UnknownDocument
from ketaqa.pipeline import DEFAULT_K, KetaQA
from ketaqa.records import Answer, Citation, Correction, Document, Hit, Passage, Receipt, TermWeight
from ketaqa.web.guard import BodyLimit, Faults, RootPath, SecurityHeaders

CHAT, EVALUATE = "/chat", "/evaluate"
# passages of an index whose questions are answered where they arrive: in a few milliseconds at most, in turn, and sooner than
# threads could, which take the interpreter from each other
AT_ONCE = 5000
ANSWER, HIT = ([field.name for field in fields(kind)] for kind in (Answer, Hit))
FAVICON = Path(__file__).parent / "favicon.svg"


class Turn(BaseModel):
    """An earlier message of the conversation."""

    role: Literal["user", "assistant"]
    content: str


class Question(BaseModel):
    """What `POST /v1/ask` takes; `k` is how many passages to give back in all."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"question": "What is ketamine?"}]})

    question: str
    history: list[Turn] = Field(default_factory=list, max_length=100)
    k: int = Field(DEFAULT_K, ge=1, le=MAX_K, strict=True)
    answer_or_silence: float | None = Field(None, ge=0.0, le=1.0, description="from which confidence an answer is shown")


class Fault(BaseModel):
    """What went wrong, for programs and for people."""

    code: str
    message: str


class Problem(BaseModel):
    """The body of every error."""

    error: Fault


PROBLEMS = {
    404: "No such document or address",
    413: "The request is larger than the limit",
    422: "The request or the question is not usable",
    500: "A fault of the server",
}


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A hit of `GET /v1/search`."""

    rank: int
    score: float
    passage: Passage
    citation: Citation


@dataclass(frozen=True, slots=True)
class Found:
    """What `GET /v1/search` gives."""

    query: str
    hits: list[SearchHit]
    corrections: tuple[Correction, ...] = ()


def create_app(qa: KetaQA) -> FastAPI:
    """The application over an opened index: /v1, /healthz and the chat at /chat."""
    app = FastAPI(
        title="KetaQA",
        version=ketaqa.__version__,
        summary="Passages, word for word, with their citations.",
        # the interactive pages that come with the framework load scripts from another host
        docs_url=None,
        redoc_url=None,
        responses={status: {"model": Problem, "description": words} for status, words in PROBLEMS.items()},
    )
    _errors(app)
    _routes(app, qa)
    _mount_chat(app, qa)
    origins = list(qa.config.allowed_origins)
    # the first added is the innermost
    app.add_middleware(Faults)
    upload_path = EVALUATE if qa.config.evaluate_page else None
    app.add_middleware(BodyLimit, size=qa.config.max_body_size, chat_path=CHAT, upload_path=upload_path)
    # always there, also with no origin: without it Gradio would answer any origin, with credentials
    app.add_middleware(CORSMiddleware, allow_origins=origins, allow_methods=["GET", "POST"], allow_headers=["Content-Type"])
    app.add_middleware(SecurityHeaders, origins, CHAT, EVALUATE)
    app.add_middleware(RootPath, root_path=qa.config.root_path)
    return app


def _routes(app: FastAPI, qa: KetaQA) -> None:
    at_once = qa.info.passages <= AT_ONCE and not qa.config.encoder

    @app.post("/v1/ask", summary="Ask a question", response_model=Answer)
    async def ask(body: Question) -> Response:
        asked = body.question, [turn.model_dump() for turn in body.history], body.k, body.answer_or_silence
        answer = qa.ask(*asked) if at_once else await run_in_threadpool(qa.ask, *asked)
        return Response(_as_json(answer), media_type="application/json")

    @app.get("/v1/search", summary="List the best passages")
    def search(q: Annotated[str, Query()], k: Annotated[int, Query(ge=1, le=MAX_K)] = 10) -> Found:
        hits = [SearchHit(h.rank, h.score, h.passage, h.citation) for h in qa.search(q, k)]
        return Found(q, hits, qa.corrections(q))

    @app.get("/v1/verify", summary="Does the source still say what was quoted?")
    def verify(
        doc_id: Annotated[str, Query(min_length=1)],
        start: Annotated[int, Query(ge=0)],
        end: Annotated[int, Query(ge=1)],
        text: Annotated[str, Query(min_length=1)],
    ) -> Receipt:
        return receipts.verify(qa.index, receipts.Quotation(doc_id, start, end, text))

    @app.get("/v1/documents", summary="List the documents")
    def documents() -> dict[str, list[dict[str, Any]]]:
        return {"documents": [_described(d) for d in qa.documents()]}

    @app.get("/v1/documents/{doc_id:path}", summary="A document with its passages")
    def document(doc_id: str) -> dict[str, Any]:
        found = qa.document(doc_id)
        keys = ("passage_id", "start", "end", "section")
        passages = [{key: getattr(p, key) for key in keys} for p in qa.passages(doc_id)]
        return _described(found) | {"text": found.text, "passages": passages}

    @app.get("/healthz", summary="Is the server up?")
    @app.get("/readyz", summary="Is the index open?")
    def health() -> dict[str, Any]:
        return {"status": "ok", "index": asdict(qa.info)}

    @app.get("/manifest.json", include_in_schema=False)
    def manifest() -> dict[str, str]:
        # Gradio's page asks for it at the root of the host, wherever the chat is mounted
        return {"name": "KetaQA", "start_url": f"{qa.config.root_path}{CHAT}/", "display": "browser"}

    @app.get("/favicon.ico", include_in_schema=False)
    def favicon() -> FileResponse:
        return FileResponse(FAVICON, media_type="image/svg+xml")

    @app.get("/", include_in_schema=False)
    def home() -> RedirectResponse:
        return RedirectResponse(f"{qa.config.root_path}{CHAT}/")


def _as_json(answer: Answer) -> bytes:
    # an answer has some hundred terms, and orjson takes ten times as long over objects with slots as over dicts
    others = [{name: getattr(hit, name) for name in HIT} | {"terms": _rows(hit.terms)} for hit in answer.alternatives]
    body = {name: getattr(answer, name) for name in ANSWER} | {"alternatives": others, "terms": _rows(answer.terms)}
    try:
        return orjson.dumps(body)
    except orjson.JSONEncodeError:
        # half of a pair of characters, which has no UTF-8: help must come through all the same
        return json.dumps(asdict(answer)).encode()


def _rows(terms: Sequence[TermWeight]) -> list[dict[str, Any]]:
    return [{"term": t.term, "weight": t.weight, "matched": t.matched} for t in terms]


def _described(document: Document) -> dict[str, Any]:
    row = asdict(document)
    for key in ("text", "headings", "source"):
        del row[key]
    return row


def _mount_chat(app: FastAPI, qa: KetaQA) -> None:
    from ketaqa.web.chat import CSS, EXAMPLES, SCRIPT, chat

    shipped = not qa.config.index
    _mount(app, qa, chat(qa, EXAMPLES if shipped else []), CHAT, css=CSS, head=f"<script>{SCRIPT}</script>")
    if qa.config.evaluate_page:
        from ketaqa.web.workbench import workbench

        _mount(app, qa, workbench(qa.config.collections), EVALUATE)


def _mount(app: FastAPI, qa: KetaQA, blocks: Any, path: str, **page: Any) -> None:
    import gradio as gr

    blocks.queue(max_size=256, default_concurrency_limit=None, api_open=False)
    gr.mount_gradio_app(
        app,
        blocks,
        path=path,
        root_path=f"{qa.config.root_path}{path}" if qa.config.root_path else None,
        show_error=False,
        run_history=False,
        enable_monitoring=False,
        mcp_server=False,
        pwa=False,
        ssr_mode=False,
        footer_links=[],
        **page,
    )


def _errors(app: FastAPI) -> None:
    def refused(status: int, code: str, message: str, headers: Any = None) -> JSONResponse:
        return JSONResponse({"error": {"code": code, "message": message}}, status_code=status, headers=headers)

    @app.exception_handler(BadQuestion)
    def bad_question(request: Request, error: BadQuestion) -> JSONResponse:
        return refused(422, "bad_question", str(error))

    @app.exception_handler(UnknownDocument)
    def unknown(request: Request, error: Exception) -> JSONResponse:
        return refused(404, "unknown_document", str(error))

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        # where and why, never the value: it may be the question
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        why = str(first["msg"])
        if "json" not in request.headers.get("content-type", "") and where == "body":
            why = "send the question as JSON, with the header Content-Type: application/json"
        return refused(422, "invalid_request", f"{where}: {why}; see /openapi.json")

    @app.exception_handler(HTTPException)
    def http(request: Request, error: HTTPException) -> JSONResponse:
        return refused(error.status_code, f"http_{error.status_code}", str(error.detail), error.headers)
