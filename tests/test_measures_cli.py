"""The figures of `ketaqa evaluate` and `compare` are those of ir_measures' own command line on the same run and qrels."""

import json
import subprocess
import sys
from pathlib import Path

import ir_measures
import pytest

from ketaqa.errors import KetaqaError
from ketaqa.evaluation import measures
from ketaqa.evaluation.trec import read_qrels

SHARED = Path(__file__).parents[2] / "shared" / "collections" / "xquad-en"
NAMES = ["nDCG@10", "RR@10", "R@100", "P@1", "AP"]
WANTED = [word for name in NAMES for word in ("--measures", name)]


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the shared collections")
def test_the_figures_are_those_of_ir_measures_own_command_line(tmp_path, run_ketaqa):
    run, qrels = tmp_path / "xquad.run", tmp_path / "xquad.qrels"
    done = run_ketaqa("evaluate", str(SHARED), "--run-out", str(run), "--json", *WANTED)
    assert (done.returncode, done.stderr) == (0, "")
    ours = {name: m["value"] for name, m in json.loads(done.stdout)["measures"].items()}

    # its command line reads TREC's four columns alone
    judged = read_qrels(SHARED / "qrels" / "test.tsv")
    qrels.write_text("".join(f"{q} 0 {d} {r}\n" for q, docs in judged.items() for d, r in docs.items()))
    command = [sys.executable, "-m", "ir_measures", "--places", "12", str(qrels), str(run), *NAMES]
    peer = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True, cwd=tmp_path)
    theirs = {name: float(value) for name, value in (line.split("\t") for line in peer.stdout.splitlines())}
    assert ours == pytest.approx(theirs, abs=1e-9)
    assert list(ours) == NAMES

    compared = run_ketaqa("compare", str(run), "--qrels", str(qrels), "--json", *WANTED)
    assert (compared.returncode, compared.stderr) == (0, "")
    table = json.loads(compared.stdout)["measures"]
    assert {name: runs["xquad.run"]["value"] for name, runs in table.items()} == pytest.approx(theirs, abs=1e-9)


QRELS = {"a": {"d1": 1, "d2": 2}, "b": {"d3": 1}}
RUN = {"a": [("d2", 3.0), ("x", 2.0), ("d1", 1.0)], "b": [("x", 2.0), ("d3", 1.0)]}
JUDGED = [ir_measures.Qrel(q, d, r) for q, docs in QRELS.items() for d, r in docs.items()]
SCORED = [ir_measures.ScoredDoc(q, d, s) for q, docs in RUN.items() for d, s in docs]


NAMED = [
    "nDCG@10",
    "NDCG@10",
    "RR@10",
    "MRR@10",
    "AP",
    "MAP",
    "Rprec",
    "P(rel=2)@1",
    "Judged@3",
    "Bpref",
]


@pytest.mark.parametrize("name", NAMED)
def test_each_measure_is_ir_measures_own_under_the_name_asked_for(name):
    found = measures.measure(RUN, QRELS, [name])
    (value,) = ir_measures.calc_aggregate([ir_measures.parse_measure(name)], JUDGED, SCORED).values()
    assert list(found) == [name]
    assert found[name].value == pytest.approx(value)


def test_two_names_of_one_measure_have_one_value():
    found = measures.measure(RUN, QRELS, ["RR@10", "MRR@10"])
    assert found["RR@10"] == found["MRR@10"]
    assert found["RR@10"].value == pytest.approx(0.75)


NOT_COMPUTED = ["P", "R", "Success", "BPM", "INST", "NERR8@10", "SDCG@10", "alpha_nDCG@10", "RBP(p=0.8)", "P@-1"]


@pytest.mark.parametrize("name", NOT_COMPUTED)
def test_a_measure_that_cannot_be_computed_is_refused_by_name(name):
    with pytest.raises(KetaqaError) as refused:
        measures.measure(RUN, QRELS | {"c": {"d": 1}}, [name])
    assert name in str(refused.value)


@pytest.mark.parametrize("name", ["nDCG@0", "P@0", "RR@0"])
def test_a_cutoff_that_is_none_is_refused_and_ends_no_process(name, tmp_path, run_ketaqa):
    # in a process of its own: the library behind the measures may take the process with it
    (tmp_path / "a.run").write_text("q Q0 d 1 1.0 t\n")
    (tmp_path / "a.qrels").write_text("q 0 d 1\n")
    done = run_ketaqa("compare", str(tmp_path / "a.run"), "--qrels", str(tmp_path / "a.qrels"), "--measures", name)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{name!r}" in done.stderr
    assert done.stderr.count("\n") == 1
