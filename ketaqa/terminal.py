"""Answers, hits and tables as text for a terminal; passages character for character.

Useful for: the command line. Not useful for: pages (web).
"""

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ketaqa.records import Answer, Citation, Correction, Document, Hit, Nearest, Notice, Passage, Receipt, TermWeight, Why

if TYPE_CHECKING:
    from ketaqa.evaluation.compare import Comparison
    from ketaqa.evaluation.evaluate import Evaluation
    from ketaqa.evaluation.gate import Verdict
    from ketaqa.evaluation.significance import Measured

# what a build counts while it does something
UNITS = {"comparing": (" files", 1), "reading": (" MB", 1_000_000), "writing": (" rows", 1), "encoding": (" passages", 1)}
BOLD, PLAIN = "\x1b[1m", "\x1b[0m"


def clean(text: str) -> str:
    """Text from a file or a stranger, with control characters shown as U+FFFD so that they can't steer the terminal."""
    return "".join("\ufffd" if _steers(c) else c for c in text)


def line(text: str) -> str:
    """The same on one line."""
    return clean(" ".join(text.split()))


def _steers(c: str) -> bool:
    # control characters, and those that turn the direction of what follows
    return (c < " " and c not in "\n\t") or "\x7f" <= c <= "\x9f" or "\u202a" <= c <= "\u202e" or "\u2066" <= c <= "\u2069"


def print_json(value: object) -> None:
    """JSON alone, as `--json` promises."""
    print(json.dumps(value, ensure_ascii=False, indent=1))


def show_answer(answer: Answer, why: Why | None = None) -> None:
    """Notices first, then the passage with its citation, and why it is shown where that is asked; or why there is none."""
    for notice in answer.notices:
        _show_notice(notice)
    show_corrections(answer.corrections)
    if answer.passage is None or answer.citation is None:
        print(clean(answer.reason or ""))
        _show_nearest(answer.nearest)
        return
    print(_marked(answer.passage))
    print()
    _show_citation(answer.citation)
    print(f"Confidence: {answer.confidence:.2f}")
    if why:
        _show_why(why)


def _show_nearest(nearest: Sequence[Nearest]) -> None:
    from ketaqa.why import CLOSEST  # see _show_why

    if nearest:
        print(CLOSEST)
    for one in nearest:
        print(clean(f"  {one.topic} ({one.passage.passage_id})"))


def _show_why(why: Why) -> None:
    from ketaqa.why import BESIDE, ROLES, said_ahead  # needs more imports than the help does

    print("\nWhy this passage:")
    width = max([len(BESIDE), *(len(one.word) for one in why.words)])
    for one in why.words:
        read = f", read as “{one.read_as}”" if one.read_as else ""
        print(clean(f"  {one.word:{width}} {one.weight:7.2f}  {ROLES[one.role]}{read}"))
    print(f"  {BESIDE:{width}} {why.beside:7.2f}")
    print(f"  {'score':{width}} {why.score:7.2f}")
    if why.next_id:
        print(clean(said_ahead(why, why.next_id)))


def show_corrections(corrections: Sequence[Correction]) -> None:
    """Which misspelt words were read as which others."""
    if corrections:
        print(clean("Read " + ", ".join(f"“{c.typed}” as “{c.meant}”" for c in corrections) + ".") + "\n")


def _show_notice(notice: Notice) -> None:
    print(f"[{notice.kind}] {notice.text}")
    for link in notice.links:
        print(f"  {link.text}")
    print()


def _marked(passage: Passage) -> str:
    bold = sys.stdout.isatty()
    return "".join(f"{BOLD}{clean(p.text)}{PLAIN}" if p.highlight and bold else clean(p.text) for p in passage.pieces)


def _show_citation(citation: Citation) -> None:
    print(clean(f"Source: {citation.text} ({citation.doc_id})"))
    for number, reference in enumerate(citation.references, 1):
        print(clean(f"  {number}. {reference.text} {reference.url or ''}".rstrip()))


def show_hits(hits: Sequence[Hit], explain: bool) -> None:
    """Each hit with rank, score, citation and text; with `explain`, what each term added."""
    for hit in hits:
        print(clean(f"{hit.rank}. {hit.score:.4f}  {hit.citation.text} ({hit.passage.passage_id})"))
        print(_marked(hit.passage))
        if explain:
            print(_explained(hit.terms))
        print()


def _explained(terms: Sequence[TermWeight]) -> str:
    # a term that the passage lacks adds something where other passages of its document hold it
    parts = (f"{clean(t.term)} {t.weight:.4f}" if t.matched or t.weight else f"{clean(t.term)} -" for t in terms)
    return "   = " + " + ".join(parts)


def show_receipts(receipts: Sequence[Receipt]) -> None:
    """What became of each quotation, a line each."""
    for r in receipts:
        where = "" if r.start is None else f" [{r.start}, {r.end})"
        copy = "" if r.read_from == "source" else "  (by the index's copy: its folder is not here)"
        print(clean(f"{r.kind:8} {r.doc_id}{where}{copy}"))


def show_passages(document: Document, passages: Sequence[Passage]) -> None:
    """A document's passages with their spans and sections."""
    print(clean(f"{document.doc_id}: {document.title}"))
    for passage in passages:
        section = " > ".join(passage.section) or "(no heading)"
        words = len(passage.text.split())
        print(clean(f"  {passage.passage_id}  [{passage.start}, {passage.end})  {words} words  {section}"))


def show_evaluation(done: "Evaluation", with_setting: bool = False) -> None:
    """The table of measures, and of silence where the collection has questions without an answer."""
    setting = f", {done.setting.passage_length} words a passage, {done.setting.weighting}" if with_setting else ""
    print(f"{done.collection}: {done.queries} questions, {done.passages} passages{setting}")
    rows = dict(done.measures) | ({"answer marked": done.marked} if done.marked else {})
    if done.abstention:
        kept = done.abstention
        rows |= {"AUROC": kept.auroc, "right when shown": kept.precision, "answered": kept.answered}
    rows |= done.care or {}
    width = max(10, *map(len, rows))
    for name, m in rows.items():
        print(f"  {name:{width}} {_interval(m)}")
    if done.abstention:
        print(f"  {'calibration error':{width}} {done.abstention.calibration_error:.4f} (0 is best)")
        print(f"  {'risk-coverage area':{width}} {done.abstention.risk_coverage_area:.4f} (0 is best)")
    print(f"  one search takes {done.latency_ms['p50']} ms (median), {done.latency_ms['p99']} ms (99th percentile)")


def _interval(m: "Measured") -> str:
    return f"{m.value:.4f}  95 % interval {m.ci95[0]:.4f} to {m.ci95[1]:.4f}"


def show_comparison(done: "Comparison") -> None:
    """Each run's measures, and its difference from the first run."""
    print(f"{done.queries} judged questions; differences are from {done.runs[0]}, p by randomisation test and Holm's procedure")
    for name, table in done.measures.items():
        print(name)
        for run, m in table.items():
            print(f"  {run:24} {_interval(m)}")
            if run in done.differences[name]:
                d = done.differences[name][run]
                print(f"  {'':24} {d.mean.value:+.4f}, p = {d.p_holm:.4f}, better on {d.better}, worse on {d.worse}")
    for run, missing in done.missing.items():
        if missing:
            more = " ..." if len(missing) > 10 else ""
            print(f"{run} lacks {len(missing)} questions, which count as 0: {', '.join(missing[:10])}{more}")


def show_verdicts(verdicts: "Sequence[Verdict]") -> None:
    """Each measure against its baseline."""
    for v in verdicts:
        word = "FELL" if v.fell else "kept"
        print(f"{word}  {v.name:10} {v.baseline:.4f} -> {v.now:.4f}, p = {v.p_holm:.4f}")


@contextmanager
def progress() -> Iterator[Callable[[str, int, int], None]]:
    """Progress bars on standard error where that is a terminal, one for each thing that is done: how much, the rate, the time
    left; nothing elsewhere. Call it with (what, done, total).
    """
    if not sys.stderr.isatty():
        yield lambda what, done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[amount]}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        tasks: dict[str, tuple[TaskID, float]] = {}
        last = time.monotonic()  # what is told of first when some of it is done began when the thing before it ended

        def tell(what: str, done: int, total: int) -> None:
            nonlocal last
            if what not in tasks:
                tasks[what] = bar.add_task(what, amount=""), last
            task, began = tasks[what]
            last = time.monotonic()
            bar.update(task, completed=done, total=total, amount=amount(what, done, total, last - began))

        yield tell


def amount(what: str, done: int, total: int, seconds: float) -> str:
    """How much is done of all, how much a second, and how long it will take yet."""
    unit, size = UNITS.get(what, ("", 1))
    parts = f"{_number(done / size, size)} of {_number(total / size, size)}{unit}"
    if not done or seconds <= 0.0:
        return parts
    left = round(seconds * (total - done) / done)
    return f"{parts}, {_number(done / size / seconds, size)}{unit}/s, {left // 60}:{left % 60:02} left"


def _number(value: float, size: int) -> str:
    return f"{value:,.1f}" if size > 1 else f"{value:,.0f}"
