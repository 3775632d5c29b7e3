"""Win probabilities of pairs, rates, and the seeds that they take: closed forms, other libraries, simulated coverage."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.power import NormalIndPower
from statsmodels.stats.proportion import proportion_confint, proportion_effectsize

from harness.errors import HarnessError
from harness.statistics import paired_win_probability, rate, seeds_for_rates, seeds_for_wins


def scores(wins, ties, losses):
    return [1.0] * (wins + ties) + [0.0] * losses, [0.0] * wins + [1.0] * (ties + losses)


@pytest.mark.parametrize(("wins", "losses"), [(0, 7), (5, 3), (20, 12), (40, 24), (9, 0)])
def test_without_ties_it_is_wilsons_interval_and_the_sign_test(wins, losses):
    found = paired_win_probability(*scores(wins, 0, losses))
    low, high = proportion_confint(wins, wins + losses, method="wilson")
    assert found.estimate == pytest.approx(wins / (wins + losses))
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-12)
    assert found.p_value == pytest.approx(stats.binomtest(wins, wins + losses).pvalue)


def test_ties_count_half_and_narrow_the_interval():
    found = paired_win_probability(*scores(5, 10, 5))
    assert (found.estimate, found.p_value) == (0.5, 1.0)
    # n (m - p)^2 = z^2 (p - p^2 - t/4) at m = 1/2, t = 1/2: (p - 1/2)^2 = z^2 / (8 (n + z^2)).
    z = stats.norm.ppf(0.975)
    half = z / math.sqrt(8 * (20 + z**2))
    assert (found.low, found.high) == pytest.approx((0.5 - half, 0.5 + half), abs=1e-12)
    only = paired_win_probability(*scores(0, 6, 0))
    assert (only.estimate, only.p_value, only.note) == (0.5, 1.0, "all pairs tie")
    assert math.isnan(only.low)


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30))
def test_what_is_swapped_is_mirrored(wins, ties, losses):
    assume(wins + losses > 0)
    a, b = scores(wins, ties, losses)
    one, other = paired_win_probability(a, b), paired_win_probability(b, a)
    assert one.estimate == pytest.approx(1 - other.estimate)
    assert (one.low, one.high) == pytest.approx((1 - other.high, 1 - other.low))
    assert one.p_value == pytest.approx(other.p_value)
    assert -1e-12 <= one.low <= one.estimate + 1e-12
    assert one.estimate - 1e-12 <= one.high <= 1 + 1e-12


@pytest.mark.parametrize(("win", "tie"), [(0.5, 0.0), (0.35, 0.3), (0.7, 0.1), (0.2, 0.6)])
def test_the_interval_covers(win, tie):
    # Exactly: a sum over all numbers of wins and ties of 32 pairs, by their multinomial probability.
    n, covered, truth = 32, 0.0, win + tie / 2
    for wins in range(n + 1):
        for ties in range(n - wins + 1):
            found = paired_win_probability(*scores(wins, ties, n - wins - ties))
            if found.low <= truth <= found.high:
                covered += stats.multinomial.pmf([wins, ties, n - wins - ties], n, [win, tie, 1 - win - tie])
    assert 0.93 < covered < 0.975


def test_a_rate_has_the_exact_interval():
    found = rate(2, 64)
    low, high = proportion_confint(2, 64, method="beta")
    assert (found.estimate, found.low, found.high) == pytest.approx((2 / 64, low, high), abs=1e-10)
    assert rate(0, 10).low == 0.0
    with pytest.raises(HarnessError, match="count: 11 of 10 is no share"):
        rate(11, 10)


@pytest.mark.parametrize(("probability", "ties"), [(0.6, 0.0), (0.65, 0.2), (0.8, 0.3), (0.3, 0.0)])
def test_the_seeds_for_a_win_probability_have_the_power(probability, ties):
    n = seeds_for_wins(probability, ties)
    wins, losses = probability - ties / 2, 1 - probability - ties / 2

    def power(n):  # of the exact sign test, exactly
        found = 0.0
        for decided in range(n + 1):
            weight = stats.binom.pmf(decided, n, 1 - ties)
            if weight > 1e-9:
                k = np.arange(decided + 1)
                p_values = np.minimum(
                    1, 2 * np.minimum(stats.binom.cdf(k, decided, 0.5), stats.binom.sf(k - 1, decided, 0.5))
                )
                found += weight * stats.binom.pmf(k, decided, wins / (wins + losses))[p_values <= 0.05].sum()
        return found

    assert 0.68 < power(n) < 0.85  # the exact test is discrete, and rejects less often than 5 %
    assert power(n // 2) < 0.6


def test_the_seeds_for_a_difference_of_rates():
    # statsmodels plans by the arcsine; the two approximations differ by about a tenth.
    effect = proportion_effectsize(0.2, 0.05)
    other = NormalIndPower().solve_power(effect, power=0.8, alpha=0.05)
    assert seeds_for_rates(0.2, 0.05) == pytest.approx(other, rel=0.12)
    assert seeds_for_rates(0.05, 0.2) == seeds_for_rates(0.2, 0.05)


def test_wins_and_ties_alone_are_no_rounding_error():
    found = paired_win_probability(*scores(1, 5, 0))
    assert seeds_for_wins(found.estimate, 5 / 6) == math.ceil((0.5 * stats.norm.ppf(0.975) / 0.5) ** 2 * 6)


def test_no_number_finds_nothing():
    assert seeds_for_wins(0.5) == math.inf
    assert seeds_for_rates(0.1, 0.1) == math.inf
    with pytest.raises(HarnessError, match=r"probability: 0.1 with a share of 0.4 ties is none"):
        seeds_for_wins(0.1, 0.4)
    with pytest.raises(HarnessError, match="give shares from 0 to 1"):
        seeds_for_rates(1.2, 0.1)
