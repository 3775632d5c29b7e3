"""The suites of search on tables that come with the project resolve, and hold what they are for."""

from __future__ import annotations

from harness.methods.base import make_method, method_params
from harness.suites.reading import load_suite


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
