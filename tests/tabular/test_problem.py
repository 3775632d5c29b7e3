"""Problems: evaluations are those of the table, no choice out of range is another architecture."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from itertools import repeat
from typing import Any

import numpy as np
import pytest

from harness.errors import BudgetExhausted, HarnessError
from harness.problem.budget import Budget
from harness.tabular.lockstep import LockstepProblem
from harness.tabular.problem import SamplingDistribution, TabularProblem
from harness.tabular.table import Table

ALL = Budget("evaluations", 10)


def test_evaluations_are_those_of_the_table(table: Table) -> None:
    problem = TabularProblem(table, Budget("evaluations", len(table)), ("latency",))
    sign = 1 if table.direction == "max" else -1
    for row, code in enumerate(table.codes):
        evaluation = problem.evaluate(code)
        assert evaluation.score == sign * table.valid[row]
        assert evaluation.cost == table.columns["cost"][row]
        assert evaluation.metrics == {"latency": table.columns["latency"][row]}
    np.testing.assert_array_equal(problem.history, np.arange(len(table)))


def test_a_table_without_costs_has_none(make_table: Callable[..., Table]) -> None:
    table = make_table()
    table = Table(**{**vars(table), "columns": {key: table.columns[key] for key in ("valid", "test")}})
    assert np.isnan(TabularProblem(table, ALL).evaluate((0, 0, 0, 0)).cost)


def test_the_budget(make_table: Callable[..., Table]) -> None:
    table = make_table()
    problem = TabularProblem(table, Budget("evaluations", 3))
    for _ in range(3):
        assert not problem.exhausted
        problem.evaluate((0, 0, 0, 0))  # the same one counts again
    assert problem.exhausted
    for _ in range(2):
        with pytest.raises(BudgetExhausted, match="the budget of 3 evaluations is spent"):
            problem.evaluate((0, 0, 0, 0))
    assert problem.history.size == 3
    lockstep = LockstepProblem(table, Budget("evaluations", 3), 2)
    for _ in range(3):
        lockstep.evaluate(np.array([0, 1]))
    with pytest.raises(BudgetExhausted, match="the budget of 3 evaluations is spent"):
        lockstep.evaluate(np.array([0, 1]))
    np.testing.assert_array_equal(lockstep.history, [[0, 0, 0], [1, 1, 1]])


def test_what_is_refused_costs_nothing(make_table: Callable[..., Table]) -> None:
    problem = TabularProblem(make_table(), Budget("evaluations", 1))
    for arch, fidelity in [((9, 0, 0, 0), None), ((0, 0, 0, 0), 3)]:
        with pytest.raises(HarnessError):
            problem.evaluate(arch, fidelity)
    problem.evaluate((0, 0, 0, 0))


@pytest.mark.parametrize("direction", ["max", "min"])
def test_evaluations_at_an_epoch_are_those_of_the_curves(direction: str, make_table: Callable[..., Table]) -> None:
    table = make_table(epochs=9, missing=0.3, direction=direction)
    problem = TabularProblem(
        table, Budget("evaluations", 9 * len(table)), ("train_loss", "latency", "valid_loss", "cost")
    )
    assert problem.max_fidelity == 9
    sign = 1 if direction == "max" else -1
    for row, code in enumerate(table.codes):
        for epoch in range(1, 10):
            score, cost, metrics, feasible = problem.evaluate(code, epoch)
            assert feasible  # nothing is constrained
            assert score == sign * table.curves["valid"][row, epoch - 1]
            assert cost == metrics["cost"] == table.curves["cost"][row, epoch - 1]
            assert metrics["train_loss"] == table.curves["train_loss"][row, epoch - 1]
            assert metrics["latency"] == table.columns["latency"][row]  # of the architecture, not of its training
            # A loss without a curve is known after the whole training only.
            np.testing.assert_equal(metrics["valid_loss"], table.columns["valid_loss"][row] if epoch == 9 else np.nan)
    np.testing.assert_array_equal(problem.history, np.repeat(np.arange(len(table)), 9))
    np.testing.assert_array_equal(problem.epochs, np.tile(np.arange(1, 10), len(table)))


def test_the_last_epoch_is_the_whole_training(make_table: Callable[..., Table]) -> None:
    table = make_table(epochs=9)
    # As if the curve had been kept with fewer digits than the column.
    rounded = {**table.curves, "valid": table.curves["valid"].astype(np.float32)}
    problem = TabularProblem(dataclasses.replace(table, curves=rounded), ALL)
    assert problem.evaluate((0, 1, 0, 2), 9) == problem.evaluate((0, 1, 0, 2)) == problem.evaluate([0, 1, 0, 2], None)
    assert problem.epochs.tolist() == [9, 9, 9]


def test_without_a_curve_costs_are_proportional(make_table: Callable[..., Table]) -> None:
    table = make_table(epochs=9)
    bare = dataclasses.replace(table, curves={"valid": table.curves["valid"]})
    for epoch in range(1, 10):
        cost = TabularProblem(bare, ALL).evaluate((0, 0, 0, 0), epoch).cost
        assert cost == pytest.approx(table.columns["cost"][0] * epoch / 9, rel=1e-15)


@pytest.mark.parametrize("fidelity", [0, -1, 10, 2.0, "3", True, float("nan")])
def test_fidelities_that_the_table_has_not(fidelity: Any, make_table: Callable[..., Table]) -> None:
    problem = TabularProblem(make_table(epochs=9), Budget("evaluations", 1))
    with pytest.raises(HarnessError, match=r"^fidelity .*: this table has epochs 1 to 9$"):
        problem.evaluate((0, 0, 0, 0), fidelity)
    problem.evaluate((0, 0, 0, 0), 1)  # what is refused costs nothing


def test_tables_of_one_fidelity(make_table: Callable[..., Table]) -> None:
    table = make_table(epochs=9)
    holes = {**table.curves, "valid": np.where(np.arange(9) == 3, np.nan, table.curves["valid"])}
    for one, why in (
        (make_table(), "no curve valid"),
        (dataclasses.replace(table, curves={"test": table.curves["test"]}), "no curve valid"),
        (dataclasses.replace(table, curves=holes), "its curve valid has holes"),
    ):
        problem = TabularProblem(one, ALL)
        assert problem.max_fidelity is None
        with pytest.raises(HarnessError, match=f"^fidelity 2: the table has one fidelity .*{why}.*leave it out$"):
            problem.evaluate((0, 0, 0, 0), 2)
        problem.evaluate((0, 0, 0, 0))
        assert problem.epochs.tolist() == [0]


def test_a_curve_of_another_length_is_refused(make_table: Callable[..., Table]) -> None:
    table = make_table(epochs=9)
    for name in ("cost", "train_loss"):
        short = dataclasses.replace(table, curves={**table.curves, name: table.curves[name][:, :5]})
        with pytest.raises(HarnessError, match=f"curve {name} has 5 epochs and curve valid 9"):
            TabularProblem(short, ALL, ("train_loss",))


# Of the space's cardinalities (3, 5, 2, 4): the mixed-radix index of the first four is that of another architecture.
@pytest.mark.parametrize(
    "arch",
    [
        (0, 0, 0, 4),
        (0, 0, 1, -1),
        (1, -1, 0, 0),
        (0, 5, 0, 0),
        (3, 0, 0, 0),
        (-1, 0, 0, 0),
        (0, 0, 0),
        (0, 0, 0, 0, 0),
        (),
        (0, 0, 0, 0.5),
        (0, 0, 0, float("nan")),
        (0, 0, 0, None),
        (0, 0, 0, "1"),
        "0000",
        None,
        7,
        [[0], [0], [0], [0]],
    ],
)
def test_what_is_no_architecture_is_no_row(arch: Any, make_table: Callable[..., Table]) -> None:
    problem = TabularProblem(make_table(), ALL)
    problem.evaluate((0, 0, 0, 1))  # and not because another one is known already
    with pytest.raises(HarnessError, match="made-up"):
        problem.evaluate(arch)
    assert not problem.contains(arch)
    assert problem.history.tolist() == [1]


@pytest.mark.parametrize("wrap", [list, np.array, lambda arch: tuple(np.int16(choice) for choice in arch)])
def test_sequences_of_any_kind_are_architectures(wrap: Callable[..., Any], make_table: Callable[..., Table]) -> None:
    problem = TabularProblem(make_table(), ALL)
    assert problem.contains(wrap((2, 4, 1, 3)))
    problem.evaluate(wrap((2, 4, 1, 3)))
    assert problem.history.tolist() == [119]


@pytest.mark.parametrize("index", [-1, -120, 120, 10_000])
def test_an_index_out_of_range_is_no_row(index: int, make_table: Callable[..., Table]) -> None:
    problem = LockstepProblem(make_table(), ALL, 2)
    with pytest.raises((HarnessError, IndexError)):
        problem.evaluate(np.array([0, index]))
    assert problem.history.size == 0


def test_an_architecture_without_a_row(make_table: Callable[..., Table]) -> None:
    table = make_table(missing=0.3)
    index = int(np.flatnonzero(table.rows < 0)[0])
    problem, lockstep = TabularProblem(table, ALL), LockstepProblem(table, ALL, 2)
    assert not problem.contains(table.space.arch(index))
    with pytest.raises(HarnessError, match=r"is not in this table; ask Problem\.contains first"):
        problem.evaluate(table.space.arch(index))
    present = int(np.flatnonzero(table.rows >= 0)[0])
    assert lockstep.contains(np.array([index, present])).tolist() == [False, True]
    with pytest.raises(HarnessError, match=r"ask LockstepProblem\.contains first"):
        lockstep.evaluate(np.array([present, index]))


def test_smaller_is_better(make_table: Callable[..., Table]) -> None:
    table = make_table(direction="min")
    best = table.codes[np.argmin(table.valid)]
    scores = TabularProblem(table, Budget("evaluations", 200))
    assert max(scores.evaluate(code).score for code in table.codes) == scores.evaluate(best).score
    every = table.index_of_row()
    assert LockstepProblem(table, ALL, len(every)).evaluate(every).argmax() == np.argmin(table.valid)


UNIFORMS = [0.0, 1e-300, 0.25, 0.5, 0.999, 1 - 2**-53]


@pytest.mark.parametrize("weighted", [False, True])
def test_the_sampling_distribution(weighted: bool, make_table: Callable[..., Table]) -> None:
    table = make_table(missing=0.4, weighted=weighted)
    distribution = SamplingDistribution(table)
    rows = distribution.rows(np.array(UNIFORMS))
    assert rows.tolist() == [distribution.row(uniform) for uniform in UNIFORMS]
    assert rows[0] == 0
    assert rows[-1] == len(table) - 1
    shares = np.bincount(distribution.rows((np.arange(200_000) + 0.5) / 200_000), minlength=len(table)) / 200_000
    np.testing.assert_allclose(shares, table.weights / table.weights.sum(), atol=2e-5)


@pytest.mark.parametrize("weights", [[5e-324, 1.0], [1.0, 1e-300, 1.0], [1e300, 1e300, 1e-300]])
def test_extreme_weights_stay_inside(weights: list[float], make_table: Callable[..., Table]) -> None:
    table = make_table()
    table = Table(**{**vars(table), "codes": table.codes[: len(weights)], "weights": np.array(weights)})
    assert set(SamplingDistribution(table).rows(np.array(UNIFORMS)).tolist()) <= set(range(len(weights)))


def test_both_forms_draw_the_same(make_table: Callable[..., Table]) -> None:
    table = make_table(missing=0.4, weighted=True)
    problem, lockstep = TabularProblem(table, ALL), LockstepProblem(table, ALL, 1)
    for uniform in UNIFORMS:
        assert table.space.index(problem.sample(repeat(uniform))) == lockstep.sample(np.array(uniform))
