import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest

from ketaqa import builder, embedder, shipped
from ketaqa.builder import build
from ketaqa.documents import Documents
from ketaqa.errors import BadIndex, BadSetting, BadSource, KetaqaError
from ketaqa.index import Index
from ketaqa.records import Reference

CORPUS = shipped.corpus_path()
# where the files lie and when they were written: the only arrays that may differ between two builds of the same documents
OF_THE_PLACE = {f"{name}.npy" for name in builder.UNVERSIONED}


def written(folder, files):
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def data_files(index):
    return {p.name: p.read_bytes() for p in index.glob("data-*/*") if p.name not in OF_THE_PLACE}


def rows(*items):
    return "\n".join(json.dumps(item) for item in items)


TOY = {
    "a.md": "---\ntitle: Rain\n---\nRain fell. 😀 e\u0301\n\n## Hills\nRain on the hills.\n",
    "sub/b.txt": "Ketamine works by 5*3*2.\r\n",
    "sub/c.txt": "",
    "sub/d.txt": "שלום עולם. Another line.",
}

# law 3: the same documents give the same bytes


@pytest.mark.parametrize("documents", [TOY, None], ids=["toy", "shipped"])
@pytest.mark.parametrize("weighting", ["bm25", "tfidf"])
def test_the_same_documents_give_the_same_bytes_wherever_they_lie(documents, weighting, tmp_path):
    files = documents or {p.name: p.read_bytes() for p in CORPUS.iterdir()}
    first = written(tmp_path / "one", files)
    # another place, another order of writing, other times
    second = written(tmp_path / "elsewhere" / "deep" / "two", dict(reversed(files.items())))
    for number, path in enumerate(p for p in second.rglob("*") if p.is_file()):
        os.utime(path, (10**9 + number, 10**9 + number))
    reports = [
        build([first], tmp_path / "1.index", weighting=weighting),
        build([str(second)], tmp_path / "x" / "2.index", weighting=weighting, workers=2),
    ]
    assert reports[0] == reports[1]
    assert data_files(tmp_path / "1.index") == data_files(tmp_path / "x" / "2.index")
    assert len(data_files(tmp_path / "1.index")) > 10


def test_building_again_in_the_same_place_gives_the_same_version(tmp_path):
    docs = written(tmp_path / "docs", TOY)
    versions = {build([docs], tmp_path / "my.index", workers=workers).version for workers in (1, 2, 1)}
    assert versions == {Index(tmp_path / "my.index").info.version}


@pytest.mark.parametrize(
    ("files", "options"),
    [
        (TOY | {"a.md": "---\ntitle: Snow\n---\nRain fell.\n"}, {}),
        (TOY | {"e.txt": "One more."}, {}),
        ({"z.md": TOY["a.md"]} | {k: v for k, v in TOY.items() if k != "a.md"}, {}),
        (TOY, {"weighting": "tfidf"}),
        (TOY, {"passage_length": 60}),
    ],
    ids=["text", "document", "name", "weighting", "passage_length"],
)
def test_the_version_changes_with_what_the_index_holds(files, options, tmp_path):
    before = build([written(tmp_path / "1", TOY)], tmp_path / "1.index").version
    assert build([written(tmp_path / "2", files)], tmp_path / "2.index", **options).version != before


# what was read and what was refused


def test_the_report_counts_and_lists_the_refused_with_reasons(tmp_path):
    extra = {"x.pdf": "%PDF", "bad.txt": b"\xff", "z.md": "---\ntitle: [1]\n---\n", "nul.txt": "\0"}
    docs = written(tmp_path / "docs", TOY | extra)
    for workers in (1, 2):
        report = build([docs], tmp_path / "my.index", workers=workers)
        reasons = {r.source: r.reason for r in report.refused}
        assert set(reasons) == set(extra)
        assert ".md, .txt" in reasons["x.pdf"]
        assert reasons["bad.txt"].startswith("not UTF-8 text")
        assert "save it as UTF-8" in reasons["bad.txt"]
        assert reasons["z.md"].startswith("front matter gives title as list")
        assert "remove it" in reasons["nul.txt"]
        index = Index(tmp_path / "my.index")
        assert index.doc_ids() == ["a.md", "sub/b.txt", "sub/c.txt", "sub/d.txt"]
        assert (report.documents, report.passages) == (4, index.info.passages) == (4, 4)
        assert report.terms == len(index.retriever.postings.vocabulary)


def test_progress_counts_every_byte_once(tmp_path):
    docs = written(tmp_path / "docs", TOY | {"bad.txt": b"\xff"})
    for workers in (1, 2):
        seen = []
        build(
            [docs],
            tmp_path / f"{workers}.index",
            workers=workers,
            encoder="none",
            progress=lambda *counts, seen=seen: seen.append(counts),
        )
        size = sum(path.stat().st_size for path in docs.rglob("*") if path.is_file())
        for what in ("reading", "writing"):
            done = [(n, every) for name, n, every in seen if name == what]
            assert done == sorted(done)
            assert done[-1][0] == done[-1][1] > 0
        assert next(every for name, _, every in seen if name == "reading") == size


@pytest.mark.skipif(sys.platform != "linux", reason="names that are not UTF-8 exist on Linux alone")
def test_a_file_whose_name_is_not_text_is_refused_and_the_rest_is_read(tmp_path):
    docs = written(tmp_path / "docs", {"a.txt": "Rain fell."})
    Path(os.fsdecode(os.fsencode(docs) + b"/caf\xe9.txt")).write_text("Coffee.")
    report = build([docs], tmp_path / "my.index")
    assert report.documents == 1
    assert ["caf" in r.source and bool(r.reason) for r in report.refused] == [True]
    with pytest.raises(BadSource, match="its name is not UTF-8; rename it"):
        build(Path(os.fsdecode(os.fsencode(docs) + b"/caf\xe9.txt")), tmp_path / "my.index")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"a.txt": " \n\t"}, r"nothing to index in 1 files; give files of format \.md, \.txt"),
        ({}, "nothing to index in 0 files; give files of format"),
        ({"a.pdf": "x", "b.txt": "\0"}, r"nothing could be read; the first of 2 refused: a\.pdf: format '\.pdf' is not known"),
        (
            {"corpus.jsonl": rows({"_id": "1", "text": "x"}, {"_id": "1", "text": "y"})},
            r"corpus\.jsonl: line 2 repeats _id '1'",
        ),
    ],
)
def test_nothing_readable_is_refused_and_keeps_the_old_index(files, message, tmp_path):
    out = tmp_path / "my.index"
    old = build([written(tmp_path / "old", TOY)], out).version
    (tmp_path / "new").mkdir()
    with pytest.raises(BadSource, match=message):
        build([written(tmp_path / "new", files)], out)
    assert Index(out).info.version == old
    assert Index(out).document("sub/b.txt").text == "Ketamine works by 5*3*2.\n"


def test_a_missing_source_stops_the_build_and_keeps_the_old_index(tmp_path):
    docs = written(tmp_path / "docs", TOY)
    old = build([docs], tmp_path / "my.index").version
    with pytest.raises(BadSource, match=r"none: no such file or folder; give a folder"):
        build([docs, tmp_path / "none"], tmp_path / "my.index")
    assert Index(tmp_path / "my.index").info.version == old


@pytest.mark.parametrize(
    ("options", "name"), [({"weighting": "bm11"}, "'bm11'"), ({"passage_length": 0}, "0"), ({"passage_length": -5}, "-5")]
)
def test_an_impossible_option_is_refused_by_its_value(options, name, tmp_path):
    with pytest.raises(BadSetting) as error:
        build([written(tmp_path / "docs", TOY)], tmp_path / "my.index", **options)
    assert name in str(error.value)
    assert not (tmp_path / "my.index").exists()


def test_two_documents_of_one_id_are_refused_with_both_paths(tmp_path):
    one, two = written(tmp_path / "1", {"same.txt": "One."}), written(tmp_path / "2", {"same.txt": "Two."})
    with pytest.raises(
        BadSource, match=r"both give a document 'same\.txt'; index the folder above them, or rename one"
    ) as error:
        build([one, two], tmp_path / "my.index")
    assert str(one / "same.txt") in str(error.value)
    assert str(two / "same.txt") in str(error.value)
    with pytest.raises(BadSource, match="both give a document"):
        build([one, one / "same.txt"], tmp_path / "my.index")
    assert build([tmp_path], tmp_path / "my.index").documents == 2


def test_a_foreign_place_is_refused_before_anything_is_read(tmp_path):
    docs = written(tmp_path / "docs", TOY)
    read = []
    with pytest.raises(BadIndex, match="docs: a folder that is not an index; give a new name, or empty it"):
        build([docs], docs, progress=lambda *now: read.append(now))
    assert read == []


def test_an_index_among_its_documents_is_not_read_as_one(tmp_path):
    docs = written(tmp_path / "docs", TOY)
    first = build([docs], docs / "my.index")
    again = build([docs], docs / "my.index")
    assert again == first
    assert again.refused == ()


# claims and sources

SOURCES = rows({"source_id": "s1", "title": "On rain", "doi": "10.1/r"}, {"source_id": "s2", "title": "On hills", "url": None})


def claim(doc_id, quote, *source_ids):
    return {"doc_id": doc_id, "quote": quote, "source_ids": list(source_ids)}


def references_of(index):
    found = {index.passage_id(n): index.citation(n).references for n in range(index.info.passages)}
    return {passage_id: [r.text for r in cited] for passage_id, cited in found.items()}


def test_each_passage_cites_the_sources_of_the_claims_that_it_overlaps(tmp_path):
    claims = rows(
        claim("a.md", "Rain on the hills.", "s2", "s1"),
        claim("a.md", "hills", "s1"),
        claim("sub/b.txt", "5*3*2", "s1"),
        claim("a.md", "\u0301\n\nHills\nRain", "s1"),
    )
    build([written(tmp_path / "docs", TOY | {"claims.jsonl": claims, "sources.jsonl": SOURCES})], tmp_path / "my.index")
    index = Index(tmp_path / "my.index")
    wanted = {"a.md#1": ["On rain."], "a.md#2": ["On hills.", "On rain."], "sub/b.txt#1": ["On rain."], "sub/d.txt#1": []}
    assert references_of(index) == wanted
    assert index.citation(2).references == (Reference("On rain.", "https://doi.org/10.1/r"),)


def test_a_claim_that_ends_where_a_passage_begins_is_not_cited_there(tmp_path):
    claims = rows(claim("a.md", "e\u0301\n\n", "s1"))
    build([written(tmp_path / "docs", TOY | {"claims.jsonl": claims, "sources.jsonl": SOURCES})], tmp_path / "my.index")
    found = references_of(Index(tmp_path / "my.index"))
    assert (found["a.md#1"], found["a.md#2"]) == (["On rain."], [])


def test_claims_of_two_folders_stay_apart(tmp_path):
    for name, title in (("one", "First"), ("two", "Second")):
        source = rows({"source_id": "s", "title": title})
        files = {f"{name}.txt": "Rain fell.", "claims.jsonl": rows(claim(f"{name}.txt", "Rain", "s")), "sources.jsonl": source}
        written(tmp_path / name, files)
    build([tmp_path / "one", tmp_path / "two"], tmp_path / "my.index")
    assert references_of(Index(tmp_path / "my.index")) == {"one.txt#1": ["First."], "two.txt#1": ["Second."]}


def test_one_file_of_a_folder_can_be_indexed_beside_claims_about_the_others(tmp_path):
    claims = rows(claim("b.txt", "Snow", "s1"), claim("a.txt", "Rain", "s1"))
    files = {"a.txt": "Rain fell.", "b.txt": "Snow fell.", "claims.jsonl": claims, "sources.jsonl": SOURCES}
    docs = written(tmp_path / "docs", files)
    report = build([docs / "a.txt"], tmp_path / "my.index")
    assert report.documents == 1
    assert references_of(Index(tmp_path / "my.index")) == {"a.txt#1": ["On rain."]}


def test_a_wrong_claim_stops_the_build_before_vectors_are_made_and_keeps_the_old_index(tmp_path, monkeypatch):
    old = build([written(tmp_path / "docs", TOY)], tmp_path / "my.index").version
    written(tmp_path / "docs", {"claims.jsonl": rows(claim("a.md", "Snow", "s1")), "sources.jsonl": SOURCES})
    monkeypatch.setattr(embedder, "embedded", lambda *args: pytest.fail("encoded in vain"))
    with pytest.raises(KetaqaError, match=r"claims\.jsonl: line 1: the quote is not in a\.md word for word; copy it"):
        build([tmp_path / "docs"], tmp_path / "my.index")
    assert Index(tmp_path / "my.index").info.version == old


def test_the_arrays_hold_no_place_of_the_machine(tmp_path):
    docs = written(tmp_path / "a-telling-name" / "docs", TOY)
    build([docs.resolve()], tmp_path / "a-telling-name" / "my.index")
    for path in (tmp_path / "a-telling-name" / "my.index").rglob("*"):
        assert path.is_dir() or b"telling" not in path.read_bytes()
    stats = np.load(next((tmp_path / "a-telling-name" / "my.index").glob("data-*/source_stats.npy")))
    assert stats[:, 0].tolist() == [(docs / name).stat().st_size for name in TOY]


def test_headings_of_a_document_are_read_once(tmp_path, monkeypatch):
    written(tmp_path / "docs", {"a.md": "".join(f"# Part {n}\n\nRain fell {n} times.\n\n" for n in range(40))})
    read, real = [], Documents.headings
    monkeypatch.setattr(Documents, "headings", lambda self, number: read.append(number) or real(self, number))
    assert build(tmp_path / "docs", tmp_path / "my.index").passages == 40
    assert read == [0]


def test_claims_without_their_sources_are_refused_by_name(tmp_path):
    claims = rows(claim("a.txt", "Rain", "s"))
    folder = written(tmp_path / "docs", {"a.txt": "Rain fell.", "claims.jsonl": claims})
    with pytest.raises(BadSource, match=r"sources\.jsonl: can't be read .*claims\.jsonl needs sources\.jsonl beside it"):
        build([folder], tmp_path / "my.index")


# a large collection is read in parts


def collection(folder, count):
    lines = [json.dumps({"_id": str(n), "title": f"T{n}", "text": f"Ketamine word{n} dose{n % 7}. 😀"}) for n in range(count)]
    folder.mkdir()
    (folder / "corpus.jsonl").write_text("\ufeff" + "\n".join(lines) + "\n\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("workers", [1, 2])
def test_a_collection_read_in_parts_gives_the_index_of_the_whole(tmp_path, monkeypatch, workers):
    docs = collection(tmp_path / "docs", 400)
    build([docs], tmp_path / "whole.index")
    monkeypatch.setattr(builder.loaders, "PART", 2000)
    assert len(builder.loaders.parts(builder.loaders.find([docs])[0][0])) > 10
    build([docs], tmp_path / "parts.index", workers=workers)
    assert data_files(tmp_path / "whole.index") == data_files(tmp_path / "parts.index")
    assert Index(tmp_path / "parts.index").stale([0, 399]) == set()
    with open(docs / "corpus.jsonl", "a") as file:
        file.write(rows({"_id": "x", "text": "y"}))
    assert Index(tmp_path / "parts.index").stale([0, 399]) == {0, 399}


def test_a_bad_row_in_one_part_refuses_the_whole_file_with_its_line(tmp_path, monkeypatch):
    docs = collection(tmp_path / "docs", 100)
    (tmp_path / "note.txt").write_text("Rain fell.")
    with open(docs / "corpus.jsonl", "a") as file:
        file.write("no json\n" + rows({"_id": "x", "text": "y"}) + "\nnone here either\n")
    monkeypatch.setattr(builder.loaders, "PART", 500)
    report = build([docs, tmp_path / "note.txt"], tmp_path / "my.index")
    assert (report.documents, len(report.refused)) == (1, 1)
    assert "line 102 is not JSON" in report.refused[0].reason


def test_an_id_that_two_parts_have_is_refused(tmp_path, monkeypatch):
    docs = collection(tmp_path / "docs", 100)
    with open(docs / "corpus.jsonl", "a") as file:
        file.write(rows({"_id": "3", "text": "again"}))
    monkeypatch.setattr(builder.loaders, "PART", 500)
    (tmp_path / "note.txt").write_text("Rain fell.")
    report = build([docs, tmp_path / "note.txt"], tmp_path / "my.index")
    assert (report.documents, [r.reason for r in report.refused]) == (1, ["repeats _id '3'; give each row its own"])


@pytest.mark.parametrize("part", [200, 1 << 23])
def test_a_mark_inside_a_file_and_lone_returns_are_told_alike_whole_and_in_parts(tmp_path, monkeypatch, part):
    lines = [rows({"_id": str(n), "text": "Rain"}) for n in range(30)]
    (tmp_path / "note.txt").write_text("Rain fell.")
    monkeypatch.setattr(builder.loaders, "PART", part)
    for broken, end, line in (("\ufeff" + lines[20], "\n", 21), ("no json", "\r", 21), ("no json", "\r\n", 21)):
        (tmp_path / "corpus.jsonl").write_bytes(end.join([*lines[:20], broken, *lines[21:], ""]).encode())
        report = build([tmp_path / "corpus.jsonl", tmp_path / "note.txt"], tmp_path / "my.index")
        assert f"line {line} is not JSON" in report.refused[0].reason


def test_a_large_collection_that_can_not_be_opened_is_refused(tmp_path, monkeypatch):
    docs = collection(tmp_path / "docs", 100)
    (tmp_path / "note.txt").write_text("Rain fell.")
    monkeypatch.setattr(builder.loaders, "PART", 500)
    found = builder.loaders.find([docs])[0]
    (docs / "corpus.jsonl").unlink()
    assert builder.loaders.parts(found[0]) == found


def test_lines_of_wide_letters_are_not_cut(tmp_path, monkeypatch):
    (tmp_path / "corpus.jsonl").write_text(
        "\n".join([rows({"_id": str(n), "text": "Regen"}) for n in range(50)]), encoding="utf-16"
    )
    monkeypatch.setattr(builder.loaders, "PART", 200)
    assert build([tmp_path / "corpus.jsonl"], tmp_path / "my.index").documents == 50
