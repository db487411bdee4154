"""Files of one JSON object a line."""

import json
import re
from collections.abc import Iterator
from typing import Any

from ketaqa.errors import BadSource

Row = dict[str, Any]
NO_TEXT = re.compile("[\0\ud800-\udfff]")


def rows(text: str, source: str, example: str, first: int = 1) -> Iterator[tuple[int, str, Row]]:
    """(line number, line, object) for each line that is not blank; BadSource names the line and shows the example."""
    # not splitlines(): U+2028 inside a JSON string is no line end
    for number, line in enumerate(text.split("\n"), first):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:  # ValueError: malformed, or a number of thousands of digits
            raise BadSource(f"{source}: line {number} is not JSON; write one object a line, such as {example}") from error
        if not isinstance(row, dict):
            raise BadSource(f"{source}: line {number} is not a JSON object; write one object a line, such as {example}")
        if not is_text(line) or any(not is_text(value) for value in row.values() if isinstance(value, str)):
            raise BadSource(f"{source}: line {number} holds a NUL or half a character (a lone surrogate); remove it")
        yield number, line, row


def is_text(value: str) -> bool:
    """Whether it can be written as UTF-8 and shown: JSON can spell a NUL, and half of a surrogate pair."""
    return "\0" not in value if value.isascii() else not NO_TEXT.search(value)
