"""Relative improvement (RI) over a baseline, in percent, with the interval and test that fit the design.

RI = 100 (a - r) / |r|, where `a` is a method's mean score and `r` the baseline's (Yang et al., ICLR 2020,
arXiv 1912.12522). It is invariant under a change of unit, not under a shift: accuracies, not accuracies above chance.
The size |r| keeps its sign that of a - r, whatever the sign of the scores.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from harness.errors import HarnessError
from harness.statistics._student import no_spread_note, t_interval, variance_of_mean, welch_df
from harness.statistics._validate import FloatArray, counts, finite, fraction, positive, same_length
from harness.statistics.law import ExactBaseline
from harness.statistics.skewness import third_cumulant_of_mean, wider_interval

# What an interval over random architectures wants: see `python -m benchmarks.coverage` and the guide for its coverage.
MIN_ARCHITECTURES = 100
MIN_RUNS = 50


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
        Degrees of freedom of Student's t.
    n_method, n_baseline
        Numbers of scores (seeds); `n_baseline` is None for an exact baseline.
    baseline
        Its name; ``"sample"`` for an array of scores.
    method
        ``"one-sample t"`` (exact baseline), ``"delta-Welch"`` or ``"paired log-ratio"``; over random architectures
        ``"delta-Welch, skewness-corrected"`` or ``"paired ratio, skewness-corrected"``.
    confidence
        Level of the interval.
    log_error
        Standard error of log(a / r), by which several data sets are aggregated; NaN where there is no interval.
    note
        Why `low`, `high` and `p_value` are NaN, where they are; else empty.
    baseline_mean
        The baseline's mean score, of whose size RI is a percentage; geometric in a paired design.
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
    log_error: float
    note: str = ""
    baseline_mean: float = math.nan


def relative_improvement(
    method_scores: npt.ArrayLike,
    baseline: npt.ArrayLike | ExactBaseline,
    paired: bool = False,
    confidence: float = 0.95,
    architectures: int | None = None,
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
    architectures
        How many random architectures each score of a sampled baseline is the mean of, where they are architectures drawn at
        random; None where they are results of searches. A space may hold a few broken architectures, which a small sample
        misses: the interval is corrected for skewness, and there is none below 100 architectures and 50 runs of the method.

    Raises
    ------
    HarnessError
        For a bare number as baseline, a baseline mean of 0, empty or non-finite scores, or a paired design whose lengths
        differ, whose scores are not all above 0 (or all below), or whose baseline is exact.

    Notes
    -----
    With an exact baseline RI is linear in the method's mean: one-sample t. With a sampled one the standard error is
    the delta method's, ``100/r sqrt(s_a^2/n + (a/r)^2 s_r^2/m)``, with Welch-Satterthwaite degrees of freedom; at the
    coefficients of variation of NAS (about 1 %) this equals Fieller's interval to the digits shown.

    Over random architectures RI is that of the means, paired or not: on a log scale a left tail is longer still, and the mean
    of the logs of means of several architectures is above that of single ones, so that a method no better than the baseline
    would seem worse. The standard error is that of ``a - (mean a / mean r) r``, seed by seed where `paired`.
    """
    scores = finite("method scores", method_scores)
    confidence = fraction("confidence", confidence)
    if isinstance(baseline, ExactBaseline):
        if paired:
            raise HarnessError(f"paired: {baseline.name} is exact and has no seeds to pair with; use paired=False")
        if architectures is not None:
            raise HarnessError(f"architectures: {baseline.name} is exact and no sample of any; leave it out")
        return _unpaired(scores, baseline, confidence)
    if np.ndim(baseline) == 0:
        raise HarnessError(
            f"baseline: a bare number ({baseline}) hides its error; give an array of scores or an ExactBaseline"
        )
    sample = finite("baseline scores", baseline)
    if architectures is not None:
        return _over_architectures(scores, sample, paired, confidence, int(counts("architectures", architectures)))
    return _paired(scores, sample, confidence) if paired else _unpaired(scores, sample, confidence)


def _unpaired(scores: FloatArray, baseline: FloatArray | ExactBaseline, confidence: float) -> RelativeImprovement:
    n = len(scores)
    if isinstance(baseline, ExactBaseline):
        name, method, m = baseline.name, "one-sample t", None
        reference, reference_variance, note = baseline.mean, 0.0, no_spread_note(scores)
    else:
        name, method, m = "sample", "delta-Welch", len(baseline)
        reference, reference_variance = float(baseline.mean()), variance_of_mean(baseline)
        note = no_spread_note(scores, baseline)
    ratio = _ratio(scores, reference, name)
    variances = variance_of_mean(scores), ratio**2 * reference_variance
    note = note or _no_spread_at_all(variances)
    error = np.nan if note else math.sqrt(sum(variances)) / abs(reference)
    df = welch_df(variances[0], n, variances[1], m or np.inf)
    log_error = error / ratio if ratio > 0 else np.nan
    ri = math.copysign(100.0, reference) * (ratio - 1.0)
    low, high, p_value = t_interval(ri, 100.0 * error, df, confidence)
    return RelativeImprovement(ri, low, high, p_value, df, n, m, name, method, confidence, log_error, note, reference)


def _paired(scores: FloatArray, sample: FloatArray, confidence: float) -> RelativeImprovement:
    n, sign = same_length(method=scores, baseline=sample), math.copysign(1.0, sample.mean())
    sizes = positive("method scores", sign * scores), positive("baseline scores", sign * sample)
    log_ratio = np.log(sizes[0] / sizes[1])
    note = no_spread_note(log_ratio)
    error, df = np.nan if note else math.sqrt(variance_of_mean(log_ratio)), n - 1
    low, high, p_value = t_interval(log_ratio.mean(), error, df, confidence)
    ri, low, high = (sign * 100.0 * float(np.expm1(end)) for end in (log_ratio.mean(), low, high))
    if sign < 0:
        low, high = high, low
    name, method, reference = "sample", "paired log-ratio", sign * float(np.exp(np.log(sizes[1]).mean()))
    return RelativeImprovement(ri, low, high, p_value, df, n, n, name, method, confidence, error, note, reference)


def _over_architectures(
    scores: FloatArray, sample: FloatArray, paired: bool, confidence: float, each: int
) -> RelativeImprovement:
    """Return RI over a sample of random architectures, `each` of them behind a score."""
    n, m = len(scores), len(sample)
    if paired:
        same_length(method=scores, baseline=sample)
    reference = float(sample.mean())
    ratio = _ratio(scores, reference, "sample")
    parts = [scores - ratio * sample] if paired else [scores, -ratio * sample]
    variances = [variance_of_mean(part) for part in parts]
    note = no_spread_note(*parts) or _too_few(n, m * each) or _no_spread_at_all(variances)
    error = np.nan if note else math.sqrt(sum(variances)) / abs(reference)
    skewness = np.nan if note else sum(map(third_cumulant_of_mean, parts)) / sum(variances) ** 1.5
    df = n - 1.0 if paired else welch_df(variances[0], n, variances[1], m)
    ri = math.copysign(100.0, reference) * (ratio - 1.0)
    low, high, p_value = wider_interval(ri, 100.0 * error, skewness, df, confidence)
    method = ("paired ratio" if paired else "delta-Welch") + ("" if note else ", skewness-corrected")
    log_error = error / ratio if ratio > 0 else np.nan
    name = "sample"
    return RelativeImprovement(ri, low, high, p_value, df, n, m, name, method, confidence, log_error, note, reference)


def _ratio(scores: FloatArray, reference: float, name: str) -> float:
    if reference == 0:
        raise HarnessError(f"baseline {name}: mean 0 is not above 0, nor below, and nothing is a percentage of it")
    return float(scores.mean()) / reference


def _no_spread_at_all(variances: Sequence[float]) -> str:
    """Say why a mean of 0 allows no interval: it is 100 % from any baseline, whose error then does not count."""
    return "all seeds score 0: no interval" if sum(variances) == 0 else ""


def _too_few(runs: int, architectures: int) -> str:
    """Say why so few draws allow no interval; empty if they do."""
    if architectures >= MIN_ARCHITECTURES and runs >= MIN_RUNS:
        return ""
    return (
        f"{runs} runs against {architectures} random architectures, where an interval wants {MIN_RUNS} and "
        f"{MIN_ARCHITECTURES}: so few may miss the rare bad ones"
    )
