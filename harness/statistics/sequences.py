"""As many seeds as it takes: confidence sequences and p-values that stay valid however often one looks.

A `Sequence` is given scores in numeric order of seeds, one at a time or in batches: what it says depends on the scores, not on
the batches. Its p-values never rise and its intervals never widen with seeds, so that a verdict once given is never withdrawn.
A kind a question:

- `PairedDifferences`: the centre of differences seed by seed, by the symmetry test;
- `WinProbability`: how often a method does better than random search, by bets on mid-ranks under its exact law;
- `AsymptoticMean`: a mean against an exactly known one, from 30 seeds on;
- `Widened`: any of them against a value that is known by its own error only, such as a published one or a stored baseline.

Equivalence and "no worse than" are containment of the interval in a margin (`Sequence.p_inside`), never the absence of
significance.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from harness.errors import HarnessError
from harness.statistics import evidence
from harness.statistics._student import t_quantile
from harness.statistics._validate import ROUNDING, FloatArray, finite, fraction
from harness.statistics.law import ExactBaseline
from harness.statistics.multiple import holm

_HALVINGS = 40  # of the bracket of an interval's end, which is then 1e-12 of it wide
_DOUBLINGS = 60
# Levels at which `Widened` is asked; its p-values are the next of them, never too small.
_LEVELS = np.geomspace(1e-8, 1.0, 161)


class Sequence(ABC):
    """Scores in numeric order of seeds, and what they show of a parameter at any number of them.

    Attributes
    ----------
    method
        What the p-values and intervals are, for reports.
    assumption
        On what they rest beside independent seeds; empty for nothing.
    """

    method: str
    assumption: str

    @abstractmethod
    def add(self, values: npt.ArrayLike) -> None:
        """Take the values of further seeds, in numeric order (n,)."""

    @property
    @abstractmethod
    def n(self) -> int:
        """How many seeds there are."""

    @property
    @abstractmethod
    def estimate(self) -> float:
        """The mean; NaN before the first seed."""

    @abstractmethod
    def p_values(self, boundary: float) -> tuple[FloatArray, FloatArray]:
        """Return the p-values of "at most `boundary`" and of "at least `boundary`" after each seed (n,), never rising."""

    def p_inside(self, low: float = -np.inf, high: float = np.inf) -> FloatArray:
        """Return the p-values of "outside the margin, or on its boundary" after each seed (n,): small ones show containment."""
        above, below = self._at(low)[0], self._at(high)[1]
        return np.maximum(above, below)

    def p_outside(self, low: float = -np.inf, high: float = np.inf) -> FloatArray:
        """Return the p-values of "inside the margin, or on its boundary" after each seed (n,): small ones show the contrary."""
        below, above = self._at(low)[1], self._at(high)[0]
        if np.isinf(low) or np.isinf(high):
            return above if np.isinf(low) else below
        return np.minimum(1.0, 2.0 * np.minimum(below, above))

    @abstractmethod
    def interval(self, alpha: float = 0.05) -> tuple[float, float]:
        """Return the ends of the interval of confidence 1 - alpha, valid at any time; infinite where there is none."""

    def _at(self, boundary: float) -> tuple[FloatArray, FloatArray]:
        """`p_values`; nothing is below minus infinity, nor above infinity."""
        if np.isinf(boundary):
            return np.zeros(self.n), np.zeros(self.n)
        return self.p_values(boundary)


class _Tested(Sequence):
    """A sequence by one of the e-processes of `harness.statistics.evidence`."""

    support: ClassVar[tuple[float, float]] = (-np.inf, np.inf)

    def __init__(self, values: npt.ArrayLike = ()) -> None:
        self.values = np.empty(0)
        if np.size(values):
            self.add(values)

    def add(self, values: npt.ArrayLike) -> None:
        """Take the values of further seeds, in numeric order (n,)."""
        more = finite("values", values)
        low, high = self.support
        if more.min() < low or more.max() > high:
            raise HarnessError(f"values: from {more.min():g} to {more.max():g}; they are from {low:g} to {high:g}")
        self.values = np.concatenate([self.values, more])

    @abstractmethod
    def process(self, values: npt.ArrayLike, boundary: npt.ArrayLike) -> evidence.Evidence:
        """Return the evidence of values about boundaries, of many claims at once; see `harness.statistics.evidence`."""

    @property
    def n(self) -> int:
        """How many seeds there are."""
        return len(self.values)

    @property
    def estimate(self) -> float:
        """The mean; NaN before the first seed."""
        return float(self.values.mean()) if self.n else np.nan

    def e_values(self, boundary: float) -> tuple[float, float]:
        """Return the greatest evidence so far against "at most `boundary`" and against "at least `boundary`"."""
        above, below = self.process(self.values, boundary)
        with np.errstate(over="ignore"):
            return float(np.exp(above.max(initial=0.0))), float(np.exp(below.max(initial=0.0)))

    def p_values(self, boundary: float) -> tuple[FloatArray, FloatArray]:
        """Return the p-values of "at most `boundary`" and of "at least `boundary`" after each seed (n,), never rising."""
        above, below = self.process(self.values, boundary)
        return p_of(above), p_of(below)

    def interval(self, alpha: float = 0.05) -> tuple[float, float]:
        """Return the ends of the interval of confidence 1 - alpha, valid at any time; infinite where there is none."""
        low, high = intervals(self.process, self.values, alpha, self.support)
        return float(low), float(high)


class PairedDifferences(_Tested):
    """Differences of two methods seed by seed, in any unit: the centre about which they are symmetric."""

    method = "symmetry e-process"
    assumption = "differences are symmetric about their centre"

    def process(self, values: npt.ArrayLike, boundary: npt.ArrayLike) -> evidence.Evidence:
        """`harness.statistics.evidence.symmetry`."""
        return evidence.symmetry(values, boundary)


class WinProbability(_Tested):
    """Mid-ranks of a method's scores under the law of random search: the probability of doing better, ties counting half."""

    method = "betting on mid-ranks under the exact law"
    assumption = ""
    support = (0.0, 1.0)

    def process(self, values: npt.ArrayLike, boundary: npt.ArrayLike) -> evidence.Evidence:
        """`harness.statistics.evidence.betting`."""
        return evidence.betting(values, boundary)


class AsymptoticMean(_Tested):
    """Scores, or relative improvements over an exact baseline: their mean, from 30 seeds on and later for skewed laws.

    Parameters
    ----------
    values
        Of the first seeds (n,).
    skewness
        Of laws such as theirs, known beforehand: `skewness_of` an exact baseline with as many draws as the method, or of the
        scores of a stored one.
    """

    method = "asymptotic confidence sequence"

    def __init__(self, values: npt.ArrayLike = (), skewness: float = 0.0) -> None:
        self.skewness = float(skewness)
        super().__init__(values)
        first = max(evidence.FEWEST_ASYMPTOTIC, evidence.SEEDS_PER_SQUARED_SKEWNESS * self.skewness**2)
        self.first = int(np.ceil(first))
        self.assumption = f"asymptotic: no answer before {self.first} seeds"

    def process(self, values: npt.ArrayLike, boundary: npt.ArrayLike) -> evidence.Evidence:
        """`harness.statistics.evidence.asymptotic`."""
        return evidence.asymptotic(values, boundary, self.skewness)


class Widened(Sequence):
    """The mean of a sequence less a value that is known by the mean of other runs only.

    Parameters
    ----------
    sequence
        Of the method's scores, in the unit of the value.
    value
        The other mean: as published, or of a stored baseline.
    error, df
        Its standard error and degrees of freedom; 0 where it is taken as exact.
    rounding
        By how much the value may be off for having been rounded: half a unit of its last digit.

    Notes
    -----
    At level alpha the sequence has alpha/2 and the t interval of the value, which is looked at once, the other half: their sum
    errs with probability alpha at most. The whole alpha is the sequence's where the value is exact.
    """

    def __init__(
        self, sequence: Sequence, value: float, error: float = 0.0, df: float = np.inf, rounding: float = 0.0
    ) -> None:
        if not error >= 0 or not rounding >= 0 or not df > 0:
            raise HarnessError(
                f"value {value}: its error {error}, degrees of freedom {df} or rounding {rounding} is none"
            )
        self.sequence, self.value, self.error, self.df, self.rounding = sequence, value, error, df, rounding
        self.method = sequence.method + (", widened by the t interval of the other mean" if error else "")
        self.assumption = sequence.assumption

    def add(self, values: npt.ArrayLike) -> None:
        """Take the values of further seeds, in numeric order (n,)."""
        self.sequence.add(values)

    @property
    def n(self) -> int:
        """How many seeds there are."""
        return self.sequence.n

    @property
    def estimate(self) -> float:
        """The difference of the means; NaN before the first seed."""
        return self.sequence.estimate - self.value

    def reach(self, alpha: float) -> float:
        """Return how far the value may be off at one-sided level `alpha`, of which the sequence takes half."""
        return self.rounding + (t_quantile(1.0 - alpha / 2.0, self.df) * self.error if self.error else 0.0)

    def p_values(self, boundary: float) -> tuple[FloatArray, FloatArray]:
        """Return the p-values of "at most `boundary`" and of "at least `boundary`" after each seed (n,), never rising.

        They are the smallest levels at which the widened interval leaves the boundary, rounded up to the next of a grid.
        """
        middle = self.value + boundary
        if not self.error:
            return (
                self.sequence.p_values(middle + self.rounding)[0],
                self.sequence.p_values(middle - self.rounding)[1],
            )
        above, below = np.ones(self.n), np.ones(self.n)
        for level in _LEVELS[::-1]:
            reach = self.reach(level)
            over = self.sequence.p_values(middle + reach)[0] <= level / 2.0
            under = self.sequence.p_values(middle - reach)[1] <= level / 2.0
            above[over], below[under] = level, level
            if not (over.any() or under.any()):
                break
        return above, below

    def interval(self, alpha: float = 0.05) -> tuple[float, float]:
        """Return the ends of the interval of confidence 1 - alpha, valid at any time; infinite where there is none."""
        low, high = self.sequence.interval(alpha / 2.0 if self.error else alpha)
        reach = self.reach(alpha / 2.0)
        return low - self.value - reach, high - self.value + reach


def mid_ranks(scores: npt.ArrayLike, baseline: ExactBaseline) -> FloatArray:
    """Return how likely a random search does worse than each of `scores` (n,), ties counting half.

    NaN, a search that failed or found nothing feasible, is as bad as a random search that finds nothing feasible.
    """
    scores = np.asarray(scores, dtype=np.float64)
    failed, nothing = np.isnan(scores), float(baseline.law.none_feasible(baseline.n_draws))
    values, probability = baseline.law.pmf(baseline.n_draws)
    upto = np.minimum(np.concatenate(([0.0], np.cumsum(probability))), 1.0)
    known: FloatArray = np.where(failed, 0.0, scores)
    slack = ROUNDING * np.abs(known)
    below, at_most = np.searchsorted(values, known - slack), np.searchsorted(values, known + slack, side="right")
    ranks = (upto[below] + upto[at_most]) / 2.0
    if baseline.law.direction == "min":
        ranks = 1.0 - ranks
    return np.where(failed, nothing / 2.0, nothing + (1.0 - nothing) * ranks)


def skewness_of(baseline: ExactBaseline) -> float:
    """Return the skewness of what random search finds; 0 where it always finds the same."""
    values, probability = baseline.law.pmf(baseline.n_draws)
    offset = values - probability @ values
    variance = float(probability @ offset**2)
    return float(probability @ offset**3) / variance**1.5 if variance > 0 else 0.0


def p_of(logarithms: FloatArray) -> FloatArray:
    """Return the p-values after each seed (..., n) of the logarithms of an e-process: min(1, 1 / its greatest value so far)."""
    return np.exp(-np.maximum.accumulate(np.maximum(logarithms, 0.0), axis=-1))


def intervals(
    process: Callable[[npt.ArrayLike, npt.ArrayLike], evidence.Evidence],
    values: npt.ArrayLike,
    alpha: float = 0.05,
    support: tuple[float, float] = (-np.inf, np.inf),
) -> tuple[FloatArray, FloatArray]:
    """Return the ends of confidence sequences at the last of their seeds, of many claims at once.

    Parameters
    ----------
    process
        One of `harness.statistics.evidence`.
    values : array_like, shape (..., n)
        In numeric order of seeds; NaN where a claim has no more.
    alpha
        The interval errs at any time with this probability at most, on each side with half of it.
    support
        Where the parameter can be.

    Returns
    -------
    low, high : ndarray, shape (...)
        The interval holds what no number of seeds so far has rejected; infinite, or the end of the support, where all is held.
    """
    values = np.asarray(values, dtype=np.float64)
    wanted = -np.log(fraction("alpha", alpha) / 2.0)
    ends = []
    for side, sign in ((0, -1.0), (1, 1.0)):

        def rejected(boundary: FloatArray, side: int = side) -> npt.NDArray[np.bool_]:
            return process(values, boundary)[side].max(axis=-1, initial=0.0) >= wanted

        ends.append(_end(rejected, values, sign, support[side]))
    return ends[0], ends[1]


def _end(
    rejected: Callable[[FloatArray], npt.NDArray[np.bool_]], values: FloatArray, sign: float, limit: float
) -> FloatArray:
    """Return where rejection begins, going from the mean to one side: bracketed by doubled steps, then halved."""
    with np.errstate(invalid="ignore"):
        inner = np.nanmean(values, axis=-1) if values.shape[-1] else np.full(values.shape[:-1], np.nan)
        span = np.nanmax(values, axis=-1) - np.nanmin(values, axis=-1) if values.shape[-1] else inner
    if np.isfinite(limit):
        outer = np.full_like(inner, limit)
        found = np.ones(inner.shape, dtype=bool)
    else:
        outer, found = inner + sign * span, np.zeros(inner.shape, dtype=bool)
        for step in range(_DOUBLINGS):
            found = rejected(outer)
            if found.all():
                break
            outer = np.where(found, outer, inner + sign * span * 2.0 ** (step + 1))
    for _ in range(_HALVINGS):
        middle = (inner + outer) / 2.0
        inside = rejected(middle)
        inner, outer = np.where(inside, inner, middle), np.where(inside, middle, outer)
    return np.where(found, outer, sign * np.inf)


def first_rejections(p_values: npt.ArrayLike, level: float = 0.05) -> npt.NDArray[np.int64]:
    """Return after how many seeds Holm's procedure over the family first rejects each hypothesis; 0 for never.

    Parameters
    ----------
    p_values : array_like, shape (tests, n)
        After each seed, never rising along a row; NaN rows are not part of the family.
    level
        Family-wise: of any false rejection at any time.

    Notes
    -----
    Sequential p-values are p-values at any random time (Ville), and Holm's rejections only grow as they fall. It does not matter
    whether seeds went on after a rejection: by how much a hypothesis is rejected has no say in the others.
    """
    p = np.asarray(p_values, dtype=np.float64)
    first = np.zeros(len(p), dtype=np.int64)
    smallest = level / max(1, int(np.count_nonzero(~np.isnan(p).all(axis=1))))
    for seeds in range(p.shape[1]):
        waiting = first == 0
        if np.nanmin(p[waiting, seeds], initial=np.inf) > smallest and not (~waiting).any():
            continue
        rejected = holm(p[:, seeds]) <= level
        first[waiting & rejected] = seeds + 1
    return first
