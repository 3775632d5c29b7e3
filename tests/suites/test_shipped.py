"""The suites of search on tables that come with the project resolve, and hold what they are for."""

from __future__ import annotations

import pytest

from harness.methods.base import make_method, method_params
from harness.suites.reading import load_suite


def test_the_line_up_has_every_search_of_scores_on_tables() -> None:
    for package in ("optuna", "sklearn"):
        pytest.importorskip(package)
    suite = load_suite("line-up")
    wanted = {"random", "regularized-evolution", "local-search", "reinforce", "epnas", "nsga2", "area", "eeea"}
    wanted |= {"bo-gp", "bananas", "nars", "instatune", "optuna"}
    assert {spec.name for spec in suite.methods} == wanted
    samplers = {spec.params["sampler"] for spec in suite.methods if spec.name == "optuna"}
    assert samplers == {"TPESampler", "NSGAIISampler"}
    assert len(suite.benchmarks) == 10
    assert [budget.amount for budget in suite.budgets] == [50, 100, 200]
    assert len(suite.seeds) >= 30
    # One table alone has fidelities: BOHB meets the others where seconds are counted.
    assert {"bohb", "hyperband"} < {spec.name for spec in load_suite("multi-fidelity").methods}


def test_every_grid_of_the_lottery_holds_the_defaults() -> None:
    suite = load_suite("lottery")
    settings: dict[str, list[dict[str, object]]] = {}
    for spec in suite.methods:
        settings.setdefault(spec.name, []).append(dict(spec.params))
    del settings["random"]
    assert {"regularized-evolution", "reinforce", "local-search", "bo-gp"} == set(settings)
    assert len(suite.budgets) == 3
    for name, params in settings.items():
        assert len(params) >= 8
        assert method_params(make_method(name)) in params
