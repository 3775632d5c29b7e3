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
    np.testing.assert_array_equal(performance_profile([[2.0], [0.0] * 9], [1.0]), [0.5])


def test_performance_profile_counts_runs_above(rng):
    scores, thresholds = rng.integers(0, 5, (3, 8)), [0, 1.5, 2, 4]
    np.testing.assert_allclose(performance_profile(scores, thresholds), [(scores > t).mean() for t in thresholds])
    with pytest.raises(HarnessError, match="give one array of runs a task"):
        performance_profile([], [1.0])
