"""Power of the t tests behind relative improvement: what a number of seeds can show, and how many it takes.

Everything is in RI points (percent of the baseline's mean): `cv` is the coefficient of variation of the scores over
seeds in percent, so an RI of `cv` is an effect of one standard deviation.
"""

from __future__ import annotations

from scipy import optimize, special

from harness.errors import HarnessError
from harness.statistics._student import t_quantile
from harness.statistics._validate import counts, fraction

_MOST_SEEDS = 10**6


def detection_power(improvement: float, n_seeds: int, cv: float, exact_baseline: bool, level: float = 0.05) -> float:
    """Return the probability that a two-sided t test finds a true RI of `improvement` percent.

    Parameters
    ----------
    improvement, cv
        In percent.
    n_seeds
        Seeds of the method, and as many of a sampled baseline.
    exact_baseline
        One-sample t against the exact law of random search, or two-sample t against as many sampled runs.
    level
        Level of the test.

    Notes
    -----
    Noncentral t, both tails, as the noncentral F of its square.
    """
    n = int(counts("n_seeds", n_seeds))
    if n == 1:
        raise HarnessError("n_seeds: 1 seed has no spread and no power; give at least 2")
    if not cv > 0:
        raise HarnessError(f"cv: {cv} is not a coefficient of variation in percent; give a number above 0")
    df = n - 1 if exact_baseline else 2 * n - 2
    noncentrality = (improvement / cv) ** 2 * (n if exact_baseline else n / 2)
    critical = t_quantile(1.0 - fraction("level", level) / 2.0, df)
    return float(1.0 - special.ncfdtr(1, df, noncentrality, critical**2))


def detectable_improvement(
    n_seeds: int, cv: float, exact_baseline: bool, target_power: float = 0.8, level: float = 0.05
) -> float:
    """Return the smallest true RI, in percent, that `n_seeds` seeds find with probability `target_power`."""
    _above_level(target_power, level)
    upper = cv
    while detection_power(upper, n_seeds, cv, exact_baseline, level) < target_power:
        upper *= 2.0

    def excess(improvement: float) -> float:
        return detection_power(improvement, n_seeds, cv, exact_baseline, level) - target_power

    return float(optimize.brentq(excess, 0.0, upper))


def seeds_needed(
    improvement: float, cv: float, exact_baseline: bool, target_power: float = 0.8, level: float = 0.05
) -> int:
    """Return the smallest number of seeds that finds a true RI of `improvement` percent with `target_power`."""
    _above_level(target_power, level)
    if not abs(improvement) > 0:
        raise HarnessError(
            f"improvement: {improvement} is never found, whatever the seeds; give a percentage other than 0"
        )
    low, high = 1, 2
    while detection_power(improvement, high, cv, exact_baseline, level) < target_power:
        low, high = high, 2 * high
        if high > _MOST_SEEDS:
            raise HarnessError(
                f"improvement: {improvement:g} % at cv {cv:g} % needs over {_MOST_SEEDS} seeds; ask for more"
            )
    while high - low > 1:
        middle = (low + high) // 2
        if detection_power(improvement, middle, cv, exact_baseline, level) < target_power:
            low = middle
        else:
            high = middle
    return high


def _above_level(target_power: float, level: float) -> None:
    if not fraction("level", level) < target_power < 1:
        raise HarnessError(
            f"target_power: {target_power} is out of range; give a number between the level and 1, such as 0.8"
        )
