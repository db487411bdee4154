"""Embedding: a page of an allowed origin frames the chat and calls the interface, a page of another origin does neither."""

import json

import pytest

expect = pytest.importorskip("playwright.sync_api").expect

QUESTION = "What is ketamine?"
FETCH = """async ([url, question]) => {
    const request = {method: "POST", headers: {"Content-Type": "application/json"}, body: JSON.stringify({question})};
    try {
        const reply = await fetch(url + "/v1/ask", request);
        return (await reply.json()).status;
    } catch (error) {
        return String(error);
    }
}"""


def framing(server):
    return f'<!doctype html><title>A page</title><h1>A page</h1><iframe title="Chat" src="{server.url}/chat/"></iframe>'


def test_an_allowed_page_frames_the_chat_and_a_question_is_answered_inside(browser_page, server, allowed_pages, shipped):
    said = []
    browser_page.on("console", lambda message: said.append((message.type, message.text)))
    allowed_pages.page = framing(server)
    browser_page.goto(f"{allowed_pages.origin}/help")
    frame = browser_page.frame_locator("iframe")
    box = frame.get_by_label("Your question")
    box.fill(QUESTION)
    box.press("Enter")
    passage = frame.locator(".kq-passage")
    expect(passage).to_have_count(1)
    assert passage.evaluate("element => element.textContent") == shipped.ask(QUESTION).passage.text
    assert [one for one in said if one[0] in ("error", "warning")] == []
    assert browser_page.url == f"{allowed_pages.origin}/help", "the frame leaves its page alone"


def test_a_foreign_page_gets_a_blocked_frame(browser_page, server, foreign_pages):
    said = []
    browser_page.on("console", lambda message: said.append(message.text))
    foreign_pages.page = framing(server)
    with browser_page.expect_console_message(lambda message: "frame-ancestors" in message.text) as blocked:
        browser_page.goto(f"{foreign_pages.origin}/help")
    assert blocked.value.type == "error"
    expect(browser_page.get_by_role("heading", name="A page")).to_be_visible()
    expect(browser_page.frame_locator("iframe").get_by_label("Your question")).to_have_count(0)
    inside = [frame.url for frame in browser_page.frames if frame != browser_page.main_frame]
    assert inside == ["chrome-error://chromewebdata/"]


def test_only_an_allowed_page_reads_answers_by_script(browser_page, server, allowed_pages, foreign_pages):
    allowed_pages.page = foreign_pages.page = "<!doctype html><title>A page</title>"
    browser_page.goto(allowed_pages.origin)
    assert browser_page.evaluate(FETCH, [server.url, QUESTION]) == "answered"
    browser_page.goto(foreign_pages.origin)
    assert browser_page.evaluate(FETCH, [server.url, QUESTION]) == "TypeError: Failed to fetch"


def test_an_allowed_page_can_choose_the_theme(browser_page, server, allowed_pages):
    shades = {}
    for theme in ("light", "dark"):
        allowed_pages.page = framing(server).replace("/chat/", f"/chat/?__theme={theme}")
        browser_page.goto(allowed_pages.origin)
        box = browser_page.frame_locator("iframe").get_by_label("Your question")
        expect(box).to_be_visible()
        shades[theme] = box.evaluate("element => getComputedStyle(element).color")
    assert shades["light"] != shades["dark"], json.dumps(shades)
