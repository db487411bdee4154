"""The chat as a reader meets it, in a real browser against the real server."""

import httpx
import pytest

from ketaqa.web import html
from ketaqa.web.html import escape

expect = pytest.importorskip("playwright.sync_api").expect

FAST = "How fast does ketamine work for depression?"
TYPED = "5*3*2 _x_ <b>bold</b> $y$ `z`  two  spaces &amp; ketamine 👩🏽‍⚕️"
DOZEN = [
    "What is ketamine?",
    FAST,
    "What are the side effects?",
    "Is it legal in the UK?",
    "What is ketamine cystitis?",
    "How does Spravato work?",
    "What did the FDA warn about compounded ketamine?",
    "How is ketamine given?",
    "Can I drive after ketamine treatment?",
    "What is treatment-resistant depression?",
    "Does ketamine help with PTSD?",
    "How much does ketamine treatment cost?",
]


class Watch:
    """What a page said and asked for since it was opened."""

    def __init__(self, page):
        self.said, self.asked = [], []
        page.on("console", lambda message: self.said.append((message.type, message.text)))
        page.on("pageerror", lambda error: self.said.append(("error", str(error))))
        page.on("request", lambda request: self.asked.append(request.url))


@pytest.fixture
def watch(browser_page):
    return Watch(browser_page)


@pytest.fixture
def chat(browser_page, watch, server):
    browser_page.goto(f"{server.url}/chat/")
    return browser_page


@pytest.fixture(scope="module")
def api(server):
    """api(question, ...): the answer of POST /v1/ask."""
    with httpx.Client(base_url=server.url, trust_env=False) as client:

        def ask(question, *before):
            history = [{"role": "user", "content": content} for content in before]
            reply = client.post("/v1/ask", json={"question": question, "history": history})
            assert reply.status_code == 200, reply.text
            return reply.json()

        yield ask


def ask(page, question, button=False):
    """Ask, and give back the answer that appears."""
    answers = page.locator(".kq-answer")
    before = answers.count()
    box = page.get_by_label("Your question")
    box.fill(question)
    if button:
        page.get_by_role("button", name="Ask").click()
    else:
        box.press("Enter")
    expect(answers).to_have_count(before + 1)
    return answers.last


def text_of(locator):
    return locator.evaluate("element => element.textContent")


@pytest.mark.parametrize("button", [False, True], ids=["Enter", "button"])
def test_a_question_is_answered_word_for_word(chat, api, button):
    answer = ask(chat, FAST, button)
    passage = api(FAST)["passage"]
    assert text_of(answer.locator(".kq-passage")) == passage["text"]
    assert text_of(answer.locator("mark")) == "".join(p["text"] for p in passage["pieces"] if p["highlight"])
    expect(answer.locator("mark")).to_be_visible()
    assert text_of(chat.locator(".kq-question")) == FAST
    expect(chat.get_by_label("Your question")).to_have_value("")


def test_the_passage_comes_with_its_citation_and_references(chat, api):
    answer, citation = ask(chat, FAST), api(FAST)["citation"]
    assert text_of(answer.locator("cite")) == citation["text"]
    expect(answer.locator(".kq-citation")).to_be_visible()
    assert len(citation["references"]) > 0
    answer.locator(".kq-references summary").click()
    rows = answer.locator("li")
    expect(rows).to_have_count(len(citation["references"]))
    for row, reference in zip(rows.all(), citation["references"], strict=True):
        expect(row).to_be_visible()
        assert text_of(row) == f"{reference['text']} {reference['url']}"
        link = row.locator("a")
        assert link.get_attribute("href") == reference["url"]
        assert set(link.get_attribute("rel").split()) == {"noopener", "noreferrer"}
        assert link.get_attribute("target") == "_blank"


def test_where_nothing_answers_the_chat_says_why(chat, api):
    answer = ask(chat, "whats the offside rule")
    assert text_of(answer) == api("whats the offside rule")["reason"]
    expect(answer.locator(".kq-passage")).to_have_count(0)


@pytest.mark.parametrize("question", ["I want to kill myself", "my friend is suicidal, does ketamine help?"])
def test_help_in_a_crisis_stands_before_everything(chat, api, question):
    answer, notice = ask(chat, question), api(question)["notices"][0]
    assert notice["kind"] == "crisis"
    first = answer.locator("> *").first
    assert first.get_attribute("role") == "alert"
    expect(first.locator("p")).to_have_text(notice["text"])
    expect(first).to_be_in_viewport()
    assert [(text_of(a), a.get_attribute("href")) for a in first.locator("li a").all()] == [
        (link["text"], link["url"]) for link in notice["links"]
    ]
    assert "tel:988" in [link["url"] for link in notice["links"]]


def test_an_example_asks_its_question(chat, api):
    examples = chat.locator("button.example")
    expect(examples.nth(1)).to_be_visible()
    question = examples.nth(1).inner_text().strip()
    examples.nth(1).click()
    expect(chat.locator(".kq-answer")).to_have_count(1)
    assert text_of(chat.locator(".kq-question")) == question
    assert text_of(chat.locator(".kq-passage")) == api(question)["passage"]["text"]


def test_a_follow_up_is_understood(chat, api):
    before, question = "Is ketamine legal in the UK?", "what about Canada?"
    ask(chat, before)
    answer = ask(chat, question)
    assert text_of(answer.locator(".kq-passage")) == api(question, before)["passage"]["text"]
    assert api(question, before)["passage"] != api(question)["passage"]


def test_what_the_reader_typed_is_shown_as_typed(chat):
    for question in (TYPED, "5*3*2 _x_ <b>", "- item\n# heading\n    code", "<img src=x onerror=alert(1)> ketamine"):
        ask(chat, question)
        assert text_of(chat.locator(".kq-question").last) == question
    expect(chat.locator(".kq-question b, .kq-question img, .kq-question em")).to_have_count(0)


def test_blank_input_asks_nothing(chat):
    box = chat.get_by_label("Your question")
    box.fill("   ")
    box.press("Enter")
    expect(box).to_have_value("")
    ask(chat, "What is ketamine?")
    expect(chat.locator(".kq-question")).to_have_count(1)


def test_too_long_a_question_is_refused_by_the_server(chat):
    chat.get_by_label("Your question").evaluate("box => box.removeAttribute('maxlength')")
    answer = ask(chat, "x" * 1001)
    assert text_of(answer) == "The question has 1001 characters; ask in at most 1000."
    ask(chat, "What is ketamine?")


def test_a_visit_is_quiet_stays_on_its_server_and_leaves_nothing_behind(chat, watch, server):
    for question in (FAST, "whats the offside rule", "I want to kill myself", TYPED):
        ask(chat, question)
    chat.locator(".kq-references summary").first.click()
    stored = chat.evaluate(
        """async () => JSON.stringify([
            Object.entries(localStorage), Object.entries(sessionStorage), document.cookie, await indexedDB.databases()])"""
    )
    for word in ("fast", "offside", "kill", "5*3*2", "depression"):
        assert word not in stored
    chat.reload()
    expect(chat.get_by_label("Your question")).to_be_visible()
    expect(chat.locator(".kq-question")).to_have_count(0)
    assert [said for said in watch.said if said[0] in ("error", "warning")] == []
    assert len(watch.asked) > 5
    assert [url for url in watch.asked if not url.startswith((f"{server.url}/", "data:", f"blob:{server.url}/"))] == []
    assert [word for word in ("offside", "kill", "5*3*2") if word in server.output() + "".join(watch.asked)] == []


def test_the_keyboard_is_enough(chat):
    def focus(key, wanted):
        for _ in range(40):
            chat.keyboard.press(key)
            if chat.evaluate("wanted => document.activeElement.matches(wanted)", wanted):
                return
        pytest.fail(f"{key} does not lead to {wanted}")

    expect(chat.get_by_label("Your question")).to_be_visible()
    focus("Tab", "button.example")
    chat.keyboard.press("Enter")
    expect(chat.locator(".kq-answer")).to_have_count(1)
    focus("Tab", "textarea")
    chat.keyboard.type(FAST)
    chat.keyboard.press("Enter")
    expect(chat.locator(".kq-answer")).to_have_count(2)
    focus("Shift+Tab", ".kq-references summary")
    chat.keyboard.press("Enter")
    expect(chat.locator("details[open]")).to_have_count(1)
    focus("Tab", ".kq-references a")


def test_everything_has_a_name_that_can_be_read_aloud(chat):
    ask(chat, FAST)
    nameless = chat.evaluate(
        """() => [...document.querySelectorAll('button, a, textarea, input')].filter(e => e.checkVisibility())
            .filter(e => !(e.innerText || '').trim() && !e.getAttribute('aria-label') && !(e.labels || []).length)
            .map(e => e.outerHTML.slice(0, 200))"""
    )
    assert nameless == []
    expect(chat.get_by_role("log")).to_have_attribute("aria-live", "polite")


def test_no_markup_is_read_aloud(chat):
    ask(chat, FAST)
    for named in chat.locator("[aria-label]").all():
        assert "<" not in named.get_attribute("aria-label")


def test_a_phone_needs_no_sideways_scrolling(chat):
    chat.set_viewport_size({"width": 390, "height": 844})
    wide = (
        "() => [document.documentElement, ...document.querySelectorAll('.kq-answer, .kq-question, [role=log]')]"
        ".filter(e => e.scrollWidth > e.clientWidth).map(e => e.className || e.tagName)"
    )
    assert chat.evaluate(wide) == []
    ask(chat, FAST).locator(".kq-references summary").click()
    ask(chat, "ketamine" * 60)
    ask(chat, "I want to kill myself")
    assert chat.evaluate(wide) == []
    expect(chat.get_by_label("Your question")).to_be_in_viewport()
    expect(chat.get_by_role("button", name="Ask")).to_be_in_viewport()


def test_a_dozen_answers_are_exact_in_the_chat(chat, api):
    before = []
    for question in DOZEN:
        answer, found = ask(chat, question), api(question, *before)
        before.append(question)
        assert (found["status"], question) == ("answered", question)
        assert text_of(answer.locator(".kq-passage")) == found["passage"]["text"]


READ = """sources => sources.map(source => {
    const place = document.createElement("div");
    place.innerHTML = source;
    return place.textContent;
})"""


def test_every_shipped_passage_is_exact_in_a_browser(browser_page, shipped):
    passages = [p for document in shipped.documents() for p in shipped.passages(document.doc_id)]
    browser_page.goto("about:blank")
    shown = browser_page.evaluate(READ, [html.passage(p) for p in passages])
    assert [p.passage_id for p, text in zip(passages, shown, strict=True) if text != p.text] == []
    assert len(passages) == shipped.info.passages


def test_every_character_is_exact_in_a_browser(browser_page):
    # all of the first plane, and the ends of the others; HTML has no way to write U+0000
    numbers = [
        *range(1, 0xD800),
        *range(0xE000, 0x10000),
        *(p * 0x10000 + n for p in range(1, 17) for n in (0, 1, 0xFFFE, 0xFFFF)),
    ]
    blocks = ["".join(map(chr, numbers[at : at + 256])) for at in range(0, len(numbers), 256)]
    browser_page.goto("about:blank")
    shown = browser_page.evaluate(READ, [escape(block) for block in blocks])
    pairs = zip("".join(blocks), "".join(shown), strict=True)
    wrong = [f"U+{ord(wanted):04X} shown as U+{ord(found):04X}" for wanted, found in pairs if wanted != found]
    assert wrong == []


def test_why_a_passage_is_shown_is_one_click_away(chat):
    answer = ask(chat, "does ketamine damage the blader")
    why = answer.locator(".kq-why")
    expect(why.locator("table")).to_be_hidden()
    why.locator("summary").click()
    row = why.locator("tr", has_text="blader")
    expect(row).to_be_visible()
    expect(row).to_contain_text("in the passage, read as “bladder”")
    expect(why.locator("p")).to_contain_text("ahead of the next passage")


def test_what_comes_closest_opens_and_is_no_answer(chat, api):
    answer, near = ask(chat, "is it legal in Germany"), api("is it legal in Germany")["nearest"]
    expect(answer.locator(".kq-passage, cite")).to_have_count(0)
    closest = answer.locator(".kq-nearest details")
    expect(closest).to_have_count(len(near))
    closest.first.locator("summary").click()
    expect(closest.first.locator(".kq-near")).to_be_visible()
    assert text_of(closest.first.locator(".kq-near")) == near[0]["passage"]["text"]


def test_the_dial_trades_answers_for_silence_and_says_what_that_promises(chat):
    expect(ask(chat, "ketamine for depression").locator(".kq-passage")).to_have_count(1)
    chat.get_by_text("Answer or silence").click()
    dial = chat.get_by_role("spinbutton", name="Show an answer from this confidence on")
    expect(chat.get_by_text("of the answers shown were right")).to_contain_text("from a confidence of 0.70 on")
    dial.fill("0.9")
    dial.press("Tab")
    expect(chat.get_by_text("of the answers shown were right")).to_contain_text("from a confidence of 0.90 on")
    expect(ask(chat, "ketamine for depression").locator(".kq-passage")).to_have_count(0)


def test_a_follow_up_says_what_it_was_read_with(chat):
    ask(chat, FAST)
    expect(ask(chat, "and how long does it last?").locator(".kq-read")).to_contain_text(
        f"Read with the question before: “{FAST}”"
    )


@pytest.mark.parametrize("least", ["0", "1"])
def test_the_chat_answers_at_either_end_of_the_setting(browser_page, serve, least):
    with serve(KETAQA_ANSWER_OR_SILENCE=least) as server:
        browser_page.goto(f"{server.url}/chat/")
        expect(browser_page.get_by_label("Your question")).to_be_visible()
        passage = ask(browser_page, "ketamine for depression").locator(".kq-passage")
        expect(passage).to_have_count(1 - int(least))
