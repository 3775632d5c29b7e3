"""Runs to report on: small ones made on the spot, and tables and methods that are not what one would wish."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

import harness
from harness.methods.base import AskTell
from harness.problem.base import Evaluation
from harness.reporting.run import Run, load_run
from harness.spaces.base import Arch
from harness.tabular import catalogue

Make = Callable[..., Path]
AddTable = Callable[..., harness.Table]

EVOLUTION = {"name": "regularized-evolution", "population": 10, "sample": 3}


@harness.register_method("raises")
@dataclass
class Raises(AskTell):
    """A method that fails in every cell, or in those whose first draw is above a level."""

    above: float = 0.0
    taxonomy: ClassVar[harness.Taxonomy] = harness.Taxonomy("any", "random", "none", "none")

    def ask(self) -> Arch | None:
        if self.streams.generator("sample").random() < self.above:
            return None
        raise ValueError("no <b>luck</b> & no | pipes_")

    def tell(self, arch: Arch, evaluation: Evaluation) -> None: ...


@pytest.fixture(scope="session")
def make_run(tmp_path_factory: pytest.TempPathFactory) -> Make:
    """Run a suite that differs from a small one in what is given, and return its folder."""

    def make(folder: Path | None = None, **suite: Any) -> Path:
        folder = folder or tmp_path_factory.mktemp("run")
        document = {
            "name": "small",
            "seeds": "0:12",
            "benchmarks": ["nasbench-graph/cora", "nasbench-graph/pubmed"],
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


@pytest.fixture
def add_table() -> Iterator[AddTable]:
    """Make a table of 6 x 6 architectures known by name, until the test ends."""
    added: list[str] = []

    def add(name: str, scale: float = 1.0, shift: float = 0.0, **options: Any) -> harness.Table:
        rng = np.random.default_rng(len(name))
        x, y = (axis.ravel() for axis in np.meshgrid(np.arange(6), np.arange(6)))
        truth = 0.5 + 0.04 * x + 0.03 * y
        frame = pd.DataFrame({"x": x, "y": y})
        for column in ("valid", "test"):
            frame[column] = np.round(shift + scale * (truth + 0.01 * rng.standard_normal(36)), 3)
        table = harness.table_from_frame(frame, name, arch=["x", "y"], **options)
        catalogue.register_benchmark(name)(lambda: table)
        added.append(name)
        catalogue.load_table.cache_clear()
        return table

    yield add
    for name in added:
        catalogue._REGISTRY.pop(name, None)
    catalogue.load_table.cache_clear()
