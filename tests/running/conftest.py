"""A suite of searches on tables, and which of its cells are run."""

from __future__ import annotations

from typing import Any

import pytest

from harness.running import chunks, runner

SUITE: dict[str, Any] = {
    "name": "small",
    "seeds": "0:60",  # more than one task of either kind
    "benchmarks": ["nasbench-graph/proteins", "synthetic/ridge"],
    "budgets": {"evaluations": [5, 20]},
    "methods": [
        {"name": "random"},
        {"name": "random", "label": "random, all different", "replace": False},
        {"name": "regularized-evolution", "population": 5},
        {"name": "local-search"},
        {"name": "reinforce"},
    ],
}
SMALL: dict[str, Any] = SUITE | {"seeds": "0:4", "benchmarks": ["synthetic/ridge"], "budgets": {"evaluations": 10}}


@pytest.fixture
def cells_run(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Label and seed of each cell that is run from now on in this process."""
    seen: list[tuple[str, int]] = []
    original = runner.run_chunk

    def spy(task: chunks.Chunk) -> Any:
        seen.extend((task.group.method.label, seed) for seed in task.seeds)
        return original(task)

    monkeypatch.setattr(runner, "run_chunk", spy)
    return seen
