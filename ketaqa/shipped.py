"""Where the shipped documents and their index are.

A wheel carries both, built when the wheel was. In a checkout the index is built from corpus/ when it is missing or
older than the documents or the code.
"""

import hashlib
from pathlib import Path

from filelock import FileLock

from ketaqa.builder import build
from ketaqa.errors import BadIndex

PACKAGE = Path(__file__).parent
IN_WHEEL = PACKAGE / "shipped"
CHECKOUT_CORPUS = PACKAGE.parent / "corpus"
CHECKOUT_INDEX = PACKAGE.parent / "build" / "corpus.index"


def index_path() -> Path:
    """The path of the shipped index; BadIndex when this is neither a wheel nor a checkout."""
    if (IN_WHEEL / "index").is_dir():
        return IN_WHEEL / "index"
    if not CHECKOUT_CORPUS.is_dir():
        raise BadIndex("the shipped documents are missing: install ketaqa again, or name an index with -i")
    return _fresh(CHECKOUT_CORPUS, CHECKOUT_INDEX)


def corpus_path() -> Path:
    """The folder of the shipped documents."""
    return CHECKOUT_CORPUS if CHECKOUT_CORPUS.is_dir() else IN_WHEEL / "corpus"


def _fresh(corpus: Path, index: Path) -> Path:
    mark = index.with_suffix(".built")
    wanted = _fingerprint(corpus)
    if _text(mark) != wanted:
        index.parent.mkdir(exist_ok=True)
        with FileLock(index.with_suffix(".lock"), timeout=60):
            if _text(mark) != wanted:  # another process may have built it meanwhile
                build([corpus], index)
                mark.write_text(wanted)
    return index


def _fingerprint(corpus: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted([*corpus.rglob("*"), *PACKAGE.rglob("*.py")]):
        if path.is_file():
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _text(path: Path) -> str | None:
    return path.read_text() if path.is_file() else None
