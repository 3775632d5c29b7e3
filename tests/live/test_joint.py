"""Architectures and their recipes, searched together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd
import pytest

from harness.errors import HarnessError
from harness.live.benchmark import LiveBenchmark
from harness.live.joint import JointSpace
from harness.live.problem import LiveProblem
from harness.problem.budget import Budget
from harness.reporting.build import build_report
from harness.reporting.run import load_run
from harness.running.planning import plan
from harness.running.records import read_epochs, read_run
from harness.running.runner import run
from harness.spaces.nasbench201 import NASBench201Space
from harness.suites.reading import make_suite
from harness.training.settings import LiveSettings, Recipe, SearchSettings

RECIPE = {"channels": 2, "cells": 1, "reductions": 0, "epochs": 4, "batch_size": 320, "learning_rate": 0.2}
CHOICES = (("learning_rate", (0.1, 0.4)), ("weight_decay", (0.0, 0.001, 0.01)), ("epochs", (2, 4)))
CELL = (3, 1, 1, 1, 1, 1)


def settings_of(choices: Any = CHOICES, proxy: int = 2, **recipe: Any) -> LiveSettings:
    evaluation = replace(Recipe(**RECIPE), **recipe)
    search = SearchSettings(channels=2, cells=1, epochs=9, batch_size=320)
    return LiveSettings(search, evaluation, replace(evaluation, epochs=proxy), "cpu", choices)


def problem_of(settings: LiveSettings) -> LiveProblem:
    benchmark = LiveBenchmark("live/nasbench201-digits")
    return LiveProblem("nasbench201", benchmark.space, benchmark.splits(0), settings, Budget("epochs", 9), 0)


def suite_of(*methods: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": "joint",
        "seeds": "0:1",
        "benchmarks": ["live/nasbench201-digits"],
        "budgets": {"epochs": 6},
        "evaluation": RECIPE | {"proxy_epochs": 2},
        "methods": list(methods),
    }


def test_a_space_of_both() -> None:
    cells = NASBench201Space()
    space = JointSpace(cells, settings_of())
    arch = (*CELL, 1, 2, 0)
    assert space.size == cells.size * 2 * 3 * 2
    assert space.format(arch) == f"{cells.format(CELL)} @ learning_rate=0.4,weight_decay=0.01,epochs=2"
    assert space.parse(space.format(arch)) == arch
    assert space.split(arch) == (CELL, (1, 2, 0))
    # Two cells that are one computation are one with the same recipe only.
    disconnected = (0, 0, 0, 0, 0, 0)
    same = next(a for a in map(cells.arch, range(1, cells.size)) if cells.canonical(a) == cells.canonical(disconnected))
    assert space.canonical((*same, 1, 2, 0)) == space.canonical((*disconnected, 1, 2, 0))
    assert space.canonical((*same, 1, 2, 0)) != space.canonical((*same, 1, 2, 1))
    with pytest.raises(HarnessError, match="has no recipe; wanted ARCHITECTURE @ NAME=VALUE"):
        space.parse(cells.format(CELL))


def test_recipes() -> None:
    space = JointSpace(NASBench201Space(), settings_of(proxy=3))
    end, short = space.recipe((*CELL, 1, 2, 0), proxy=False), space.recipe((*CELL, 1, 2, 0), proxy=True)
    assert (end.learning_rate, end.weight_decay, end.epochs) == (0.4, 0.01, 2)
    assert short == replace(end, epochs=2)  # half of three, rounded to even
    assert space.recipe((*CELL, 0, 0, 1), proxy=True).epochs == 3
    tiny = JointSpace(NASBench201Space(), settings_of(proxy=1))
    assert tiny.recipe((*CELL, 0, 0, 0), proxy=True).epochs == 1


def test_an_architecture_is_trained_by_its_recipe() -> None:
    problem = problem_of(settings_of())
    for choices, recipe, epochs in (
        ((0, 0, 1), {"learning_rate": 0.1, "weight_decay": 0.0}, 2),
        ((1, 2, 0), {"learning_rate": 0.4, "weight_decay": 0.01}, 1),  # half as many epochs, at half the cost
    ):
        alone = problem_of(settings_of((), proxy=epochs, **recipe))
        before = problem.spent
        assert problem.evaluate((*CELL, *choices)).score == alone.evaluate(CELL).score
        assert problem.spent - before == epochs
    # A training that is whole by its recipe stands no lower than a longer one.
    assert problem.evaluations[0].standing[0] == problem.evaluations[1].standing[0] == 1
    with pytest.raises(HarnessError, match="a supernet is trained by one recipe"):
        problem_of(settings_of()).supernet()


def test_settings_are_read_back_and_without_choices_are_what_they_were() -> None:
    settings = settings_of()
    assert LiveSettings.from_json(settings.to_json()) == settings
    assert "choices" not in settings_of(()).to_json()


@pytest.mark.parametrize(
    ("method", "message"),
    [
        ({"recipe": {"rate": [1]}}, "recipe: unknown key 'rate'"),
        ({"recipe": {"learning_rate": 0.1}}, "wanted a table of lists"),
        ({"recipe": {"learning_rate": []}}, r"recipe: learning_rate: wanted a list of different values, not \[\]"),
        ({"recipe": {"learning_rate": [0.1, 0.1]}}, "wanted a list of different values"),
        ({"recipe": {"learning_rate": [0.1, 0]}}, "learning_rate and clip must be numbers > 0"),
        ({"recipe": {"epochs": [2, 5]}}, r"recipe: epochs: at most the 4 of \[evaluation\], not 5"),
        ({"name": "darts-1st", "recipe": {"epochs": [2]}}, "weights that are shared are trained by one recipe"),
    ],
)
def test_wrong_choices_are_refused_before_anything_runs(method: dict[str, Any], message: str) -> None:
    with pytest.raises(HarnessError, match=message):
        make_suite(suite_of({"name": "random"} | method)).groups()


@pytest.mark.parametrize(("benchmark", "what"), [("digits201", "is a table"), ("one-shot/digits201", "by one recipe")])
def test_what_is_recorded_has_one_recipe(benchmark: str, what: str) -> None:
    suite = suite_of({"name": "random", "recipe": {"epochs": [2]}}) | {"benchmarks": [benchmark]}
    suite |= {"evaluation": {}, "budgets": {"epochs": 20}}
    with pytest.raises(HarnessError, match=what):
        make_suite(suite).groups()


@pytest.mark.slow
def test_nars_searches_both_in_a_run(tmp_path: Any, same_results: Any) -> None:
    both = {"name": "nars", "batch": 1, "pool": 20, "label": "both", "recipe": {key: list(v) for key, v in CHOICES}}
    suite = make_suite(suite_of({"name": "nars", "batch": 1, "pool": 20}, both))
    assert len({group.key(0) for group in suite.groups()}) == 2
    assert plan(suite, tmp_path / "run", 1).seconds > 0
    run(suite, tmp_path / "run", backend="sequential")
    records = read_run(tmp_path / "run")[0].set_index("label")
    assert (records["status"] == "ok").all()
    trained = read_epochs(tmp_path / "run").query("phase == 'evaluation'")
    last = trained.groupby("cell", sort=False).tail(1).set_index("cell")
    chosen, fixed = last.loc[records["cell"]["both"]], last.loc[records["cell"]["nars"]]
    assert pd.isna(fixed["recipe_epochs"])
    assert fixed["epoch"] == 4
    assert chosen["recipe_epochs"] == chosen["epoch"]
    assert chosen["recipe_learning_rate"] in (0.1, 0.4)
    assert chosen["recipe_weight_decay"] in (0.0, 0.001, 0.01)
    assert records["arch"]["both"] == chosen["arch"]  # the cell itself, as everywhere
    run(suite, tmp_path / "again", jobs=2)
    same_results(tmp_path / "again", tmp_path / "run")
    # Random search at the suite's recipe is the baseline; over recipes it is a method like others.
    drawn = {"name": "random", "label": "drawn", "recipe": {"epochs": [2, 4]}}
    more = make_suite(suite_of({"name": "random"}, drawn))
    run(more, tmp_path / "more", backend="sequential")
    assert [entrant.is_check for entrant in load_run(tmp_path / "more").entrants] == [True, False]
    build_report(tmp_path / "run", formats=["csv"])
    table = pd.read_csv(tmp_path / "run" / "report" / "tables" / "recipes.csv")
    assert table[["method", "learning_rate", "weight_decay", "epochs", "seeds", "test"]].values.tolist() == [
        ["both", *chosen[["recipe_learning_rate", "recipe_weight_decay", "recipe_epochs"]], 1, records["test"]["both"]]
    ]
