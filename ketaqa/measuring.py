"""The commands that measure: `ketaqa evaluate`, `compare`, `gate`."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from ketaqa import terminal
from ketaqa.errors import BadSetting, KetaqaError

app = typer.Typer()

EncoderOption = Annotated[
    str,
    typer.Option(
        help="Sentence encoder of the passages, by name or folder; table for the shipped word meanings, none for counted words "
        "alone.  [default: all-MiniLM-L6-v2 where ketaqa[semantic] is installed, else table]"
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON alone.")]
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
    encoder: EncoderOption = "",
    as_json: JsonOption = False,
) -> None:
    """Measure the ranking on a collection, with 95 % bootstrap intervals."""
    from ketaqa.encoder import installed
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
    if len(wanted) > 1 and not encoder and not installed():
        encoder = "table"  # vectors that came with the documents fit one passage length: settings are compared without them
    with terminal.progress() as tell:
        done = [measure(Path(collection), measures or DEFAULT, tell, split, one, bool(report), encoder) for one in wanted]
    if run_out:
        _write(run_out, lambda path: write_run(done[0].run, path))
    if report:
        _write(report, lambda path: path.write_text(reports.of_evaluations(done), encoding="utf-8"))
    if as_json:
        terminal.print_json(summary(done[0]) if not vary else [summary(one) | {"setting": asdict(one.setting)} for one in done])
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
    terminal.print_json(summary(done)) if as_json else terminal.show_comparison(done)


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
    with terminal.progress() as tell:
        done = measure(Path(collection), measures or saved or DEFAULT, tell, split)
    if save:
        _write(baseline, lambda path: gates.save(done, path))
        print(f"baseline of {len(done.values)} measures on {done.queries} questions -> {baseline}")
        return
    verdicts = gates.check(done, path)
    terminal.print_json([asdict(v) for v in verdicts]) if as_json else terminal.show_verdicts(verdicts)
    if any(v.fell for v in verdicts):
        raise typer.Exit(1)


def _write(where: str, write: Callable[[Path], object]) -> None:
    try:
        write(Path(where))
    except OSError as error:
        raise KetaqaError(f"{where}: can't be written ({error.strerror}); choose another place") from error
