import json
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from conftest import row_of
from hypothesis import given, settings
from hypothesis import strategies as st

from ketaqa import KetaQA, index, shipped
from ketaqa.builder import build
from ketaqa.documents import Rows
from ketaqa.errors import UnknownDocument
from ketaqa.index import Index
from ketaqa.packing import pack_rows
from ketaqa.records import Citation, Reference
from ketaqa.retriever import DOCUMENT_WEIGHT

FRONT = "---\ntitle: On rain\nurl: https://rain.example\npublished: 2024-02-01\nreviewed: 2025-03-04\n---\n"


def written(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode())
    return folder


def beir(*texts):
    return "\n".join(json.dumps({"_id": f"d{n}", "title": "", "text": text}) for n, text in enumerate(texts))


def built(folder, files):
    build([written(folder / "docs", files)], folder / "my.index")
    return Index(folder / "my.index")


def spans_hold(index):
    """Law 1 for every document of an index: passages are slices, in order, and hold every non-blank character."""
    seen = 0
    for doc_id in index.doc_ids():
        document, passages = index.document(doc_id), index.passages_of(doc_id)
        covered = [False] * len(document.text)
        for number, passage in enumerate(passages, 1):
            assert passage.text == document.text[passage.start : passage.end]
            assert "".join(piece.text for piece in passage.pieces) == passage.text
            assert passage == index.passage(seen)
            assert (passage.passage_id, passage.doc_id) == (f"{doc_id}#{number}", doc_id)
            covered[passage.start : passage.end] = [True] * (passage.end - passage.start)
            seen += 1
        assert all(inside or c.isspace() for c, inside in zip(document.text, covered, strict=True))
        assert [p.start for p in passages] == sorted(p.start for p in passages)
    assert seen == index.info.passages


# law 1


def test_the_passages_of_the_shipped_documents_are_their_text():
    index = Index(shipped.index_path())
    spans_hold(index)
    assert len(index.doc_ids()) == len(list(shipped.corpus_path().glob("*.md")))


WORDS = [
    "Ketamine works. ",
    "😀",
    "👩\u200d⚕️ ",
    "e\u0301",
    "שלום. ",
    "\r\n",
    "\n\n",
    "\n",
    "# ",
    "## ",
    "- ",
    "5*3*2 ",
    "氯胺酮。",
]
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
TEXTS = st.lists(st.one_of(st.sampled_from(WORDS), st.text(CHARACTERS, max_size=5)), max_size=60).map("".join)


@settings(deadline=None, max_examples=50)
@given(st.lists(TEXTS, min_size=1, max_size=4))
def test_passages_of_any_text_are_slices_of_the_stored_document(texts):
    with tempfile.TemporaryDirectory() as folder:
        files = {f"{n}.{ending}": text for n, text in enumerate(texts) for ending in ("txt", "markdown")}
        # a body that begins with front matter by chance would be metadata
        index = built(Path(folder), {name: "Text.\n" + text for name, text in files.items()})
        spans_hold(index)
        for n, text in enumerate(texts):
            assert index.document(f"{n}.txt").text == "Text.\n" + text.replace("\r\n", "\n").replace("\r", "\n")


@settings(deadline=None, max_examples=50)
@given(st.lists(TEXTS, min_size=1, max_size=6))
def test_passages_of_any_beir_row_are_slices_of_the_row(texts):
    with tempfile.TemporaryDirectory() as folder:
        index = built(Path(folder), {"corpus.jsonl": beir("Text.", *texts)})
        spans_hold(index)
        assert [index.document(doc_id).text for doc_id in index.doc_ids()] == ["Text.", *texts]


def test_rows_come_back_as_they_were():
    rows = [{"a": "😀\u2028"}, [], None, "", {"b": [1, "ש"]}]
    arrays = pack_rows("x", rows)
    packed = Rows(arrays["x"], arrays["x_ends"], lambda: None)
    assert (len(packed), [packed[n] for n in range(len(packed))]) == (5, rows)


# documents and citations


def test_a_document_is_kept_with_its_metadata_and_text(tmp_path):
    index = built(tmp_path, {"a.md": FRONT + "Rain fell.\n\n## Hills\nOn hills.", "b.txt": ""})
    document = index.document("a.md")
    assert (document.title, document.url) == ("On rain", "https://rain.example")
    assert (document.published, document.reviewed) == ("2024-02-01", "2025-03-04")
    assert document.text == "Rain fell.\n\nHills\nOn hills."
    assert index.document("b.txt").text == ""
    assert index.passages_of("b.txt") == []
    assert [p.section for p in index.passages_of("a.md")] == [(), ("Hills",)]


def test_a_citation_names_title_section_and_the_latest_date(tmp_path):
    index = built(
        tmp_path,
        {
            "a.md": FRONT + "# On rain\nRain fell.\n\n## Hills\nOn hills.",
            "b.md": "---\npublished: 2024-02-01\n---\nSnow.",
            "c.txt": "No date.",
            "claims.jsonl": '{"doc_id": "c.txt", "quote": "No", "source_ids": ["s"]}',
            "sources.jsonl": '{"source_id": "s", "title": "Dates", "year": 2001}',
        },
    )
    found = [index.citation(n) for n in range(index.info.passages)]
    wanted = ["On rain, reviewed 2025-03-04", "On rain, Hills, reviewed 2025-03-04", "b, published 2024-02-01", "c"]
    assert [c.text for c in found] == wanted
    digest = index.document("c.txt").sha256
    assert found[3] == Citation("c", "c.txt", "c", digest, None, None, None, (Reference("Dates. 2001.", None),))


@pytest.mark.parametrize("doc_id", ["none.md", "", "A.TXT", "a.txt#1", "\ud800"])
def test_an_unknown_document_is_refused_by_name(doc_id, tmp_path):
    index = built(tmp_path, {"a.txt": "Rain."})
    for ask in (index.document, index.passages_of):
        with pytest.raises(UnknownDocument) as error:
            ask(doc_id)
        assert repr(doc_id) in str(error.value)
        assert "ketaqa passages" in str(error.value)


# law 7: what changed is said, not cited


def stale(index):
    return [doc_id for number, doc_id in enumerate(index.doc_ids()) if index.stale([number])]


def found(index, query="rain"):
    return {hit.passage.doc_id for hit in KetaQA(index).search(query)}


DOCS = {"a.txt": "Rain fell on a.", "b.txt": "Rain fell on b.", "sub/c.md": "Rain fell on c."}


def grown(path):
    path.write_text("Rain fell on something else.")


def same_size(path):
    path.write_text(path.read_text().replace("Rain", "Snow"))
    os.utime(path, (1, 1))


def deleted(path):
    path.unlink()


def emptied(path):
    path.write_text("")


def replaced_by_a_folder(path):
    path.unlink()
    path.mkdir()


def replaced_by_a_dead_link(path):
    path.unlink()
    path.symlink_to("nothing")


CHANGES = [grown, same_size, deleted, emptied, replaced_by_a_folder, replaced_by_a_dead_link]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", ["a.txt", "sub/c.md"])
def test_a_changed_file_is_stale_and_no_longer_found(name, change, tmp_path):
    index = built(tmp_path, DOCS)
    assert stale(index) == []
    assert found(index) == set(DOCS)
    change(tmp_path / "docs" / name)
    assert stale(index) == [name]
    assert found(index) == set(DOCS) - {name}
    assert stale(Index(tmp_path / "my.index")) == [name]


@pytest.mark.parametrize("time", [1, 2**31])
def test_a_touched_file_is_fresh(time, tmp_path):
    index = built(tmp_path, DOCS)
    for name in DOCS:
        os.utime(tmp_path / "docs" / name, (time, time))
    (tmp_path / "docs" / "new.txt").write_text("Rain fell on a new file.")
    assert stale(index) == []
    assert found(index) == set(DOCS)


def test_a_folder_that_went_away_among_others_is_stale(tmp_path):
    index = built(tmp_path, DOCS)
    shutil.rmtree(tmp_path / "docs" / "sub")
    assert stale(index) == ["sub/c.md"]


def test_without_the_whole_folder_every_document_counts_as_fresh(tmp_path):
    index = built(tmp_path, DOCS)
    shutil.rmtree(tmp_path / "docs")
    assert stale(index) == []
    assert found(index) == set(DOCS)


def test_a_changed_beir_file_makes_all_its_documents_stale(tmp_path):
    index = built(tmp_path, {"corpus.jsonl": beir("Rain fell.", "Snow fell.")})
    os.utime(tmp_path / "docs" / "corpus.jsonl", (1, 1))
    assert stale(index) == []
    written(tmp_path / "docs", {"corpus.jsonl": beir("Rain fell.", "Hail fell.")})
    assert stale(index) == ["d0", "d1"]
    assert found(index) == set()


def test_documents_and_index_can_be_moved_together_and_changes_are_still_seen(tmp_path):
    built(tmp_path / "here", DOCS)
    (tmp_path / "far" / "away").mkdir(parents=True)
    shutil.move(tmp_path / "here", tmp_path / "far" / "away")
    moved = tmp_path / "far" / "away" / "here"
    index = Index(moved / "my.index")
    assert stale(index) == []
    grown(moved / "docs" / "b.txt")
    assert stale(index) == ["b.txt"]


def test_an_index_carried_away_alone_still_answers(tmp_path):
    built(tmp_path / "here", DOCS)
    carried = tmp_path / "another machine" / "my.index"
    shutil.copytree(tmp_path / "here" / "my.index", carried)
    assert stale(Index(carried)) == []
    assert found(Index(carried)) == set(DOCS)


def test_answers_say_that_a_changed_file_is_not_quoted(tmp_path):
    index = built(tmp_path, {"a.txt": "Ketamine was first made in 1962.", "b.txt": "Rain fell."})
    question = "When was ketamine first made?"
    assert KetaQA(index).ask(question).status == "answered"
    grown(tmp_path / "docs" / "a.txt")
    answer = KetaQA(index).ask(question)
    assert answer.status == "abstained"
    assert "ketaqa index" in answer.reason
    assert "1962" not in json.dumps([hit.passage.text for hit in answer.alternatives])


def test_documents_have_a_share_in_bm25_and_none_in_scikit_learns_weighting(tmp_path):
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "a.md").write_text("# A\n\n## One\n\nThe bladder may hurt.\n\n## Two\n\nThe bladder and the urine.\n")
    (docs / "b.md").write_text("# B\n\nThe bladder may hurt.\n")
    found = {}
    for weighting in ("bm25", "tfidf"):
        build([docs], tmp_path / weighting, weighting=weighting, encoder="none")
        ranker = Index(tmp_path / weighting).retriever
        query = ranker.query("bladder urine")
        own = [
            sum(t.weight * dict(zip(*row_of(ranker.postings, t.number), strict=True)).get(n, 0.0) for t in query)
            for n in range(3)
        ]
        found[weighting] = [dict(ranker.search(query, 3))[n] - own[n] for n in range(3)]
        if weighting == "bm25":
            share = DOCUMENT_WEIGHT * (own[0] + own[1]) / 2
            assert found[weighting] == pytest.approx([share, share, DOCUMENT_WEIGHT * own[2]])
    assert found["tfidf"] == pytest.approx([0.0, 0.0, 0.0])


@pytest.mark.skipif(not Path("/proc/self/smaps").exists(), reason="only Linux tells what is mapped")
def test_what_questions_looked_at_leaves_the_memory_and_they_are_answered_as_before(tmp_path, monkeypatch):
    files = {"corpus.jsonl": beir(*(f"word{n % 7} thing{n % 5} filler " * 20 for n in range(2000)))}
    questions = ["word1 thing2", "word3 filler", "thing4 word6"]
    before = [KetaQA(built(tmp_path / "before", files)).search(question) for question in questions]
    monkeypatch.setattr(index, "LARGE", 0)
    qa = KetaQA(built(tmp_path / "after", files))
    assert qa.search(questions[0]) == before[0]
    assert resident(tmp_path / "after") > 0
    qa.index.tidy()
    assert resident(tmp_path / "after") == 0
    assert [qa.search(question) for question in questions] == before


def resident(folder):
    """Kilobytes of the texts mapped from a folder that are in this process's memory."""
    total, inside = 0, False
    for line in Path("/proc/self/smaps").read_text(encoding="utf-8").splitlines():
        if line.split()[0][-1] != ":":  # a mapping's first line
            inside = str(folder) in line and line.endswith("texts.npy")
        elif inside and line.startswith("Rss:"):
            total += int(line.split()[1])
    return total
