"""Successive halving and Hyperband: brackets as the paper has them, and what a search does on a table."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from math import ceil, floor
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.methods.base import make_method, run_search
from harness.methods.hyperband import Halving, bracket, most_halvings
from harness.problem.budget import Budget
from harness.streams import Streams
from harness.tabular import synthetic
from harness.tabular.problem import TabularProblem
from harness.tabular.table import Table
from harness.testing import check_method

# Li et al. 2018, Algorithm 1 with R = 81 and eta = 3, by hand: n = ceil(5 * 3^s / (s + 1)), n_i = floor(n / 3^i) and
# r_i = 3^(4 - s + i). The paper's example table has the same brackets for s = 4 and s = 0; the others begin with 27, 9 and 6
# architectures there.
PAPER = {
    4: [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)],
    3: [(34, 3), (11, 9), (3, 27), (1, 81)],
    2: [(15, 9), (5, 27), (1, 81)],
    1: [(8, 27), (2, 81)],
    0: [(5, 81)],
}
# By hand as well: R = 16, eta = 4, at least 2 epochs: s_max = 1, for 2 * 4 <= 16 < 2 * 16.
SMALL = {1: [(4, 4), (1, 16)], 0: [(2, 16)]}


@pytest.mark.parametrize("halvings", PAPER)
def test_the_brackets_of_the_paper(halvings: int) -> None:
    assert most_halvings(81, 3, 1) == 4
    assert bracket(halvings, 81) == PAPER[halvings]


@pytest.mark.parametrize("halvings", SMALL)
def test_brackets_with_least_epochs(halvings: int) -> None:
    assert most_halvings(16, 4, 2) == 1
    assert bracket(halvings, 16, 4, 2) == SMALL[halvings]


@given(st.integers(1, 400), st.integers(2, 5), st.integers(1, 30))
def test_every_bracket(epochs: int, eta: int, least: int) -> None:
    if least > epochs:
        return
    most = most_halvings(epochs, eta, least)
    assert least * eta**most <= epochs < least * eta ** (most + 1)
    for halvings in range(most + 1):
        rungs = bracket(halvings, epochs, eta, least)
        first = ceil((most + 1) * eta**halvings / (halvings + 1))
        assert rungs == [(floor(first / eta**i), floor(epochs / eta ** (halvings - i))) for i in range(halvings + 1)]
        assert all(number >= 1 and least <= trained <= epochs for number, trained in rungs)
        assert rungs[-1][1] == epochs  # some are trained wholly
        # A bracket takes about (s_max + 1) R epochs: what is rounded up is less than one architecture, on every rung.
        assert sum(number * trained for number, trained in rungs) <= (most + 1) * epochs + (halvings + 1) * epochs


@pytest.mark.parametrize("params", [{}, {"eta": 2}, {"min_fidelity": 4}])
@pytest.mark.parametrize("name", ["successive-halving", "hyperband"])
def test_conformance(name: str, params: dict[str, Any]) -> None:
    check_method(name, **params)


def searched(table: Table, name: str, budget: Budget, seed: int = 0, **params: Any) -> tuple[list[int], list[int]]:
    """Rows that a search trains, and for how many epochs."""
    problem = TabularProblem(table, budget)
    assert run_search(make_method(name, **params), problem, Streams(table.name, seed)).arch is None
    return problem.history.tolist(), problem.epochs.tolist()


def expected(table: Table, brackets: list[list[tuple[int, int]]], seed: int) -> tuple[list[int], list[int]]:
    """What brackets train one after another, by the definition."""
    problem, uniforms = TabularProblem(table, Budget("evaluations", 1)), Streams(table.name, seed).uniforms("sample")
    rows: list[int] = []
    epochs: list[int] = []
    sign = 1 if table.direction == "max" else -1
    for rungs in brackets:
        survivors = [int(table.rows[table.space.index(problem.sample(uniforms))]) for _ in range(rungs[0][0])]
        for place, (number, epoch) in enumerate(rungs):
            assert len(survivors) == number
            rows += survivors
            epochs += [epoch] * number
            scores = table.valid if epoch == table.epochs else table.curves["valid"][:, epoch - 1]
            best = np.argsort(-sign * scores[survivors], kind="stable")
            survivors = [survivors[i] for i in best[: rungs[place + 1][0]]] if place + 1 < len(rungs) else []
    return rows, epochs


@pytest.mark.parametrize("seed", [0, 5])
@pytest.mark.parametrize("kind", ["plain", "gaps and weights", "smaller is better"])
def test_hyperband_trains_what_the_brackets_say(kind: str, seed: int, make_table: Callable[..., Table]) -> None:
    options = {"missing": 0.4, "weighted": True} if "gaps" in kind else {}
    table = make_table(epochs=81, direction="min" if "smaller" in kind else "max", **options)
    rows, epochs = expected(table, [PAPER[s] for s in (4, 3, 2, 1, 0, 4)], seed)
    once = sum(number * trained for rungs in PAPER.values() for number, trained in rungs)
    assert once == sum(map(sum, [[405], [102 + 99 + 81 + 81], [135 + 135 + 81], [216 + 162], [405]]))
    found = searched(table, "hyperband", Budget("epochs", once), seed)
    assert found == (rows[: len(found[0])], epochs[: len(found[0])])
    assert sum(found[1]) == once
    assert len(found[0]) == len(rows) - 121  # every bracket once
    # The budget ends in the middle of a bracket, before what would pass it.
    found = searched(table, "hyperband", Budget("epochs", once + 100), seed)
    assert found == (rows[: len(found[0])], epochs[: len(found[0])])
    assert sum(found[1]) == once + 99  # 81 at one epoch and 6 at three: a seventh would be 102


def test_successive_halving_repeats_the_widest_bracket(make_table: Callable[..., Table]) -> None:
    table = make_table(epochs=81)
    found = searched(table, "successive-halving", Budget("epochs", 3 * 405))
    assert found == expected(table, [PAPER[4]] * 3, 0)


def test_all_methods_meet_the_same_first_architectures(make_table: Callable[..., Table]) -> None:
    table = make_table(epochs=27)
    first = searched(table, "hyperband", Budget("evaluations", 20))[0]
    assert first == searched(table, "random", Budget("evaluations", 20))[0]


def test_of_equal_scores_the_first_go_on(make_table: Callable[..., Table]) -> None:
    table = make_table(epochs=9)
    same = dataclasses.replace(table, curves={"valid": np.ones((len(table), 9))}, columns=table.columns)
    rows, epochs = searched(same, "successive-halving", Budget("epochs", 27))
    assert epochs == [1] * 9 + [3] * 3 + [9]
    assert rows[9:12] == rows[:3]
    assert rows[12] == rows[0]


def test_where_half_trained_scores_are_true_halving_finds_more() -> None:
    """Curves that rank as the whole training does: at equal epochs halving sees many more architectures than random search."""
    table = synthetic.convert()
    exact = dataclasses.replace(table, curves={"valid": table.valid[:, None] - np.arange(26, -1, -1.0)})
    budget = Budget("epochs", 27 * 12)
    best = {
        name: np.mean([table.valid[searched(exact, name, budget, seed)[0]].max() for seed in range(20)])
        for name in ("random", "hyperband", "successive-halving")
    }
    assert best["successive-halving"] > best["hyperband"] > best["random"]


@pytest.mark.parametrize("name", ["successive-halving", "hyperband"])
def test_what_is_refused(name: str, make_table: Callable[..., Table]) -> None:
    with pytest.raises(HarnessError, match=f"^{name}: eta must be at least 2, not 1$"):
        make_method(name, eta=1)
    with pytest.raises(HarnessError, match=f"^{name}: min_fidelity must be at least 1, not 0$"):
        make_method(name, min_fidelity=0)
    with pytest.raises(HarnessError, match=r"eta: wanted int, not 2\.5"):
        make_method(name, eta=2.5)
    with pytest.raises(
        HarnessError, match=f"^method {name} stops trainings early, and this benchmark has one fidelity"
    ):
        searched(make_table(), name, Budget("evaluations", 9))
    with pytest.raises(
        HarnessError, match=f"^method {name}: min_fidelity 10 is above the 9 epochs of a whole training$"
    ):
        searched(make_table(epochs=9), name, Budget("evaluations", 9), min_fidelity=10)


def test_brackets_of_a_method() -> None:
    hyperband, halving = make_method("hyperband"), make_method("successive-halving")
    assert isinstance(hyperband, Halving)
    assert isinstance(halving, Halving)
    assert hyperband.brackets(81) == [PAPER[s] for s in (4, 3, 2, 1, 0)]
    assert halving.brackets(81) == [PAPER[4]]
