"""The parts of the benchmarks that measure nothing: what is drawn, which answers agree, what is written."""

import json
import re

import numpy as np
import pytest

from benchmarks import agreement, data, drawing, ratios, tables, timing
from benchmarks.data import Data
from benchmarks.peers import BM25S, BY_TERM, MATRIX, ONE, SYSTEMS, TANTIVY, TFIDF, TWO

FACTS = {
    "processor": "A processor",
    "cores": 2,
    "memory_gb": 24.0,
    "python": "3.11.7",
    "versions": {"numpy": "2.4"},
    "commit": "abc1234",
}


def asked(times):
    row = {"queries": 5, "queries_per_second": 100.0, "p50_ms": 2.0 * times, "p99_ms": 3.0 * times}
    batch = {"batch_queries_per_second": 200.0, "ketaqa_batch_is_times_as_fast": 1.5}
    ratios = {f"ketaqa_{key}is_times_as_fast": times for key in ("", "p50_", "p99_")}
    return row | batch | ratios


def built(times):
    return {"mb_per_second": 10.0, "peak_mb": 100.0, "peak_above_texts_mb": 50.0 * times, "ketaqa_is_times_as_fast": times}


def results():
    asking = {
        ONE: asked(1.0),
        TFIDF: asked(1.0),
        MATRIX: asked(12.5),
        BY_TERM: asked(2.0),
        BM25S: asked(3.0),
        TANTIVY: asked(1.5),
    }
    del asking[TANTIVY]["ketaqa_batch_is_times_as_fast"]
    building = {ONE: built(1.0), TWO: built(0.5), MATRIX: built(2.0), BM25S: built(3.0), TANTIVY: built(0.25)}
    growth = {"terms": {ONE: {"1": 0.1, "2": 0.2}}, "k": {ONE: {"1": 0.1, "10": 0.2}}}
    row = {"asking": asking, "building": building}
    speed = {
        "corpus": {"passages": 9} | row,
        "100": {"passages": 100} | row,
        "1,000": {"passages": 1000, "growth": growth} | row,
    }
    systems = {name: {"bytes": n, "open_ms": n / 10} for n, name in ((100, ONE), (50, TANTIVY), (200, BM25S))}
    memory = {"bytes_a_posting": 4.56, "asked_mb": 12.0, "times_the_touched": 1.25}
    disk = {"workers_1": {"peak_mb": 300.0}, "two_workers_are_times_as_fast": 1.75}
    cold = {"ketaqa ask": {"ratio": 1.4, "ms": 300.0, "import": "import numpy, scipy.sparse"}}
    size = {"1,000": {"text_mb": 2.0, "systems": systems, "memory": memory, "building": disk}}
    size["1,000"]["updating"] = {"seconds": 1.5, "whole_is_times_as_long": 4.0}
    dense = {"1,000": {"candidates_ms": 1.25, "all_ms": 2.5, "plain_ms": 30.0, "asked_mb": 8.0}}
    where = {"speed": FACTS, "size": FACTS | {"commit": "def5678"}}
    return {"where": where, "speed": speed, "size": size, "cold": cold, "dense": dense, "http": {"ask_median_ratio": 2.5}}


def test_the_same_passages_come_from_the_seed_and_fewer_begin_more():
    assert data.drawn(300) == data.drawn(300)
    more = Data("10,200", 10_200).texts()
    assert len(more) == 10_200
    assert more[:300] == data.drawn(300)
    assert more[:200] != more[data.BLOCK :]
    sizes = [len(text.split()) for text in more]
    assert (min(sizes), max(sizes)) == data.PASSAGE_WORDS


def test_words_have_zipfs_frequencies():
    words = " ".join(data.drawn(2_000)).split()
    first, third = words.count("w0"), words.count("w2")
    assert first == pytest.approx(3 * third, rel=0.1)
    assert max(int(word[1:]) for word in words) < data.TERMS


def test_queries_are_drawn_too_and_repeat_no_word():
    queries = Data("").queries()
    assert queries == Data("").queries()
    sizes = {len(query.split()) for query in queries}
    assert (len(queries), min(sizes), max(sizes)) == (data.QUERIES, *data.QUERY_WORDS)
    assert all(len(set(query.split())) == len(query.split()) for query in queries)
    assert {len(query.split()) for query in data.queries(20, 12, 12)} == {12}


def test_real_text_is_read_from_a_beir_folder_in_plain_words(tmp_path):
    rows = [{"_id": "d1", "title": "Pools", "text": "It's open, at 7:30! ½ a day."}, {"_id": "d2", "title": "", "text": "Été"}]
    (tmp_path / "corpus.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    asked = [{"_id": "q1", "text": "When is the pool OPEN open?"}, {"_id": "q2", "text": "nothing shared"}]
    (tmp_path / "queries.jsonl").write_text("".join(json.dumps(row) + "\n" for row in asked))
    found = Data("mine", folder=str(tmp_path))
    assert found.texts() == ["pools it open at 30 day", "d2"]
    assert found.queries() == ["when is the pool open"]


def test_the_shipped_documents_are_read():
    from ketaqa import shipped

    texts, queries = data.real(shipped.corpus_path())
    assert len(texts) > 300
    assert len(queries) > 300
    assert all(re.fullmatch(r"[a-z0-9]{2,}( [a-z0-9]{2,})*", text) for text in (*texts, *queries))


def test_ratios_are_taken_run_by_run_over_the_queries_that_both_were_asked():
    slow, fast = np.array([[4.0], [9.0], [2.0]]), np.array([[2.0, 50.0], [3.0, 50.0], [1.0, 50.0]])
    assert timing.ratio(slow, fast) == 2.0
    assert timing.percentile(np.array([[1.0, 5.0], [2.0, 6.0], [9.0, 7.0]]), 50) == 4.0
    assert timing.rate(np.array([[1.0, 1.0], [0.5, 0.5], [2.0, 2.0]])) == 1.0


def test_jobs_take_turns():
    order = []
    jobs = [lambda: order.append("a") or 1, lambda: order.append("b") or 2]
    assert timing.interleaved(2, jobs) == [[1, 1], [2, 2]]
    assert order == ["a", "b", "a", "b"]


def answer(*scores, first=0):
    return np.array([np.arange(first, first + len(scores))]), np.array([scores])


def test_answers_that_agree_are_told_how_nearly():
    found = agreement.check({ONE: answer(2.0, 1.0), BM25S: answer(2.0, 1.0005), TANTIVY: answer(2.02, 1.01)})
    assert list(found.values()) == pytest.approx([0.0005, 1.0, 0.01])


@pytest.mark.parametrize(
    ("name", "other"),
    [(BM25S, answer(2.0, 1.01)), (TANTIVY, answer(2.0, 1.5)), (TANTIVY, answer(2.0, 1.0, first=1)), (TWO, answer(2.0, 1.0001))],
)
def test_answers_that_differ_are_refused(name, other):
    with pytest.raises(AssertionError, match=ONE):
        agreement.check({ONE: answer(2.0, 1.0), name: other})


def test_ketaqa_and_scikit_learn_answer_alike():
    texts, queries = data.drawn(200), data.queries(10, 2, 4)
    answers = {}
    for name in (MATRIX, BY_TERM):
        peer = SYSTEMS[name]()
        peer.build(texts)
        answers[name] = peer.search(queries, 10)
    assert np.allclose(answers[MATRIX][1], answers[BY_TERM][1])
    assert agreement.overlap(answers[MATRIX][0], answers[BY_TERM][0]) > 0.9


def test_ratios_are_above_one_where_ketaqa_is_ahead():
    found = {(r.measure, r.peer, r.data): r.value for r in ratios.of(results())}
    assert found[ratios.QUERIES, MATRIX, "1,000"] == 12.5
    assert found[ratios.P99, TANTIVY, "corpus"] == 1.5
    assert found[ratios.BUILD, TANTIVY, "100"] == 0.25
    assert found[ratios.PEAK, BM25S, "100"] == 3.0
    assert found[ratios.WORKERS, ONE, "100"] == 2.0
    assert found[ratios.BYTES, TANTIVY, "1,000"] == found[ratios.OPEN, TANTIVY, "1,000"] == 0.5
    assert (ratios.BATCH, TANTIVY, "100") not in found


def test_the_table_holds_the_machine_the_ratios_and_the_figures():
    text = tables.table(results())
    assert "A processor, 2 cores, 24 GB; Python 3.11.7, numpy 2.4; commit abc1234, def5678." in text
    assert "| measure | beside | corpus | 100 | 1,000 |" in text
    assert "| queries/s | scikit-learn | 12.50 | 12.50 | 12.50 |" in text
    assert "| index bytes a passage | tantivy |  |  | 0.50 |" in text
    assert "| cold `ketaqa ask`, times `import numpy, scipy.sparse` | 1.40 (300 ms) |" in text
    assert "| HTTP: ask median ratio | 2.5 |" in text
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        assert len({row.count("|") for row in table.splitlines()}) == 1


def test_a_part_alone_makes_a_table():
    kept = results()
    assert "cold" in tables.table({"where": {"cold": FACTS}, "cold": kept["cold"]})
    assert tables.table({"where": {}}) == "\n"


def test_the_readmes_block_is_written_anew_and_nothing_else():
    text = "# Before\n<!-- bench -->\nold\n<!-- /bench -->\nafter\n"
    written = tables.readme(text, results())
    assert written.startswith("# Before\n<!-- bench -->\nA processor")
    assert written.endswith("\n<!-- /bench -->\nafter\n")
    assert "\nold\n" not in written
    assert all(f"](docs/bench-{name}.svg)" in written for name in drawing.PLOTS)
    assert tables.readme(written, results()) == written
    with pytest.raises(ValueError, match="<!-- bench -->"):
        tables.readme("# Before\n", results())


def test_plots_are_drawn_alike_from_what_was_written(tmp_path):
    read = json.loads(json.dumps(results()))
    paths = drawing.draw(read, tmp_path)
    assert [path.stem for path in paths] == list(drawing.PLOTS)
    first = [path.read_text() for path in paths]
    assert [path.read_text() for path in drawing.draw(read, tmp_path)] == first
    assert all("KetaQA" in text and "<script" not in text for text in first)
    assert drawing.draw({"where": {}}, tmp_path) == []
