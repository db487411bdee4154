"""The page that measures, in a real browser: pick or upload a collection, see the table and the plots, take the files along."""

import json
from pathlib import Path

import httpx
import pytest

from ketaqa.evaluation.evaluate import evaluate
from ketaqa.evaluation.trec import write_run

expect = pytest.importorskip("playwright.sync_api").expect

CORPUS = {"d1": "Ketamine can harm the bladder.", "d2": "A session costs 400 dollars.", "d3": "The spray is given in a clinic."}
# what Gradio's own script says in the console at every upload
GRADIO_UPLOAD = ("warning", "Method not implemented.")
QUERIES = {"q1": ("bladder harm", "d1"), "q2": ("what does a session cost", "d3"), "q3": ("spray in a clinic", "d3")}
MEASURES = ["nDCG@10", "RR@10", "R@100", "P@1"]


def files(queries=QUERIES):
    """A small collection by file name."""
    rows = [{"_id": name, "title": "", "text": text} for name, text in CORPUS.items()]
    asked = [{"_id": name, "text": text} for name, (text, _) in queries.items()]
    judged = "".join(f"{name}\t{doc_id}\t1\n" for name, (_, doc_id) in queries.items())
    return {
        "corpus.jsonl": "".join(json.dumps(row) + "\n" for row in rows),
        "queries.jsonl": "".join(json.dumps(row) + "\n" for row in asked),
        "test.tsv": f"query-id\tcorpus-id\tscore\n{judged}",
    }


def upload(found):
    return [{"name": name, "mimeType": "text/plain", "buffer": text.encode()} for name, text in found.items()]


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    folder = tmp_path_factory.mktemp("collections") / "toy"
    (folder / "qrels").mkdir(parents=True)
    (folder.parent / "not a collection").mkdir()
    for name, text in files().items():
        (folder / ("qrels" if name == "test.tsv" else "") / name).write_text(text)
    return folder


@pytest.fixture(scope="module")
def measured(toy):
    return evaluate(toy, MEASURES)


@pytest.fixture(scope="module")
def bench(toy, serve):
    with serve(KETAQA_EVALUATE_PAGE="true", KETAQA_COLLECTIONS=str(toy.parent)) as running:
        yield running


@pytest.fixture
def page(browser_page, bench):
    """The page; when the test is done, it must have been quiet and have asked no other host."""
    said, asked = [], []
    browser_page.on("console", lambda message: said.append((message.type, message.text)))
    browser_page.on("pageerror", lambda error: said.append(("error", str(error))))
    browser_page.on("request", lambda request: asked.append(request.url))
    browser_page.goto(f"{bench.url}/evaluate/")
    expect(browser_page.get_by_role("heading", name="How good is the ranking?")).to_be_visible()
    yield browser_page
    assert [one for one in said if one[0] in ("error", "warning") and one != GRADIO_UPLOAD] == []
    assert len(asked) > 5
    assert [url for url in asked if not url.startswith((f"{bench.url}/", "data:", f"blob:{bench.url}/"))] == []


def measure(page):
    page.get_by_role("button", name="Measure").click()


def shown(page):
    """The rows of the table, when the files to take along are there."""
    expect(page.get_by_text("Download the run")).to_be_visible()
    expect(page.get_by_text("Download the report")).to_be_visible()
    rows = page.get_by_role("row").filter(has=page.get_by_role("gridcell"), has_text="@")
    expect(rows.first).to_be_visible()
    return [[cell.inner_text().strip() for cell in row.get_by_role("gridcell").all()] for row in rows.all()]


def taken(page, label):
    with page.expect_download() as download:
        page.get_by_text(label).click()
    return download.value.suggested_filename, Path(download.value.path()).read_text(encoding="utf-8")


def figures_of(done):
    return {name: (f"{m.value:.4f}", f"{m.ci95[0]:.4f} to {m.ci95[1]:.4f}") for name, m in done.measures.items()}


def test_a_collection_on_the_server_is_measured(page, measured, tmp_path):
    expect(page.get_by_role("radio")).to_have_count(2)
    names = page.get_by_role("radio").evaluate_all("all => all.map(one => one.value)")
    assert names == ["the shipped documents", "toy"]
    page.get_by_label("toy").check()
    measure(page)
    rows = {row[0]: row[1:] for row in shown(page)}
    assert {name: tuple(cells[:2]) for name, cells in rows.items()} == figures_of(measured)
    assert all(cells[2].endswith(".") for cells in rows.values()), "each measure says what it means"
    # a plot for each measure, and one of the times
    plots = page.locator("img[src^='data:image/']").filter(visible=True)
    expect(plots).to_have_count(len(MEASURES) + 1)
    for drawn in plots.all():
        assert drawn.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100

    write_run(measured.run, tmp_path / "toy.run")
    assert taken(page, "Download the run") == ("toy.run", (tmp_path / "toy.run").read_text())
    name, source = taken(page, "Download the report")
    assert name == "toy.html"
    assert source.startswith("<!doctype html>")
    assert "toy: how good is the ranking?" in source


def test_a_small_collection_is_uploaded_and_measured(page):
    one = {"q1": QUERIES["q1"], "q3": QUERIES["q3"]}
    page.locator("input[type=file]").first.set_input_files(upload(files(one)))
    expect(page.get_by_text("queries").first).to_be_visible()
    page.get_by_label("Measures, as ir-measures names them").fill("P@1 Success@3")
    measure(page)
    assert [row[:3] for row in shown(page)] == [[name, "1.0000", "1.0000 to 1.0000"] for name in ("P@1", "Success@3")]
    _, run = taken(page, "Download the run")
    assert {line.split()[0] for line in run.splitlines()} == {"q1", "q3"}


def test_documents_with_quotes_are_uploaded_and_measured(page):
    row = {"question_id": "s1", "question": "bladder harm", "answers": [{"doc_id": "notes.md", "quote": "harm the bladder"}]}
    found = {"notes.md": "# Bladder\n\nKetamine can harm the bladder.\n", "questions.jsonl": json.dumps(row) + "\n"}
    page.locator("input[type=file]").first.set_input_files(upload(found))
    expect(page.get_by_text("questions").first).to_be_visible()
    page.get_by_label("Measures, as ir-measures names them").fill("P@1")
    measure(page)
    assert [row[:2] for row in shown(page)] == [["P@1", "1.0000"]]


MALFORMED = {
    "bad JSON": (
        files() | {"queries.jsonl": '{"_id": "q1", "text": "fine"}\nnot json\n'},
        ["queries.jsonl: line 2 is not JSON"],
    ),
    "unknown document": (files() | {"test.tsv": "query-id\tcorpus-id\tscore\nq1\td9\t1\n"}, ["line 2 judges document 'd9'"]),
    "tabs missing": (files() | {"test.tsv": "query-id\tcorpus-id\tscore\nq1d11\n"}, ["line 2 is not a judgement", "with tabs"]),
    "a part": ({"corpus.jsonl": files()["corpus.jsonl"]}, ["queries.jsonl: can't be read", "name a file that is there"]),
    "no collection": ({"notes.txt": "Nothing is asked of this."}, ["no collection there", "queries.jsonl"]),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_upload_is_refused_with_its_line_and_remedy(page, name):
    found, said = MALFORMED[name]
    page.locator("input[type=file]").first.set_input_files(upload(found))
    expect(page.get_by_text(next(iter(found)).split(".")[0]).first).to_be_visible()
    measure(page)
    error = page.get_by_test_id("toast-body")
    expect(error).to_be_visible()
    for part in said:
        expect(error).to_contain_text(part)
    expect(page.get_by_text("Download the run")).to_have_count(0)


@pytest.mark.parametrize("name", ["Best@1", "P", "alpha_nDCG@10"])
def test_an_unusable_measure_is_refused_by_name(page, name):
    page.get_by_label("toy").check()
    page.get_by_label("Measures, as ir-measures names them").fill(name)
    measure(page)
    expect(page.get_by_test_id("toast-body")).to_contain_text(f"'{name}'")


def test_markup_in_an_upload_stays_text(page):
    hostile = "<img src=//evil.test/a.png onerror='window.owned=1'>"
    found = files() | {
        "queries.jsonl": json.dumps({"_id": hostile, "text": "x"}) + "\n" + json.dumps({"_id": hostile, "text": "y"})
    }
    page.locator("input[type=file]").first.set_input_files(upload(found))
    expect(page.get_by_text("queries").first).to_be_visible()
    measure(page)
    error = page.get_by_test_id("toast-body")
    expect(error).to_contain_text("line 2 repeats _id")
    expect(error).to_contain_text("onerror='window.owned=1'")
    assert page.evaluate("window.owned") is None
    expect(page.locator("img[src*='evil.test']")).to_have_count(0)


def test_the_page_is_off_by_default(server, bench):
    with httpx.Client(trust_env=False) as client:
        for path in ("/evaluate", "/evaluate/", "/evaluate/gradio_api/upload", "/evaluate/config"):
            assert client.get(f"{server.url}{path}").status_code == 404, path
            assert client.post(f"{server.url}{path}", json={}).status_code in (404, 405), path
        assert client.get(f"{bench.url}/evaluate/").status_code == 200
        assert client.get(f"{bench.url}/chat/").status_code == 200


def test_nothing_of_a_visit_is_left_in_what_the_server_prints(page, bench):
    page.get_by_label("toy").check()
    measure(page)
    shown(page)
    assert "bladder harm" not in bench.output()
    assert "Traceback" not in bench.output()
