"""What is measured on: passages and queries drawn from a seed, or real text, with the same terms for every system.

Useful for: "give me 100,000 passages", alike on every machine. Not useful for: judging quality (quality).
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

SEED = 20261123
TERMS, PASSAGE_WORDS, QUERY_WORDS, QUERIES = 30_000, (20, 80), (2, 6), 500
# passages are drawn block by block, each from a seed of its own: 10,000 passages begin 1,000,000, and no block needs much room
BLOCK = 10_000
# words that every system's tokeniser takes as one term: two characters at least, no mark that one would keep and another drop
WORD = re.compile(r"[a-z0-9]{2,}")


@dataclass(frozen=True, slots=True)
class Data:
    """Passages and queries by name: as many as `passages`, drawn, or read from `folder` ("" for drawn ones)."""

    name: str
    passages: int = 0
    folder: str = ""

    def texts(self) -> list[str]:
        """The passages, one text each."""
        return real(Path(self.folder))[0] if self.folder else drawn(self.passages)

    def queries(self) -> list[str]:
        """At most QUERIES queries, each term once: a repeated word counts twice for one system and once for another."""
        return real(Path(self.folder))[1] if self.folder else queries(QUERIES, *QUERY_WORDS)


def drawn(passages: int) -> list[str]:
    """Passages of 20 to 80 words with Zipf's frequencies; the same number gives the same texts."""
    texts: list[str] = []
    for block in range(-(-passages // BLOCK)):
        rng = np.random.default_rng([SEED, 0, block])
        sizes = rng.integers(PASSAGE_WORDS[0], PASSAGE_WORDS[1] + 1, BLOCK)
        ends = np.cumsum(sizes)
        words = _words(_zipf(rng, int(ends[-1])))
        texts.extend(" ".join(words[end - size : end]) for size, end in zip(sizes.tolist(), ends.tolist(), strict=True))
    return texts[:passages]


def queries(count: int, shortest: int, longest: int) -> list[str]:
    """Queries of so many different words, with the frequencies of the passages: common words are asked for most."""
    rng = np.random.default_rng([SEED, 1, shortest, longest])
    found = []
    for _ in range(count):
        size = int(rng.integers(shortest, longest + 1))
        words: dict[str, None] = {}
        while len(words) < size:
            words |= dict.fromkeys(_words(_zipf(rng, 1)))
        found.append(" ".join(words))
    return found


def real(folder: Path) -> tuple[list[str], list[str]]:
    """The texts and queries of a BEIR folder, or the passages and questions of a folder of documents, in plain words."""
    from ketaqa import loaders
    from ketaqa.evaluation import collections

    if (folder / loaders.BEIR_CORPUS).is_file():
        documents, asked = collections.texts_of(folder)
        texts: Iterable[str] = documents.values()
    else:
        texts, asked = _passages(folder), collections.read(folder).questions
    return plain(texts, asked.values())


def plain(texts: Iterable[str], asked: Iterable[str]) -> tuple[list[str], list[str]]:
    """Texts and queries as their words alone; of the queries those that share a word with a text, at most QUERIES."""
    words = [WORD.findall(text.lower()) for text in texts]
    held = {word for text in words for word in text}
    terms = [dict.fromkeys(WORD.findall(query.lower())) for query in asked]
    usable = [" ".join(query) for query in terms if held.intersection(query)]
    return [" ".join(text) for text in words if text], usable[:QUERIES]


def _passages(folder: Path) -> Iterable[str]:
    from ketaqa import config, loaders, passages

    for source in loaders.find([folder])[0]:
        for document in loaders.read(source).documents:
            yield from (passage.text for passage in passages.cut(document, config.PASSAGE_LENGTH))


_CHANCES = np.cumsum(1.0 / np.arange(1, TERMS + 1))
_NAMES: NDArray[Any] = np.array([f"w{n}" for n in range(TERMS)], dtype=object)


def _zipf(rng: np.random.Generator, count: int) -> NDArray[np.int64]:
    numbers: NDArray[np.int64] = np.searchsorted(_CHANCES, rng.random(count) * _CHANCES[-1], side="right")
    return numbers


def _words(numbers: NDArray[np.int64]) -> Sequence[str]:
    words: list[str] = _NAMES[numbers].tolist()
    return words


def megabytes(texts: Iterable[str]) -> float:
    """The size of texts in UTF-8, in MB of a million bytes."""
    return sum(len(text.encode()) for text in texts) / 1e6
