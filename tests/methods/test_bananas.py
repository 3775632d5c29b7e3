"""BANANAS: its ensembles, and what it chooses when it knows everything."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from harness.methods.bananas import Bananas, features
from harness.methods.base import make_method, run_search
from harness.methods.predicting import Array, Codes, Model
from harness.problem.budget import Budget
from harness.spaces.base import Arch
from harness.spaces.nasbench201 import NASBench201Space
from harness.streams import Streams
from harness.tabular.catalogue import load_table
from harness.tabular.problem import TabularProblem
from harness.tabular.table import Table

pytest.importorskip("sklearn", reason="needs the extra `models`")


def test_features_are_paths_where_there_are_any(make_table: Callable[..., Table]) -> None:
    space = NASBench201Space()
    assert features(space, np.zeros((2, 6), dtype=int)).shape == (2, 155)
    assert features(make_table().space, np.zeros((2, 4), dtype=int)).shape == (2, 14)


def test_who_knows_the_scores_finds_the_best_at_once() -> None:
    """A lookup of validation in place of the ensemble, and all rows as candidates."""
    table = load_table("nasbench-graph/proteins")

    class Oracle(Bananas):
        def fit(self, codes: Codes, targets: Array, what: str, seed: int) -> Model:
            return lambda others: (table.valid[table.rows[table.space.indices(others)]], np.zeros(len(others)))

        def candidates(self) -> list[Arch]:
            return list(filter(self.is_new, map(tuple, table.codes.tolist())))

    problem = TabularProblem(table, Budget("evaluations", 20))
    run_search(Oracle(init=10, batch=10), problem, Streams(table.name, 0))
    rows = problem.history
    left = np.setdiff1d(np.arange(len(table)), rows[:10])
    expected = left[np.argsort(-table.valid[left], kind="stable")][:10]
    np.testing.assert_array_equal(rows[10:], expected)
    assert rows[10] == table.valid.argmax()


def fitted(seed: int = 3, **params: object) -> tuple[Model, Codes, Array]:
    table = load_table("nasbench-graph/proteins")
    method = make_method("bananas", **params)
    assert isinstance(method, Bananas)
    method.start(TabularProblem(table, Budget("evaluations", 1)), Streams(table.name, 0))
    codes, targets = table.codes[::90].astype(int), table.valid[::90]
    return method.fit(codes, targets, "score", seed), codes, targets


def test_the_forest_is_scikit_learns() -> None:
    from sklearn.ensemble import RandomForestRegressor

    model, codes, targets = fitted()
    space = load_table("nasbench-graph/proteins").space
    peer = RandomForestRegressor(116, max_features=0.17, min_samples_leaf=2, bootstrap=False, random_state=3)
    peer.fit(space.one_hot(codes), targets)
    others = space.codes(np.arange(0, space.size, 37))
    mean, std = model(others)
    np.testing.assert_allclose(mean, peer.predict(space.one_hot(others)), rtol=1e-12)
    trees = [tree.predict(space.one_hot(others)) for tree in peer.estimators_]
    np.testing.assert_allclose(std, np.std(trees, axis=0), rtol=1e-9, atol=1e-15)
    assert (std > 0).any()


def test_networks_of_an_ensemble_differ() -> None:
    model, codes, targets = fitted(model="mlp", ensemble=3)
    mean, std = model(codes)
    assert (std > 0).all()
    assert np.corrcoef(mean, targets)[0, 1] > 0.5
    _, alone = fitted(model="mlp", ensemble=1)[0](codes)
    np.testing.assert_array_equal(alone, 0.0)


def test_sampling_from_one_network_is_its_mean(make_table: Callable[..., Table]) -> None:
    table, histories = make_table(), []
    for acquisition in ("its", "mean"):
        problem = TabularProblem(table, Budget("evaluations", 18))
        method = make_method("bananas", init=6, batch=6, model="mlp", ensemble=1, acquisition=acquisition)
        run_search(method, problem, Streams(table.name, 1))
        histories.append(problem.history)
    np.testing.assert_array_equal(*histories)
