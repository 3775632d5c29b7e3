from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from harness.errors import HarnessError
from harness.statistics.compare import mean_difference, probability_of_improvement, sign_flip_test
from harness.statistics.law import RandomSearchLaw, exact_random_baseline


@pytest.mark.parametrize("paired", [False, True])
def test_mean_difference_agrees_with_scipy(rng, paired):
    a, b = rng.normal(0.95, 0.01, 7), rng.normal(0.94, 0.02, 7)
    result = mean_difference(a, b, paired, confidence=0.9)
    reference = stats.ttest_rel(a, b) if paired else stats.ttest_ind(a, b, equal_var=False)
    interval = reference.confidence_interval(0.9)
    assert result.p_value == pytest.approx(reference.pvalue)
    assert result.df == pytest.approx(reference.df)
    assert (result.low, result.high) == pytest.approx((interval.low, interval.high))
    assert result.method == ("paired t" if paired else "Welch t")


def test_mean_difference_without_spread_has_no_p_value():
    result = mean_difference([1, 1], [2, 2, 2])
    assert (result.estimate, result.note) == (-1, "all seeds equal: no interval")
    assert np.isnan([result.low, result.high, result.p_value]).all()
    assert mean_difference([1, 2], [0, 1], paired=True).note == "all seeds equal: no interval"
    assert mean_difference([1], [0, 1]).note == "one seed: no interval"


def test_probability_of_improvement_agrees_with_brunner_munzel(rng):
    a, b = rng.integers(0, 8, 9), rng.integers(2, 9, 12)
    result = probability_of_improvement(a, b)
    reference = stats.brunnermunzel(a, b)
    assert result.p_value == pytest.approx(reference.pvalue)
    expected = np.mean([(x > y) + (x == y) / 2 for x, y in itertools.product(a, b)])
    assert result.estimate == pytest.approx(expected)
    assert 0 <= result.low < result.estimate < result.high <= 1
    swapped = probability_of_improvement(b, a)
    assert (swapped.low, swapped.high) == pytest.approx((1 - result.high, 1 - result.low))


def test_separate_samples_have_no_interval():
    result = probability_of_improvement([3, 4, 5], [0, 1, 2])
    assert result.estimate == 1
    assert np.isnan([result.low, result.high, result.p_value]).all()
    assert result.note


@pytest.mark.parametrize("direction", ["max", "min"])
def test_probability_of_improvement_over_exact_random_search(rng, direction):
    sign = 1 if direction == "max" else -1
    valid, test = rng.integers(0, 4, (2, 20))
    law = RandomSearchLaw(sign * valid, sign * test, direction=direction)
    scores = np.array([0, 1, 2, 3, 3])
    result = probability_of_improvement(sign * scores, exact_random_baseline(law, 5))
    values, probability = RandomSearchLaw(valid, test).pmf(5)
    expected = [probability @ ((s > values) + (s == values) / 2) for s in scores]
    assert result.estimate == pytest.approx(np.mean(expected))
    assert result.p_value == pytest.approx(stats.ttest_1samp(expected, 0.5).pvalue)
    assert result.method == "exact law of random@5, t"


@pytest.mark.parametrize("n", [2, 4, 10])
def test_sign_flips_are_exact_for_few_pairs(rng, n):
    differences = rng.integers(-3, 6, n).astype(float)
    reference = stats.permutation_test((differences,), np.mean, permutation_type="samples", n_resamples=np.inf)
    assert sign_flip_test(differences, rng) == pytest.approx(reference.pvalue)


def test_sign_flips_of_many_pairs_are_sampled(rng):
    differences = rng.normal(0.5, 1, 25)
    assert sign_flip_test(differences, rng) == pytest.approx(stats.ttest_1samp(differences, 0).pvalue, abs=0.01)
    assert sign_flip_test(np.full(30, 1.0), rng, n_permutations=999) == 1 / 1000


def test_floor_of_the_sign_flip_test(rng):
    assert sign_flip_test([1.0, 2.0, 3.0], rng) == 0.25
    assert sign_flip_test([0.0, 0.0], rng) == 1


def test_wrong_inputs_are_refused(rng):
    with pytest.raises(HarnessError, match="a has 2, b has 1"):
        mean_difference([1, 2], [1], paired=True)
    with pytest.raises(HarnessError, match="scores b: is empty"):
        probability_of_improvement([1, 2], [])
    with pytest.raises(HarnessError, match="differences: nan"):
        sign_flip_test([np.nan], rng)


@pytest.mark.slow
@pytest.mark.parametrize("n", [8, 20])
def test_coverage_of_the_probability_of_improvement(rng, n):
    truth = stats.norm.cdf(0.5 / np.sqrt(1 + 2**2))
    results = [probability_of_improvement(rng.normal(0.5, 1, n), rng.normal(0, 2, n)) for _ in range(4000)]
    assert 0.93 <= np.mean([r.low <= truth <= r.high for r in results]) <= 0.97
