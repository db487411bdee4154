"""Which word of these documents was meant by one that nobody knows?

A word that neither the documents hold nor the table of meanings knows is read as the documents' word that lies one slip of
the fingers away. Useful for: misspelt questions. Not useful for: slips that make another right word.
"""

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import regex
from numpy.typing import NDArray

from ketaqa import semantics
from ketaqa.analysis import TOKEN, Analyser, Words, words
from ketaqa.postings import Vocabulary
from ketaqa.records import Correction

SHORTEST = 4  # letters of a word that may be meant; nearly every shorter word lies one slip from another
TYPED = 3  # letters of a word that is looked at: one may be lost
MOST = 8  # words of a question that are looked at: one with more of them is no misspelt question
# text copied from a page may hold these inside a word: soft hyphen, zero-width space, word joiner, byte order mark
INVISIBLE = dict.fromkeys(map(ord, "\u00ad\u200b\u2060\ufeff"))
LATIN = regex.compile(r"\p{Latin}+")  # elsewhere a word may be a whole sentence


def spelled(text: str) -> set[str]:
    """The words of a text that a misspelt one may have meant."""
    return {word for word in words(text) if len(word) >= SHORTEST and LATIN.fullmatch(word)}


@dataclass(frozen=True)
class Spelling:
    """The words of the documents, sorted, and how often each stands there; `known`: whether a term is in the index."""

    vocabulary: Vocabulary
    counts: NDArray[np.int32]
    analyser: Analyser
    known: Callable[[str], bool]

    def holds(self, read: Words) -> bool:
        """Whether the documents hold every word of a question, so that none is misspelt."""
        return all(term is None or self.known(term) for _, term in read)

    def read(self, question: str) -> tuple[str, tuple[Correction, ...]]:
        """The question with each misspelt word replaced by the word that was meant, and what was replaced.

        Invisible characters are left out.
        """
        question = question.translate(INVISIBLE)
        unknown = [word for word in dict.fromkeys(TOKEN.findall(question)) if self._unknown(word)]
        meant = {word: near for word in unknown[:MOST] if (near := self._nearest(words(word)[0]))}
        if not meant:
            return question, ()
        text = TOKEN.sub(lambda match: meant.get(match.group(), match.group()), question)
        return text, tuple(Correction(typed, word) for typed, word in meant.items())

    def _unknown(self, typed: str) -> bool:
        term = self.analyser.term(typed)
        if term is None or self.known(term):
            return False
        word = words(typed)[0]
        if len(word) < TYPED or not LATIN.fullmatch(word):
            return False
        if len(word) < SHORTEST and typed != typed.lower():
            return False  # an abbreviation
        # the stem stands for forms too rare for the table: "nicked" is no slip for "picked"
        return word not in semantics.table() and term not in semantics.table()

    def _nearest(self, word: str) -> str | None:
        """The word one slip away (optimal string alignment) with the same first letter: the one of the same letters, else
        the one that stands most often. A word of three letters may only have lost a vowel or half of a double letter.

        Two slips, or one in the first letter, made drugs of each other: prednisolone and prednisone, oxazepam and lorazepam.
        """
        from rapidfuzz import process  # only a misspelt question pays for its import
        from rapidfuzz.distance import OSA

        # sorted words that begin alike stand together
        low, high = bisect_left(self._words, word[0]), bisect_left(self._words, chr(ord(word[0]) + 1))
        near = process.extract(word, self._words[low:high], scorer=OSA.distance, score_cutoff=1, limit=None)
        if len(word) < SHORTEST:
            near = [one for one in near if _lost_little(word, one[0])]
        letters = sorted(word)
        # letters in another order were all meant
        best = min(near, key=lambda one: (sorted(one[0]) != letters, -int(self.counts[low + one[2]]), one[0]), default=None)
        return best[0] if best else None

    @cached_property
    def _words(self) -> list[str]:
        return [self.vocabulary[number] for number in range(len(self.vocabulary))]


def _lost_little(word: str, meant: str) -> bool:
    # "mda" is another drug than "mdma", "hep" is no "help"
    place = next((n for n, (a, b) in enumerate(zip(word, meant, strict=False)) if a != b), len(word))
    return len(meant) == len(word) + 1 and (meant[place] in "aeiouy" or meant[place - 1] == meant[place])
