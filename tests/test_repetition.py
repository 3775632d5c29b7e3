"""The same suite in two fresh processes, with different numbers of workers: the same records and the same report."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.tabular.catalogue import load_table

SUITE = """
name = "repetition"
seeds = "0:12"
benchmarks = ["nasbench-graph/proteins", "synthetic/ridge"]
[budgets]
evaluations = [10, 30]
[[methods]]
name = "random"
[[methods]]
name = "regularized-evolution"
[[methods]]
name = "local-search"
"""
# Wall times and nothing else may differ, and only here.
OF_TIME = {"tables/timings.csv"}


@pytest.mark.slow
def test_records_and_report_are_repeated_byte_for_byte(
    tmp_path: Path, same_results: Callable[[Path, Path], None], snapshot: Callable[[Path], dict[str, bytes | None]]
) -> None:
    pytest.importorskip("harness.reporting")
    (tmp_path / "repetition.toml").write_text(SUITE)
    load_table("nasbench-graph/proteins")  # both find it converted
    folders = []
    for seed, jobs in [("1", "1"), ("2", "2")]:
        folder = tmp_path / f"in {jobs}"
        folder.mkdir()
        command = [sys.executable, "-m", "harness.cli", "run", "../repetition.toml", "-j", jobs, "-o", "run", "-q"]
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        folders.append(folder / "run")
    same_results(*folders)
    one, other = (snapshot(folder / "report") for folder in folders)
    assert one.keys() == other.keys()
    assert {name for name in one if one[name] != other[name]} <= OF_TIME
    assert {"index.html", "report.md", "tables/relative_improvement.csv"} <= one.keys()
