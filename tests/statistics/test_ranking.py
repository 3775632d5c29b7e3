from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from harness.errors import HarnessError
from harness.statistics.ranking import (
    hyperparameter_lottery,
    intraclass_correlation,
    kendall,
    noise_ceiling,
    precision_at,
    rank_agreement,
    spearman,
    weighted_kendall,
)

# Shrout & Fleiss (1979), table 2: six targets, four judges; ICC(1,1) = 0.17
SHROUT_FLEISS = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
COLUMN = st.lists(st.integers(0, 2), min_size=5, max_size=5)


def tau_b(x, y):
    signs = [
        (np.sign(a - b), np.sign(c - d)) for (a, c), (b, d) in itertools.combinations(list(zip(x, y, strict=True)), 2)
    ]
    dx, dy = np.array(signs).T
    return np.sum(dx * dy) / np.sqrt(np.sum(dx**2) * np.sum(dy**2))


def test_kendall_is_tau_b(rng):
    x, y = rng.integers(0, 6, (2, 40))
    assert kendall(x, y) == pytest.approx(tau_b(x, y))


def test_all_agree_on_equal_and_reversed_rankings(rng):
    x = rng.permutation(50).astype(float)
    for agreement in (kendall, weighted_kendall, spearman):
        assert agreement(x, 3 * x + 1) == pytest.approx(1)
        assert agreement(x, -x) == pytest.approx(-1)


def test_weighted_kendall_minds_the_best_most():
    x = np.arange(20.0)
    best, worst = x.copy(), x.copy()
    best[[18, 19]], worst[[0, 1]] = best[[19, 18]], worst[[1, 0]]
    assert weighted_kendall(x, best) < weighted_kendall(x, worst)


@settings(max_examples=30, deadline=None)
@given(COLUMN, COLUMN, st.integers(1, 5))
def test_precision_is_the_mean_over_all_tie_breakings(x, y, k):
    def tops(values):
        orders = itertools.permutations(range(5))
        return [set(o[:k]) for o in orders if all(values[a] >= values[b] for a, b in itertools.pairwise(o))]

    expected = np.mean([len(a & b) / k for a, b in itertools.product(tops(x), tops(y))])
    assert precision_at(k, x, y) == pytest.approx(expected)


def test_validation_ranks_as_test_does_on_proteins(proteins, rng):
    table = rank_agreement(proteins.valid, proteins.test, rng, top=(10, 100, 10_000), n_bootstrap=40)
    assert table.statistic.tolist() == ["kendall", "weighted_kendall", "spearman", "precision@10", "precision@100"]
    tau = table.set_index("statistic").loc["kendall"]
    assert tau.estimate == pytest.approx(0.35, abs=0.005)
    assert tau.low < tau.estimate < tau.high


def test_validation_ranks_as_test_does_on_cora(cora):
    assert kendall(cora.valid, cora.test) == pytest.approx(stats.kendalltau(cora.valid, cora.test).statistic)


def test_noise_ceiling_brackets_the_truth(rng):
    truth = rng.normal(size=400)
    scores = truth[:, np.newaxis] + rng.normal(0, 0.5, (400, 3))
    lower, upper = noise_ceiling(scores)
    reachable = np.mean([kendall(truth, seed) for seed in scores.T])
    assert lower < reachable < upper
    assert noise_ceiling(np.column_stack([truth, truth]), spearman) == pytest.approx((1, 1))


def test_intraclass_correlation_of_shrout_and_fleiss():
    result = intraclass_correlation(SHROUT_FLEISS)
    assert result.estimate == pytest.approx(0.1657, abs=1e-4)
    assert (result.low, result.high) == pytest.approx((-0.1329, 0.7226), abs=1e-4)
    assert result.p_value == pytest.approx(stats.f_oneway(*SHROUT_FLEISS).pvalue)


def test_a_group_of_architectures_has_a_level_and_costs_a_degree_of_freedom(rng):
    scores, groups = rng.normal(size=(12, 3)), np.repeat(["a", "b", "c"], 4)
    result = intraclass_correlation(scores, groups=groups)
    shifted = scores + np.repeat([100.0, -50.0, 3.0], 4)[:, np.newaxis]
    assert intraclass_correlation(shifted, groups=groups).estimate == pytest.approx(result.estimate)
    # The F test of architectures nested in groups: 9 and 24 degrees of freedom.
    between = sum(3 * 3 * np.var(scores[groups == name].mean(axis=1), ddof=1) for name in "abc") / 9
    assert result.p_value == pytest.approx(stats.f.sf(between / scores.var(axis=1, ddof=1).mean(), 9, 24))
    one = intraclass_correlation(scores, groups=["a"] * 12)
    assert one == intraclass_correlation(scores)


def test_groups_of_one_architecture_compare_nothing():
    with pytest.raises(HarnessError, match="no two architectures share one"):
        intraclass_correlation([[1, 2], [3, 4]], groups=["a", "b"])
    with pytest.raises(HarnessError, match="groups"):
        intraclass_correlation([[1, 2], [3, 4]], groups=["a", "b", "c"])


def test_intraclass_correlation_without_noise():
    result = intraclass_correlation([[1, 1], [2, 2]])
    assert (result.estimate, result.note) == (1, "all seeds equal: no interval")


def test_lottery(rng):
    scores = np.array([0.90, 0.93, 0.97])[:, np.newaxis] + rng.normal(0, 0.001, (3, 50))
    result = hyperparameter_lottery(scores, random_mean=0.92)
    assert result.spread == pytest.approx(0.07, abs=0.001)
    assert result.spread == result.best - result.worst
    means = scores.mean(axis=1)
    assert (result.worst, result.median, result.best) == tuple(sorted(means))
    assert (result.lower, result.upper) == pytest.approx(((means[0] + means[1]) / 2, (means[1] + means[2]) / 2))
    assert result.share_above == 2 / 3
    assert result.ratio == pytest.approx(7, rel=0.1)
    assert result.p_value < 1e-10


def test_spread_by_chance_is_the_expected_range_of_noise(rng):
    spreads, expected = zip(
        *(
            (r.spread, r.spread_by_chance)
            for r in (hyperparameter_lottery(rng.normal(size=(10, 4)), 0.5) for _ in range(500))
        ),
        strict=True,
    )
    assert np.mean(expected) == pytest.approx(3.078 / 2, rel=0.02)
    assert np.mean(spreads) == pytest.approx(np.mean(expected), rel=0.04)


def test_lottery_of_deterministic_settings():
    result = hyperparameter_lottery([[0.9, 0.9], [0.8, 0.8]], random_mean=0.85)
    assert result.spread_by_chance == 0
    assert np.isnan(result.p_value)


def test_wrong_inputs_are_refused(rng):
    with pytest.raises(HarnessError, match="3 best of 2 rows"):
        precision_at(3, [1, 2], [1, 2])
    with pytest.raises(HarnessError, match="x has 2, y has 3"):
        kendall([1, 2], [1, 2, 3])
    with pytest.raises(HarnessError, match="one row has no ranking"):
        spearman([1], [1])
    with pytest.raises(HarnessError, match="at least 2 seeds"):
        noise_ceiling([[1], [2]])


@pytest.mark.slow
def test_coverage_of_kendall(rng):
    """Bivariate normal, correlation 0.6: tau = 2/pi arcsin(0.6); 100 repetitions have an error of 2 %."""
    truth, hits = 2 / np.pi * np.arcsin(0.6), 0
    for _ in range(100):
        x, noise = rng.normal(size=(2, 150))
        table = rank_agreement(x, 0.6 * x + 0.8 * noise, rng, top=(), n_bootstrap=80).set_index("statistic")
        hits += table.low["kendall"] <= truth <= table.high["kendall"]
    assert 0.9 <= hits / 100 <= 0.99


@pytest.mark.slow
def test_coverage_of_the_intraclass_correlation(rng):
    hits = 0
    for _ in range(4000):
        result = intraclass_correlation(rng.normal(size=(15, 1)) + rng.normal(0, 0.5, (15, 3)))
        hits += result.low <= 0.8 <= result.high
    assert 0.935 <= hits / 4000 <= 0.965


@pytest.mark.slow
def test_coverage_of_the_intraclass_correlation_within_groups(rng):
    hits, groups = 0, np.repeat(np.arange(8), 3)
    for _ in range(4000):
        scores = rng.normal(0, 5, (8, 1))[groups] + rng.normal(size=(24, 1)) + rng.normal(0, 0.5, (24, 3))
        result = intraclass_correlation(scores, groups=groups)
        hits += result.low <= 0.8 <= result.high
    assert 0.935 <= hits / 4000 <= 0.965


def test_means_that_differ_by_rounding_only_are_ties(rng):
    """Rational means, computed in floating point in any order, rank as their whole numerators do."""
    counts = rng.integers(0, 5, (60, 3))
    scores = 0.1 * counts
    lower = [kendall(counts[:, i], counts.sum(axis=1) - counts[:, i]) for i in range(3)]
    upper = [kendall(counts[:, i], counts.sum(axis=1)) for i in range(3)]
    assert noise_ceiling(scores) == pytest.approx((np.mean(lower), np.mean(upper)), abs=1e-12)
