"""Questions that readers put to a passage: searched with it, checked word for word, kept apart from the measuring."""

import json
import re

import pytest

import ketaqa
from ketaqa import asked, passages, shipped
from ketaqa.errors import BadSource
from ketaqa.records import Document

TEXT = "The pool opens at seven.\n\nThe sauna is closed on Mondays."
DOCUMENT = Document("a.txt", "a.txt", TEXT, "0" * 64, "a.txt")


def folder_of(tmp_path, *rows):
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.txt").write_text(TEXT)
    (folder / "asked.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def row(**changes):
    return {"doc_id": "a.txt", "quote": "The pool opens at seven.", "questions": ["when can I swim"]} | changes


def test_a_passage_is_found_by_a_word_that_only_its_questions_hold(tmp_path):
    folder = folder_of(tmp_path, row())
    ketaqa.build([folder], tmp_path / "index")
    qa = ketaqa.open(tmp_path / "index")
    (hit,) = qa.search("swim")
    assert hit.passage.text == TEXT
    assert "swim" not in hit.passage.text
    assert qa.document("a.txt").text == TEXT


def test_a_question_put_to_a_passage_finds_it_where_others_hold_its_words_too(tmp_path):
    folder = folder_of(tmp_path, row(quote="The sauna is closed on Mondays.", questions=["is it open"]))
    # shorter, and nothing but the question's words
    (folder / "b.txt").write_text("Open, open.")
    ketaqa.build([folder], tmp_path / "index")
    qa = ketaqa.open(tmp_path / "index")
    assert qa.search("open")[0].passage.doc_id == "b.txt"
    assert qa.search("Is it open?")[0].passage.doc_id == "a.txt"


def test_the_shipped_passages_are_found_by_the_questions_put_to_them():
    qa = ketaqa.open()
    lines = [json.loads(line) for line in (shipped.corpus_path() / asked.ASKED).read_text(encoding="utf-8").splitlines()]
    found = [r["quote"] in qa.search(r["questions"][-1], 1)[0].passage.text for r in lines[::5]]
    assert len(found) > 200
    # a question may stand at two passages, and a quote may run over the end of one
    assert sum(found) >= 0.95 * len(found)


def test_a_file_named_itself_is_found_by_its_questions_too(tmp_path):
    folder = folder_of(tmp_path, row(), row(doc_id="elsewhere.txt"))
    ketaqa.build([folder / "a.txt"], tmp_path / "index")
    assert len(ketaqa.open(tmp_path / "index").search("swim")) == 1


def test_questions_belong_to_the_passage_in_which_their_quote_begins():
    cut = passages.cut(DOCUMENT, 20)
    rows = [asked.Asked("The sauna", ("who",), "x: line 1"), asked.Asked("The pool", ("what", "when"), "x: line 2")]
    found = asked.by_passage(DOCUMENT, cut, rows)
    assert sorted(q for questions in found for q in questions) == ["what", "when", "who"]
    for passage, questions in zip(cut, found, strict=True):
        assert ("who" in questions) == (passage.start <= TEXT.index("The sauna") < passage.end)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"quote": "The pool opens at eight."}, "line 1: the quote is not in a.txt word for word"),
        ({"doc_id": "b.txt"}, "line 1 names document 'b.txt', which is not there"),
        ({"doc_id": 3}, "line 1 has no doc_id"),
        ({"quote": ""}, "line 1 has no quote"),
        ({"questions": "when"}, "line 1: questions is 'when'; give a list of texts"),
        ({"questions": []}, r"line 1: questions is \[\]"),
        ({"questions": [" "]}, "line 1: questions is"),
        ({"questions": ["\ud800"]}, "line 1: questions is"),
        ({"questions": [3]}, "line 1: questions is"),
        ({"quote": " "}, "line 1 has no quote"),
    ],
)
def test_a_malformed_row_is_refused_by_its_line(tmp_path, changes, said):
    folder = folder_of(tmp_path, row(**changes))
    with pytest.raises(BadSource, match=said):
        ketaqa.build([folder], tmp_path / "index")


def test_the_shipped_questions_do_not_repeat_those_that_measure():
    corpus = shipped.corpus_path()

    def plain(text):
        return " ".join(re.findall(r"\w+", text.casefold()))

    lines = (corpus / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    measured = {plain(json.loads(line)["question"]) for line in lines}
    rows = [one for found in asked.load(corpus).values() for one in found]
    assert len(rows) > 500
    assert [q for one in rows for q in one.questions if plain(q) in measured] == []


def test_the_shipped_questions_quote_their_documents_once():
    qa = ketaqa.open()
    for doc_id, rows in asked.load(shipped.corpus_path()).items():
        text = qa.document(doc_id).text
        assert [one.place for one in rows if text.count(one.quote) != 1] == []
