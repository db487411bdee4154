"""Question to exact top-k passages, and why.

Useful for: ranking. Not useful for: texts and citations.
"""

from collections import Counter
from dataclasses import dataclass, replace
from math import sqrt

import numpy as np

from ketaqa.analysis import Analyser, pairs
from ketaqa.postings import Postings
from ketaqa.records import TermWeight

# what a word in a heading weighs beside the same word in the text; chosen on the dev split, see benchmarks/choices.py
HEADING_WEIGHT = 0.2
# what two neighbouring words that stand together in a passage weigh beside a word, see benchmarks/choices.py
PAIR_WEIGHT = 0.15
# what a word of the question before weighs beside the follow-up's own; on the 309 later turns of MTRAG-UN nDCG@10 is
# 0.744 without, 0.793 with it where the wording leans back (0.802 at 0.5, where it also begins to drown a new subject)
CONTEXT_WEIGHT = 0.3


@dataclass(frozen=True, slots=True)
class QueryTerm:
    """A term of the question: its number in the vocabulary (None: no passage holds it), its weight and its idf.

    `word` is False for evidence beside the question's own words: pairs, headings, and words lent by the question before.
    """

    term: str
    number: int | None
    weight: float
    idf: float
    word: bool = True


@dataclass(frozen=True)
class Retriever:
    """Ranks by the dot product of question and passage weights; exact, deterministic, ties to the lower passage."""

    postings: Postings
    analyser: Analyser

    def query(self, question: str, context: str = "") -> list[QueryTerm]:
        """The weighted terms of a question, sorted by term, so that sums are always taken in the same order.

        Terms of `context` that the question lacks join at CONTEXT_WEIGHT.
        """
        words = self.analyser.terms(question)
        terms = [self._weighed(t, tf) for t, tf in Counter(words).items()]
        paired = [self._weighed(t, tf, PAIR_WEIGHT) for t, tf in Counter(pairs(words)).items()]
        headings = [self._weighed(t, tf, HEADING_WEIGHT) for t, tf in Counter(self.analyser.heading_terms(question)).items()]
        own = {t.term for t in terms}
        lent = [self._weighed(t, 1, CONTEXT_WEIGHT) for t in sorted(set(self.analyser.terms(context)) - own)]
        terms += [replace(t, word=False) for t in paired + headings + lent if t.number is not None]
        terms.sort(key=lambda t: t.term)
        if self.postings.weighting == "tfidf":
            norm = sqrt(sum(t.weight**2 for t in terms if t.number is not None)) or 1.0
            return [replace(t, weight=t.weight / norm) for t in terms]
        return terms

    def _weighed(self, term: str, tf: int, factor: float = 1.0) -> QueryTerm:
        number = self.postings.vocabulary.find(term)
        idf = self.postings.idf(int(self.postings.df[number]) if number is not None else 0)
        return QueryTerm(term, number, factor * tf * idf, idf)

    def search(self, query: list[QueryTerm], k: int) -> list[tuple[int, float]]:
        """(passage number, score) of the k best with a score above 0, by falling score, ties by number."""
        scores = np.zeros(self.postings.passages)
        for term in query:
            if term.number is not None:
                indices, data = self.postings.row(term.number)
                scores[indices] += term.weight * data.astype(np.float64)
        best = np.flatnonzero(scores > 0.0)
        if 0 < k < len(best):
            # keep every passage that ties with the k-th, else the order among equals is left to chance
            best = best[scores[best] >= np.partition(scores[best], -k)[-k]]
        order = np.lexsort((best, -scores[best]))[:k]
        return [(int(n), float(scores[n])) for n in best[order]]

    def explain(self, query: list[QueryTerm], passage: int) -> tuple[TermWeight, ...]:
        """What each term added to a passage's score; the weights sum to it."""
        return tuple(TermWeight(t.term, *self._contribution(t, passage)) for t in query)

    def _contribution(self, term: QueryTerm, passage: int) -> tuple[float, bool]:
        if term.number is None:
            return 0.0, False
        indices, data = self.postings.row(term.number)
        place = int(np.searchsorted(indices, passage))
        if place == len(indices) or indices[place] != passage:
            return 0.0, False
        return term.weight * float(data[place]), True
