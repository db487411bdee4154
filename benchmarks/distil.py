"""Make the table of word meanings, ketaqa/data/meaning, from a sentence encoder and from texts of free licence.

    KETAQA_COLLECTIONS=... python -m benchmarks.distil --wordnet /usr/share/wordnet

Needs `ketaqa[distil]`. The texts: WordNet 3.0's glosses, examples and stretches of them, names from it in common wordings of
questions (all under the WordNet licence), the questions of CANARD's dev part and SQuAD 2's unanswerable ones (CC BY-SA 4.0),
the shipped documents and the questions put to them (CC BY 4.0). No question or judgement that a figure is reported on is read.

The fit: X holds the words of each text, rows divided by the root of their number, Y the encoder's vectors. P minimises
|XP - Y|^2 + |P - P0|^2 by conjugate gradients, where P0 is half the encoder's vector of the word alone times its smooth inverse
frequency, a / (a + f) with a = 1e-4 (Arora et al. 2017).
"""

import argparse
import hashlib
import json
import os
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import scipy.sparse as sp
import wordfreq

from ketaqa import asked, loaders, semantics, shipped
from ketaqa.analysis import paragraph_sentences, words
from ketaqa.encoder import encoder
from ketaqa.packing import pack_bytes

SEED, STRETCHES, WORDINGS, CHUNK, STEPS, RIDGE, WORDS = 7, 40_000, 60_000, 25_000, 60, 1.0, 38_000
# blanks for names of things
FORMS = """what is {}|what is a {}|what does {} mean|how does {} work|{} symptoms|treatment of {}|is {} dangerous|how to use {}
why {}|who invented {}|history of {}|how much does {} cost|where is {} found|difference between {} and {}|{} and {}
can {} cause {}|{} side effects|how long does {} last|{} for {}|is {} the same as {}|effects of {} on {}|when was {}
do i have {}|help with {}|how many {} are there|which {} is best|my {} has {}""".replace("\n", "|").split("|")


def synsets(folder: Path) -> Iterator[tuple[list[str], str, list[str]]]:
    """WordNet's entries: names, definition, examples (format: wndb(5WN))."""
    for part in ("noun", "verb", "adj", "adv"):
        for line in (folder / f"data.{part}").read_text(encoding="utf-8").splitlines():
            if line.startswith("  "):  # the licence
                continue
            head, _, gloss = line.partition(" | ")
            fields = head.split()
            names = [fields[4 + 2 * n].split("(")[0].replace("_", " ") for n in range(int(fields[3], 16))]
            definition, *examples = re.split(r';\s*(?=")', gloss.strip())
            yield names, definition.rstrip(";"), [e.strip('" ;') for e in examples if len(e.split()) > 2]


def texts(wordnet: Path, collections: Path) -> list[str]:
    """All texts, each once, in an order drawn from SEED."""
    rng = random.Random(SEED)
    entries = list(synsets(wordnet))
    names = sorted({name for entry in entries for name in entry[0]})
    found = []
    for own, definition, examples in entries:
        found += [definition, f"{rng.choice(own)}: {definition}", *examples]
    for _ in range(STRETCHES):
        parts = rng.choice(entries)[1].split()
        length = rng.randint(2, 8)
        if len(parts) > length:
            start = rng.randrange(len(parts) - length)
            found.append(" ".join(parts[start : start + length]).strip(',.;:()"'))
    for _ in range(WORDINGS):
        form = rng.choice(FORMS)
        found.append(form.format(*(rng.choice(names) for _ in range(form.count("{}")))))
    found += [row["text"] for row in rows(collections / "squad2-dev-half" / "unanswerable.jsonl")]
    found += [row[key] for row in rows(collections / "canard-dev" / "conversations.jsonl") for key in ("rewritten", "question")]
    corpus = shipped.corpus_path()
    for source in loaders.find([corpus])[0]:
        for document in loaders.read(source).documents:
            found += [document.text[a:b] for a, b in paragraph_sentences(document.text, 0, len(document.text))]
    found += [q for listed in asked.load(corpus).values() for one in listed for q in one.questions]
    found = list(dict.fromkeys(" ".join(text.split()) for text in found if text.strip()))
    rng.shuffle(found)
    return found


def rows(path: Path) -> list[dict[str, str]]:
    """The objects of a file of one JSON object a line."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def kept(cache: Path, part: Sequence[str], encode: Callable[[Sequence[str]], semantics.Vectors]) -> semantics.Vectors:
    """The encoder's vectors of a part of the texts, from the cache where it has them."""
    path = cache / f"{hashlib.sha256(json.dumps(part).encode()).hexdigest()[:24]}.npy"
    if not path.is_file():
        np.save(path, encode(part).astype(np.float16))
        print(f"encoded {len(part)} texts", flush=True)
    return np.asarray(np.load(path, allow_pickle=False), dtype=np.float32)


def vocabulary(counts: Counter[str]) -> list[str]:
    """The WORDS most frequent words, in the texts and in wordfreq's English taken together, that the texts hold three times."""
    weight = {w: n / 3e6 + wordfreq.word_frequency(w, "en") for w, n in counts.items() if n >= 3}
    return sorted(sorted(weight, key=lambda w: (-weight[w], w))[:WORDS], key=str.encode)


def bags(texts: Sequence[Sequence[str]], places: dict[str, int]) -> sp.csr_matrix:
    """The words of each text, rows divided by the root of the number of words."""
    columns = [[places[w] for w in text if w in places] for text in texts]
    sizes = np.array([len(c) for c in columns])
    data = np.repeat(1.0 / np.sqrt(np.maximum(sizes, 1)), sizes).astype(np.float32)
    indptr = np.concatenate([[0], np.cumsum(sizes)])
    return sp.csr_matrix(
        (data, np.concatenate([np.array(c, dtype=np.int64) for c in columns]), indptr), (len(texts), len(places))
    )


def conjugate_gradients(x: sp.csr_matrix, y: semantics.Vectors) -> semantics.Vectors:
    """The D that minimises |xD - y|^2 + RIDGE |D|^2, each column for itself (Hestenes & Stiefel 1952)."""
    d = np.zeros((x.shape[1], y.shape[1]), dtype=np.float32)
    r = x.T @ y
    p, size = r.copy(), (r * r).sum(0)
    for _ in range(STEPS):
        ap = x.T @ (x @ p) + RIDGE * p
        step = size / ((p * ap).sum(0) + 1e-12)
        d, r = d + step * p, r - step * ap
        new = (r * r).sum(0)
        p, size = r + new / (size + 1e-12) * p, new
    return d


def write(names: Sequence[str], vectors: semantics.Vectors, folder: Path) -> None:
    """The four arrays that semantics.Table reads."""
    folder.mkdir(parents=True, exist_ok=True)
    blob, ends = pack_bytes(name.encode() for name in names)
    lengths = np.linalg.norm(vectors, axis=1).astype(np.float16)
    arrays = {"words": blob, "ends": ends.astype(np.int32), "codes": semantics.packed(vectors), "lengths": lengths}
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    print(f"{len(names)} words, {sum(a.nbytes for a in arrays.values()) / 1e6:.1f} MB -> {folder}")


def main() -> None:
    """Gather, encode, fit, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wordnet", type=Path, required=True, help="folder of WordNet's data.noun and its sisters")
    parser.add_argument("--cache", type=Path, default=Path("build/distil"), help="keeps the encoder's vectors between runs")
    parser.add_argument("--out", type=Path, default=semantics.DATA)
    given = parser.parse_args()
    given.cache.mkdir(parents=True, exist_ok=True)
    found = texts(given.wordnet, Path(os.environ["KETAQA_COLLECTIONS"]))
    teacher = encoder()
    parts = [found[n : n + CHUNK] for n in range(0, len(found), CHUNK)]
    y = np.concatenate([kept(given.cache, part, teacher.encode) for part in parts])
    split = [words(text) for text in found]
    names = vocabulary(Counter(word for text in split for word in set(text)))
    x = bags(split, {name: n for n, name in enumerate(names)})
    frequencies = np.array([wordfreq.word_frequency(name, "en") for name in names])
    start = 0.5 * kept(given.cache, names, teacher.encode) * (1e-4 / (1e-4 + frequencies))[:, None].astype(np.float32)
    print(f"{len(found)} texts, {len(names)} words")
    write(names, start + conjugate_gradients(x, y - x @ start), given.out)


if __name__ == "__main__":
    main()
