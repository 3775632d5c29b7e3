"""Figures of the report: plots side by side, one panel a benchmark or baseline, under one legend."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from harness.reporting.frames.curves import anytime, distributions, random_curves
from harness.reporting.frames.improvement import relative_improvements
from harness.reporting.frames.significance import mean_ranks, rank_pairs
from harness.reporting.plots import plot_anytime, plot_distribution, plot_forest, plot_random_curve, plot_ranks
from harness.reporting.run import PERCENT_UNITS, Benchmark, Run
from harness.reporting.style import Marks, marks_of, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, PANEL_HEIGHT, COLUMNS = 9.0, 1.9, 3  # inches, inches, panels a row


def draw_forest(run: Run) -> Figure:
    """Draw relative improvements, a panel a baseline."""
    frame, marks = run.of(relative_improvements), marks_of(run)
    frame = frame.assign(dataset=frame["benchmark"].map({b.name: short(run.titles[b.name]) for b in run.benchmarks}))
    baselines = [(str(name), part) for name, part in frame.groupby("baseline", sort=False)]
    rows = max(len(part) for _, part in baselines) + len(run.benchmarks)
    figure = Figure(figsize=(WIDTH, 1.3 + 0.14 * rows), layout="constrained")
    for place, (baseline, part) in enumerate(baselines):
        ax = figure.add_subplot(1, len(baselines), place + 1)
        plot_forest(part, ax=ax, marks=marks)
        ax.set_title(f"over {baseline}" + (", the average architecture" if baseline == "random@1" else ""))
        ax.tick_params(labelleft=place == 0)
    legend(figure, marks, (entrant.name for entrant in run.entrants), markers=True)
    return figure


def draw_anytime(run: Run) -> Figure:
    """Draw anytime curves, a panel a benchmark and budget."""
    frame, marks = run.of(anytime), marks_of(run)
    figure = _panels(run, frame, lambda part, ax: plot_anytime(part, ax=ax, marks=marks), "evaluations (log scale)")
    legend(figure, marks, frame["method"].drop_duplicates())
    return figure


def draw_distributions(run: Run) -> Figure:
    """Draw distributions of final scores, a panel a benchmark and budget."""
    frame, marks = run.of(distributions), marks_of(run)
    figure = _panels(run, frame, lambda part, ax: plot_distribution(part, ax=ax, marks=marks), "test score")
    figure.supylabel("share of searches with at most this score", fontsize=8)
    legend(figure, marks, frame["method"].drop_duplicates())
    return figure


def draw_random_curves(run: Run) -> Figure:
    """Draw the exact law of random search over its number of draws, a panel a benchmark."""

    def draw(part: pd.DataFrame, ax: Axes) -> None:
        plot_random_curve(part, ax=ax)
        for budget in dict.fromkeys(entrant.budget.amount for entrant in run.entrants):
            ax.axvline(budget, color="#0072B2", linewidth=0.9, linestyle=(0, (3, 2)))

    return _panels(run, run.of(random_curves), draw, "draws (log scale)")


def draw_ranks(run: Run) -> Figure:
    """Draw mean ranks over the data sets, a panel a budget."""
    ranks, pairs, marks = run.of(mean_ranks), run.of(rank_pairs), marks_of(run)
    parts = [(str(baseline), part) for baseline, part in ranks.groupby("baseline", sort=False)]
    rows = max(len(part) for _, part in parts)
    figure = Figure(figsize=(WIDTH, (0.75 + 0.24 * rows) * len(parts)), layout="constrained")
    for place, (baseline, part) in enumerate(parts):
        ax = figure.add_subplot(len(parts), 1, place + 1)
        plot_ranks(part, ax=ax, marks=marks, pairs=pairs[pairs["baseline"] == baseline])
        ax.set_title(f"among methods at the budget of {baseline}" if len(parts) > 1 else "")
    return figure


def _panels(run: Run, frame: pd.DataFrame, draw: Callable[[pd.DataFrame, Axes], object], xlabel: str) -> Figure:
    by = ["benchmark", "budget"] if "budget" in frame else ["benchmark"]
    parts = list(frame.groupby(by, sort=False))
    columns = min(COLUMNS, len(parts))
    rows = math.ceil(len(parts) / columns)
    figure = Figure(figsize=(max(WIDTH * columns / COLUMNS, 5.0), 0.8 + PANEL_HEIGHT * rows), layout="constrained")
    benchmarks = {benchmark.name: benchmark for benchmark in run.benchmarks}
    several = "budget" in frame and frame["budget"].nunique() > 1
    for place, (key, part) in enumerate(parts):
        ax = figure.add_subplot(rows, columns, place + 1)
        draw(part, ax)
        ax.set_xlabel("")
        ax.set_title(_title(run, benchmarks[str(key[0])]) + (f", budget {key[1]:,}" if several else ""))
    figure.supxlabel(xlabel, fontsize=8)
    return figure


def _title(run: Run, benchmark: Benchmark) -> str:
    metric = str(benchmark.card["metric"])
    return f"{short(run.titles[benchmark.name])}: {metric}" + (", %" if benchmark.unit in PERCENT_UNITS else "")


def legend(figure: Figure, marks: Marks, methods: Iterable[str], markers: bool = False) -> None:
    """Draw one legend above all panels."""
    names = list(methods)
    handles = [
        Line2D(
            [],
            [],
            color=marks[name].colour,
            linestyle=marks[name].line,
            linewidth=1.6,
            marker=marks[name].marker if markers else None,
            markersize=4,
        )
        for name in names
    ]
    # A label with an underscore in front would be left out; a joiner of no width in front keeps it.
    labels = [f"\u2060{short(name)}" if name.startswith("_") else short(name) for name in names]
    figure.legend(handles, labels, loc="outside upper center", ncols=min(len(names), 5))
