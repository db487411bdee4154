"""A named set of arrays in a folder: written whole or not at all, checked when opened, never executed.

INDEX/manifest.json says which folder inside INDEX holds the arrays, with the size and SHA-256 of each file. Replacing that
one file is the moment at which a new index takes the old one's place, so that a build killed at any time leaves the
old one readable.
"""

import hashlib
import json
import os
import re
import secrets
import shutil
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import DTypeLike, NDArray

from ketaqa.columns import Column, mapped
from ketaqa.errors import BadIndex

FORMAT = "ketaqa index 6"
# bytes that are compared before an index is open: a tenth of a second' work
AT_ONCE = 1 << 26
MANIFEST = "manifest.json"
LOCK = ".lock"
DATA = re.compile(r"data-[0-9a-f]{12}")
OURS = re.compile(rf"\.lock|manifest\.json(?:\.{DATA.pattern})?|{DATA.pattern}")


@contextmanager
def writing(path: Path) -> Iterator["Writer"]:
    """What writes the index at `path`; nothing is changed there unless it finishes.

    BadIndex when `path` holds something that is not an index, another build is writing there, or the disk is full.
    """
    check_place(path)
    lock, first, writer = FileLock(path / LOCK), not path.exists(), None
    with _told(path):
        path.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    try:
        with _told(path):
            _sweep(path, keep=_named(path))  # what killed builds left may fill the disk
            writer = Writer(path)
        yield writer
    finally:
        if writer:
            writer.clear()
        unused = first and not (path / MANIFEST).exists()
        if unused:  # a first build that failed leaves nothing behind
            (path / LOCK).unlink(missing_ok=True)
        lock.release()
        if unused:
            with suppress(OSError):  # another build may have begun meanwhile
                path.rmdir()


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except Timeout as error:
        raise BadIndex(f"{path}: another build is writing there; wait for it to end") from error
    except OSError as error:
        raise BadIndex(f"{path}: can't be written ({error.strerror}); choose another place or free some room") from error


class _Told(Column):
    """A column of the index that is being written, which names that index where it can't be written."""

    def put(self, place: int, rows: NDArray[Any]) -> None:
        try:  # which costs nothing: many rows may be few each
            super().put(place, rows)
        except OSError:
            with _told(self.path.parents[1]):
                raise

    def close(self) -> None:
        with _told(self.path.parents[1]):
            super().close()


class Writer:
    """The files of an index that is being written, in a folder of their own."""

    def __init__(self, path: Path) -> None:
        self._path, self._folder = path, path / f"data-{secrets.token_hex(6)}"
        self._folder.mkdir()
        self._files: dict[str, Path] = {}
        self._scratch, self._columns = list[Column](), list[Column]()
        self._finished = False

    def clear(self) -> None:
        """Take away what was written, unless it was finished."""
        for column in [*self._scratch, *self._columns]:
            column.drop()
        if not self._finished:
            shutil.rmtree(self._folder, ignore_errors=True)

    def save(self, name: str, array: NDArray[Any]) -> None:
        """Write one array."""
        with _told(self._path):
            self._files[name] = self._folder / f"{name}.npy"
            with open(self._files[name], "wb") as file:
                np.lib.format.write_array(file, np.ascontiguousarray(array), allow_pickle=False)

    def column(self, name: str, dtype: DTypeLike, *rest: int) -> Column:
        """An array that is written row by row."""
        with _told(self._path):
            self._files[name] = self._folder / f"{name}.npy"
            self._columns.append(_Told(self._files[name], dtype, *rest))
            return self._columns[-1]

    def scratch(self, dtype: DTypeLike, *rest: int) -> Column:
        """Rows that are wanted until the index is written, and are no part of it."""
        with _told(self._path):
            self._scratch.append(_Told(self._folder / f"scratch-{len(self._scratch)}", dtype, *rest))
            return self._scratch[-1]

    def finish(self, facts: Mapping[str, Any], unversioned: frozenset[str] = frozenset()) -> str:
        """Put the index in the old one's place; the version, which depends on its content alone, comes back.

        Arrays named in `unversioned` (times of files, for instance) do not count for the version.
        """
        with _told(self._path):
            for column in self._scratch:
                column.close()
                column.path.unlink()
            files = {name: _kept(path) for name, path in self._files.items()}
            versioned = {name: file["sha256"] for name, file in files.items() if name not in unversioned}
            version = hashlib.sha256(_canonical({"facts": dict(facts), "files": versioned})).hexdigest()[:16]
            body = {"format": FORMAT, "version": version, "folder": self._folder.name, "facts": dict(facts), "files": files}
            body["check"] = hashlib.sha256(_canonical(body)).hexdigest()
            _sync(self._folder)
            self._replace(body)
            return version

    def _replace(self, body: Mapping[str, Any]) -> None:
        temporary = self._path / f"{MANIFEST}.{self._folder.name}"
        with open(temporary, "w", encoding="utf-8") as file:
            json.dump(body, file, indent=1, sort_keys=False)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, self._path / MANIFEST)
        self._finished = True
        _sync(self._path)
        _sweep(self._path, keep=self._folder.name)


def check_place(path: Path) -> None:
    """BadIndex when something other than an index stands at `path`: better said before the work than after it."""
    if path.is_dir() and not _is_ours(path):
        raise BadIndex(f"{path}: a folder that is not an index; give a new name, or empty it")
    if path.exists() and not path.is_dir():
        raise BadIndex(f"{path}: a file; give the name of a new folder")


class Comparison:
    """Files whose digests are compared in a thread of its own, so that a large index opens at once."""

    def __init__(self, digests: Mapping[Path, str]) -> None:
        # opened at once: another index may take this one's place while they are read
        with ExitStack() as stack:  # which closes them where one is missing
            self._files = [(stack.enter_context(open(path, "rb")), digest) for path, digest in digests.items()]
            stack.pop_all()
        self._fault = "nothing compared"
        self._thread = threading.Thread(target=self._compare, daemon=True)
        self._thread.start()

    def _compare(self) -> None:
        faults = []
        for file, digest in self._files:
            with file:
                try:
                    if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                        faults.append(f"{file.name}: torn or altered; build the index again")
                except OSError as error:
                    faults.append(f"{file.name}: can't be read ({error.strerror}); look at the disk")
        self._fault = next(iter(faults), "")

    def wait(self) -> None:
        """Return when all files were found unaltered; BadIndex names one that is not."""
        self._thread.join()
        if self._fault:
            raise BadIndex(self._fault)


def read(path: Path) -> tuple[dict[str, Any], dict[str, NDArray[Any]], Comparison]:
    """The facts and the memory-mapped arrays of the index at `path`, and what to wait for before they are believed.

    BadIndex, with the file's name, when something is missing, torn, of another format, or altered. The files are compared
    before it returns, up to AT_ONCE bytes of them.
    """
    while True:
        manifest = _manifest(path)
        try:
            return manifest["facts"] | {"version": manifest["version"]}, *_arrays(path / manifest["folder"], manifest)
        except FileNotFoundError as error:
            # a build may have put a new folder in place between the two reads; then the manifest has changed, and on a busy
            # machine that may happen any number of times
            if _manifest(path)["folder"] == manifest["folder"]:
                raise BadIndex(f"{error.filename}: missing; build the index again") from error


def _is_ours(path: Path) -> bool:
    """Whether a folder is empty, an index, or what a first build left that was killed: then and only then may it change."""
    names = {p.name for p in path.iterdir()}
    # every build takes the lock before it writes anything else, and gives only these names
    return not names or (LOCK in names and all(OURS.fullmatch(name) for name in names))


def _kept(path: Path) -> dict[str, Any]:
    """Size and digest of a file that is safe on the disk."""
    with open(path, "rb+") as file:
        os.fsync(file.fileno())
        return {"size": path.stat().st_size, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def _sync(folder: Path) -> None:
    if os.name == "posix":  # Windows can't open a folder to flush it
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _canonical(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _sweep(path: Path, keep: str | None) -> None:
    """Take away what killed builds and the index before left behind; nothing where it is not known what to keep ("")."""
    for item in path.iterdir() if keep != "" else ():
        if DATA.fullmatch(item.name) and item.is_dir() and item.name != keep:
            shutil.rmtree(item, ignore_errors=True)
        elif item.name.startswith(f"{MANIFEST}."):
            item.unlink(missing_ok=True)


def _named(path: Path) -> str | None:
    """What the manifest there names: of another version, it is an index all the same; None where there is none."""
    try:
        return str(json.loads((path / MANIFEST).read_text(encoding="utf-8"))["folder"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError, TypeError, KeyError):
        return ""


def _manifest(path: Path) -> dict[str, Any]:
    remedy = "build it with: ketaqa index FOLDER -o INDEX"
    if not path.is_dir():
        raise BadIndex(f"{path}: no index there; {remedy}")
    try:
        body = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise BadIndex(f"{path}: not an index, or one whose first build did not end; {remedy}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise BadIndex(f"{path / MANIFEST}: torn or altered; build the index again") from error
    if not isinstance(body, dict) or body.get("format") != FORMAT:
        found = body.get("format") if isinstance(body, dict) else None
        raise BadIndex(f"{path / MANIFEST}: format is {found!r}, this version reads {FORMAT!r}; build the index again")
    check = body.pop("check", None)
    if check != hashlib.sha256(_canonical(body)).hexdigest():
        raise BadIndex(f"{path / MANIFEST}: torn or altered; build the index again")
    return body


def _arrays(folder: Path, manifest: Mapping[str, Any]) -> tuple[dict[str, NDArray[Any]], Comparison]:
    files = {folder / f"{name}.npy": file for name, file in manifest["files"].items()}
    for path, file in files.items():
        if path.stat().st_size != file["size"]:
            raise BadIndex(f"{path}: torn or altered; build the index again")
    comparison = Comparison({path: file["sha256"] for path, file in files.items()})
    if sum(file["size"] for file in files.values()) <= AT_ONCE:
        comparison.wait()
    return {path.stem: _mapped(path) for path in files}, comparison


def _mapped(path: Path) -> NDArray[Any]:
    try:
        return mapped(path)
    except (ValueError, EOFError) as error:
        raise BadIndex(f"{path}: not a plain array; build the index again") from error
