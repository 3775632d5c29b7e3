"""Plots: each draws one frame into one axes and returns it. Nothing is shown, saved or set for good."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from harness.reporting.formats import shown_score
from harness.reporting.frames.curves import EXACT
from harness.reporting.frames.improvement import LEVEL
from harness.reporting.run import FloatArray
from harness.reporting.style import EXACT_MARK, FRONT_MARK, Mark, Marks, marks_for, short
from harness.statistics import pareto_front

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_BANDS = 8  # that are drawn on top of each other


def plot_forest(frame: pd.DataFrame, *, ax: Axes | None = None, marks: Marks | None = None) -> Axes:
    """Draw relative improvements with their intervals, one row a benchmark and method, benchmarks from the top.

    Parameters
    ----------
    frame
        Columns ``dataset, method, ri, ci_low, ci_high`` of one baseline, as `relative_improvements` returns them.
    ax
        Where to draw; None makes a figure.
    marks
        How methods are drawn; None gives them colours in their order.
    """
    ax, marks = _axes(ax), marks or marks_for(frame["method"])
    number, datasets = pd.factorize(frame["dataset"])
    order = np.argsort(number, kind="stable")
    number = number[order]
    # One row after the other, and an empty one between data sets.
    frame = frame.iloc[order].assign(y=np.arange(len(frame)) + number)
    for method, rows in _by_method(frame):
        mark = marks[method]
        # Intervals that do not exist are not drawn; matplotlib skips NaN.
        ax.hlines(rows["y"], rows["ci_low"], rows["ci_high"], color=mark.colour, linestyle=mark.line, linewidth=1.3)
        ax.plot(rows["ri"], rows["y"], mark.marker, color=mark.colour, markersize=3.8, linestyle="none")
    ax.axvline(0.0, color=EXACT_MARK.colour, linewidth=0.9, zorder=1.5)
    for y in frame["y"].groupby(number).min().iloc[1:]:
        ax.axhline(y - 1.0, color="#d0d0d0", linewidth=0.6)
    ax.set_yticks(frame["y"].groupby(number).mean(), datasets)
    ax.set_ylim(len(frame) + max(0, len(datasets) - 1), -1.0)
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False, axis="y")
    ax.set_xlabel("relative improvement, %")
    return ax


def plot_anytime(frame: pd.DataFrame, *, ax: Axes | None = None, marks: Marks | None = None) -> Axes:
    """Draw mean incumbent test scores of one benchmark as step functions, with bands, random search's exact one beneath.

    Parameters
    ----------
    frame
        Columns ``unit, method, step, mean, low, high``, as `anytime` returns them.
    ax, marks
        As in `plot_forest`.

    Notes
    -----
    The panel begins at a twentieth of the budget: before that all methods are far below, and alike. Of more than `MOST_BANDS`
    methods the bands, which would hide the curves, are left out.
    """
    ax, marks = _axes(ax), marks or marks_for(frame["method"])
    end = int(frame["step"].max())
    start = max(1, end // 20)
    frame = frame[frame["step"] >= start]
    curves = _by_method(frame)
    for method, curve in curves:
        mark, (mean, low, high) = marks[method], _shown(curve, "mean", "low", "high")
        if len(curves) <= MOST_BANDS:
            ax.fill_between(curve["step"], low, high, step="post", color=mark.colour, alpha=0.16, linewidth=0)
        ax.step(curve["step"], mean, where="post", color=mark.colour, linestyle=mark.line, linewidth=1.3)
    drawn = ("low", "high", "mean") if len(curves) <= MOST_BANDS else ("mean",)
    _limit(ax, *_shown(frame[frame["step"] >= 2 * start], *drawn))
    _log_steps(ax, start, end)
    ax.set_xlabel("evaluations")
    return ax


def plot_distribution(frame: pd.DataFrame, *, ax: Axes | None = None, marks: Marks | None = None) -> Axes:
    """Draw cumulative distributions of the final test scores on one benchmark, random search's exact one beneath.

    Parameters
    ----------
    frame
        Columns ``unit, method, test, share``, as `distributions` returns them.
    ax, marks
        As in `plot_forest`.

    Notes
    -----
    The panel leaves out the lowest and the highest 1 % of each distribution that has so small steps.
    """
    ax, marks = _axes(ax), marks or marks_for(frame["method"])
    for method, curve in _by_method(frame):
        mark, (test,) = marks[method], _shown(curve, "test")
        x, share = np.r_[test, np.inf], np.r_[curve["share"], 1.0]
        x = np.where(np.isinf(x), test[-1] + 10.0 * (np.ptp(test) + abs(test[-1])), x)  # stays at 1 beyond the last
        if method == EXACT:
            ax.fill_between(x, share, step="post", color=mark.colour, alpha=0.12, linewidth=0)
        ax.step(np.r_[x[0], x], np.r_[0.0, share], where="post", color=mark.colour, linestyle=mark.line, linewidth=1.2)
    step = frame.groupby("method", sort=False)["share"].transform(
        lambda share: share.diff().fillna(share.iloc[0]).max()
    )
    (inner,) = _shown(frame[frame["share"].between(0.01, 0.99) | (step > 0.01)], "test")
    ax.set_ylim(0.0, 1.0)
    _limit(ax, inner, axis="x")
    ax.set_yticks([0.0, 0.25, 0.5, 0.75, 1.0], ["0 %", "", "50 %", "", "100 %"])
    ax.xaxis.set_major_locator(MaxNLocator(5))
    ax.set_xlabel("test score")
    return ax


def plot_profile(
    frame: pd.DataFrame, *, ax: Axes | None = None, marks: Marks | None = None, minus: str | None = None
) -> Axes:
    """Draw performance profiles with their bands: the share of runs above each normalised score, in percent.

    Parameters
    ----------
    frame
        Columns ``method, score, share, low, high`` of one budget, as `profiles` returns them.
    ax, marks
        As in `plot_forest`.
    minus
        A method whose profile is taken off all others; None draws them as they are.
    """
    ax, marks = _axes(ax), marks or marks_for(frame["method"])
    base = frame.loc[frame["method"] == minus, "share"].to_numpy() if minus else 0.0
    for method, curve in _by_method(frame):
        mark, score = marks[method], curve["score"]
        share, low, high = (100.0 * (curve[key].to_numpy(dtype=np.float64) - base) for key in ("share", "low", "high"))
        ax.fill_between(score, low, high, color=mark.colour, alpha=0.16, linewidth=0)
        ax.plot(score, share, color=mark.colour, linestyle=mark.line, linewidth=1.3)
    ax.set_xlim(frame["score"].min(), frame["score"].max())
    if minus is None:
        ax.set_ylim(0.0, 100.0)
    ax.set_xlabel("normalised score")
    ax.set_ylabel("runs above, %" if minus is None else f"less {minus}")
    return ax


def plot_random_curve(frame: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the exact expectation of random search over its number of draws, with the central 90 % of single searches.

    Parameters
    ----------
    frame
        Columns ``unit, n, mean, low, high`` of one benchmark, as `random_curves` returns them.
    ax
        As in `plot_forest`.

    Notes
    -----
    The worse end of the range may lie outside the panel.
    """
    ax = _axes(ax)
    mean, low, high = _shown(frame, "mean", "low", "high")
    ax.fill_between(frame["n"], low, high, color=EXACT_MARK.colour, alpha=0.12, linewidth=0)
    ax.plot(frame["n"], mean, color=EXACT_MARK.colour, linewidth=1.3)
    late = frame["n"].to_numpy() >= 10
    _limit(ax, mean, low[late], high[late])
    _log_steps(ax, 1, int(frame["n"].max()))
    ax.set_xlabel("draws")
    return ax


def plot_ranks(
    frame: pd.DataFrame, *, ax: Axes | None = None, marks: Marks | None = None, pairs: pd.DataFrame | None = None
) -> Axes:
    """Draw mean ranks, the best on top, and join what cannot be told apart.

    Parameters
    ----------
    frame
        Columns ``method, mean_rank``, the best first.
    ax, marks
        As in `plot_forest`.
    pairs
        Columns ``a, b, p_holm``; None joins nothing.
    """
    ax, marks = _axes(ax), marks or marks_for(frame["method"])
    names, ranks = frame["method"].tolist(), frame["mean_rank"].tolist()
    for place, (name, rank) in enumerate(zip(names, ranks, strict=True)):
        mark = marks.get(name, EXACT_MARK)
        ax.plot([rank], [place], mark.marker, color=mark.colour, markersize=6, markeredgewidth=1.6)
    last_rank = max(len(names), math.ceil(max(ranks, default=1)))  # of methods that are not drawn, too
    for step, (first, last) in enumerate(_alike(names, pairs)):
        x = last_rank + 0.35 + 0.18 * step
        ax.plot([x, x], [first - 0.15, last + 0.15], color="#555555", linewidth=3, solid_capstyle="butt", clip_on=False)
    ax.set_yticks(range(len(names)), [short(name) for name in names])
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.set_xlim(1, last_rank + 0.25)
    ax.set_xticks(range(1, last_rank + 1))
    ax.tick_params(axis="y", length=0)
    ax.set_xlabel("mean rank")
    return ax


def plot_lottery(frame: pd.DataFrame, *, ax: Axes | None = None, marks: Marks | None = None) -> Axes:
    """Draw every setting of every method by budget: a point each, from the worst to the best, random search as the line at 0.

    Parameters
    ----------
    frame
        Columns ``budget, method, ri, is_default`` of one benchmark: relative improvement of a setting over random search,
        in percent. A ring marks the default parameters, a line the median of a method's settings.
    ax, marks
        As in `plot_forest`.
    """
    ax, marks = _axes(ax), marks or marks_for(frame["method"])
    budgets, methods = list(dict.fromkeys(frame["budget"])), list(dict.fromkeys(frame["method"]))
    width = 0.8 / len(methods)  # of a budget's place, 1
    for (budget, method), part in frame.groupby(["budget", "method"], sort=False):
        mark, left = marks[str(method)], budgets.index(budget) - 0.4 + width * methods.index(method)
        part = part.sort_values("ri", kind="stable")
        x = left + width * np.linspace(0.15, 0.85, len(part))
        ax.plot(x, part["ri"], mark.marker, color=mark.colour, markersize=3.0, linestyle="none")
        ax.hlines(part["ri"].median(), left + 0.05 * width, left + 0.95 * width, color=mark.colour, linewidth=1.0)
        ring = part["is_default"].to_numpy()
        ax.plot(x[ring], part["ri"][ring], "o", color="black", markersize=7.0, fillstyle="none", markeredgewidth=0.9)
    ax.axhline(0.0, color=EXACT_MARK.colour, linewidth=0.9, zorder=1.5)
    ax.set_xticks(range(len(budgets)), [f"{budget:,}" for budget in budgets])
    ax.grid(visible=False, axis="x")
    ax.set_xlabel("budget")
    ax.set_ylabel("RI over random search, %")
    return ax


def plot_quality(
    frame: pd.DataFrame, exact: tuple[FloatArray, FloatArray], *, ax: Axes | None = None, marks: Marks | None = None
) -> Axes:
    """Draw mean test scores on one benchmark against what they took, one line a method through its budgets.

    Parameters
    ----------
    frame
        Columns ``unit, label, x, test_mean``.
    exact
        Random search: what it takes (n,), and its exact mean scores (n,).
    ax, marks
        As in `plot_forest`.
    """
    ax, marks = _axes(ax), marks or marks_for(frame["label"])
    unit = str(frame["unit"].iloc[0])
    scores = np.asarray(shown_score(frame["test_mean"].to_numpy(), unit))
    is_near = exact[0] >= frame["x"].min() / 2
    ax.plot(exact[0][is_near], np.asarray(shown_score(exact[1], unit))[is_near], color=EXACT_MARK.colour, linewidth=1.0)
    for label in dict.fromkeys(frame["label"]):
        mark, own = marks[label], (frame["label"] == label).to_numpy()
        line = {"color": mark.colour, "linestyle": mark.line, "linewidth": 0.8, "markersize": 3.5}
        ax.plot(frame["x"][own], scores[own], mark.marker, **line)
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    ax.xaxis.set_minor_locator(NullLocator())
    return ax


def plot_front(
    points: FloatArray,
    signs: tuple[float, float],
    curves: pd.DataFrame | None = None,
    *,
    unit: str = "none",
    ax: Axes | None = None,
    marks: Marks | None = None,
) -> Axes:
    """Draw scores against a column, with their Pareto front, and what methods attain.

    Parameters
    ----------
    points
        (n, 2) score and column of every architecture, in the table's units.
    signs
        1 where larger is better, -1 where smaller is, of score and column.
    curves
        Columns ``method, column, score``, as `harness.reporting.frames.pareto.attainment` returns them; None for none. Where
        there are some, the scores' axis is fitted to them and the front.
    unit
        Of the score.
    ax, marks
        As in `plot_forest`.
    """
    ax = _axes(ax)
    score, column = shown_score(points[:, 0], unit), points[:, 1]
    # As pixels: tens of thousands of points would make a file of megabytes.
    ax.plot(column, score, ".", color="#c4c4c4", markersize=1.5, markeredgewidth=0, rasterized=True, zorder=1)
    front, end = pareto_front(points * signs), signs[1] * float((signs[1] * column).min())
    _steps(ax, column[front], score[front], signs, end, FRONT_MARK, linewidth=1.4)
    ax.locator_params(axis="x", nbins=5)
    if curves is not None:
        marks = marks or marks_for(curves["method"])
        for method, curve in _by_method(curves):
            y = shown_score(curve["score"].to_numpy(), unit)
            _steps(ax, curve["column"].to_numpy(), y, signs, end, marks[method], linewidth=1.1)
        _limit(ax, score[front], np.asarray(shown_score(curves["score"].to_numpy(), unit)))
    return ax


def _steps(
    ax: Axes,
    column: FloatArray,
    score: FloatArray,
    signs: tuple[float, float],
    end: float,
    mark: Mark,
    linewidth: float,
) -> None:
    """Draw the border of what points dominate: each score holds from its column's value on towards worse ones, to `end`."""
    order = np.argsort(-signs[1] * column, kind="stable")
    x, y = np.r_[column[order], end], np.r_[score[order], score[order][-1]]
    ax.step(x, y, where="post", color=mark.colour, linestyle=mark.line, linewidth=linewidth)


def _alike(names: list[str], pairs: pd.DataFrame | None) -> list[tuple[int, int]]:
    """Return the longest stretches of names in which no pair is told apart."""
    if pairs is None:
        return []
    decided = pairs[pairs["p_holm"] < LEVEL]
    apart = {frozenset(pair) for pair in zip(decided["a"], decided["b"], strict=True)}
    stretches: list[tuple[int, int]] = []
    for first in range(len(names)):
        last = first
        while last + 1 < len(names) and all(
            frozenset((names[last + 1], other)) not in apart for other in names[first : last + 1]
        ):
            last += 1
        if last > first and (not stretches or last > stretches[-1][1]):
            stretches.append((first, last))
    return stretches


def _axes(ax: Axes | None) -> Axes:
    return Figure(layout="constrained").subplots() if ax is None else ax


def _by_method(frame: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    return [(str(method), curve) for method, curve in frame.groupby("method", sort=False)]


def _shown(frame: pd.DataFrame, *columns: str) -> list[FloatArray]:
    """Return columns of scores of one benchmark in the unit in which they are shown."""
    unit = str(frame["unit"].iloc[0]) if len(frame) else ""
    return [np.asarray(shown_score(frame[column].to_numpy(dtype=np.float64), unit)) for column in columns]


def _limit(ax: Axes, *values: FloatArray, axis: Literal["x", "y"] = "y") -> None:
    """Fit an axis to values, with a little room; what else is drawn may reach beyond."""
    every = np.concatenate(values)
    every = every[np.isfinite(every)]
    if every.size and np.ptp(every) > 0:
        room = 0.05 * np.ptp(every)
        ax.set(**{f"{axis}lim": (every.min() - room, every.max() + room)})


def _log_steps(ax: Axes, start: int, end: int) -> None:
    """Make the x axis one of counts, logarithmic, with ticks at round ones."""
    ax.set_xscale("log")
    ax.set_xlim(start, max(end, start + 1))
    rounds = [m * 10**k for k in range(len(str(end))) for m in (1, 2, 5) if start <= m * 10**k <= end]
    ticks = rounds if len(rounds) <= 6 else [n for n in rounds if str(n)[0] == "1"]
    ax.set_xticks(ticks)
    ax.xaxis.set_major_formatter(FuncFormatter(lambda n, _: f"{n:,.0f}"))
    ax.xaxis.set_minor_locator(NullLocator())
