"""Answerer: the marked sentence, the reason for silence."""

from functools import cache

import pytest
from conftest import postings_of
from hypothesis import given, settings
from hypothesis import strategies as st

from ketaqa import answerer, loaders, passages, shipped
from ketaqa.analysis import analyser
from ketaqa.loaders import markdown
from ketaqa.records import Document, Passage, Piece
from ketaqa.retriever import Retriever

ENGLISH = analyser("english")


def passage(text, section=()):
    return Passage("d#1", "d", 0, len(text), text, (Piece(text, False),), section)


def query_of(question, *texts):
    """The query over a small collection of texts; a word in none of them is unknown."""
    return Retriever(postings_of([ENGLISH.terms(t) for t in texts]), ENGLISH).query(question)


def spans(found, document):
    return [(h.start - found.start, h.end - found.start) for h in document.headings if found.start <= h.start < found.end]


def highlighted(found, headings, query, question):
    return answerer.highlighted(found, answerer.reading(found, headings, ENGLISH), answerer.sought(query, question))


def marked(text, question, section=(), headings=()):
    query = query_of(question, text, "something else")
    found = highlighted(passage(text, section), headings, query, question)
    assert "".join(p.text for p in found.pieces) == text
    return [p.text for p in found.pieces if p.highlight]


BODY = "Ketamine is a drug. Bladder damage is a risk. The cost is high."


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("What is ketamine?", "Ketamine is a drug."),
        ("bladder damage", "Bladder damage is a risk."),
        ("What does it COST?", "The cost is high."),
        ("zxqv", "Ketamine is a drug."),  # nothing fits: the first
    ],
)
def test_the_sentence_that_holds_the_question_is_marked(question, sentence):
    assert marked(BODY, question) == [sentence]


def test_the_first_two_of_equal_sentences_are_marked():
    assert marked("Cost is high. Cost is low. Cost is all.", "cost") == ["Cost is high.", "Cost is low."]


def test_a_second_sentence_is_marked_where_it_holds_nearly_as_much():
    text = "It may cost a lot. Weather is fine. The cost of a session is high."
    assert marked(text, "cost session") == ["The cost of a session is high."]
    assert marked(text, "cost") == ["It may cost a lot.", "The cost of a session is high."]


@pytest.mark.parametrize(
    "question",
    [
        "How fast does it work?",
        "how long",
        "How much of it?",
        "how many",
        "How often?",
        "When does it work?",
        "what percent felt it",
    ],
)
def test_a_question_for_a_quantity_prefers_a_sentence_with_a_number(question):
    assert "It works in 40 minutes." in marked("It works in people. It works in rats. It works in 40 minutes.", question)


@pytest.mark.parametrize("question", ["Does it work?", "why does it work", "whenever it works", "somehow longer"])
def test_other_questions_do_not_care_for_numbers(question):
    assert marked("It works in people. It works in rats. It works in 40 minutes.", question)[:1] == ["It works in people."]


def test_a_number_does_not_outweigh_the_subject():
    assert marked("Bladder damage is lasting. 12 people came.", "how long does bladder damage stay") == [
        "Bladder damage is lasting."
    ]


def test_a_heading_is_not_marked_where_there_is_a_body():
    text = "Bladder damage\n\nPain is a sign. Damage may last."
    assert marked(text, "bladder damage", ("Title", "Bladder damage"), [(0, 14)]) == ["Damage may last."]


def test_a_heading_alone_is_marked():
    assert marked("Bladder damage", "bladder damage", ("Bladder damage",), [(0, 14)]) == ["Bladder damage"]


@pytest.mark.parametrize(
    ("source", "heading"),
    [
        ("# Title\n\n## Bladder damage\n\n## Cost\n\nPain is a sign.\n", "Bladder damage"),
        ("# Title\n\nPain is a sign.\n\n## Bladder damage\n", "Bladder damage"),
        ("# Title\n\n### Bladder damage\n\n## Cost\n\nPain is a sign.\n", "Bladder damage"),
    ],
    ids=["a sibling without text", "a heading at the end", "a deeper one without text"],
)
def test_a_heading_outside_the_section_path_is_not_marked_either(source, heading):
    document = markdown.load(source.encode(), "d.md")
    (found,) = passages.cut(document)
    assert heading in found.text
    assert marked(found.text, heading, found.section, spans(found, document)) == ["Pain is a sign."]


def test_a_sentence_that_runs_over_a_line_end_is_marked_whole():
    text = "The drip takes\nabout forty minutes. The spray is quicker."
    assert marked(text, "drip") == ["The drip takes\nabout forty minutes."]


@pytest.mark.parametrize(
    "text", ["5*3*2 = 30. Next.", "<b>bold</b> text.", "Line one.\r\nLine two.", "😀 e\u0301. 𝐛.", "- a\n- b"]
)
def test_the_pieces_are_the_text_character_for_character(text):
    assert len(marked(text, "line bold next b")) in (1, 2)


@settings(max_examples=150, deadline=None)
@given(st.text(min_size=1, max_size=80), st.text(max_size=40))
def test_the_law_of_pieces_on_generated_text(text, question):
    assert len(marked(text, question)) in ((1, 2) if text.strip() else (0,))


@cache
def shipped_passages() -> list[tuple[Document, Passage]]:
    documents = [d for source in loaders.find([shipped.corpus_path()])[0] for d in loaders.read(source).documents]
    return [(d, p) for d in documents for p in passages.cut(d)]


@pytest.mark.parametrize("question", ["What is ketamine?", "How fast does it work?", "zxqv", "?"])
def test_the_law_of_pieces_on_the_shipped_corpus(question):
    query = query_of(question, *(p.text for _, p in shipped_passages()))
    for document, found in shipped_passages():
        shown = highlighted(found, spans(found, document), query, question)
        assert "".join(p.text for p in shown.pieces) == found.text
        assert all(p.text for p in shown.pieces)
        marks = [p.text for p in shown.pieces if p.highlight]
        assert len(marks) in (1, 2)
        assert marks == [mark.strip() for mark in marks]
        assert not {h.text for h in document.headings}.intersection(marks)


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("Is Zxqv a Blorp?", "“Zxqv”, “Blorp”"),
        ("zxqv zxqv ZXQVs", "“zxqv”"),
        ("What about ketamine and Thailand’s law?", "“Thailand’s”"),
        ("Ｆｕｌｌwidth", "“Ｆｕｌｌwidth”"),
        ("Caf\u00e9 cafe\u0301s", "“Caf\u00e9”"),
    ],
)
def test_the_reason_names_the_unknown_words_as_typed(question, named):
    reason = answerer.reason_for_silence(question, query_of(question, "ketamine law", "other"), ENGLISH)
    assert named in reason
    assert "“ketamine”" not in reason
    assert "“law”" not in reason


def test_the_reason_names_five_words_at_most():
    question = "aaa bbb ccc ddd eee fff ggg"
    assert answerer.reason_for_silence(question, query_of(question, "ketamine"), ENGLISH).count("“") == 5


@pytest.mark.parametrize(
    ("question", "said"),
    [("?!", "no word to search for"), ("ketamine cost", "no passage holds enough"), ("zxqv", "no document mentions")],
)
def test_each_kind_of_silence_has_its_reason(question, said):
    assert said in answerer.reason_for_silence(question, query_of(question, "ketamine", "cost"), ENGLISH)
