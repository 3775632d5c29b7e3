"""A published table to be: 8 methods on 5 data sets, 8 searched against 8 random runs a method, a file a data set.

The numbers are real: final test accuracies of this harness's searches on tables of NAS-Bench-Graph, rounded as papers do.
A random run of each method is the test accuracy of the best of ten random draws.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import harness
from harness.results import Fault, Results, read_results
from harness.results.faults import all_faults

DATASETS = ("arxiv", "cs", "citeseer", "photo", "physics")
METHODS = ("DARTS", "PC-DARTS", "NSGANET", "ENAS", "CNAS", "MANAS", "StacNAS", "NAO")
MAPPING = {method: f"{method} random" for method in METHODS}
RUNS = 8

Tables = dict[str, pd.DataFrame]


@pytest.fixture(scope="session")
def published(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    """Data set -> its table: a line a run, a column a method and one for its baseline."""
    folder = tmp_path_factory.mktemp("elsewhere")
    suite = {
        "name": "elsewhere",
        "seeds": f"0:{RUNS}",
        "benchmarks": [f"nasbench-graph/{name}" for name in DATASETS],
        "budgets": {"evaluations": 40},
        "methods": [
            {"name": "regularized-evolution", "label": name, "population": 4 + 3 * i} for i, name in enumerate(METHODS)
        ],
    }
    harness.run(suite, folder, backend="sequential")
    records = pd.read_parquet(folder / "records.parquet")
    rng = np.random.default_rng(11)
    tables = {}
    for dataset in DATASETS:
        table = harness.load_benchmark(f"nasbench-graph/{dataset}")
        columns = {}
        for method in METHODS:
            own = (records["dataset"] == dataset) & (records["label"] == method)
            columns[method] = records.loc[own, "test"].to_numpy()
            draws = rng.integers(len(table), size=(RUNS, 10))
            columns[MAPPING[method]] = table.test[draws[np.arange(RUNS), table.valid[draws].argmax(axis=1)]]
        tables[dataset] = (100 * pd.DataFrame(columns)).round(2)
    return tables


@pytest.fixture
def tables(published: Tables) -> Tables:
    """A copy to spoil."""
    return {name: table.copy() for name, table in published.items()}


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Tables], list[Path]]:
    """Write tables as CSV files of their names."""

    def to_files(tables: Tables) -> list[Path]:
        for name, table in tables.items():
            table.to_csv(tmp_path / f"{name}.csv", index=False)
        return [tmp_path / f"{name}.csv" for name in tables]

    return to_files


@pytest.fixture
def read(write: Callable[[Tables], list[Path]]) -> Callable[..., Results]:
    """Write tables and read them back as results."""

    def through_files(tables: Tables, **options: object) -> Results:
        return read_results(write(tables), **({"mapping": MAPPING} | options))

    return through_files


@pytest.fixture
def found(read: Callable[..., Results]) -> Callable[..., list[Fault]]:
    """Write tables, read them back and return everything odd about them."""

    def faults(tables: Tables, **options: object) -> list[Fault]:
        return all_faults(read(tables, **options))

    return faults


@pytest.fixture
def csv(tmp_path: Path) -> Callable[..., Path]:
    """Write the lines of a file."""

    def write_lines(*lines: str, name: str = "results.csv") -> Path:
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return path

    return write_lines
