"""Markdown files to Documents: front matter becomes metadata, headings become the section path.

The text stays as the author typed it, so that "5*3*2" is never read as emphasis; only the marks of heading lines
("##", underlines) are taken away.
"""

import datetime
import hashlib
import re
from itertools import pairwise

from ketaqa.errors import BadSource
from ketaqa.loaders.jsonl import is_text
from ketaqa.loaders.text import MAX_SIZE, decode, title_of
from ketaqa.records import Document, Heading

KEYS = ("title", "summary", "url", "published", "reviewed", "jurisdiction", "licence")
DATES = ("published", "reviewed")
# an opening line of dashes may also be a thematic break; it is front matter when a "key:" follows
FRONT_MATTER = re.compile(r"\A---[ \t]*\n(?=[\w-]+[ \t]*:)(.*?)^(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
OPENED = re.compile(r"\A---[ \t]*\n[\w-]+[ \t]*:")


def load(data: bytes, source: str) -> Document:
    """A Markdown file as a Document; BadSource when its front matter is malformed."""
    raw = decode(data, source, MAX_SIZE)
    front = FRONT_MATTER.match(raw)
    if front is None and OPENED.match(raw):
        raise BadSource(f"{source}: line 1 opens front matter that is never closed; end it with a line of ---")
    metadata = _metadata(front[1], source) if front else {}
    text, headings = _strip_heading_marks(raw[front.end() :] if front else raw)
    first = next((h.text for h in headings if h.level == 1), None)
    title = metadata.pop("title", None) or first or title_of(source)
    return Document(source, title, text, hashlib.sha256(data).hexdigest(), source, headings, **metadata)


def _metadata(block: str, source: str) -> dict[str, str]:
    import yaml

    remedy = "write it as 'key: value' lines, with quotes around a value that holds a colon"
    try:
        # every value stays as typed: YAML would read "No" as false and 12:30 as 750
        values = yaml.load(block, Loader=yaml.BaseLoader)  # noqa: S506  # this loader makes nothing but text, lists and maps
    except (yaml.YAMLError, RecursionError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", 0) + 2
        raise BadSource(f"{source}: front matter can't be read near line {line}; {remedy}") from error
    if not isinstance(values, dict):
        raise BadSource(f"{source}: front matter is not a list of keys; {remedy}")
    return {key: _value(key, values[key], source) for key in KEYS if values.get(key) not in (None, "")}


def _value(key: str, value: object, source: str) -> str:
    if isinstance(value, (dict, list)):
        raise BadSource(f"{source}: front matter gives {key} as {type(value).__name__}; give one line of text")
    if key in DATES:
        try:
            return datetime.date.fromisoformat(str(value)[:10]).isoformat()
        except ValueError as error:
            raise BadSource(f"{source}: front matter gives {key} as {value!r}; give a date such as 2026-11-23") from error
    words = " ".join(str(value).split())
    if not is_text(words):
        raise BadSource(f"{source}: front matter gives {key} a NUL or half a character (a lone surrogate); remove it")
    return words


def _strip_heading_marks(raw: str) -> tuple[str, tuple[Heading, ...]]:
    from markdown_it import MarkdownIt

    lines = raw.split("\n")
    tokens = MarkdownIt("commonmark").parse(raw)
    headings: list[Heading] = []
    for token, inline in pairwise(tokens):
        # level 0: a heading inside a quotation or a list is no section of this document
        if token.type == "heading_open" and token.map and token.level == 0 and inline.content.strip():
            first, last = token.map
            words = " ".join(inline.content.split())
            lines[first:last] = [words] + [""] * (last - first - 1)
            headings.append(Heading(first, 0, int(token.tag[1:]), words))
    starts = _line_starts(lines)
    placed = tuple(Heading(starts[h.start], starts[h.start] + len(h.text), h.level, h.text) for h in headings)
    return "\n".join(lines), placed


def _line_starts(lines: list[str]) -> list[int]:
    starts, at = [], 0
    for line in lines:
        starts.append(at)
        at += len(line) + 1
    return starts
