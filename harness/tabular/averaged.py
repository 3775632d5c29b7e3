"""Several trainings of an architecture as one row: their mean, and what they say of the noise of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError, unknown_name
from harness.statistics import intraclass_correlation, noise_ceiling
from harness.system.texts import visible
from harness.tabular.audit import COUNTS
from harness.tabular.numerals import numerals

if TYPE_CHECKING:
    import pandas as pd


def over_seeds(
    frame: pd.DataFrame, arch: Sequence[str], seed: str, test: str, training_seed: str | None, where: str
) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return a frame with one row an architecture: the mean of its trainings, or the one of a seed.

    Parameters
    ----------
    frame
        One row a training.
    arch, seed, test
        Columns that say which architecture and which training a row is, and of the test score.
    training_seed
        The only one that is wanted; None for the mean.
    where
        Put in front of messages.

    Returns
    -------
    frame : DataFrame
        In the order in which the architectures first stand there. Columns of numbers are means, others are as in the first row.
    noise : dict
        For the card: ``seeds``, ``architectures`` that have them all, ``test_sd`` of single trainings of an architecture, the
        share of the variance between them that architectures make, ``icc`` with its interval, and ``ceiling``, the bounds of
        Kendall's tau that any ranking can reach with the test scores of one training. Empty where one seed is wanted.

    Raises
    ------
    HarnessError
        If a row names no seed, an architecture has a seed twice, there is no such seed, or a column has a percent sign in some
        cells only.
    """
    if (bad := np.flatnonzero(frame[seed].isna().to_numpy())).size:
        raise HarnessError(f"{where}: column {seed!r} is empty in {bad.size} row(s), first in row {bad[0] + 1}")
    seeds = frame[seed].map(_name)
    keys = frame[list(arch)].map(lambda cell: visible(str(cell))).agg("\x1f".join, axis=1)
    twice = keys.str.cat(seeds, sep="\x1e").duplicated()
    if twice.any():
        row = int(np.argmax(twice.to_numpy()))
        raise HarnessError(
            f"{where}: row {row + 1}: {keys.iloc[row].replace(chr(31), ', ')} has seed {seeds.iloc[row]} a second time"
        )
    if training_seed is not None:
        there = (seeds == _name(training_seed)).to_numpy()
        if not there.any():
            raise unknown_name("training seed", str(training_seed), sorted(set(seeds)), where)
        return frame[there].reset_index(drop=True), {}
    groups, names = keys.factorize()
    count = np.bincount(groups)
    averaged = frame.iloc[np.unique(groups, return_index=True)[1]].reset_index(drop=True)
    for column in frame.columns:
        if column not in (*arch, seed):
            averaged[column] = _mean(frame[column], groups, count, averaged[column], f"{where}: column {column!r}")
    for column in COUNTS:
        if column not in averaged:
            averaged[column] = count
    return averaged, _noise(numerals(frame[test]).values, groups, seeds, len(names))


def _name(seed: object) -> str:
    """A seed's name; 3 and 3.0 are one."""
    text = visible(str(seed))
    return text.removesuffix(".0")


def _mean(
    column: pd.Series[Any], groups: NDArray[np.intp], count: NDArray[np.intp], first: pd.Series[Any], where: str
) -> Any:
    """The mean of every group, NaN where a cell has no number, with the percent sign of all cells; texts are of the first row."""
    found = numerals(column)
    if not np.isfinite(found.values).any():
        return first
    if found.signed.any() and not found.signed.all():
        raise HarnessError(f"{where} has a percent sign in some cells only; write it in all cells of it, or in none")
    mean = np.bincount(groups, weights=found.values) / count
    return [f"{value!r}%" for value in mean.tolist()] if found.signed.any() else mean


def _noise(scores: NDArray[np.float64], groups: NDArray[np.intp], seeds: pd.Series[Any], n: int) -> dict[str, Any]:
    places, names = seeds.factorize(sort=True)
    table = np.full((n, len(names)), np.nan)
    table[groups, places] = scores
    whole = table[np.isfinite(table).all(axis=1)]
    noise: dict[str, Any] = {"seeds": list(map(str, names)), "architectures": len(whole)}
    if len(whole) < 3 or len(names) < 2:
        return noise
    noise["test_sd"] = float(np.sqrt(whole.var(axis=1, ddof=1).mean()))
    if np.ptp(whole) > 0:
        icc = intraclass_correlation(whole)
        noise["icc"] = [float(icc.estimate), float(icc.low), float(icc.high)]
        noise["ceiling"] = [float(bound) for bound in noise_ceiling(whole)]
    return noise
