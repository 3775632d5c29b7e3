"""A cell that takes too long has failed, whatever it does; the others go on."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.errors import HarnessError, RunError
from harness.running.runner import run
from harness.system.limited import limited

HANGS = """
import os, re, time
from dataclasses import dataclass
from harness import OwnLoop, SearchResult, Taxonomy, register_method

@register_method("hangs")
@dataclass
class Hangs(OwnLoop):
    version = "1"
    taxonomy = Taxonomy("any", "random", "none", "none")

    def search(self, problem, streams):
        arch = problem.architectures[streams.cell_seed]
        problem.evaluate(arch)
        if streams.cell_seed == 1 and SLOW:
            re.match(r"(a+)+$", "a" * 60 + "b")  # for ever, and nothing else runs in this process meanwhile
        while streams.cell_seed == 2 and SLOW:
            try:
                time.sleep(10)
            except BaseException:
                pass
        return SearchResult(arch)
"""
SUITE: dict[str, Any] = {
    "name": "small",
    "seeds": "0:4",
    "benchmarks": ["synthetic/ridge"],
    "budgets": {"evaluations": 5},
    "methods": [{"name": "random"}, {"name": "hangs"}],
}


@pytest.mark.slow
def test_what_never_returns_fails_alone(
    tmp_path: Path, registries: None, same_results: Callable[[Path, Path], None]
) -> None:
    plugin = tmp_path / "plugin.py"
    plugin.write_text(HANGS + "\nSLOW = True\n")
    records = run(SUITE, tmp_path / "run", jobs=2, plugin=[plugin], timeout=3)
    failed = records[records["status"] == "failed"]
    assert failed[["label", "seed"]].to_numpy().tolist() == [["hangs", 1], ["hangs", 2]]
    assert set(failed["error"]) == {"timeout: it had not come to its end after 3 s"}
    assert set(failed["wall_s"]) == {3.0}
    plugin.write_text(HANGS + "\nSLOW = False\n")
    run(SUITE, tmp_path / "run", backend="sequential", plugin=[plugin])  # they are run again
    run(SUITE, tmp_path / "other", jobs=1, plugin=[plugin], timeout=60)
    same_results(tmp_path / "run", tmp_path / "other")


def test_only_the_task_itself_has_the_limit() -> None:
    """Preparing takes longer than the limit; a task that is too late leaves room for the next one."""
    tasks = [(1.5, 0.0), (0.0, 30.0), (0.0, 0.1)]

    def prepare(task: tuple[float, float]) -> None:
        time.sleep(task[0])

    def nap(task: tuple[float, float]) -> float:
        time.sleep(task[1])
        return task[1]

    assert dict(limited(nap, prepare, tasks, 1, 1.0)) == {tasks[0]: 0.0, tasks[1]: None, tasks[2]: 0.1}


def test_a_worker_that_dies_of_something_else() -> None:
    with pytest.raises(RunError, match="a worker process ended with exit code 3; what is finished is kept"):
        list(limited(os._exit, id, [3], 1, 60.0))


@pytest.mark.parametrize("limit", [0.0, -1.0, float("nan"), float("inf")])
def test_a_limit_is_a_number_of_seconds(limit: float, tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="timeout: wanted a number of seconds above 0"):
        run(SUITE | {"methods": [{"name": "random"}]}, tmp_path / "run", timeout=limit)


def test_only_processes_can_be_ended(tmp_path: Path) -> None:
    with pytest.raises(HarnessError, match="which the back end threading does not allow"):
        run(SUITE | {"methods": [{"name": "random"}]}, tmp_path / "run", backend="threading", timeout=1)
    assert not (tmp_path / "run").exists()
