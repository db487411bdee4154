"""What did each word of a question do for the passage that is shown, and what set it before the next?

Useful for: showing why, in the reader's own words. Not useful for: ranking; the terms of the index (explaining).
"""

from collections.abc import Mapping, Sequence

from ketaqa.analysis import Analyser, words
from ketaqa.records import Answer, TermWeight, Why, WordReason, WordRole
from ketaqa.retriever import MEANING
from ketaqa.spelling import INVISIBLE

# said of a word, and of the parts of a score that no single word has
ROLES: dict[WordRole, str] = {
    "matched": "in the passage",
    "beside": "in its heading, or in questions that lead to it",
    "missing": "not in the passage",
    "ignored": "too common to look for",
}
BESIDE = "(word pairs, headings, like questions)"
CLOSEST = "Closest in the documents, though no answer:"
MOST, LEAST = 3, 0.05  # words that are named where a passage stands ahead, and how much each must have made


def why(answer: Answer, analyser: Analyser) -> Why | None:
    """The reasons for an answer; None where none is shown."""
    if answer.passage is None:
        return None
    meant = {c.typed: c.meant for c in answer.corrections}
    question = answer.question.translate(INVISIBLE)
    typed = list(dict.fromkeys(question[t.start : t.end] for t in analyser.tokens(question)))
    read = {word: meant.get(word, word) for word in typed}
    own = _by_word(read, answer.terms, analyser)
    said, found = set(analyser.terms(answer.passage.text)), {t.term for t in answer.terms if t.matched}
    reasons = []
    for word, weight in own.items():
        term = analyser.term(read[word])
        role: WordRole = "ignored"
        if term is not None:
            role = "matched" if term in said else "beside" if term in found else "missing"
        reasons.append(WordReason(word, meant.get(word), role, weight))
    score = sum(t.weight for t in answer.terms)
    beside = score - sum(own.values())
    if not answer.alternatives:
        return Why(tuple(reasons), beside, score)
    second = answer.alternatives[0]
    other = _by_word(read, second.terms, analyser)
    gains = [(word, weight - other[word]) for word, weight in own.items()]
    gains.append(("", beside - (second.score - sum(other.values()))))
    ahead = tuple(sorted(gains, key=lambda gain: -abs(gain[1])))
    return Why(tuple(reasons), beside, score, second.passage.passage_id, score - second.score, ahead)


def said_ahead(why: Why, other: str) -> str:
    """How far a passage stands ahead of another, and by what."""
    parts = [f"{word or BESIDE} {gain:+.1f}" for word, gain in why.ahead_by[:MOST] if abs(gain) >= LEAST]
    rest = why.ahead - sum(gain for _, gain in why.ahead_by[:MOST] if abs(gain) >= LEAST)
    parts += [f"the rest {rest:+.1f}"] if abs(rest) >= LEAST else []
    return f"{why.ahead:.1f} ahead of {other}{': ' if parts else ''}{', '.join(parts)}"


def _by_word(read: Mapping[str, str], terms: Sequence[TermWeight], analyser: Analyser) -> dict[str, float]:
    """What each word as typed added, counted and by its meaning. Of several words of one term the first has all."""
    weights = {t.term: t.weight for t in terms}
    found, taken = dict.fromkeys(read, 0.0), set[str]()
    for word, as_read in read.items():
        for term in (analyser.term(as_read), *(MEANING + folded for folded in words(as_read))):
            if term is not None and term not in taken:
                taken.add(term)
                found[word] += weights.get(term, 0.0)
    return found
