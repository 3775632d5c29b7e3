"""A small run of this harness, and results from elsewhere, each with its report."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import harness
from harness.reporting import build_report
from harness.results import import_results

SUITE = {
    "name": "small",
    "seeds": "0:12",
    "metrics": ["latency"],
    "benchmarks": ["nasbench-graph/cora", "nasbench-graph/pubmed"],
    "budgets": {"evaluations": 30},
    "methods": [
        {"name": "random"},
        {"name": "regularized-evolution", "population": 10, "sample": 3, "label": "evolution"},
        {"name": "local-search", "benchmarks": ["nasbench-graph/cora"]},
    ],
}


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("opened") / "small"
    harness.run(SUITE, folder, backend="sequential")
    build_report(folder, formats=["csv", "svg"])
    return folder


@pytest.fixture(scope="session")
def opened(folder: Path) -> harness.OpenedRun:
    return harness.open_run(folder)


@pytest.fixture(scope="session")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two files with a wide table each, of one run more in the second."""
    files, rng = tmp_path_factory.mktemp("elsewhere"), np.random.default_rng(0)
    for runs, name in ((6, "cifar10"), (7, "cifar100")):
        table = {method: rng.normal(90, 1, runs).round(2) for method in ("DARTS", "DARTS random", "NAO", "NAO random")}
        pd.DataFrame(table).to_csv(files / f"{name}.csv", index=False)
    mapping = {"DARTS": "DARTS random", "NAO": "NAO random"}
    import_results(sorted(files.glob("*.csv")), files / "report", mapping=mapping)
    return files / "report"
