"""Figures of a report; `svg` makes of each a text that holds no address and no script."""

import io
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

BLUE, GREY, RED = "#1d4ed8", "#9ca3af", "#b91c1c"


def sorted_values(values: Sequence[float], name: str) -> Any:
    """One measure, question by question, from worst to best."""
    figure, axes = _figure(name, "questions, worst first", name)
    axes.fill_between(range(len(values)), sorted(values), step="mid", color=BLUE, alpha=0.7)
    axes.set_ylim(0, 1.02)
    return figure


def differences(gains: Mapping[str, float], name: str, run: str) -> Any:
    """The gain of one run over another, question by question."""
    ordered = sorted(gains.values())
    figure, axes = _figure(f"{name}: {run} minus the first run", "questions, greatest loss first", "difference")
    axes.bar(range(len(ordered)), ordered, width=1.0, color=[RED if g < 0 else BLUE for g in ordered])
    axes.axhline(0.0, color="black", linewidth=0.8)
    return figure


def risk_coverage(curve: Sequence[tuple[float, float]], shown: float) -> Any:
    """Share of wrong answers against share of questions answered; the dashed line is where KetaQA stops answering."""
    figure, axes = _figure("risk and coverage", "share of questions answered, surest first", "share wrong among them")
    axes.step([c for c, _ in curve], [r for _, r in curve], where="post", color=BLUE)
    axes.axvline(shown, color=GREY, linestyle="--")
    axes.set_xlim(0, 1)
    axes.set_ylim(bottom=0)
    return figure


def reliability(bins: Sequence[tuple[float, float]]) -> Any:
    """Share right against confidence, of questions about equally sure; on the dashed line confidence keeps its word."""
    figure, axes = _figure("what confidence is worth", "mean confidence of a tenth of the questions", "share right among them")
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--")
    axes.plot([sure for sure, _ in bins], [right for _, right in bins], marker="o", color=BLUE)
    axes.set_xlim(0, 1.02)
    axes.set_ylim(0, 1.02)
    return figure


def latencies(milliseconds: Sequence[float]) -> Any:
    """How long a search took."""
    figure, axes = _figure("time of one search", "milliseconds", "questions")
    axes.hist(milliseconds, bins=40, color=BLUE, alpha=0.8)
    return figure


def sweep(labels: Sequence[str], means: Sequence[float], intervals: Sequence[tuple[float, float]], name: str) -> Any:
    """A measure for each setting, with its interval."""
    figure, axes = _figure(name, "", name)
    errors = [[m - low for m, (low, _) in zip(means, intervals, strict=True)]]
    errors.append([high - m for m, (_, high) in zip(means, intervals, strict=True)])
    axes.errorbar(range(len(labels)), means, yerr=errors, fmt="o", color=BLUE, capsize=4)
    axes.set_xticks(range(len(labels)), labels, rotation=20, ha="right")
    return figure


def _figure(title: str, x: str, y: str) -> tuple[Any, Any]:
    # a figure of its own, without pyplot: nothing global is touched, so that a server may draw in several threads
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.6, 3.2), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, fontsize=10, parse_math=False)
    axes.set_xlabel(x, fontsize=9, parse_math=False)
    axes.set_ylabel(y, fontsize=9, parse_math=False)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def svg(figure: Any) -> str:
    """The figure as SVG; the same values give the same text."""
    from matplotlib import rc_context

    out = io.StringIO()
    metadata = {"Date": None, "Creator": None, "Format": None, "Type": None}
    with rc_context({"svg.hashsalt": "ketaqa"}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing")  # a name in a script that the font lacks
        figure.savefig(out, format="svg", metadata=metadata)
    text = out.getvalue()
    return text[text.index("<svg") :]
