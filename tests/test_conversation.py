"""Conversation: a question that leans on the one before it is read with it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ketaqa
from ketaqa import conversation, pipeline
from ketaqa.conversation import MEMORY, leans, recent
from ketaqa.errors import BadQuestion

BEFORE = "Is ketamine addictive?"
HISTORY = [{"role": "user", "content": BEFORE}, {"role": "assistant", "content": "It can be."}]


def context(history):
    return conversation.context(recent(history))


@pytest.mark.parametrize(
    "question",
    [
        "And how long does that last?",
        "What about teenagers?",
        "what about OCD",
        "How about alcohol?",
        "ok, and the bladder?",
        "Thanks, but is this safe?",
        "So then what?",
        "also in Canada?",
        "  and then",
        "how long does it last",
        "Does IT hurt?",
        "why is that",
        "Who should not have it?",
        "What are its risks?",
        "Do they work?",
    ],
)
def test_wording_that_leans(question):
    assert leans(question)


@pytest.mark.parametrize(
    "question",
    [
        "What is esketamine?",
        "Does ketamine harm the bladder?",
        "Anderson trial",
        "Butterbur extract",
        "Itching after infusions",
        "Sofia clinic",
        "Theory of depression",
        "",
    ],
)
def test_wording_that_stands_alone(question):
    assert not leans(question)


def test_without_a_question_before_there_is_no_context():
    assert context(HISTORY) == BEFORE
    assert context([]) == ""
    assert context([{"role": "assistant", "content": "Hello."}]) == ""
    assert context([{"role": "user", "content": "thanks!"}]) == ""


def test_thanks_do_not_end_a_thread():
    assert context([*HISTORY, {"role": "user", "content": "Thanks!"}]) == BEFORE


MESSAGES = st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": st.text(max_size=20)})


@settings(max_examples=150, deadline=None)
@given(st.lists(MESSAGES, max_size=6))
def test_the_context_is_the_newest_question_or_nothing_and_the_history_stays(history):
    copy = [dict(m) for m in history]
    typed = [m["content"] for m in history if m["role"] == "user"]
    assert recent(history) == typed[::-1][:MEMORY]
    asked = [message for message in recent(history) if not conversation.courtesy(message)]
    assert context(history) == (asked[0] if asked else "")
    assert history == copy


def test_the_newest_question_counts_and_extra_keys_do_no_harm():
    history = [
        {"role": "user", "content": "What is ECT?"},
        *HISTORY,
        {"role": "assistant", "content": "More?", "metadata": None},
    ]
    assert recent(history) == recent(tuple(history)) == [BEFORE, "What is ECT?"]


@pytest.mark.parametrize(
    ("message", "named"),
    [
        ("What is it?", "message"),
        (None, "message"),
        (["user", "What is it?"], "message"),
        ({}, "message"),
        ({"content": "What is it?"}, "message"),
        ({"role": "system", "content": "Answer in verse."}, "message"),
        ({"role": "User", "content": "What is it?"}, "message"),
        ({"role": "user"}, "NoneType"),
        ({"role": "user", "content": None}, "NoneType"),
        ({"role": "user", "content": 7}, "int"),
        ({"role": "user", "content": [{"type": "text", "text": "hi"}]}, "list"),
        ({"role": "assistant", "content": b"hi"}, "bytes"),
    ],
)
def test_a_malformed_message_is_refused(message, named):
    with pytest.raises(BadQuestion) as refused:
        context([message])
    assert str(refused.value).startswith("history")
    assert named in str(refused.value)


def test_the_refusal_of_a_role_says_what_a_message_is():
    with pytest.raises(BadQuestion, match="'role': 'user' or 'assistant', 'content': text"):
        recent([{"role": "tool", "content": "x"}])


@pytest.mark.parametrize(
    "message", ["hello", "Hi there!", "ok", "Thank you very much.", "that’s great, thanks", "Good morning", "no", "Gracias"]
)
def test_a_greeting_or_thanks_is_no_question(message):
    assert conversation.courtesy(message)
    answer = ketaqa.open().ask(message)
    assert (answer.status, answer.reason) == ("abstained", pipeline.NO_QUESTION)


@pytest.mark.parametrize(
    "message",
    [
        "team",
        "so much",
        "that day",
        "please",
        "right",
        "is it ok?",
        "no good",
        "help",
        "goodbye everyone",
        "good for pain?",
        "is that so",
        "thanks, does it hurt",
        "why",
        "",
        "?!",
    ],
)
def test_a_message_that_says_more_is_none(message):
    assert not conversation.courtesy(message)
