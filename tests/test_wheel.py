import json
import os
import shutil
import subprocess
import sys
import zipfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parent.parent
PARTS = ["pyproject.toml", "hatch_build.py", "README.md", "LICENSE", "ketaqa", "corpus"]
# part of the path of everything that the build sees, so that it can be looked for in what the build makes
MACHINE = "machine-of-the-build"

ASK = """
import json, sys, ketaqa
from ketaqa import shipped
qa = ketaqa.open()
answer = qa.ask("What is ketamine?")
heavy = sorted({"gradio", "sklearn", "scipy"} & {name.split(".")[0] for name in sys.modules})
print(json.dumps({
    "code": ketaqa.__file__, "index": str(shipped.index_path()), "corpus": str(shipped.corpus_path()), "heavy": heavy,
    "status": answer.status, "notices": [n.kind for n in answer.notices], "version": qa.info.version,
    "passage": answer.passage and answer.passage.text, "doc_id": answer.passage and answer.passage.doc_id,
    "references": answer.citation and len(answer.citation.references), "doc_ids": qa.index.doc_ids(),
    "stale": sorted(qa.index.stale(range(len(qa.index.doc_ids())))),
}))
"""

pytestmark = pytest.mark.skipif(not (ROOT / "corpus").is_dir(), reason="a wheel is built from a checkout")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel built from a copy of the checkout."""
    folder = tmp_path_factory.mktemp("wheel") / MACHINE
    for part in PARTS:
        target = folder / "checkout" / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, target)
    (folder / "temporary").mkdir()
    quiet = ["--no-deps", "--no-build-isolation", "--no-index"]
    command = [sys.executable, "-m", "pip", "wheel", *quiet, "-w", folder / "out", "."]
    environ = os.environ | {"TMPDIR": str(folder / "temporary"), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    done = subprocess.run(command, cwd=folder / "checkout", env=environ, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    (made,) = (folder / "out").glob("ketaqa-*-py3-none-any.whl")
    assert list((folder / "temporary").iterdir()) == [], "the build takes its own files away"
    return made


@pytest.fixture(scope="module")
def unpacked(wheel, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unpacked")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope="module")
def answer(unpacked, tmp_path_factory):
    empty = tmp_path_factory.mktemp("empty")
    environ = {key: value for key, value in os.environ.items() if not key.startswith("KETAQA_")}
    done = subprocess.run(
        [sys.executable, "-c", ASK], cwd=empty, env=environ | {"PYTHONPATH": str(unpacked)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert list(empty.iterdir()) == []
    return json.loads(done.stdout)


def test_an_unpacked_wheel_answers_from_an_empty_folder(answer, unpacked):
    assert answer["code"] == str(unpacked / "ketaqa" / "__init__.py")
    assert answer["index"] == str(unpacked / "ketaqa" / "shipped" / "index")
    assert answer["corpus"] == str(unpacked / "ketaqa" / "shipped" / "corpus")
    assert answer["status"] == "answered"
    assert answer["doc_id"] == "what-is-ketamine.md"
    assert "dissociative anaesthetic" in answer["passage"]
    assert answer["references"] > 0


def test_the_documents_of_a_wheel_are_fresh(answer):
    assert answer["stale"] == []
    assert "stale" not in answer["notices"]


def test_a_wheel_holds_every_document_and_its_companions(wheel, answer):
    shipped = {p.relative_to(ROOT / "corpus").as_posix(): p.read_bytes() for p in (ROOT / "corpus").rglob("*") if p.is_file()}
    with zipfile.ZipFile(wheel) as archive:
        inside = "ketaqa/shipped/corpus/"
        held = {name.removeprefix(inside): archive.read(name) for name in archive.namelist() if name.startswith(inside)}
    assert held == shipped
    assert answer["doc_ids"] == sorted(name for name in shipped if name.endswith(".md"))


def test_a_wheel_holds_the_code_its_data_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
    code = {
        p.relative_to(ROOT).as_posix() for p in (ROOT / "ketaqa").rglob("*") if p.is_file() and "__pycache__" not in p.parts
    }
    rest = [n for n in set(names) - code if not n.startswith(("ketaqa/shipped/corpus/", "ketaqa/shipped/index/"))]
    assert code - set(names) == set()
    assert [name for name in rest if ".dist-info/" not in name] == []
    index = [n.removeprefix("ketaqa/shipped/index/") for n in names if n.startswith("ketaqa/shipped/index/")]
    assert [n for n in index if n != "manifest.json" and not (n.startswith("data-") and n.endswith(".npy"))] == []
    assert len({n.split("/")[0] for n in index}) == 2


def test_a_wheel_names_no_path_of_the_machine_that_built_it(unpacked):
    for path in unpacked.rglob("*"):
        assert path.is_dir() or MACHINE.encode() not in path.read_bytes(), path
    (sources,) = (unpacked / "ketaqa" / "shipped" / "index").glob("data-*/sources.npy")
    (ends,) = (unpacked / "ketaqa" / "shipped" / "index").glob("data-*/sources_ends.npy")
    blob, bounds = np.load(sources), np.load(ends)
    rows = [json.loads(blob[a:b].tobytes()) for a, b in pairwise(bounds.tolist())]
    assert {row["root"] for row in rows} == {"../corpus"}
    assert [row["path"] for row in rows if not row["path"].startswith("../corpus/")] == []


def test_a_wheel_and_a_checkout_hold_the_same_index(answer, tmp_path):
    from ketaqa import build

    assert build([ROOT / "corpus"], tmp_path / "corpus.index").version == answer["version"]


def test_asking_a_wheel_loads_neither_chat_nor_statistics(answer):
    assert answer["heavy"] == []
