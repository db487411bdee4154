import hashlib
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from itertools import accumulate, pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ketaqa import embedder, fields, loaders, passages, storage
from ketaqa.builder import build
from ketaqa.columns import Column
from ketaqa.errors import BadIndex
from ketaqa.index import Index

ARRAYS = {
    "texts": np.frombuffer("naïve 😀".encode(), dtype=np.uint8),
    "indptr": np.arange(300, dtype=np.int64),
    "data": np.linspace(0, 1, 64, dtype=np.float32),
    "stats": np.arange(6, dtype=np.int64).reshape(3, 2),
    "empty": np.array([], dtype=np.int32),
}
FACTS = {"analyser": "english", "weighting": "bm25", "passage_words": 120}


def folder_of(path):
    return path / json.loads((path / storage.MANIFEST).read_text())["folder"]


def snapshot(path):
    return {p.relative_to(path).as_posix(): p.read_bytes() for p in path.rglob("*") if p.is_file()}


def refused(action):
    try:
        action()
    except BadIndex as error:
        return str(error)
    return None


def contents(path):
    facts, arrays, _ = storage.read(path)
    return facts, {name: array.tolist() for name, array in arrays.items()}


@pytest.fixture
def index(tmp_path):
    write(tmp_path / "my.index", ARRAYS, FACTS)
    return tmp_path / "my.index"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A whole index of two documents with claims, so that no array of it is left out below."""
    folder = tmp_path_factory.mktemp("built")
    (folder / "docs").mkdir()
    (folder / "docs" / "a.md").write_text("# Ketamine\nKetamine is an anaesthetic. 😀\n", encoding="utf-8")
    (folder / "docs" / "b.txt").write_text("Rain fell on the hills.\n")
    (folder / "docs" / "claims.jsonl").write_text('{"doc_id": "b.txt", "quote": "Rain fell", "source_ids": ["s"]}')
    (folder / "docs" / "sources.jsonl").write_text('{"source_id": "s", "title": "On rain"}')
    documents = [d for source in loaders.find([folder / "docs"])[0] for d in loaders.read(source).documents]
    items = [embedder.Item(folder / "docs", fields.texts(d, p), []) for d in documents for p in passages.cut(d)]
    embedder.store(items, np.arange(len(items) * 192, dtype=np.uint8).reshape(-1, 192), folder / "docs" / embedder.STORED)
    build([folder / "docs"], folder / "my.index")
    return folder / "my.index"


def write(path, arrays, facts, unversioned=frozenset()):
    with storage.writing(path) as writer:
        for name, array in arrays.items():
            writer.save(name, array)
        return writer.finish(facts, unversioned)


def names_of_files():
    # the names are the same for every index: the parameters of the tests over all files of one
    columns = ["texts", "documents", "headings", "sections", "asked", "sources", "source_names", "made", "companions"]
    columns += ["references", "terms", "spellings"]
    single = ["digests", "headed", "asked_of", "firsts", "spans", "section", "source_firsts", "source_stats", "citing", "cited"]
    single += [
        "indptr",
        "indices",
        "tf",
        "norms",
        "upper",
        "lengths",
        "terms_keys",
        "pair_indptr",
        "pair_nexts",
        "pair_passages",
    ]
    single += ["spellings_counts", "vectors", "vectors_mean"]
    return sorted([*columns, *(f"{name}_ends" for name in columns), *single])


def test_what_was_written_is_read(index):
    facts, arrays, _ = storage.read(index)
    assert facts == FACTS | {"version": facts["version"]}
    assert set(arrays) == set(ARRAYS)
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        assert np.array_equal(arrays[name], array)
    assert not arrays["indptr"].flags.owndata  # mapped, not copied into memory
    assert not arrays["indptr"].flags.writeable


def test_the_version_depends_on_facts_and_versioned_arrays_alone(tmp_path):
    def version(name, arrays=ARRAYS, facts=FACTS):
        return write(tmp_path / name, arrays, facts, unversioned=frozenset({"stats"}))

    first = version("a")
    assert version("b", dict(reversed(ARRAYS.items())), dict(reversed(FACTS.items()))) == first
    assert version("c", ARRAYS | {"stats": ARRAYS["stats"] + 1}) == first
    assert version("d", ARRAYS | {"data": ARRAYS["data"] + 1}) != first
    assert version("e", facts=FACTS | {"passage_words": 121}) != first
    assert storage.read(tmp_path / "c")[0]["version"] == first


def test_the_cases_here_are_all_files_of_an_index(built):
    assert sorted(p.stem for p in folder_of(built).iterdir()) == names_of_files()


def test_a_large_index_is_open_at_once_and_asked_only_when_all_of_it_was_compared(built, tmp_path, monkeypatch):
    whole, torn = (tmp_path / name for name in ("whole", "torn"))
    for place in (whole, torn):
        shutil.copytree(built, place)
    texts = folder_of(torn) / "texts.npy"
    texts.write_bytes(altered(texts.read_bytes()))
    monkeypatch.setattr(storage, "AT_ONCE", 0)
    gate, real = threading.Event(), hashlib.file_digest
    monkeypatch.setattr(storage.hashlib, "file_digest", lambda *args: gate.wait(10) and real(*args))
    opened, unbelieved = Index(whole), Index(torn)
    gate.set()
    assert opened.passage(0).text in opened.document(opened.doc_id_of(0)).text
    for action in (
        lambda: unbelieved.passage(0),
        lambda: unbelieved.retriever,
        lambda: unbelieved.document(unbelieved.doc_id_at(0)),
    ):
        with pytest.raises(BadIndex, match=r"texts\.npy: torn or altered; build the index again"):
            action()


def test_what_could_not_be_compared_is_not_believed(built, monkeypatch):
    monkeypatch.setattr(storage, "AT_ONCE", 0)

    def fails(*args):
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(storage.hashlib, "file_digest", fails)
    with pytest.raises(BadIndex, match=r"\.npy: can't be read \(Input/output error\)"):
        Index(built).passage(0)


def cut(data):
    return data[:-1]


def emptied(data):
    return b""


def lengthened(data):
    return data + b"\0"


def altered(data):
    place = random.Random(len(data)).randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]


@pytest.mark.parametrize("damage", [cut, emptied, lengthened, altered, None])
@pytest.mark.parametrize("name", names_of_files())
def test_a_damaged_file_is_refused_by_name(name, damage, built):
    path = folder_of(built) / f"{name}.npy"
    whole = path.read_bytes()
    try:
        path.unlink() if damage is None else path.write_bytes(damage(whole))
        with pytest.raises(BadIndex) as error:
            Index(built)
    finally:
        path.write_bytes(whole)
    assert str(path) in str(error.value)
    assert ("missing" if damage is None else "torn or altered") in str(error.value)
    assert "build the index again" in str(error.value)
    assert Index(built).info.passages == 2


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_one_altered_byte_anywhere_in_an_index_is_refused_or_changes_nothing(built, data):
    path = data.draw(st.sampled_from(sorted(p for p in built.rglob("*") if p.is_file() and p.name != storage.LOCK)))
    whole, before = path.read_bytes(), contents(built)
    place = data.draw(st.integers(0, len(whole) - 1))
    byte = data.draw(st.integers(0, 255).filter(lambda b: b != whole[place]))
    try:
        path.write_bytes(whole[:place] + bytes([byte]) + whole[place + 1 :])
        refusal = refused(lambda: contents(built))
        # what is not refused is a blank of the manifest for another
        assert (refusal and str(path) in refusal) or (path.name == storage.MANIFEST and contents(built) == before)
    finally:
        path.write_bytes(whole)


TORN = ["", "{", "[]", "null", "[" * 100_000, "\x00", '{"format": 1}', '{"format": "ketaqa index 99"}']


@pytest.mark.parametrize("content", TORN)
def test_a_manifest_that_is_torn_or_foreign_is_refused_by_name(content, index):
    (index / storage.MANIFEST).write_text(content)
    with pytest.raises(BadIndex, match="build the index again") as error:
        storage.read(index)
    assert str(index / storage.MANIFEST) in str(error.value)
    if "ketaqa" in content:
        assert "'ketaqa index 99'" in str(error.value)
        assert repr(storage.FORMAT) in str(error.value)


@pytest.mark.parametrize("key", ["version", "folder", "facts", "files", "check"])
def test_no_part_of_the_manifest_can_be_altered(key, index):
    manifest = json.loads((index / storage.MANIFEST).read_text())
    for body in ({**manifest, key: "x"}, {k: v for k, v in manifest.items() if k != key}, {**manifest, "more": 1}):
        (index / storage.MANIFEST).write_text(json.dumps(body))
        with pytest.raises(BadIndex, match=r"manifest\.json: torn or altered; build"):
            storage.read(index)


def test_a_place_without_an_index_is_refused_with_the_command_that_builds_one(tmp_path):
    (tmp_path / "file").write_text("x")
    for name in ("none", "file", "."):
        with pytest.raises(BadIndex, match="build it with: ketaqa index FOLDER -o INDEX") as error:
            storage.read(tmp_path / name)
        assert str(tmp_path / name) in str(error.value)


# an index is data, never code


def test_no_file_of_an_index_is_a_pickle(built):
    for path in folder_of(built).iterdir():
        array = np.load(path, allow_pickle=False)
        assert array.dtype.kind in "iuf"
    with pytest.raises(ValueError, match="pickle"):
        write(built.parent / "objects", {"rows": np.array([{}], dtype=object)}, {})


class Payload:
    def __reduce__(self):
        return os.mkdir, (self.path,)


@pytest.mark.parametrize("kind", ["object array", "bare pickle"])
def test_a_pickle_behind_true_digests_is_refused_and_not_run(kind, index, tmp_path):
    payload = Payload()
    payload.path = str(tmp_path / "executed")
    blob = io.BytesIO()
    np.save(blob, np.array([payload] * 50, dtype=object), allow_pickle=True)
    data = blob.getvalue() if kind == "object array" else blob.getvalue()[128:]
    forged(index, "data", data)
    with pytest.raises(BadIndex) as error:
        storage.read(index)
    assert str(folder_of(index) / "data.npy") in str(error.value)
    assert not (tmp_path / "executed").exists()


def forged(path, name, data):
    (folder_of(path) / f"{name}.npy").write_bytes(data)
    manifest = json.loads((path / storage.MANIFEST).read_text())
    del manifest["check"]
    manifest["files"][name] = {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    canonical = json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode()
    (path / storage.MANIFEST).write_text(json.dumps(manifest | {"check": hashlib.sha256(canonical).hexdigest()}))


@pytest.mark.parametrize(("key", "name"), [("analyser", "klingon"), ("analyser", "../english"), ("weighting", "cosine2")])
def test_an_index_that_names_an_unknown_part_is_refused(key, name, built, tmp_path):
    facts, arrays, _ = storage.read(built)
    del facts["version"]
    write(tmp_path / "other.index", arrays, facts | {key: name})
    with pytest.raises(BadIndex) as error:
        Index(tmp_path / "other.index")
    assert repr(name) in str(error.value)
    assert "build the index again" in str(error.value)


# what stands at the place of an index


@pytest.mark.parametrize(
    "files",
    [
        {"notes.md": "mine"},
        {"sub/notes.md": "mine"},
        {"manifest.json": '{"name": "a web page", "icons": []}', "index.html": "mine"},
        {"data-2024/holiday.txt": "mine"},
        {"data-backup": "mine"},
    ],
    ids=lambda files: next(iter(files)),
)
def test_a_foreign_folder_is_refused_and_left_as_it_is(files, tmp_path):
    place = tmp_path / "mine"
    for name, content in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(content)
    before = snapshot(place)
    with pytest.raises(BadIndex, match=r"mine: a folder that is not an index; give a new name, or empty it"):
        write(place, ARRAYS, FACTS)
    assert snapshot(place) == before


def test_a_file_is_refused_and_left_as_it_is(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(BadIndex, match=r"mine\.txt: a file; give the name of a new folder"):
        write(tmp_path / "mine.txt", ARRAYS, FACTS)
    with pytest.raises(BadIndex, match=r"my\.index: can't be written .*choose another place"):
        write(tmp_path / "mine.txt" / "my.index", ARRAYS, FACTS)
    assert (tmp_path / "mine.txt").read_text() == "mine"


@pytest.mark.parametrize("torn", ["", '{"format": "ketaqa ind', None])
def test_an_index_with_a_torn_manifest_can_be_built_again(torn, index):
    (index / storage.MANIFEST).unlink() if torn is None else (index / storage.MANIFEST).write_text(torn)
    (index / "data-000000000000").mkdir()
    (index / "manifest.json.data-000000000000").write_text("{")
    write(index, ARRAYS, FACTS)
    assert contents(index)[0]["analyser"] == "english"
    assert {p.name for p in index.iterdir()} - {storage.LOCK} == {storage.MANIFEST, folder_of(index).name}


def test_what_killed_builds_left_goes_before_a_build_writes_and_what_is_no_rubbish_stays(index):
    manifest, kept = (index / storage.MANIFEST).read_text(), folder_of(index)
    # an index of another version is one all the same; what a torn manifest names is not known
    of_another_version = manifest.replace(storage.FORMAT, "ketaqa index 1")
    for text, stays in ((manifest, False), (of_another_version, False), (manifest[:90], True)):
        (index / "data-000000000000").mkdir(exist_ok=True)
        (index / storage.MANIFEST).write_text(text)
        with storage.writing(index):
            assert (index / "data-000000000000").exists() == stays
        assert kept.is_dir()


@pytest.mark.skipif(os.name != "posix", reason="needs a limit to the size of files")
def test_a_disk_that_fills_is_told_by_the_name_of_the_index_and_nothing_is_left_there(index):
    import resource

    def fill():
        with storage.writing(index) as writer:
            writer.scratch(np.int64).append(np.arange(3))  # waits to be written
            resource.setrlimit(resource.RLIMIT_FSIZE, (0, limits[1]))
            writer.column("data", np.int64).append(np.arange(100_000))

    before, limits = snapshot(index), resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        said = refused(fill)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert said == f"{index}: can't be written (File too large); choose another place or free some room"
    assert snapshot(index) == before
    assert {p.name for p in index.iterdir()} == {storage.LOCK, storage.MANIFEST, folder_of(index).name}


# another process

POSIX = pytest.mark.skipif(os.name != "posix", reason="needs fork and SIGKILL")

# builds in children of its own, each killed after the n-th line of storage.py and of the modules that it calls; n is read from
# standard input, and "killed" or "done" written for each
KILLED = """
import os, signal, sys
from pathlib import Path
from ketaqa.builder import build
docs, out = map(Path, sys.argv[1:])
lines = 0
def trace(frame, event, arg):
    global lines
    if not frame.f_code.co_filename.endswith(("storage.py", "columns.py", "shutil.py", "format.py", "encoder.py")):
        return None
    lines += event == "line"
    if lines > moment:
        os.kill(os.getpid(), signal.SIGKILL)
    return trace
for line in sys.stdin:
    moment = int(line)
    child = os.fork()
    if not child:
        sys.settrace(trace)
        build([docs], out)
        sys.settrace(None)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    print("killed" if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL else f"done {status}", flush=True)
"""

REBUILDS = """
import sys
from ketaqa.builder import build
for number in range(int(sys.argv[1])):
    build([sys.argv[3 + number % 2]], sys.argv[2])
    print(number, flush=True)
"""

# stands still in the middle of writing until a line comes in
HALTED = """
import sys
from pathlib import Path
import numpy as np
from ketaqa import embedder, fields, loaders, passages, storage
class Arrays(dict):
    def items(self):
        yield "data", np.arange(3)
        print("writing", flush=True)
        sys.stdin.readline()
        yield "more", np.arange(4)
with storage.writing(Path(sys.argv[1])) as writer:
    for name, array in Arrays().items():
        writer.save(name, array)
    print(writer.finish({"analyser": "new"}), flush=True)
"""


def started(script, *arguments):
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def asked(process, moment):
    process.stdin.write(f"{moment}\n")
    process.stdin.flush()
    return process.stdout.readline().strip()


def two_versions(folder):
    for name in ("old", "new"):
        (folder / name).mkdir()
        (folder / name / "a.txt").write_text(f"The {name} text of this document.")
    build([folder / "new"], folder / "my.index")
    new = Index(folder / "my.index").info.version
    build([folder / "old"], folder / "my.index")
    return Index(folder / "my.index").info.version, new


def text_and_version(path):
    index = Index(path)
    return index.document("a.txt").text.split()[1], index.info.version


@POSIX
def test_a_build_killed_at_any_moment_leaves_the_old_index_or_the_new_one(tmp_path):
    versions = dict(zip(("old", "new"), two_versions(tmp_path), strict=True))
    place, chance, seen = tmp_path / "my.index", random.Random(6), []
    with started(KILLED, tmp_path / "new", place) as process:
        moment = 0
        while True:
            ended = asked(process, moment)
            text, version = text_and_version(place)
            assert version == versions[text], f"killed at {moment}"
            if ended != "killed":
                break
            seen.append(text)
            if text == "new":
                build([tmp_path / "old"], place)
                assert text_and_version(place) == ("old", versions["old"])
            moment += chance.randint(1, 40)
        process.stdin.close()
    # the last moments come after the new index took the old one's place, all others before
    assert ended == "done 0"
    assert len(seen) > 20
    assert seen == sorted(seen, reverse=True)
    assert set(seen) == {"old", "new"}
    assert text_and_version(place) == ("new", versions["new"])
    assert {p.name for p in place.iterdir()} - {storage.LOCK} == {storage.MANIFEST, folder_of(place).name}


@POSIX
def test_a_first_build_killed_at_any_moment_can_be_built_again(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.txt").write_text("The new text of this document.")
    place, chance, refusals, ended = tmp_path / "my.index", random.Random(7), {}, "killed"
    with started(KILLED, tmp_path / "docs", place) as process:
        moment = 0
        while ended == "killed":
            ended = asked(process, moment)
            unread = refused(lambda: storage.read(place))
            assert unread is None or "build it with: ketaqa index" in unread
            refusals[moment] = refused(lambda: build([tmp_path / "docs"], place))
            shutil.rmtree(place)
            moment += chance.randint(1, 100)
        process.stdin.close()
    assert ended == "done 0"
    assert {moment: refusal for moment, refusal in refusals.items() if refusal} == {}


def test_a_second_build_is_refused_while_one_is_writing_and_the_old_index_stays_readable(index):
    before = contents(index)
    with started(HALTED, index) as process:
        assert process.stdout.readline() == "writing\n"
        with pytest.raises(BadIndex, match=r"my\.index: another build is writing there; wait for it to end"):
            write(index, ARRAYS, FACTS)
        assert contents(index) == before
        version = process.communicate("go on\n")[0].strip()
    assert storage.read(index)[0] == {"analyser": "new", "version": version}
    write(index, ARRAYS, FACTS)
    assert contents(index) == before


def test_an_index_is_read_whole_while_it_is_rebuilt(tmp_path):
    old, new = two_versions(tmp_path)
    seen = set()
    with started(REBUILDS, 12, tmp_path / "my.index", tmp_path / "new", tmp_path / "old") as process:
        while process.poll() is None:
            text, version = text_and_version(tmp_path / "my.index")
            assert version == {"old": old, "new": new}[text]
            seen.add(version)
    assert process.returncode == 0
    assert seen == {old, new}


@POSIX
def test_an_opened_index_answers_on_after_another_took_its_place(tmp_path):
    old, _ = two_versions(tmp_path)
    opened = Index(tmp_path / "my.index")
    build([tmp_path / "new"], tmp_path / "my.index")
    assert opened.document("a.txt").text == "The old text of this document."
    assert opened.info.version == old
    assert text_and_version(tmp_path / "my.index")[0] == "new"


@given(st.lists(st.integers(0, 9), min_size=1, max_size=12), st.randoms(use_true_random=False), st.booleans())
def test_pieces_of_an_array_are_put_in_any_order_by_any_thread(sizes, drawn, wide):
    rest = (3,) if wide else ()
    bounds = list(pairwise(accumulate(sizes, initial=0)))
    whole = np.arange(sum(sizes) * (3 if wide else 1), dtype=np.int32).reshape(-1, *rest)
    drawn.shuffle(bounds)
    with tempfile.TemporaryDirectory() as folder:
        column = Column(Path(folder) / "rows", np.int32, *rest)
        with ThreadPoolExecutor(3) as pool:
            list(pool.map(lambda span: column.put(span[0], whole[slice(*span)]), bounds))
        assert np.array_equal(column.ended(), whole)
