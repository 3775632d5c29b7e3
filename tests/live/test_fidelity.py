"""Trainings that stop early on live benchmarks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from harness.errors import BudgetExhausted, HarnessError
from harness.live.benchmark import LiveBenchmark
from harness.live.problem import LiveProblem
from harness.methods.base import make_method, run_search
from harness.problem.budget import Budget
from harness.running.pilot import PilotProblem
from harness.running.records import read_run
from harness.running.runner import run
from harness.streams import Streams
from harness.suites.reading import make_suite
from harness.training.settings import LiveSettings, Recipe, SearchSettings

RECIPE = {"channels": 2, "cells": 1, "reductions": 0, "epochs": 1, "batch_size": 320, "learning_rate": 0.2}
ARCH = (3, 1, 1, 1, 1, 1)


def problem_of(proxy: int, budget: int, kind: type[LiveProblem] = LiveProblem) -> Any:
    benchmark, recipe = LiveBenchmark("live/nasbench201-digits"), Recipe(**RECIPE)
    settings = LiveSettings(
        search=SearchSettings(channels=2, cells=1, epochs=budget, batch_size=320),
        evaluation=recipe,
        proxy=replace(recipe, epochs=proxy),
        device="cpu",
    )
    return kind("nasbench201", benchmark.space, benchmark.splits(0), settings, Budget("epochs", budget), 0)


def suite_of(proxy: int, epochs: int, **method: Any) -> dict[str, Any]:
    return {
        "name": "early",
        "seeds": "0:1",
        "benchmarks": ["live/nasbench201-digits"],
        "budgets": {"epochs": epochs},
        "evaluation": RECIPE | {"proxy_epochs": proxy},
        "methods": [{"name": "hyperband"} | method],
    }


def test_a_fidelity_is_a_training_of_so_many_epochs() -> None:
    problem = problem_of(proxy=3, budget=9)
    assert (problem.max_fidelity, problem_of(1, 1).max_fidelity) == (3, None)
    for epochs in (1, 2, 3):
        assert problem.evaluate(ARCH, fidelity=epochs).score == problem_of(epochs, epochs).evaluate(ARCH).score
    assert problem.evaluate(ARCH).score == problem_of(3, 3).evaluate(ARCH, fidelity=3).score
    assert problem.spent == 9


@pytest.mark.parametrize("fidelity", [0, 4, -1, 2.0, True])
def test_other_fidelities_are_refused_and_cost_nothing(fidelity: Any) -> None:
    problem = problem_of(proxy=3, budget=9, kind=PilotProblem)
    with pytest.raises(HarnessError, match=r"^fidelity .*: a training during this search has epochs 1 to 3$"):
        problem.evaluate(ARCH, fidelity)
    assert problem.spent == 0


def test_what_is_left_pays_for_short_trainings_until_a_longer_one_was_asked_for() -> None:
    problem = problem_of(proxy=3, budget=5, kind=PilotProblem)
    problem.evaluate(ARCH)
    problem.evaluate(ARCH, np.int64(1))
    assert (problem.spent, problem.exhausted) == (4, False)
    for fidelity in (2, 1):
        with pytest.raises(BudgetExhausted):
            problem.evaluate(ARCH, fidelity)
        assert (problem.spent, problem.exhausted) == (4, True)


def test_hyperband_spends_its_brackets() -> None:
    """Of 3 epochs and eta 3: three architectures for 1 epoch and the best for 3, then two for 3; Li et al., Algorithm 1."""
    problem = problem_of(proxy=3, budget=14, kind=PilotProblem)
    run_search(make_method("hyperband"), problem, Streams("here", 0))
    assert [trained.epochs for trained in problem.evaluations] == [1, 1, 1, 3, 3, 3, 1, 1]
    first = problem.evaluations[:3]
    assert problem.evaluations[3].arch == max(first, key=lambda trained: trained.evaluation.score).arch
    halving = problem_of(proxy=3, budget=12, kind=PilotProblem)
    run_search(make_method("successive-halving"), halving, Streams("here", 0))
    assert [trained.epochs for trained in halving.evaluations] == [1, 1, 1, 3] * 2


def test_a_run_recommends_one_of_the_longest_trainings(tmp_path: Any) -> None:
    run(suite_of(3, 9), tmp_path / "run", backend="sequential")
    records, traces, _ = read_run(tmp_path / "run")
    (record,) = records.to_dict("records")
    assert (record["status"], record["error"], record["epochs"], record["n_evaluations"]) == ("ok", "", 9, 5)
    again = problem_of(3, 9)
    run_search(make_method("hyperband"), again, Streams("live/nasbench201-digits", 0))
    whole = [trained for trained in again.evaluations if trained.epochs == 3]
    best = max(whole, key=lambda trained: trained.evaluation.score)
    assert record["arch"] == again.space.format(best.arch)
    assert traces["incumbent_arch"].iloc[-1] == record["arch"]
    assert traces["incumbent_valid"].iloc[-1] == best.evaluation.score


def test_plan_and_run_know_the_fidelities_from_the_settings() -> None:
    make_suite(suite_of(3, 9, min_fidelity=3)).groups()
    with pytest.raises(HarnessError, match=r"min_fidelity 4 is above the 3 epochs of a whole training$"):
        make_suite(suite_of(3, 9, min_fidelity=4)).groups()
    with pytest.raises(
        HarnessError, match=r"this benchmark has one fidelity; .* live benchmark with proxy_epochs above 1$"
    ):
        make_suite(suite_of(1, 9)).groups()
