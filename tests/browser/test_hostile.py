"""Hostile documents: the chat shows their text exactly, asks no other host for anything and runs nothing."""

import re

import pytest

import ketaqa

expect = pytest.importorskip("playwright.sync_api").expect

# each asked for by a word of its own
DOCUMENTS = {
    "script": "Aardvark facts.<script>window.owned=1;document.title=''</script></blockquote><script>window.owned=2</script>",
    "image": "Badger facts. <img src='http://evil.test/a.png' onerror='window.owned=3'> ![badger](http://evil.test/b.png)",
    "form": "Caracal facts. <form action=//evil.test><input name=q><button autofocus onfocus='window.owned=4'>Go</form>",
    "frame": "Dingo facts. <iframe src='http://evil.test/'></iframe><object data=//evil.test></object><embed src=//evil.test>",
    "svg": "Ermine facts. <svg onload=window.owned=5><a xlink:href='javascript:window.owned=6'><style>@import'//evil.test'",
    "links": "Ferret facts. [a](javascript:window.owned=7) <https://evil.test> www.evil.test f@evil.test [^1]\n\n[^1]: foot",
    "maths": "Gerbil facts: 5*3*2, $x$, $$y^2$$, \\(z\\), a_b_c, **bold**, ~~gone~~, `code`, ``two``, :smile: &amp; &lt; &#42;",
    "blanks": "Hedgehog facts.\n\n    four spaces\n\n\ta tab\tand  two  spaces\n\n\n\nend",
    "lists": "Impala facts.\n\n1. one\n7. seven\n- dash\n> quoted\n| a | b |\n|---|---|\n~~~\nfence\n# heading\nline\n===",
    "bidi": "Jackal facts \u202egnp.exe\u202c \u2066isolate\u2069 \u200fعربي\u200e e\u0301 👩🏽\u200d⚕️ \ufeff\u200b\u00ad",
    "controls": "Koala facts \x01 \x07 \x1b[31m red \x7f \x0b \x0c \u2028 \u2029 \ufffe end",
    "codes": "Lemur facts \x80 \x85 \x9b \x9f end",
    "comment": "Moose facts. <!-- hidden --> <![CDATA[ x ]]> <?php y ?> <!DOCTYPE html> </div></div></body></html> <dose>",
    "style": "Newt facts. <style>*{display:none}</style><link rel=stylesheet href=//evil.test/a.css><base href=//evil.test>",
}
QUESTIONS = {name: f"{re.match(r'[A-Za-z]+', text)[0]} facts" for name, text in DOCUMENTS.items()}
FRONT = {"otter": "javascript:window.owned=8", "panda": "data:text/html,<script>top.owned=9", "quail": "//evil.test"}
# Gradio's own words when a page is reloaded while it still listens to the server
LEFT = "signal is aborted without reason"
TITLE = 'The <img src=//evil.test/title.png onerror="window.owned=10"> *{}*'


@pytest.fixture(scope="module")
def hostile(tmp_path_factory, serve):
    folder = tmp_path_factory.mktemp("hostile")
    for name, text in DOCUMENTS.items():
        (folder / f"{name}.txt").write_bytes(text.encode())
    for name, url in FRONT.items():
        front = f"---\ntitle: '{TITLE.format(name)}'\nurl: '{url}'\n---\n"
        (folder / f"{name}.md").write_text(f"{front}\nThe {name} has facts.\n", encoding="utf-8")
    index = tmp_path_factory.mktemp("index") / "hostile.index"
    assert ketaqa.build([folder], index).refused == ()
    with serve("-i", str(index)) as server:
        yield server, ketaqa.open(index)


@pytest.fixture
def visit(browser_page, hostile):
    """The chat over the hostile documents; when the test is done, nothing must have run or been fetched."""
    server, qa = hostile
    asked, said, opened = [], [], []
    browser_page.on("request", lambda request: asked.append(request.url))
    browser_page.on("console", lambda message: said.append((message.type, message.text)))
    browser_page.on("pageerror", lambda error: said.append(("error", str(error))))
    browser_page.on("dialog", lambda dialog: (opened.append(dialog.message), dialog.dismiss()))
    browser_page.on("popup", lambda page: opened.append(page.url))
    browser_page.goto(f"{server.url}/chat/")
    expect(browser_page).to_have_title("KetaQA")
    yield browser_page, qa
    assert browser_page.evaluate("window.owned") is None
    assert browser_page.title() == "KetaQA"
    assert [url for url in asked if not url.startswith((f"{server.url}/", "data:", f"blob:{server.url}/"))] == []
    assert [one for one in said if one[0] in ("error", "warning") and LEFT not in one[1]] == []
    assert opened == []


def ask(page, question):
    answers = page.locator(".kq-answer")
    before = answers.count()
    box = page.get_by_label("Your question")
    box.fill(question)
    box.press("Enter")
    expect(answers).to_have_count(before + 1)
    return answers.last


def test_hostile_passages_are_shown_exactly_and_stay_text(visit):
    page, qa = visit
    wrong = []
    for name, question in QUESTIONS.items():
        passage = qa.ask(question).passage
        assert passage.doc_id == f"{name}.txt"
        shown = ask(page, question).locator(".kq-passage")
        if shown.evaluate("element => element.textContent") != passage.text:
            wrong.append(name)
        assert passage.text in DOCUMENTS[name]
    assert wrong == []
    inside = page.locator(".kq-answer").evaluate_all(
        "all => all.flatMap(one => [...one.querySelectorAll('*')].map(e => e.localName))"
    )
    table = {"details", "summary", "table", "tbody", "tr", "td"}  # why it is shown
    assert set(inside) <= {"blockquote", "mark", "span", "p", "cite"} | table


def test_hostile_questions_are_shown_exactly_and_stay_text(visit):
    page, _ = visit
    wrong = []
    for name, question in DOCUMENTS.items():
        ask(page, question)
        shown = page.locator(".kq-question").last.evaluate("element => element.textContent")
        if shown != question:
            wrong.append(name)
    assert wrong == []
    expect(page.locator(".kq-question *")).to_have_count(0)


def test_a_hostile_address_in_the_front_matter_is_no_link(visit):
    page, qa = visit
    for name, url in FRONT.items():
        answer = ask(page, f"{name} facts")
        citation = qa.ask(f"{name} facts").citation
        assert (citation.doc_id, citation.url) == (f"{name}.md", url)
        assert answer.locator("cite").evaluate("element => element.textContent") == citation.text
        expect(answer.locator("a, img")).to_have_count(0)


def test_a_reloaded_chat_has_forgotten_hostile_turns(visit):
    page, _ = visit
    ask(page, QUESTIONS["script"])
    page.reload()
    expect(page.get_by_label("Your question")).to_be_visible()
    expect(page.locator(".kq-answer")).to_have_count(0)
