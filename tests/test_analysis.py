"""Analysis: sentences, tokens, terms."""

import unicodedata

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ketaqa import analysis, loaders, shipped
from ketaqa.analysis import HEADING, Analyser, analyser, sentences
from ketaqa.errors import BadIndex

ENGLISH, PLAIN = analyser("english"), analyser("plain")

# (sentences that stand one after the other, with the blanks that follow each left out)
TABLE = [
    ["Use it e.g. at home.", "It works."],
    ["Some drugs, i.e. ketamine, work.", "Others do not."],
    ["It gives 0.5 mg/kg over 40 minutes.", "That is all."],
    ["A dose of 0.5 mg.", "The next day it was 1.0 mg."],
    ["Dr. Smith came.", "He left."],
    ["Prof. Krystal and Mrs. Lee wrote it.", "They agreed."],
    ["J. Smith wrote it.", "Nobody read it."],
    ["Ketamine vs. placebo was tested.", "It won."],
    ["The U.S. approved it in 1970.", "The U.K. did too."],
    ["It lasts approx. 3.5 hours.", "Then it ends."],
    ["It takes min. 40 minutes and max. 2 hours.", "Then rest."],
    ["See Fig. 2 for details.", "It is clear."],
    ["Zarate et al. found it.", "Others agreed."],
    ["Zarate et al. (2006) found it.", "Others agreed."],
    ["At 5 p.m. the session ends.", "Go home."],
    ["No. 5 stayed.", "The others left."],
    ["He said “It works.”", "She agreed."],
    ['He said "It works."', "She agreed."],
    ["Wait... what?", "Yes."],
    ["Well... it depends.", "Perhaps."],
    ["Wait… what?", "Yes."],
    ["It fell by 3.14 points.", "Two is less."],
    ["There were 1,148 people.", "Nine left."],
    ["See https://example.org/a.b?c=d.e for more.", "It is long."],
    ["It was there (see p. 5).", "Then it went."],
    ["Really?!", "Yes!", "No."],
    ["Vitamin B12.", "Next."],
    ["日本語です。", "次です。"],
    ["No full stop at the end"],
]


@pytest.mark.parametrize("parts", TABLE, ids=lambda parts: parts[0])
@pytest.mark.parametrize("gap", [" ", "  ", "\n"], ids=["space", "two", "line"])
def test_sentences_end_where_a_reader_would_end_them(parts, gap):
    text = gap.join(parts)
    assert [text[a:b] for a, b in sentences(text)] == parts


LISTS = [
    "1. First item.\n2. Second item.\n10. Tenth item.",
    "1) one\n2) two",
    "- one thing\n- another thing\n* a third\n+ a fourth",
    "• a point\n• another",
    "  - an indented item\n  - another, of 0.5 mg",
    "An introduction:\n- one\n- two",
]


@pytest.mark.parametrize("text", LISTS)
def test_each_list_item_is_a_sentence_with_its_marker(text):
    assert [text[a:b] for a, b in sentences(text)] == [line.strip() for line in text.split("\n")]


@pytest.mark.parametrize("text", ["", " ", "\n", "\r\n\t\u00a0\u2003"])
def test_blanks_hold_no_sentence(text):
    assert sentences(text) == []


TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.lists(
    st.sampled_from(
        [
            "Dr. ",
            "e.g. ",
            "3.5 ",
            "vs. ",
            ". ",
            "? ",
            "… ",
            "\r\n",
            "\n",
            "\n- ",
            "\n2. ",
            "😀",
            "e\u0301",
            "كيتامين",
            "केटामाइन",
            "氯胺酮。",
            "A",
            "b ",
            "\u2029",
        ]
    )
).map("".join)


def assert_sentence_law(text):
    spans = sentences(text)
    end = 0
    for a, b in spans:
        assert end <= a < b <= len(text)
        assert text[a:b] == text[a:b].strip()
        assert not text[end:a].strip()
        end = b
    assert not text[end:].strip()


@settings(max_examples=200, deadline=None)
@given(TEXTS)
@example("👩‍⚕️ said so. 𝐍𝐨. Yes.")
@example("- \n- ")
@example("1. ")
@example("\x1c. \x85a")
@example("A\u2029A\u2029\u2029. … \n")
@example("A\x85\u2028. 氯’")
@example("A\n\xa0.\u3000”-")
def test_sentences_are_in_order_disjoint_and_hold_every_non_blank_character(text):
    assert_sentence_law(text)


def test_the_sentence_law_holds_on_the_shipped_documents():
    for source in loaders.find([shipped.corpus_path()])[0]:
        for document in loaders.read(source).documents:
            assert_sentence_law(document.text)


@settings(max_examples=200, deadline=None)
@given(TEXTS, st.sampled_from([ENGLISH, PLAIN]))
def test_tokens_point_at_their_text(text, by):
    end = 0
    for token in by.tokens(text):
        assert end <= token.start < token.end <= len(text)
        assert token.term == by.term(text[token.start : token.end])
        end = token.end
    assert by.terms(text) == [t.term for t in by.tokens(text) if t.term is not None]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0.5 mg/kg", ["0.5", "mg", "kg"]),
        ("1,148 people", ["1,148", "people"]),
        ("In 2006.", ["In", "2006"]),
        ("5*3*2", ["5", "3", "2"]),
        ("can't", ["can't"]),
        ("can’t", ["can’t"]),
        ("the patients' own", ["the", "patients", "own"]),
        ("'quoted'", ["quoted"]),
        ("R-ketamine", ["R", "ketamine"]),
        ("MK-801/B12", ["MK", "801", "B12"]),
        ("e\u0301tude", ["e\u0301tude"]),
        ("केटामाइन क्या है", ["केटामाइन", "क्या", "है"]),
        ("ما هو الكيتامين؟", ["ما", "هو", "الكيتامين"]),
        ("𝐤𝐞𝐭 😀", ["𝐤𝐞𝐭"]),
        ("?! … —", []),
        ("", []),
    ],
)
def test_words_are_found_whole(text, words):
    assert [text[t.start : t.end] for t in PLAIN.tokens(text)] == words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("can't", "can’t"),
        ("KETAMINE", "ketamine"),
        ("Straße", "STRASSE"),
        ("ﬁnd", "find"),
        ("ｋｅｔ", "ket"),
        ("caf\u00e9", "cafe\u0301"),
        ("\u212b", "\u00c5"),
        ("각", "\u1100\u1161\u11a8"),
    ],
)
def test_spellings_of_one_word_share_a_term(one, other):
    for by in (ENGLISH, PLAIN):
        assert by.term(one) == by.term(other)


WORDS = st.text(st.characters(categories=["L", "Mn", "Nd", "Zs"]), max_size=40)


@settings(max_examples=200, deadline=None)
@given(WORDS)
def test_composed_and_decomposed_text_have_the_same_terms(text):
    composed, decomposed = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
    assert ENGLISH.terms(composed) == ENGLISH.terms(decomposed)


@pytest.mark.parametrize(
    ("one", "other"),
    [("infusions", "infusion"), ("depressed", "depressing"), ("ketamine's", "ketamine"), ("ketamine’s", "ketamine")],
)
def test_english_joins_forms_of_a_word_and_plain_does_not(one, other):
    assert ENGLISH.term(one) == ENGLISH.term(other)
    assert PLAIN.term(one) != PLAIN.term(other)


@pytest.mark.parametrize("word", ["the", "The", "WHAT", "don't", "don’t", "dont", "I’m"])
def test_stop_words_have_no_english_term(word):
    assert ENGLISH.term(word) is None
    assert ENGLISH.terms(f"{word} ketamine {word}") == ENGLISH.terms("ketamine")
    assert PLAIN.term(word) is not None


def test_repeats_are_kept_in_order():
    assert PLAIN.terms("a b a B c") == ["a", "b", "a", "b", "c"]


def test_heading_terms_count_every_word_and_the_whole():
    terms = ENGLISH.heading_terms("What is Ketamine?")
    assert all(t.startswith(HEADING) for t in terms)
    assert len(terms) == 4
    assert terms == ENGLISH.heading_terms("what IS ketamine")
    assert terms[-1] not in ENGLISH.heading_terms("Is ketamine what?")
    assert ENGLISH.heading_terms("?!") == []


@settings(max_examples=100, deadline=None)
@given(TEXTS)
def test_no_word_passes_for_a_heading_term(text):
    assert not any(t.startswith(HEADING) for t in ENGLISH.terms(text))


@pytest.mark.parametrize("name", ["english", "plain"])
def test_an_analyser_carries_the_name_it_is_found_by(name):
    assert isinstance(analyser(name), Analyser)
    assert analyser(name).name == name
    assert analyser(name) is analyser(name)


@pytest.mark.parametrize("name", ["klingon", "", "English", "english "])
def test_an_unknown_analyser_is_refused(name):
    with pytest.raises(BadIndex) as refused:
        analyser(name)
    message = str(refused.value)
    assert "analyser" in message
    assert repr(name) in message
    assert "english, plain" in message


@given(st.text(alphabet=st.characters(codec="ascii")))
def test_plain_words_are_folded_as_all_words_are(word):
    assert analysis._folded(word) == unicodedata.normalize("NFKC", word).casefold().replace("’", "'").replace(" ", "")
