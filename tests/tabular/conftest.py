"""Small tables of every kind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.tabular.catalogue import load_table, save_benchmark
from harness.tabular.table import Table


@pytest.fixture(params=["in memory", "stored", "weighted", "smaller is better", "curves", "stored curves"])
def table(request: pytest.FixtureRequest, make_table: Callable[..., Table], own_cache: Path) -> Table:
    table = make_table(
        missing=0.3,
        weighted=request.param == "weighted",
        direction="min" if "smaller" in request.param else "max",
        epochs=9 if "curves" in request.param else 0,
    )
    if "stored" not in request.param:
        return table
    save_benchmark(table)
    return load_table(table.name)
