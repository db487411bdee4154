"""Building again where an index is reads what changed alone, and gives the very index that reading all would give."""

import json
import random

import numpy as np
import pytest

import ketaqa
from ketaqa import builder, embedder, loaders, reading, semantics, storage, updating
from ketaqa.builder import build
from ketaqa.index import Index

WORDS = ["ketamine", "bladder", "dose", "insurance", "clinic", "Ångström", "esketamine", "price", "0.5", "mg/kg", "can’t"]
OF_THE_PLACE = {f"{name}.npy" for name in builder.UNVERSIONED}


def data_files(index):
    return {p.name: p.read_bytes() for p in index.glob("data-*/*") if p.name not in OF_THE_PLACE}


@pytest.fixture
def read(monkeypatch):
    """The names of the files that are read."""
    names, real = [], loaders.read
    monkeypatch.setattr(loaders, "read", lambda source: names.append(source.name) or real(source))
    return names


def text(chance, name):
    lines = [" ".join(chance.choices(WORDS, k=chance.randint(1, 60))) + "." for _ in range(chance.randint(1, 6))]
    return f"# {name}\n\n" + "\n\n## Part\n\n".join(lines)


def rows(chance, first, count):
    texts = (" ".join(chance.choices(WORDS, k=9)) for _ in range(count))
    return "".join(json.dumps({"_id": f"r{first + n}", "title": "", "text": one}) + "\n" for n, one in enumerate(texts))


def folder(place, chance):
    (place / "sub").mkdir(parents=True)
    (place / "rows").mkdir()
    for name in ("a.md", "b.md", "sub/c.md", "sub/d.md", "z.md"):
        (place / name).write_text(text(chance, name), encoding="utf-8")
    (place / "rows" / "corpus.jsonl").write_text(rows(chance, 0, 12), encoding="utf-8")
    (place / "asked.jsonl").write_text(json.dumps({"doc_id": "b.md", "quote": "b.md", "questions": ["what is b"]}))
    quote = (place / "a.md").read_text(encoding="utf-8")[8:30].strip()
    (place / "claims.jsonl").write_text(json.dumps({"doc_id": "a.md", "quote": quote, "source_ids": ["s"]}))
    (place / "sources.jsonl").write_text(json.dumps({"source_id": "s", "title": "On ketamine", "url": None}))
    return [place, place / "rows"]


def changed(place, chance):
    """One change of a folder: a file written anew, added, taken away, moved, or the questions put to one."""
    files = sorted(p for p in place.rglob("*.md") if p.name != "a.md")
    kind = chance.choice(["anew", "added", "gone", "moved", "rows", "asked"])
    if kind == "anew" and len(files) > 1:
        next(p for p in files if p.name != "b.md").write_text(text(chance, "new"), encoding="utf-8")
    elif kind == "gone" and len(files) > 1:
        next(p for p in files if p.name != "b.md").unlink()
    elif kind == "moved" and len(files) > 1:
        chance.choice([p for p in files if p.name != "b.md"]).rename(place / f"{chance.randint(100, 999)}.md")
    elif kind == "rows":
        (place / "rows" / "corpus.jsonl").write_text(
            rows(chance, chance.randint(0, 3), chance.randint(1, 20)), encoding="utf-8"
        )
    elif kind == "asked":
        row = {"doc_id": "b.md", "quote": "b", "questions": [f"is it {chance.choice(WORDS)}"]}
        (place / "asked.jsonl").write_text(json.dumps(row))
    else:
        (place / f"{chance.randint(100, 999)}.md").write_text(text(chance, "added"), encoding="utf-8")


@pytest.mark.parametrize(
    "options", [{}, {"weighting": "tfidf"}, {"encoder": "none", "workers": 2}], ids=["bm25", "tfidf", "words"]
)
@pytest.mark.parametrize("seed", range(4))
def test_building_again_gives_the_bytes_of_a_fresh_build(seed, options, tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "MESSAGE", 300)  # several segments
    chance = random.Random(seed)
    docs = folder(tmp_path / "docs", chance)
    build(docs, tmp_path / "my.index", **options)
    for step in range(6):
        for _ in range(chance.randint(0, 3)):
            changed(tmp_path / "docs", chance)
        again = build(docs, tmp_path / "my.index", **options)
        fresh = build(docs, tmp_path / f"{step}.index", **options)
        assert again == fresh
        assert fresh.unchanged == 0
        assert data_files(tmp_path / "my.index") == data_files(tmp_path / f"{step}.index")
        assert Index(tmp_path / "my.index").stale(range(again.documents)) == set()


def test_only_what_changed_is_read(tmp_path, read):
    docs = folder(tmp_path / "docs", random.Random(1))
    build(docs, tmp_path / "my.index")
    assert sorted(read) == ["a.md", "b.md", "corpus.jsonl", "sub/c.md", "sub/d.md", "z.md"]
    for change, wanted in (
        (lambda: None, []),
        (lambda: (tmp_path / "docs" / "sub" / "c.md").write_text("Rain."), ["sub/c.md"]),
        (lambda: (tmp_path / "docs" / "z.md").unlink(), []),
        (lambda: (tmp_path / "docs" / "y.md").write_text("Snow."), ["y.md"]),
        (lambda: (tmp_path / "docs" / "asked.jsonl").unlink(), ["b.md"]),
        # a time says nothing
        (lambda: (tmp_path / "docs" / "y.md").touch(), []),
    ):
        read.clear()
        change()
        build(docs, tmp_path / "my.index")
        assert read == wanted


def test_files_that_are_one_by_links_are_taken_over_each_by_its_name(tmp_path):
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "a.md").write_text("Rain fell.")
    (docs / "b.md").symlink_to("a.md")
    first = build(docs, tmp_path / "my.index")
    again = build(docs, tmp_path / "my.index")
    assert (again, again.unchanged) == (first, 2)


@pytest.mark.parametrize("after", [lambda path: path.write_text("Snow fell on the roof."), lambda path: path.unlink()])
def test_a_file_that_changes_after_it_was_compared_is_stale(after, tmp_path, monkeypatch):
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "a.md").write_text("Rain fell.")
    build(docs, tmp_path / "my.index")
    real = updating.Old.same

    def same(self, source, asked):
        found = real(self, source, asked)
        after(source.path)
        return found

    monkeypatch.setattr(updating.Old, "same", same)
    assert build(docs, tmp_path / "my.index").unchanged == 1
    index = Index(tmp_path / "my.index")
    assert index.document("a.md").text == "Rain fell."
    assert index.stale([0]) == {0}


@pytest.mark.parametrize(
    "options", [{"passage_length": 60}, {"weighting": "tfidf"}, {"encoder": "none"}], ids=lambda one: next(iter(one))
)
def test_other_settings_read_all_again(options, tmp_path, read):
    docs = folder(tmp_path / "docs", random.Random(2))
    build(docs, tmp_path / "my.index")
    read.clear()
    build(docs, tmp_path / "my.index", **options)
    assert len(read) == 6


def test_other_code_reads_all_again(tmp_path, read, monkeypatch):
    docs = folder(tmp_path / "docs", random.Random(3))
    build(docs, tmp_path / "my.index")
    read.clear()
    monkeypatch.setattr(updating, "code", lambda: ["another"])
    build(docs, tmp_path / "my.index")
    assert len(read) == 6


@pytest.mark.parametrize("library", updating.LIBRARIES)
def test_another_version_of_a_library_reads_all_again(library, tmp_path, read, monkeypatch):
    docs = folder(tmp_path / "docs", random.Random(3))
    build(docs, tmp_path / "my.index")
    read.clear()
    real = updating.metadata.version
    monkeypatch.setattr(updating.metadata, "version", lambda name: "0" if name == library else real(name))
    build(docs, tmp_path / "my.index")
    assert len(read) == 6


def test_an_encoder_that_is_new_makes_the_vectors_that_a_folder_does_not_bring(tmp_path, monkeypatch):
    class Encoder:
        name = semantics.TEACHER
        encode = semantics.table().encode

    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "a.md").write_text("Rain fell on the roof.")
    embedder.store([], np.zeros((0, semantics.DIMENSIONS // 2), dtype=np.uint8), docs / embedder.STORED)
    monkeypatch.setattr(embedder, "reader", lambda name: None)
    assert build(docs, tmp_path / "my.index").vectors == 0
    monkeypatch.setattr(embedder, "reader", lambda name: Encoder())
    assert build(docs, tmp_path / "my.index").vectors == 1


def test_a_damaged_index_is_not_taken_over(tmp_path, read):
    docs = folder(tmp_path / "docs", random.Random(4))
    build(docs, tmp_path / "my.index")
    version = Index(tmp_path / "my.index").info.version
    manifest = json.loads((tmp_path / "my.index" / storage.MANIFEST).read_text())
    texts = tmp_path / "my.index" / manifest["folder"] / "texts.npy"
    texts.write_bytes(texts.read_bytes()[:-1] + b"X")
    read.clear()
    assert build(docs, tmp_path / "my.index").version == version
    assert len(read) == 6


def test_the_command_says_how_many_files_had_not_changed(tmp_path, run_ketaqa):
    folder(tmp_path / "docs", random.Random(5))
    place = str(tmp_path / "my.index")
    assert "unchanged" not in run_ketaqa("index", str(tmp_path / "docs"), "-o", place).stdout
    (tmp_path / "docs" / "z.md").write_text("Rain fell.")
    assert "4 files unchanged" in run_ketaqa("index", str(tmp_path / "docs"), "-o", place).stdout
    assert ketaqa.open(place).search("rain")[0].passage.doc_id == "z.md"
