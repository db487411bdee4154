"""The escape law: a reader of HTML gets the text back exactly, and a reader of Markdown finds nothing to act on."""

import inspect
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from ketaqa.records import Answer, Citation, IndexInfo, Link, Nearest, Notice, Passage, Piece, Reference, Why, WordReason
from ketaqa.web import html
from ketaqa.why import BESIDE, ROLES

TAGS = {"div", "p", "blockquote", "mark", "span", "cite", "details", "summary", "ol", "ul", "li", "a", "table", "tr", "td"}
ATTRIBUTES = {"class", "dir", "role", "href", "target", "rel"}
SCHEMES = ("https://", "http://", "tel:", "sms:")
HOSTILE = [
    "",
    " ",
    "    indented\tcode\n\n\n```\nfence\n```",
    "5*3*2 _x_ <b>bold</b> **y** ~~z~~ $x$ $$y$$ \\(z\\) `code`",
    "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "</blockquote></div><iframe src=//evil.test>",
    "<!-- comment --><![CDATA[x]]><?php ?><!DOCTYPE html>",
    "&amp; &lt; &#60; &#x3c; &notit; &",
    "# heading\n1. one\n- two\n> three\n| a | b |\n|---|---|\n[^1] [x](javascript:alert(1)) ![y](//evil.test) https://evil.test",
    "line\r\nline\rline\x0bline\x0cline\x85line\u2028line\u2029line",
    "\u202eright to left\u202c \u2066isolated\u2069 العربية עברית",
    "e\u0301 👩🏽\u200d⚕️ 🇬🇧 \ufeff\u200b\u00ad ﷽ \U0010fffd",
    "\x01\x1b[31m\x7f\x80\x9f",
]
# what HTML can carry: it has no way to write U+0000 or half a surrogate pair
text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=80)
markup = st.text("<>&\"'`*_~$#\\[]()!|-+.:;=/ \n\tax1", max_size=80)
anything = text | markup | st.sampled_from(HOSTILE)


class Reader(HTMLParser):
    """Text and elements as the HTML standard reads them; html.unescape drops control characters, which browsers keep."""

    def __init__(self, source):
        super().__init__(convert_charrefs=False)
        self.text, self.marked, self.tags, self.runs = "", "", [], []
        self.open = []
        self.feed(source)
        self.close()
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.runs.append(data)
        self._add(data)

    def handle_charref(self, name):
        number = int(name[1:], 16) if name[0] in "xX" else int(name)
        one = chr(number)
        if 0x80 <= number <= 0x9F:  # section 13.2.5.84: these numbers are read as windows-1252
            one = bytes([number]).decode("cp1252", "ignore") or one
        self._add(one)

    def handle_entityref(self, name):
        raise AssertionError(f"&{name}; was not written by the escape")

    handle_comment = handle_decl = handle_pi = unknown_decl = handle_entityref

    def _add(self, text):
        self.text += text
        if "mark" in self.open:
            self.marked += text


def harmless(source):
    """The law of every fragment: known elements alone, safe links, one line, nothing for Markdown.

    U+0080 to U+009F may stand as they are: HTML has no reference for them, and Markdown no use.
    """
    read = Reader(source)
    for tag, attributes in read.tags:
        assert tag in TAGS
        assert set(attributes) <= ATTRIBUTES
        if tag == "a":
            assert attributes["href"].startswith(SCHEMES)
            assert (attributes["target"], attributes["rel"]) == ("_blank", "noopener noreferrer")
    for run in read.runs:
        assert re.fullmatch(r"(?:[^\W_]|[ :.\x80-\x9f])*", run), run
        assert "  " not in run
    assert inspect.cleandoc(source) == source
    return read


@settings(deadline=None, max_examples=200)
@given(anything)
@example("\x85 \x80 \x9f")
def test_a_parser_gives_the_text_back(shown):
    assert Reader(html.escape(shown)).text == shown
    read = harmless(html.question(shown))
    assert (read.text, [tag for tag, _ in read.tags]) == (shown, ["div"])


@pytest.mark.parametrize("shown", HOSTILE)
def test_hostile_text_comes_back(shown):
    assert harmless(html.question(shown)).text == shown


def test_every_character_of_unicode_comes_back():
    numbers = [n for n in range(1, 0x110000) if not 0xD800 <= n <= 0xDFFF]
    wrong = []
    for start in range(0, len(numbers), 4096):
        block = [chr(n) for n in numbers[start : start + 4096]]
        read = Reader(html.escape("".join(block))).text
        if read != "".join(block):
            wrong += [f"U+{ord(c):04X}" for c in block if Reader(html.escape(c)).text != c]
    assert wrong == []


@settings(deadline=None, max_examples=200)
@given(anything)
def test_nothing_is_left_that_markdown_reads(shown):
    escaped = html.escape(shown)
    assert re.fullmatch(r"(?:[^\W_]|&#[0-9]+;|(?<! ) |[\x80-\x9f])*", escaped)
    assert not escaped.startswith(" ")
    for dialect in ("commonmark", "gfm-like"):
        reader = MarkdownIt(dialect, {"html": True, "linkify": False})
        assert reader.render(html.question(shown)).rstrip("\n") == html.question(shown)


pieces = st.lists(st.builds(Piece, anything.filter(bool), st.booleans()), min_size=1, max_size=4)
passages = pieces.map(lambda ps: Passage("d#1", "d", 0, 1, "".join(p.text for p in ps), tuple(ps)))
urls = (
    st.none()
    | anything
    | st.sampled_from(
        [
            'https://a.test/?a=1&b="><script>',
            "http://a.test",
            "javascript:alert(1)",
            "JAVASCRIPT:x",
            "data:text/html,x",
            "//evil.test",
        ]
    )
)
references = st.lists(st.builds(Reference, anything, urls), max_size=3).map(tuple)
citations = st.builds(Citation, anything, st.just("d"), anything, st.just("0" * 64), urls, st.none(), st.none(), references)
links = st.lists(st.builds(Link, anything, st.sampled_from(["tel:988", "sms:85258", "https://help.test"])), max_size=2).map(
    tuple
)
notices = st.lists(
    st.builds(Notice, st.sampled_from(["crisis", "emergency", "dosing", "disclaimer", "stale"]), anything, links)
)
INFO = IndexInfo("v", 1)


@settings(deadline=None, max_examples=100)
@given(passages, citations, notices)
def test_an_answer_holds_notices_passage_and_citation_in_that_order_exactly(passage, citation, shown):
    found = Answer("q", "answered", passage, citation, 1.0, None, tuple(shown), (), (), INFO)
    read = harmless(html.answer(found))
    said = "".join(n.text + "".join(one.text for one in n.links) for n in shown)
    assert read.text.startswith(said + passage.text + "Source: " + citation.text)
    assert read.marked == "".join(p.text for p in passage.pieces if p.highlight)
    alerts = [attributes for tag, attributes in read.tags if "role" in attributes]
    assert len(alerts) == sum(n.kind in ("crisis", "emergency") for n in shown)
    for reference in citation.references:
        assert reference.text in read.text


@settings(deadline=None, max_examples=50)
@given(passages)
def test_the_quotation_holds_the_passage_and_nothing_else(passage):
    read = harmless(html.passage(passage))
    assert read.text == passage.text
    assert [tag for tag, _ in read.tags] == ["blockquote", *("mark" if p.highlight else "span" for p in passage.pieces)]


@pytest.mark.parametrize(
    ("url", "linked"),
    [
        ("https://a.test/x?y=1&z=%20#f", True),
        ("http://a.test", True),
        ("tel:988", True),
        ("sms:85258", True),
        ("javascript:alert(1)", False),
        ("JaVaScRiPt:alert(1)", False),
        ("\tjavascript:alert(1)", False),
        ("data:text/html,<script>alert(1)</script>", False),
        ("vbscript:x", False),
        ("file:///etc/passwd", False),
        ("//evil.test", False),
        ("/relative", False),
        ("", False),
    ],
)
def test_only_web_addresses_and_numbers_become_links(url, linked):
    read = harmless(html.link("words", url))
    assert read.text == "words"
    assert [attributes["href"] for _, attributes in read.tags] == ([url] if linked else [])


@pytest.mark.parametrize(("count", "label"), [(0, None), (1, "1 reference"), (2, "2 references")])
def test_references_are_counted(count, label):
    cited = Citation("T", "d", "T", "0" * 64, None, None, None, (Reference("A study.", "https://doi.org/10.1/x"),) * count)
    read = harmless(html.citation(cited))
    assert [tag for tag, _ in read.tags].count("li") == count
    assert (label in read.text) if label else ("reference" not in read.text)


@pytest.mark.parametrize("reason", ["Nothing here answers that: no document mentions “<b>x</b>”.", "5*3*2"])
def test_silence_gives_its_reason(reason):
    found = Answer("q", "abstained", None, None, 0.0, reason, (), (), (), INFO)
    assert harmless(html.answer(found)).text == reason


@settings(deadline=None, max_examples=100)
@given(st.lists(st.builds(Nearest, anything, passages), max_size=3).map(tuple))
def test_what_comes_closest_is_told_unlike_an_answer(near):
    read = harmless(html.answer(Answer("q", "abstained", None, None, 0.3, "Nothing.", (), (), (), INFO, (), near)))
    assert all(one.topic in read.text and one.passage.text in read.text for one in near)
    tags = [tag for tag, _ in read.tags]
    assert not {"blockquote", "mark", "cite"}.intersection(tags)
    assert tags.count("details") == len(near)


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.builds(WordReason, anything, st.none() | anything, st.sampled_from([*ROLES]), st.floats(-9, 99)), max_size=4),
    st.none() | st.just("d#2"),
    anything,
)
def test_why_is_told_behind_one_click(words, after, word):
    read = harmless(html.reasons(Why(tuple(words), 1.25, 9.5, after, 2.5, ((word, 2.5),))))
    assert read.tags[0] == ("details", {"class": "kq-why"})
    assert all(one.word in read.text and (one.read_as or "") in read.text for one in words)
    assert (f"2.5 ahead of the next passage: {word or BESIDE} +2.5" in read.text) == (after is not None)


def test_a_refusal_is_a_sentence():
    read = harmless(html.refusal("the question has 1001 characters; ask in at most 1000"))
    assert read.text == "The question has 1001 characters; ask in at most 1000."


def test_every_shipped_passage_is_shown_exactly(shipped):
    for document in shipped.documents():
        for passage in shipped.passages(document.doc_id):
            assert harmless(html.passage(passage)).text == passage.text == document.text[passage.start : passage.end]


def test_a_shipped_passage_cut_anywhere_is_shown_exactly(shipped):
    passage = shipped.passages(shipped.documents()[0].doc_id)[0]
    for at in range(1, len(passage.text)):
        cut = replace(passage, pieces=(Piece(passage.text[:at], True), Piece(passage.text[at:], False)))
        read = Reader(html.passage(cut))
        assert (read.text, read.marked) == (passage.text, passage.text[:at])


def test_a_question_comes_back_from_the_chat_history():
    from ketaqa.web.chat import user_messages

    for shown in ["What is it?", "5*3*2 _x_ <b>", "&amp; &lt;b&gt;", "a \"quoted\" 'word'", "e\u0301 👩🏽\u200d⚕️ العربية"]:
        content = [{"type": "text", "text": html.question(shown)}]
        history = [{"role": "user", "content": content}, {"role": "assistant", "content": content}]
        assert user_messages(history) == [{"role": "user", "content": shown}]


@settings(deadline=None, max_examples=50)
@given(st.none() | passages, st.none() | passages)
def test_what_stands_around_is_behind_a_click_each(before, after):
    read = harmless(html.neighbours((before, after)))
    assert all(one.text in read.text for one in (before, after) if one)
    assert [tag for tag, _ in read.tags].count("details") == sum(one is not None for one in (before, after))
    assert html.neighbours(()) == ""
