"""What does each word of a question mean in these documents? A vector a word, and how near each passage lies.

Two things are known of a word: its vector in the shipped table, which is what it means to people at large, and the passages
that hold it, whose mean vector is what it stands for here ("the company it keeps", Firth 1957). Their weighted sum over the
words is the question's vector, so each word's share of a score can be told exactly. Useful for: bringing the passage forward
that says it in other words. Not useful for: passages that hold no word of the question (retriever).
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from ketaqa import semantics
from ketaqa.analysis import Analyser
from ketaqa.encoder import Encoder
from ketaqa.postings import Postings

# chosen on one half of the questions of eight public collections, see benchmarks/weights.py
TABLE_WEIGHT = 16.0
COMPANY_WEIGHT = 2.0
# the cosine to an encoder's vector of the question; from 12 to 20 the means of those collections moved by 0.003
ENCODER_WEIGHT = 20.0
# passages that speak for a word's company: more of them changed no measure
COMPANY = 32
QUESTION, BEFORE = "(the whole question)", "(the question before)"

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class Meaning:
    """The passages' vectors: codes (passages, half the dimensions) and their mean.

    general: whether the table speaks of their space. encoder: reads questions in the table's place, where it is set.
    """

    postings: Postings
    codes: semantics.Codes
    mean: semantics.Vectors
    general: bool
    encoder: Encoder | None = None

    def of(self, question: str, analyser: Analyser, name: str = QUESTION) -> dict[str, Vector]:
        """The vector of each word of a question; their sum is the question's. An encoder's stands under `name`."""
        occurrences = Counter(analyser.words_and_terms(question))
        found: dict[str, Vector] = {}
        general = self._encoded(question, name) if self.encoder else self._general(occurrences)
        for share in (general, self._company(occurrences)):
            for word, vector in share.items():
                found[word] = found.get(word, np.zeros(len(self.mean))) + vector
        return found

    def _encoded(self, question: str, name: str) -> dict[str, Vector]:
        if self.encoder is None or not question.strip():
            return {}
        return {name: ENCODER_WEIGHT * self.encoder.encode([question])[0].astype(np.float64)}

    def _general(self, occurrences: Mapping[tuple[str, str | None], int]) -> dict[str, Vector]:
        if not self.general:
            return {}
        known = semantics.table().vectors([word for word, _ in occurrences])
        times = {word: count for (word, _), count in occurrences.items() if word in known}
        # the table was fitted on sums divided by the root of the number of words
        scale = TABLE_WEIGHT / sqrt(sum(times.values()) or 1)
        return {word: scale * times[word] * known[word].astype(np.float64) for word in times}

    def _company(self, occurrences: Mapping[tuple[str, str | None], int]) -> dict[str, Vector]:
        numbers = {term: self.postings.vocabulary.find(term) for _, term in occurrences if term is not None}
        held = {term: number for term, number in numbers.items() if number is not None}
        scale = COMPANY_WEIGHT / sqrt(len(held) or 1)
        found: dict[str, Vector] = {}
        for (word, term), count in occurrences.items():
            if term in held:
                number = held[term]
                idf = self.postings.idf(int(self.postings.df[number]))
                found[word] = scale * count * idf * self._mean_of(number)
        return found

    def _mean_of(self, term: int) -> Vector:
        """The mean of the passages that hold a term, by the term's weight there; where they are many, of some evenly apart."""
        indices, data = self.postings.row(term)
        step = np.arange(min(COMPANY, len(indices))) * len(indices) // min(COMPANY, len(indices))
        weights = data[step].astype(np.float64)
        return np.asarray(np.einsum("i,ij->j", weights, self._centred(indices[step])) / weights.sum())

    def scores(self, passages: NDArray[np.int64], vector: Vector) -> NDArray[np.float64]:
        """How much nearer than the average passage each of these lies to a question's vector (further: below 0)."""
        # not "@", which adds up equal rows in different orders, so that equal passages would not tie
        return np.asarray(np.einsum("ij,j->i", self._centred(passages), vector))

    def _centred(self, passages: NDArray[np.integer]) -> NDArray[np.float64]:
        codes = self.codes[passages]
        vectors = (semantics.unpacked(codes) - self.mean).astype(np.float64)
        vectors[~codes.any(axis=1)] = 0.0  # a passage without a vector is neither near nor far
        return vectors
