"""Runs and judgements: read and written in the formats of the field, refused by file, line and remedy."""

import ir_measures
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ketaqa.errors import BadCollection
from ketaqa.evaluation import measures
from ketaqa.evaluation.trec import read_qrels, read_run, write_run

HEADER = "query-id\tcorpus-id\tscore\n"
BEIR = HEADER + "q1\td1\t2\nq1\td2\t0\nq2\td1\t1\n"
TREC = "q1 0 d1 2\nq1 0 d2 0\nq2 0 d1 1\n"
JUDGED = {"q1": {"d1": 2, "d2": 0}, "q2": {"d1": 1}}
RUN = "q1 Q0 d1 1 2.5 mine\nq1 Q0 d2 2 0.5 mine\nq2 Q0 d1 1 1e-3 mine\n"
RANKED = {"q1": [("d1", 2.5), ("d2", 0.5)], "q2": [("d1", 0.001)]}


def refused(read, path, *arguments):
    with pytest.raises(BadCollection) as caught:
        read(path, *arguments)
    said = str(caught.value)
    assert said.startswith(f"{path}: ")
    assert "\n" not in said
    return said


def placed(tmp_path, data):
    path = tmp_path / "given.txt"
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


FORMS = {
    "as it is": lambda text: text.encode(),
    "CRLF": lambda text: text.replace("\n", "\r\n").encode(),
    "a byte order mark": lambda text: text.encode("utf-8-sig"),
    "UTF-16": lambda text: text.encode("utf-16"),
    "blank lines": lambda text: text.replace("\n", "\n\n  \n").encode(),
    "no last line end": lambda text: text.rstrip("\n").encode(),
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("text", [BEIR, BEIR.removeprefix(HEADER), TREC, TREC.replace(" ", "\t"), TREC.replace(" ", "   ")])
def test_judgements_are_read_in_both_formats(tmp_path, text, form):
    assert read_qrels(placed(tmp_path, FORMS[form](text))) == JUDGED


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("text", [RUN, RUN.replace(" ", "\t"), RUN.replace(" ", "  ")])
def test_a_run_is_read_in_the_order_of_its_file(tmp_path, text, form):
    assert read_run(placed(tmp_path, FORMS[form](text))) == RANKED


def test_the_lines_of_a_question_may_stand_apart(tmp_path):
    assert read_run(placed(tmp_path, "b Q0 x 1 3 t\na Q0 y 1 2 t\nb Q0 z 2 1 t\n")) == {
        "b": [("x", 3.0), ("z", 1.0)],
        "a": [("y", 2.0)],
    }


def test_beir_names_with_blanks_are_kept_by_tabs(tmp_path):
    assert read_qrels(placed(tmp_path, f"{HEADER}q 1\tmy notes.md\t1\n")) == {"q 1": {"my notes.md": 1}}


def test_judgements_of_known_names_pass_and_the_first_unknown_one_is_named(tmp_path):
    path = placed(tmp_path, BEIR)
    assert read_qrels(path, {"q1", "q2"}, {"d1", "d2"}) == JUDGED
    for queries, documents, line, what in (({"q1"}, {"d1", "d2"}, 4, "query 'q2'"), ({"q1", "q2"}, {"d1"}, 3, "document 'd2'")):
        said = refused(read_qrels, path, queries, documents)
        assert f"line {line} judges {what}" in said
        assert "remove the line" in said


# names as a run can hold them: no blank, and nothing that makes the file another kind of file
NAMES = st.text(min_size=1, max_size=8).filter(lambda name: not any(c.isspace() or c in "\0\ufeff" for c in name)) | (
    st.sampled_from(["é", "e\u0301", "👩🏽\u200d⚕️", "عربي", "\u202egnp", "#1", "a.md#12", "Q0", "%20", "1", "\u2066x\u2069"])
)
SCORES = st.floats(allow_nan=False, allow_infinity=False)
RUNS = st.dictionaries(NAMES, st.dictionaries(NAMES, SCORES, min_size=1, max_size=5), min_size=1, max_size=4)


@settings(max_examples=150, deadline=None)
@given(run=RUNS)
def test_writing_and_reading_keeps_every_name_every_digit_and_the_order(run, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "round.run"
    ranked = {query_id: list(docs.items()) for query_id, docs in run.items()}
    write_run(ranked, path)
    again = read_run(path)
    assert again == ranked
    assert list(again) == list(ranked)
    write_run(again, path.with_suffix(".again"))
    assert path.read_bytes() == path.with_suffix(".again").read_bytes()


def test_a_written_run_is_the_fields_own(tmp_path):
    write_run(RANKED | {"q3": []}, tmp_path / "a.run", tag="mine")
    rows = [line.split(" ") for line in (tmp_path / "a.run").read_text().splitlines()]
    assert [(row[0], row[1], row[3], row[5]) for row in rows] == [
        ("q1", "Q0", "1", "mine"),
        ("q1", "Q0", "2", "mine"),
        ("q2", "Q0", "1", "mine"),
    ]
    peer = list(ir_measures.read_trec_run(str(tmp_path / "a.run")))
    assert [(r.query_id, r.doc_id, r.score) for r in peer] == [(q, d, s) for q, docs in RANKED.items() for d, s in docs]


def test_a_name_with_a_blank_meets_its_judgement_after_a_round_trip(tmp_path):
    run, qrels = {"q 1": [("my notes.md", 1.0)]}, {"q 1": {"my notes.md": 1}}
    write_run(run, tmp_path / "a.run")
    read = read_run(tmp_path / "a.run")
    judged = read_qrels(placed(tmp_path, f"{HEADER}q 1\tmy notes.md\t1\n"))
    assert measures.measure(read, judged, ["P@1"]) == measures.measure(run, qrels, ["P@1"])


def test_two_names_stay_two_names_in_a_run(tmp_path):
    write_run({"q": [("a b", 2.0), ("a%20b", 1.0)]}, tmp_path / "a.run")
    assert len({line.split()[2] for line in (tmp_path / "a.run").read_text().splitlines()}) == 2


JUDGEMENT = ["with tabs between them", "query_id 0 doc_id relevance"]
BAD_QRELS = [
    (f"{HEADER}q1d11\n", ["line 2", *JUDGEMENT]),
    (f"{HEADER}q1\td1\n", ["line 2", *JUDGEMENT]),
    (f"{HEADER}q1,d1,1\n", ["line 2", *JUDGEMENT]),
    (f"{HEADER}q1\td1\t1\nq2\td1\tyes\n", ["line 3", *JUDGEMENT]),
    (f"{HEADER}q1\td1\t0.5\n", ["line 2", *JUDGEMENT]),
    (f"{HEADER}q1\td1\t\n", ["line 2", *JUDGEMENT]),
    (f"{HEADER}q1\t\t1\n", ["line 2", *JUDGEMENT]),
    (f"{HEADER}\td1\t1\n", ["line 2", *JUDGEMENT]),
    ("q1 0 d1 1\nq1 0 d2 1 extra\n", ["line 2", *JUDGEMENT]),
    ("q1 0 d1 1\n\n\nq1 0\n", ["line 4", *JUDGEMENT]),
    (f"{HEADER}q1\td1\t1\nq1\td1\t2\n", ["line 3", "'d1'", "'q1'", "second time", "keep one"]),
    ("q1 0 d1 1\nq2 0 d1 1\nq1 0 d1 0\n", ["line 3", "'d1'", "'q1'", "second time", "keep one"]),
    ("", ["no judgements", "give a file"]),
    ("\n \n", ["no judgements", "give a file"]),
    (HEADER, ["no judgements", "give a file"]),
    (f"{HEADER}q1\tcafé\t1\n".encode("latin-1"), ["not UTF-8", "byte 31", "save it as UTF-8"]),
    (BEIR.encode("utf-16-le"), ["NUL", "not text"]),
]
LINE = ["query_id Q0 doc_id rank score tag"]
BAD_RUNS = [
    ("q1\n", ["line 1", *LINE]),
    ("q1 Q0 d1 1 2.5 t\nq1 Q0 d2 2\n", ["line 2", *LINE]),
    ("q1 Q0 d1 1 high t\n", ["line 1", *LINE]),
    ("q1 Q0 d1 1 nan t\n", ["line 1"]),
    ("q1 Q0 my notes 1 2.5 t\n", ["line 1", *LINE]),
    ("q1,Q0,d1,1,2.5,t\n", ["line 1", *LINE]),
    (BEIR, ["line 1", *LINE]),
    (TREC, ["line 1", *LINE]),
    ("q1 Q0 d1 1 2 t\nq2 Q0 d1 1 2 t\n\nq1 Q0 d1 2 1 t\n", ["line 4", "'d1'", "'q1'", "second time", "keep one"]),
    ("", ["empty run", *LINE]),
    ("\n\n", ["empty run", *LINE]),
    ("q1 Q0 café 1 2 t\n".encode("latin-1"), ["not UTF-8", "save it as UTF-8"]),
    (RUN.encode("utf-16-be"), ["NUL", "not text"]),
]


@pytest.mark.parametrize(("data", "named"), BAD_QRELS)
def test_malformed_judgements_are_refused_by_file_line_and_remedy(tmp_path, data, named):
    said = refused(read_qrels, placed(tmp_path, data))
    assert [part for part in named if part not in said] == [], said


@pytest.mark.parametrize(("data", "named"), BAD_RUNS)
def test_a_malformed_run_is_refused_by_file_line_and_remedy(tmp_path, data, named):
    said = refused(read_run, placed(tmp_path, data))
    assert [part for part in named if part not in said] == [], said


@pytest.mark.parametrize("read", [read_run, read_qrels])
def test_a_file_that_is_not_there_is_refused_with_its_name(tmp_path, read):
    assert "No such file" in refused(read, tmp_path / "none.txt")
    assert "name a file that is there" in refused(read, tmp_path)
