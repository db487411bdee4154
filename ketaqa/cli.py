"""The command line: `ketaqa index`, `ask`, `search`, `passages`, `serve`, `evaluate`, `compare`, `gate`.

Exit status: 0 done, 1 `ask` abstained or `gate` failed, 2 refused (one line on standard error). Heavy rooms are imported
by the command that needs them.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from ketaqa import config, pipeline, terminal
from ketaqa.errors import BadSetting, KetaqaError
from ketaqa.passages import PASSAGE_LENGTH

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
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON alone.")]


@app.command(epilog='Example: ketaqa index docs/ notes.txt -o my.index, then: ketaqa ask "..." -i my.index')
def index(
    sources: Annotated[list[str], typer.Argument(help="Files, folders, or a BEIR corpus.jsonl.")],
    out: Annotated[str, typer.Option("-o", "--out", help="Where to write the index, a folder.")],
    workers: Annotated[int, typer.Option(min=1, max=256, help="Processes that read files.")] = 1,
    passage_length: Annotated[
        int, typer.Option(min=20, max=2000, help="Length of a passage to aim at, in words.")
    ] = PASSAGE_LENGTH,
) -> None:
    """Read documents and write an index; one that is there is replaced when all is done."""
    from ketaqa.builder import build

    with terminal.progress("reading") as tell:
        report = build(
            sources,
            out,
            workers=workers,
            passage_length=passage_length,
            progress=lambda done, total: tell("reading", done, total),
        )
    for refusal in report.refused:
        print(terminal.line(f"refused {refusal.source}: {refusal.reason}"), file=sys.stderr)
    count = len(report.refused)
    refused = f", {count} {'file' if count == 1 else 'files'} refused" if count else ""
    documents = "1 document" if report.documents == 1 else f"{report.documents} documents"
    print(f"{documents}, {report.passages} passages, {report.terms} terms{refused} -> {out}")


@app.command(epilog='Example: ketaqa ask "How fast does ketamine work for depression?"')
def ask(
    question: Annotated[str, typer.Argument(help="The question, in quotation marks.")],
    index: IndexOption = "",
    as_json: JsonOption = False,
) -> None:
    """Answer with the best passage and its citation, or say that nothing there answers (exit status 1)."""
    answer = _open(index).ask(question)
    _print(asdict(answer)) if as_json else terminal.show_answer(answer)
    if answer.status == "abstained":
        raise typer.Exit(1)


@app.command(epilog='Example: ketaqa search "bladder damage" -k 3 --explain')
def search(
    query: Annotated[str, typer.Argument(help="What to look for.")],
    index: IndexOption = "",
    k: Annotated[int, typer.Option("-k", min=1, max=pipeline.MAX_K, help="How many passages.")] = 10,
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
        _print({"query": query, "hits": [{key: asdict(hit)[key] for key in keys} for hit in hits]})
    else:
        terminal.show_hits(hits, explain)
        if not hits and not stale:
            print("No passage holds any word of that.", file=sys.stderr)


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
    _print({"documents": rows})


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


MeasuresOption = Annotated[list[str] | None, typer.Option("--measures", help="Names as ir-measures writes them.")]
ReportOption = Annotated[str, typer.Option("--report", help="Write one HTML page with plots and details to this file.")]
SplitOption = Annotated[str, typer.Option("--split", help="Only these questions, for instance dev or test.")]


@app.command(
    epilog="Example: ketaqa evaluate my-collection --measures nDCG@10 --vary passage_length=60,120 --report r.html",
    context_settings={"allow_extra_args": True},
)
def evaluate(
    context: typer.Context,
    collection: Annotated[str, typer.Argument(help="A BEIR folder, or documents with questions.jsonl.")],
    measures: MeasuresOption = None,
    split: SplitOption = "",
    vary: Annotated[
        list[str] | None, typer.Option("--vary", help="passage_length=60,120 or weighting=bm25,tfidf; may be repeated.")
    ] = None,
    run_out: Annotated[str, typer.Option("--run-out", help="Write the ranking as a TREC run to this file.")] = "",
    report: ReportOption = "",
    as_json: JsonOption = False,
) -> None:
    """Measure the ranking on a collection, with 95 % bootstrap intervals."""
    from ketaqa.evaluation import report as reports
    from ketaqa.evaluation.evaluate import evaluate as measure
    from ketaqa.evaluation.evaluate import settings, summary
    from ketaqa.evaluation.measures import DEFAULT
    from ketaqa.evaluation.trec import write_run

    if context.args and not measures:
        raise BadSetting(f"unexpected argument {context.args[0]!r}; see ketaqa evaluate --help")
    # "--measures nDCG@10 P@1" and "--measures nDCG@10 --measures P@1" mean the same
    measures = [*measures, *context.args] if measures else None
    wanted = settings(vary or [])
    if run_out and len(wanted) > 1:
        raise BadSetting(f"--run-out takes one ranking, --vary gives {len(wanted)}; leave one of them out")
    with terminal.progress("evaluating") as tell:
        done = [measure(Path(collection), measures or DEFAULT, tell, split, one, inspect=bool(report)) for one in wanted]
    if run_out:
        _write(run_out, lambda path: write_run(done[0].run, path))
    if report:
        _write(report, lambda path: path.write_text(reports.of_evaluations(done), encoding="utf-8"))
    if as_json:
        _print(summary(done[0]) if not vary else [summary(one) | {"setting": asdict(one.setting)} for one in done])
    else:
        for one in done:
            terminal.show_evaluation(one, with_setting=bool(vary))


@app.command(epilog="Example: ketaqa compare old.run new.run --qrels my-collection/qrels/test.tsv --report diff.html")
def compare(
    runs: Annotated[list[str], typer.Argument(help="TREC runs; each is held against the first.")],
    qrels: Annotated[str, typer.Option("--qrels", help="Judgements, BEIR's or TREC's.")],
    measures: MeasuresOption = None,
    collection: Annotated[str, typer.Option("--collection", help="The BEIR folder, to show texts in the report.")] = "",
    report: ReportOption = "",
    as_json: JsonOption = False,
) -> None:
    """Compare rankings of any tool: means with intervals, randomisation tests, Holm's correction."""
    from ketaqa.evaluation import report as reports
    from ketaqa.evaluation.collections import texts_of
    from ketaqa.evaluation.compare import compare as held_against
    from ketaqa.evaluation.compare import named, summary
    from ketaqa.evaluation.measures import DEFAULT
    from ketaqa.evaluation.trec import read_qrels, read_run

    rankings = named(runs, [read_run(Path(run)) for run in runs])
    judged = read_qrels(Path(qrels))
    done = held_against(rankings, judged, measures or DEFAULT)
    if report:
        texts, questions = texts_of(Path(collection)) if collection else ({}, {})
        page = reports.of_comparison(done, rankings, judged, texts, questions)
        _write(report, lambda path: path.write_text(page, encoding="utf-8"))
    _print(summary(done)) if as_json else terminal.show_comparison(done)


@app.command(epilog="Example: ketaqa gate my-collection --baseline baseline.json --save, later without --save")
def gate(
    collection: Annotated[str, typer.Argument(help="A BEIR folder, or documents with questions.jsonl.")],
    baseline: Annotated[str, typer.Option("--baseline", help="The file that holds what the ranking was worth.")],
    save: Annotated[bool, typer.Option("--save", help="Write the baseline instead of comparing with it.")] = False,
    measures: MeasuresOption = None,
    split: SplitOption = "",
    as_json: JsonOption = False,
) -> None:
    """Fail (exit status 1) when a measure fell significantly below the saved baseline."""
    from ketaqa.evaluation import gate as gates
    from ketaqa.evaluation.evaluate import evaluate as measure
    from ketaqa.evaluation.measures import DEFAULT

    path = Path(baseline)
    # a baseline is read before the work, not after it, and names the measures to compare
    saved = () if save else tuple(gates.read(path)["values"])
    with terminal.progress("evaluating") as tell:
        done = measure(Path(collection), measures or saved or DEFAULT, tell, split)
    if save:
        _write(baseline, lambda path: gates.save(done, path))
        print(f"baseline of {len(done.values)} measures on {done.queries} questions -> {baseline}")
        return
    verdicts = gates.check(done, path)
    _print([asdict(v) for v in verdicts]) if as_json else terminal.show_verdicts(verdicts)
    if any(v.fell for v in verdicts):
        raise typer.Exit(1)


@app.callback(invoke_without_command=True)
def main(version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False) -> None:
    """Ask a set of documents; get the passage that answers best, word for word, with its citation."""
    if version:
        from ketaqa import __version__

        print(f"ketaqa {__version__}")
        raise typer.Exit


def _open(index: str) -> pipeline.KetaQA:
    return pipeline.open_index(index, config.load())


def _write(where: str, write: Callable[[Path], object]) -> None:
    try:
        write(Path(where))
    except OSError as error:
        raise KetaqaError(f"{where}: can't be written ({error.strerror}); choose another place") from error


def _print(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=1))


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
