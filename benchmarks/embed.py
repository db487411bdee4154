"""Make corpus/vectors.npz, the vectors of the shipped passages, so that an installed KetaQA needs no encoder for them.

    python -m benchmarks.embed

Needs `ketaqa[semantic]`. To be run again whenever a shipped document, its headings or asked.jsonl change.
"""

from ketaqa import asked, embedder, fields, loaders, passages, shipped
from ketaqa.encoder import encoder


def items() -> list[embedder.Item]:
    """Every shipped passage, with what its vector is made from."""
    corpus = shipped.corpus_path()
    rows = asked.load(corpus)
    found = []
    for source in loaders.find([corpus])[0]:
        for document in loaders.read(source).documents:
            cut = passages.cut(document)
            questions = asked.by_passage(document, cut, rows.get(document.doc_id, ()))
            found += [embedder.Item(corpus, fields.texts(document, p), q) for p, q in zip(cut, questions, strict=True)]
    return found


def main() -> None:
    """Encode and write."""
    path = shipped.corpus_path() / embedder.STORED
    path.unlink(missing_ok=True)
    wanted = items()
    codes = embedder.embed(wanted, encoder())
    embedder.store(wanted, codes, path)
    print(f"{len(wanted)} passages, {path.stat().st_size} bytes -> {path}")


if __name__ == "__main__":
    main()
