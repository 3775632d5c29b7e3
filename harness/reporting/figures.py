"""Figures of the report: plots side by side, one panel a benchmark or baseline, under one legend."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from harness.reporting.families import AVERAGE
from harness.reporting.formats import method_text
from harness.reporting.frames.curves import EXACT, anytime, distributions, random_curves
from harness.reporting.frames.improvement import relative_improvements
from harness.reporting.frames.pareto import Goal, attainment, points_of
from harness.reporting.frames.robust import profiles
from harness.reporting.frames.seconds import random_by_seconds, seconds_of_a_draw, worth_in_seconds
from harness.reporting.frames.significance import mean_ranks, rank_pairs
from harness.reporting.plots import (
    plot_anytime,
    plot_distribution,
    plot_forest,
    plot_front,
    plot_lottery,
    plot_profile,
    plot_quality,
    plot_random_curve,
    plot_ranks,
)
from harness.reporting.run import PERCENT_UNITS, Benchmark, Run
from harness.reporting.style import Marks, marks_for, marks_of, short
from harness.tabular.table import VALID, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, PANEL_HEIGHT, COLUMNS = 9.0, 1.9, 3  # inches, inches, panels a row
LEGEND_ROWS, LEGEND_ROW = 2, 0.17  # rows of a legend that a figure has room for; inches of every further one
MOST = 24  # panels that a figure has at most


def drawn(run: Run) -> tuple[Benchmark, ...]:
    """Return the benchmarks that figures show: the first of the suite, where there are very many."""
    return run.benchmarks[: max(1, MOST // len(run.budgets))]


def left_out(run: Run) -> str:
    """Return a sentence on the benchmarks that figures do not show; empty if they show all."""
    shown = len(drawn(run))
    return f" Drawn are the first {shown} of {len(run.benchmarks)} data sets." if shown < len(run.benchmarks) else ""


def draw_forest(run: Run) -> Figure:
    """Draw relative improvements, a panel a baseline."""
    frame, marks = run.of(relative_improvements), marks_of(run)
    titles = {benchmark.name: short(run.titles[benchmark.name]) for benchmark in drawn(run)}
    frame = frame[frame["benchmark"].isin(titles)].assign(dataset=frame["benchmark"].map(titles))
    baselines = [(str(name), part) for name, part in frame.groupby("baseline", sort=False)]
    rows = max(len(part) for _, part in baselines) + len(titles)
    figure = Figure(figsize=(WIDTH, 1.3 + 0.14 * rows), layout="constrained")
    for place, (baseline, part) in enumerate(baselines):
        ax = figure.add_subplot(1, len(baselines), place + 1)
        plot_forest(part, ax=ax, marks=marks)
        ax.set_title(f"over {baseline}" + (", the average architecture" if baseline == AVERAGE else ""))
        # Data sets stand at the same height in all panels if each has as many rows in them.
        counts = part.groupby("dataset", sort=False).size()
        ax.tick_params(labelleft=place == 0 or not counts.equals(baselines[0][1].groupby("dataset", sort=False).size()))
    legend(figure, marks, frame.loc[frame["ri"].notna(), "method"].drop_duplicates(), markers=True, labels=_labels(run))
    return figure


def draw_anytime(run: Run) -> Figure:
    """Draw anytime curves, a panel a benchmark and budget."""
    frame, marks = run.of(anytime), marks_of(run)
    figure = _panels(run, frame, lambda part, ax: plot_anytime(part, ax=ax, marks=marks), f"{run.unit} (log scale)")
    _method_legend(figure, run, frame["method"])
    return figure


def draw_distributions(run: Run) -> Figure:
    """Draw distributions of final scores, a panel a benchmark and budget."""
    frame, marks = run.of(distributions), marks_of(run)
    figure = _panels(run, frame, lambda part, ax: plot_distribution(part, ax=ax, marks=marks), "test score")
    figure.supylabel("share of searches with at most this score", fontsize=8)
    _method_legend(figure, run, frame["method"])
    return figure


def draw_profiles(run: Run) -> Figure:
    """Draw performance profiles, and beneath how far they are from random search's; a column of panels a budget."""
    frame, marks = run.of(profiles), marks_of(run)
    parts = list(frame.groupby("budget", sort=False))
    figure = Figure(figsize=(WIDTH, 4.6), layout="constrained")
    axes = figure.subplots(2, len(parts), squeeze=False, sharex="col", sharey="row")
    for place, (budget, part) in enumerate(parts):
        for ax, minus in zip(axes[:, place], (None, EXACT), strict=True):
            plot_profile(part, ax=ax, marks=marks, minus=minus)
            ax.set_xlabel("")
            ax.set_ylabel("" if place else "runs above, %" if minus is None else "difference, % of runs")
        axes[0, place].set_title(f"budget {budget:,}" if len(parts) > 1 else "share of runs above a score")
        axes[1, place].set_title("less that of random search, exact")
    figure.supxlabel("normalised score: 0 the average architecture, 100 the best in the table", fontsize=8)
    _method_legend(figure, run, frame["method"])
    return figure


def draw_random_curves(run: Run) -> Figure:
    """Draw the exact law of random search over its number of draws, a panel a benchmark."""

    def draw(part: pd.DataFrame, ax: Axes) -> None:
        plot_random_curve(part, ax=ax)
        (benchmark,) = (one for one in run.benchmarks if one.name == part["benchmark"].iloc[0])
        for draws in filter(None, map(benchmark.draws, run.budgets)):
            ax.axvline(draws, color="#0072B2", linewidth=0.9, linestyle=(0, (3, 2)))

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


def draw_pareto(run: Run, goal: Goal, score: str = VALID) -> Figure:
    """Draw a score against a column, with the table's front and what half of a method's searches attain, a panel a table."""
    benchmarks = [benchmark for benchmark in drawn(run) if benchmark.table is not None]
    marks, columns = marks_of(run), min(COLUMNS, len(benchmarks))
    rows = math.ceil(len(benchmarks) / columns)
    figure = Figure(figsize=(max(WIDTH * columns / COLUMNS, 5.0), 0.8 + PANEL_HEIGHT * rows), layout="constrained")
    for place, benchmark in enumerate(benchmarks):
        assert benchmark.table is not None
        ax = figure.add_subplot(rows, columns, place + 1)
        score_points = points_of(benchmark.table, [goal], score)[benchmark.feasible]
        attained = attainment(run, benchmark, goal, score)
        plot_front(
            score_points * [benchmark.sign, goal.sign],
            (benchmark.sign, goal.sign),
            attained,
            unit=benchmark.unit,
            ax=ax,
            marks=marks,
        )
        ax.set_title(_title(run, benchmark))
    figure.supxlabel(str(goal), fontsize=8)
    figure.supylabel("validation score" if score == VALID else "test score", fontsize=8)
    exact = [EXACT] if any(map(run.benchmarks[0].draws, run.budgets)) else []
    legend(figure, marks, [*exact, *(entrant.name for entrant in run.entrants)], labels=_labels(run))
    return figure


def draw_front(table: Table, goal: Goal, score: str = VALID) -> Figure:
    """Draw a table's score against a column, with its Pareto front."""
    sign = 1.0 if table.direction == "max" else -1.0
    figure = Figure(figsize=(5.0, 3.2), layout="constrained")
    ax = figure.subplots()
    plot_front(points_of(table, [goal], score) * [sign, goal.sign], (sign, goal.sign), unit=table.unit, ax=ax)
    ax.set_title(f"{table.name}: {table.metric}")
    ax.set_xlabel(str(goal))
    ax.set_ylabel("validation score" if score == VALID else "test score")
    return figure


def draw_seconds(run: Run) -> Figure:
    """Draw quality against evaluations and against seconds of evaluation and fitting, two panels a benchmark with seconds."""
    labels = dict.fromkeys(entrant.method.label for entrant in run.entrants if not entrant.is_check)
    frame, marks = run.of(worth_in_seconds), marks_for(labels)
    timed = [benchmark for benchmark in drawn(run) if seconds_of_a_draw(benchmark) > 0]
    figure = Figure(figsize=(WIDTH, 0.6 + 2.4 * len(timed)), layout="constrained")
    axes = figure.subplots(len(timed), 2, squeeze=False, sharey="row")
    for row, benchmark in zip(axes, timed, strict=True):
        part, seconds = frame[frame["benchmark"] == benchmark.name], seconds_of_a_draw(benchmark)
        total = part["evaluation_s"] + part["fitting_s"]
        draws, exact = random_by_seconds(benchmark, float(total.max()))
        for ax, x, step in zip(row, (part["evaluations"], total), (1.0, seconds), strict=True):
            plot_quality(part.assign(x=x), (step * draws, exact), ax=ax, marks=marks)
            ax.set_title(_title(run, benchmark))
    for ax, words in zip(axes[-1], (run.unit, "seconds of evaluation and fitting"), strict=True):
        ax.set_xlabel(f"{words} (log scale)")
    shown = set(frame.loc[frame["benchmark"].isin([benchmark.name for benchmark in timed]), "label"])
    legend(figure, marks, [label for label in labels if label in shown], markers=True)
    return figure


def draw_lottery(run: Run, frame: pd.DataFrame) -> Figure:
    """Draw the settings of methods by budget, a panel a benchmark; `frame` as in `plot_lottery`, with a column ``benchmark``."""
    marks = marks_for(frame["method"])
    benchmarks = [benchmark for benchmark in drawn(run) if benchmark.name in set(frame["benchmark"])]
    figure = Figure(figsize=(WIDTH, 0.6 + 2.4 * len(benchmarks)), layout="constrained")
    for place, benchmark in enumerate(benchmarks):
        ax = figure.add_subplot(len(benchmarks), 1, place + 1)
        plot_lottery(frame[frame["benchmark"] == benchmark.name], ax=ax, marks=marks)
        ax.set_title(_title(run, benchmark))
        ax.set_xlabel(f"budget, {run.unit}" if place + 1 == len(benchmarks) else "")
    legend(figure, marks, dict.fromkeys(frame["method"]), markers=True)
    return figure


def _panels(run: Run, frame: pd.DataFrame, draw: Callable[[pd.DataFrame, Axes], object], xlabel: str) -> Figure:
    by = ["benchmark", "budget"] if "budget" in frame else ["benchmark"]
    benchmarks = {benchmark.name: benchmark for benchmark in drawn(run)}
    parts = list(frame[frame["benchmark"].isin(benchmarks)].groupby(by, sort=False))
    columns = min(COLUMNS, len(parts))
    rows = math.ceil(len(parts) / columns)
    figure = Figure(figsize=(max(WIDTH * columns / COLUMNS, 5.0), 0.8 + PANEL_HEIGHT * rows), layout="constrained")
    several = "budget" in frame and frame["budget"].nunique() > 1
    for place, (key, part) in enumerate(parts):
        ax = figure.add_subplot(rows, columns, place + 1)
        draw(part, ax)
        ax.set_xlabel("")
        ax.set_title(_title(run, benchmarks[str(key[0])]) + (f", budget {key[1]:,}" if several else ""))
    figure.supxlabel(xlabel, fontsize=8)
    return figure


def _labels(run: Run) -> dict[str, str]:
    names = {entrant.name: method_text(run, entrant.name, entrant.is_check) for entrant in run.entrants}
    return {EXACT: EXACT} | names


def _title(run: Run, benchmark: Benchmark) -> str:
    metric = str(benchmark.card["metric"])
    return f"{short(run.titles[benchmark.name])}: {metric}" + (", %" if benchmark.unit in PERCENT_UNITS else "")


def legend(
    figure: Figure, marks: Marks, names: Iterable[str], markers: bool = False, labels: Mapping[str, str] | None = None
) -> None:
    """Put a legend above all panels, as wide as the figure; `labels` has the shown names where they differ."""
    handles, texts = [], []
    for name in names:
        mark = marks[name]
        marker = mark.marker if markers else None
        handles.append(
            Line2D([], [], color=mark.colour, linestyle=mark.line, linewidth=1.6, marker=marker, markersize=4)
        )
        label = short(labels[name] if labels else name)
        # A label with an underscore in front would be left out; a joiner of no width in front keeps it.
        texts.append(f"\u2060{label}" if label.startswith("_") else label)
    inches = 0.6 + 0.065 * max(map(len, texts), default=0)
    if len(texts) > LEGEND_ROWS * int(figure.get_figwidth() / inches):
        figure.set_figwidth(WIDTH)
    columns = max(1, min(len(texts), int(figure.get_figwidth() / inches)))
    # Panels keep their height under a tall legend.
    figure.set_figheight(figure.get_figheight() + LEGEND_ROW * max(0, math.ceil(len(texts) / columns) - LEGEND_ROWS))
    figure.legend(handles, texts, loc="outside upper center", ncols=columns)


def _method_legend(figure: Figure, run: Run, drawn: pd.Series[str]) -> None:
    """Put a legend with one entry a method, whatever its budgets, which have panels of their own."""
    present = set(drawn)
    labels = {EXACT: EXACT} | {
        entrant.name: method_text(run, entrant.method.label, entrant.is_check) for entrant in run.entrants
    }
    first = {label: name for name, label in reversed(labels.items()) if name in present}
    legend(figure, marks_of(run), [*reversed(first.values())], labels=labels)
