"""Passages: slices that together hold the document."""

import re
from functools import cache

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ketaqa import loaders, shipped
from ketaqa.analysis import sentences
from ketaqa.config import PASSAGE_LENGTH
from ketaqa.passages import cut
from ketaqa.records import Document, Heading, Piece


@cache
def shipped_documents():
    return [d for source in loaders.find([shipped.corpus_path()])[0] for d in loaders.read(source).documents]


def document(*blocks, gap="\n\n"):
    """A document of blocks; a block (level, words) is a heading."""
    text, headings = "", []
    for block in blocks:
        text += gap if text else ""
        if isinstance(block, tuple):
            headings.append(Heading(len(text), len(text) + len(block[1]), *block))
        text += block[1] if isinstance(block, tuple) else block
    return Document("d.md", "A title", text, "0" * 64, "d.md", tuple(headings))


CHARACTERS = st.characters(exclude_categories=["Cs"])
PARAGRAPHS = st.text(CHARACTERS, max_size=60) | st.lists(
    st.sampled_from(
        [
            "Dr. A went. ",
            "It is 0.5 mg/kg. ",
            "e.g. this. ",
            "\r\n",
            "\n",
            "\n \n",
            "\n- an item ",
            "😀 ",
            "e\u0301. ",
            "نص. ",
            "One two three. ",
        ]
    ),
    max_size=30,
).map("".join)
HEADINGS = st.tuples(st.integers(1, 6), st.text(CHARACTERS, max_size=20).map(lambda t: " ".join(t.split())).filter(bool))
DOCUMENTS = st.builds(
    lambda blocks, gap: document(*blocks, gap=gap),
    st.lists(PARAGRAPHS | HEADINGS, max_size=12),
    st.sampled_from(["\n\n", "\n"]),
)


def assert_law(doc, target=PASSAGE_LENGTH):
    found = cut(doc, target)
    at = 0
    for number, passage in enumerate(found, 1):
        assert at <= passage.start < passage.end <= len(doc.text)
        assert passage.text == doc.text[passage.start : passage.end]
        assert not doc.text[at : passage.start].strip()
        assert (passage.passage_id, passage.doc_id) == (f"{doc.doc_id}#{number}", doc.doc_id)
        assert passage.pieces == (Piece(passage.text, False),)
        at = passage.end
    assert not doc.text[at:].strip()
    return found


def bodies(doc):
    """Spans of the paragraphs: no heading inside, no blank line inside."""
    edges = [0, *(edge for h in doc.headings for edge in (h.start, h.end)), len(doc.text)]
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        at = start
        for gap in re.finditer(r"\n[^\S\n]*\n\s*", doc.text[start:end]):
            yield at, start + gap.start()
            at = start + gap.end()
        yield at, end


def assert_no_sentence_is_cut(doc, found):
    for start, end in bodies(doc):
        for a, b in sentences(doc.text[start:end]):
            assert any(p.start <= start + a and start + b <= p.end for p in found)


def without_headings(doc, start, end):
    kept = [c for n, c in enumerate(doc.text[start:end], start) if not any(h.start <= n < h.end for h in doc.headings)]
    return "".join(kept).strip()


def assert_no_heading_stands_alone(doc, found):
    if without_headings(doc, 0, len(doc.text)):
        assert all(without_headings(doc, p.start, p.end) for p in found)
    else:
        assert len(found) == bool(doc.text.strip())
    for heading in doc.headings:
        assert sum(p.start <= heading.start and heading.end <= p.end for p in found) == 1


def section_at(doc, place):
    path = []
    for heading in doc.headings:
        if heading.start <= place:
            path = [*(h for h in path if h.level < heading.level), heading]
    return tuple(h.text for h in path)


def assert_sections(doc, found):
    """A passage's section is the path above its last body text, and no passage reaches into another section's text."""
    for passage in found:
        inside = [h for h in doc.headings if passage.start <= h.start < passage.end]
        first = next((n for n in range(passage.start, passage.end) if without_headings(doc, n, n + 1)), None)
        if first is not None:
            assert passage.section == section_at(doc, first)
            for heading in inside:
                before = without_headings(doc, passage.start, heading.start)
                after = without_headings(doc, heading.end, passage.end)
                assert not (before and after)


@settings(max_examples=150, deadline=None)
@given(DOCUMENTS, st.sampled_from([1, 5, 20, PASSAGE_LENGTH]))
@example(document(), 20)
@example(document(" \n\t"), 20)
@example(document((1, "Alone")), 20)
@example(document((1, "A"), (2, "B"), (2, "C")), 20)
@example(document("Before.", (1, "A"), (2, "B"), "Text.", (3, "C"), (1, "D")), 20)
def test_the_law_of_passages_on_generated_documents(doc, target):
    found = assert_law(doc, target)
    assert_no_sentence_is_cut(doc, found)
    assert_no_heading_stands_alone(doc, found)
    assert_sections(doc, found)
    assert cut(doc, target) == found


@pytest.mark.parametrize("target", [1, 40, PASSAGE_LENGTH, 100_000])
def test_the_law_of_passages_on_the_shipped_corpus(target):
    for doc in shipped_documents():
        found = assert_law(doc, target)
        assert found
        assert_no_sentence_is_cut(doc, found)
        assert_no_heading_stands_alone(doc, found)
        assert cut(doc, target) == found


def test_sections_on_the_shipped_corpus():
    for doc in shipped_documents():
        assert_sections(doc, cut(doc))


WORDY = st.lists(st.integers(3, 20).map(lambda n: " ".join(["word"] * n).capitalize() + "."), min_size=1, max_size=60)


@settings(max_examples=100, deadline=None)
@given(WORDY, st.sampled_from([" ", "\n\n"]), st.sampled_from([60, PASSAGE_LENGTH, 200]))
@example(["Word " * 6 + "word.", "Two words."], "\n\n", 60)
def test_passages_are_near_the_target_length(parts, gap, target):
    lengths = [len(p.text.split()) for p in cut(document(gap.join(parts)), target)]
    assert all(length <= 1.5 * target + 10 for length in lengths)
    if sum(lengths) <= target:
        assert len(lengths) == 1
    # what is left over at the end of a section may be short
    assert all(length >= 0.4 * target for length in lengths[:-1])


def test_passages_of_the_shipped_corpus_are_near_the_target_length():
    for doc in shipped_documents():
        for passage in cut(doc):
            longest = max(len(passage.text[a:b].split()) for a, b in sentences(passage.text))
            assert len(passage.text.split()) <= 1.5 * PASSAGE_LENGTH + longest


def test_a_sentence_longer_than_the_target_stays_whole():
    long = " ".join(["word"] * 500) + "."
    assert [p.text for p in cut(document(f"Short one. {long} Short two."), 20)] == ["Short one.", long, "Short two."]


def test_a_short_section_is_one_passage_with_its_heading():
    found = cut(document((1, "Title"), "Intro.", (2, "Dose"), "It is 0.5 mg/kg. It takes 40 minutes.", (2, "Risk"), "Few."))
    assert [p.text for p in found] == ["Title\n\nIntro.", "Dose\n\nIt is 0.5 mg/kg. It takes 40 minutes.", "Risk\n\nFew."]
    assert [p.section for p in found] == [("Title",), ("Title", "Dose"), ("Title", "Risk")]


def test_section_paths_follow_the_levels():
    found = cut(document("Start.", (2, "A"), "a.", (4, "B"), "b.", (3, "C"), "c.", (1, "D"), "d.", (2, "E"), "e."))
    assert [p.section for p in found] == [(), ("A",), ("A", "B"), ("A", "C"), ("D",), ("D", "E")]


def test_headings_without_text_between_them_go_with_the_text_below():
    found = cut(document((1, "A"), (2, "B"), "Text of B."))
    assert [(p.text, p.section) for p in found] == [("A\n\nB\n\nText of B.", ("A", "B"))]


def test_a_heading_at_the_end_closes_the_passage_before():
    found = cut(document((1, "A"), "Text.", (2, "B")))
    assert [(p.text, p.section) for p in found] == [("A\n\nText.\n\nB", ("A",))]


def test_only_the_first_passage_of_a_section_carries_the_heading():
    found = cut(document((2, "Dose"), " ".join(["One two three four."] * 20)), 20)
    assert len(found) > 2
    assert [p.text.startswith("Dose") for p in found] == [True] + [False] * (len(found) - 1)
    assert {p.section for p in found} == {("Dose",)}


def test_a_paragraph_end_is_the_place_to_break():
    paragraph = "One two three four five. Six seven eight nine ten."
    assert [p.text for p in cut(document(paragraph, paragraph, paragraph), 10)] == [paragraph] * 3
