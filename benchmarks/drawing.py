"""Plots of a run: ratios, how cost grows, building.

Useful for: SVG files from results. Not useful for: tables.
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import ratios
from benchmarks.peers import BM25S, BY_TERM, MATRIX, ONE, TANTIVY, TWO
from benchmarks.ratios import Results

# by name of the file, what it shows
PLOTS = {
    "ratios": "KetaQA beside the others, as ratios",
    "growth": "How the time of a query grows with passages, query terms and k",
    "building": "Building: MB/s and peak memory",
}
COLOURS = {ONE: "#1d4ed8", TWO: "#7c9cf0", MATRIX: "#d97706", BY_TERM: "#b91c1c", BM25S: "#047857", TANTIVY: "#6b7280"}


def draw(results: Results, folder: Path) -> list[Path]:
    """The plots that there are measurements for, as SVG files in a folder."""
    from matplotlib import rc_context

    from ketaqa.evaluation.plots import svg

    paths = []
    # words as words: a tenth of the size of their outlines
    with rc_context({"svg.fonttype": "none"}):
        for name, make in MAKERS.items():
            figure = make(results)
            if figure is not None:
                paths.append(folder / f"{name}.svg")
                paths[-1].write_text(svg(figure), encoding="utf-8")
    return paths


def drawn_sizes(results: Results) -> dict[str, Any]:
    """The rows of drawn passages, fewest first: their names are numbers."""
    rows = {name: row for name, row in results.get("speed", {}).items() if name.replace(",", "").isdigit()}
    return dict(sorted(rows.items(), key=lambda pair: int(pair[1]["passages"])))


def _ratios(results: Results) -> Any:
    """Bars from 1, to the right where KetaQA is ahead, on the most passages that a measure was taken on."""
    found = [ratio for ratio in ratios.of(results) if ratio.data.replace(",", "").isdigit()]
    if not found:
        return None
    most = {ratio.measure: max((r.data for r in found if r.measure == ratio.measure), key=_count) for ratio in found}
    bars = [ratio for ratio in found if ratio.data == most[ratio.measure]][::-1]
    figure, (axes,) = _figure(1, (7.6, 0.8 + 0.2 * len(bars)))
    colours = [COLOURS[ratio.peer] for ratio in bars]
    axes.barh(range(len(bars)), [ratio.value - 1.0 for ratio in bars], left=1.0, color=colours, height=0.7)
    axes.set_yticks(range(len(bars)), [f"{r.measure}, {_beside(r.peer)} ({r.data})" for r in bars], fontsize=7)
    for place, ratio in enumerate(bars):
        axes.text(
            ratio.value, place, f" {ratio.value:.2f} ", va="center", fontsize=7, ha="left" if ratio.value >= 1 else "right"
        )
    axes.set_xscale("log")
    _plain(axes.xaxis, digits=False)
    axes.margins(x=0.12, y=0.01)
    axes.axvline(1.0, color="black", linewidth=0.8)
    _label(axes, PLOTS["ratios"], "times as good as the other", "")
    return figure


def _count(name: str) -> int:
    return int(name.replace(",", ""))


def _beside(peer: str) -> str:
    return "one" if peer == ONE else peer


def _growth(results: Results) -> Any:
    """Median time of a query: by passages, by query terms, by k."""
    sizes = drawn_sizes(results)
    grown = next((row["growth"] for row in reversed(sizes.values()) if "growth" in row), None)
    if not grown:
        return None
    figure, (passages, terms, wanted) = _figure(3, (10.5, 3.4))
    names = (ONE, MATRIX, BY_TERM, BM25S, TANTIVY)
    by_size = {name: {row["passages"]: row["asking"][name]["p50_ms"] for row in sizes.values()} for name in names}
    _lines(passages, by_size, "passages", True)
    _lines(terms, grown["terms"], "query terms", False)
    _lines(wanted, grown["k"], "k", True)
    _legend(figure, passages)
    return figure


def _lines(axes: Any, values: Mapping[str, Mapping[Any, float]], name: str, logarithmic: bool) -> None:
    for system, points in values.items():
        # keys that were written as JSON are texts
        axes.plot([int(x) for x in points], list(points.values()), "o-", markersize=3, color=COLOURS[system], label=system)
    if logarithmic:
        axes.set_xscale("log")
        _plain(axes.xaxis, digits=False)
    axes.set_yscale("log")
    _plain(axes.yaxis)
    _label(axes, f"by {name}", name, "ms a query (median)")


def _building(results: Results) -> Any:
    """MB/s and peak memory above the texts, by passages."""
    sizes = drawn_sizes(results)
    if not sizes:
        return None
    figure, panels = _figure(2, (8.4, 3.2))
    keys = (
        ("mb_per_second", "build, tokenising included", "MB/s"),
        ("peak_above_texts_mb", "peak memory above the texts", "MB"),
    )
    for axes, (key, title, unit) in zip(panels, keys, strict=True):
        _groups(axes, sizes, key)
        _label(axes, title, "passages", unit)
    _legend(figure, panels[0])
    return figure


def _groups(axes: Any, sizes: Mapping[str, Any], key: str) -> None:
    systems = [name for name in COLOURS if all(name in row["building"] for row in sizes.values())]
    width = 0.8 / len(systems)
    for number, system in enumerate(systems):
        places = [place + (number - (len(systems) - 1) / 2) * width for place in range(len(sizes))]
        heights = [row["building"][system][key] for row in sizes.values()]
        axes.bar(places, heights, width, color=COLOURS[system], label=system)
    axes.set_xticks(range(len(sizes)), list(sizes))


def _figure(panels: int, size: tuple[float, float]) -> tuple[Any, Sequence[Any]]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=size, layout="constrained")
    # readers' pages may be dark
    figure.set_facecolor("white")
    return figure, [figure.add_subplot(1, panels, number + 1) for number in range(panels)]


def _legend(figure: Any, axes: Any) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(labels), fontsize=7, frameon=False)


def _plain(axis: Any, digits: bool = True) -> None:
    """Numbers as they are written, in place of powers of ten; between those where there is room."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    text = FuncFormatter(lambda value, _: f"{value:,.10g}")
    axis.set_major_formatter(text)
    axis.set_minor_locator(LogLocator(subs=(2.0, 5.0)))
    axis.set_minor_formatter(text if digits else NullFormatter())
    axis.set_tick_params(which="minor", labelsize=7)


def _label(axes: Any, title: str, x: str, y: str) -> None:
    axes.set_title(title, fontsize=10)
    axes.set_xlabel(x, fontsize=8)
    axes.set_ylabel(y, fontsize=8)
    axes.tick_params(labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)


MAKERS: dict[str, Callable[[Results], Any]] = {"ratios": _ratios, "growth": _growth, "building": _building}
