"""Here is a quotation: does its source still say that?

The file that the document was read from is read again; where its whole folder is absent (an index carried to another machine)
the index's copy is all there is. Useful for: citations kept for later. Not useful for: finding passages.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from ketaqa import loaders
from ketaqa.errors import BadSetting, BadSource, UnknownDocument
from ketaqa.index import Index
from ketaqa.loaders import FORMATS, Source
from ketaqa.loaders.text import decode
from ketaqa.records import Document, Receipt


@dataclass(frozen=True, slots=True)
class Quotation:
    """A passage as it was quoted: where it stood, and its words."""

    doc_id: str
    start: int
    end: int
    text: str


def verify(index: Index, quoted: Quotation) -> Receipt:
    """Whether the source says that still: there, elsewhere in the document ("moved"), no more ("changed"), or is "gone"."""
    read_from: Literal["source", "index"] = "source"
    document = None
    try:
        document = _again(index, quoted.doc_id)
    except UnknownDocument:
        pass
    except FileNotFoundError:
        read_from, document = "index", index.document(quoted.doc_id)
    if document is None:
        return Receipt("gone", quoted.doc_id, None, None, read_from)
    if document.text[quoted.start : quoted.end] == quoted.text:
        return Receipt("match", quoted.doc_id, quoted.start, quoted.end, read_from)
    places = list(_places(document.text, quoted.text))
    if not places:
        return Receipt("changed", quoted.doc_id, None, None, read_from)
    start = min(places, key=lambda place: (abs(place - quoted.start), place))
    return Receipt("moved", quoted.doc_id, start, start + len(quoted.text), read_from)


def _again(index: Index, doc_id: str) -> Document | None:
    """The document as its file holds it now, None where it does not; FileNotFoundError where the whole folder is absent."""
    root, path, name = index.file_of(doc_id)
    if not root.is_dir():
        raise FileNotFoundError(root)
    try:
        documents = loaders.read(Source(root, path, name, FORMATS[PurePosixPath(name).suffix.lower()])).documents
    except BadSource:  # gone, or no text any more
        return None
    return next((document for document in documents if document.doc_id == doc_id), None)


def _places(text: str, quote: str) -> Iterator[int]:
    at = text.find(quote)
    while at >= 0:
        yield at
        at = text.find(quote, at + 1)


def saved(text: str, name: str) -> list[Quotation]:
    """The passages in what `ketaqa ask --json`, `ketaqa search --json` or the API gave; BadSetting where there is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise BadSetting(f"{name}: no JSON; give what `ketaqa ask --json` printed") from error
    answers = [one for one in (found if isinstance(found, list) else [found]) if isinstance(one, dict)]
    rows = [row for one in answers for row in (one, *_listed(one, "alternatives"), *_listed(one, "hits"))]
    passages = [row["passage"] for row in rows if row.get("passage")] or [row for row in rows if "text" in row]
    if not passages:
        raise BadSetting(f"{name}: holds no passage; give what `ketaqa ask --json` printed for a question that was answered")
    return [_quotation(passage, name) for passage in passages]


def _listed(found: dict[str, Any], key: str) -> list[dict[str, Any]]:
    rows = found.get(key)
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def _quotation(passage: Any, name: str) -> Quotation:
    kinds = {"doc_id": str, "start": int, "end": int, "text": str}
    for key, kind in kinds.items():
        value = passage.get(key) if isinstance(passage, dict) else None
        if type(value) is not kind:
            raise BadSetting(f"{name}: a passage has {key} {value!r:.60}; give it as it was printed")
    if not passage["text"]:
        raise BadSetting(f"{name}: a passage has no text; give it as it was printed")
    return Quotation(*(passage[key] for key in kinds))


def read(path: str, standard_input: Any) -> list[Quotation]:
    """`saved` of a file, or of standard input for "-"."""
    if path == "-":
        return saved(standard_input.read(), "standard input")
    try:
        return saved(decode(Path(path).read_bytes(), path), path)
    except BadSource as error:
        raise BadSetting(str(error)) from error
    except OSError as error:
        raise BadSetting(f"{path}: can't be read ({error.strerror}); give a file") from error
