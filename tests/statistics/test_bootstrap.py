from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from harness.errors import HarnessError
from harness.statistics import bootstrap
from harness.statistics.bootstrap import stratified_bootstrap


def mean_of_first(strata):
    return strata[0].mean(axis=-1)


def ratio(strata):
    return strata[0].mean(axis=-1) / strata[1].mean(axis=-1)


def test_one_sample_agrees_with_scipy(rng):
    sample = rng.exponential(size=30)
    result = stratified_bootstrap(mean_of_first, [sample], rng, n_bootstrap=40_000)
    reference = stats.bootstrap((sample,), np.mean, n_resamples=40_000, rng=rng).confidence_interval
    assert result.estimate == pytest.approx(sample.mean())
    assert (result.low, result.high) == pytest.approx((reference.low, reference.high), rel=0.01)


def test_two_strata_agree_with_scipy(rng):
    a, b = rng.exponential(1, 25), rng.exponential(2, 15)
    result = stratified_bootstrap(ratio, [a, b], rng, confidence=0.9, n_bootstrap=40_000)

    def statistic(x, y, axis):
        return x.mean(axis) / y.mean(axis)

    reference = stats.bootstrap((a, b), statistic, confidence_level=0.9, n_resamples=40_000, rng=rng)
    interval = reference.confidence_interval
    assert (result.low, result.high) == pytest.approx((interval.low, interval.high), rel=0.02)


def test_strata_are_resampled_apart(rng):
    """Two tasks of different level but no noise: an unstratified bootstrap would invent spread."""
    result = stratified_bootstrap(lambda s: np.concatenate(s, axis=-1).mean(axis=-1), [[1.0] * 5, [9.0] * 5], rng)
    assert result.estimate == 5
    assert np.isnan([result.low, result.high]).all()
    assert result.note == "no spread: no interval"


def test_chunks_and_lone_runs(rng):
    result = stratified_bootstrap(ratio, [rng.normal(10, 1, 2500), [2.0]], rng)
    assert result.low < result.estimate < result.high


def test_leaving_out_blocks_of_many_runs_is_leaving_out_runs(rng, monkeypatch):
    samples = [rng.exponential(1, 400), rng.exponential(2, 300)]
    blocks = bootstrap._acceleration(ratio, samples)
    monkeypatch.setattr(bootstrap, "_BLOCKS", 1000)
    single = bootstrap._acceleration(ratio, samples)
    assert blocks == pytest.approx(single, abs=0.02)


def test_same_rng_same_interval(rng):
    sample = rng.normal(size=20)
    first, second = (stratified_bootstrap(mean_of_first, [sample], np.random.default_rng(3)) for _ in range(2))
    assert first == second


def test_wrong_inputs_are_refused(rng):
    with pytest.raises(HarnessError, match="give one sample a task"):
        stratified_bootstrap(mean_of_first, [], rng)
    with pytest.raises(HarnessError, match="stratum 1: nan at position 0"):
        stratified_bootstrap(mean_of_first, [[1.0], [np.nan]], rng)
    with pytest.raises(HarnessError, match="n_bootstrap: 0"):
        stratified_bootstrap(mean_of_first, [[1.0]], rng, n_bootstrap=0)


@pytest.mark.slow
def test_coverage_over_many_tasks(rng):
    """Ten tasks of ten skewed runs, the mean over all: 1500 repetitions have an error of 0.6 %."""
    hits = 0

    def statistic(strata):
        return np.mean([task.mean(axis=-1) for task in strata], axis=0)

    for _ in range(1500):
        result = stratified_bootstrap(statistic, rng.exponential(1, (10, 10)), rng, n_bootstrap=600)
        hits += result.low <= 1 <= result.high
    assert 0.92 <= hits / 1500 <= 0.97
