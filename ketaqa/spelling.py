"""Which word of these documents was meant by one that nobody knows?

A word that neither the documents hold nor the table of meanings knows is read as the documents' word that lies one slip of
the fingers away (two, in long words). Useful for: misspelt questions. Not useful for: slips that make another right word.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ketaqa import semantics
from ketaqa.analysis import TOKEN, Analyser, words
from ketaqa.postings import Vocabulary
from ketaqa.records import Correction

SHORTEST = 4  # letters; nearly every shorter word lies one slip from another
LONG = 7  # letters, from which two slips are forgiven


def spelled(text: str) -> set[str]:
    """The words of a text that a misspelt one may have meant."""
    return {word for word in words(text) if len(word) >= SHORTEST and word.isalpha()}


@dataclass(frozen=True)
class Spelling:
    """The words of the documents, sorted, and in how many passages each stands; `known`: whether a term is in the index."""

    vocabulary: Vocabulary
    counts: NDArray[np.int32]
    analyser: Analyser
    known: Callable[[str], bool]

    def read(self, question: str) -> tuple[str, tuple[Correction, ...]]:
        """The question with each misspelt word replaced by the word that was meant, and what was replaced."""
        parts: list[str] = []
        found: list[Correction] = []
        end = 0
        for match in TOKEN.finditer(question):
            typed = match.group()
            meant = self._meant(typed)
            if meant:
                parts += [question[end : match.start()], meant]
                end = match.end()
                found.append(Correction(typed, meant))
        return "".join([*parts, question[end:]]), tuple(dict.fromkeys(found))

    def _meant(self, typed: str) -> str | None:
        (word,) = words(typed)
        term = self.analyser.term(typed)
        # the stem stands for forms too rare for the table: "nicked" is no slip for "picked"
        if not spelled(word) or term is None or self.known(term) or word in semantics.table() or term in semantics.table():
            return None
        return self._nearest(word)

    def _nearest(self, word: str) -> str | None:
        """The word at the least distance (optimal string alignment); then the same first letter, the most held."""
        from rapidfuzz import process  # only a misspelt question pays for its import
        from rapidfuzz.distance import OSA

        slips = 1 if len(word) < LONG else 2
        near = process.extract(word, self._words, scorer=OSA.distance, score_cutoff=slips, limit=None)
        if not near:
            return None
        return min(near, key=lambda one: (one[1], one[0][0] != word[0], -int(self.counts[one[2]]), one[0]))[0]

    @cached_property
    def _words(self) -> list[str]:
        return [self.vocabulary[number] for number in range(len(self.vocabulary))]
