"""Question to exact top-k passages, and why.

Useful for: ranking. Not useful for: texts and citations.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ketaqa.analysis import WHOLE, Analyser, Words, pairs
from ketaqa.columns import looked_up
from ketaqa.gathered import Gathered
from ketaqa.meaning import LENT, THREAD, Meaning, Vector
from ketaqa.postings import Postings
from ketaqa.topk import Sums, best, sums

# what a word in a heading weighs beside the same word in the text; chosen on the dev split, see benchmarks/choices.py
HEADING_WEIGHT = 0.2
# what a heading, or a question put to a passage, weighs that equals the question in full: from 1 on nearly all of the questions
# put to the shipped passages find their own, and the measures do not change from 0.2 to 6
WHOLE_WEIGHT = 2.0
# what two neighbouring words that stand together in a passage weigh beside a word, see benchmarks/weights.py
PAIR_WEIGHT = 0.4
# what the mean score of its document's passages weighs beside a passage's own (Callan 1994), see benchmarks/weights.py
DOCUMENT_WEIGHT = 0.4
# the passages, best by their own counted words, that their documents and meaning may bring into another order
CANDIDATES = 500
# passages of which the meaning of each word is told at once
FEW = 32
MEANING = "meaning:"


@dataclass(frozen=True, slots=True)
class QueryTerm:
    """A term of the question: its number in the vocabulary (None: no passage holds it), its weight and its idf.

    `word` is False for evidence beside the question's own words: pairs, headings, words lent by the question before, and
    meanings, which have a `vector` in place of a number.
    """

    term: str
    number: int | None
    weight: float
    idf: float
    word: bool = True
    vector: Vector | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Told:
    """What was found, and what was told of it on the way.

    hits: as `Retriever.search` gives them. rows: those of the question's counted terms. meant: by passage, what the meaning of
    each word added to its score.
    """

    hits: list[tuple[int, float]]
    rows: Gathered | None
    meant: dict[int, list[float]]


@dataclass(frozen=True)
class Retriever:
    """Ranks by the dot product of question and passage weights, and of their vectors where passages have them.

    firsts: the first passage of each document in turn, and the number of passages; without it no document has a share.
    Deterministic; ties go to the lower passage. Exact over a passage's own counted terms, and over all where at most
    CANDIDATES hold a term.
    """

    postings: Postings
    analyser: Analyser
    meaning: Meaning | None = None
    firsts: NDArray[np.int64] | None = None

    def query(self, question: str, context: str = "", read: Words | None = None, leans: bool = True) -> list[QueryTerm]:
        """The weighted terms of a question, sorted by term, so that sums are always taken in the same order.

        Terms of `context`, the question before, that the question lacks join at LENT, or at THREAD where its wording does not
        lean on it. read: the question's words, where they are known already.
        """
        read, before = read or self.analyser.words_and_terms(question), self.analyser.words_and_terms(context)
        words = [term for _, term in read if term is not None]
        lent = {term for _, term in before if term is not None}.difference(words)
        *headings, whole = self.analyser.as_heading(read) or [WHOLE]
        terms = [self._weighed(t, self.postings.find(t), tf) for t, tf in Counter(words).items()]
        terms += self._beside(pairs(words), PAIR_WEIGHT)
        terms += self._beside(headings, HEADING_WEIGHT)
        # a follow-up that equals a question is not that question: "is it safe?" asks of what was spoken of
        terms += self._beside([whole], HEADING_WEIGHT if context.strip() and leans else WHOLE_WEIGHT)
        lent_at = LENT if leans else THREAD
        terms += self._beside(lent, lent_at)
        if self.meaning is not None:
            vectors = self.meaning.of((question, read), (context, before), lent_at)
            terms += [QueryTerm(MEANING + word, None, 0.0, 0.0, False, vector) for word, vector in vectors.items()]
        terms.sort(key=lambda t: t.term)
        if self.postings.weighting == "tfidf":
            norm = _length(t.weight for t in terms if t.number is not None)
            return [replace(t, weight=t.weight / norm) for t in terms]
        return terms

    def counted(self, questions: Iterable[str]) -> list[list[tuple[int, float]]]:
        """For each question the numbers and weights of its own words, as `query` gives them."""
        table, find, terms = self.postings, self.postings.vocabulary.find, self.analyser.terms
        found = []
        for question in questions:
            numbers: dict[int, int] = {}
            for term in terms(question):
                if (number := find(term)) is not None:
                    numbers[number] = numbers.get(number, 0) + 1
            # terms are numbered as they are sorted
            weights = [(number, tf * table.idf(table.df(number))) for number, tf in sorted(numbers.items())]
            if table.weighting == "tfidf":
                norm = _length(weight for _, weight in weights)
                weights = [(number, weight / norm) for number, weight in weights]
            found.append(weights)
        return found

    def _beside(self, terms: Iterable[str], factor: float) -> list[QueryTerm]:
        """Evidence beside the question's own words: those of the terms that a passage holds."""
        find, found = self.postings.find, Counter(terms).items()
        return [self._weighed(t, number, tf, factor, False) for t, tf in found if (number := find(t)) is not None]

    def _weighed(self, term: str, number: int | None, tf: int, factor: float = 1.0, word: bool = True) -> QueryTerm:
        idf = self.postings.idf_of(number)
        return QueryTerm(term, number, factor * tf * idf, idf, word)

    def search(self, query: list[QueryTerm], k: int) -> list[tuple[int, float]]:
        """(passage number, score) of the k best, by falling score, ties by number.

        They are the best by counted terms, of which each holds one at least. Where documents or meaning have a share, they
        come from the CANDIDATES (k, where that is more) that are best by their own counted terms, and where an encoder reads
        the question from those that are nearest to it, too.
        """
        return self.told(query, k).hits

    def told(self, query: list[QueryTerm], k: int) -> Told:
        """What `search` finds, with what else is known of it by then."""
        depth = k if self.firsts is None and self.meaning is None else max(k, CANDIDATES)
        counted = sums(self.postings, [(t.number, t.weight) for t in query if t.number is not None], self._wanted(depth))
        found = counted.best(depth)
        vectors = [t.vector for t in query if t.vector is not None]
        vector, meant = np.sum(vectors, axis=0) if vectors else None, dict[int, list[float]]()
        if self.meaning is not None and self.meaning.encoder is not None and vector is not None:
            found = np.union1d(found, self.meaning.nearest(vector, depth))
        scores = counted.at(found) + self._documents(counted, found)
        if self.meaning is not None and vector is not None:
            near = self._near(found, scores, vector, k)
            found, scores = found[near], scores[near]
            if len(found) <= FEW:
                # of few, that of each word is told as soon as that of their sum
                whole, *parts = self.meaning.shares(found, np.array([vector, *vectors]))
                scores, meant = scores + whole, dict(zip(found.tolist(), np.array(parts).T.tolist(), strict=True))
            else:
                scores = scores + self.meaning.scores(found, vector)
        order = best(np.arange(len(found)), scores, k)
        return Told([(int(found[n]), float(scores[n])) for n in order], counted.rows, meant)

    def _near(self, passages: NDArray[np.int64], scores: NDArray[np.float64], vector: Vector, k: int) -> Any:
        """Those that can be among the k best once their meaning is added to their scores: it is told exactly for few."""
        if self.meaning is None or not self.meaning.small or len(passages) <= k:
            return slice(None)
        meant, off = self.meaning.nearly(passages, vector)
        reached = scores + meant
        return reached >= np.partition(reached, -k)[-k] - 2.0 * off

    def _wanted(self, depth: int) -> int:
        """How many sums will be asked for: those of the candidates, and of the passages beside them."""
        return depth if self.firsts is None else depth * -(-self.postings.passages // max(len(self.firsts) - 1, 1))

    def _documents(self, counted: Sums, passages: NDArray[np.int64]) -> NDArray[np.float64]:
        """What each passage's document adds to its score."""
        if self.firsts is None or not len(passages):
            return np.zeros(len(passages))
        if self._small is not None:
            everything, of, starts, sizes = self._small
            return np.asarray(DOCUMENT_WEIGHT * (np.add.reduceat(counted.at(everything), starts) / sizes)[of[passages]])
        documents = looked_up(self.firsts, passages, "right") - 1  # rising, as the passages are
        new = np.ones(len(documents), dtype=bool)
        np.not_equal(documents[1:], documents[:-1], out=new[1:])
        which, place = documents[new], new.cumsum() - 1
        firsts, sizes = self.firsts[which], self.firsts[which + 1] - self.firsts[which]
        starts = np.cumsum(sizes) - sizes
        siblings = np.arange(sizes.sum()) + np.repeat(firsts - starts, sizes)
        return np.asarray(DOCUMENT_WEIGHT * (np.add.reduceat(counted.at(siblings), starts) / sizes)[place])

    @cached_property
    def _small(self) -> tuple[NDArray[np.int64], ...] | None:
        """Of a small index: all passages, the document of each, the first passages of documents that have any, and how many."""
        if self.firsts is None or self.postings.passages > CANDIDATES:
            return None
        sizes = np.diff(self.firsts)
        sizes, starts = sizes[sizes > 0], self.firsts[:-1][sizes > 0]
        return np.arange(self.postings.passages), np.repeat(np.arange(len(sizes)), sizes), starts, sizes


def _length(weights: Iterable[float]) -> float:
    """The length of a question's vector, 1 where it has none."""
    return sqrt(sum(weight**2 for weight in weights)) or 1.0
