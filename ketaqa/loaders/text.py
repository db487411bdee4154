"""Bytes to text, and plain text files to Documents."""

import codecs
import hashlib
from pathlib import PurePosixPath

from ketaqa.errors import BadSource
from ketaqa.records import Document

# a file of 64 MiB is some ten million words; beyond it is a dump that wants to be split, not a document
MAX_SIZE = 64 * 2**20


def decode(data: bytes, source: str, max_size: int | None = None) -> str:
    """UTF-8, or UTF-16/32 where a byte order mark says so; line ends become "\\n". BadSource for anything else."""
    if max_size is not None and len(data) > max_size:
        raise BadSource(f"{source}: {len(data)} bytes, more than {max_size}; split it into smaller files")
    encoding = "utf-8-sig"
    # the UTF-32 mark begins with the UTF-16 one, so it is tried first
    for mark, name in (
        (codecs.BOM_UTF32_LE, "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32"),
        (codecs.BOM_UTF16_LE, "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16"),
    ):
        if data.startswith(mark):
            encoding = name
            break
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        raise BadSource(f"{source}: not UTF-8 text (byte {error.start} can't be decoded); save it as UTF-8") from error
    if "\0" in text:
        raise BadSource(f"{source}: holds NUL characters, so it is not text; remove it or convert it")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def title_of(source: str) -> str:
    """A readable title from a file name: "my_notes-2.txt" gives "my notes 2"."""
    stem = PurePosixPath(source).stem
    return " ".join(stem.replace("_", " ").replace("-", " ").split()) or source


def load(data: bytes, source: str) -> Document:
    """A plain text file as a Document, its whole text unchanged but for line ends."""
    text = decode(data, source, MAX_SIZE)
    return Document(source, title_of(source), text, hashlib.sha256(data).hexdigest(), source)
