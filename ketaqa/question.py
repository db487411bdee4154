"""A question as it was typed and as it is read, and what its message calls for.

Useful for: one reading of a question for all that look at it. Not useful for: finding passages (retriever).
"""

from dataclasses import dataclass

from ketaqa import conversation, safety
from ketaqa.analysis import Words
from ketaqa.config import MAX_K
from ketaqa.errors import BadQuestion, BadSetting
from ketaqa.records import Correction
from ketaqa.safety import Care


@dataclass(frozen=True, slots=True)
class Asked:
    """A question and the few before it (newest first), as typed and with their misspelt words mended, which is done once."""

    typed: str
    text: str
    corrections: tuple[Correction, ...]
    before: list[str]
    read_before: list[str]
    leans: bool
    read: Words | None  # the words of `text`, where they are known already

    @property
    def context(self) -> str:
        """The question before, as it was read."""
        return conversation.context(self.read_before)

    def care(self) -> Care:
        """What the rules say of it as typed and as read."""
        typed = safety.check_turn(self.typed, self.before, self.leans)
        if [self.text, *self.read_before] == [self.typed, *self.before]:
            return typed
        return safety.joined(typed, safety.check_turn(self.text, self.read_before, self.leans))


def must_be_text(question: object) -> None:
    """BadQuestion for what is no text."""
    if not isinstance(question, str):
        raise BadQuestion(f"the question is a {type(question).__name__}; give it as text")


def checked_k(k: int) -> int:
    """How many passages; BadSetting for what is no such number."""
    if isinstance(k, bool) or not isinstance(k, int) or not 1 <= k <= MAX_K:
        raise BadSetting(f"k is {k!r}; give a whole number from 1 to {MAX_K}")
    return k
