"""Receipts: a quotation kept for later is still there, moved, changed, or gone."""

import json
import shutil

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ketaqa
from ketaqa import receipts
from ketaqa.errors import BadSetting
from ketaqa.loaders import markdown
from ketaqa.receipts import Quotation

TEXT = "# Rules\n\n## Hours\n\nThe pool opens at nine. It closes at five.\n\n## Fees\n\nA swim costs four euros.\n"


@pytest.fixture
def pool(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "rules.md").write_text(TEXT, encoding="utf-8", newline="")
    rows = ({"_id": f"d{n}", "text": f"Row {n} says something of its own."} for n in range(3))
    (tmp_path / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    ketaqa.build([tmp_path / "docs", tmp_path / "rows.jsonl"], tmp_path / "index")
    return tmp_path


def quoted(qa, doc_id, words):
    text = qa.document(doc_id).text
    return Quotation(doc_id, text.index(words), text.index(words) + len(words), words)


def test_every_shipped_passage_matches(shipped):
    for document in shipped.documents():
        for p in shipped.passages(document.doc_id):
            found = receipts.verify(shipped.index, Quotation(p.doc_id, p.start, p.end, p.text))
            assert (found.kind, found.start, found.end, found.read_from) == ("match", p.start, p.end, "source")


@pytest.mark.parametrize(
    ("edit", "kind"),
    [
        (lambda text: text, "match"),
        (lambda text: text.replace("four euros", "five euros"), "match"),
        (lambda text: text.replace("# Rules", "# The rules of the house"), "moved"),
        (lambda text: text.replace("at nine", "at ten"), "changed"),
        (lambda text: "", "changed"),
        (lambda text: "\0", "gone"),
    ],
    ids=["untouched", "changed behind it", "changed before it", "changed in it", "emptied", "no document any more"],
)
def test_after_an_edit_it_says_what_became_of_it(pool, edit, kind):
    qa = ketaqa.open(pool / "index")
    quote = quoted(qa, "rules.md", "The pool opens at nine.")
    (pool / "docs" / "rules.md").write_text(edit(TEXT), encoding="utf-8", newline="")
    found = receipts.verify(qa.index, quote)
    assert (found.kind, found.read_from) == (kind, "source")
    if kind in ("match", "moved"):
        assert markdown.load(edit(TEXT).encode(), "rules.md").text[found.start : found.end] == quote.text
        assert (found.start == quote.start) == (kind == "match")
    else:
        assert (found.start, found.end) == (None, None)


def test_a_file_that_went_away_is_gone_and_a_folder_that_did_leaves_the_copy(pool):
    qa = ketaqa.open(pool / "index")
    quote = quoted(qa, "rules.md", "It closes at five.")
    (pool / "docs" / "rules.md").unlink()
    assert receipts.verify(qa.index, quote).kind == "gone"
    shutil.rmtree(pool / "docs")
    found = receipts.verify(qa.index, quote)
    assert (found.kind, found.read_from) == ("match", "index")


def test_a_row_of_a_collection_is_read_again(pool):
    qa = ketaqa.open(pool / "index")
    quote = quoted(qa, "d1", "Row 1 says")
    assert receipts.verify(qa.index, quote).kind == "match"
    (pool / "rows.jsonl").write_text(json.dumps({"_id": "d2", "text": "Row 2"}), encoding="utf-8")
    assert receipts.verify(qa.index, quote).kind == "gone"
    assert receipts.verify(qa.index, Quotation("no such document", 0, 1, "x")).kind == "gone"


@settings(max_examples=100, deadline=None)
@given(st.text("ab", min_size=1, max_size=20), st.text("ab", min_size=1, max_size=3), st.integers(0, 20))
def test_the_nearest_place_is_found(text, words, start):
    places = list(receipts._places(text, words))
    assert places == [n for n in range(len(text)) if text.startswith(words, n)]


def test_saved_answers_and_hits_are_read(shipped, run_ketaqa, tmp_path):
    answer = run_ketaqa("ask", "What is ketamine?", "--json").stdout
    hits = run_ketaqa("search", "bladder", "-k", "3", "--json").stdout
    assert len(receipts.saved(answer, "answer")) == 1 + len(json.loads(answer)["alternatives"])
    assert len(receipts.saved(hits, "hits")) == 3
    (tmp_path / "answer.json").write_text(answer, encoding="utf-8")
    done = run_ketaqa("verify", str(tmp_path / "answer.json"))
    assert done.returncode == 0
    assert {line.split()[0] for line in done.stdout.splitlines()} == {"match"}
    changed = json.loads(answer)
    changed["passage"]["text"] = "Nobody says this."
    (tmp_path / "answer.json").write_text(json.dumps(changed), encoding="utf-8")
    done = run_ketaqa("verify", str(tmp_path / "answer.json"), "--json")
    assert done.returncode == 1
    assert [row["kind"] for row in json.loads(done.stdout)][:2] == ["changed", "match"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_what_any_shell_writes_is_read(tmp_path, encoding):
    row = {"passage": {"doc_id": "d", "start": 0, "end": 1, "text": "é"}}
    (tmp_path / "saved.json").write_text(json.dumps([row, row], ensure_ascii=False), encoding=encoding)
    assert receipts.read(str(tmp_path / "saved.json"), None) == [Quotation("d", 0, 1, "é")] * 2


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no json", "no JSON"),
        ("[1]", "holds no passage"),
        ("{}", "holds no passage"),
        ('{"passage": null, "alternatives": []}', "holds no passage"),
        ('{"passage": 5}', "doc_id"),
        ('{"passage": {"doc_id": "d", "start": true, "end": 3, "text": "x"}}', "start True"),
        ('{"doc_id": "d", "start": 0, "end": 1, "text": ""}', "no text"),
    ],
)
def test_what_is_no_saved_answer_is_refused(text, said):
    with pytest.raises(BadSetting, match=said):
        receipts.saved(text, "a.json")


def test_the_interface_verifies(server, shipped):
    import httpx

    p = shipped.ask("What is ketamine?").passage
    asked = {"doc_id": p.doc_id, "start": p.start, "end": p.end, "text": p.text}
    found = httpx.get(f"{server.url}/v1/verify", params=asked)
    assert found.json() == {"kind": "match", "doc_id": p.doc_id, "start": p.start, "end": p.end, "read_from": "source"}
    assert httpx.get(f"{server.url}/v1/verify", params=asked | {"text": "Nobody says this."}).json()["kind"] == "changed"
    assert httpx.get(f"{server.url}/v1/verify", params=asked | {"text": ""}).status_code == 422
