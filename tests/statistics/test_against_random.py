from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.statistics.against_random import critical_mean, exact_p_value, exact_two_sided_p_value, speed_up
from harness.statistics.law import RandomSearchLaw, exact_random_baseline

COLUMN = st.lists(st.integers(0, 4), min_size=6, max_size=6)


@pytest.fixture
def law(cora):
    return RandomSearchLaw(cora.valid, cora.test)


@pytest.fixture
def random_100(law):
    return exact_random_baseline(law, 100)


def brute_force(law, n, seeds, mean):
    values, probability = law.pmf(n)
    outcomes = itertools.product(range(len(values)), repeat=seeds)
    return sum(np.prod(probability[list(o)]) for o in outcomes if values[list(o)].mean() >= mean - 1e-12)


@settings(max_examples=40, deadline=None)
@given(COLUMN, COLUMN, st.lists(st.integers(0, 4), min_size=1, max_size=4))
def test_on_a_lattice_it_equals_all_outcomes(valid, test, scores):
    law = RandomSearchLaw(valid, np.array(test) / 10)
    scores = np.array(scores) / 10
    result = exact_p_value(scores, exact_random_baseline(law, 3))
    assert result.resolution == 0
    assert result.p_value == pytest.approx(max(brute_force(law, 3, len(scores), scores.mean()), 1e-12), abs=1e-14)


@settings(max_examples=40, deadline=None)
@given(COLUMN, COLUMN, st.lists(st.integers(0, 4), min_size=1, max_size=4))
def test_two_sided_on_a_lattice_it_is_twice_the_smaller_tail_of_all_outcomes(valid, test, scores):
    law = RandomSearchLaw(valid, np.array(test) / 10)
    scores = np.array(scores) / 10
    values, probability = law.pmf(3)
    above = brute_force(law, 3, len(scores), scores.mean())
    outcomes = itertools.product(range(len(values)), repeat=len(scores))
    below = sum(np.prod(probability[list(o)]) for o in outcomes if values[list(o)].mean() <= scores.mean() + 1e-12)
    found = exact_two_sided_p_value(scores, exact_random_baseline(law, 3))
    assert found == pytest.approx(min(1, max(2 * min(above, below), 1e-12)), abs=1e-13)


def test_two_sided_off_a_lattice_it_is_conservative(rng):
    for _ in range(6):
        law = RandomSearchLaw(rng.normal(size=6), rng.normal(size=6))
        baseline = exact_random_baseline(law, 2)
        values, probability = law.pmf(2)
        scores = rng.choice(values, 3)
        outcomes = list(itertools.product(range(len(values)), repeat=3))
        means = np.array([values[list(o)].mean() for o in outcomes])
        mass = np.array([np.prod(probability[list(o)]) for o in outcomes])
        exact = 2 * min(mass[means >= scores.mean() - 1e-12].sum(), mass[means <= scores.mean() + 1e-12].sum())
        assert exact_two_sided_p_value(scores, baseline) >= min(1, exact) - 1e-12


def test_off_a_lattice_it_is_conservative_within_its_resolution(rng):
    for _ in range(6):
        law = RandomSearchLaw(rng.normal(size=6), rng.normal(size=6))
        baseline = exact_random_baseline(law, 2)
        scores = rng.choice(law.pmf(2)[0], 3)
        result = exact_p_value(scores, baseline)
        assert 0 < result.resolution < 1e-5
        assert result.p_value >= brute_force(law, 2, 3, scores.mean()) - 1e-13
        assert result.p_value <= brute_force(law, 2, 3, scores.mean() - result.resolution) + 1e-13


def test_lower_is_better_mirrors_higher_is_better(rng):
    valid, test = rng.integers(0, 5, (2, 30)) / 10
    up = exact_random_baseline(RandomSearchLaw(valid, test), 5)
    down = exact_random_baseline(RandomSearchLaw(-valid, -test, direction="min"), 5)
    scores = rng.choice(test, 4)
    assert exact_p_value(-scores, down).p_value == pytest.approx(exact_p_value(scores, up).p_value, abs=1e-14)
    assert critical_mean(down, 4) == pytest.approx(-critical_mean(up, 4))


def test_critical_mean_of_cora(random_100):
    critical = critical_mean(random_100, 5)
    assert critical == pytest.approx(0.8078, abs=1e-4)
    assert exact_p_value(np.full(5, critical), random_100).p_value <= 0.05
    assert exact_p_value(np.full(5, critical - 1 / 15_000), random_100).p_value > 0.05


def test_one_seed_is_the_law_s_own_tail(law, random_100, cora, rng):
    for score in rng.choice(cora.test, 20):
        expected = max(law.probability_above(score, 100), 1e-12)
        assert exact_p_value([score], random_100).p_value == pytest.approx(expected, abs=1e-13)


def test_agrees_with_simulation(law, random_100, rng):
    values, probability = law.pmf(100)
    means = rng.choice(values, size=(40_000, 5), p=probability / probability.sum()).mean(axis=1)
    for mean in np.quantile(means, [0.1, 0.5, 0.9, 0.99]):
        share = np.mean(means >= mean - 1e-12)
        p_value = exact_p_value(np.full(5, mean), random_100).p_value
        assert abs(share - p_value) < 4 * np.sqrt(p_value * (1 - p_value) / 40_000)


def test_many_seeds_are_nearly_normal(law, random_100):
    from scipy.stats import norm

    mean = random_100.mean + 2 * random_100.std / np.sqrt(1000)
    assert exact_p_value(np.full(1000, mean), random_100).p_value == pytest.approx(norm.sf(2), rel=0.03)


def test_p_values_stay_between_floor_and_one(random_100, cora):
    assert exact_p_value(np.full(10, cora.test.max()), random_100).p_value == 1e-12
    assert exact_p_value([2.0, 2.0], random_100).p_value == 1e-12
    assert exact_p_value([0.0, 0.0], random_100).p_value == pytest.approx(1)


def test_a_table_of_one_value():
    baseline = exact_random_baseline(RandomSearchLaw([1, 2], [0.5, 0.5]), 10)
    assert exact_p_value([0.5, 0.5], baseline).p_value == 1
    assert exact_p_value([0.6, 0.5], baseline).p_value == 1e-12
    with pytest.raises(HarnessError, match="use more seeds"):
        critical_mean(baseline, 3)


def test_speed_up_of_scores_around_a_known_budget(law, rng):
    scores = law.mean(300) + np.array([-0.002, -0.001, 0, 0.001, 0.002])
    result = speed_up(scores, law, n_evaluations=100)
    assert result.draws == 300
    assert result.estimate == 3
    assert result.low == result.draws_low / 100 < 3 < result.draws_high / 100 == result.high
    assert result.note == ""


def test_speed_up_that_random_search_never_reaches(law):
    result = speed_up([0.83, 0.84, 0.85], law, 100)
    assert result.estimate == result.high == np.inf
    assert result.draws is None


def test_speed_up_without_spread_has_no_interval(law):
    result = speed_up([0.805] * 3, law, 100)
    assert result.estimate == 6.48
    assert np.isnan([result.low, result.high]).all()
    assert result.note == "all seeds equal: no interval"


def test_speed_up_where_lower_is_better(law, cora):
    mirrored = RandomSearchLaw(-cora.valid, -cora.test, direction="min")
    scores = np.array([0.80, 0.805, 0.808])
    assert speed_up(-scores, mirrored, 50) == speed_up(scores, law, 50)


@pytest.mark.slow
def test_level_is_exact(law, random_100, rng):
    """Under the hypothesis p-values are uniform but for the lattice: 5 % of 4000 (error 0.35 %)."""
    values, probability = law.pmf(100)
    searches = rng.choice(values, size=(4000, 5), p=probability / probability.sum())
    p_values = np.array([exact_p_value(scores, random_100).p_value for scores in searches])
    assert 0.037 <= np.mean(p_values <= 0.05) <= 0.063
