from __future__ import annotations

import numpy as np
import pytest
from scipy import optimize, stats

from harness.errors import HarnessError
from harness.statistics.improvement import relative_improvement
from harness.statistics.law import RandomSearchLaw, exact_random_baseline


@pytest.fixture
def random_100(cora):
    return exact_random_baseline(RandomSearchLaw(cora.valid, cora.test), 100)


def fieller(a, r, confidence=0.95):
    """Fieller's interval of 100 (mean a / mean r - 1), Welch degrees of freedom."""
    va, vr = np.var(a, ddof=1) / len(a), np.var(r, ddof=1) / len(r)
    ratio = np.mean(a) / np.mean(r)
    df = (va + ratio**2 * vr) ** 2 / (va**2 / (len(a) - 1) + (ratio**2 * vr) ** 2 / (len(r) - 1))
    t2 = stats.t.ppf((1 + confidence) / 2, df) ** 2
    roots = np.roots([np.mean(r) ** 2 - t2 * vr, -2 * np.mean(a) * np.mean(r), np.mean(a) ** 2 - t2 * va])
    return np.sort(100 * (roots - 1))


def test_exact_baseline_is_a_one_sample_t(random_100, rng):
    scores = rng.normal(0.81, 0.005, 8)
    result = relative_improvement(scores, random_100)
    reference = stats.ttest_1samp(scores, random_100.mean)
    interval = reference.confidence_interval(0.95)
    assert result.p_value == pytest.approx(reference.pvalue, rel=1e-10)
    assert result.low == pytest.approx(100 * (interval.low / random_100.mean - 1))
    assert result.high == pytest.approx(100 * (interval.high / random_100.mean - 1))
    assert (result.method, result.baseline, result.n_method, result.n_baseline, result.df) == (
        "one-sample t",
        "random@100",
        8,
        None,
        7,
    )


def test_random_against_itself_is_zero(random_100, rng):
    scores = rng.normal(0.8, 0.01, 10)
    for paired in (False, True):
        assert relative_improvement(scores, scores, paired=paired).estimate == 0
    centred = scores - scores.mean() + random_100.mean
    assert relative_improvement(centred, random_100).estimate == pytest.approx(0, abs=1e-12)
    assert relative_improvement(centred, random_100).p_value == pytest.approx(1)


@pytest.mark.parametrize("paired", [False, True])
def test_invariant_under_scaling_but_not_under_a_shift(rng, paired):
    scores, baseline = rng.normal(0.9, 0.01, (2, 8))
    result = relative_improvement(scores, baseline, paired)
    percent = relative_improvement(100 * scores, 100 * baseline, paired)
    shifted = relative_improvement(1 + scores, 1 + baseline, paired)
    for name in ("estimate", "low", "high", "p_value", "df"):
        assert getattr(percent, name) == pytest.approx(getattr(result, name))
    assert abs(shifted.estimate) < 0.6 * abs(result.estimate)


def test_sampled_baseline_agrees_with_fieller_at_small_variation(rng):
    scores, baseline = rng.normal(0.95, 0.007, 8), rng.normal(0.94, 0.009, 5)
    result = relative_improvement(scores, baseline)
    np.testing.assert_allclose([result.low, result.high], fieller(scores, baseline), atol=0.01)
    assert (result.method, result.n_baseline) == ("delta-Welch", 5)


def test_sampled_baseline_is_near_welch(rng):
    scores, baseline = rng.normal(0.95, 0.007, 8), rng.normal(0.949, 0.009, 5)
    welch = stats.ttest_ind(scores, baseline, equal_var=False)
    result = relative_improvement(scores, baseline)
    assert result.p_value == pytest.approx(welch.pvalue, rel=0.01)
    assert result.df == pytest.approx(welch.df, rel=0.01)


def test_paired_is_a_t_test_of_log_differences(rng):
    split = rng.normal(0, 0.02, 6)
    scores, baseline = 0.95 * np.exp(split + rng.normal(0, 0.002, (2, 6)))
    result = relative_improvement(scores, baseline, paired=True)
    reference = stats.ttest_rel(np.log(scores), np.log(baseline))
    assert result.p_value == pytest.approx(reference.pvalue)
    assert result.high == pytest.approx(100 * np.expm1(reference.confidence_interval().high))
    assert result.high - result.low < 0.5 * np.ptp(np.array(fieller(scores, baseline)))
    assert result.method == "paired log-ratio"


@pytest.mark.parametrize(
    ("scores", "baseline", "paired", "note"),
    [
        ([0.9, 0.9, 0.9], "exact", False, "all seeds equal: no interval"),
        ([0.9], "exact", False, "one seed: no interval"),
        ([0.9] * 3, [0.8] * 4, False, "all seeds equal: no interval"),
        ([0.9, 0.8], [0.8], False, "one seed: no interval"),
        ([0.909, 0.808], [0.9, 0.8], True, "all seeds equal: no interval"),
        ([0.9], [0.8], True, "one seed: no interval"),
    ],
)
def test_no_spread_gives_an_estimate_and_says_why_no_interval(random_100, scores, baseline, paired, note):
    baseline = random_100 if baseline == "exact" else baseline
    result = relative_improvement(scores, baseline, paired)
    assert np.isfinite(result.estimate)
    assert np.isnan([result.low, result.high, result.p_value]).all()
    assert result.note == note


def test_a_deterministic_method_may_meet_a_random_baseline():
    result = relative_improvement([0.9, 0.9, 0.9], [0.8, 0.82, 0.84])
    assert result.low < result.estimate < result.high
    assert result.df == pytest.approx(2)
    assert result.note == ""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (([0.9], 0.8), "bare number"),
        (([0.9, 0.8], [0.1, -0.1]), "not above 0"),
        (([], [0.1]), "method scores: is empty"),
        (([0.9, np.nan], [0.1]), "nan at position 1"),
        (([0.9, 0.8], [0.7], True), "method has 2, baseline has 1"),
        (([0.9, -0.8], [0.7, 0.7], True), "every value must be above 0"),
        (([0.9, 0.8], [0.7, 0.7], False, 95), "between 0 and 1"),
    ],
)
def test_wrong_inputs_are_refused(arguments, words):
    with pytest.raises(HarnessError, match=words):
        relative_improvement(*arguments)


def test_an_exact_baseline_cannot_be_paired(random_100):
    with pytest.raises(HarnessError, match="has no seeds to pair with"):
        relative_improvement([0.9, 0.8], random_100, paired=True)


@pytest.mark.slow
@pytest.mark.parametrize("n", [3, 5, 8, 10, 20])
def test_coverage(rng, n):
    """Nominal 95 % intervals at a coefficient of variation of 0.74 %; 4000 repetitions have an error of 0.35 %."""
    truth, hits = 100 * (0.955 / 0.95 - 1), 0
    for _ in range(4000):
        result = relative_improvement(rng.normal(0.955, 0.0074, n), rng.normal(0.95, 0.0074, n))
        hits += result.low <= truth <= result.high
    assert 0.935 <= hits / 4000 <= 0.98


@pytest.mark.slow
def test_coverage_against_the_exact_baseline(cora, rng):
    """The scores of random search itself, 8 seeds: skewed and discrete, yet the t interval holds its level."""
    law = RandomSearchLaw(cora.valid, cora.test)
    baseline, (values, probability) = exact_random_baseline(law, 100), law.pmf(100)
    scores = rng.choice(values, size=(4000, 8), p=probability / probability.sum())
    hits = [result.low <= 0 <= result.high for result in (relative_improvement(s, baseline) for s in scores)]
    assert 0.935 <= np.mean(hits) <= 0.97


# Random architectures as the baseline


def outer(estimate, error, skewness, df):
    """The outer of Student's and Hall's ends, Hall's by bisection, and the greater p-value."""

    def g(t):
        return t + skewness * t**2 / 3 + skewness**2 * t**3 / 27 + skewness / 6

    q = stats.t.ppf(0.975, df)
    below, above = (optimize.brentq(lambda t, end=end: g(t) - end, -500, 500) for end in (q, -q))
    p = max(2 * stats.t.sf(abs(g(t)), df) for g, t in ((lambda t: t, estimate / error), (g, estimate / error)))
    return estimate - max(q, below) * error, estimate + max(q, -above) * error, p


def with_broken(rng, shape):
    """Accuracies of which some are at chance."""
    return np.where(rng.random(shape) < 0.05, 0.1, rng.normal(0.9, 0.03, shape))


def test_over_random_architectures(rng):
    scores, baseline = rng.normal(0.88, 0.02, 60), with_broken(rng, 120)
    result = relative_improvement(scores, baseline, architectures=1)
    a, r = scores.mean(), baseline.mean()
    parts = np.array([scores.var(ddof=1) / 60, (a / r) ** 2 * baseline.var(ddof=1) / 120])
    third = stats.kstat(scores, 3) / 60**2 - (a / r) ** 3 * stats.kstat(baseline, 3) / 120**2
    df = parts.sum() ** 2 / (parts**2 / [59, 119]).sum()
    expected = outer(100 * (a / r - 1), 100 * np.sqrt(parts.sum()) / r, third / parts.sum() ** 1.5, df)
    assert (result.low, result.high, result.p_value) == pytest.approx(expected)
    assert (result.estimate, result.df) == (pytest.approx(100 * (a / r - 1)), pytest.approx(df))
    assert (result.method, result.note) == ("delta-Welch, skewness-corrected", "")
    plain = relative_improvement(scores, baseline)
    assert result.low == pytest.approx(plain.low)
    assert result.high > plain.high


def test_over_random_architectures_seed_by_seed(rng):
    split = rng.normal(1, 0.02, 50)
    scores, baseline = split * rng.normal(0.88, 0.02, 50), split * with_broken(rng, (50, 2)).mean(axis=1)
    result = relative_improvement(scores, baseline, True, architectures=2)
    a, r = scores.mean(), baseline.mean()
    gap = scores - a / r * baseline
    skewness = stats.skew(gap, bias=False) / np.sqrt(50)
    expected = outer(100 * (a / r - 1), 100 * stats.sem(gap) / r, skewness, 49)
    assert (result.low, result.high, result.p_value) == pytest.approx(expected)
    assert (result.method, result.note) == ("paired ratio, skewness-corrected", "")


def test_a_method_of_the_same_mean_has_an_improvement_of_zero():
    """On a log scale a mean of two architectures is above that of one: no reason to call a method worse."""
    baseline = np.tile([0.9, 0.5], 25)
    scores = np.full(50, 0.7)
    assert relative_improvement(scores, baseline, True, architectures=2).estimate == pytest.approx(0)
    assert relative_improvement(scores, baseline, True).estimate > 4


@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize(("n", "each", "enough"), [(8, 4, False), (8, 100, False), (99, 1, False), (50, 2, True)])
def test_a_few_random_architectures_have_no_interval(rng, n, each, paired, enough):
    scores, baseline = rng.normal(0.9, 0.01, (2, n))
    result = relative_improvement(scores, baseline, paired, architectures=each)
    assert result.estimate == pytest.approx(100 * (scores.mean() / baseline.mean() - 1))
    assert np.isfinite([result.low, result.high, result.p_value, result.log_error]).all() == enough
    words = f"{n} runs against {n * each} random architectures, where an interval wants 50 and 100"
    assert result.note.startswith(words) != enough


@pytest.mark.parametrize("paired", [False, True])
def test_over_random_architectures_a_scale_changes_nothing(rng, paired):
    scores, baseline = rng.normal(0.9, 0.01, 100), with_broken(rng, 100)
    result, percent = (relative_improvement(k * scores, k * baseline, paired, architectures=1) for k in (1, 100))
    for name in ("estimate", "low", "high", "p_value", "df"):
        assert getattr(percent, name) == pytest.approx(getattr(result, name))


@pytest.mark.parametrize("paired", [False, True])
def test_over_random_architectures_negated_scores_mirror_the_interval(rng, paired):
    scores, baseline = rng.normal(0.9, 0.01, 100), with_broken(rng, 100)
    result, negated = (relative_improvement(k * scores, k * baseline, paired, architectures=1) for k in (1, -1))
    assert (negated.estimate, negated.low, negated.high) == pytest.approx((-result.estimate, -result.high, -result.low))
    assert negated.p_value == pytest.approx(result.p_value)


def test_two_means_of_many_architectures_have_students_interval(rng):
    scores, baseline = rng.normal(0.9, 0.01, 50), np.array([0.88, 0.89])
    result = relative_improvement(scores, baseline, architectures=50)
    plain = relative_improvement(scores, baseline)
    assert (result.low, result.high, result.p_value) == pytest.approx((plain.low, plain.high, plain.p_value), rel=0.05)


def test_an_exact_baseline_is_no_sample_of_architectures(random_100):
    with pytest.raises(HarnessError, match="is exact and no sample"):
        relative_improvement([0.9, 0.8], random_100, architectures=1)
    with pytest.raises(HarnessError, match="architectures: 0 is not a count"):
        relative_improvement([0.9, 0.8], [0.9, 0.8], architectures=0)
