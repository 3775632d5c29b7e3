"""Plots of live searches: each draws one frame or array into one axes and returns it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, ScalarFormatter
from numpy.typing import NDArray

from harness.reporting.style import Marks, marks_for

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DECADE = 10.0
GAP = 0.06  # between the heat maps of two operations, of their width
FEW_SEEDS = 5  # fewer than these are drawn as single lines beside their mean, not as a band


def plot_epochs(means: pd.DataFrame, each: pd.DataFrame, *, ax: Axes | None = None, marks: Marks | None = None) -> Axes:
    """Draw a quantity by epoch: means over seeds with their band, or with the single seeds where they are few.

    Parameters
    ----------
    means
        Columns ``method, epoch, n, mean, low, high`` of one quantity, as `harness.reporting.frames.live.curves` has them.
    each
        Columns ``method, seed, epoch, value`` of the same, as `harness.reporting.frames.live.tracked` has them.
    ax
        Where to draw; None makes a figure.
    marks
        How methods are drawn; None gives them colours in their order.
    """
    ax = Figure(layout="constrained").subplots() if ax is None else ax
    marks = marks or marks_for(means["method"])
    for method, curve in means.groupby("method", sort=False):
        mark, epoch = marks[str(method)], curve["epoch"]
        if curve["n"].max() < FEW_SEEDS:
            for _, own in each[each["method"] == method].groupby("seed"):
                ax.plot(own["epoch"], own["value"], color=mark.colour, linestyle=mark.line, linewidth=0.6, alpha=0.45)
        else:
            ax.fill_between(epoch, curve["low"], curve["high"], color=mark.colour, alpha=0.16, linewidth=0)
        # A single epoch is a point.
        marker = mark.marker if len(curve) == 1 else ""
        ax.plot(
            epoch, curve["mean"], color=mark.colour, linestyle=mark.line, linewidth=1.4, marker=marker, markersize=4
        )
    ax.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))
    is_count = bool((each["value"] == each["value"].round()).all())
    ax.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10], integer=is_count))
    # A quantity that hardly moves, such as an entropy, is read better in full than as an offset.
    ax.yaxis.set_major_formatter(ScalarFormatter(useOffset=False))
    ax.set_xlabel("epoch")
    return ax


def make_logarithmic(ax: Axes, means: NDArray[np.float64]) -> None:
    """Scale losses that fall by more than a decade; the bands' ends, which may be below 0, do not set the limits."""
    if len(means) == 0 or not (np.isfinite(means) & (means > 0)).all() or means.max() < DECADE * means.min():
        return
    subs = (1.0, 2.0, 5.0) if means.max() < DECADE**2 * means.min() else (1.0,)
    ax.set_yscale("log", nonpositive="clip", subs=[])
    ax.yaxis.set_major_locator(LogLocator(subs=subs))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda loss, _: f"{loss:g}"))
    ax.set_ylim(means.min() / 1.5, means.max() * 1.5)


def show_later_half(ax: Axes, means: pd.DataFrame) -> None:
    """Scale an axes to the bands of the later half of the epochs: what comes before is far away."""
    later = means[means["epoch"] > means["epoch"].max() / 2]
    ends = later[["low", "high", "mean"]].to_numpy()
    ends = ends[np.isfinite(ends)]
    if len(ends) and np.ptp(ends) > 0:
        ax.set_ylim(ends.min() - 0.1 * np.ptp(ends), ends.max() + 0.1 * np.ptp(ends))


def plot_agreement(frame: pd.DataFrame, *, ax: Axes | None = None, colour: str = "C0") -> Axes:
    """Draw what architectures score with shared weights against what they score on their own.

    Parameters
    ----------
    frame
        Columns ``shared, valid`` of one supernet, as `harness.reporting.frames.one_shot.scored` has them.
    ax
        Where to draw; None makes a figure.
    colour
        Of the dots.
    """
    ax = Figure(layout="constrained").subplots() if ax is None else ax
    ax.scatter(frame["valid"], frame["shared"], s=6, color=colour, alpha=0.6, linewidths=0)
    ax.tick_params(labelsize=7)
    return ax


def plot_weights(ratios: NDArray[np.float64], names: Sequence[str], *, ax: Axes, norm: Normalize) -> Axes:
    """Draw the weights of all operations over epochs as heat maps, side by side: a block an operation.

    Parameters
    ----------
    ratios
        (epochs, edges, operations) binary logarithm of each weight's ratio to equal weights.
    names
        Names of the operations.
    ax
        Where to draw.
    norm
        Symmetric scale.
    """
    _, edges, operations = ratios.shape
    pitch = 1.0 + GAP  # a block is 1 wide, whatever the number of epochs
    for place in range(operations):
        extent = (place * pitch, place * pitch + 1.0, edges - 0.5, -0.5)
        ax.imshow(
            ratios[:, :, place].T, aspect="auto", cmap="PuOr_r", norm=norm, interpolation="nearest", extent=extent
        )
    ax.set_xlim(0.0, operations * pitch - GAP)
    ax.set_xticks([place * pitch + 0.5 for place in range(operations)], names, fontsize=6.5)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)
    ax.tick_params(length=0)
    return ax
