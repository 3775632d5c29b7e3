"""Grids of parameters in suites and on the command line."""

from __future__ import annotations

from typing import Any

import pytest

from harness.errors import HarnessError
from harness.suites.reading import make_suite, spot_suite

EVOLUTION = {"name": "regularized-evolution", "grid": {"population": [5, 10], "sample": [1, 3]}}


def document(*methods: dict[str, Any]) -> dict[str, Any]:
    return {"seeds": "0:3", "benchmarks": ["synthetic/ridge"], "budgets": {"evaluations": 10}, "methods": list(methods)}


def test_a_grid_is_its_combinations() -> None:
    suite = make_suite(document(EVOLUTION))
    one_by_one = [
        {"name": "regularized-evolution", "label": label, "population": population, "sample": sample}
        for label, population, sample in [
            ("regularized-evolution,population=5,sample=1", 5, 1),
            ("regularized-evolution,population=5,sample=3", 5, 3),
            ("regularized-evolution,population=10,sample=1", 10, 1),
            ("regularized-evolution,population=10,sample=3", 10, 3),
        ]
    ]
    assert suite.methods == make_suite(document(*one_by_one)).methods


def test_what_stands_beside_it_is_everyones() -> None:
    method = {"name": "local-search", "label": "LS", "benchmarks": ["synthetic/*"], "starts": 2}
    suite = make_suite(document(method | {"grid": {"improvement": ["first", "best"]}}))
    assert [spec.label for spec in suite.methods] == ["LS,improvement=first", "LS,improvement=best"]
    assert [spec.params["starts"] for spec in suite.methods] == [2, 2]
    assert all(spec.benchmarks == ("synthetic/ridge",) for spec in suite.methods)


def test_on_the_command_line() -> None:
    suite = spot_suite(["synthetic/ridge"], ["reinforce,grid.learning_rate=[0.1, 1],momentum=0"], 5, "0:2")
    assert [(spec.label, spec.params.get("learning_rate")) for spec in suite.methods] == [
        ("random", None),
        ("reinforce,momentum=0,learning_rate=0.1", 0.1),
        ("reinforce,momentum=0,learning_rate=1", 1.0),
    ]


@pytest.mark.parametrize(
    ("method", "words"),
    [
        (
            {"grid": {"population": 5}},
            r"grid of method regularized-evolution: wanted parameters with lists of values.*not",
        ),
        ({"grid": {}}, "wanted parameters with lists"),
        ({"grid": {"population": []}}, "wanted parameters with lists"),
        ({"grid": [5, 10]}, "wanted parameters with lists"),
        ({"grid": {"population": [5]}, "population": 5}, "population stands in its grid and beside it"),
        ({"grid": {"populaton": [5]}}, "unknown parameter of method regularized-evolution: 'populaton'"),
        ({"grid": {"sample": [3, 3]}}, "two methods are called"),
    ],
)
def test_what_is_no_grid_is_refused(method: dict[str, Any], words: str) -> None:
    with pytest.raises(HarnessError, match=words):
        make_suite(document({"name": "regularized-evolution"} | method))
