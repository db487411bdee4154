"""Question to notices: help lines before anything else, a warning where a passage could be misused.

The rules are data (data/safety.toml). A rule's notice stands before the answer ("beside") or in its place ("instead").
Useful for: messages from people in danger. Not useful for: deciding whether a document answers.
"""

import re
import tomllib
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, get_args

from ketaqa import analysis, danger
from ketaqa.records import Link, Notice, NoticeKind
from ketaqa.wordings import Wordings

GRAVEST = get_args(NoticeKind)  # the kinds in falling order
GRAVE = ("crisis", "emergency")  # those of messages from danger
WARNED = (*GRAVE, "dosing")  # those after which no passage is shown that was not asked for
AMOUNT = re.compile(r"\d\s?(?:mg|mcg|µg|milligrams?|micrograms?)\b", re.IGNORECASE)
# how a message begins that goes on, and words by which it would speak of the one who writes
CONTINUES = frozenset(["also", "and", "but", "now", "ok", "okay", "or", "so", "then"])
SELF = frozenset(["i", "id", "im", "ive", "me", "myself"])
# chosen by benchmarks/fit_danger.py: above the first help stands in place of an answer, above the second beside one
INSTEAD = 0.89
BESIDE = 0.72
RULES = Path(__file__).parent / "data" / "safety.toml"
# characters at either end of a message that are read
LONGEST = 2000
APOSTROPHES = re.compile("[‘’‛´`ʼʹ′]")
_WORDS = re.compile(r"<(\w+)>")
_NO_WORD = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Rule:
    """A notice, whether it takes the answer's place, and the wordings that do not call for it."""

    notice: Notice
    instead: bool
    unless: tuple[re.Pattern[str], ...]


@dataclass(frozen=True, slots=True)
class Care:
    """What the rules say of a question: the notices, gravest first, and whether no passage may be shown."""

    notices: tuple[Notice, ...]
    silent: bool

    @property
    def grave(self) -> bool:
        """Whether the message comes from danger, and not from a question on use alone."""
        return any(notice.kind in GRAVE for notice in self.notices)


def check(question: str) -> Care:
    """The notices that a question calls for; of a very long one its beginning and its end are read."""
    text = normalised(question if len(question) <= 2 * LONGEST else f"{question[:LONGEST]} {question[-LONGEST:]}")
    called = _called(text)
    silent = any(rule.instead for rule in called)
    if not silent:
        learned, silent = _learned(text)
        called = learned + [rule for rule in called if rule.notice.kind not in {r.notice.kind for r in learned}]
    # a quiet note adds nothing beside a notice that stands instead of the answer
    shown = [rule for rule in called if rule.instead] if silent else called
    return Care(tuple(dict.fromkeys(rule.notice for rule in shown)), silent)


def _learned(text: str) -> tuple[list[Rule], bool]:
    """The rule that the model of `danger` calls for where no rule fits, and whether it is sure enough for silence."""
    if _continues(text):
        return [], False
    found = danger.probabilities(text)
    risk = 1.0 - found.pop("none")
    kind = max(found, key=lambda k: found[k])
    if risk < BESIDE:
        return [], False
    # asked for by a model that may be wrong, a notice on use stands beside the answer in its quiet form
    silent = risk >= INSTEAD
    quiet = kind == "dosing" and not silent
    return [next(rule for rule in _rules() if rule.notice.kind == kind and rule.instead != quiet)], silent


def _continues(text: str) -> bool:
    """Whether a message only goes on ("and the liver?", "now?"): the model learned from whole ones, and takes it for danger."""
    words = text.split()
    few = sum(word not in analysis.analyser("english").stop_words for word in words) < 2
    return few and bool(words) and words[0] in CONTINUES and not SELF.intersection(words)


def suits(notice: Notice, passage: str) -> bool:
    """Whether a notice has a place beside a passage: a remark on medical text has none beside a recipe."""
    return bool(notice.links) or notice.kind in (*GRAVE, "stale") or _medical().search(passage) is not None


@cache
def _medical() -> re.Pattern[str]:
    return re.compile(rf"\b{_data()['medical']}", re.IGNORECASE)


def amounts(text: str) -> bool:
    """Whether a text tells an amount of a drug."""
    return AMOUNT.search(text) is not None


def check_turn(question: str, before: Sequence[str], leans: bool) -> Care:
    """The notices of a question, and of the messages before it (newest first) where one came from danger.

    After such a message help stays in sight: a question that leans on it ("how much would it take") or asks about amounts is
    not answered, any other is answered below the help lines. After one on use alone no question about amounts is answered.
    """
    care = check(question)
    silent = [] if care.silent else [c for c in map(check, before) if c.silent]
    if not silent:
        return care
    grave = next((c for c in silent if c.grave), None)
    asks_amounts = any(notice.kind == "dosing" for notice in care.notices)
    if asks_amounts or (grave and leans):
        return grave or silent[0]
    if grave is None:
        return care
    return Care(tuple(dict.fromkeys(grave.notices + care.notices)), silent=False)


def joined(first: Care, second: Care) -> Care:
    """The notices of both, gravest first, silent where one of them is; then the notices of the silent ones alone."""
    kept = [c for c in (first, second) if c.silent] or [first, second]
    notices = dict.fromkeys(notice for care in kept for notice in care.notices)
    return Care(tuple(sorted(notices, key=lambda n: GRAVEST.index(n.kind))), kept[0].silent)


def normalised(question: str) -> str:
    """Lower case in Unicode's compatibility form, apostrophes left out ("don't" and "dont" are one), words between blanks."""
    # first the apostrophes: the compatibility form takes some of them apart
    text = APOSTROPHES.sub("'", question)
    if text.isascii():  # the same, sooner
        text = text.lower()
    else:
        text = unicodedata.normalize("NFKC", text).casefold()
        # invisible characters inside a word must not hide it
        text = "".join(c for c in text if unicodedata.category(c) != "Cf")
    text = text.replace("od'd", "overdosed").replace("'", "")
    return " ".join(_NO_WORD.sub(" ", text).split())


def _called(text: str) -> list[Rule]:
    """The rules whose wordings fit, in their order."""
    fitting = _wordings().fitting(text)
    return [rule for number, rule in enumerate(_rules()) if number in fitting and _grave(number, rule, text)]


def _grave(number: int, rule: Rule, text: str) -> bool:
    """Whether a rule that fits a text fits it without its harmless words: what stands beside them may not be harmless."""
    if not rule.unless:
        return True
    for harmless in rule.unless:
        text = harmless.sub(" | ", text)
    return number in _wordings().fitting(text)


@cache
def _data() -> dict[str, Any]:
    return tomllib.loads(RULES.read_text(encoding="utf-8"))


def _written_out(patterns: Sequence[str]) -> list[str]:
    return [_WORDS.sub(lambda m: str(_data()["words"][m[1]]), pattern) for pattern in patterns]


@cache
def _wordings() -> Wordings[int]:
    """The wordings of all rules, by the rule's number."""
    rows = enumerate(_data()["rule"])
    return Wordings((number, pattern) for number, row in rows for pattern in _written_out(row["patterns"]))


@cache
def _rules() -> tuple[Rule, ...]:
    lines = {key: tuple(Link(**link) for link in links) for key, links in _data()["lines"].items()}

    def rule(row: dict[str, Any]) -> Rule:
        notice = Notice(row["kind"], row["text"], lines[row["lines"]] if "lines" in row else ())
        unless = (re.compile(rf"\b(?:{pattern})\b") for pattern in _written_out(row.get("unless", [])))
        return Rule(notice, row["instead"], tuple(unless))

    return tuple(map(rule, _data()["rule"]))
