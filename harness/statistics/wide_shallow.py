"""Are wide and shallow cells favoured because they converge fast? (Shu, Wang & Cai, ICLR 2020, arXiv 1909.09569)

A cell of the DARTS space is given as its chosen edges: one list of source nodes for each intermediate node, in order;
nodes 0 and 1 are the cell's two inputs, and all intermediate nodes are concatenated into the output.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from harness.errors import HarnessError
from harness.statistics._validate import FloatArray, IntArray, counts, finite, fraction
from harness.statistics.ranking import kendall, settled

_INPUTS = 2
Cell = Sequence[Sequence[int]]


def cell_width(cell: Cell) -> float:
    """Return the width of a cell in units of its channels: the sum over nodes of the share of edges from the inputs."""
    _check(cell)
    return float(sum(np.mean(np.asarray(sources) < _INPUTS) for sources in cell))


def cell_depth(cell: Cell) -> int:
    """Return the number of edges on the longest path from an input to the output."""
    _check(cell)
    level = [0] * _INPUTS
    for sources in cell:
        level.append(1 + max(level[source] for source in sources))
    return 1 + max(level)


def trait_agreement(
    accuracy: npt.ArrayLike,
    traits: pd.DataFrame,
    epochs: npt.ArrayLike,
    rng: np.random.Generator,
    window: int = 20,
    confidence: float = 0.95,
    n_bootstrap: int = 1000,
) -> pd.DataFrame:
    """Return Kendall's tau-b between the accuracy at an epoch and traits of the architecture, such as width and depth.

    Parameters
    ----------
    accuracy : array_like, shape (architectures, epochs)
        Learning curves; column 0 is the accuracy after epoch 1.
    traits : DataFrame, shape (architectures, traits)
        One column a trait.
    epochs : array_like
        Epochs to look at, counted from 1. The accuracy at an epoch is the mean of the last `window` up to it.
    rng, n_bootstrap
        Source and number of resamples of architectures, of percentile intervals.

    Returns
    -------
    DataFrame
        Columns ``epoch, trait, tau, low, high``.
    """
    curves, at = finite("accuracy", accuracy, ndim=2), np.atleast_1d(counts("epochs", epochs))
    values = finite("traits", traits.to_numpy(), ndim=2)
    if len(curves) != len(values):
        raise HarnessError(f"traits: {len(values)} rows for {len(curves)} learning curves; give one row a curve")
    if at.max() > curves.shape[1]:
        raise HarnessError(f"epochs: {at.max()} is beyond the curves; give at most {curves.shape[1]}")
    smooth = _trailing_mean(curves, at, int(counts("window", window)))
    tails = (1.0 - fraction("confidence", confidence)) / 2.0
    resamples = rng.integers(len(curves), size=(int(counts("n_bootstrap", n_bootstrap)), len(curves)))
    rows = []
    for epoch, column in zip(at.tolist(), map(settled, smooth.T), strict=True):
        for name, trait in zip(traits.columns, values.T, strict=True):
            draws = [kendall(column[drawn], trait[drawn]) for drawn in resamples]
            rows.append((epoch, name, kendall(column, trait), *np.nanquantile(draws, [tails, 1.0 - tails])))
    return pd.DataFrame(rows, columns=["epoch", "trait", "tau", "low", "high"])


def _trailing_mean(curves: FloatArray, at: IntArray, window: int) -> FloatArray:
    return np.column_stack([curves[:, max(0, epoch - window) : epoch].mean(axis=1) for epoch in at])


def _check(cell: Cell) -> None:
    for i, sources in enumerate(cell):
        if not sources or not all(0 <= source < i + _INPUTS for source in sources):
            raise HarnessError(
                f"cell: node {i + _INPUTS} has sources {list(sources)}; give nodes 0 to {i + _INPUTS - 1}"
            )
    if not cell:
        raise HarnessError("cell: has no nodes; give the sources of each intermediate node")
