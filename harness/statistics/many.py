"""Many methods: all against one control on a data set, or all pairs over many data sets."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from harness.errors import HarnessError, unknown_name
from harness.statistics._validate import FloatArray, counts, finite, fraction
from harness.statistics.compare import mean_difference
from harness.statistics.multiple import holm

_FRIEDMAN = 8  # data sets from which on the F form of Friedman's test is sound


@dataclass(frozen=True)
class Ranking:
    """Many methods over many data sets.

    Attributes
    ----------
    mean_ranks : Series
        Mean rank of each method over the data sets, 1 the best, in ascending order.
    p_value
        Friedman's test that all methods rank alike, in Iman & Davenport's F form.
    pairs : DataFrame
        Columns ``a, b, median_difference, p_value, p_holm``: Wilcoxon signed-rank tests of all pairs.
    """

    mean_ranks: pd.Series[float]
    p_value: float
    pairs: pd.DataFrame


def against_control(
    scores: Mapping[str, npt.ArrayLike],
    control: npt.ArrayLike,
    rng: np.random.Generator,
    procedure: str = "holm",
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Return each method's difference in mean from one control, with p-values that account for their number.

    Parameters
    ----------
    scores
        Name of each method -> its scores (n,), higher meaning better.
    control : array_like, shape (m,)
        Scores of the control. (An exact baseline needs no test of its own: `relative_improvement` and `holm`.)
    rng
        For the integral over the multivariate t of ``"dunnett"``.
    procedure
        ``"holm"``: Welch tests, Holm's adjustment, pointwise intervals. ``"dunnett"``: Dunnett (1955), simultaneous
        intervals, which assumes one variance for all and is then the sharper.

    Returns
    -------
    DataFrame, one row a method
        Columns ``method, estimate, low, high, p_value, p_adjusted``; `p_value` is NaN for Dunnett.
    """
    confidence = fraction("confidence", confidence)
    samples = {name: finite(f"scores of {name}", sample) for name, sample in scores.items()}
    reference = finite("control", control)
    table = pd.DataFrame({"method": list(samples), "estimate": [x.mean() - reference.mean() for x in samples.values()]})
    if procedure == "holm":
        each = [mean_difference(sample, reference, confidence=confidence) for sample in samples.values()]
        for column in ("low", "high", "p_value"):
            table[column] = [getattr(difference, column) for difference in each]
        return table.assign(p_adjusted=holm(table["p_value"]))
    if procedure == "dunnett":
        result = stats.dunnett(*samples.values(), control=reference, rng=rng)
        interval = result.confidence_interval(confidence)
        return table.assign(low=interval.low, high=interval.high, p_value=np.nan, p_adjusted=result.pvalue)
    raise unknown_name("procedure", procedure, ("holm", "dunnett"), "against_control")


def can_carry(n_datasets: int, n_methods: int, level: float = 0.05) -> str | None:
    """Return why `n_datasets` cannot carry a comparison of all pairs of `n_methods`, or None if they can.

    The smallest p-value of a Wilcoxon signed-rank test over N data sets is 2^(1-N); Holm multiplies the smallest by
    the number of pairs. Below that floor "not significant" says nothing about the methods. Friedman's test and mean
    ranks of more than two methods need about 8 data sets besides (Demsar 2006, JMLR 7, 1).
    """
    n_datasets, n_methods = int(counts("n_datasets", n_datasets)), int(counts("n_methods", n_methods))
    level = fraction("level", level)
    if n_methods < 2:
        return "1 method: nothing to compare; give at least 2"
    pairs = math.comb(n_methods, 2)
    floor = pairs * 2.0 ** (1 - n_datasets)
    if floor > level:
        needed = math.ceil(1 + math.log2(pairs / level))
        return (
            f"{n_datasets} data set{'s' * (n_datasets != 1)} and {n_methods} methods: the smallest possible Wilcoxon-Holm "
            f"p-value is {min(floor, 1.0):.3g}, above {level:g}; at least {needed} data sets are needed"
        )
    if n_methods > 2 and n_datasets < _FRIEDMAN:
        return f"{n_datasets} data sets: Friedman's test of {n_methods} methods needs about {_FRIEDMAN}"
    return None


def compare_over_datasets(scores: pd.DataFrame, level: float = 0.05) -> Ranking:
    """Compare all pairs of methods over data sets: Friedman's test, then Wilcoxon signed-rank tests with Holm.

    Pairs are tested on their own differences, not on mean ranks, which depend on the other methods in the table
    (Benavoli, Corani & Mangili 2016, JMLR 17, 5).

    Parameters
    ----------
    scores : DataFrame, shape (data sets, methods)
        One score a data set, say the mean over seeds; higher is better.
    level
        Level at which the result is to be read, for `can_carry`.

    Raises
    ------
    HarnessError
        With the reason, if so few data sets cannot carry the comparison; for NaN.
    """
    matrix = finite("scores", scores.to_numpy(), ndim=2)
    n, k = matrix.shape
    if reason := can_carry(n, k, level):
        raise HarnessError(f"scores: {reason}")
    ranks = pd.Series(stats.rankdata(-matrix, axis=1).mean(axis=0), index=scores.columns).sort_values(kind="stable")
    pairs = pd.DataFrame(
        [
            (
                scores.columns[i],
                scores.columns[j],
                np.median(matrix[:, i] - matrix[:, j]),
                _wilcoxon(matrix[:, i] - matrix[:, j]),
            )
            for i, j in itertools.combinations(range(k), 2)
        ],
        columns=["a", "b", "median_difference", "p_value"],
    )
    return Ranking(ranks, _friedman(matrix), pairs.assign(p_holm=holm(pairs["p_value"])))


def _wilcoxon(difference: FloatArray) -> float:
    return float(stats.wilcoxon(difference).pvalue) if np.any(difference) else 1.0


def _friedman(matrix: FloatArray) -> float:
    """Return the p-value of Friedman's test in the F form of Iman & Davenport (1980), ties corrected."""
    n, k = matrix.shape
    ranks = stats.rankdata(matrix, axis=1)
    between = n * np.sum((ranks.mean(axis=0) - (k + 1) / 2) ** 2)
    total = np.sum((ranks - (k + 1) / 2) ** 2)
    within = total - between
    if total == 0:
        return 1.0
    return float(stats.f.sf(np.divide(between * (n - 1), within), k - 1, (k - 1) * (n - 1))) if within > 0 else 0.0
