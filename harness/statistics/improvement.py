"""Relative improvement (RI) over a baseline, in percent, with the interval and test that fit the design.

RI = 100 (a - r) / r, where `a` is a method's mean score and `r` the baseline's (Yang et al., ICLR 2020,
arXiv 1912.12522). It is invariant under a change of unit, not under a shift: accuracies, not accuracies above chance.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.errors import HarnessError
from harness.statistics._student import t_interval, variance_of_mean, welch_df
from harness.statistics._validate import FloatArray, finite, fraction, positive, same_length
from harness.statistics.law import ExactBaseline


@dataclass(frozen=True)
class RelativeImprovement:
    """A relative improvement and what is known about it.

    Attributes
    ----------
    estimate, low, high
        RI and its confidence interval, in percent.
    p_value
        Two-sided, of RI = 0, by the test that the interval inverts.
    df
        Degrees of freedom of Student's t (NaN or 0 where there is no interval).
    n_method, n_baseline
        Numbers of scores (seeds); `n_baseline` is None for an exact baseline.
    baseline
        Its name; ``"sample"`` for an array of scores.
    method
        ``"one-sample t"`` (exact baseline), ``"delta-Welch"`` or ``"paired log-ratio"``.
    confidence
        Level of the interval.
    note
        Why `low`, `high` and `p_value` are NaN, where they are; else empty.
    """

    estimate: float
    low: float
    high: float
    p_value: float
    df: float
    n_method: int
    n_baseline: int | None
    baseline: str
    method: str
    confidence: float
    note: str = ""


def relative_improvement(
    method_scores: npt.ArrayLike,
    baseline: npt.ArrayLike | ExactBaseline,
    paired: bool = False,
    confidence: float = 0.95,
) -> RelativeImprovement:
    """Return how much better than `baseline` a method scores, in percent.

    Parameters
    ----------
    method_scores : array_like, shape (n,)
        One score a seed, higher meaning better.
    baseline : ExactBaseline or array_like, shape (m,)
        The exact law of random search, which has no sampling error, or the scores of a sampled baseline.
    paired
        The two arrays share seeds that fix shared noise (data split, initial population): compare the log scores seed
        by seed; RI is then that of the geometric means. A shared index alone is not pairing.
    confidence
        Level of the interval.

    Raises
    ------
    HarnessError
        For a bare number as baseline, a baseline mean that is not positive, empty or non-finite scores, or a paired
        design whose lengths differ or whose baseline is exact.

    Notes
    -----
    With an exact baseline RI is linear in the method's mean: one-sample t. With a sampled one the standard error is
    the delta method's, ``100/r sqrt(s_a^2/n + (a/r)^2 s_r^2/m)``, with Welch-Satterthwaite degrees of freedom; at the
    coefficients of variation of NAS (about 1 %) this equals Fieller's interval to the digits shown.
    """
    scores = finite("method scores", method_scores)
    confidence = fraction("confidence", confidence)
    if isinstance(baseline, ExactBaseline):
        if paired:
            raise HarnessError(f"paired: {baseline.name} is exact and has no seeds to pair with; use paired=False")
        return _against_exact(scores, baseline, confidence)
    if np.ndim(baseline) == 0:
        raise HarnessError(
            f"baseline: a bare number ({baseline}) hides its error; give an array of scores or an ExactBaseline"
        )
    sample = finite("baseline scores", baseline)
    return _paired(scores, sample, confidence) if paired else _against_sample(scores, sample, confidence)


def _against_exact(scores: FloatArray, baseline: ExactBaseline, confidence: float) -> RelativeImprovement:
    unit = 100.0 / _reference(baseline.mean, baseline.name)
    estimate, df = unit * (scores.mean() - baseline.mean), len(scores) - 1
    low, high, p_value = t_interval(estimate, unit * np.sqrt(variance_of_mean(scores)), df, confidence)
    return RelativeImprovement(
        estimate, low, high, p_value, df, len(scores), None, baseline.name, "one-sample t", confidence, _note(scores)
    )


def _against_sample(scores: FloatArray, sample: FloatArray, confidence: float) -> RelativeImprovement:
    ratio = scores.mean() / _reference(float(sample.mean()), "baseline scores")
    estimate, sizes, note = 100.0 * (ratio - 1.0), (len(scores), len(sample)), _note(scores, sample)
    variances = variance_of_mean(scores), ratio**2 * variance_of_mean(sample)
    df = welch_df(variances[0], sizes[0], variances[1], sizes[1])
    error = np.nan if note else 100.0 / sample.mean() * np.sqrt(sum(variances))
    low, high, p_value = t_interval(estimate, error, df, confidence)
    return RelativeImprovement(estimate, low, high, p_value, df, *sizes, "sample", "delta-Welch", confidence, note)


def _paired(scores: FloatArray, sample: FloatArray, confidence: float) -> RelativeImprovement:
    n, df = same_length(method=scores, baseline=sample), len(scores) - 1
    log_ratio = np.log(positive("method scores", scores) / positive("baseline scores", sample))
    error = np.sqrt(variance_of_mean(log_ratio))
    low, high, p_value = t_interval(log_ratio.mean(), error, df, confidence)
    estimate, low, high = (100.0 * float(np.expm1(end)) for end in (log_ratio.mean(), low, high))
    method, note = "paired log-ratio", _note(log_ratio)
    return RelativeImprovement(estimate, low, high, p_value, df, n, n, "sample", method, confidence, note)


def _reference(mean: float, name: str) -> float:
    if mean <= 0:
        raise HarnessError(
            f"{name}: mean {mean:g} is not above 0, so RI has no meaning; give scores such as accuracies"
        )
    return mean


def _note(*samples: FloatArray) -> str:
    """Say why `samples` allow no interval; empty if they do."""
    if min(len(sample) for sample in samples) == 1:
        return "one seed: no interval"
    if all(variance_of_mean(sample) == 0 for sample in samples):
        return "all seeds equal: no interval"
    return ""
