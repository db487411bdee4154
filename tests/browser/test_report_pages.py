"""Reports opened from the disk: a quiet page, no request but for itself, and room enough on a phone."""

import json

import pytest

from ketaqa.evaluation import report
from ketaqa.evaluation.compare import compare
from ketaqa.evaluation.evaluate import evaluate, settings

expect = pytest.importorskip("playwright.sync_api").expect

HOSTILE = (
    "Ermine <script>window.owned=1</script><img src='//evil.test/a.png' onerror='window.owned=2'><svg onload=window.owned=3>"
)
# a name as long as an address, and words as long as a line: nothing of them may push the page wide
LONG = "https://documents.example.org/" + "a-very-long-name-without-any-blank" * 5
PAGES = {LONG: f"The bladder can be harmed. {'bladder' * 40}", "ermine": HOSTILE, "cost": "A session costs 400 dollars."}
QUERIES = {
    "q1": ("bladder harm", LONG),
    "q2": (f"{HOSTILE} ermine", "cost"),
    "q3": ("bladder " + "w" * 300, "ermine"),
    "q4": ("cost of a session", "cost"),
}
PHONES = [320, 360, 390]
WIDE = """() => [document.documentElement.scrollWidth, window.innerWidth,
    [...document.querySelectorAll('main > *, .sides > *, .figures > *')].filter(e => e.scrollWidth > e.clientWidth + 1
        || e.getBoundingClientRect().right > window.innerWidth + 1).map(e => `${e.localName}.${e.className}`)]"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The report of an evaluation, of a sweep and of a comparison, as files."""
    folder = tmp_path_factory.mktemp("reports")
    toy = folder / "toy"
    (toy / "qrels").mkdir(parents=True)
    rows = {
        "corpus": [{"_id": name, "title": "", "text": text} for name, text in PAGES.items()],
        "queries": [{"_id": name, "text": text} for name, (text, _) in QUERIES.items()],
        "unanswerable": [{"_id": "u1", "text": "offside rule"}],
    }
    for name, lines in rows.items():
        (toy / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    judged = "".join(f"{name}\t{doc_id}\t1\n" for name, (_, doc_id) in QUERIES.items())
    (toy / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{judged}")
    done = evaluate(toy, inspect=True)
    runs = {"first.run": done.run, f"{'long-name-' * 8}.run": {"q1": [("ermine", 1.0)], "q2": [("ermine", 2.0), ("cost", 1.0)]}}
    questions = {name: text for name, (text, _) in QUERIES.items()}
    sweep = [done, evaluate(toy, setting=settings(["passage_length=30"])[0], inspect=True)]
    sources = {
        "evaluation": report.of_evaluations([done]),
        "sweep": report.of_evaluations(sweep),
        "comparison": report.of_comparison(compare(runs, done.qrels), runs, done.qrels, PAGES, questions),
    }
    for name, source in sources.items():
        (folder / f"{name}.html").write_text(source, encoding="utf-8")
    return {name: (folder / f"{name}.html").as_uri() for name in sources}


@pytest.fixture(params=["evaluation", "sweep", "comparison"])
def opened(request, browser_page, pages):
    """A report in the browser; when the test is done, it must have been quiet and asked for nothing but its file."""
    said, asked = [], []
    browser_page.on("console", lambda message: said.append((message.type, message.text)))
    browser_page.on("pageerror", lambda error: said.append(("error", str(error))))
    browser_page.on("request", lambda one: asked.append(one.url))
    browser_page.goto(pages[request.param])
    yield browser_page
    assert browser_page.evaluate("window.owned") is None
    assert said == []
    assert asked == [pages[request.param]]


def test_a_report_is_complete_quiet_and_asks_for_nothing_else(opened):
    expect(opened.locator("h1")).to_be_visible()
    expect(opened.locator("table").first).to_be_visible()
    assert opened.locator("svg").count() > 0
    for drawn in opened.locator("svg").all():
        box = drawn.bounding_box()
        assert box["width"] > 150
        assert box["height"] > 80
    for summary in opened.locator("summary").all():
        summary.click()
    expect(opened.locator("details:not([open])")).to_have_count(0)


def test_a_strangers_words_are_shown_as_text(opened):
    texts = opened.locator(".text").evaluate_all("all => all.map(e => e.textContent)")
    assert HOSTILE in texts
    assert f"{HOSTILE} ermine" in opened.locator("h3").evaluate_all("all => all.map(e => e.textContent)")
    expect(opened.locator("img, script, iframe, svg[onload]")).to_have_count(0)


@pytest.mark.parametrize("width", PHONES)
def test_a_phone_needs_no_sideways_scrolling(opened, width):
    opened.set_viewport_size({"width": width, "height": 780})
    scrolled, shown, wide = opened.evaluate(WIDE)
    assert scrolled <= shown, wide


def test_what_scrolls_can_be_reached_with_the_keyboard(opened):
    opened.set_viewport_size({"width": 390, "height": 780})
    unreachable = opened.evaluate(
        """() => [...document.querySelectorAll('main *')].filter(e => e.checkVisibility())
            .filter(e => ['auto', 'scroll'].includes(getComputedStyle(e).overflowX)
                || ['auto', 'scroll'].includes(getComputedStyle(e).overflowY))
            .filter(e => (e.scrollHeight > e.clientHeight + 1 || e.scrollWidth > e.clientWidth + 1) && e.tabIndex < 0)
            .map(e => e.className + ' ' + e.textContent.slice(0, 60))"""
    )
    assert unreachable == []
