"""Files to Documents: what is there, and one module a format.

Useful for: turning a folder, a file or a BEIR collection into Documents, and saying what was refused and why.
Not useful for: cutting or searching text.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from ketaqa.errors import BadSource
from ketaqa.loaders import beir, jsonl, markdown, text
from ketaqa.records import Document, Refusal

FORMATS = {".md": "markdown", ".markdown": "markdown", ".txt": "text", ".text": "text", ".jsonl": "beir"}
KNOWN = ".md, .txt, or a BEIR corpus.jsonl"
# files that belong to the documents without being documents
COMPANIONS = frozenset({"asked.jsonl", "claims.jsonl", "sources.jsonl", "questions.jsonl", "vectors.npz"})
BEIR_CORPUS = "corpus.jsonl"
INDEX_MANIFEST = "manifest.json"
# bytes of a collection that are read at a time
PART = 1 << 22
# how UTF-16 and UTF-32 begin
WIDE = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")


@dataclass(frozen=True, slots=True)
class Source:
    """A file to read: `name` is its path below `root`, with forward slashes; `alone` when it was named itself.

    part: the part of a large collection's file that is read, all of it where there is none.
    """

    root: Path
    path: Path
    name: str
    format: str
    alone: bool = False
    part: "Part | None" = None


@dataclass(frozen=True, slots=True)
class Part:
    """Whole lines of a file: bytes `start` to `end`, the first of them line `line`; and the file's digest, size and time."""

    start: int
    end: int
    line: int
    sha256: str
    size: int
    mtime_ns: int


def find(sources: str | Path | Iterable[str | Path]) -> tuple[list[Source], list[Refusal]]:
    """The readable files among files and folders, in a fixed order, and those that can't be read.

    A folder that holds corpus.jsonl is a BEIR collection: that file alone is read. BadSource when a named source
    does not exist or has no known format.
    """
    found: list[Source] = []
    refused: list[Refusal] = []
    for given in [sources] if isinstance(sources, (str, Path)) else sources:
        path = Path(given)
        if path.is_dir():
            _walk(path, found, refused)
        elif path.is_file():
            found.append(_file(path))
        else:
            raise BadSource(f"{given}: no such file or folder; give a folder, or a file of format {KNOWN}")
    return found, refused


@dataclass(frozen=True, slots=True)
class Loaded:
    """The documents of one file, and the digest, size and time of the very bytes they were read from."""

    documents: list[Document]
    sha256: str
    size: int
    mtime_ns: int


def parts(source: Source) -> list[Source]:
    """A large collection's file in parts of whole lines, to be read one after the other or by several; else the file itself."""
    try:
        return _parts(source) if source.format == "beir" and source.path.stat().st_size > PART else [source]
    except OSError:
        return [source]  # which reading it will say


def _parts(source: Source) -> list[Source]:
    cuts, lines, digest = [0], [1], hashlib.sha256()
    with open(source.path, "rb") as file:
        stat = os.fstat(file.fileno())
        while data := file.read(PART) + file.readline():
            if cuts == [0] and data.startswith(WIDE):  # its lines do not end where a byte says so
                return [source]
            digest.update(data)
            cuts.append(cuts[-1] + len(data))
            lines.append(lines[-1] + data.count(b"\n") + data.count(b"\r") - data.count(b"\r\n"))
    found = (
        Part(*span, line, digest.hexdigest(), stat.st_size, stat.st_mtime_ns)
        for span, line in zip(pairwise(cuts), lines[:-1], strict=True)
    )
    return [replace(source, part=part) for part in found]


def read(source: Source) -> Loaded:
    """The documents of one file, or of one part; BadSource when it can't be read, with its name and the remedy."""
    part = source.part
    try:
        with open(source.path, "rb") as file:
            stat = os.fstat(file.fileno())
            file.seek(part.start if part else 0)
            data = file.read(part.end - part.start if part else -1)
    except OSError as error:
        raise BadSource(f"{source.name}: can't be read ({error.strerror}); check its permissions") from error
    if part:
        if (stat.st_size, stat.st_mtime_ns) != (part.size, part.mtime_ns):
            raise BadSource(f"{source.name}: changed while it was read; build again when it is written")
        # a line before it, so that a mark of UTF-8 inside the file is no mark at its beginning
        data, line = (b"\n" + data, part.line - 1) if part.start else (data, part.line)
        return Loaded(list(beir.load(data, source.name, line)), part.sha256, part.size, part.mtime_ns)
    if source.format == "beir":
        documents = list(beir.load(data, source.name))
    else:
        documents = [(markdown if source.format == "markdown" else text).load(data, source.name)]
    return Loaded(documents, hashlib.sha256(data).hexdigest(), stat.st_size, stat.st_mtime_ns)


def _is_beir(root: Path) -> bool:
    try:
        return (root / BEIR_CORPUS).is_file()
    except PermissionError as error:
        raise BadSource(f"{root}: can't be listed ({error.strerror}); check its permissions") from error


def _file(path: Path) -> Source:
    if path.suffix.lower() not in FORMATS:
        raise BadSource(f"{path}: format {path.suffix or 'without suffix'!r} is not known; give {KNOWN}")
    if not jsonl.is_text(str(path)):
        raise BadSource(f"{str(path)!r}: its name is not UTF-8; rename it")
    return Source(path.parent, path, path.name, FORMATS[path.suffix.lower()], alone=True)


def _walk(root: Path, found: list[Source], refused: list[Refusal]) -> None:
    if _is_beir(root):
        found.append(Source(root, root / BEIR_CORPUS, BEIR_CORPUS, "beir"))
        found_here = (p for p in root.iterdir() if FORMATS.get(p.suffix.lower()) in ("markdown", "text"))
        others = sorted(p.name for p in found_here if p.stem.lower() not in ("readme", "licence", "license"))
        refused.extend(
            Refusal(name, f"beside {BEIR_CORPUS}, which makes the folder a BEIR collection; move it") for name in others
        )
        return
    for path in _files_below(root, refused):
        name = path.relative_to(root).as_posix()
        reason = _why_not(root, path)
        if reason:
            refused.append(Refusal(name.encode("utf-8", "replace").decode(), reason))
        else:
            found.append(Source(root, path, name, FORMATS[path.suffix.lower()]))


def _files_below(root: Path, refused: list[Refusal]) -> Iterator[Path]:
    def unreadable(error: OSError) -> None:
        refused.append(Refusal(str(error.filename), f"can't be listed ({error.strerror}); check its permissions"))

    for folder, folders, files in os.walk(root, onerror=unreadable):
        linked = [f for f in folders if Path(folder, f).is_symlink()]
        folders[:] = sorted(f for f in folders if not f.startswith(".") and f not in linked and not _is_index(Path(folder, f)))
        for name in sorted([*files, *linked]):
            if not name.startswith(".") and name not in COMPANIONS:
                yield Path(folder, name)


def _is_index(folder: Path) -> bool:
    try:
        return b'"ketaqa index' in (folder / INDEX_MANIFEST).read_bytes()[:200]
    except OSError:  # none there, or a folder that may not be looked into, which the walk will say
        return False


def _why_not(root: Path, path: Path) -> str | None:
    try:
        str(path).encode()
        outside = path.is_symlink() and not path.resolve(strict=True).is_relative_to(root.resolve())
    except UnicodeEncodeError:
        return "its name is not UTF-8; rename it"
    except (OSError, RuntimeError):  # RuntimeError: Python before 3.13 says so of a link to itself
        return "not a regular file but a link that leads nowhere; remove it"
    if outside:
        return "a link that leads out of the folder; copy the file instead"
    if path.is_dir():
        return "a link to a folder, which is not followed; index that folder itself"
    if not path.is_file():
        return "not a regular file"
    if path.name == BEIR_CORPUS:
        return "a BEIR collection below the folder; index its own folder"
    if path.suffix.lower() == ".jsonl":
        return f"a .jsonl file is read as a BEIR collection when it is named {BEIR_CORPUS}"
    if path.suffix.lower() not in FORMATS:
        return f"format {path.suffix or 'without suffix'!r} is not known; known are {KNOWN}"
    return None
