"""NARS: what pretraining learns, and where a fit begins."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.stats import kendalltau

from harness.errors import HarnessError
from harness.methods.acquisition import normal_scores
from harness.methods.base import make_method, run_search
from harness.methods.nars import NARS
from harness.problem.budget import Budget
from harness.streams import Streams
from harness.tabular.catalogue import load_table
from harness.tabular.problem import TabularProblem
from harness.tabular.table import Table

pytest.importorskip("sklearn", reason="needs the extra `models`")


def started(table: Table, seed: int = 0, **params: object) -> NARS:
    method = make_method("nars", **params)
    assert isinstance(method, NARS)
    problem = TabularProblem(table, Budget("evaluations", 1), statistics=method.statistic_names)
    method.start(problem, Streams(table.name, seed))
    return method


def test_the_statistic_is_learnt() -> None:
    """Parameters are linear in the code of a NAS-Bench-201 cell: of cells that it has not met the network knows nearly all."""
    table = load_table("digits201")
    method = started(table)
    network = method._pretrained()
    assert method.problem.n_statistics <= 1000
    uniforms = method.streams.uniforms("statistics")
    met = {method.problem.sample(uniforms) for _ in range(1000)}
    held_out = np.array([arch for arch in map(tuple, table.codes.tolist()) if arch not in met])
    assert len(held_out) > 5000
    truth = table.columns["params"][table.rows[table.space.indices(held_out)]]
    predicted = network.predict(table.space.one_hot(held_out))
    assert np.corrcoef(predicted, truth)[0, 1] ** 2 > 0.999


def test_each_fit_begins_with_the_pretrained_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    method = started(load_table("synthetic/ridge"), pretrain=False)
    codes, targets = load_table("synthetic/ridge").codes[:50].astype(int), np.linspace(-1, 1, 50)
    begun = []

    def note(network: object, x: np.ndarray, y: np.ndarray) -> object:
        begun.append([weights.copy() for weights in network.coefs_])  # type: ignore[attr-defined]
        return network

    monkeypatch.setattr("harness.methods.nars.STEPS", 2)
    method.fit(codes, targets, "score", 1)
    from harness.methods import nars

    method.pretrained = nars._train(nars._network(5), method.problem.space.one_hot(codes), targets)
    kept = [weights.copy() for weights in method.pretrained.coefs_]
    monkeypatch.setattr("harness.methods.nars._train", note)
    for seed in (1, 2):
        method.fit(codes, targets, "score", seed)
    for weights in begun:
        np.testing.assert_array_equal(weights[0], kept[0])
        np.testing.assert_array_equal(weights[1], kept[1])
        assert not np.array_equal(weights[2], kept[2])
    assert not np.array_equal(begun[0][2], begun[1][2])
    np.testing.assert_array_equal(method.pretrained.coefs_[0], kept[0])


def test_scores_that_could_not_be_computed_are_left_out() -> None:
    table = load_table("synthetic/ridge")
    values = table.codes.sum(axis=1).astype(np.float64)
    values[::2], values[1::4] = -np.inf, np.nan
    holes = dataclasses.replace(table, columns={**table.columns, "params": values})
    network = started(holes, pool=300)._pretrained()
    there = np.isfinite(values)
    predicted = network.predict(table.space.one_hot(table.codes[there].astype(int)))
    assert np.corrcoef(predicted, values[there])[0, 1] > 0.99
    nothing = dataclasses.replace(table, columns={**table.columns, "params": np.full(len(table), np.nan)})
    with pytest.raises(HarnessError, match="nars: statistic params of no two architectures is a finite number"):
        started(nothing, pool=300)._pretrained()


def test_statistics_cost_no_evaluation_and_are_counted() -> None:
    table = load_table("digits201")
    method = make_method("nars", batch=10, pool=60)
    problem = TabularProblem(table, Budget("evaluations", 20), statistics=method.statistic_names)
    run_search(method, problem, Streams(table.name, 0))
    assert problem.history.size == 20
    assert 50 <= problem.n_statistics <= 60  # each drawn architecture once


@pytest.mark.slow
def test_pretraining_on_permuted_statistics_helps_nobody() -> None:
    """Rank agreement on 300 held-out cells after 20 evaluations, over 8 searches: below that of true statistics, and no better
    than none by more than three standard errors."""
    table = load_table("digits201")
    permuted = np.random.default_rng(0).permutation(table.columns["params"])
    shuffled = dataclasses.replace(table, columns={**table.columns, "params": permuted})
    true, wrong, none = (
        agreement(of, **params) for of, params in [(table, {}), (shuffled, {}), (table, {"pretrain": False})]
    )
    assert (true - wrong).mean() > 3 * (true - wrong).std(ddof=1) / np.sqrt(len(true))
    assert (wrong - none).mean() < 3 * (wrong - none).std(ddof=1) / np.sqrt(len(none))


def agreement(table: Table, n: int = 20, seeds: int = 8, **params: object) -> np.ndarray:
    """Kendall's tau of prediction and validation on held-out cells, after a fit to `n` random ones, of each search."""
    found = []
    for seed in range(seeds):
        method = started(table, seed, **params)
        if method.pretrain:
            method.pretrained = method._pretrained()
        rows = np.random.default_rng(seed).permutation(len(table))[: n + 300]
        codes = table.codes[rows].astype(int)
        model = method.fit(codes[:n], normal_scores(table.valid[rows[:n]]), "score", seed)
        found.append(kendalltau(model(codes[n:])[0], table.valid[rows[n:]]).statistic)
    return np.array(found)
