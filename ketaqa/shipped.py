"""Where the shipped documents and their index are.

A wheel carries both, built when the wheel was. In a checkout the index is built from corpus/ when it is missing or
older than the documents or the code.
"""

from pathlib import Path

from filelock import FileLock

from ketaqa import updating
from ketaqa.builder import build
from ketaqa.errors import BadIndex, BadSource
from ketaqa.storage import MANIFEST

PACKAGE = Path(__file__).parent
IN_WHEEL = PACKAGE / updating.SHIPPED
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
    return IN_WHEEL / "corpus" if IN_WHEEL.is_dir() else CHECKOUT_CORPUS


def _fresh(corpus: Path, index: Path) -> Path:
    mark = index.with_suffix(".built")
    wanted = fingerprint(corpus)
    if not _is_built(index, mark, wanted):
        index.parent.mkdir(exist_ok=True)
        with FileLock(index.with_suffix(".lock"), timeout=60):
            if not _is_built(index, mark, wanted):  # another process may have built it meanwhile
                build_whole(corpus, index)
                mark.write_text(wanted)
    return index


def build_whole(corpus: Path, index: Path) -> None:
    """Build an index that must hold every document; BadSource when a file of the corpus can't be read."""
    report = build([corpus], index)
    if report.refused:
        raise BadSource(f"{corpus / report.refused[0].source}: {report.refused[0].reason}")


def _is_built(index: Path, mark: Path, wanted: str) -> bool:
    return (index / MANIFEST).is_file() and mark.is_file() and mark.read_text() == wanted


def fingerprint(corpus: Path) -> str:
    """A digest of all that an index of a folder depends on: the documents, and the package's code and data."""
    return updating.fingerprint(corpus, PACKAGE)
