"""Where a search ends: budgets of every kind, one by one and in lockstep."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import BudgetExhausted, HarnessError
from harness.problem.budget import Budget
from harness.tabular.lockstep import LockstepProblem
from harness.tabular.problem import TabularProblem, check_searchable
from harness.tabular.table import Table

ALL = Budget("evaluations", 10)


def spent_of(problem: TabularProblem, asked: list[tuple[int, int | None]], table: Table, kind: str) -> list[float]:
    """What each evaluation takes, one by one, until the budget refuses one."""
    spent = []
    for row, epoch in asked:
        try:
            problem.evaluate(table.codes[row], epoch)
        except BudgetExhausted:
            break
        whole = epoch is None or epoch == 9
        cost = table.columns["cost"][row] if whole else table.curves["cost"][row, epoch - 1]
        spent.append({"evaluations": 1, "epochs": epoch or 9, "simulated_s": cost}[kind])
    return spent


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    asked=st.lists(st.tuples(st.integers(0, 119), st.none() | st.integers(1, 9)), max_size=60),
    amount=st.integers(100, 1500),
    kind=st.sampled_from(["evaluations", "epochs", "simulated_s"]),
)
def test_a_search_ends_before_the_evaluation_that_would_pass_its_budget(
    asked: list[tuple[int, int | None]], amount: int, kind: str, make_table: Callable[..., Table]
) -> None:
    table = make_table(epochs=9)
    if kind != "simulated_s":
        amount //= 10
    problem = TabularProblem(table, Budget(kind, amount))
    spent = spent_of(problem, asked, table, kind)
    every = spent_of(TabularProblem(table, Budget("evaluations", 100)), asked, table, kind)
    fits = np.cumsum(every) <= amount
    n = len(every) if fits.all() else int(fits.argmin())
    assert spent == every[:n]
    assert problem.history.tolist() == [row for row, _ in asked[:n]]
    assert problem.epochs.tolist() == [epoch or 9 for _, epoch in asked[:n]]
    if n < len(every):
        assert problem.exhausted
        with pytest.raises(BudgetExhausted, match=f"the budget of {amount} {kind} is spent"):
            problem.evaluate(table.codes[0], 1)  # nothing else, however cheap
        assert problem.history.size == n


def until_spent(evaluate: Callable[[Any], object], asked: Iterable[Any]) -> int:
    """How many evaluations the budget pays for."""
    for place, arch in enumerate(asked):
        try:
            evaluate(arch)
        except BudgetExhausted:
            return place
    raise AssertionError("the budget was never spent")


@pytest.mark.parametrize("kind", ["epochs", "simulated_s"])
def test_lockstep_ends_each_search_with_its_own_budget(kind: str, make_table: Callable[..., Table]) -> None:
    table = make_table(epochs=9, missing=0.2)
    budget = Budget(kind, 1000 if kind == "simulated_s" else 100)
    rng = np.random.default_rng(0)
    rows = rng.integers(len(table), size=(5, 400))
    lockstep = LockstepProblem(table, budget, 5)
    indices = table.index_of_row()[rows]
    steps = until_spent(lockstep.evaluate, indices.T)
    lengths = []
    for own, history in zip(rows, lockstep.history, strict=True):
        alone = TabularProblem(table, budget)
        until_spent(alone.evaluate, table.codes[own])
        lengths.append(len(alone.history))
        assert history[history >= 0].tolist() == alone.history.tolist() == history[: lengths[-1]].tolist()
    assert lockstep.history.shape[1] == max(lengths) == steps <= lockstep.steps
    assert (len(set(lengths)) > 1) == (kind == "simulated_s")


REFUSED_BUDGETS: dict[str, tuple[dict[str, Any], Budget, str]] = {
    "epochs of one fidelity": ({"curves": {}}, Budget("epochs", 100), "the table has one fidelity .no curve valid"),
    "no costs": ({"columns": 2}, Budget("simulated_s", 1000), "the table has no column cost"),
    "costs of nothing": ({"cost": 0.0}, Budget("simulated_s", 1000), "a training of the table takes 0 s; all must"),
    "costs below nothing": ({"cost": -1.0}, Budget("simulated_s", 1000), "a training of the table takes -0.1"),
    "costs with holes": ({"cost": np.nan}, Budget("simulated_s", 1000), "a training of the table takes nan"),
    "very small costs": (
        {"cost": 1e-6},
        Budget("simulated_s", 1000),
        "the shortest training takes .* s, and a search may make 10,000,000",
    ),
    "less than a training": (
        {},
        Budget("simulated_s", 50),
        r"the longest training takes [0-9.]+ s; give every search that much",
    ),
    "fewer epochs than a training": ({}, Budget("epochs", 8), "the longest training takes 9 epochs; give every search"),
}


@pytest.mark.parametrize("what", REFUSED_BUDGETS)
def test_budgets_that_a_table_cannot_count(what: str, make_table: Callable[..., Table]) -> None:
    changes, budget, message = REFUSED_BUDGETS[what]
    table = make_table(epochs=9)
    if "curves" in changes:
        table = dataclasses.replace(table, curves={})
    if "columns" in changes:
        table = dataclasses.replace(table, columns={key: table.columns[key] for key in ("valid", "test")})
    if "cost" in changes:
        cost = table.columns["cost"].copy()
        cost[5] = changes["cost"]
        table = dataclasses.replace(
            table, columns={**table.columns, "cost": cost}, curves={"valid": table.curves["valid"]}
        )
    for make in (
        lambda: check_searchable(table, budget),
        lambda: TabularProblem(table, budget),
        lambda: LockstepProblem(table, budget, 2),
    ):
        with pytest.raises(HarnessError, match=rf"^benchmark made/up: \[budgets\] {budget.kind} = .*{message}"):
            make()


@pytest.mark.parametrize("kind", ["evaluation", "seconds", ""])
def test_unknown_budget_kinds(kind: str) -> None:
    with pytest.raises(HarnessError, match=r"unknown budget kind .* valid: evaluations"):
        Budget(kind, 1)


@pytest.mark.parametrize("amount", [0, -1, 1.5, 10.0, "10", True, None, 10**12])
def test_budgets_out_of_range(amount: Any) -> None:
    with pytest.raises(HarnessError, match="budget evaluations: wanted a whole number"):
        Budget("evaluations", amount)
