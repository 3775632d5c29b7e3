"""BOHB: its densities against closed forms and counting, and what its proposals do to Hyperband's brackets."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.methods.base import make_method, run_search
from harness.methods.bohb import Density, bandwidths, widest
from harness.methods.hyperband import Halving, Proposals
from harness.problem.budget import Budget
from harness.streams import Streams
from harness.tabular import synthetic
from harness.tabular.problem import TabularProblem
from harness.tabular.table import Table
from harness.testing import check_method

CARDINALITIES = np.array([3, 2, 4])
EVERY = np.array(list(itertools.product(range(3), range(2), range(4))))


def points(n: int = 9) -> np.ndarray:
    return np.random.default_rng(2).integers(CARDINALITIES, size=(n, 3))


def searched(table: Table, name: str, budget: Budget, seed: int = 0, **params: Any) -> np.ndarray:
    """Rows that a search trains, and for how many epochs: (2, n)."""
    problem = TabularProblem(table, budget)
    run_search(make_method(name, **params), problem, Streams(table.name, seed))
    return np.stack([problem.history, problem.epochs])


def proposals(table: Table, **params: Any) -> Proposals:
    method = make_method("bohb", **params)
    assert isinstance(method, Halving)
    return method.proposals(TabularProblem(table, Budget("epochs", 1000)), Streams(table.name, 0))


@pytest.mark.parametrize("params", [{}, {"eta": 2, "random_share": 0.0, "candidates": 4}])
def test_conformance(params: dict[str, Any]) -> None:
    check_method("bohb", **params)


@pytest.mark.parametrize("missing", [0.0, 0.4])
def test_with_a_random_share_of_1_it_is_hyperband(missing: float, make_table: Callable[..., Table]) -> None:
    table = make_table(epochs=27, missing=missing)
    for seed in (0, 3):
        plain = searched(table, "hyperband", Budget("epochs", 900), seed)
        np.testing.assert_array_equal(searched(table, "bohb", Budget("epochs", 900), seed, random_share=1), plain)
        assert not np.array_equal(searched(table, "bohb", Budget("epochs", 900), seed), plain)


def test_bandwidths_by_hand() -> None:
    # Counts (9, 1): a = (1 - 0.82) / (9 * 0.32) = 1/16; (5, 5): the uniform law itself, a = 1; (10, 0): a = 0.
    columns = [[0] * 9 + [1], [0, 1] * 5, [0] * 10]
    # Three choices, counts (6, 3, 1): a = (1 - 0.46) / (9 * (0.46 - 1/3)) = 9/19.
    columns.append([0] * 6 + [1] * 3 + [2])
    found = bandwidths(np.array(columns).T, np.array([2, 2, 2, 3]))
    np.testing.assert_allclose(found, [1 / 32, 1 / 2, 1e-3, 9 / 19 * 2 / 3], rtol=1e-12)
    assert bandwidths(np.zeros((5, 1), dtype=int), np.array([1])) == 0  # nothing to choose


def test_the_widest_kernel_is_uniform_and_no_bandwidth_is_wider() -> None:
    np.testing.assert_allclose(Density(points(), CARDINALITIES, widest(CARDINALITIES))(EVERY), 1 / 24, rtol=1e-12)
    for n in (1, 2, 5, 50):
        assert (bandwidths(points(n), CARDINALITIES) <= widest(CARDINALITIES)).all()


def test_a_density_is_the_mean_of_products_and_adds_up_to_1() -> None:
    widths = np.array([0.1, 0.4, 0.7])
    density = Density(points(), CARDINALITIES, widths)(EVERY)
    expected = [
        np.mean([
            np.prod([1 - w if x == y else w / (c - 1) for x, y, w, c in zip(code, point, widths, CARDINALITIES, strict=True)])
            for point in points()
        ])
        for code in EVERY
    ]  # fmt: skip
    np.testing.assert_allclose(density, expected, rtol=1e-12)
    assert density.sum() == pytest.approx(1, abs=1e-12)


def test_names_of_choices_do_not_matter() -> None:
    rng = np.random.default_rng(4)
    tables = [rng.permutation(cardinality) for cardinality in CARDINALITIES]

    def renamed(codes: np.ndarray) -> np.ndarray:
        return np.column_stack([table[codes[:, place]] for place, table in enumerate(tables)])

    widths = bandwidths(points(), CARDINALITIES)
    np.testing.assert_allclose(bandwidths(renamed(points()), CARDINALITIES), widths, rtol=1e-12)
    np.testing.assert_allclose(
        Density(renamed(points()), CARDINALITIES, widths)(renamed(EVERY)),
        Density(points(), CARDINALITIES, widths)(EVERY),
        rtol=1e-12,
    )


@pytest.mark.parametrize("factor", [1.0, 2.0, 100.0])
def test_draws_have_the_law_of_the_wider_density(factor: float) -> None:
    widths, n = np.array([0.1, 0.3, 0.2]), 200_000
    density = Density(points(), CARDINALITIES, widths)
    drawn = density.draw(n, factor, np.random.default_rng(1)) @ [8, 4, 1]
    wider = Density(points(), CARDINALITIES, np.minimum(factor * widths, widest(CARDINALITIES)))(EVERY)
    shares = np.bincount(drawn, minlength=24) / n
    assert (np.abs(shares - wider) < 5 * np.sqrt(wider * (1 - wider) / n)).all()


def test_the_model_is_of_the_longest_trainings_of_which_there_are_enough() -> None:
    table = synthetic.convert(variables=3)  # least points 4, so that 6 trainings make a model
    codes = np.random.default_rng(0).integers(4, size=(12, 3))

    def taught(n_long: int) -> Proposals:
        model = proposals(table, random_share=0.0)
        for code in codes:
            model.learn(tuple(code.tolist()), 3, -float(code.sum()))  # short trainings say: low choices
        for code in codes[:n_long]:
            model.learn(tuple(code.tolist()), 9, float(code.sum()))  # longer ones say: high choices
        return model

    few, enough = (np.array([model.draw() for _ in range(100)]).mean() for model in (taught(5), taught(6)))
    assert few < 1.4 < 1.6 < enough


def test_what_was_trained_or_is_not_there_is_not_proposed(make_table: Callable[..., Table]) -> None:
    table = make_table(epochs=9, missing=0.3)
    model, plain = proposals(table, random_share=0.0), Streams(table.name, 0).uniforms("sample")
    problem = TabularProblem(table, Budget("epochs", 9))
    for row in range(len(table) - 1):
        model.learn(problem.architecture(row), 3, float(table.valid[row]))
    last, drawn = problem.architecture(len(table) - 1), [model.draw() for _ in range(30)]
    fresh = [problem.sample(plain) for _ in range(30)]
    # Nothing but the one that is left, or, where no candidate is that, a fresh draw.
    assert drawn.count(last) > 3
    assert [arch for arch in drawn if arch != last] == fresh[: 30 - drawn.count(last)]


def test_where_half_trained_scores_are_true_it_finds_more_than_hyperband() -> None:
    table = synthetic.convert()
    exact = dataclasses.replace(table, curves={"valid": table.valid[:, None] - np.arange(26, -1, -1.0)})
    budget, seeds = Budget("epochs", 27 * 15), range(20)
    own, other = (
        np.array([table.valid[searched(exact, name, budget, seed)[0]].max() for seed in seeds])
        for name in ("bohb", "hyperband")
    )
    assert own.mean() - other.mean() > 2 * (own - other).std(ddof=1) / len(seeds) ** 0.5


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"random_share": 1.1}, r"^bohb: random_share must be in \[0, 1\], not 1\.1$"),
        ({"good_share": 0.0}, "^bohb: good_share must be between 0 and 1"),
        ({"candidates": 0}, "^bohb: candidates must be at least 1"),
        ({"bandwidth_factor": float("inf")}, "^bohb: bandwidth_factor must be finite and above 0"),
        ({"eta": 1}, "^bohb: eta must be at least 2"),
    ],
)
def test_wrong_parameters_are_refused(params: dict[str, Any], words: str) -> None:
    with pytest.raises(HarnessError, match=words):
        make_method("bohb", **params)


def test_a_table_of_one_fidelity_is_refused(make_table: Callable[..., Table]) -> None:
    with pytest.raises(HarnessError, match=r"^method bohb stops trainings early, and this benchmark has one fidelity;"):
        searched(make_table(), "bohb", Budget("evaluations", 9))
