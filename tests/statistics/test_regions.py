from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.weightstats import ttost_ind

from harness.errors import HarnessError
from harness.statistics._student import variance_of_mean, welch_df
from harness.statistics.regions import Region, noncentrality, place, place_ratio, ratio_of_means, seeds_to_place


@pytest.mark.parametrize("margin", [0.4, 1.0, 3.0])
def test_inside_is_statsmodels_two_one_sided_welch_tests(rng, margin):
    a, b = rng.normal(5.2, 1.0, 12), rng.normal(5.0, 2.0, 20)
    parts = variance_of_mean(a), variance_of_mean(b)
    found = place(
        a.mean() - b.mean(), math.sqrt(sum(parts)), welch_df(parts[0], 12, parts[1], 20), Region(-margin, margin)
    )
    assert found.p_inside == pytest.approx(ttost_ind(a, b, -margin, margin, usevar="unequal")[0])


def test_one_end_is_the_one_sided_t_test(rng):
    x = rng.normal(1.0, 1.0, 9)
    error = x.std(ddof=1) / 3
    above = place(x.mean(), error, 8, Region(low=0.5))
    assert above.p_inside == pytest.approx(stats.ttest_1samp(x, 0.5, alternative="greater").pvalue)
    assert above.p_outside == pytest.approx(stats.ttest_1samp(x, 0.5, alternative="less").pvalue)
    below = place(x.mean(), error, 8, Region(high=0.5))
    assert (below.p_inside, below.p_outside) == pytest.approx((above.p_outside, above.p_inside))


def test_a_point_is_left_by_the_two_sided_t_test(rng):
    x = rng.normal(1.0, 1.0, 9)
    found = place(x.mean(), x.std(ddof=1) / 3, 8, Region(0.5, 0.5))
    assert found.p_outside == pytest.approx(stats.ttest_1samp(x, 0.5).pvalue)
    assert found.p_inside > 0.5  # nothing shows that a difference is exactly 0


def test_the_interval_says_the_same_as_the_tests():
    region = Region(-1.0, 1.0)
    for estimate in np.linspace(-4, 4, 81):
        found = place(estimate, 0.4, 6, region)
        assert (found.p_inside < 0.05) == (found.low > -1.0 and found.high < 1.0)
        if found.p_outside < 0.05:
            assert found.low > 1.0 or found.high < -1.0


@pytest.mark.parametrize(("truth", "region"), [(1.0, Region(-1, 1)), (-1.0, Region(-1, 1)), (0.5, Region(low=0.5))])
def test_neither_answer_is_given_too_often_at_the_boundary(rng, truth, region):
    n, runs = 6, 4000
    samples = rng.normal(truth, 2.0, (runs, n))
    errors = samples.std(axis=1, ddof=1) / math.sqrt(n)
    found = [place(mean, error, n - 1, region) for mean, error in zip(samples.mean(axis=1), errors, strict=True)]
    most = 0.05 + 3 * math.sqrt(0.05 * 0.95 / runs)
    assert np.mean([one.p_inside <= 0.05 for one in found]) <= most
    assert np.mean([one.p_outside <= 0.05 for one in found]) <= most


def test_what_is_detectable_is_found_with_that_power(rng):
    # The power of a one-sided t test by the noncentral t of scipy.stats, another code than scipy.special's inverse.
    for df in (4, 19, 150):
        found = place(0.0, 0.7, df, Region(low=0.0)).detectable
        assert stats.nct.sf(stats.t.isf(0.05, df), df, found / 0.7) == pytest.approx(0.8, abs=1e-6)
    assert noncentrality(math.inf) == pytest.approx(stats.norm.isf(0.05) + stats.norm.ppf(0.8))
    assert noncentrality(1e6) == pytest.approx(noncentrality(math.inf), rel=1e-4)


def test_seeds_that_would_tell():
    z = stats.norm.isf(0.05) + stats.norm.ppf(0.8)
    # A standard deviation of 2 and a true distance of 0.5: n = (z 2 / 0.5)^2.
    assert seeds_to_place(1.5, 2 / math.sqrt(10), 10, Region(low=1.0)) == math.ceil((z * 2 / 0.5) ** 2)
    assert seeds_to_place(0.8, 2 / math.sqrt(10), 10, Region(-1.0, 1.0)) == math.ceil((z * 2 / 0.2) ** 2)
    assert seeds_to_place(1.0, 0.5, 10, Region(low=1.0)) == math.inf
    # The error of a published value stays, however many seeds there are.
    assert seeds_to_place(1.5, 0.6, 10, Region(low=1.0), fixed_error=0.5) == math.inf
    both = seeds_to_place(2.0, 0.6, 10, Region(low=1.0), fixed_error=0.3)
    assert both == math.ceil(10 * (0.6**2 - 0.3**2) / ((1 / z) ** 2 - 0.3**2))


@pytest.mark.parametrize("ends", [(1.0, 0.0), (-math.inf, math.inf)])
def test_no_region(ends):
    with pytest.raises(HarnessError, match="is none"):
        Region(*ends)


def test_what_is_known_exactly_is_not_tested():
    with pytest.raises(HarnessError, match="wants no test"):
        place(1.0, 0.0, 3, Region(low=0.0))
    assert Region(0.0, 1.0).holds(1.0)
    assert not Region(low=0.0).holds(-1e-9)


def test_a_ratio_is_placed_by_paired_t_tests(rng):
    a, b = rng.normal(95.0, 2.0, 25), rng.normal(93.0, 2.0, 25)
    # Better by 1 %: a - b > b / 100, seed by seed.
    found = place_ratio(100 * (a - b), b, Region(low=1.0))
    assert found.p_inside == pytest.approx(stats.ttest_rel(a, 1.01 * b, alternative="greater").pvalue)
    assert found.p_outside == pytest.approx(stats.ttest_rel(a, 1.01 * b, alternative="less").pvalue)
    # Each end of the interval is a margin that is just rejected.
    low, high = (stats.ttest_rel(a, (1 + end / 100) * b).pvalue for end in (found.low, found.high))
    assert (low, high) == pytest.approx((0.1, 0.1))
    ratio, error = ratio_of_means(100 * (a - b), b)
    assert ratio == pytest.approx(100 * (a.mean() / b.mean() - 1))
    both = place_ratio(100 * (a - b), b, Region(-1.0, 1.0))
    assert both.p_inside == pytest.approx(stats.ttest_rel(a, 1.01 * b, alternative="less").pvalue)
    assert both.detectable == pytest.approx(error * noncentrality(24))


def test_the_error_of_a_ratio_is_that_of_resampled_ones(rng):
    a, b = rng.normal(50.0, 9.0, 200), rng.normal(40.0, 6.0, 200)
    drawn = rng.integers(0, 200, (4000, 200))
    ratios = a[drawn].mean(axis=1) / b[drawn].mean(axis=1)
    assert ratio_of_means(a, b)[1] == pytest.approx(ratios.std(), rel=0.1)


def test_a_ratio_over_a_mean_that_may_be_0_has_no_ends():
    found = place_ratio([1.0, 2.0, 3.0], [-3.0, 0.5, 4.0], Region(low=0.0))
    assert math.isnan(found.low)
    assert math.isnan(found.high)
