"""Runs and judgements in the formats that retrieval tools exchange."""

import re
from collections.abc import Container, Iterator
from math import isfinite
from pathlib import Path
from urllib.parse import quote, unquote

from ketaqa.errors import BadCollection, BadSource
from ketaqa.loaders.text import decode

Qrels = dict[str, dict[str, int]]
Run = dict[str, list[tuple[str, float]]]

TAG = "ketaqa"


def read_qrels(path: Path, queries: Container[str] | None = None, documents: Container[str] | None = None) -> Qrels:
    """Judgements: BEIR's three columns with tabs (and a header), or TREC's four.

    BadCollection names the line; also of a query or document that is not among those given.
    """
    qrels: Qrels = {}
    for number, line in lines(path):
        fields = line.split("\t") if line.count("\t") == 2 else line.split()
        if number == 1 and fields[-1] == "score":
            continue
        try:
            query_id, doc_id, relevance = (fields[0], fields[2], fields[3]) if len(fields) == 4 else fields
            for kind, one, known in (("query", query_id, queries), ("document", doc_id, documents)):
                if known is not None and one not in known:
                    raise BadCollection(
                        f"{path}: line {number} judges {kind} {one!r}, which is not there; add it or remove the line"
                    )
            if not query_id or not doc_id:
                raise ValueError(line)
            judged = qrels.setdefault(query_id, {})
            if doc_id in judged and judged[doc_id] != int(relevance):
                raise BadCollection(f"{path}: line {number} judges {doc_id!r} for {query_id!r} a second time; keep one")
            judged[doc_id] = int(relevance)
        except ValueError as error:
            remedy = "write query-id, corpus-id and score with tabs between them, or query_id 0 doc_id relevance"
            raise BadCollection(f"{path}: line {number} is not a judgement; {remedy}") from error
    if not qrels:
        raise BadCollection(f"{path}: no judgements there; give a file of query-id, corpus-id and score")
    return qrels


def read_run(path: Path) -> Run:
    """A TREC run, query_id Q0 doc_id rank score tag, in the file's order. BadCollection names the line."""
    run: dict[str, dict[str, float]] = {}
    for number, line in lines(path):
        fields = line.split()
        try:
            query_id, _, doc_id, _, score, tag = fields
            if tag == TAG:
                query_id, doc_id = unquote(query_id), unquote(doc_id)
            if not isfinite(float(score)):
                raise ValueError(score)
            docs = run.setdefault(query_id, {})
            if doc_id in docs:
                raise BadCollection(f"{path}: line {number} names {doc_id!r} for {query_id!r} a second time; keep one")
            docs[doc_id] = float(score)
        except ValueError as error:
            remedy = "write query_id Q0 doc_id rank score tag"
            raise BadCollection(f"{path}: line {number} is not a line of a run; {remedy}") from error
    if not run:
        raise BadCollection(f"{path}: an empty run; give a file of query_id Q0 doc_id rank score tag")
    return {query_id: list(docs.items()) for query_id, docs in run.items()}


def write_run(run: Run, path: Path, tag: str = TAG) -> None:
    """Write a TREC run; scores keep every digit, so that reading it gives the same order."""
    rows = (
        f"{_name(query_id)} Q0 {_name(doc_id)} {rank} {score!r} {tag}\n"
        for query_id, docs in run.items()
        for rank, (doc_id, score) in enumerate(docs, 1)
    )
    path.write_text("".join(rows), encoding="utf-8")


def _name(name: str) -> str:
    # a blank would shift the columns; reading a run of ours turns it back
    return re.sub(r"[\s%]", lambda one: quote(one[0]), name)


def lines(path: Path) -> Iterator[tuple[int, str]]:
    """The numbered lines of a text file that are not blank."""
    for number, line in enumerate(text_of(path).split("\n"), 1):
        if line.strip():
            yield number, line


def text_of(path: Path) -> str:
    """The text of a file; BadCollection when it can't be read."""
    try:
        return decode(path.read_bytes(), str(path))
    except OSError as error:
        raise BadCollection(f"{path}: can't be read ({error.strerror}); name a file that is there") from error
    except BadSource as error:
        raise BadCollection(str(error)) from error
