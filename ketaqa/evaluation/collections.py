"""Test collections: documents, questions and judgements, in BEIR layout or as quotes (spans)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ketaqa import conversation, loaders
from ketaqa.conversation import Message
from ketaqa.errors import BadCollection, BadQuestion, BadSource
from ketaqa.evaluation import trec
from ketaqa.evaluation.trec import Qrels
from ketaqa.index import Index
from ketaqa.loaders import beir, jsonl
from ketaqa.records import Passage

QUERIES, QUESTIONS, UNANSWERABLE = "queries.jsonl", "questions.jsonl", "unanswerable.jsonl"
# a message that calls for help in place of an answer: neither answerable nor a test of silence
CRISIS = "crisis_or_dangerous"


@dataclass(frozen=True, slots=True)
class Quote:
    """Words of a document that answer a question."""

    doc_id: str
    text: str


@dataclass(frozen=True)
class Collection:
    """A collection to measure on: the questions that have an answer, and how their answers are judged.

    `qrels` judges documents (BEIR); `quotes` judges whatever passage overlaps a quote; one of them is empty. `unanswerable` and
    `crisis` are questions that no document answers and messages that call for help; `histories` what was said before.
    """

    name: str
    path: Path
    questions: dict[str, str]
    qrels: Qrels
    quotes: dict[str, list[Quote]]
    unanswerable: dict[str, str] = field(default_factory=dict)
    crisis: dict[str, str] = field(default_factory=dict)
    histories: dict[str, list[Message]] = field(default_factory=dict)


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


def texts_of(path: Path) -> tuple[dict[str, str], dict[str, str]]:
    """The texts of a BEIR folder's documents by id, and its queries by id."""
    try:
        found, _ = loaders.find([path])
        texts = {d.doc_id: f"{d.title}\n{d.text}" for source in found for d in loaders.read(source).documents}
    except BadSource as error:
        raise BadCollection(str(error)) from error
    return texts, _texts(path / QUERIES) if (path / QUERIES).is_file() else {}


def judged_passages(collection: Collection, index: Index) -> Qrels:
    """Judgements of passages from quotes: 1 for each passage that overlaps a quote of the question."""
    return {
        question_id: {passage_id: 1 for quote in quotes for passage_id in _overlapping(quote, index)}
        for question_id, quotes in collection.quotes.items()
    }


def marked_right(collection: Collection, question_id: str, index: Index, passage: Passage) -> bool:
    """Whether words marked in a passage overlap a quote that answers the question."""
    at, marks = passage.start, []
    for piece in passage.pieces:
        if piece.highlight:
            marks.append((at, at + len(piece.text)))
        at += len(piece.text)
    text = index.document(passage.doc_id).text
    own = [quote.text for quote in collection.quotes[question_id] if quote.doc_id == passage.doc_id]
    quoted = [(text.index(quote), text.index(quote) + len(quote)) for quote in own]
    return any(start < last and first < end for start, end in marks for first, last in quoted)


def _overlapping(quote: Quote, index: Index) -> Iterator[str]:
    start = index.document(quote.doc_id).text.index(quote.text)
    for passage in index.passages_of(quote.doc_id):
        if passage.start < start + len(quote.text) and start < passage.end:
            yield passage.passage_id


def _beir(path: Path, split: str) -> Collection:
    questions = _texts(path / QUERIES)
    doc_ids = {row[0] for row in beir.rows((path / loaders.BEIR_CORPUS).read_bytes(), str(path / loaders.BEIR_CORPUS))}
    judgements = path / "qrels" / f"{split}.tsv"
    qrels = trec.read_qrels(judgements, set(questions), doc_ids)
    judged = {q: qrels[q] for q in questions if any(r > 0 for r in qrels.get(q, {}).values())}
    if not judged:
        raise BadCollection(f"{judgements}: no query has a relevant document; give judgements above 0")
    unanswerable = _texts(path / UNANSWERABLE) if split == "test" and (path / UNANSWERABLE).is_file() else {}
    return Collection(path.resolve().name, path, {q: questions[q] for q in judged}, judged, {}, unanswerable)


def _texts(path: Path) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, row in _rows(path):
        query_id = _field(row, "_id", path, number)
        if query_id in found:
            raise BadCollection(f"{path}: line {number} repeats _id {query_id!r}; give each its own")
        found[query_id] = _field(row, "text", path, number)
    return found


def _spans(path: Path, split: str) -> Collection:
    found, _ = loaders.find([path])
    texts = {d.doc_id: d.text for source in found for d in loaders.read(source).documents}
    collection = Collection(path.resolve().name, path, {}, {}, {})
    seen: set[str] = set()
    for number, row in _rows(path / QUESTIONS):
        question_id = _field(row, "question_id", path / QUESTIONS, number)
        if question_id in seen:
            raise BadCollection(f"{path / QUESTIONS}: line {number} repeats question_id {question_id!r}; give each its own")
        seen.add(question_id)
        _place(collection, row, question_id, texts, number, split)
    if not collection.quotes:
        where = f" of split {split!r}" if split else ""
        raise BadCollection(f"{path / QUESTIONS}: no question{where} has answers; give quotes as answers")
    return collection


def _place(
    collection: Collection, row: dict[str, Any], question_id: str, texts: dict[str, str], number: int, split: str
) -> None:
    path = collection.path / QUESTIONS
    question = _field(row, "question", path, number)
    listed, history = row.get("answers") or [], row.get("history") or []
    for key, value in (("answers", listed), ("history", history)):
        if not isinstance(value, list):
            raise BadCollection(f"{path}: line {number} gives {key} as {value!r}; give a list")
    answers = [_quote(a, texts, path, number) for a in listed]
    try:
        conversation.recent(history)
    except BadQuestion as error:
        raise BadCollection(f"{path}: line {number}: {error}") from error
    if split not in ("", row.get("split")):
        return
    if history:
        collection.histories[question_id] = history
    if answers:
        collection.questions[question_id] = question
        collection.quotes[question_id] = answers
    elif row.get("kind") == CRISIS:
        collection.crisis[question_id] = question
    else:
        collection.unanswerable[question_id] = question


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
    for number, _, row in jsonl.rows(trec.text_of(path), str(path), '{"_id": "q1", "text": "..."}'):
        yield number, row


def _field(row: dict[str, Any], key: str, path: Path, number: int) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value.strip():
        raise BadCollection(f"{path}: line {number} has no {key}; give it as text")
    return value
