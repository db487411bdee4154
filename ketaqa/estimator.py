"""The retriever as a scikit-learn estimator, for pipelines, clone and GridSearchCV."""

import threading
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from ketaqa import analysis, joining, topk
from ketaqa.errors import BadSetting
from ketaqa.inversion import Block, Inverter
from ketaqa.lexicon import LARGE
from ketaqa.pool import mapped, threaded
from ketaqa.postings import check_weighting
from ketaqa.retriever import Retriever

# texts that are read at a time
GROUP = 1 << 15


class TfidfRetriever(BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """Exact top-k passages for questions.

    weighting: "bm25" (Robertson & Zaragoza 2009) or "tfidf" (scikit-learn's TfidfVectorizer and cosine).
    analyser: "english" (stop words, stems) or "plain". n_jobs: threads that read texts (processes, without `ketaqa[fast]`) and
    search.
    """

    def __init__(self, weighting: str = "bm25", analyser: str = "english", n_jobs: int = 1) -> None:
        self.weighting = weighting
        self.analyser = analyser
        self.n_jobs = n_jobs

    def build_analyzer(self) -> Callable[[str], list[str]]:
        """The function from a text to its terms, for TfidfVectorizer(analyzer=...) for instance."""
        return analysis.analyser(self.analyser).terms

    def fit(self, texts: Sequence[str], y: Any = None) -> "TfidfRetriever":
        """Learn the postings of texts, one passage each. BadSetting for an unknown weighting, or a text that is none."""
        check_weighting(self.weighting)
        texts = _texts(texts)
        table = joining.join(self._blocks(texts), self.weighting, workers=self.n_jobs)
        self.retriever_ = Retriever(table, analysis.analyser(self.analyser))
        self.n_passages_ = len(texts)
        return self

    def _blocks(self, texts: Sequence[str]) -> list[Block]:
        groups = [texts[start : start + GROUP] for start in range(0, len(texts), GROUP)]
        many = any(total >= LARGE for total in accumulate(map(len, texts)))
        make = partial(Inverter, self.analyser, characters=LARGE if many else 0)
        first = make()
        if not first.compiled:  # threads would wait for each other where the interpreter reads
            return list(mapped(make, groups, self.n_jobs))
        # the others begin with the words that one has learned: learning is the interpreter's work
        begun, own = list(map(first, groups[:1])), threading.local()

        def read(group: Sequence[str]) -> Block:
            if not hasattr(own, "job"):
                own.job = first.copy()
            job: Inverter = own.job
            return job(group)

        return [*begun, *threaded(read, groups[1:], self.n_jobs)]

    def search(self, questions: Sequence[str], k: int = 10) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Passage numbers (int64) and scores (float32), both (len(questions), k), padded with -1 and 0."""
        if not hasattr(self, "retriever_"):
            check_is_fitted(self)  # looks the whole object over, in a fifth of a question's time
        if isinstance(k, bool) or not isinstance(k, (int, np.integer)) or k < 1:
            raise BadSetting(f"k is {k!r}; give a whole number of at least 1")
        questions = _texts(questions)
        queries = self.retriever_.counted(questions)
        indices, scores = topk.search(self.retriever_.postings, queries, k, self.n_jobs)
        return indices, scores.astype(np.float32)


def _texts(texts: Sequence[str]) -> list[str]:
    if isinstance(texts, str) or not isinstance(texts, Iterable):
        raise BadSetting(f"{texts!r:.60} is no list of texts; give a list, one text each")
    found = list(texts)
    if set(map(type, found)) - {str}:
        for text in found:
            if not isinstance(text, str):
                raise BadSetting(f"{text!r} is a {type(text).__name__}; every text must be a str")
    return found
