from __future__ import annotations

import itertools
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.statistics.law import RandomSearchLaw, exact_random_baseline

SIZE = 6
COLUMN = st.lists(st.integers(0, 3), min_size=SIZE, max_size=SIZE)
FEASIBLE = st.lists(st.booleans(), min_size=SIZE, max_size=SIZE)
WEIGHTS = st.none() | st.lists(st.integers(0, 4), min_size=SIZE, max_size=SIZE).filter(any)


def winners(valid, draws, weights):
    """The rows that may win a search which saw `draws`, each with its probability under uniform tie breaking."""
    best = max(valid[i] for i in draws)
    tied = [i for i in draws if valid[i] == best]
    return {i: Fraction(tied.count(i), len(tied)) for i in set(tied)}


def brute_force(valid, test, n, weights=None, replace=True, feasible=None):
    """The law of the reported test value, by enumeration of all sequences (or subsets) of draws, and P(none feasible)."""
    feasible = [True] * len(valid) if feasible is None else feasible
    weights = [1] * len(valid) if weights is None else weights
    total = sum(weights)
    if replace:
        searches = {
            draws: np.prod([Fraction(weights[i], total) for i in draws])
            for draws in itertools.product(range(len(valid)), repeat=n)
        }
    else:
        subsets = list(itertools.combinations(range(len(valid)), n))
        searches = dict.fromkeys(subsets, Fraction(1, len(subsets)))
    possible = {t for t, w, can_win in zip(test, weights, feasible, strict=True) if w and can_win}
    law, none = {value: Fraction(0) for value in sorted(possible)}, Fraction(0)
    for draws, probability in searches.items():
        able = [row for row in draws if feasible[row]]
        if probability and not able:
            none += probability
        elif probability:
            for row, share in winners(valid, able, weights).items():
                law[test[row]] += probability * share
    return {value: share / (1 - none) if none < 1 else share for value, share in law.items()}, none


def assert_is_law(law, n, expected):
    values, probability = law.pmf(n)
    assert values.tolist() == list(expected)
    np.testing.assert_allclose(probability, [float(p) for p in expected.values()], atol=1e-14)
    mean = sum(value * p for value, p in expected.items())
    variance = sum((value - mean) ** 2 * p for value, p in expected.items())
    assert law.mean(n) == pytest.approx(float(mean), abs=1e-13)
    assert law.std(n) == pytest.approx(float(variance) ** 0.5, abs=1e-7)
    assert law.std(n) ** 2 == pytest.approx(float(variance), abs=1e-13)
    for x in (-1, 0, 0.5, 1, 2, 3):
        assert law.cdf(x, n) == pytest.approx(float(sum(p for v, p in expected.items() if v <= x)), abs=1e-14)
        assert law.sf(x, n) == pytest.approx(float(sum(p for v, p in expected.items() if v > x)), abs=1e-14)
        assert law.probability_above(x, n) == pytest.approx(
            float(sum(p for v, p in expected.items() if v >= x)), abs=1e-14
        )
    for q in (Fraction(0), Fraction(1, 3), Fraction(1, 2), Fraction(19, 20), Fraction(1)):
        reached = [v for v in expected if sum(p for u, p in expected.items() if u <= v) >= q and expected[v] > 0]
        assert law.quantile(float(q), n) == reached[0]


@settings(max_examples=40, deadline=None)
@given(COLUMN, COLUMN, st.integers(1, 3), WEIGHTS)
def test_with_replacement_equals_all_sequences(valid, test, n, weights):
    assert_is_law(RandomSearchLaw(valid, test, weights), n, brute_force(valid, test, n, weights)[0])


@settings(max_examples=60, deadline=None)
@given(COLUMN, COLUMN, st.integers(1, SIZE))
def test_without_replacement_equals_all_subsets(valid, test, n):
    assert_is_law(RandomSearchLaw(valid, test, replace=False), n, brute_force(valid, test, n, replace=False)[0])


@settings(max_examples=60, deadline=None)
@given(COLUMN, COLUMN, st.integers(1, 3), WEIGHTS, FEASIBLE, st.booleans())
def test_under_a_constraint_the_law_is_that_of_searches_that_draw_a_feasible_row(
    valid, test, n, weights, feasible, replace
):
    weights = weights if replace else None
    assume(any(able and weight for able, weight in zip(feasible, weights or [1] * SIZE, strict=True)))
    expected, none = brute_force(valid, test, n, weights, replace, feasible)
    law = RandomSearchLaw(valid, test, weights, replace=replace, feasible=feasible)
    assert_is_law(law, n, expected)
    assert law.none_feasible(n) == pytest.approx(float(none), abs=1e-14)
    best = brute_force(valid, valid, n, weights, replace, feasible)[0]
    assert law.mean_valid(n) == pytest.approx(float(sum(value * share for value, share in best.items())), abs=1e-13)


def test_rare_feasible_rows_keep_their_relative_precision():
    law = RandomSearchLaw([0, 1, 2], [5, 6, 7], [1.0, 1e-13, 1e-13], feasible=[False, True, True])
    assert 1 - law.none_feasible(1) == pytest.approx(2e-13, rel=1e-3)
    assert law.mean(1) == pytest.approx(6.5, rel=1e-12)
    assert law.none_feasible([1, 10**13, 10**15]) == pytest.approx([1, np.exp(-2), 0], rel=1e-3)
    assert RandomSearchLaw([0, 1], [0, 1], feasible=[True, True]).none_feasible(3) == 0


def test_equivalent_budget_under_a_constraint_equals_a_full_scan(rng):
    for share in (0.02, 0.3, 0.9):
        valid, test = rng.integers(0, 30, (2, 200)).astype(float)
        law = RandomSearchLaw(valid, test, feasible=np.arange(200) < 200 * share)
        curve = law.mean(np.arange(1, 5000))
        for target in [*rng.choice(curve, 5), *rng.uniform(curve.min(), curve.max(), 5), curve.max() + 1e-6]:
            reached = np.flatnonzero(curve >= target - 1e-12 * max(np.ptp(test), target))
            assert law.equivalent_budget(target) == (reached[0] + 1 if len(reached) else None)


@settings(max_examples=40, deadline=None)
@given(COLUMN, COLUMN, st.integers(1, SIZE), st.booleans())
def test_direction_min_mirrors_max(valid, test, n, replace):
    up = RandomSearchLaw(valid, test, replace=replace)
    down = RandomSearchLaw(np.negative(valid), np.negative(test), replace=replace, direction="min")
    assert down.mean(n) == pytest.approx(-up.mean(n), abs=1e-14)
    assert down.std(n) == pytest.approx(up.std(n), abs=1e-14)
    assert down.mean_valid(n) == pytest.approx(-up.mean_valid(n), abs=1e-14)
    for x in range(4):
        assert down.probability_above(-x, n) == pytest.approx(up.probability_above(x, n), abs=1e-14)
        assert down.equivalent_budget(-x) == up.equivalent_budget(x)


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**32), st.booleans(), st.sampled_from(["max", "min"]), st.integers(2, 200), st.integers(2, 50))
def test_equivalent_budget_equals_a_full_scan(seed, replace, direction, size, levels):
    rng = np.random.default_rng(seed)
    valid, test = rng.integers(0, levels, (2, size)).astype(float)
    law = RandomSearchLaw(valid, test, replace=replace, direction=direction)
    curve = law.mean(np.arange(1, (size if replace is False else 60 * size) + 1))
    sign = 1 if direction == "max" else -1
    targets = [*rng.choice(curve, 5), *rng.uniform(curve.min(), curve.max(), 5), (sign * curve).max() * sign]
    targets += [targets[-1] + sign * 1e-6, targets[-1] - sign * 1e-6]
    for target in targets:
        rounding = 1e-12 * max(np.ptp(test), abs(target))
        at_least, nearly = (sign * (curve - target) >= -slack for slack in (0, rounding))
        first = np.flatnonzero(nearly)
        if len(first) == 0:
            assert law.equivalent_budget(target) is None
        elif (n := law.equivalent_budget(target)) is not None:
            assert nearly[n - 1]
            assert not at_least[: n - 1].any()
        else:
            assert not at_least.any()


def test_equivalent_budget_finds_the_first_crossing_of_a_curve_that_falls_again():
    law = RandomSearchLaw(valid=[0, 1, 2], test=[0, 10, 1], weights=[0.9, 0.099, 0.001])
    curve = law.mean(np.arange(1, 20_001))
    assert curve[-1] < 1.1 < 4 < curve.max() < 9.6
    assert law.equivalent_budget(4) == np.flatnonzero(curve >= 4)[0] + 1
    assert law.equivalent_budget(9.6) is None


def test_equivalent_budget_of_a_best_row_of_tiny_weight():
    law = RandomSearchLaw(valid=[0, 1], test=[0, 1], weights=[1, 1e-9])
    n = law.equivalent_budget(0.5)
    assert n == pytest.approx(np.log(2) * 1e9, rel=1e-6)
    assert law.mean(n) >= 0.5 > law.mean(n - 1)
    assert RandomSearchLaw(valid=[0, 1], test=[0, 1], weights=[1, 1e-30]).equivalent_budget(0.5) is None


@pytest.mark.parametrize("replace", [True, False])
def test_cora_and_proteins_agree_with_simulation(cora, proteins, rng, replace):
    for table in (cora, proteins):
        law = RandomSearchLaw(table.valid, table.test, replace=replace)
        valid, test = table.valid.to_numpy(), table.test.to_numpy()
        for n in (1, 10, 100):
            if replace:
                draws = rng.integers(len(table), size=(4000, n))
            else:
                draws = np.array([rng.choice(len(table), n, replace=False, shuffle=False) for _ in range(1000)])
                draws = rng.permuted(draws, axis=1)
            result = test[draws[np.arange(len(draws)), valid[draws].argmax(axis=1)]]
            error = law.std(n) / len(draws) ** 0.5
            assert abs(result.mean() - law.mean(n)) < 4 * error
            assert abs(np.mean(result <= law.quantile(0.5, n)) - law.cdf(law.quantile(0.5, n), n)) < 4 * 0.5 / 30


def test_proteins_shows_over_selection(proteins):
    law = RandomSearchLaw(proteins.valid, proteins.test)
    means = 100 * law.mean([1, 10, 30, 100, 300, 1000])
    np.testing.assert_allclose(means, [76.63, 77.40, 77.50, 77.50, 77.30, 76.87], atol=0.005)


@pytest.mark.parametrize(("replace", "budget"), [(True, 648), (False, 640)])
def test_cora_equivalent_budget(cora, replace, budget):
    assert RandomSearchLaw(cora.valid, cora.test, replace=replace).equivalent_budget(0.805) == budget


@pytest.mark.parametrize(("dataset", "mean"), [("cifar10", 93.730), ("cifar100", 71.18), ("ImageNet16-120", 44.86)])
def test_nasbench201(nasbench201, dataset, mean):
    law = RandomSearchLaw(nasbench201[f"{dataset}.valid_accuracy@12"], nasbench201[f"{dataset}.test_accuracy@200"])
    assert law.mean(100) == pytest.approx(mean, abs=0.005)


def test_all_rows_drawn_without_replacement_is_the_table_s_best(cora):
    law = RandomSearchLaw(cora.valid, cora.test, replace=False)
    best = cora.test[cora.valid == cora.valid.max()].mean()
    assert law.mean(len(cora)) == best
    assert law.expectation(cora.valid, len(cora)) == law.mean_valid(len(cora)) == cora.valid.max()


def test_huge_budgets_keep_tail_probabilities():
    size = 1000
    law = RandomSearchLaw(np.arange(size), np.arange(size))
    assert law.mean(10**7) == size - 1
    assert law.sf(size - 2, 10**7) == 1
    assert law.cdf(size - 2, 10**5) == pytest.approx(float(Decimal("0.999") ** 10**5), rel=1e-11)
    assert law.cdf(0, 100) == pytest.approx(1e-300, rel=1e-11)
    assert law.sf(size - 1, 1) == 0


def test_broadcasting_and_scalars(cora):
    law = RandomSearchLaw(cora.valid, cora.test)
    assert isinstance(law.mean(10), float)
    assert isinstance(law.quantile(0.5, 10), float)
    assert law.quantile([[0.05], [0.5], [0.95]], [1, 10, 100, 1000]).shape == (3, 4)
    assert law.cdf(0.8, [1, 10]).tolist() == [law.cdf(0.8, 1), law.cdf(0.8, 10)]
    np.testing.assert_allclose(law.mean(np.arange(1, 4001)), [law.mean(n) for n in range(1, 4001)], rtol=1e-13)


def test_weights_count_rows(rng):
    valid, test, weights = rng.normal(size=50), rng.normal(size=50), rng.integers(0, 5, 50)
    law = RandomSearchLaw(valid, test, weights)
    repeated = RandomSearchLaw(np.repeat(valid, weights), np.repeat(test, weights))
    n = [1, 3, 30, 300]
    np.testing.assert_allclose(law.mean(n), repeated.mean(n), rtol=1e-12)
    np.testing.assert_allclose(law.std(n), repeated.std(n), rtol=1e-9)
    np.testing.assert_allclose(law.quantile(0.3, n), repeated.quantile(0.3, n))


def test_probability_above_counts_values_equal_to_rounding():
    law = RandomSearchLaw([1, 2], [0.1, 0.3])
    assert law.probability_above(0.1 + 0.2, 1) == 0.5
    assert law.sf(0.3, 1) == 0


def test_exact_baseline(cora):
    law = RandomSearchLaw(cora.valid, cora.test)
    average = exact_random_baseline(law, 1)
    assert average.name == "random@1"
    assert average.mean == pytest.approx(cora.test.mean())
    assert average.std == pytest.approx(cora.test.std(ddof=0))
    assert exact_random_baseline(law, 100).n_draws == 100
    assert "law" not in repr(average)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"valid": [], "test": []}, "valid: is empty"),
        ({"valid": [1, np.nan], "test": [1, 2]}, "nan at position 1"),
        ({"valid": [1, 2], "test": [1]}, "valid has 2, test has 1"),
        ({"valid": [1, 2], "test": [[1, 2]]}, "2 dimensions"),
        ({"valid": ["a"], "test": [1]}, "not an array of numbers"),
        ({"valid": [1, 2], "test": [1, 2], "weights": [1, -1]}, "at least 0"),
        ({"valid": [1, 2], "test": [1, 2], "weights": [0, 0]}, "not all 0"),
        ({"valid": [1, 2], "test": [1, 2], "weights": [1, 2], "replace": False}, "use replace=True"),
        ({"valid": [1, 2], "test": [1, 2], "direction": "up"}, "'up'; valid: max, min"),
        ({"valid": [1, 2], "test": [1, 2], "feasible": [True]}, "feasible has 1"),
        ({"valid": [1, 2], "test": [1, 2], "feasible": [False, False]}, "no row that can be drawn"),
        ({"valid": [1, 2], "test": [1, 2], "weights": [0, 1], "feasible": [True, False]}, "no row that can be drawn"),
    ],
)
def test_wrong_tables_are_refused_in_one_line(arguments, words):
    with pytest.raises(HarnessError, match=words) as error:
        RandomSearchLaw(**arguments)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("n", [0, -3, 1.5, np.nan, np.inf, "ten", [1, 0]])
def test_wrong_budgets_are_refused(n):
    with pytest.raises(HarnessError, match="whole numbers"):
        RandomSearchLaw([1, 2], [1, 2]).mean(n)


def test_other_wrong_arguments_are_refused():
    law = RandomSearchLaw([1, 2], [1, 2], replace=False)
    with pytest.raises(HarnessError, match="3 draws without replacement from 2 rows"):
        law.mean([1, 3])
    with pytest.raises(HarnessError, match="levels between 0 and 1"):
        law.quantile(1.5, 1)
    with pytest.raises(HarnessError, match="give one budget"):
        law.pmf([1, 2])
    with pytest.raises(HarnessError, match="column has 3"):
        law.expectation([1, 2, 3], 1)
    with pytest.raises(HarnessError, match="finite"):
        law.equivalent_budget(np.nan)
