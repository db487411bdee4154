import codecs
import hashlib
import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ketaqa import loaders
from ketaqa.errors import BadSource
from ketaqa.loaders import beir, markdown, text

TEXT = "Ketamine, naïve, 氯胺酮, 😀 e\u0301 שלום\nline\u2028two\x0b\x85end"
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")


def written(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def named(found):
    return [source.name for source in found]


# text


@pytest.mark.parametrize(
    "data",
    [
        TEXT.encode(),
        codecs.BOM_UTF8 + TEXT.encode(),
        codecs.BOM_UTF16_LE + TEXT.encode("utf-16-le"),
        codecs.BOM_UTF16_BE + TEXT.encode("utf-16-be"),
        codecs.BOM_UTF32_LE + TEXT.encode("utf-32-le"),
        codecs.BOM_UTF32_BE + TEXT.encode("utf-32-be"),
    ],
    ids=["utf-8", "utf-8 BOM", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"],
)
def test_text_is_read_in_every_unicode_encoding(data):
    document = text.load(data, "notes.txt")
    assert document.text == TEXT
    assert document.sha256 == hashlib.sha256(data).hexdigest()
    assert (document.doc_id, document.source) == ("notes.txt", "notes.txt")


@pytest.mark.parametrize(
    "load", [text.load, markdown.load, lambda d, s: list(beir.load(d, s))], ids=["text", "markdown", "beir"]
)
@pytest.mark.parametrize(
    ("data", "found", "remedy"),
    [
        ("naïve".encode("latin-1"), "byte 2", "save it as UTF-8"),
        (b"\x80", "byte 0", "save it as UTF-8"),
        (b"\xed\xa0\x80", "byte 0", "save it as UTF-8"),
        (codecs.BOM_UTF16_LE + b"a", "can't be decoded", "save it as UTF-8"),
        (codecs.BOM_UTF16_LE + b"\x00\xd8", "can't be decoded", "save it as UTF-8"),
        (b"one\0two", "NUL", "remove it or convert it"),
        ("no mark".encode("utf-16-le"), "NUL", "remove it or convert it"),
        (b"\x89PNG\r\n\x1a\n", "byte 0", "save it as UTF-8"),
    ],
)
def test_what_is_not_unicode_text_is_refused(load, data, found, remedy):
    with pytest.raises(BadSource) as error:
        load(data, "dir/notes.txt")
    said = str(error.value)
    assert said.startswith("dir/notes.txt: ")
    assert found in said
    assert remedy in said


def test_a_file_over_the_limit_is_refused_with_its_size(tmp_path):
    path = tmp_path / "dump.txt"
    with open(path, "wb") as file:
        file.truncate(text.MAX_SIZE + 1)
    with pytest.raises(BadSource, match=rf"dump.txt: {text.MAX_SIZE + 1} bytes, more than {text.MAX_SIZE}; split"):
        loaders.read(loaders.find([path])[0][0])


@settings(deadline=None, max_examples=200)
@given(st.text(CHARACTERS))
def test_text_is_kept_but_for_line_ends(written_text):
    expected = written_text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    assert text.load(written_text.encode(), "a.txt").text == expected


@pytest.mark.parametrize(
    ("name", "title"),
    [("my_notes-2.txt", "my notes 2"), ("a/b/c.d.txt", "c.d"), ("___.txt", "___.txt"), ("氯胺酮.md", "氯胺酮")],
)
def test_a_file_name_gives_a_readable_title(name, title):
    assert text.title_of(name) == title
    assert text.load(b"", name).title == title


# markdown


def test_front_matter_becomes_metadata_and_leaves_the_text():
    raw = (
        "---\ntitle: 'A: b'\nsummary: One\n  and two\nurl: https://a.example\npublished: 2026-11-23\n"
        "reviewed: '2026-11-24'\njurisdiction: UK\nlicence: CC BY 4.0\nother: ignored\n---\nBody.\n"
    )
    for data in (raw.encode(), codecs.BOM_UTF8 + raw.replace("\n", "\r\n").encode()):
        found = markdown.load(data, "a.md")
        assert (found.title, found.summary, found.url) == ("A: b", "One and two", "https://a.example")
        assert (found.published, found.reviewed) == ("2026-11-23", "2026-11-24")
        assert (found.jurisdiction, found.licence, found.text) == ("UK", "CC BY 4.0", "Body.\n")


@pytest.mark.parametrize("value", ["No", "NO", "010", "12:30", "1.10", "1_000", "on", "2026-01-02", "0x10"])
def test_metadata_stays_as_the_author_typed_it(value):
    found = markdown.load(f"---\ntitle: {value}\njurisdiction: {value}\n---\nx".encode(), "a.md")
    assert (found.title, found.jurisdiction) == (value, value)


@pytest.mark.parametrize(
    ("front", "found", "remedy"),
    [
        ("title: x\nBody", "line 1 opens front matter that is never closed", "end it with a line of ---"),
        ("title: a: b\n---\n", "near line 2", "quotes"),
        ("title: x\nsummary: 'open\n---\n", "near line", "quotes"),
        ("title: x\n\tsummary: y\n---\n", "near line 3", "quotes"),
        ("title: *nothing\n---\n", "near line 2", "quotes"),
        ("title: !!python/object/apply:os.getcwd []\n---\n", "front matter", "quotes|one line"),
        ("title: a\x07b\n---\n", "front matter can't be read", "quotes"),
        ('title: "\\uD800"\n---\n', "gives title a NUL or half a character", "remove it"),
        ('title: "a\\0b"\n---\n', "gives title a NUL or half a character", "remove it"),
        ("published: 2026-13-45\n---\n", "front matter", "quotes|a date such as"),
        ("published: soon\n---\n", "published as 'soon'", "a date such as 2026-11-23"),
        ("reviewed: 2026\n---\n", "reviewed as", "a date such as 2026-11-23"),
        ("title: [a, b]\n---\n", "title as list", "one line of text"),
        ("licence: {a: b}\n---\n", "licence as dict", "one line of text"),
        ("title: " + "[" * 3000 + "\n---\n", "front matter", "one line|quotes"),
        ("title: " + "1" * 5000 + "\nreviewed: soon\n---\n", "front matter", "quotes|date"),
    ],
)
def test_malformed_front_matter_is_refused(front, found, remedy):
    with pytest.raises(BadSource) as error:
        markdown.load(f"---\n{front}".encode(), "dir/a.md")
    said = str(error.value)
    assert said.startswith("dir/a.md: ")
    assert found in said
    assert any(word in said for word in remedy.split("|"))


@pytest.mark.parametrize(
    "raw", ["---\n\nurl: text\n", "---\nNo colon\n---\nurl: text\n", "Text\n\n---\nurl: text\n---\n", "----\nurl: text\n"]
)
def test_dashes_that_open_no_front_matter_stay_text(raw):
    found = markdown.load(raw.encode(), "a.md")
    assert found.url is None
    assert "url: text" in found.text


HEADINGS = [
    ("# One\ntext\n## Two ##\n", "One\ntext\nTwo\n", [(1, "One"), (2, "Two")]),
    ("One\n===\ntext\n\nTwo\n---\n", "One\n\ntext\n\nTwo\n\n", [(1, "One"), (2, "Two")]),
    ("Two\nlines\n---\nx", "Two lines\n\n\nx", [(2, "Two lines")]),
    ("```\n# no heading\n```\n", "```\n# no heading\n```\n", []),
    ("~~~ sh\n# no\n```\n# no\n~~~\n# Yes\n", "~~~ sh\n# no\n```\n# no\n~~~\nYes\n", [(1, "Yes")]),
    ("    # indented code\n", "    # indented code\n", []),
    ("> # quoted\n\n- # listed\n", "> # quoted\n\n- # listed\n", []),
    ("#hashtag\n####### seven\n\\# escaped\n", "#hashtag\n####### seven\n\\# escaped\n", []),
    ("#\n##   \n", "#\n##   \n", []),
    ("5*3*2 and _a_ **b** <b> &amp; [c](d)\n", "5*3*2 and _a_ **b** <b> &amp; [c](d)\n", []),
    ("# 5*3*2 in `code`\n", "5*3*2 in `code`\n", [(1, "5*3*2 in `code`")]),
    ("### 😀 e\u0301\n😀\n# שלום\n", "😀 e\u0301\n😀\nשלום\n", [(3, "😀 e\u0301"), (1, "שלום")]),
    ("para\u2028# not a line\n", "para\u2028# not a line\n", []),
]


@pytest.mark.parametrize(("raw", "expected", "headings"), HEADINGS)
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_only_the_marks_of_headings_are_taken_away(raw, expected, headings, line_end):
    found = markdown.load(raw.replace("\n", line_end).encode(), "a.md")
    assert found.text == expected
    assert [(h.level, h.text) for h in found.headings] == headings
    assert all(found.text[h.start : h.end] == h.text for h in found.headings)


@pytest.mark.parametrize(
    ("raw", "title"),
    [
        ("## Two\n# One\n", "One"),
        ("## Two\n", "my file"),
        ("---\ntitle: Given\n---\n# One\n", "Given"),
        ("---\ntitle:\n---\n# One", "One"),
    ],
)
def test_the_title_is_given_or_the_first_heading_or_the_file_name(raw, title):
    assert markdown.load(raw.encode(), "my-file.md").title == title


MARKDOWN = st.lists(
    st.one_of(
        st.sampled_from(
            ["# ", "## ", "\n", "\n\n", "===", "---", "```\n", "~~~", "> ", "- ", "    ", "\t", "<!-- ", "\r\n", "1. "]
        ),
        st.text(CHARACTERS, max_size=4),
        st.sampled_from(["5*3*2", "word", "😀", "e\u0301", "שלום"]),
    ),
    max_size=25,
).map("".join)


@settings(deadline=None, max_examples=200)
@given(MARKDOWN)
def test_headings_are_spans_in_order_and_other_lines_stay(raw):
    raw = "text\n\n" + raw
    found = markdown.load(raw.encode(), "a.md")
    lines = raw.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    kept = found.text.split("\n")
    assert len(kept) == len(lines)
    assert all(found.text[h.start : h.end] == h.text for h in found.headings)
    assert [h.start for h in found.headings] == sorted(h.start for h in found.headings)
    if not found.headings:
        assert kept == lines
    # nothing but marks and blanks is lost
    assert sum(map(str.isalnum, found.text)) == sum(map(str.isalnum, raw))


# BEIR


def row(**fields):
    return json.dumps(fields, ensure_ascii=False)


def test_each_beir_row_is_a_document():
    lines = [
        row(_id="d1", title="T", text="a\r\n😀\u2028b"),
        "",
        row(_id=2, title=None, text=""),
        row(_id="c", text="x", metadata={}),
    ]
    data = codecs.BOM_UTF8 + "\r\n".join(lines).encode()
    found = list(beir.load(data, "corpus.jsonl"))
    assert [(d.doc_id, d.title, d.text) for d in found] == [("d1", "T", "a\r\n😀\u2028b"), ("2", "2", ""), ("c", "c", "x")]
    assert found[0].sha256 == hashlib.sha256(lines[0].encode()).hexdigest()
    assert {d.source for d in found} == {"corpus.jsonl"}


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ('{"_id": "b", "text": "x", "n": ' + "1" * 5000 + "}", "is not JSON"),
        ("[1]", "is not a JSON object"),
        ("null", "is not a JSON object"),
        (row(_id="b"), "has no text"),
        (row(_id="b", text=None), "has no text"),
        (row(_id="b", text="x", title=["T"]), "has no text"),
        (row(text="x"), "has no _id"),
        (row(_id="", text="x"), "has no _id"),
        (row(_id=True, text="x"), "has no _id"),
        (row(_id=1.5, text="x"), "has no _id"),
        (row(_id="a", text="x"), "repeats _id 'a'"),
        ('{"_id": "b", "text": "\\ud83d"}', "lone surrogate"),
        ('{"_id": "\\udc00", "text": "x"}', "lone surrogate"),
        ('{"_id": "b", "title": "\\u0000", "text": "x"}', "NUL"),
    ],
)
def test_a_malformed_beir_row_is_refused_with_its_line(line, found):
    data = "\n".join([row(_id="a", text="fine"), "", line]).encode()
    with pytest.raises(BadSource) as error:
        list(beir.load(data, "corpus.jsonl"))
    said = str(error.value)
    assert said.startswith("corpus.jsonl: line 3 ")
    assert found in said
    assert any(remedy in said for remedy in (beir.EXAMPLE, "give each row its own", "remove it"))


# find


def test_a_folder_is_walked_in_a_fixed_order_and_the_rest_is_refused_with_reasons(tmp_path):
    files = ["b.md", "a.txt", "z/c.MARKDOWN", "k/d.text", "e.pdf", "noformat", "x.jsonl", ".hidden.md", ".git/f.md"]
    written(tmp_path, dict.fromkeys([*files, *loaders.COMPANIONS], "text"))
    written(tmp_path, {"my.index/manifest.json": '{\n "format": "ketaqa index 1"', "my.index/data-1/a.txt": "not a document"})
    found, refused = loaders.find([tmp_path])
    assert named(found) == ["a.txt", "b.md", "k/d.text", "z/c.MARKDOWN"]
    assert [s.format for s in found] == ["text", "markdown", "text", "markdown"]
    reasons = {r.source: r.reason for r in refused}
    assert set(reasons) == {"e.pdf", "noformat", "x.jsonl"}
    assert "'.pdf'" in reasons["e.pdf"]
    assert "without suffix" in reasons["noformat"]
    assert loaders.KNOWN in reasons["e.pdf"]
    assert loaders.BEIR_CORPUS in reasons["x.jsonl"]


def test_a_folder_with_corpus_jsonl_is_a_beir_collection(tmp_path):
    written(tmp_path, {"corpus.jsonl": row(_id="a", text="x"), "queries.jsonl": "", "README.md": "# not a document"})
    found, refused = loaders.find([tmp_path])
    assert (named(found), refused) == (["corpus.jsonl"], [])
    assert [d.doc_id for d in loaders.read(found[0]).documents] == ["a"]


def test_a_beir_corpus_below_the_folder_is_not_told_to_take_the_name_that_it_has(tmp_path):
    written(tmp_path, {"a.md": "x", "sub/corpus.jsonl": row(_id="a", text="x")})
    found, refused = loaders.find([tmp_path])
    reasons = {r.source: r.reason for r in refused}
    assert "sub/corpus.jsonl" in named(found) or "when it is named corpus.jsonl" not in reasons["sub/corpus.jsonl"]


def test_named_files_are_read_and_known_by_their_name_alone(tmp_path):
    written(tmp_path, {"sub/a.md": "# A", "b.txt": "B", "rows.jsonl": row(_id="r", text="x")})
    found, _ = loaders.find([tmp_path / "sub" / "a.md", str(tmp_path / "b.txt"), tmp_path / "rows.jsonl"])
    loaded = [loaders.read(source) for source in found]
    assert [d.doc_id for item in loaded for d in item.documents] == ["a.md", "b.txt", "r"]
    stat = (tmp_path / "b.txt").stat()
    assert (loaded[1].size, loaded[1].mtime_ns) == (stat.st_size, stat.st_mtime_ns)
    assert loaded[1].sha256 == hashlib.sha256(b"B").hexdigest()


@pytest.mark.parametrize(
    ("name", "found"), [("none.md", "no such file or folder"), ("a.pdf", "'.pdf'"), ("plain", "without suffix")]
)
def test_a_named_source_that_cannot_be_read_is_refused(name, found, tmp_path):
    written(tmp_path, {"a.pdf": "x", "plain": "x"})
    with pytest.raises(BadSource) as error:
        loaders.find([tmp_path / name])
    assert str(tmp_path / name) in str(error.value)
    assert found in str(error.value)
    assert loaders.KNOWN in str(error.value)


def link(path, target):
    try:
        path.symlink_to(target, target_is_directory=Path(target).is_dir())
    except OSError:
        pytest.skip("this system makes no links")


def test_a_link_is_followed_inside_the_folder_and_refused_outside(tmp_path):
    written(tmp_path, {"docs/a.md": "inside", "secret.md": "outside", "docs-2/b.md": "outside"})
    docs = tmp_path / "docs"
    link(docs / "b.md", "a.md")
    link(docs / "out.md", "../secret.md")
    link(docs / "near.md", tmp_path / "docs-2" / "b.md")  # the name of the folder is not enough
    link(docs / "gone.md", "nothing.md")
    found, refused = loaders.find([docs])
    assert named(found) == ["a.md", "b.md"]
    reasons = {r.source: r.reason for r in refused}
    assert set(reasons) == {"out.md", "near.md", "gone.md"}
    assert "leads out of the folder; copy the file" in reasons["out.md"]
    assert "leads out of the folder" in reasons["near.md"]
    assert "not a regular file" in reasons["gone.md"]


def test_links_in_a_circle_are_refused_and_the_rest_is_read(tmp_path):
    written(tmp_path, {"a.md": "text"})
    link(tmp_path / "x.md", tmp_path / "y.md")
    link(tmp_path / "y.md", tmp_path / "x.md")
    found, refused = loaders.find([tmp_path])
    assert named(found) == ["a.md"]
    assert {r.source for r in refused} == {"x.md", "y.md"}


def test_a_linked_folder_is_listed_not_passed_over(tmp_path):
    written(tmp_path, {"docs/a.md": "inside", "other/b.md": "outside"})
    link(tmp_path / "docs" / "more", tmp_path / "other")
    found, refused = loaders.find([tmp_path / "docs"])
    assert named(found) == ["a.md"]
    assert ["more" in r.source for r in refused] == [True]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_refused_without_being_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.txt")
    written(tmp_path, {"a.md": "text", "dir.md/b.md": "text"})
    found, refused = loaders.find([tmp_path])
    assert named(found) == ["a.md", "dir.md/b.md"]
    assert [(r.source, r.reason) for r in refused] == [("pipe.txt", "not a regular file")]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="the superuser may read everything")
def test_what_may_not_be_read_is_refused_with_the_remedy(tmp_path):
    written(tmp_path, {"a.md": "text", "locked/b.md": "text"})
    (tmp_path / "a.md").chmod(0)
    (tmp_path / "locked").chmod(0)
    try:
        found, refused = loaders.find([tmp_path])
        assert [("locked" in r.source, "check its permissions" in r.reason) for r in refused] == [(True, True)]
        with pytest.raises(BadSource, match=r"a\.md: can't be read .*check its permissions"):
            loaders.read(found[0])
    finally:
        (tmp_path / "locked").chmod(0o700)


def test_a_file_that_went_away_since_it_was_found_is_refused_by_name(tmp_path):
    written(tmp_path, {"sub/a.md": "text"})
    found, _ = loaders.find([tmp_path])
    (tmp_path / "sub" / "a.md").unlink()
    with pytest.raises(BadSource, match=r"^sub/a\.md: can't be read"):
        loaders.read(found[0])
