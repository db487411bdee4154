"""Vectors in four bits a number, and the table of word meanings."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ketaqa import analysis, semantics

VECTORS = hnp.arrays(np.float32, (5, 8), elements=st.floats(-100, 100, width=32))


@settings(max_examples=100, deadline=None)
@given(VECTORS)
def test_a_vector_takes_half_a_byte_a_number_and_comes_back_with_length_one(vectors):
    codes = semantics.packed(vectors)
    assert (codes.dtype, codes.shape) == (np.uint8, (5, 4))
    assert np.allclose(np.linalg.norm(semantics.unpacked(codes), axis=1), 1.0, atol=1e-6)


def test_little_is_lost():
    vectors = np.random.default_rng(0).standard_normal((200, semantics.DIMENSIONS)).astype(np.float32)
    back = semantics.unpacked(semantics.packed(vectors))
    cosine = (back * vectors).sum(1) / np.linalg.norm(vectors, axis=1)
    assert cosine.min() > 0.98


def test_packing_what_was_unpacked_changes_nothing():
    vectors = np.random.default_rng(1).standard_normal((50, semantics.DIMENSIONS)).astype(np.float32)
    codes = semantics.packed(vectors)
    again = semantics.packed(semantics.unpacked(codes))
    assert np.array_equal(np.sign(semantics.unpacked(codes)), np.sign(vectors))
    assert (again == codes).mean() > 0.9


def test_texts_are_read_word_by_word_in_groups(monkeypatch):
    table = semantics.table()
    texts = ["cost of treatment", "zxqv", "", "treatment, treatment"]
    whole = table.encode(texts)
    monkeypatch.setattr(semantics, "GROUP", 1)
    told = []
    assert np.array_equal(table.encode(texts, lambda *now: told.append(now)), whole)
    assert told == [(n, 4) for n in range(1, 5)]
    known = dict(zip(*table.vectors(["cost", "of", "treatment"]), strict=True))
    total = sum(known.values())
    assert whole[0] == pytest.approx(total / np.linalg.norm(total), abs=1e-5)
    assert not whole[1:3].any()
    assert not semantics.packed(whole)[1:3].any()
    assert whole[3] == pytest.approx(known["treatment"] / np.linalg.norm(known["treatment"]), abs=1e-5)


def test_vectors_without_spread_are_packed_too():
    assert np.isfinite(semantics.unpacked(semantics.packed(np.zeros((2, 4), dtype=np.float32)))).all()
    assert np.isfinite(semantics.unpacked(semantics.packed(np.ones((2, 4), dtype=np.float32)))).all()


def test_the_mean_is_taken_over_all_blocks(monkeypatch):
    codes = semantics.packed(np.random.default_rng(2).standard_normal((10, 8)).astype(np.float32))
    monkeypatch.setattr(semantics, "BLOCK", 3)
    assert semantics.mean(codes) == pytest.approx(semantics.unpacked(codes).mean(axis=0), abs=1e-6)


def test_the_shipped_table_fits_the_wheel_and_is_sorted():
    table = semantics.table()
    size = sum(path.stat().st_size for path in semantics.DATA.iterdir())
    assert size <= 8_000_000
    assert len(table.vocabulary) > 30_000
    names = [table.vocabulary[n] for n in range(len(table.vocabulary))]
    assert names == sorted(names, key=str.encode)
    assert all(analysis.words(name) == [name] for name in names)


def test_a_word_is_found_as_questions_spell_it():
    table = semantics.table()
    (word,) = analysis.words("Depression")
    assert word in table
    assert "zxqvblorp" not in table
    names, vectors = table.vectors(["depression", "zxqvblorp", "depression"])
    assert (names, vectors.shape) == (["depression"], (1, semantics.DIMENSIONS))


def near(one, other):
    _, (first, second) = semantics.table().vectors([one, other])
    return float(first @ second / np.linalg.norm(first) / np.linalg.norm(second))


@pytest.mark.parametrize(
    ("word", "like", "unlike"),
    [
        ("price", "cost", "bladder"),
        ("doctor", "physician", "price"),
        ("sad", "depressed", "nasal"),
        ("urine", "bladder", "law"),
    ],
)
def test_words_of_like_meaning_lie_near_each_other(word, like, unlike):
    assert near(word, like) > near(word, unlike) + 0.1


def test_every_common_word_of_english_has_a_vector():
    words = [
        "what",
        "how",
        "does",
        "it",
        "feel",
        "much",
        "cost",
        "safe",
        "side",
        "effects",
        "drive",
        "work",
        "long",
        "doctor",
        "pain",
        "sleep",
        "mother",
        "school",
    ]
    assert [w for w in words if w not in semantics.table()] == []
