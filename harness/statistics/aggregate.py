"""Relative improvement over several data sets: a geometric mean, and what its interval speaks of."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from harness.errors import HarnessError, unknown_name
from harness.statistics._student import variance_of_mean
from harness.statistics._validate import fraction
from harness.statistics.estimate import Estimate, t_estimate
from harness.statistics.improvement import RelativeImprovement

POPULATIONS = ("these", "like these")


def aggregate_improvement(
    improvements: Sequence[RelativeImprovement], population: str, confidence: float = 0.95
) -> Estimate:
    """Return the geometric-mean relative improvement over data sets, in percent, with its interval.

    Parameters
    ----------
    improvements
        One a data set, against baselines of one kind.
    population
        ``"these"``: exactly these data sets; the error comes from the seeds alone, sqrt(sum of variances) / D, with
        Satterthwaite's degrees of freedom. ``"like these"``: data sets of which these are a sample; t over data sets,
        in which the seeds' error is contained.
    confidence
        Level of the interval.

    Raises
    ------
    HarnessError
        For no data sets, a mean score of 0 or of another sign than the baseline's, baselines of both signs, or an unknown
        population.

    Notes
    -----
    Logarithms of the ratio of a mean score to the baseline's are averaged, for accuracies 1 + RI/100: its product over data
    sets does not depend on their units.
    """
    fraction("confidence", confidence)
    if population not in POPULATIONS:
        raise unknown_name("population", population, POPULATIONS, "aggregate_improvement")
    if not improvements:
        raise HarnessError("improvements: none given; give one a data set")
    signs = {math.copysign(1.0, one.baseline_mean) for one in improvements}
    if len(signs) > 1:
        raise HarnessError(
            "improvements: baselines above and below 0 have no geometric mean together; look at the data sets"
        )
    (sign,) = signs
    gains = np.array([sign * one.estimate / 100.0 for one in improvements])
    if gains.min() <= -1:
        raise HarnessError(
            "improvements: one is -100 % or less (a mean score of 0, or of another sign than the baseline's), so there is no "
            "geometric mean; look at the data sets"
        )
    log_ratio = np.log1p(gains)
    if population == "these":
        variances = np.array([one.log_error**2 for one in improvements])
        df = variances.sum() ** 2 / np.sum(variances**2 / np.array([one.df for one in improvements]))
        error = np.sqrt(variances.sum()) / len(log_ratio)
        silent = [one.note for one in improvements if one.note]
        lack = "an interval" if any("architectures" in note for note in silent) else "spread"
        note = f"{len(silent)} of {len(log_ratio)} data sets without {lack}: no interval" if silent else ""
    else:
        error, df = math.sqrt(variance_of_mean(log_ratio)), len(log_ratio) - 1
        note = "" if error > 0 else "one data set, or all alike: no interval"
    result = t_estimate(log_ratio.mean(), error, df, confidence, f"geometric mean, {population}", note=note)
    ri, low, high = (sign * 100.0 * float(np.expm1(end)) for end in (result.estimate, result.low, result.high))
    if sign < 0:
        low, high = high, low
    return Estimate(ri, low, high, confidence, result.method, result.p_value, result.df, note)
