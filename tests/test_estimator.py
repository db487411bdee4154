"""Estimator: scikit-learn's manners, and law 4: weighting="tfidf" is TfidfVectorizer and cosine."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from conftest import same_postings
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import GridSearchCV

from ketaqa import compiled, estimator, lexicon, loaders, passages, shipped
from ketaqa.errors import BadIndex, BadSetting
from ketaqa.estimator import TfidfRetriever

SCIFACT = Path(__file__).parents[2] / "shared" / "collections" / "scifact"
TEXTS = ["ketamine dose", "bladder damage from ketamine", "the cost of a session", ""]


def rows(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line.strip()]


def shipped_passages():
    documents = [d for source in loaders.find([shipped.corpus_path()])[0] for d in loaders.read(source).documents]
    return [p.text for d in documents for p in passages.cut(d)]


def shipped_questions():
    return [row["question"] for row in rows(shipped.corpus_path() / "questions.jsonl")]


def assert_law_4(texts, questions, analyser="english", k=20):
    retriever = TfidfRetriever(weighting="tfidf", analyser=analyser).fit(texts)
    indices, scores = retriever.search(questions, k)
    peer = TfidfVectorizer(analyzer=retriever.build_analyzer())
    matrix = peer.fit_transform(texts)
    cosines = (peer.transform(questions) @ matrix.T).toarray()  # rows are of unit length, so this is the cosine
    best = -np.sort(-cosines, axis=1)[:, :k]
    best = np.pad(best, ((0, 0), (0, k - best.shape[1])))
    np.testing.assert_allclose(scores, best, atol=1e-6)
    assert ((indices == -1) == (best == 0)).all()
    found = np.where(indices == -1, 0.0, np.take_along_axis(cosines, np.maximum(indices, 0), axis=1))
    np.testing.assert_allclose(found, best, atol=1e-6)
    assert (best[:, 0] > 0).mean() > 0.9


@pytest.mark.parametrize("analyser", ["english", "plain"])
def test_law_4_on_the_shipped_passages_and_questions(analyser):
    assert_law_4(shipped_passages(), shipped_questions(), analyser)


def test_a_fitted_estimator_can_be_pickled():
    retriever = TfidfRetriever().fit(TEXTS)
    again = pickle.loads(pickle.dumps(retriever))
    assert [a.tolist() for a in again.search(["bladder"], 2)] == [a.tolist() for a in retriever.search(["bladder"], 2)]


@pytest.mark.skipif(not SCIFACT.is_dir(), reason="needs the shared collections")
def test_law_4_on_scifact():
    texts = [f"{row['title']}\n{row['text']}" for row in rows(SCIFACT / "corpus.jsonl")]
    assert_law_4(texts, [row["text"] for row in rows(SCIFACT / "queries.jsonl")][:300])


@pytest.mark.parametrize("weighting", ["bm25", "tfidf"])
@pytest.mark.parametrize("k", [1, 2, 10, np.int64(3)])
def test_search_gives_arrays_of_fixed_type_and_shape_padded(weighting, k):
    indices, scores = TfidfRetriever(weighting).fit(TEXTS).search(["ketamine", "zxqv", "", "bladder cost"], k)
    assert (indices.dtype, scores.dtype) == (np.int64, np.float32)
    assert indices.shape == scores.shape == (4, k)
    assert ((indices == -1) == (scores == 0)).all()
    assert [int((row >= 0).sum()) for row in indices] == [min(k, 2), 0, 0, min(k, 2)]
    for row in indices:
        filled = row[row >= 0]
        assert (row[: len(filled)] == filled).all()
    assert (np.diff(scores, axis=1) <= 0).all()


@pytest.mark.parametrize("texts", [[], [""], ["the", "?!"]])
@pytest.mark.parametrize("weighting", ["bm25", "tfidf"])
def test_texts_without_words_fit_and_find_nothing(texts, weighting):
    indices, scores = TfidfRetriever(weighting).fit(texts).search(["ketamine"], 3)
    assert indices.tolist() == [[-1, -1, -1]]
    assert not scores.any()


def test_no_questions_give_no_rows():
    indices, scores = TfidfRetriever().fit(TEXTS).search([], 3)
    assert indices.shape == scores.shape == (0, 3)


@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_any_sequence_of_texts_will_do(kind):
    indices, _ = TfidfRetriever().fit(kind(TEXTS)).search(kind(["session cost"]), 1)
    assert indices.tolist() == [[2]]


def test_ten_hits_are_the_default():
    assert TfidfRetriever().fit(TEXTS).search(["ketamine"])[0].shape == (1, 10)


def test_parameters_are_read_set_and_cloned():
    retriever = TfidfRetriever(weighting="tfidf", analyser="plain")
    assert retriever.get_params() == {"weighting": "tfidf", "analyser": "plain", "n_jobs": 1}
    assert TfidfRetriever().get_params() == {"weighting": "bm25", "analyser": "english", "n_jobs": 1}
    assert retriever.set_params(weighting="bm25") is retriever
    assert retriever.weighting == "bm25"
    copy = clone(retriever.fit(TEXTS))
    assert copy.get_params() == retriever.get_params()
    with pytest.raises(NotFittedError):
        copy.search(["ketamine"])
    assert "tfidf" in repr(TfidfRetriever("tfidf"))


def test_fit_gives_the_retriever_back_and_forgets_what_it_knew():
    retriever = TfidfRetriever()
    assert retriever.fit(TEXTS) is retriever
    assert retriever.n_passages_ == len(TEXTS)
    retriever.fit(["only cost"])
    assert retriever.n_passages_ == 1
    assert retriever.search(["ketamine"], 1)[0].tolist() == [[-1]]


def test_the_analyzer_is_the_one_that_ranks():
    assert TfidfRetriever(analyser="plain").build_analyzer()("The Doses") == ["the", "doses"]
    assert TfidfRetriever().build_analyzer()("The Doses") == ["dose"]


def finds_itself(retriever, texts, y=None):
    indices, _ = retriever.search(list(texts), 1)
    return float(np.mean(indices[:, 0] == np.arange(len(texts))))


@pytest.mark.parametrize("large", [0, 1 << 60], ids=["threads", "processes"])
def test_two_jobs_learn_what_one_does(monkeypatch, large):
    if large == 0 and not compiled.installed():
        pytest.skip("needs ketaqa[fast]")
    texts = [f"common word{n} thing{n % 13} word{n // 7}, 3.5 mg" for n in range(100)]
    wanted = TfidfRetriever().fit(texts).retriever_.postings
    monkeypatch.setattr(compiled, "_modules", {})
    monkeypatch.setattr(estimator, "GROUP", 8)
    for room in (lexicon, estimator):
        monkeypatch.setattr(room, "LARGE", large)
    found = TfidfRetriever(n_jobs=2).fit(texts).retriever_.postings
    assert same_postings(found, wanted)
    assert found.vocabulary.blob.tolist() == wanted.vocabulary.blob.tolist()


def test_grid_search_runs_over_weightings_and_analysers():
    texts = np.array(["ketamine dose", "bladder damage", "cost of a session", "a session in a clinic"])
    everything = np.arange(len(texts))
    grid = {"weighting": ["bm25", "tfidf"], "analyser": ["english", "plain"]}
    search = GridSearchCV(TfidfRetriever(), grid, scoring=finds_itself, cv=[(everything, everything)], error_score="raise")
    search.fit(texts)
    assert search.cv_results_["mean_test_score"].tolist() == [1.0] * 4
    assert search.best_estimator_.search(["bladder"], 1)[0].tolist() == [[1]]


def test_searching_before_fitting_is_refused():
    with pytest.raises(NotFittedError, match=r"TfidfRetriever.*fit"):
        TfidfRetriever().search(["ketamine"])


@pytest.mark.parametrize("k", [0, -1, 1.5, "3", None, True])
def test_a_k_that_is_no_count_is_refused(k):
    with pytest.raises(BadSetting) as refused:
        TfidfRetriever().fit(TEXTS).search(["ketamine"], k)
    assert f"k is {k!r}; give a whole number" in str(refused.value)


@pytest.mark.parametrize(
    ("texts", "named"),
    [
        ("one text", "list of texts"),
        ([b"bytes"], "bytes"),
        (["fine", None], "NoneType"),
        ([1], "int"),
        ([["nested"]], "list"),
        ([float("nan")], "float"),
        (None, "None"),
        (5, "5"),
    ],
)
def test_texts_that_are_none_are_refused_when_fitting_and_searching(texts, named):
    for use in (TfidfRetriever().fit, TfidfRetriever().fit(TEXTS).search):
        with pytest.raises(BadSetting) as refused:
            use(texts)
        assert named in str(refused.value)


def test_an_unknown_weighting_or_analyser_is_refused_when_fitting():
    with pytest.raises(BadSetting, match="unknown weighting 'lm'; known are bm25, tfidf"):
        TfidfRetriever("lm").fit(TEXTS)
    with pytest.raises(BadIndex, match="unknown analyser 'latin'; known are english, plain"):
        TfidfRetriever(analyser="latin").fit(TEXTS)
