"""E-processes against enumeration, closed forms and numerical integration."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy import integrate, special, stats

from harness.statistics import evidence
from harness.statistics.evidence import EFFECTS, PRIOR, SHARES, asymptotic, betting, symmetry

PROCESSES = pytest.mark.parametrize(
    ("process", "values", "boundary"),
    [
        (symmetry, np.random.default_rng(0).normal(0.5, 1.0, 80), 0.1),
        (betting, np.random.default_rng(1).random(80), 0.4),
        (asymptotic, np.random.default_rng(2).normal(0.5, 1.0, 80), 0.1),
    ],
)


def test_symmetric_values_leave_a_capital_of_one_on_average() -> None:
    """Whatever the distances from the centre: every pattern of sides is as likely."""
    distances = np.array([0.3, 2.0, 0.0, 1.1, 0.2, 7.0, 0.9, 1.0])
    signs = np.array(list(itertools.product([-1.0, 1.0], repeat=len(distances))))
    above, below = symmetry(5.0 + signs * distances, 5.0)
    assert np.exp(above).mean(axis=0) == pytest.approx(np.ones(len(distances)), abs=1e-12)
    assert np.exp(below).mean(axis=0) == pytest.approx(np.ones(len(distances)), abs=1e-12)


def test_symmetry_in_closed_form() -> None:
    x = np.array([0.4, -0.1, 0.7])
    scale = np.std(x[:2], ddof=1) * math.sqrt(1 + 3 / 2)
    side = special.erf(EFFECTS / math.sqrt(2))
    tilted = 2 / (1 + np.exp(-2 * EFFECTS / scale * x[2]))
    assert np.exp(symmetry(x)[0]) == pytest.approx(
        [np.mean(1 + side), np.mean((1 + side) * (1 - side)), np.mean((1 + side) * (1 - side) * tilted)]
    )


def test_equal_values_are_no_evidence_beyond_their_side() -> None:
    """Without a spread there is nothing to scale a bet by: however many seeds agree, it is that of two."""
    above, _ = symmetry(np.full(50, 3.0), 2.0)
    assert np.all(above[1:] == above[1])
    assert np.exp(above[-1]) < 4.0
    assert np.all(symmetry(np.full(50, 0.1 + 0.2), 0.3)[0] == 0.0)  # equal to rounding


def test_a_fair_game_leaves_a_capital_of_one_on_average() -> None:
    """All sequences of five draws from a law on three points with the mean of the hypothesis."""
    points, weights = np.array([0.0, 0.25, 1.0]), np.array([0.3, 0.4, 0.3])
    draws = np.array(list(itertools.product(range(3), repeat=5)))
    probability = weights[draws].prod(axis=1)
    for one in betting(points[draws], float(weights @ points)):
        assert probability @ np.exp(one) == pytest.approx(np.ones(5), abs=1e-12)


def test_betting_in_closed_form() -> None:
    above, below = betting([0.9, 0.2], 0.5)
    assert np.exp(above[-1]) == pytest.approx(np.mean((1 + SHARES * 0.8) * (1 - SHARES * 0.6)))
    assert np.exp(below[-1]) == pytest.approx(np.mean((1 - SHARES * 0.8) * (1 + SHARES * 0.6)))


def test_the_mixture_is_an_integral() -> None:
    """exp(l z - s l^2 / 2) over positive effects l from a normal law, at 40 seeds."""
    x = np.random.default_rng(3).normal(0.3, 2.0, 40)
    z = np.sum(x - 0.1) / np.std(x, ddof=1)

    def mixed(effect: float) -> float:
        return 2 * stats.norm.pdf(effect, scale=PRIOR) * math.exp(effect * z - len(x) * effect**2 / 2)

    wanted, _ = integrate.quad(mixed, 0, 5)
    assert np.exp(asymptotic(x, 0.1)[0][-1]) == pytest.approx(wanted)
    wanted, _ = integrate.quad(lambda effect: mixed(-effect), 0, 5)
    assert np.exp(asymptotic(x, 0.1)[1][-1]) == pytest.approx(wanted)


def test_a_mean_waits_for_seeds_and_longer_for_skewed_laws() -> None:
    rng = np.random.default_rng(4)

    def first(values: np.ndarray[Any, Any], skewness: float = 0.0) -> int:
        return int(np.flatnonzero(asymptotic(values, 0.0, skewness)[0])[0]) + 1

    normal = rng.normal(size=1000)
    assert first(normal) == 30
    assert first(normal, skewness=-2.0) == 100
    skewed = rng.exponential(size=1000)  # of skewness 2
    after = first(skewed)
    assert after > 30
    assert after >= 25 * stats.skew(skewed[:after]) ** 2
    assert np.all(asymptotic(np.full(100, 2.0), 1.0)[0] == 0.0)


@PROCESSES
def test_what_is_said_of_some_seeds_depends_on_those_alone(
    process: Callable[..., evidence.Evidence], values: np.ndarray[Any, Any], boundary: float
) -> None:
    for whole, part in zip(process(values, boundary), process(values[:50], boundary), strict=True):
        assert np.array_equal(whole[:50], part)


@PROCESSES
def test_many_claims_at_once_are_each_by_itself(
    process: Callable[..., evidence.Evidence], values: np.ndarray[Any, Any], boundary: float
) -> None:
    """And seeds that a claim does not have add nothing to its evidence."""
    short = np.where(np.arange(80) < 60, values[::-1], np.nan)
    both = process(np.stack([values, short]), np.array([boundary, boundary + 0.05]))
    for together, alone, few in zip(both, process(values, boundary), process(short[:60], boundary + 0.05), strict=True):
        assert np.array_equal(together[0], alone)
        assert np.array_equal(together[1, :60], few)
        assert together[1, 60:].max() <= few.max()


@PROCESSES
def test_evidence_falls_with_the_boundary(
    process: Callable[..., evidence.Evidence], values: np.ndarray[Any, Any], boundary: float
) -> None:
    ends = np.linspace(0.05, 0.95, 40)
    above, below = process(np.broadcast_to(values, (40, 80)), ends)
    assert np.all(np.diff(above.max(axis=1)) <= 1e-12)
    assert np.all(np.diff(below.max(axis=1)) >= -1e-12)
