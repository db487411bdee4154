import json

import pytest

from ketaqa import references
from ketaqa.errors import BadSource
from ketaqa.loaders import text
from ketaqa.records import Reference

DOCUMENTS = {
    "a.txt": text.load("One 😀 line.\r\nKetamine works by 5*3*2 receptors.\n".encode(), "a.txt"),
    "dir/b.txt": text.load(b"Another text.", "dir/b.txt"),
}


def text_of(doc_id):
    return DOCUMENTS[doc_id].text if doc_id in DOCUMENTS else None


SOURCE = {
    "source_id": "s1",
    "authors": "Doe J.",
    "year": 2020,
    "title": "A trial",
    "journal_or_body": "BMJ",
    "doi": "10.1000/x",
    "url": None,
}
CLAIM = {"claim_id": "c1", "doc_id": "a.txt", "quote": "works by 5*3*2", "source_ids": ["s1"]}


def lines(rows):
    return "\n".join(row if isinstance(row, str) else json.dumps(row) for row in rows)


def folder_with(folder, claims, sources):
    for name, rows in ((references.CLAIMS, claims), (references.SOURCES, sources)):
        if rows is not None:
            (folder / name).write_text(lines(rows), encoding="utf-8")
    return folder


def test_a_folder_without_claims_has_none(tmp_path):
    assert references.load(tmp_path, text_of) == []
    assert references.load(folder_with(tmp_path, None, ["not even JSON"]), text_of) == []


def test_a_claim_is_a_span_of_its_document_and_its_sources_in_order(tmp_path):
    sources = [
        SOURCE,
        "",
        SOURCE | {"source_id": "s2", "title": "B?", "authors": None, "year": None, "doi": None, "url": "https://b.example"},
    ]
    claims = ["", CLAIM | {"source_ids": ["s2", "s1"]}, CLAIM | {"doc_id": "dir/b.txt", "quote": "Another text."}]
    found = references.load(folder_with(tmp_path, claims, sources), text_of)
    assert [DOCUMENTS[c.doc_id].text[c.start : c.end] for c in found] == ["works by 5*3*2", "Another text."]
    one = Reference("Doe J. A trial. BMJ. 2020.", "https://doi.org/10.1000/x")
    assert [c.references for c in found] == [(Reference("B?. BMJ.", "https://b.example"), one), (one,)]


def test_a_quote_is_found_after_characters_beyond_the_basic_plane(tmp_path):
    quote = "😀 line.\nKetamine"
    found = references.load(folder_with(tmp_path, [CLAIM | {"quote": quote}], [SOURCE]), text_of)
    assert (found[0].start, found[0].end) == (4, 4 + len(quote))


@pytest.mark.parametrize(
    ("source", "address"),
    [
        ({"doi": None, "url": None}, None),
        ({"doi": None, "url": "http://a.example/x?y=1"}, "http://a.example/x?y=1"),
        ({"doi": "10.1/y", "url": "https://a.example"}, "https://doi.org/10.1/y"),
    ],
)
def test_a_reference_leads_to_its_doi_or_else_its_url(source, address, tmp_path):
    found = references.load(folder_with(tmp_path, [CLAIM], [SOURCE | source]), text_of)
    assert found[0].references[0].url == address


NOT_ROWS = [
    ("{", "is not JSON", "one object a line"),
    ("[" * 100_000, "is not JSON", "one object a line"),
    ('{"n": ' + "1" * 5000 + "}", "is not JSON", "one object a line"),
    ('["a"]', "is not a JSON object", "one object a line"),
    ("{}", "has no ", "as text"),
]


@pytest.mark.parametrize(
    ("claim", "found", "remedy"),
    [
        *NOT_ROWS,
        (CLAIM | {"doc_id": "b.txt"}, "'b.txt'", "mend the doc_id"),
        (CLAIM | {"doc_id": 3}, "no doc_id", "as text"),
        (CLAIM | {"quote": ""}, "no quote", "as text"),
        (CLAIM | {"quote": "works by 532"}, "not in a.txt word for word", "copy it from there"),
        (CLAIM | {"quote": "line.\r\nKetamine"}, "not in a.txt word for word", "copy it from there"),
        (CLAIM | {"source_ids": []}, "no source_ids", "at least one"),
        (CLAIM | {"source_ids": "s1"}, "no source_ids", "at least one"),
        (CLAIM | {"source_ids": ["s1", "s9"]}, "'s9'", f"not in {references.SOURCES}; add it there"),
        (CLAIM | {"source_ids": [["s1"]]}, "s1", references.SOURCES),
        (CLAIM | {"source_ids": [{"s1": 1}]}, "s1", references.SOURCES),
    ],
)
def test_a_malformed_claim_is_refused_with_file_line_and_remedy(claim, found, remedy, tmp_path):
    with pytest.raises(BadSource) as error:
        references.load(folder_with(tmp_path, [CLAIM, "", claim], [SOURCE]), text_of)
    said = str(error.value)
    assert said.startswith(f"{tmp_path / references.CLAIMS}: line 3")
    assert found in said
    assert remedy in said


@pytest.mark.parametrize(
    ("source", "found", "remedy"),
    [
        *NOT_ROWS,
        (SOURCE | {"source_id": None}, "no source_id", "as text"),
        (SOURCE | {"source_id": "s2", "title": ""}, "no title", "as text"),
        (SOURCE | {"source_id": "s2", "title": ["x"]}, "no title", "as text"),
        (
            SOURCE | {"source_id": "s2", "doi": None, "url": "javascript:alert(1)"},
            "'javascript:alert(1)'",
            "starts with https://",
        ),
        (SOURCE | {"source_id": "s2", "doi": None, "url": "www.example.org"}, "'www.example.org'", "starts with https://"),
        (SOURCE | {"source_id": "s2", "doi": None, "url": 5}, "5", "starts with https://"),
        # two sources of one name would cite whichever came last
        (SOURCE | {"title": "Another trial"}, "'s1'", ""),
        # half of a surrogate pair, which no file can hold
        (json.dumps(SOURCE | {"source_id": "s2", "title": "x\ud83d"}), "surrogate", ""),
    ],
)
def test_a_malformed_source_is_refused_with_file_line_and_remedy(source, found, remedy, tmp_path):
    with pytest.raises(BadSource) as error:
        references.load(folder_with(tmp_path, [CLAIM], [SOURCE, "", source]), text_of)
    said = str(error.value)
    assert said.startswith(f"{tmp_path / references.SOURCES}: line 3")
    assert found in said
    assert remedy in said


def test_claims_without_sources_beside_them_are_refused(tmp_path):
    with pytest.raises(BadSource, match=r"sources\.jsonl: can't be read .*claims\.jsonl needs sources\.jsonl beside it"):
        references.load(folder_with(tmp_path, [CLAIM], None), text_of)


@pytest.mark.parametrize("name", [references.CLAIMS, references.SOURCES])
@pytest.mark.parametrize(("data", "remedy"), [(b"\xff", "save it as UTF-8"), (b"{}\0", "remove it or convert it")])
def test_a_companion_that_is_not_text_is_refused_by_name(name, data, remedy, tmp_path):
    folder_with(tmp_path, [CLAIM], [SOURCE])
    (tmp_path / name).write_bytes(data)
    with pytest.raises(BadSource) as error:
        references.load(tmp_path, text_of)
    assert str(tmp_path / name) in str(error.value)
    assert remedy in str(error.value)
