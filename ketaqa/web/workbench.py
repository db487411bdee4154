"""The page that measures: pick or upload a collection, see the table and the plots, take run and report along."""

import html
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr

from ketaqa import shipped
from ketaqa.errors import BadCollection, KetaqaError
from ketaqa.evaluation import collections, report
from ketaqa.evaluation.evaluate import Evaluation, evaluate
from ketaqa.evaluation.measures import DEFAULT, meaning
from ketaqa.evaluation.significance import Measured
from ketaqa.evaluation.trec import write_run

INTRODUCTION = """# How good is the ranking?

Pick a collection on this server, or upload a small one: `corpus.jsonl`, `queries.jsonl` and `test.tsv` (BEIR), or documents
with a `questions.jsonl` of quotes. Each mean comes with its 95 % bootstrap interval.
"""
SHIPPED = "the shipped documents"
PLOTS = 6
HOUR = 3600

Row = list[str]
# Gradio fills this in where a function has it as a default
PROGRESS = gr.Progress()


def workbench(folder: str) -> gr.Blocks:
    """The page; `folder` holds the collections that it offers beside the shipped documents."""
    offered = on_server(folder)
    kept = tempfile.TemporaryDirectory(prefix="ketaqa-reports-")  # gone with the server

    def measure(name: str | None, files: list[str] | None, names: str, progress: Any = PROGRESS) -> list[Any]:
        def tell(what: str, done: int, total: int) -> None:
            progress((done, total), desc=what)

        try:
            wanted = names.split() or list(DEFAULT)
            with tempfile.TemporaryDirectory(prefix="ketaqa-") as here:
                path = gathered(files, Path(here, "uploaded")) if files else offered.get(name or "")
                if path is None:
                    raise BadCollection("no collection was chosen; pick one or upload its files")
                done = evaluate(path, wanted, tell, inspect=True)
        except KetaqaError as error:
            # Gradio shows the message as HTML, and it may quote an uploaded file
            raise gr.Error(html.escape(str(error)), print_exception=False) from error
        return shown(done, fresh_folder(Path(kept.name)))

    blocks = gr.Blocks(title="KetaQA: evaluate", analytics_enabled=False, delete_cache=(HOUR, HOUR))
    with blocks:
        gr.Markdown(INTRODUCTION)
        name = gr.Radio(list(offered), label="Collection on this server", value=next(iter(offered), None))
        files = gr.File(label="or upload one", file_count="multiple", type="filepath")
        names = gr.Textbox(label="Measures, as ir-measures names them", value=" ".join(DEFAULT))
        start = gr.Button("Measure", variant="primary")
        table = gr.Dataframe(headers=["measure", "value", "95 % interval", "what it says"], label="Result", wrap=True)
        drawn = [gr.Plot(visible=False, show_label=False) for _ in range(PLOTS)]
        run = gr.DownloadButton("Download the run (TREC)", visible=False)
        page = gr.DownloadButton("Download the report (HTML)", visible=False)
        # one at a time: an evaluation keeps a core busy
        start.click(measure, [name, files, names], [table, *drawn, run, page], api_visibility="private", concurrency_limit=1)
    return blocks


def on_server(folder: str) -> dict[str, Path]:
    """The collections that are offered, by name."""
    found = {SHIPPED: shipped.corpus_path()}
    if folder:
        for path in sorted(Path(folder).iterdir()) if Path(folder).is_dir() else []:
            if (path / "corpus.jsonl").is_file() or (path / collections.QUESTIONS).is_file():
                found[path.name] = path
    return {name: path for name, path in found.items() if path.is_dir()}


def gathered(files: Sequence[str], folder: Path) -> Path:
    """Uploaded files laid out as a collection; BadCollection when two of them share a name."""
    (folder / "qrels").mkdir(parents=True)
    for file in map(Path, files):
        to = folder / "qrels" / "test.tsv" if file.suffix == ".tsv" else folder / file.name
        if to.exists():
            raise BadCollection(f"{file.name}: two uploaded files take its place; upload each once")
        to.write_bytes(file.read_bytes())
    return folder


def fresh_folder(kept: Path) -> Path:
    """A new folder for one evaluation's files; those of more than an hour ago go."""
    for old in kept.iterdir():
        if time.time() - old.stat().st_mtime > HOUR:
            shutil.rmtree(old, ignore_errors=True)
    return Path(tempfile.mkdtemp(dir=kept))


def shown(done: Evaluation, folder: Path) -> list[Any]:
    """What the page's components show: the table, the plots, and the two files to take along."""
    figures = report.figures(done)[:PLOTS]
    plots = [gr.Plot(value=figure, visible=True) for figure in figures]
    plots += [gr.Plot(visible=False) for _ in range(PLOTS - len(figures))]
    # Gradio copies the files into its own folder, from which they go after an hour too
    run, page = folder / f"{done.collection}.run", folder / f"{done.collection}.html"
    write_run(done.run, run)
    page.write_text(report.of_evaluations([done]), encoding="utf-8")
    buttons = [gr.DownloadButton(value=str(path), visible=True) for path in (run, page)]
    return [rows(done), *plots, *buttons]


def rows(done: Evaluation) -> list[Row]:
    """The table: each measure with its value, its interval and its meaning."""
    table = [_row(name, m, meaning(name)) for name, m in done.measures.items()]
    if done.abstention:
        kept = done.abstention
        table.append(_row("AUROC", kept.auroc, "Confidence in questions with an answer against those without."))
        table.append(_row("right when shown", kept.precision, "Of the passages shown, the share that is right."))
        table.append(_row("answered", kept.answered, "Of the questions with an answer, the share not met with silence."))
    return table


def _row(name: str, m: Measured, words: str) -> Row:
    return [name, f"{m.value:.4f}", f"{m.ci95[0]:.4f} to {m.ci95[1]:.4f}", words]
