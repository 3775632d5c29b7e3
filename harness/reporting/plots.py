"""Plots: each draws one frame into one axes and returns it. Nothing is shown, saved or set for good."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from harness.reporting.formats import shown_score
from harness.reporting.frames.curves import EXACT
from harness.reporting.style import EXACT_MARK, Marks, marks_for

if TYPE_CHECKING:
    from matplotlib.axes import Axes


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
    datasets, methods = list(dict.fromkeys(frame["dataset"])), list(dict.fromkeys(frame["method"]))
    pitch = len(methods) + 1.0
    for place, method in enumerate(methods):
        rows = frame[frame["method"] == method]
        y = rows["dataset"].map(datasets.index).to_numpy() * pitch + place
        mark = marks[method]
        # Intervals that do not exist are not drawn; matplotlib skips NaN.
        ax.hlines(y, rows["ci_low"], rows["ci_high"], color=mark.colour, linewidth=1.3)
        ax.plot(rows["ri"], y, mark.marker, color=mark.colour, markersize=3.8, linestyle="none")
    ax.axvline(0.0, color=EXACT_MARK.colour, linewidth=0.9, zorder=1.5)
    for place in range(1, len(datasets)):
        ax.axhline(place * pitch - 1.0, color="#d0d0d0", linewidth=0.6)
    ax.set_yticks([place * pitch + (len(methods) - 1) / 2 for place in range(len(datasets))], datasets)
    ax.set_ylim(len(datasets) * pitch - 1.0, -1.0)
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
    The first evaluations, which are far below everything else and alike for all methods, may lie outside the panel.
    """
    ax, marks = _axes(ax), marks or marks_for(frame["method"])
    for method, curve in _by_method(frame):
        mark, unit = marks[method], str(curve["unit"].iloc[0])
        x, mean = curve["step"].to_numpy(), shown_score(curve["mean"].to_numpy(), unit)
        low, high = (shown_score(curve[end].to_numpy(), unit) for end in ("low", "high"))
        ax.fill_between(x, low, high, step="post", color=mark.colour, alpha=0.18, linewidth=0)
        ax.step(x, mean, where="post", color=mark.colour, linestyle=mark.line, linewidth=1.3)
    _limit_to_late(ax, frame)
    _log_steps(ax, int(frame["step"].max()))
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
    """
    ax, marks = _axes(ax), marks or marks_for(frame["method"])
    for method, curve in _by_method(frame):
        mark, unit = marks[method], str(curve["unit"].iloc[0])
        x = np.repeat(shown_score(curve["test"].to_numpy(), unit), 2)
        y = np.concatenate(([0.0], np.repeat(curve["share"].to_numpy(), 2)[:-1]))
        if method == EXACT:
            ax.fill_between(x, y, color=mark.colour, alpha=0.12, linewidth=0)
        ax.plot(x, y, color=mark.colour, linestyle=mark.line, linewidth=1.2)
    ax.set_ylim(0.0, 1.0)
    ax.yaxis.set_major_formatter(FuncFormatter(lambda share, _: f"{share:.0%}"))
    ax.xaxis.set_major_locator(MaxNLocator(5))
    return ax


def plot_random_curve(frame: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw the exact expectation of random search over its number of draws, with the central 90 % of single searches.

    Parameters
    ----------
    frame
        Columns ``unit, n, mean, low, high`` of one benchmark, as `random_curves` returns them.
    ax
        As in `plot_forest`.
    """
    ax, unit = _axes(ax), str(frame["unit"].iloc[0])
    mean, low, high = (shown_score(frame[column].to_numpy(), unit) for column in ("mean", "low", "high"))
    ax.fill_between(frame["n"], low, high, color=EXACT_MARK.colour, alpha=0.12, linewidth=0)
    ax.plot(frame["n"], mean, color=EXACT_MARK.colour, linewidth=1.3)
    _log_steps(ax, int(frame["n"].max()))
    ax.set_xlabel("draws")
    return ax


def _axes(ax: Axes | None) -> Axes:
    return Figure(layout="constrained").subplots() if ax is None else ax


def _by_method(frame: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    return [(str(method), curve) for method, curve in frame.groupby("method", sort=False)]


def _log_steps(ax: Axes, end: int) -> None:
    ax.set_xscale("log")
    ax.set_xlim(1, max(end, 2))
    ax.set_xticks([10**k for k in range(len(str(end)))])
    ax.xaxis.set_major_formatter(FuncFormatter(lambda n, _: f"{n:,.0f}"))
    ax.xaxis.set_minor_locator(NullLocator())


def _limit_to_late(ax: Axes, frame: pd.DataFrame) -> None:
    """Show what happens from a tenth of the budget on, and a little below."""
    late = frame[frame["step"] >= frame["step"].max() / 10]
    unit = str(frame["unit"].iloc[0])
    bounds = late[["mean", "low", "high"]].to_numpy(dtype=np.float64)
    low, high = shown_score(np.nanmin(bounds), unit), shown_score(np.nanmax(bounds), unit)
    margin = 0.06 * (high - low)
    if margin > 0:
        ax.set_ylim(low - margin, high + margin)
