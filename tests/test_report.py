"""Reports: one page that needs nothing but itself, in which what strangers wrote stays text."""

import json
import re
from html.parser import HTMLParser

import pytest

from ketaqa.evaluation import inspection, plots, report
from ketaqa.evaluation.compare import compare
from ketaqa.evaluation.evaluate import evaluate, settings
from ketaqa.evaluation.measures import meaning
from ketaqa.evaluation.trec import write_run

HOSTILE = (
    "Ermine <script>window.owned=1</script><img src=http://evil.test/a.png onerror='window.owned=2'> &amp; {{ 7*7 }} {% raw %}"
)
BREAKOUT = "ferret </div></main></body></html><style>@import '//evil.test/b.css'</style><iframe src=//evil.test></iframe>"
TWIN = "The bladder can be harmed by frequent use, and pain when passing water is an early sign of it."
PAGES = {
    "ermine": HOSTILE,
    "ferret": BREAKOUT,
    "twin-a": TWIN,
    "twin-b": TWIN.replace("pain", "hurt"),
    "lonely": "Quagga zebra okapi.",
}
QUERIES = {
    "q1": ("bladder harm early sign", "twin-b"),
    "q2": (f"{HOSTILE} ermine?", "ferret"),
    "q3": (BREAKOUT, "twin-a"),
    "q4": ("nothing has zxqv", "lonely"),
}
MEASURES = ["nDCG@10", "RR@10", "R@100", "P@1", "Success@3"]


class Page(HTMLParser):
    """The elements, the attributes, the text and the styles of a page."""

    def __init__(self, source):
        super().__init__(convert_charrefs=True)
        self.elements, self.attributes, self.texts, self.styles = set(), [], [], []
        self.open = []
        self.feed(source)
        self.close()
        self.text = "".join(self.texts)

    def handle_starttag(self, tag, attributes):
        self.elements.add(tag)
        self.attributes += attributes
        self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.add(tag)
        self.attributes += attributes

    def handle_endtag(self, tag):
        while self.open and self.open.pop() != tag:
            pass

    def handle_data(self, data):
        (self.styles if "style" in self.open else self.texts).append(data)


def assert_needs_nothing_but_itself(source):
    page = Page(source)
    assert page.elements.isdisjoint({"script", "link", "iframe", "object", "embed", "img", "image", "form", "base", "input"})
    assert [name for name, _ in page.attributes if name.startswith("on")] == []
    for name, value in page.attributes:
        # the names of SVG's vocabularies are no addresses that anything asks
        if not name.startswith("xmlns"):
            assert name not in ("src", "srcset", "action", "data", "poster"), (name, value)
            assert "href" not in name or value.startswith(("#", "data:")), (name, value)
            assert not re.search(r"url\((?!#)|@import|https?:|^//", value or ""), (name, value)
    assert not re.search(r"url\((?!#)|@import|https?:", "".join(page.styles))
    assert ("http-equiv", "Content-Security-Policy") in page.attributes
    assert ("lang", "en") in page.attributes
    return page


def collection(folder, corpus, queries, judged, **more):
    (folder / "qrels").mkdir(parents=True)
    for name, texts in {"corpus": corpus, "queries": queries, **more}.items():
        rows = [{"_id": key, "title": "", "text": text} for key, text in texts.items()]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    lines = "".join(f"{query_id}\t{doc_id}\t1\n" for query_id, doc_id in judged.items())
    (folder / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{lines}")
    return folder


def written(folder, **more):
    questions, judged = ({q: pair[n] for q, pair in QUERIES.items()} for n in (0, 1))
    return collection(folder / "toy <b>", PAGES, questions, judged, **more)


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return written(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    unanswerable = {"u1": "what is the weather in zxqv", "u2": "offside okapi rule"}
    return evaluate(written(tmp_path_factory.mktemp("silence"), unanswerable=unanswerable), MEASURES, inspect=True)


@pytest.fixture(scope="module")
def comparison(done):
    runs = {"kept.run": done.run, "<i>other</i>.run": {"q1": [("twin-a", 2.0), ("twin-b", 1.0)], "q2": [("lonely", 1.0)]}}
    texts, questions = PAGES, {name: text for name, (text, _) in QUERIES.items()}
    found = compare(runs, done.qrels, MEASURES)
    return found, report.of_comparison(found, runs, done.qrels, texts, questions)


def test_the_report_of_an_evaluation_needs_nothing_but_itself_and_shows_text_as_text(done):
    page = assert_needs_nothing_but_itself(report.of_evaluations([done]))
    assert page.text.count("toy <b>: how good is the ranking?") >= 2, "in the title and in the heading"
    for text in (HOSTILE, BREAKOUT, f"{HOSTILE} ermine?", TWIN):
        assert text in page.text
    assert page.elements.isdisjoint({"b", "i"})


def test_the_report_of_a_sweep_shows_every_setting_and_details_the_best(toy):
    all_done = [evaluate(toy, ["P@1"], setting=one) for one in settings(["passage_length=20,200", "weighting=bm25,tfidf"])]
    source = report.of_evaluations(all_done)
    page = assert_needs_nothing_but_itself(source)
    rows = re.findall(r'<tr><td class="number">(\d+)</td><td>(\w+)</td>', source)
    assert rows == [("20", "bm25"), ("20", "tfidf"), ("200", "bm25"), ("200", "tfidf")]
    best = max(all_done, key=lambda one: one.measures["P@1"].value)
    assert f"passages of about {best.setting.passage_length} words, weighting {best.setting.weighting}" in page.text
    assert HOSTILE in page.text


def test_the_report_of_a_comparison_shows_both_sides_of_each_question(comparison):
    found, source = comparison
    page = assert_needs_nothing_but_itself(source)
    other = "<i>other</i>.run"
    assert f"{other} lacks 2 questions, which count as 0: q3, q4" in page.text
    assert f"{HOSTILE} ermine?" in page.text
    assert PAGES["lonely"] in page.text, "what the other run put first"
    assert HOSTILE in page.text
    assert f"{other}: 0.000, first is lonely (not judged right)" in re.sub(r"\s+", " ", page.text)
    gains = [found.values[other]["nDCG@10"][q] - found.values["kept.run"]["nDCG@10"][q] for q in QUERIES]
    assert source.count('<div class="sides">') == sum(gain != 0 for gain in gains) > 0
    assert page.elements.isdisjoint({"b", "i"})


def test_a_comparison_without_texts_and_questions_shows_their_names(done):
    runs = {"a.run": done.run, "b.run": {"q1": [("twin-a", 1.0)]}}
    page = assert_needs_nothing_but_itself(report.of_comparison(compare(runs, done.qrels), runs, done.qrels, {}, {}))
    for part in ("q1", "q2", "twin-a", "nothing"):
        assert part in page.text


def test_every_figure_of_the_table_is_there_with_its_interval(done):
    page = Page(report.of_evaluations([done]))
    assert done.abstention is not None
    for m in (*done.measures.values(), done.abstention.auroc, done.abstention.precision, done.abstention.answered):
        assert f"{m.value:.3f} ({m.ci95[0]:.3f} to {m.ci95[1]:.3f})" in page.text
    assert f"{done.abstention.risk_coverage_area:.3f}" in page.text


def test_each_measure_says_what_it_means(done, comparison):
    for text in (Page(report.of_evaluations([done])).text, Page(comparison[1]).text):
        for name in MEASURES:
            assert meaning(name)
            assert f"{name}" in text
            assert meaning(name) in text
    for words in (
        "0.5 is guessing, 1 is perfect",
        "share that is right",
        "not met with silence",
        "0 is best",
        "bootstrap interval",
    ):
        assert words in Page(report.of_evaluations([done])).text


@pytest.mark.parametrize("name", ["nDCG", "RR", "MRR@10", "AP", "MAP", "P@5", "P(rel=2)@5", "Rprec", "Success@3", "Judged@10"])
def test_no_measure_is_left_without_a_meaning(name):
    assert meaning(name).endswith(".")


def test_every_measure_silence_and_time_have_their_plots(done):
    titles = [figure.axes[0].get_title() for figure in report.figures(done)]
    assert titles == [*MEASURES, "risk and coverage", "what confidence is worth", "time of one search"]
    assert report.of_evaluations([done]).count("<svg") == len(titles)


def test_the_same_values_give_the_same_plot():
    assert plots.svg(plots.sorted_values([0.1, 0.5, 1.0], "P@1")) == plots.svg(plots.sorted_values([0.1, 0.5, 1.0], "P@1"))


@pytest.mark.parametrize("run", ["a$\\foo$.run", "a_b^c.run", "日本.run", "عربي.run", "<b>.run", "$", "x" * 200])
def test_a_run_of_any_name_has_its_report(done, run):
    runs = {"first.run": done.run, run: {"q1": [("twin-a", 1.0)]}}
    page = assert_needs_nothing_but_itself(report.of_comparison(compare(runs, done.qrels), runs, done.qrels, {}, {}))
    assert f"Where {run} differs most" in page.text


def test_near_duplicates_are_listed_with_the_questions_that_find_both(done):
    (pair,) = done.inspection.duplicates
    assert {pair.first.name, pair.second.name} == {"twin-a#1", "twin-b#1"}
    assert inspection.SAME <= pair.cosine < 1.0
    both = [q for q in QUERIES if {"twin-a", "twin-b"} <= {name for name, _ in done.run[q][: inspection.TOP]}]
    assert pair.questions >= len(both) >= 1
    page = Page(report.of_evaluations([done]))
    assert f"cosine {pair.cosine:.2f}, both among the first ten of {pair.questions} questions" in page.text
    assert pair.second.text in page.text


def test_passages_that_no_question_finds_are_listed(tmp_path):
    corpus = {"one": "Only this page knows wombats.", "two": "Nobody asks for the numbat."}
    folder = collection(tmp_path / "toy", corpus, {"q": "wombats"}, {"q": "one"})
    done = evaluate(folder, ["P@1"], inspect=True)
    assert (done.inspection.unfound, [p.name for p in done.inspection.unfound_listed]) == (1, ["two#1"])
    page = Page(report.of_evaluations([done]))
    assert "1 of 2 passages are among the first ten of no question" in page.text
    assert "Nobody asks for the numbat." in page.text
    assert "None: every question got a perfect value." in page.text


def test_equal_passages_far_apart_are_found(tmp_path):
    # further apart than the blocks in which passages are held against each other
    corpus = {f"d{n}": f"unique{n} word{n} page{n}" for n in range(600)} | {"copy": "unique0 word0 page0"}
    folder = collection(tmp_path / "toy", corpus, {"q": "unique0"}, {"q": "d0"})
    found = evaluate(folder, ["P@1"], inspect=True).inspection
    assert [(d.first.name, d.second.name, d.questions) for d in found.duplicates] == [("d0#1", "copy#1", 1)]
    assert found.duplicates[0].cosine == pytest.approx(1.0)
    assert (found.unfound, len(found.unfound_listed)) == (599, inspection.LISTED)


def test_without_looking_there_is_nothing_about_duplicates(toy):
    done = evaluate(toy, ["P@1"])
    assert done.inspection is None
    assert "nearly the same" not in report.of_evaluations([done])


def test_the_worst_questions_come_worst_first(done):
    listed = report.worst(done)
    values = [done.values["nDCG@10"][m.question_id] for m in listed]
    assert values == sorted(values)
    assert all(value < 1.0 for value in values)
    assert {m.question_id for m in listed} == {q for q, value in done.values["nDCG@10"].items() if value < 1.0}


def test_the_command_line_writes_both_reports(toy, done, tmp_path, run_ketaqa):
    page, run = tmp_path / "evaluation.html", tmp_path / "a.run"
    said = run_ketaqa("evaluate", str(toy), "--measures", "P@1", "--report", str(page), "--run-out", str(run))
    assert (said.returncode, said.stderr) == (0, "")
    assert HOSTILE in assert_needs_nothing_but_itself(page.read_text(encoding="utf-8")).text
    write_run({"q1": [("lonely", 1.0)]}, tmp_path / "b.run")
    words = ["compare", str(run), str(tmp_path / "b.run"), "--qrels", str(toy / "qrels" / "test.tsv"), "--collection", str(toy)]
    said = run_ketaqa(*words, "--report", str(tmp_path / "comparison.html"))
    assert (said.returncode, said.stderr) == (0, "")
    text = assert_needs_nothing_but_itself((tmp_path / "comparison.html").read_text(encoding="utf-8")).text
    assert PAGES["lonely"] in text
    assert QUERIES["q1"][0] in text
