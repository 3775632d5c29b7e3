"""Progressive REINFORCE: its two ends are REINFORCE and the uniform law, and what is locked does not move."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice
from typing import Any

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.methods.base import make_method, run_search
from harness.methods.reinforce import Policies
from harness.problem.budget import Budget
from harness.spaces.base import CategoricalSpace
from harness.streams import Streams
from harness.tabular import synthetic
from harness.tabular.problem import TabularProblem
from harness.tabular.table import Table
from harness.testing import check_method


def searched(table: Table, name: str, evaluations: int = 80, seed: int = 0, **params: Any) -> list[int]:
    problem = TabularProblem(table, Budget("evaluations", evaluations))
    run_search(make_method(name, **params), problem, Streams(table.name, seed))
    return problem.history.tolist()


def test_conformance() -> None:
    check_method("epnas")


@pytest.mark.parametrize("missing", [0.0, 0.4])
def test_with_all_variables_from_the_start_it_is_reinforce(missing: float, make_table: Callable[..., Table]) -> None:
    table = make_table(missing=missing)
    for seed in (0, 3):
        plain = searched(table, "reinforce", seed=seed, learning_rate=0.1)
        assert searched(table, "epnas", seed=seed, start=len(table.space.cardinalities), every=7) == plain
        assert searched(table, "epnas", seed=seed, start=2) != plain


def test_never_unlocked_it_draws_encodings_uniformly(make_table: Callable[..., Table]) -> None:
    table = make_table()
    uniforms = np.array(list(islice(Streams(table.name, 5).uniforms("move"), 80 * 4))).reshape(80, 4)
    codes = (uniforms * table.space.cardinalities).astype(int)
    assert searched(table, "epnas", seed=5, start=0, every=1000) == table.rows[table.space.indices(codes)].tolist()


def test_locked_logits_are_exactly_0_and_a_variable_begins_with_a_whole_step() -> None:
    space = CategoricalSpace("two", {f"v{i}": ["a", "b", "c"] for i in range(4)})
    policies = Policies(space, 2, 0.1, 0.9, waits=[0, 0, 5, 10])
    rng = np.random.default_rng(0)
    for reward in range(1, 13):
        before = policies._logits
        policies.choose(rng.integers(3, size=(2, 4)))
        policies.update(rng.random(2))
        moved = policies._logits - before
        for variable, wait in enumerate([0, 0, 5, 10]):
            if reward <= wait:
                assert (policies._logits[:, variable] == 0.0).all()
            elif reward == wait + 1 > 1:  # Adam's first step is the rate in size, whatever the gradient
                np.testing.assert_allclose(np.abs(moved[:, variable]), 0.1, rtol=1e-5)


def test_on_a_ridge_it_beats_random_search() -> None:
    table = synthetic.convert()
    seeds = range(20)
    own = np.array([table.valid[searched(table, "epnas", 150, seed)].max() for seed in seeds])
    other = np.array([table.valid[searched(table, "random", 150, seed)].max() for seed in seeds])
    assert own.mean() - other.mean() > 2 * np.hypot(own.std(), other.std()) / len(seeds) ** 0.5


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"start": -1}, "^epnas: start must be at least 0, not -1$"),
        ({"every": 0}, "^epnas: every must be at least 1, not 0$"),
        ({"learning_rate": 0.0}, "^epnas: learning_rate must be finite and above 0"),
        ({"first": 2}, "unknown parameter of method epnas: 'first'"),
    ],
)
def test_wrong_parameters_are_refused(params: dict[str, Any], words: str) -> None:
    with pytest.raises(HarnessError, match=words):
        make_method("epnas", **params)
