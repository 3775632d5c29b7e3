from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from harness.errors import HarnessError
from harness.statistics.aggregate import aggregate_improvement
from harness.statistics.improvement import relative_improvement


def improvements(rng, ratios, n=6, cv=0.01):
    return [
        relative_improvement(scale * ratio * rng.normal(1, cv, n), scale * rng.normal(1, cv, n))
        for scale, ratio in zip((90, 0.7, 45, 2.0), ratios, strict=False)
    ]


@pytest.mark.parametrize("population", ["these", "like these"])
def test_estimate_is_the_geometric_mean(rng, population):
    each = improvements(rng, (1.02, 0.99, 1.05))
    ratios = [1 + one.estimate / 100 for one in each]
    result = aggregate_improvement(each, population)
    assert result.estimate == pytest.approx(100 * (stats.gmean(ratios) - 1))
    assert result.low < result.estimate < result.high
    assert result.method == f"geometric mean, {population}"


def test_like_these_is_a_t_test_over_data_sets(rng):
    each = improvements(rng, (1.02, 0.99, 1.05, 1.01))
    reference = stats.ttest_1samp(np.log1p([one.estimate / 100 for one in each]), 0)
    result = aggregate_improvement(each, "like these")
    assert result.p_value == pytest.approx(reference.pvalue)
    assert result.high == pytest.approx(100 * np.expm1(reference.confidence_interval().high))


def test_these_of_one_data_set_is_its_own_interval(rng):
    (one,) = improvements(rng, (1.02,))
    result = aggregate_improvement([one], "these")
    assert (result.low, result.high) == pytest.approx((one.low, one.high), abs=0.03)
    assert result.p_value == pytest.approx(one.p_value, rel=0.1)
    assert result.df == pytest.approx(one.df)


def test_these_averages_errors_of_equal_data_sets(rng):
    (one,) = improvements(rng, (1.02,))
    result = aggregate_improvement([one] * 4, "these")
    assert result.df == pytest.approx(4 * one.df)
    reach = stats.t.ppf(0.975, 4 * one.df) * one.log_error / 2
    assert result.high == pytest.approx(100 * np.expm1(np.log1p(one.estimate / 100) + reach))


def test_what_has_no_interval_says_so(rng):
    silent = relative_improvement([0.9, 0.9], [0.8, 0.8])
    result = aggregate_improvement([*improvements(rng, (1.02, 1.03)), silent], "these")
    assert np.isnan([result.low, result.high, result.p_value]).all()
    assert result.note == "1 of 3 data sets without spread: no interval"
    assert aggregate_improvement([silent], "like these").note == "one data set, or all alike: no interval"


def test_wrong_inputs_are_refused(rng):
    with pytest.raises(HarnessError, match=r"unknown population 'all'; .*like these, these"):
        aggregate_improvement(improvements(rng, (1.0,)), "all")
    with pytest.raises(HarnessError, match="give one a data set"):
        aggregate_improvement([], "these")
    with pytest.raises(HarnessError, match="-100 % or less"):
        aggregate_improvement([relative_improvement([0.0, 0.0], [1.0, 2.0])], "these")


@pytest.mark.slow
def test_coverage(rng):
    truth = 100 * (stats.gmean((1.02, 0.99, 1.05)) - 1)
    results = [aggregate_improvement(improvements(rng, (1.02, 0.99, 1.05), n=4), "these") for _ in range(3000)]
    assert 0.935 <= np.mean([r.low <= truth <= r.high for r in results]) <= 0.97
