"""What does each word of a question mean in these documents? A vector a word, and how near each passage lies.

Two things are known of a word: its vector in the shipped table, which is what it means to people at large, and the passages
that hold it, whose mean vector is what it stands for here ("the company it keeps", Firth 1957). Their weighted sum over the
words is the question's vector, so each word's share of a score can be told exactly. Useful for: bringing the passage forward
that says it in other words. Not useful for: finding passages that hold no word of the question, but where an encoder asks.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from ketaqa import compiled, semantics
from ketaqa.analysis import Words
from ketaqa.encoder import Encoder
from ketaqa.postings import Postings

# chosen on one half of the questions of eight public collections, see benchmarks/weights.py
TABLE_WEIGHT = 5.0
COMPANY_WEIGHT = 0.6
# the cosine to an encoder's vector of the question
ENCODER_WEIGHT = 6.0
# what all that weighs where the table made the passages' vectors too
BY_TABLE = 0.4
# passages that speak for a word's company: more of them changed no measure
COMPANY = 32
# what a word of the question before weighs beside the follow-up's own
LENT = 0.3
# the same where the wording stands alone, which may follow the same thread all the same, see benchmarks/follow_up.py
THREAD = 0.1
BLOCK = 8192  # passages whose vectors are compared at a time
# passages of which the compiled look at all pays, and the steps of a number there
LARGE, STEPS = 20_000, 1023
SMALL = 4096  # passages of an index whose vectors are kept unpacked, in 6 MB
# what a product in single precision may be off at most, for a question's vector of length 1: 384 roundings of 6e-8 each of
# numbers that are at most 2 together are half of it
OFF = 1e-4
QUESTION, BEFORE = "(the whole question)", "(the question before)"

Vector = NDArray[np.float64]
Shares = tuple[Iterable[str], Vector]  # words, and a vector each, by rows


@dataclass(frozen=True)
class Meaning:
    """The passages' vectors: codes (passages, half the dimensions) and their mean.

    general: whether the table speaks of their space. encoder: reads questions in the table's place, where it is set.
    weight: what meaning weighs beside what it does with an encoder's vectors. companies: see `remember`.
    """

    postings: Postings
    codes: semantics.Codes
    mean: semantics.Vectors
    general: bool
    encoder: Encoder | None = None
    weight: float = 1.0
    companies: dict[int, Vector] = field(default_factory=dict, repr=False, compare=False)

    def of(self, question: tuple[str, Words], before: tuple[str, Words] = ("", []), lent_at: float = LENT) -> dict[str, Vector]:
        """The vector of each word of a question, given with its words; their sum is the question's.

        An encoder's stands under QUESTION. Words of `before`, the question before, that it lacks are lent at `lent_at`.
        """
        (words, own), idf = self._of(*question, QUESTION)
        # counted words add up, the parts of a vector scatter: their sum grows with the root
        scale = self.weight * sqrt(max(idf, 1.0))
        found = dict(zip(words, scale * own, strict=True))
        if before[0]:
            (words, lent), _ = self._of(*before, BEFORE)
            found = dict(zip(words, lent_at * scale * lent, strict=True)) | found
        return found

    def _of(self, question: str, read: Words, name: str) -> tuple[Shares, float]:
        """The vectors of a question's words, unscaled, and the idf of all of them, those that no passage holds included."""
        occurrences = Counter(read)
        numbers = {term: self.postings.find(term) for _, term in occurrences if term is not None}
        idf = {term: self.postings.idf_of(number) for term, number in numbers.items()}
        held = {term: number for term, number in numbers.items() if number is not None}
        general = self._encoded(question, name) if self.encoder else self._general(occurrences)
        found = self._added(general, self._company(occurrences, held, idf))
        return found, sum(count * idf[term] for (_, term), count in occurrences.items() if term is not None)

    def _added(self, first: Shares, second: Shares) -> Shares:
        """The sum of the shares of each word."""
        (words, vectors), (others, beside) = first, second
        places = {word: place for place, word in enumerate(words)}
        rows = [places.setdefault(word, len(places)) for word in others]
        total = np.zeros((len(places), len(self.mean)))
        total[: len(vectors)] = vectors
        total[rows] += beside
        return places, total

    @cached_property
    def _none(self) -> Shares:
        return [], np.empty((0, len(self.mean)))

    def _encoded(self, question: str, name: str) -> Shares:
        if self.encoder is None or not question.strip():
            return self._none
        return [name], ENCODER_WEIGHT * self.encoder.encode([question]).astype(np.float64)

    def _general(self, occurrences: Mapping[tuple[str, str | None], int]) -> Shares:
        if not self.general:
            return self._none
        times = {word: count for (word, _), count in occurrences.items()}
        words, vectors = semantics.table().vectors(times)
        # the table was fitted on sums divided by the root of the number of words
        scale = TABLE_WEIGHT / sqrt(sum(times[word] for word in words) or 1)
        return words, _times([scale * times[word] for word in words], vectors)

    def _company(
        self, occurrences: Mapping[tuple[str, str | None], int], held: Mapping[str, int], idf: Mapping[str, float]
    ) -> Shares:
        scale = COMPANY_WEIGHT / sqrt(len(held) or 1)
        counts = {word: (term, count) for (word, term), count in occurrences.items() if term is not None and term in held}
        means = np.array([self._mean_of(held[term]) for term, _ in counts.values()]).reshape(-1, len(self.mean))
        return counts, _times([scale * count * idf[term] for term, count in counts.values()], means)

    def _mean_of(self, term: int) -> Vector:
        """The mean of the passages that hold a term, by its weight there; where they are many, of some evenly apart."""
        kept = self.companies.get(term)
        if kept is not None:
            return kept
        held, tf = self.postings.counts(term)
        step = np.arange(min(COMPANY, len(held))) * len(held) // min(COMPANY, len(held))
        weights = self.postings.weights(term, held[step], tf[step])
        return np.asarray(np.einsum("i,ij->j", weights, self._centred(held[step])) / weights.sum())

    def remember(self) -> None:
        """Keep the company of every word of a small index: of all of them, for what people ask is not remembered."""
        if self.small:
            vocabulary = self.postings.vocabulary
            # evidence of headings holds a colon
            words = [n for n in range(len(vocabulary)) if ":" not in vocabulary[n]]
            self.companies.update((number, self._mean_of(number)) for number in words)

    def scores(self, passages: NDArray[np.int64], vector: Vector) -> NDArray[np.float64]:
        """How much nearer than the average passage each of these lies to a question's vector (further: below 0)."""
        return self._nearer(semantics.products(self.codes[passages], vector), passages, vector)

    @property
    def small(self) -> bool:
        """Whether the passages' vectors are kept unpacked."""
        return len(self.codes) <= SMALL

    def nearly(self, passages: NDArray[np.int64], vector: Vector) -> tuple[NDArray[np.float32], float]:
        """`scores` in a small part of the time, for a small index, and what they are off at most."""
        asked = vector.astype(np.float32)
        # picking rows takes longer than looking at twice as many
        near = (self._kept @ asked)[passages] if len(self.codes) < 2 * len(passages) else self._kept[passages] @ asked
        return near, OFF * sqrt(float(vector @ vector))

    def shares(self, passages: NDArray[np.int64], vectors: Vector) -> NDArray[np.float64]:
        """`scores` (vectors, passages) of several vectors with few passages."""
        return self._nearer(semantics.products_of_few(self.codes[passages], vectors), passages, vectors)

    def _nearer(self, near: NDArray[np.float64], passages: NDArray[np.int64], vectors: Vector) -> NDArray[np.float64]:
        average = np.einsum("...j,j->...", vectors, self._mean)[..., None]
        lengths = self._lengths[passages] if self.small else semantics.lengths(self.codes[passages])
        # a passage without a vector is neither near nor far
        return np.where(np.isfinite(lengths), near / lengths - average, 0.0)

    @cached_property
    def _mean(self) -> Vector:
        return self.mean.astype(np.float64)

    @cached_property
    def _lengths(self) -> NDArray[np.float64]:
        return semantics.lengths(self.codes)

    def nearest(self, vector: Vector, count: int) -> NDArray[np.int64]:
        """The numbers of the `count` passages nearest to a question's vector, of all that are nearer than the average one.

        Rising; ties go to the lower number.
        """
        near, numbers, all_numbers = np.empty(0), np.empty(0, dtype=np.int64), self._near(vector, count)
        for start in range(0, len(all_numbers), BLOCK):
            block = all_numbers[start : start + BLOCK]
            scores = self.scores(block, vector)
            near, numbers = np.concatenate([near, scores[scores > 0.0]]), np.concatenate([numbers, block[scores > 0.0]])
            keep = np.sort(np.lexsort((numbers, -near))[:count])
            near, numbers = near[keep], numbers[keep]
        return numbers

    def _near(self, vector: Vector, count: int) -> NDArray[np.int64]:
        """Passages among which the `count` nearest are, rising; all of them where they are few, or numba is not installed."""
        fast = compiled.module("nearing", len(self.codes) >= LARGE)
        largest = float(np.abs(vector).max(initial=0.0))
        if fast is None or len(self.codes) <= count or not largest:
            return np.arange(len(self.codes))
        whole = np.rint(vector * (STEPS / largest)).astype(np.int16).reshape(-1, 2)
        found = np.empty(len(self.codes), dtype=np.float32)
        fast.near(self.codes, np.ascontiguousarray(whole[:, 0]), np.ascontiguousarray(whole[:, 1]), found)
        # each number of the vector is off by half a step at most, and the numbers of a vector of length 1 add up to the root of
        # their count at most; twice that, for what single precision rounds off
        off = sqrt(len(vector))
        return np.flatnonzero(found >= np.partition(found, -count)[-count] - 2.0 * off)

    def _centred(self, passages: NDArray[np.integer]) -> NDArray[np.float64]:
        vectors = self._kept[passages] if self.small else self._less_mean(self.codes[passages])
        return vectors.astype(np.float64)

    @cached_property
    def _kept(self) -> semantics.Vectors:
        return self._less_mean(self.codes)

    def _less_mean(self, codes: semantics.Codes) -> semantics.Vectors:
        vectors = semantics.unpacked(codes) - self.mean
        vectors[~codes.any(axis=1)] = 0.0  # a passage without a vector is neither near nor far
        return np.asarray(vectors, dtype=np.float32)


def _times(factors: list[float], vectors: NDArray[np.floating]) -> Vector:
    """Each row times its factor."""
    return np.array(factors, dtype=np.float64)[:, None] * vectors
