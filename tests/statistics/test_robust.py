from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from harness.errors import HarnessError
from harness.statistics.robust import improvement_over_tasks, interquartile_mean, performance_profile


@pytest.mark.parametrize("shape", [(5, 8), (3, 7), (1, 2)])
def test_interquartile_mean_is_the_trimmed_mean(rng, shape):
    scores = rng.normal(size=shape)
    assert interquartile_mean(scores, rng).estimate == pytest.approx(stats.trim_mean(scores, 0.25, axis=None))


def test_interquartile_mean_ignores_outliers_and_allows_unequal_runs(rng):
    tasks = [np.append(rng.normal(0.9, 0.01, 9), 0.1), rng.normal(0.9, 0.01, 7)]
    result = interquartile_mean(tasks, rng)
    assert 0.88 < result.low < result.estimate < result.high < 0.92


def test_improvement_over_tasks_averages_pairs_within_tasks(rng):
    a, b = rng.integers(0, 5, (4, 6)), rng.integers(0, 4, (4, 9))
    expected = [
        np.mean([(x > y) + (x == y) / 2 for x, y in itertools.product(*task)]) for task in zip(a, b, strict=True)
    ]
    result = improvement_over_tasks(a, b, rng)
    assert result.estimate == pytest.approx(np.mean(expected))
    assert 0 <= result.low < result.estimate < result.high <= 1
    assert improvement_over_tasks(b, a, rng).estimate == pytest.approx(1 - result.estimate)
    with pytest.raises(HarnessError, match="a has 4, b has 3"):
        improvement_over_tasks(a, b[:3], rng)


def test_tasks_weigh_the_same_whatever_their_runs(rng):
    assert improvement_over_tasks([[2.0], [0.0] * 9], [[1.0], [1.0] * 9], rng).estimate == 0.5
    np.testing.assert_array_equal(performance_profile([[2.0], [0.0] * 9], [1.0], rng).share, [0.5])


def test_performance_profile_counts_runs_above(rng):
    scores, thresholds = rng.integers(0, 5, (3, 8)), [0, 4, 1.5, 2]
    profile = performance_profile(scores, thresholds, rng)
    np.testing.assert_allclose(profile.share, [(scores > t).mean() for t in thresholds])
    assert np.all((profile.low <= profile.share) & (profile.share <= profile.high))
    assert profile.low.min() >= 0
    assert profile.high.max() <= 1
    with pytest.raises(HarnessError, match="give one array of runs a task"):
        performance_profile([], [1.0], rng)


def test_band_of_one_task_is_that_of_kolmogorov_and_smirnov(rng):
    profile = performance_profile([rng.random(400)], np.linspace(0, 1, 200), rng, n_bootstrap=20_000)
    reach = (profile.high - profile.low).max() / 2
    assert reach == pytest.approx(stats.kstwobign.ppf(0.95) / 20, rel=0.08)


def test_a_profile_without_spread_has_no_band(rng):
    profile = performance_profile([[1.0, 1.0], [2.0]], [0.5, 1.5], rng)
    assert profile.share.tolist() == [1.0, 0.5]
    assert np.isnan([profile.low, profile.high]).all()


@pytest.mark.slow
def test_coverage_of_profiles(rng):
    """Six tasks of twelve runs: the whole profile lies in the band in at least 95 % of 1500 repetitions (error 0.6 %)."""
    thresholds, shifts = np.linspace(-2, 3, 40), np.linspace(0, 1, 6)
    truth = np.mean([stats.norm.sf(thresholds - shift) for shift in shifts], axis=0)
    hits = 0
    for _ in range(1500):
        profile = performance_profile(rng.normal(shifts[:, None], 1, (6, 12)), thresholds, rng, n_bootstrap=400)
        hits += bool(np.all((profile.low <= truth) & (truth <= profile.high)))
    assert hits / 1500 >= 0.93
