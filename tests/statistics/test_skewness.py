"""Corrections of Student's t for skewness, beside the formulas of their papers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from harness.statistics._student import t_interval
from harness.statistics.skewness import (
    hall,
    hall_inverse,
    johnson,
    sample_skewness,
    third_cumulant_of_mean,
    wider_interval,
)

SCORES = np.array([92.1, 93.4, 91.0, 10.0, 92.8, 90.5, 91.9])
SKEWNESS = st.floats(-1, 1)  # of a mean of n scores it is at most (n - 2) / n


def test_third_cumulant_of_a_mean(rng):
    sample = rng.gamma(0.5, size=(3, 9))
    expected = [stats.kstat(row, 3) / 9**2 for row in sample]
    np.testing.assert_allclose(third_cumulant_of_mean(sample), expected)
    assert third_cumulant_of_mean(sample[0, :2]) == 0


def test_sampled_skewness():
    skewness, error = sample_skewness(SCORES)
    assert skewness == pytest.approx(stats.skew(SCORES, bias=False))
    assert error == pytest.approx(0.794, abs=5e-4)  # as tables print it for seven values
    for empty in (SCORES[:2], np.full(5, 90.0)):
        assert np.isnan(sample_skewness(empty)).all()


def test_the_formulas_of_the_papers():
    """Johnson (1978) and Hall (1992), in the terms of their papers: scores, deviation, skewness and n written out."""
    n, s, mu = len(SCORES), SCORES.std(ddof=1), 85.0
    gap, third = SCORES.mean() - mu, stats.kstat(SCORES, 3)
    t, a = gap / (s / np.sqrt(n)), third_cumulant_of_mean(SCORES) / (s**2 / n) ** 1.5
    modified = (gap + third / (6 * s**2 * n) + third / (3 * s**4) * gap**2) / np.sqrt(s**2 / n)
    assert johnson(t, a) == pytest.approx(modified)
    gamma, w = third / s**3, gap / s
    g = w + gamma * w**2 / 3 + gamma**2 * w**3 / 27 + gamma / (6 * n)
    assert hall(t, a) == pytest.approx(np.sqrt(n) * g)


@given(st.floats(-30, 30), SKEWNESS)
def test_hall_has_an_inverse(q, a):
    assert hall(hall_inverse(q, a), a) == pytest.approx(q, rel=1e-6, abs=1e-6)
    assert hall_inverse(-q, -a) == pytest.approx(-hall_inverse(q, a), rel=1e-9, abs=1e-9)


@given(st.floats(-10, 10), st.floats(0.01, 10), st.integers(2, 300))
def test_without_skewness_it_is_student(estimate, error, df):
    assert (hall(estimate, 0), johnson(estimate, 0), hall_inverse(estimate, 0)) == (estimate,) * 3
    assert wider_interval(estimate, error, 0.0, df, 0.95) == pytest.approx(t_interval(estimate, error, df, 0.95))


@given(st.floats(-10, 10), st.floats(0.01, 10), SKEWNESS, st.integers(2, 300), st.floats(0.5, 0.99))
def test_the_p_value_is_of_the_interval(estimate, error, a, df, confidence):
    low, high, p = wider_interval(estimate, error, a, df, confidence)
    t_low, t_high, t_p = t_interval(estimate, error, df, confidence)
    assert low <= t_low <= t_high <= high
    assert p >= t_p
    if abs(p - (1 - confidence)) > 1e-6:
        assert (p < 1 - confidence) == (not low <= 0 <= high)
    mirrored = wider_interval(-estimate, error, -a, df, confidence)
    assert mirrored == pytest.approx((-high, -low, p))


def test_a_left_tail_of_the_baseline_lengthens_the_upper_end():
    """A baseline that may have missed a broken architecture has too high a mean, and RI over it is too low."""
    low, high, _ = wider_interval(1.0, 1.0, 0.5, 20, 0.95)
    reach = stats.t.ppf(0.975, 20)
    assert low == pytest.approx(1 - reach)
    assert high > 1 + 1.2 * reach


def test_no_error_no_interval():
    assert np.isnan(wider_interval(1.0, np.nan, 0.1, 5, 0.95)).all()
