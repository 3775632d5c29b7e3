"""Levels as data, and the same levels carried out exactly on tables."""

import math
import subprocess
import sys
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.levels import LEVELS, Bilevel, Level, MixedLevel, Schedule, SingleLevel, official_code
from harness.methods.descent import SoftmaxProduct, descend, descend_by_score, lambda_path, minimiser, objective

CARDINALITIES = (3, 4, 2, 5)
LAMBDAS = (0, 0.01, 0.1, 0.5, 1, 2, 10, 999, math.inf)


@pytest.fixture(params=["full product", "some rows only"])
def table(request):
    rng = np.random.default_rng(3)
    codes = np.array(list(product(*map(range, CARDINALITIES))))
    if request.param == "some rows only":
        codes = codes[np.sort(rng.choice(len(codes), 40, replace=False))]
    train = rng.gamma(2.0, size=len(codes))
    return codes, train, 0.5 * train + rng.gamma(2.0, size=len(codes))


def numeric(function, theta, width=1e-5):
    steps = np.eye(len(theta)) * width
    return np.array([(function(theta + step) - function(theta - step)) / (2 * width) for step in steps])


# As data


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: MixedLevel(lambda_valid=-1), "lambda_valid must be a number >= 0, not -1"),
        (lambda: MixedLevel(lambda_train=math.nan), "lambda_train must be a number >= 0, not nan"),
        (lambda: MixedLevel(lambda_valid=0, lambda_train=0), "cannot both be 0"),
        (lambda: MixedLevel(lambda_valid=math.inf, lambda_train=math.inf), "cannot both be inf"),
        (lambda: Bilevel(order=3), "order must be 1 or 2, not 3"),
        (lambda: SingleLevel(order=2), "no second order"),
        (lambda: Bilevel(update="alphafirst"), "did you mean 'alpha_first'"),
        (lambda: Bilevel(unroll="darts"), "did you mean 'darts-code'"),
        (lambda: Bilevel(xi=-0.1), "xi must be a number >= 0"),
        (lambda: Bilevel(same_batch=False), "same_batch = false needs update"),
        (lambda: Schedule(((1, Bilevel()),)), "start at epoch 0"),
        (lambda: Schedule(((0, Bilevel()), (0, SingleLevel()))), "rise"),
    ],
)
def test_what_is_wrong_with_a_level_is_said_in_one_line(make, message):
    with pytest.raises(HarnessError, match=message) as caught:
        make()
    assert "\n" not in str(caught.value)


def test_an_infinite_lambda_leaves_the_other_loss_out():
    assert MixedLevel(lambda_valid=math.inf).coefficients == Bilevel().coefficients == (0, 1)
    assert MixedLevel(lambda_train=math.inf).coefficients == SingleLevel().coefficients == (1, 0)


def test_lambda_zero_is_single_level():
    assert MixedLevel(lambda_valid=0).coefficients == SingleLevel().coefficients
    assert MixedLevel(lambda_valid=0).passes == SingleLevel().passes


@pytest.mark.parametrize(
    ("name", "simultaneous", "alternating"),
    [("single-level", 1, 2), ("darts-1st", 2, 2), ("milenas-1st", 2, 3), ("darts-2nd", 4, 5), ("milenas-2nd", 7, 8)],
)
def test_passes_of_a_step(name, simultaneous, alternating):
    level = LEVELS[name]
    assert level.passes == simultaneous
    assert replace(level, update="w_first").passes == replace(level, update="alpha_first").passes == alternating


def test_a_schedule_switches_at_its_epochs():
    schedule = Schedule(((0, Bilevel(order=2)), (35, MixedLevel())))
    assert [schedule.at(epoch).name for epoch in (0, 34, 35, 49)] == ["Bilevel", "Bilevel", "MixedLevel", "MixedLevel"]
    assert Bilevel().at(7) == Bilevel()


def test_the_official_codes_departures():
    of_code = official_code(MixedLevel(lambda_valid=999, lambda_train=0.1, order=2))
    assert of_code == MixedLevel(
        lambda_valid=1, lambda_train=0.1, order=2, update="alpha_first", clip=False, unroll="milenas-code"
    )
    assert official_code(MixedLevel(lambda_valid=0.1)) == official_code(MixedLevel(lambda_valid=999))
    assert official_code(SingleLevel()).update == "alpha_first"


def test_neither_levels_nor_the_darts_space_imports_torch():
    code = "import sys, harness.levels, harness.spaces.darts; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


# On tables


def test_the_gradient_is_that_of_the_expected_loss(table):
    codes, train, valid = table
    distribution = SoftmaxProduct(codes, CARDINALITIES)
    losses = objective(MixedLevel(lambda_valid=0.7), train, valid)
    theta = np.random.default_rng(0).standard_normal(sum(CARDINALITIES))
    expected = numeric(lambda t: distribution.probabilities(t) @ losses, theta)
    np.testing.assert_allclose(distribution.gradient(theta, losses), expected, atol=1e-9)


def test_on_a_full_product_rows_have_the_product_of_the_softmaxes():
    codes = np.array(list(product(range(2), range(3))))
    theta = np.array([0.3, -1.0, 0.0, 2.0, 0.5])
    first, second = (np.exp(part) / np.exp(part).sum() for part in (theta[:2], theta[2:]))
    expected = [first[i] * second[j] for i, j in codes]
    np.testing.assert_allclose(SoftmaxProduct(codes, (2, 3)).probabilities(theta), expected)


def test_weights_are_the_measure_of_equal_softmaxes():
    codes, weights = np.array([(0, 0), (0, 1), (1, 2)]), np.array([3.0, 1.0, 4.0])
    product_of = SoftmaxProduct(codes, (2, 3), weights)
    np.testing.assert_allclose(product_of.probabilities(np.zeros(5)), weights / 8)
    theta, losses = np.array([0.3, -1.0, 0.0, 2.0, 0.5]), np.array([1.0, -2.0, 0.5])
    expected = numeric(lambda t: product_of.probabilities(t) @ losses, theta)
    np.testing.assert_allclose(product_of.gradient(theta, losses), expected, atol=1e-9)


@pytest.mark.parametrize("baseline", [0.0, 2.5])
def test_the_score_function_estimates_the_gradient(table, baseline):
    codes, train, valid = table
    distribution = SoftmaxProduct(codes, CARDINALITIES)
    losses = objective(MixedLevel(), train, valid)
    rng = np.random.default_rng(1)
    theta = rng.standard_normal(sum(CARDINALITIES))
    rows = distribution.sample(theta, 200_000, rng)
    exact = distribution.gradient(theta, losses)
    estimate = distribution.score_gradient(theta, losses[rows], rows, baseline)
    assert np.linalg.norm(estimate - exact) < 0.05 * np.linalg.norm(exact)


def test_the_score_function_is_its_definition(table):
    codes, train, _ = table
    distribution = SoftmaxProduct(codes, CARDINALITIES)
    theta = np.random.default_rng(1).standard_normal(sum(CARDINALITIES))
    rows = np.array([0, 5, 5, 20])
    one_hot = np.concatenate([np.eye(n)[codes[:, e]] for e, n in enumerate(CARDINALITIES)], axis=1)
    expected = ((train[rows] - 0.4)[:, None] * (one_hot[rows] - distribution.probabilities(theta) @ one_hot)).mean(0)
    np.testing.assert_allclose(distribution.score_gradient(theta, train[rows], rows, 0.4), expected, atol=1e-12)


def test_rows_are_drawn_by_their_probability(table):
    codes, _, _ = table
    distribution = SoftmaxProduct(codes, CARDINALITIES)
    theta = np.random.default_rng(4).standard_normal(sum(CARDINALITIES))
    rows = distribution.sample(theta, 100_000, np.random.default_rng(5))
    shares = np.bincount(rows, minlength=len(codes)) / len(rows)
    np.testing.assert_allclose(shares, distribution.probabilities(theta), atol=5e-3)


@pytest.mark.parametrize("seed", range(10))
def test_the_path_of_lambda(seed):
    rng = np.random.default_rng(seed)
    train, valid = rng.gamma(2.0, size=(2, 500))
    path = lambda_path(train, valid, LAMBDAS)
    assert (np.diff(valid[path]) <= 0).all()
    assert (np.diff(train[path]) >= 0).all()
    assert train[path[0]] == train.min()
    assert valid[path[-1]] == valid.min()
    assert len(set(path)) >= 3


def test_infinite_lambda_is_bilevel_on_tables(table):
    _, train, valid = table
    np.testing.assert_array_equal(
        objective(MixedLevel(lambda_valid=math.inf), train, valid), objective(Bilevel(), train, valid)
    )
    np.testing.assert_array_equal(objective(Bilevel(), None, valid), valid)


def test_objectives_are_normalised(table):
    _, train, valid = table
    np.testing.assert_allclose(objective(MixedLevel(lambda_valid=3), train, valid), (train + 3 * valid) / 4)


@pytest.mark.parametrize("level", [SingleLevel(), MixedLevel()])
@pytest.mark.parametrize("train", [None, np.array([1.0, np.nan])])
def test_nothing_stands_in_for_training_losses(level: Level, train):
    with pytest.raises(HarnessError, match="training losses, and nothing else stands in"):
        objective(level, train, np.array([1.0, 2.0]))


def test_searches_never_beat_the_minimiser_and_their_regret_is_small_but_not_always_zero(table):
    codes, train, valid = table
    distribution = SoftmaxProduct(codes, CARDINALITIES)
    regrets = {"gradient": [], "score function": []}
    for start in range(20):
        rng = np.random.default_rng(start)
        theta = rng.standard_normal(sum(CARDINALITIES))
        for level in (SingleLevel(), MixedLevel(), Bilevel()):
            losses = objective(level, train, valid)
            best = losses[minimiser(losses)]
            regrets["gradient"].append(losses[descend(distribution, losses, theta)] - best)
            regrets["score function"].append(
                losses[descend_by_score(distribution, losses.__getitem__, theta, rng)] - best
            )
            assert distribution.probabilities(theta) @ losses >= best
    random_regret = objective(MixedLevel(), train, valid).mean() - objective(MixedLevel(), train, valid).min()
    for found in regrets.values():
        assert min(found) >= 0
        assert np.mean(found) < random_regret / 3
