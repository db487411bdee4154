"""Which of many expressions fit a message? Each is tried only where a word begins as it can begin.

As one large expression they were tried at every word, most of them in vain. Useful for: rules kept as data. Not useful for:
texts that are not normalised as `safety` does it.
"""

import re
from collections.abc import Callable, Hashable, Iterable
from typing import Generic, TypeVar

Name = TypeVar("Name", bound=Hashable)
ANY = ""  # the opening of an expression that may begin with anything
_LITERAL = re.compile(r"[a-z0-9][a-z0-9 ](?![?*{])|[a-z0-9]$")
_SIGNS = re.compile(r"\\[()|]|\[[^]]*[()|]")  # brackets and bars that are meant as such
_ONE_LETTER = re.compile(r"([a-z0-9])\(\?: \\w\+\)\{0,\d\}(?= )")  # and then some words or none


class Wordings(Generic[Name]):
    """Named expressions that fit whole words of a message: words in lower case with one blank between them."""

    def __init__(self, expressions: Iterable[tuple[Name, str]]) -> None:
        self._written: dict[str, list[tuple[Name, str]]] = {}
        for name, expression in expressions:
            for opening in openings(expression):
                self._written.setdefault(opening, []).append((name, expression))
        # compiled when first tried: one question tries few
        self._compiled: dict[str, list[tuple[Name, Callable[[str, int], object]]]] = {}

    def fitting(self, text: str) -> set[Name]:
        """The names of which an expression fits."""
        found: set[Name] = set()
        at, padded = 0, f"{text} "
        for word in text.split(" "):
            for opening in (padded[at : at + 2], ANY):
                if opening in self._written:
                    found.update(name for name, fits in self._tried(opening) if fits(text, at))
            at += len(word) + 1
        return found

    def _tried(self, opening: str) -> list[tuple[Name, Callable[[str, int], object]]]:
        if opening not in self._compiled:
            written = self._written[opening]
            self._compiled[opening] = [(name, re.compile(rf"(?:{expression})\b").match) for name, expression in written]
        return self._compiled[opening]


def openings(expression: str) -> set[str]:
    """The first two characters of all that an expression fits (a blank after a word of one); ANY where that can't be told."""
    if _SIGNS.search(expression):
        return {ANY}
    *choices, _ = _choices(f"(?:{expression})")
    return {opening for choice in choices for opening in _openings(choice)}


def _openings(expression: str) -> set[str]:
    if not expression.startswith("(?:"):
        literal = _LITERAL.match(_ONE_LETTER.sub(r"\1", expression))
        return {literal[0].ljust(2)} if literal else {ANY}
    *choices, rest = _choices(expression)
    if rest.startswith(("?", "*", "{")):
        return {ANY}
    return {opening for choice in choices for opening in _openings(choice + rest if len(choice) < 2 else choice)}


def _choices(expression: str) -> list[str]:
    """What the group that an expression begins with may be, in turn, and what follows the group."""
    found, depth, start = [], 0, len("(?:")
    for place, sign in enumerate(expression):
        depth += {"(": 1, ")": -1}.get(sign, 0)
        if (depth == 1 and sign == "|") or not depth:
            found.append(expression[start:place])
            start = place + 1
        if not depth:
            break
    return [*found, expression[start:]]
