"""Figures of the report: plots side by side, one panel a benchmark or baseline, under one legend."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import pandas as pd
from matplotlib.figure import Figure

from harness.reporting.families import AVERAGE
from harness.reporting.formats import method_text
from harness.reporting.frames.curves import EXACT, anytime, distributions, random_curves
from harness.reporting.frames.improvement import relative_improvements
from harness.reporting.frames.pareto import Goal, attainment, points_of
from harness.reporting.frames.robust import profiles
from harness.reporting.frames.seconds import random_by_seconds, seconds_of_a_draw, worth_in_seconds
from harness.reporting.frames.significance import mean_ranks, rank_pairs
from harness.reporting.panels import WHOLE, WIDTH, Panels, View
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
from harness.reporting.style import marks_for, marks_of, short
from harness.tabular.table import VALID, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PANEL_HEIGHT, COLUMNS = 1.9, 3  # inches, panels a row
MOST = 24  # panels that a figure has at most


def drawn(
    run: Run, view: View = WHOLE, among: Callable[[Benchmark], bool] | None = None, panels: int | None = None
) -> tuple[Benchmark, ...]:
    """Return the benchmarks that a figure shows: the first of those that are wanted, where there are very many.

    Parameters
    ----------
    run, view
        What is drawn.
    among
        Whether there is anything to draw of a benchmark; None: of each.
    panels
        How many each of them takes; None: one a budget.
    """
    wanted = [benchmark for benchmark in run.benchmarks if benchmark.name not in view.hidden_benchmarks]
    wanted = [benchmark for benchmark in wanted if among is None or among(benchmark)]
    return tuple(wanted[: max(1, MOST // (panels or len(run.budgets)))])


def left_out(run: Run) -> str:
    """Return a sentence on the benchmarks that figures do not show; empty if they show all."""
    shown = len(drawn(run))
    return f" Drawn are the first {shown} of {len(run.benchmarks)} data sets." if shown < len(run.benchmarks) else ""


def draw_forest(run: Run, *, view: View = WHOLE) -> Figure:
    """Draw relative improvements, a panel a baseline; the main one where there is an axes for one only."""
    frame, marks = view.of(run.of(relative_improvements)), marks_of(run)
    titles = {benchmark.name: short(run.titles[benchmark.name]) for benchmark in drawn(run, view)}
    frame = frame[frame["benchmark"].isin(titles)].assign(dataset=frame["benchmark"].map(titles))
    baselines = [(str(name), part) for name, part in frame.groupby("baseline", sort=False)]
    rows = max(len(part) for _, part in baselines) + len(titles)
    names = [name for name, _ in baselines]
    main = next(place for place, (_, part) in enumerate(baselines) if part["is_main"].any() or place == len(names) - 1)
    panels = Panels(view, names, (WIDTH, 1.3 + 0.14 * rows), len(names), main=main)
    for place, ax in panels:
        baseline, part = baselines[place]
        plot_forest(part, ax=ax, marks=marks)
        ax.set_title(f"over {baseline}" + (", the average architecture" if baseline == AVERAGE else ""))
        # Data sets stand at the same height in all panels if each has as many rows in them.
        counts = part.groupby("dataset", sort=False).size()
        first = baselines[0][1].groupby("dataset", sort=False).size()
        ax.tick_params(labelleft=place == 0 or panels.alone or not counts.equals(first))
    panels.legend(marks, frame.loc[frame["ri"].notna(), "method"].drop_duplicates(), markers=True, labels=_labels(run))
    return panels.figure


def draw_anytime(run: Run, *, view: View = WHOLE) -> Figure:
    """Draw anytime curves, a panel a benchmark and budget."""
    frame, marks = view.of(run.of(anytime)), marks_of(run)
    panels = _panels(run, frame, lambda part, ax: plot_anytime(part, ax=ax, marks=marks), view)
    panels.xlabel(f"{run.unit} (log scale)")
    _method_legend(panels, run, frame["method"])
    return panels.figure


def draw_distributions(run: Run, *, view: View = WHOLE) -> Figure:
    """Draw distributions of final scores, a panel a benchmark and budget."""
    frame, marks = view.of(run.of(distributions)), marks_of(run)
    panels = _panels(run, frame, lambda part, ax: plot_distribution(part, ax=ax, marks=marks), view)
    panels.xlabel("test score")
    panels.ylabel("share of searches with at most this score")
    _method_legend(panels, run, frame["method"])
    return panels.figure


def draw_profiles(run: Run, *, view: View = WHOLE) -> Figure:
    """Draw performance profiles, and beneath how far they are from random search's; a column of panels a budget."""
    frame, marks = view.of(run.of(profiles)), marks_of(run)
    parts = list(frame.groupby("budget", sort=False))
    grid = [(minus, budget, part) for minus in (None, EXACT) for budget, part in parts]
    names = ["shares" if minus is None else "differences" for minus, _, _ in grid]
    if len(parts) > 1:
        names = [f"{name}, budget {budget}" for name, (_, budget, _) in zip(names, grid, strict=True)]
    panels = Panels(view, names, (WIDTH, 4.6), len(parts), sharex="col", sharey="row", main=0)
    for place, ax in panels:
        minus, budget, part = grid[place]
        plot_profile(part, ax=ax, marks=marks, minus=minus)
        ax.set_xlabel("")
        is_first = place % len(parts) == 0 or panels.alone
        ax.set_ylabel("" if not is_first else "runs above, %" if minus is None else "difference, % of runs")
        if minus is None:
            ax.set_title(f"budget {budget:,}" if len(parts) > 1 else "share of runs above a score")
        else:
            ax.set_title("less that of random search, exact")
    panels.xlabel("normalised score: 0 the average architecture, 100 the best in the table")
    _method_legend(panels, run, frame["method"])
    return panels.figure


def draw_random_curves(run: Run, *, view: View = WHOLE) -> Figure:
    """Draw the exact law of random search over its number of draws, a panel a benchmark."""

    def draw(part: pd.DataFrame, ax: Axes) -> None:
        plot_random_curve(part, ax=ax)
        (benchmark,) = (one for one in run.benchmarks if one.name == part["benchmark"].iloc[0])
        for draws in filter(None, map(benchmark.draws, run.budgets)):
            ax.axvline(draws, color="#0072B2", linewidth=0.9, linestyle=(0, (3, 2)))

    panels = _panels(run, view.of(run.of(random_curves)), draw, view)
    panels.xlabel("draws (log scale)")
    return panels.figure


def draw_ranks(run: Run, *, view: View = WHOLE) -> Figure:
    """Draw mean ranks over the data sets, a panel a budget."""
    ranks, pairs, marks = view.of(run.of(mean_ranks)), run.of(rank_pairs), marks_of(run)
    parts = [(str(baseline), part) for baseline, part in ranks.groupby("baseline", sort=False)]
    rows = max(len(part) for _, part in parts)
    panels = Panels(view, [baseline for baseline, _ in parts], (WIDTH, (0.75 + 0.24 * rows) * len(parts)))
    for place, ax in panels:
        baseline, part = parts[place]
        plot_ranks(part, ax=ax, marks=marks, pairs=pairs[pairs["baseline"] == baseline])
        ax.set_title(f"among methods at the budget of {baseline}" if len(parts) > 1 else "")
    return panels.figure


def draw_pareto(run: Run, goal: Goal, score: str = VALID, *, view: View = WHOLE) -> Figure:
    """Draw a score against a column, with the table's front and what half of a method's searches attain, a panel a table."""
    benchmarks = drawn(run, view, lambda benchmark: benchmark.table is not None)
    marks, columns = marks_of(run), min(COLUMNS, len(benchmarks))
    panels = Panels(view, [run.titles[benchmark.name] for benchmark in benchmarks], _size(len(benchmarks)), columns)
    for place, ax in panels:
        benchmark = benchmarks[place]
        assert benchmark.table is not None
        score_points = points_of(benchmark.table, [goal], score)[benchmark.feasible]
        plot_front(
            score_points * [benchmark.sign, goal.sign],
            (benchmark.sign, goal.sign),
            view.of(attainment(run, benchmark, goal, score)),
            unit=benchmark.unit,
            ax=ax,
            marks=marks,
        )
        ax.set_title(_title(run, benchmark))
    panels.xlabel(str(goal))
    panels.ylabel("validation score" if score == VALID else "test score")
    exact = [EXACT] if any(map(run.benchmarks[0].draws, run.budgets)) else []
    names = [entrant.name for entrant in run.entrants if entrant.name not in view.hidden_methods]
    panels.legend(marks, [*exact, *names], labels=_labels(run))
    return panels.figure


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


def draw_seconds(run: Run, *, view: View = WHOLE) -> Figure:
    """Draw quality against evaluations and against seconds of evaluation and fitting, two panels a benchmark with seconds."""
    labels = dict.fromkeys(entrant.method.label for entrant in run.entrants if not entrant.is_check)
    frame, marks = run.of(worth_in_seconds), marks_for(labels)
    axis = (run.unit, "seconds of evaluation and fitting")
    timed = drawn(run, view, lambda benchmark: seconds_of_a_draw(benchmark) > 0, len(axis))
    names = [f"{run.titles[benchmark.name]}, {words}" for benchmark in timed for words in axis]
    panels = Panels(view, names, (WIDTH, 0.6 + 2.4 * len(timed)), len(axis), sharey="row")
    for place, ax in panels:
        benchmark, by_seconds = timed[place // len(axis)], place % len(axis) == 1
        part, seconds = frame[frame["benchmark"] == benchmark.name], seconds_of_a_draw(benchmark)
        total = part["evaluation_s"] + part["fitting_s"]
        draws, exact = random_by_seconds(benchmark, float(total.max()))
        x, step = (total, seconds) if by_seconds else (part["evaluations"], 1.0)
        plot_quality(part.assign(x=x), (step * draws, exact), ax=ax, marks=marks)
        ax.set_title(_title(run, benchmark))
        ax.set_xlabel(f"{axis[by_seconds]} (log scale)" if panels.alone or place >= len(names) - len(axis) else "")
    shown = set(frame.loc[frame["benchmark"].isin([benchmark.name for benchmark in timed]), "label"])
    panels.legend(marks, [label for label in labels if label in shown], markers=True)
    return panels.figure


def draw_lottery(run: Run, frame: pd.DataFrame, *, view: View = WHOLE) -> Figure:
    """Draw the settings of methods by budget, a panel a benchmark; `frame` as in `plot_lottery`, with a column ``benchmark``."""
    marks, frame = marks_for(frame["method"]), view.of(frame)
    benchmarks = drawn(run, view, lambda benchmark: benchmark.name in set(frame["benchmark"]), 1)
    names = [run.titles[benchmark.name] for benchmark in benchmarks]
    panels = Panels(view, names, (WIDTH, 0.6 + 2.4 * len(benchmarks)))
    for place, ax in panels:
        benchmark = benchmarks[place]
        plot_lottery(frame[frame["benchmark"] == benchmark.name], ax=ax, marks=marks)
        ax.set_title(_title(run, benchmark))
        ax.set_xlabel(f"budget, {run.unit}" if panels.alone or place + 1 == len(benchmarks) else "")
    panels.legend(marks, dict.fromkeys(frame["method"]), markers=True)
    return panels.figure


def _panels(run: Run, frame: pd.DataFrame, draw: Callable[[pd.DataFrame, Axes], object], view: View) -> Panels:
    """Draw a frame, a panel a benchmark and, where it has several, budget."""
    by = ["benchmark", "budget"] if "budget" in frame else ["benchmark"]
    benchmarks = {benchmark.name: benchmark for benchmark in drawn(run, view)}
    parts = list(frame[frame["benchmark"].isin(benchmarks)].groupby(by, sort=False))
    several = "budget" in frame and frame["budget"].nunique() > 1
    behind = [f", budget {key[1]:,}" if several else "" for key, _ in parts]
    names = [run.titles[str(key[0])] + budget for (key, _), budget in zip(parts, behind, strict=True)]
    panels = Panels(view, names, _size(len(parts)), min(COLUMNS, len(parts)))
    for place, ax in panels:
        key, part = parts[place]
        draw(part, ax)
        ax.set_xlabel("")
        ax.set_title(_title(run, benchmarks[str(key[0])]) + behind[place])
    return panels


def _size(panels: int) -> tuple[float, float]:
    """Inches of a figure of so many panels."""
    columns = min(COLUMNS, panels)
    return max(WIDTH * columns / COLUMNS, 5.0), 0.8 + PANEL_HEIGHT * math.ceil(panels / columns)


def _labels(run: Run) -> dict[str, str]:
    names = {entrant.name: method_text(run, entrant.name, entrant.is_check) for entrant in run.entrants}
    return {EXACT: EXACT} | names


def _title(run: Run, benchmark: Benchmark) -> str:
    metric = str(benchmark.card["metric"])
    return f"{short(run.titles[benchmark.name])}: {metric}" + (", %" if benchmark.unit in PERCENT_UNITS else "")


def _method_legend(panels: Panels, run: Run, drawn: pd.Series[str]) -> None:
    """Put a legend with one entry a method, whatever its budgets, which have panels of their own."""
    present = set(drawn)
    labels = {EXACT: EXACT} | {
        entrant.name: method_text(run, entrant.method.label, entrant.is_check) for entrant in run.entrants
    }
    first = {label: name for name, label in reversed(labels.items()) if name in present}
    panels.legend(marks_of(run), [*reversed(first.values())], labels=labels)
