"""Test collections: documents, questions and judgements, in BEIR layout or as quotes (spans)."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ketaqa import loaders
from ketaqa.errors import BadCollection, BadSource
from ketaqa.index import Index
from ketaqa.loaders.text import decode

QUERIES, QUESTIONS = "queries.jsonl", "questions.jsonl"

Qrels = dict[str, dict[str, int]]


@dataclass(frozen=True, slots=True)
class Quote:
    """Words of a document that answer a question."""

    doc_id: str
    text: str


@dataclass(frozen=True)
class Collection:
    """A collection to measure on: the questions that have an answer, and how their answers are judged.

    `qrels` judges documents (BEIR); `quotes` judges whatever passage overlaps a quote. One of them is empty.
    """

    name: str
    path: Path
    questions: dict[str, str]
    qrels: Qrels
    quotes: dict[str, list[Quote]]


def read(path: Path, split: str = "") -> Collection:
    """The collection in a folder. BadCollection names the file, the line and the remedy.

    split: BEIR's qrels/<split>.tsv ("test" when empty); of questions.jsonl the rows with that "split" (all when empty).
    """
    try:
        if (path / loaders.BEIR_CORPUS).is_file():
            return _beir(path, split or "test")
        if (path / QUESTIONS).is_file():
            return _spans(path, split)
    except BadSource as error:
        raise BadCollection(str(error)) from error
    raise BadCollection(
        f"{path}: no collection there; give a folder with {loaders.BEIR_CORPUS}, {QUERIES} and qrels/test.tsv, "
        f"or a folder of documents with {QUESTIONS}"
    )


def judged_passages(collection: Collection, index: Index) -> Qrels:
    """Judgements of passages from quotes: 1 for each passage that overlaps a quote of the question."""
    return {
        question_id: {passage_id: 1 for quote in quotes for passage_id in _overlapping(quote, index)}
        for question_id, quotes in collection.quotes.items()
    }


def _overlapping(quote: Quote, index: Index) -> Iterator[str]:
    start = index.document(quote.doc_id).text.index(quote.text)
    for passage in index.passages_of(quote.doc_id):
        if passage.start < start + len(quote.text) and start < passage.end:
            yield passage.passage_id


def _beir(path: Path, split: str) -> Collection:
    questions = {str(row.get("_id", "")): _field(row, "text", path / QUERIES, n) for n, row in _rows(path / QUERIES)}
    judgements = path / "qrels" / f"{split}.tsv"
    qrels = _qrels(judgements)
    unknown = [q for q in qrels if q not in questions]
    if unknown:
        raise BadCollection(f"{judgements}: judges query {unknown[0]!r}, which is not in {QUERIES}; add it there")
    judged = {q: qrels[q] for q in questions if any(r > 0 for r in qrels.get(q, {}).values())}
    if not judged:
        raise BadCollection(f"{judgements}: no query has a relevant document; give judgements above 0")
    return Collection(path.resolve().name, path, {q: questions[q] for q in judged}, judged, {})


def _qrels(path: Path) -> Qrels:
    remedy = "write query-id, corpus-id and score with tabs between them"
    qrels: Qrels = {}
    for number, line in enumerate(_lines(path), 1):
        fields = line.rstrip("\r").split("\t")
        if not line.strip() or (number == 1 and fields[-1:] == ["score"]):
            continue
        try:
            query_id, doc_id, relevance = fields
            qrels.setdefault(query_id, {})[doc_id] = int(relevance)
        except ValueError as error:
            raise BadCollection(f"{path}: line {number} is not a judgement; {remedy}") from error
    return qrels


def _spans(path: Path, split: str) -> Collection:
    found, _ = loaders.find([path])
    texts = {d.doc_id: d.text for source in found for d in loaders.read(source).documents}
    questions: dict[str, str] = {}
    quotes: dict[str, list[Quote]] = {}
    for number, row in _rows(path / QUESTIONS):
        question_id = _field(row, "question_id", path / QUESTIONS, number)
        if question_id in questions:
            raise BadCollection(f"{path / QUESTIONS}: line {number} repeats question_id {question_id!r}; give each its own")
        questions[question_id] = _field(row, "question", path / QUESTIONS, number)
        answers = [_quote(a, texts, path / QUESTIONS, number) for a in row.get("answers") or []]
        if answers and split in ("", row.get("split")):
            quotes[question_id] = answers
    if not quotes:
        where = f" of split {split!r}" if split else ""
        raise BadCollection(f"{path / QUESTIONS}: no question{where} has answers; give quotes as answers")
    return Collection(path.resolve().name, path, {q: questions[q] for q in quotes}, {}, quotes)


def _quote(answer: Any, texts: dict[str, str], path: Path, number: int) -> Quote:
    if not isinstance(answer, dict):
        raise BadCollection(f"{path}: line {number} has an answer that is not {{'doc_id', 'quote'}}; write it so")
    doc_id, quote = _field(answer, "doc_id", path, number), _field(answer, "quote", path, number)
    if doc_id not in texts:
        raise BadCollection(f"{path}: line {number} names document {doc_id!r}, which is not there; mend the doc_id")
    if quote not in texts[doc_id]:
        raise BadCollection(f"{path}: line {number}: the quote is not in {doc_id} word for word; copy it from there")
    return Quote(doc_id, quote)


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(_lines(path), 1):
        if line.strip():
            try:
                row = json.loads(line)
            except (json.JSONDecodeError, RecursionError) as error:
                raise BadCollection(f"{path}: line {number} is not JSON; write one object a line") from error
            if not isinstance(row, dict):
                raise BadCollection(f"{path}: line {number} is not a JSON object; write one object a line")
            yield number, row


def _lines(path: Path) -> list[str]:
    try:
        return decode(path.read_bytes(), str(path)).split("\n")
    except OSError as error:
        raise BadCollection(f"{path}: can't be read ({error.strerror}); a collection needs it") from error


def _field(row: dict[str, Any], key: str, path: Path, number: int) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value.strip():
        raise BadCollection(f"{path}: line {number} has no {key}; give it as text")
    return value
