"""History and follow-up to what is meant: the question before it lends its words to one that leans on it.

"And how long does that last?" is searched with the words of the question before, at a lower weight than its own; a question
whose wording stands alone with less of them. Useful for: the chat. Not useful for: understanding (no language model is here).
"""

from collections.abc import Mapping, Sequence

import regex

from ketaqa.errors import BadQuestion

Message = Mapping[str, object]

# wordings that continue, and words that point back
LEANS = regex.compile(
    r"^\s*(?:ok|okay|so|thanks?)?[ ,]*(?:and|but|then|also|what about|how about)\b"
    r"|\b(?:it|its|that|this|those|these|they|them|their|there|he|she|him|her|one)\b",
    regex.IGNORECASE,
)

# words that greet, thank, agree or refuse, and words that may stand beside them; "help", "goodbye", "please" and the like may
# be said in need and are neither
CORE = (
    r"(?:hello|hi|hiya|hey|howdy|hallo|hola|bonjour|thanks?|thx|cheers|merci|gracias|danke|ok|okay|alright|yes|yeah|yep|yup|no"
    r"|nope|ja|nein|oui|wow|great|lol|good (?:morning|afternoon|evening|day))"
)
BESIDE = r"(?:a|again|all|and|dear|everyone|for|i|lot|many|much|s|see|so|sure|team|that|thats|the|there|this|very|you)"
COURTESY = regex.compile(rf"\W*(?:\b{BESIDE}\b\W*)*\b{CORE}\b\W*(?:\b(?:{CORE}|{BESIDE})\b\W*)*", regex.IGNORECASE)

# how many questions back a message from danger is still minded
MEMORY = 10


def leans(question: str) -> bool:
    """Whether the wording leans on what was said before."""
    return LEANS.search(question) is not None


def courtesy(message: str) -> bool:
    """Whether a message only greets, thanks or agrees."""
    return COURTESY.fullmatch(message) is not None


def context(before: Sequence[str]) -> str:
    """The question before, of messages newest first, courtesies left out; empty where there is none."""
    return next((message for message in before if not courtesy(message)), "")


def recent(history: Sequence[Message]) -> list[str]:
    """The last MEMORY texts of role "user", newest first; BadQuestion when the history is not a list of messages."""
    found: list[str] = []
    for message in reversed(history):
        if not isinstance(message, Mapping) or message.get("role") not in ("user", "assistant"):
            raise BadQuestion("history: each message must be {'role': 'user' or 'assistant', 'content': text}")
        content = message.get("content")
        if not isinstance(content, str):
            raise BadQuestion(f"history: content is a {type(content).__name__}; give it as text")
        if message["role"] == "user" and len(found) < MEMORY:
            found.append(content)
    return found
