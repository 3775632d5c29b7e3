"""Columns, constraints and fidelities of benchmarks whose architectures are trained here and now."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.errors import HarnessError
from harness.live.columns import Columns
from harness.live.problem import LiveProblem
from harness.methods.base import make_method, run_search
from harness.problem.budget import Budget
from harness.problem.constraint import Constraint
from harness.spaces.nasbench201 import NASBench201Space
from harness.streams import Streams
from harness.suites.catalogue import load_benchmark
from harness.suites.reading import make_suite
from harness.training.data import Splits
from harness.training.settings import LiveSettings, Recipe, SearchSettings
from harness.training.train import check_recipe

DIGITS = "live/nasbench201-digits"
SIZE = {"channels": 2, "cells": 3}
SKIPS, CONVOLUTIONS = (1,) * 6, (3,) * 6


def problem(splits: Splits, epochs: int, proxy: int = 1, **more: Any) -> LiveProblem:
    settings = LiveSettings(
        SearchSettings(epochs=epochs, batch_size=32, **SIZE),
        Recipe(epochs=2, batch_size=32, **SIZE),
        Recipe(epochs=proxy, batch_size=32, **SIZE),
        "cpu",
    )
    return LiveProblem("nasbench201", NASBench201Space(), splits, settings, Budget("epochs", epochs), 0, **more)


def test_a_recorded_table_has_the_same_numbers(splits: Splits) -> None:
    table = load_benchmark("digits201")
    recipe = table.describe()["source"]["recording"]["spec"]["recipe"]
    columns = Columns("nasbench201", check_recipe("nasbench201", splits, Recipe(**recipe)), ("flops", "params"), ())
    for row in (0, 17, 4000, 6465):
        arch = tuple(table.codes[row].tolist())
        assert columns.of(arch) == {name: table.columns[name][row] for name in ("flops", "params")}


def test_a_method_sees_what_it_is_shown(small: Splits) -> None:
    shown = problem(small, 3, metrics=("params",)).evaluate(CONVOLUTIONS)
    assert shown.feasible
    assert shown.metrics.keys() == {"params"}
    plain = problem(small, 3).evaluate(CONVOLUTIONS)
    assert (plain.score, plain.metrics) == (shown.score, {})


def test_what_breaks_a_bound_is_paid_for_and_never_an_answer(small: Splits) -> None:
    sizes = {
        arch: problem(small, 1, metrics=("params",)).evaluate(arch).metrics["params"] for arch in (SKIPS, CONVOLUTIONS)
    }
    bound = sizes[SKIPS] + 1
    bounded = problem(small, 3, constraints=(Constraint("params", "<=", bound),))
    large, little = bounded.evaluate(CONVOLUTIONS), bounded.evaluate(SKIPS)
    assert (large.feasible, little.feasible) == (False, True)
    assert large.score == pytest.approx(-(sizes[CONVOLUTIONS] - bound) / bound)  # below any accuracy
    assert bounded.spent == 2
    assert not bounded.satisfies(CONVOLUTIONS)
    assert bounded.satisfies(SKIPS)
    assert [trained.feasible for trained in bounded.evaluations] == [False, True]


@pytest.mark.parametrize("fidelity", [0, -1, 4, True, 1.0, "1"])
def test_fidelities_that_there_are_not(small: Splits, fidelity: Any) -> None:
    searched = problem(small, 9, proxy=3)
    with pytest.raises(
        HarnessError, match=r"wanted whole epochs from 1 to the suite's \[evaluation\] proxy_epochs = 3"
    ):
        searched.evaluate(SKIPS, fidelity)
    assert searched.spent == 0


def test_a_shorter_training_costs_its_epochs(small: Splits) -> None:
    searched = problem(small, 5, proxy=3)
    assert searched.max_fidelity == 3
    searched.evaluate(SKIPS, 2)
    assert searched.evaluate(SKIPS).score == problem(small, 3, proxy=3).evaluate(SKIPS).score  # nothing is saved
    assert (searched.spent, [trained.epochs for trained in searched.evaluations]) == (5, [2, 3])
    assert problem(small, 5).max_fidelity is None  # of one epoch there is no shorter one


def test_successive_halving_spends_what_its_rungs_say(small: Splits) -> None:
    searched = problem(small, 27, proxy=9)
    run_search(make_method("successive-halving"), searched, Streams(DIGITS, 0))
    assert [trained.epochs for trained in searched.evaluations] == [*[1] * 9, *[3] * 3, 9]
    first = {trained.arch for trained in searched.evaluations[:9]}
    by_score = sorted(searched.evaluations[:9], key=lambda trained: -trained.score)
    assert [trained.arch for trained in searched.evaluations[9:12]] == [trained.arch for trained in by_score[:3]]
    assert searched.evaluations[12].arch in first


def document(*methods: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "seeds": "0:2",
        "benchmarks": [DIGITS],
        "budgets": {"epochs": 4},
        "search": {**SIZE, "batch_size": 64},
        "evaluation": {**SIZE, "epochs": 1},
        "methods": [{"name": "random-architecture", "architectures": 2}, *methods],
    } | more


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"metrics": ["parameters"]}, "unknown column 'parameters'"),
        ({"metrics": ["latency"]}, "unknown column 'latency'"),
        ({"constraint": {"test": "<= 3"}}, "unknown column 'test'"),
        (
            {"constraint": {"params": "<= 3"}},
            "none of 200 random architectures satisfies params <= 3 .their values run from",
        ),
        ({"methods": [{"name": "hyperband"}]}, "wanted .evaluation. proxy_epochs above 1"),
    ],
)
def test_what_there_is_not_is_refused_before_a_run(more: dict[str, Any], message: str) -> None:
    with pytest.raises(HarnessError, match=message) as raised:
        make_suite(document() | more).groups()
    assert "\n" not in str(raised.value)


def test_a_run_under_a_constraint(tmp_path: Path, cli: Callable[..., Any]) -> None:
    suite = tmp_path / "small.toml"
    suite.write_text(
        f'seeds = "0:2"\nbenchmarks = ["{DIGITS}"]\nmetrics = ["flops"]\n[budgets]\nepochs = 4\n'
        "[search]\nchannels = 2\ncells = 3\nbatch_size = 64\n[evaluation]\nchannels = 2\ncells = 3\nepochs = 1\n"
        '[constraint]\nparams = "<= 5000"\n'
        '[[methods]]\nname = "random-architecture"\narchitectures = 2\n'
        '[[methods]]\nname = "nsga2"\npopulation = 2\nminimize = ["flops"]\n'
        '[[methods]]\nname = "given"\narchitectures = ["' + NASBench201Space().format(CONVOLUTIONS) + '"]\n'
    )
    out = tmp_path / "out"
    done = cli("run", suite, "-o", out, "-j", "1", "-q")
    assert done.code == 0, done.err
    records = pd.read_parquet(out / "records.parquet")
    assert (records.loc[records["status"] == "ok", "params"] <= 5000).all()
    status = records.groupby("label")["status"].unique()
    assert list(status["given"]) == ["infeasible"]
    assert list(status["random-architecture"]) == ["ok"]
    nsga = records[records["label"] == "nsga2"]
    assert (nsga["n_evaluations"] == 4).all()
    assert (nsga["n_feasible"] <= 4).all()
    assert np.isnan(records.loc[records["status"] == "infeasible", "test"]).all()
    assert cli("plan", suite).code == 0
