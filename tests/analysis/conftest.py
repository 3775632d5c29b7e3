"""A run whose statistics are asked for, and its scores as they stand in the records."""

from __future__ import annotations

import pandas as pd
import pytest

import harness
from harness.statistics import RandomSearchLaw

BUDGET = 30


@pytest.fixture(scope="package")
def rows(tmp_path_factory):
    """A run of three settings of one method, another method and random search, on two tables."""
    folder = tmp_path_factory.mktemp("run")
    evolution = [{"name": "regularized-evolution", "label": f"e{n}", "population": n} for n in (4, 10, 25)]
    suite = {
        "name": "small",
        "seeds": "0:12",
        "benchmarks": ["nasbench-graph/cora", "nasbench-graph/proteins"],
        "budgets": {"evaluations": BUDGET},
        "methods": [{"name": "random"}, {"name": "local-search"}, *evolution],
    }
    harness.run(suite, folder, backend="sequential")
    return folder


@pytest.fixture(scope="package")
def scores(rows):
    frame = pd.read_parquet(rows / "records.parquet").sort_values("seed")
    return {key: part["test"].to_numpy() for key, part in frame.groupby(["benchmark", "label"])}


def exact_random(benchmark):
    table = harness.load_benchmark(benchmark)
    law = RandomSearchLaw(table.valid, table.test, table.weights)
    return law.mean(BUDGET), law.std(BUDGET)
