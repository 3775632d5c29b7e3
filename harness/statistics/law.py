"""The exact law of random search on a finite table: no sampling, no normality, every budget at once.

Random search draws `n` architectures, keeps the one with the best *validation* value and reports that one's *test*
value. On a table all of that has a closed form (Dodge et al. 2019, arXiv 1909.03004; Li & Talwalkar 2019,
arXiv 1902.07638, simulate it). Write ``F_g`` for the share of the table's weight in the tie groups (equal validation
value) up to ``g``, worst first; then the winner lies in group ``g`` with probability

    F_g^n - F_{g-1}^n                                          with replacement,
    [C(hi_g, n) - C(hi_{g-1}, n)] / C(N, n)                    without, hi_g rows lying in the groups up to g,

and within its group it is any row in proportion to the weights, whichever of the equal ones the search keeps.

Under a constraint (a latency of at most so much) only feasible architectures can win. The infeasible rows are then one
more tie group, worse than all others, of share q: a search ends without an answer with probability ``q^n`` (without
replacement ``C(hi_0, n) / C(N, n)``), and everything else is stated for searches that found a feasible architecture.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from harness.errors import HarnessError, unknown_name
from harness.statistics._validate import ROUNDING, FloatArray, IntArray, counts, distinct, finite, same_length

_CHUNK = 2_000_000  # elements of the largest temporary array
_UNDERFLOW = -746.0  # exp of less is exactly 0
_NEGLIGIBLE = 60.0  # exp of minus this is far below rounding
_MOST_DRAWS = 2**52  # beyond, a count is not exact in floating point


class RandomSearchLaw:
    """Law of the test value that random search reports, as a function of its number of draws.

    Parameters
    ----------
    valid, test : array_like, shape (N,)
        One row an architecture; selection is by `valid`, the result is `test`, in whatever unit the table has.
    weights : array_like, shape (N,), optional
        The measure from which an architecture is drawn, up to a factor; rows of weight 0 are never drawn. Default:
        every row once.
    replace
        Draw with replacement (independent draws) or without (a search that never evaluates twice; equal weights only).
    direction
        ``"max"`` when higher is better in both columns, ``"min"`` when lower is.
    feasible : array_like of bool, shape (N,), optional
        Which rows satisfy the constraint. Infeasible ones are drawn, and cost a draw, but never win: every law below is
        that of searches which drew a feasible one, `none_feasible` the probability of those that did not. Default: all.

    Raises
    ------
    HarnessError
        For empty, non-finite or mismatched columns, negative weights, unequal weights without replacement, an unknown
        direction, or no feasible row that can be drawn.

    Notes
    -----
    Budgets `n` are scalars or arrays; a scalar gives a float. Probabilities are formed as ``exp(a) * -expm1(b)`` from
    logarithms, so they keep their relative precision at any `n`. Without replacement the ratio of binomials is the
    product of ``1 - n/j`` over the ranks ``j > hi``, which unlike differences of log-gammas loses nothing in a large
    table.
    """

    def __init__(
        self,
        valid: npt.ArrayLike,
        test: npt.ArrayLike,
        weights: npt.ArrayLike | None = None,
        replace: bool = True,
        direction: str = "max",
        feasible: npt.ArrayLike | None = None,
    ) -> None:
        valid, test = finite("valid", valid), finite("test", test)
        weights = np.ones(len(valid)) if weights is None else finite("weights", weights)
        can_win = np.ones(len(valid), dtype=bool) if feasible is None else np.asarray(feasible, dtype=bool)
        self.size = same_length(valid=valid, test=test, weights=weights, feasible=can_win)
        if weights.min() < 0 or weights.max() == 0:
            raise HarnessError("weights: must be at least 0, and not all 0")
        if not replace and weights.min() != weights.max():
            raise HarnessError("weights: unequal weights have no closed form without replacement; use replace=True")
        if direction not in ("max", "min"):
            raise unknown_name("direction", direction, ("max", "min"), "RandomSearchLaw")
        if not np.any(can_win & (weights > 0)):
            raise HarnessError("feasible: no row that can be drawn satisfies the constraint; loosen it")
        self.replace = replace
        self.direction = direction
        self._sign = 1.0 if direction == "max" else -1.0

        drawn = np.flatnonzero(weights)
        merit = np.where(can_win, self._sign * valid, -np.inf)
        self._rows = drawn[np.argsort(merit[drawn], kind="stable")]  # worst first
        ordered = merit[self._rows]
        self._losers = int(ordered[0] == -np.inf)  # tie groups in front that never win: that of the infeasible rows
        self._starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])  # first row of each tie group
        self._group = np.repeat(np.arange(len(self._starts)), np.diff(self._starts, append=len(self._rows)))
        if weights.min() == weights.max():
            weights = np.ones(self.size)  # so that the sums below are exact
        weight = weights[self._rows]
        group_weight = np.add.reduceat(weight, self._starts)
        self._share = weight / group_weight[self._group]
        upto = np.cumsum(group_weight)
        above = np.r_[np.cumsum(group_weight[:0:-1])[::-1], 0.0]
        total = upto[-1]
        with np.errstate(divide="ignore"):
            self._log_upto = np.where(upto < total / 2, np.log(upto / total), np.log1p(-above / total))
            self._log_step = np.log1p(-group_weight / upto)  # log of F_{g-1} / F_g
        self._valid, self._test = valid, test
        self._first = int(self._starts[self._losers])  # first feasible row
        self._values, self._value_of_row = distinct(test[self._rows[self._first :]])

    def mean(self, n: npt.ArrayLike) -> Any:
        """Return the expected test value after `n` draws; it need not be monotone in `n`."""
        return self.expectation(self._test, n)

    def mean_valid(self, n: npt.ArrayLike) -> Any:
        """Return the expected validation value of the winner after `n` draws."""
        return self.expectation(self._valid, n)

    def expectation(self, column: npt.ArrayLike, n: npt.ArrayLike) -> Any:
        """Return the winner's expected value in any `column` of the table (N,): latency, parameters, regret."""
        column = finite("column", column)
        same_length(column=column, valid=self._valid)
        n = self._budgets(n)
        means = self._group_means(column)
        expected = np.empty(n.size)
        for budgets, groups, probability in self._winners(n.ravel()):
            expected[budgets] = means[-1] + probability @ (means[groups] - means[-1])
        return expected.reshape(n.shape)[()]

    def none_feasible(self, n: npt.ArrayLike) -> Any:
        """Return the probability that none of `n` draws is feasible: that the search ends without an answer."""
        n = self._budgets(n)
        probability = np.zeros(n.size)
        if self._losers:
            for budgets, groups, log_upto, _ in self._order(n.ravel()):
                probability[budgets] = np.exp(log_upto[:, 0]) if groups.start == 0 else 0.0
        return probability.reshape(n.shape)[()]

    def std(self, n: npt.ArrayLike) -> Any:
        """Return the standard deviation of the test value of one search of `n` draws."""
        n = self._budgets(n)
        test = self._test[self._rows]
        means = self._group_means(self._test)
        within = np.add.reduceat(self._share * (test - means[self._group]) ** 2, self._starts)
        variance = np.empty(n.size)
        for budgets, groups, probability in self._winners(n.ravel()):
            centre = means[-1] + probability @ (means[groups] - means[-1])
            between = (means[groups] - centre[:, np.newaxis]) ** 2
            variance[budgets] = np.sum(probability * (within[groups] + between), axis=1)
        return np.sqrt(variance).reshape(n.shape)[()]

    def pmf(self, n: int) -> tuple[FloatArray, FloatArray]:
        """Return the table's distinct test values, ascending (K,), and the probability of each after `n` draws (K,).

        Values within 1e-12 (relative) of each other are one: averages over seeds that differ in rounding only.
        """
        budget = self._budgets(n)
        if budget.ndim:
            raise HarnessError(f"pmf: n has shape {budget.shape}; give one budget")
        ((_, groups, probability),) = self._winners(budget.ravel())
        rows = slice(self._starts[groups.start], None)
        by_row = probability[0, self._group[rows] - groups.start] * self._share[rows]
        value_of_row = self._value_of_row[rows.start - self._first :]
        return self._values, np.bincount(value_of_row, by_row, len(self._values)).astype(np.float64)

    def cdf(self, x: npt.ArrayLike, n: npt.ArrayLike) -> Any:
        """Return P(test <= x) after `n` draws; `x` and `n` broadcast."""

        def read(probability: FloatArray, x: FloatArray) -> FloatArray:
            return _upto(probability)[np.searchsorted(self._values, x, side="right")]

        return self._per_budget(read, x, n)

    def sf(self, x: npt.ArrayLike, n: npt.ArrayLike) -> Any:
        """Return P(test > x) after `n` draws, precise where it is small; `x` and `n` broadcast."""

        def read(probability: FloatArray, x: FloatArray) -> FloatArray:
            return _from(probability)[np.searchsorted(self._values, x, side="right")]

        return self._per_budget(read, x, n)

    def probability_above(self, x: npt.ArrayLike, n: npt.ArrayLike) -> Any:
        """Return P(random search does at least as well as `x`) after `n` draws; `x` and `n` broadcast.

        That is P(test >= x), or P(test <= x) where lower is better: the one-sided p-value of a single result. Values
        within 1e-12 (relative) of `x` count as equal to it.
        """

        def read(probability: FloatArray, x: FloatArray) -> FloatArray:
            if self.direction == "max":
                return _from(probability)[np.searchsorted(self._values, x - ROUNDING * np.abs(x))]
            return _upto(probability)[np.searchsorted(self._values, x + ROUNDING * np.abs(x), side="right")]

        return self._per_budget(read, x, n)

    def quantile(self, q: npt.ArrayLike, n: npt.ArrayLike) -> Any:
        """Return the smallest test value whose cdf after `n` draws reaches `q` (to 1e-12); `q` and `n` broadcast."""
        q = np.asarray(q, dtype=np.float64)
        if not np.all((q >= 0) & (q <= 1)):
            raise HarnessError(f"quantile: q = {q} is out of range; give levels between 0 and 1")

        def read(probability: FloatArray, q: FloatArray) -> FloatArray:
            level = np.maximum(q - ROUNDING, np.finfo(float).tiny)
            place = np.searchsorted(np.cumsum(probability), level)
            return self._values[np.minimum(place, len(self._values) - 1)]

        return self._per_budget(read, q, n)

    def equivalent_budget(self, target: float) -> int | None:
        """Return the smallest number of draws whose mean test value reaches `target`: what a method's mean is worth.

        `target` is in the unit of `test`. Because the mean need not be monotone in `n`, this is the first crossing,
        even if the curve falls below `target` again. None means never reached, however many draws are made (without
        replacement: up to the whole table).

        Notes
        -----
        Exact up to 1e-12 (of the target or of the table's range), without visiting every `n`: bisect all intervals in
        which a crossing before the first one known is still possible. If m2 and m3 are the (mean) results of the
        second and third best of n + 2 exchangeable draws, then leaving out one or two of them at random shows that

            mean(n+2) - 2 mean(n+1) + mean(n) = 2 E[m3 - m2] / ((n+1)(n+2)),

        so with R the range of the results still in play, the curve on [a, b] exceeds its higher end by at most
        R (b-a)^2 / (4 (a+1)(a+2)). Under a constraint this holds of the mean of all searches, whatever value stands for
        one without an answer; with `target` itself for that value, both curves cross `target` at the same `n`.
        """
        goal = self._sign * float(finite("target", [target])[0])
        means = self._sign * self._group_means(self._test)
        slack = ROUNDING * max(np.ptp(self._values), abs(goal))
        if means[self._losers :].max() < goal - slack:
            return None
        means[: self._losers] = goal
        best, worst = (scan.accumulate(means[::-1])[::-1] for scan in (np.maximum, np.minimum))

        grid = np.unique(np.rint(np.geomspace(1, self._saturation(), 64)).astype(np.int64))
        curve = self._sign * self.mean(grid)
        while True:
            reached = np.flatnonzero(curve >= goal - slack)
            if len(reached):
                grid, curve = grid[: reached[0] + 1], curve[: reached[0] + 1]
            left, right = grid[:-1], grid[1:]
            in_play = np.searchsorted(self._log_upto, -_NEGLIGIBLE / left)
            spread = (best - worst)[np.minimum(in_play, len(means) - 1)]
            excess = spread * (right - left) ** 2.0 / (4.0 * (left + 1.0) * (left + 2.0))
            short = (goal - curve) * (1.0 - self.none_feasible(grid))
            possible = (right - left > 1) & (np.minimum(short[:-1], short[1:]) <= excess)
            if not possible.any():
                return int(grid[-1]) if len(reached) else None
            middle = (left[possible] + right[possible]) // 2
            place = np.searchsorted(grid, middle)
            grid, curve = np.insert(grid, place, middle), np.insert(curve, place, self._sign * self.mean(middle))

    def _budgets(self, n: npt.ArrayLike) -> IntArray:
        """Return `n` as whole numbers that this law can draw."""
        budgets = counts("n", n)
        if not self.replace and budgets.size and budgets.max() > self.size:
            raise HarnessError(f"n: {budgets.max()} draws without replacement from {self.size} rows; use replace=True")
        return budgets

    def _group_means(self, column: FloatArray) -> FloatArray:
        """Return the mean of `column` (N,) in each tie group, worst group first (G,)."""
        return np.add.reduceat(self._share * column[self._rows], self._starts)

    def _saturation(self) -> int:
        """Return a number of draws from which the best group wins with certainty."""
        if not self.replace:
            return self.size
        if len(self._starts) == 1:
            return 1
        return int(min(np.ceil(_NEGLIGIBLE / -self._log_upto[-2]), _MOST_DRAWS))

    def _winners(self, n: IntArray) -> Iterator[tuple[slice, slice, FloatArray]]:
        """Yield (part of `n`, tie groups, probability that each of these groups holds the winner, if any), in chunks.

        Groups left out, all at the worse end, have probability exactly 0 in floating point.
        """
        for budgets, groups, log_upto, log_step in self._order(n):
            probability = np.exp(log_upto) * -np.expm1(log_step)
            if groups.start < self._losers:
                probability = probability[:, 1:] / -np.expm1(log_upto[:, :1])
                groups = slice(1, groups.stop)
            yield budgets, groups, probability

    def _order(self, n: IntArray) -> Iterator[tuple[slice, slice, FloatArray, FloatArray]]:
        """Yield (part of `n`, tie groups, log P(no draw above the group), that less of it for the group below), in chunks."""
        width = len(self._starts) if self.replace else self.size
        step = max(1, _CHUNK // width)
        for start in range(0, n.size, step):
            budgets = slice(start, min(start + step, n.size))
            draws = n[budgets, np.newaxis].astype(np.float64)
            worst = int(np.searchsorted(self._log_upto, _UNDERFLOW / draws.min()))
            groups = slice(worst, len(self._starts))
            if self.replace:
                log_upto, log_step = draws * self._log_upto[groups], draws * self._log_step[groups]
            else:
                first = self._starts[worst]
                with np.errstate(divide="ignore"):
                    factors = np.log1p(-np.minimum(draws / np.arange(first + 1.0, self.size + 1.0), 1.0))
                log_step = np.add.reduceat(factors, self._starts[groups] - first, axis=1)
                log_upto = np.zeros_like(log_step)
                log_upto[:, :-1] = np.cumsum(log_step[:, :0:-1], axis=1)[:, ::-1]
            yield budgets, groups, log_upto, log_step

    def _per_budget(
        self, read: Callable[[FloatArray, FloatArray], FloatArray], x: npt.ArrayLike, n: npt.ArrayLike
    ) -> Any:
        """Return `read(probabilities of the test values, x)` for each pair of the broadcast `x` and `n`."""
        x, n = np.broadcast_arrays(np.asarray(x, dtype=np.float64), self._budgets(n))
        result = np.empty(n.shape)
        for budget in np.unique(n):
            here = n == budget
            result[here] = read(self.pmf(budget)[1], x[here])
        return result[()]


@dataclass(frozen=True)
class ExactBaseline:
    """A baseline whose law is known exactly. That it is exact is this type: a bare number never is.

    Attributes
    ----------
    name
        Such as ``"random@100"``.
    mean, std
        Expected result of one search and its standard deviation, in the unit of the table's test column.
    n_draws
        Budget of the search, in draws.
    law
        The law from which they come.
    """

    name: str
    mean: float
    std: float
    n_draws: int
    law: RandomSearchLaw = field(repr=False)


def exact_random_baseline(law: RandomSearchLaw, budget: int) -> ExactBaseline:
    """Return random search with `budget` draws as an exact baseline; budget 1 is the average architecture."""
    n = int(counts("budget", budget))
    return ExactBaseline(f"random@{n}", float(law.mean(n)), float(law.std(n)), n, law)


def _upto(probability: FloatArray) -> FloatArray:
    """Return 0 and the sums of `probability` (K,) from the start to each place (K + 1,)."""
    return np.concatenate(([0.0], np.cumsum(probability)))


def _from(probability: FloatArray) -> FloatArray:
    """Return the sums of `probability` (K,) from each place to the end, and 0 (K + 1,)."""
    return _upto(probability[::-1])[::-1]
