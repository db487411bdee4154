"""The command line: `ketaqa index`, `ask`, `search`, `verify`, `passages`, `serve`, `evaluate`, `compare`, `gate`.

Exit status: 0 done, 1 `ask` abstained, `verify` found a change or `gate` failed, 2 refused (one line on standard error). Heavy
rooms are imported by the command that needs them.
"""

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ketaqa import config, measuring, terminal
from ketaqa.errors import KetaqaError
from ketaqa.measuring import EncoderOption, JsonOption

if TYPE_CHECKING:
    from ketaqa.pipeline import KetaQA

app = typer.Typer(
    name="ketaqa",
    help="Ask a set of documents; get the passage that answers best, word for word, with its citation.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

IndexOption = Annotated[str, typer.Option("-i", "--index", help="Index to use; without it the shipped documents answer.")]


@app.command(epilog='Example: ketaqa index docs/ notes.txt -o my.index, then: ketaqa ask "..." -i my.index')
def index(
    sources: Annotated[list[str], typer.Argument(help="Files, folders, or a BEIR corpus.jsonl.")],
    out: Annotated[str, typer.Option("-o", "--out", help="Where to write the index, a folder.")],
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes that read files.")] = 1,
    passage_length: Annotated[
        int, typer.Option(min=20, max=2000, help="Length of a passage to aim at, in words.")
    ] = config.PASSAGE_LENGTH,
    encoder: EncoderOption = "",
) -> None:
    """Read documents and write an index; one that is there is replaced when all is done."""
    from ketaqa.builder import build

    with terminal.progress() as tell:
        report = build(
            sources,
            out,
            workers=workers,
            passage_length=passage_length,
            encoder=encoder,
            progress=tell,
        )
    for refusal in report.refused:
        print(terminal.line(f"refused {refusal.source}: {refusal.reason}"), file=sys.stderr)
    if 0 < report.vectors < report.passages:
        from ketaqa.encoder import CURE

        lacking = report.passages - report.vectors
        print(f"{lacking} passages have no vector and are found by their words alone; {CURE} makes them", file=sys.stderr)
    count = len(report.refused)
    refused = f", {count} {'file' if count == 1 else 'files'} refused" if count else ""
    documents = "1 document" if report.documents == 1 else f"{report.documents} documents"
    unchanged = f", {report.unchanged} {'file' if report.unchanged == 1 else 'files'} unchanged" if report.unchanged else ""
    print(f"{documents}, {report.passages} passages, {report.terms} terms{refused}{unchanged} -> {out}")


@app.command(epilog='Example: ketaqa ask "How fast does ketamine work for depression?"')
def ask(
    question: Annotated[str, typer.Argument(help="The question, in quotation marks.")],
    index: IndexOption = "",
    explain: Annotated[bool, typer.Option("--explain", help="Show what each word did for the passage.")] = False,
    answer_or_silence: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, help="From which confidence an answer is shown; says what that promises.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Answer with the best passage and its citation, or say that nothing there answers (exit status 1)."""
    from ketaqa import confidence

    qa = _open(index)
    answer = qa.ask(question, answer_or_silence=answer_or_silence)
    reasons = qa.why(answer) if explain else None
    if as_json:
        terminal.print_json(asdict(answer) | ({"why": reasons and asdict(reasons)} if explain else {}))
    else:
        terminal.show_answer(answer, reasons)
    if answer_or_silence is not None:
        print(f"\n{confidence.promise(answer_or_silence)}", file=sys.stderr)
    if answer.status == "abstained":
        raise typer.Exit(1)


@app.command(epilog='Example: ketaqa search "bladder damage" -k 3 --explain')
def search(
    query: Annotated[str, typer.Argument(help="What to look for.")],
    index: IndexOption = "",
    k: Annotated[int, typer.Option("-k", min=1, max=config.MAX_K, help="How many passages.")] = 10,
    explain: Annotated[bool, typer.Option("--explain", help="Show what each word added to each score.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the best passages by falling score."""
    qa = _open(index)
    hits, stale = qa.searched(query, k)
    if stale:
        print(terminal.clean(stale), file=sys.stderr)
    if as_json:
        keys = ("rank", "score", "passage", "citation", *(["terms"] if explain else []))
        corrections = [asdict(c) for c in qa.corrections(query)]
        terminal.print_json(
            {"query": query, "corrections": corrections, "hits": [{key: asdict(hit)[key] for key in keys} for hit in hits]}
        )
    else:
        terminal.show_corrections(qa.corrections(query))
        terminal.show_hits(hits, explain)
        if not hits and not stale:
            print("No passage holds any word of that.", file=sys.stderr)


@app.command(epilog='Example: ketaqa ask "What is ketamine?" --json > answer.json, then: ketaqa verify answer.json')
def verify(
    saved: Annotated[str, typer.Argument(help="A file with what ask or search printed with --json; - for standard input.")],
    index: IndexOption = "",
    as_json: JsonOption = False,
) -> None:
    """Read the sources of saved passages again: match, moved, changed or gone (exit status 1 unless all match)."""
    from ketaqa import receipts

    quoted = receipts.read(saved, sys.stdin)
    qa = _open(index)
    found = [receipts.verify(qa.index, one) for one in quoted]
    terminal.print_json([asdict(receipt) for receipt in found]) if as_json else terminal.show_receipts(found)
    if any(receipt.kind != "match" for receipt in found):
        raise typer.Exit(1)


@app.command(epilog="Example: ketaqa passages what-is-ketamine.md")
def passages(
    doc_id: Annotated[str, typer.Argument(help="One document; without it, all.")] = "",
    index: IndexOption = "",
    as_json: JsonOption = False,
) -> None:
    """Show how documents are cut into passages."""
    qa = _open(index)
    documents = [qa.document(doc_id)] if doc_id else qa.documents()
    if not as_json:
        for document in documents:
            terminal.show_passages(document, qa.passages(document.doc_id))
        return
    keys = ("passage_id", "start", "end", "section")
    rows = [
        {"doc_id": d.doc_id, "title": d.title, "sha256": d.sha256, "text": d.text}
        | {"passages": [{key: getattr(p, key) for key in keys} for p in qa.passages(d.doc_id)]}
        for d in documents
    ]
    terminal.print_json({"documents": rows})


@app.command(epilog="Example: ketaqa serve -i my.index --port 8000")
def serve(
    index: IndexOption = "",
    host: Annotated[str | None, typer.Option(help="Address to listen on.  [default: 127.0.0.1]")] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on.  [default: 7860]")] = None,
) -> None:
    """Serve the chat at /chat and the HTTP interface at /v1."""
    from dataclasses import replace

    from ketaqa.web.server import run

    given: dict[str, Any] = {"index": index or None, "host": host, "port": port}
    run(replace(config.load(), **{key: value for key, value in given.items() if value is not None}))


app.add_typer(measuring.app)


@app.callback(invoke_without_command=True)
def main(version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False) -> None:
    """Ask a set of documents; get the passage that answers best, word for word, with its citation."""
    if version:
        from ketaqa import __version__

        print(f"ketaqa {__version__}")
        raise typer.Exit


def _open(index: str) -> "KetaQA":
    from ketaqa import pipeline

    return pipeline.open_index(index, config.load())


def entry() -> None:
    """What the command `ketaqa` runs: every refusal is one line on standard error and exit status 2."""
    # a terminal that can't show a character must not stop an answer
    if sys.stdout is not None:
        sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        status = typer.main.get_command(app).main(prog_name="ketaqa", standalone_mode=False)
        if sys.stdout is not None:
            sys.stdout.flush()
    except typer.TyperException as error:
        if len(sys.argv) == 1:  # no command at all: the error is the help
            print(getattr(error, "message", "") or _wrong_use(error))
            status = 0
        else:
            status = _refused(_wrong_use(error))
    except KetaqaError as error:
        status = _refused(str(error))
    except BrokenPipeError:
        sys.stderr.close()  # the reader (head, less) went away; nothing is left to say
        status = 0
    except OSError as error:  # a name too long for the system, a disk that went away
        status = _refused(f"{error.filename or 'a file'}: can't be used ({error.strerror}); check the name and the disk")
    except (typer.Abort, KeyboardInterrupt):
        status = 130
    sys.exit(status)


def _wrong_use(error: typer.TyperException) -> str:
    said = error.format_message() if hasattr(error, "format_message") else str(error)
    command = getattr(getattr(error, "ctx", None), "command_path", "ketaqa")
    cause: Any = error.__cause__
    value = f" (found {cause.errors()[0]['input']!r})" if hasattr(cause, "errors") else ""
    return f"{said.rstrip('.')}{value}; see {command} --help"


def _refused(message: str) -> int:
    print("ketaqa: " + terminal.line(message), file=sys.stderr)
    return 2
