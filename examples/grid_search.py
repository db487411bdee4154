"""Choose a weighting and an analyser for your own texts with scikit-learn's GridSearchCV and nDCG.

    python examples/grid_search.py

The texts are searched as one collection, so every split searches all of them; what is split are the questions.
"""

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.metrics import ndcg_score
from sklearn.model_selection import GridSearchCV

from ketaqa.estimator import TfidfRetriever

TEXTS = [
    "The pool opens at seven in the morning, except on Mondays.",
    "Dogs are welcome in the garden but not in the dining room.",
    "Breakfast is served from eight to ten.",
    "Guests may borrow bicycles; ask at the reception.",
    "The last bus to the station leaves at nine in the evening.",
    "Quiet hours are from ten at night to seven in the morning.",
]
QUESTIONS = [
    "when can I swim",
    "may I bring my dog",
    "when is breakfast served",
    "can I borrow a bicycle",
    "last bus",
    "quiet hours",
]
ANSWERS = [0, 1, 2, 3, 4, 5]  # the number of the text that answers each question


class Searcher(BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """TfidfRetriever over TEXTS, with questions as the samples of cross-validation."""

    def __init__(self, weighting: str = "bm25", analyser: str = "english") -> None:
        self.weighting = weighting
        self.analyser = analyser

    def fit(self, questions: list[str], answers: list[int]) -> "Searcher":
        """Index the texts; the questions of the training split are not used, as nothing is learned from them."""
        self.retriever_ = TfidfRetriever(self.weighting, self.analyser).fit(TEXTS)
        return self

    def score(self, questions: list[str], answers: list[int]) -> float:
        """Mean nDCG@3 of the questions."""
        indices, scores = self.retriever_.search(questions, k=len(TEXTS))
        table = np.zeros((len(questions), len(TEXTS)))
        for row, (numbers, values) in enumerate(zip(indices, scores, strict=True)):
            found = numbers >= 0
            table[row, numbers[found]] = values[found]
        return float(ndcg_score(np.eye(len(TEXTS))[answers], table, k=3))


def main() -> None:
    """Search the grid and print what is best."""
    grid = {"weighting": ["bm25", "tfidf"], "analyser": ["english", "plain"]}
    search = GridSearchCV(Searcher(), grid, cv=3).fit(QUESTIONS, ANSWERS)
    for setting, score in zip(search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True):
        print(f"{score:.3f}  {setting}")
    print(f"best: {search.best_params_}")


if __name__ == "__main__":
    main()
