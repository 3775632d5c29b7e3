"""Runs to report on: small ones made on the spot, and tables that are not what one would wish."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import harness
from harness.reporting.run import Run, load_run

Make = Callable[..., Path]

EVOLUTION = {"name": "regularized-evolution", "population": 10, "sample": 3}


@pytest.fixture(scope="session")
def make_run(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Run a suite that differs from a small one in what is given, and return its folder."""

    def make(**suite: Any) -> Path:
        folder = tmp_path_factory.mktemp("run")
        document = {
            "name": "small",
            "seeds": "0:12",
            "benchmarks": ["nasbench-graph/cora", "nasbench-graph/proteins"],
            "budgets": {"evaluations": 30},
            "methods": [{"name": "random"}, EVOLUTION],
        }
        harness.run(document | suite, folder, backend="sequential")
        return folder

    return make


@pytest.fixture(scope="session")
def small(make_run: Make) -> Path:
    return make_run()


@pytest.fixture(scope="session")
def small_run(small: Path) -> Run:
    return load_run(small)
