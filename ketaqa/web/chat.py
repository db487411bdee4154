"""The Gradio chat. Its messages are escaped HTML in which no character is left that Markdown could read."""

import html as entities
import re
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio
import gradio as gr
import gradio.queueing
import gradio.route_utils
import gradio.routes

from ketaqa import confidence
from ketaqa.conversation import Message
from ketaqa.errors import KetaqaError
from ketaqa.pipeline import KetaQA
from ketaqa.web import html

TITLE = "KetaQA"
DESCRIPTION = (
    "Ask a question. The answer is a passage from the documents, word for word, with its source, or an honest "
    "“nothing here answers that”. General information, not medical advice, and no help in an emergency: if life is in "
    "danger, call the emergency number now."
)
EXAMPLES = [
    "What is ketamine?",
    "How fast does ketamine work for depression?",
    "What are the side effects?",
    "Is it legal in the UK?",
]
CSS = """
h1 { font-family: system-ui, sans-serif !important; }
.kq-question { white-space: pre-wrap; overflow-wrap: anywhere; }
.kq-answer { line-height: 1.55; }
.kq-passage { white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: isolate; margin: 0 0 .75em; padding: 0 0 0 .9em;
  border-inline-start: 3px solid #2563eb; }
.kq-passage mark { background: #fde68a; color: #111827; padding: .1em 0; }
.kq-citation { font-size: .9em; margin: 0 0 .35em; }
.kq-references { font-size: .85em; }
.kq-references ol { margin: .4em 0 0; padding-inline-start: 1.6em; list-style: decimal; }
.kq-references li { margin-bottom: .3em; overflow-wrap: anywhere; }
.kq-answer a { text-decoration: underline; }
.kq-notice { border: 1px solid #9ca3af; border-radius: 8px; padding: .6em .9em; margin: 0 0 .9em; font-size: .95em; }
.kq-notice p { margin: 0; }
.kq-notice ul { margin: .5em 0 0; padding-inline-start: 1.3em; list-style: disc; }
.kq-crisis, .kq-emergency { border: 2px solid #b91c1c; font-size: 1em; }
.kq-read { margin: 0 0 .6em; font-size: .9em; }
.kq-silence { margin: 0; font-style: italic; }
.kq-around { font-size: .9em; margin: 0 0 .35em; }
.kq-nearest { margin: .8em 0 0; font-size: .9em; }
.kq-nearest p { margin: 0 0 .3em; }
.kq-near { white-space: pre-wrap; overflow-wrap: anywhere; margin: .3em 0 .6em 1.1em; }
.kq-why { font-size: .85em; margin-top: .4em; }
.kq-why table { margin: .4em 0; width: auto; }
.kq-why td { padding: .1em .8em .1em 0; border: 0; overflow-wrap: anywhere; }
.kq-why td:last-child { text-align: end; white-space: nowrap; }
.kq-why p { margin: 0; }
footer { display: none !important; }
"""


SCRIPT = (Path(__file__).parent / "chat.js").read_text(encoding="utf-8")

TAG = re.compile(r"<[^>]*>")


class Quiet:
    """Stands for the module traceback inside Gradio, which prints the message of a failed event: it may hold a question."""

    def __getattr__(self, name: str) -> Any:
        return getattr(traceback, name)

    def print_exc(self, *_: Any, **__: Any) -> None:
        """Only the kind of the error."""
        kind = sys.exc_info()[0]
        sys.stderr.write(f"chat: {kind.__name__ if kind else 'error'}\n")


for _module in (gradio.queueing, gradio.routes, gradio.route_utils):
    setattr(_module, "traceback", Quiet())  # noqa: B010  # the type checker knows no such name there


def chat(qa: KetaQA, examples: Sequence[str]) -> gr.Blocks:
    """The chat over an index. Nothing is stored, logged or sent elsewhere; the conversation lives in the page."""

    def respond(question: str, history: list[dict[str, Any]], least: float) -> tuple[str, list[dict[str, Any]]]:
        if not question.strip():
            return "", history
        try:
            found = qa.ask(question, user_messages(history), answer_or_silence=least)
            reply = html.answer(found, qa.why(found), qa.index.around(found.passage) if found.passage else ())
        except KetaqaError as error:
            reply = html.refusal(str(error))
        said = {"role": "user", "content": html.question(question)}
        return "", [*history, said, {"role": "assistant", "content": reply}]

    def example(history: list[dict[str, Any]], least: float, chosen: gr.SelectData) -> tuple[str, list[dict[str, Any]]]:
        return respond(chosen.value["text"], history, least)

    blocks = gr.Blocks(title=TITLE, analytics_enabled=False, fill_height=True)
    with blocks:
        gr.Markdown(f"# {TITLE}\n\n{DESCRIPTION}")
        log = gr.Chatbot(
            label="Conversation",
            show_label=False,
            examples=[{"text": e} for e in examples] or None,
            latex_delimiters=[],
            allow_tags=False,
            buttons=[],
            autoscroll=False,  # chat.js scrolls to the beginning of an answer, not to its end
            height="62vh",
            layout="panel",
        )
        box = gr.Textbox(
            label="Your question",
            placeholder="Type a question and press Enter",
            submit_btn="Ask",
            lines=1,
            max_lines=6,
        )
        with gr.Accordion("Answer or silence", open=False):
            least = qa.config.answer_or_silence
            label = "Show an answer from this confidence on"
            dial = gr.Slider(0.0, 1.0, value=least, step=0.05, label=label, info=confidence.promise(least))
        # "private": no endpoint of Gradio's interface; programs have /v1/ask
        wiring: dict[str, Any] = {"outputs": [box, log], "api_visibility": "private", "show_progress": "hidden"}
        box.submit(respond, [box, log, dial], concurrency_limit=None, **wiring)
        log.example_select(example, [log, dial], concurrency_limit=None, **wiring)
        wiring |= {"outputs": [dial]}
        dial.release(lambda value: gr.Slider(info=confidence.promise(value)), [dial], **wiring)
    return blocks


def user_messages(history: Sequence[dict[str, Any]]) -> list[Message]:
    """Gradio's history as plain messages: what the reader typed, in order."""
    messages: list[Message] = []
    for message in history:
        content = message.get("content")
        parts = content if isinstance(content, list) else [content]
        texts = [p if isinstance(p, str) else p.get("text") for p in parts if isinstance(p, (str, dict))]
        text = entities.unescape(TAG.sub("", " ".join(t for t in texts if isinstance(t, str))))
        if message.get("role") == "user" and text.strip():
            messages.append({"role": "user", "content": text})
    return messages
