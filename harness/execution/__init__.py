"""Running cells, in a worker: on tables and on live benchmarks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.execution.tables import run_table_cells
from harness.live.benchmark import LiveBenchmark
from harness.methods.base import Method
from harness.records import Entry
from harness.suite import Group
from harness.tabular.table import Table


def run_cells(
    benchmark: Table | LiveBenchmark,
    group: Group,
    cls: type[Method],
    seeds: Sequence[int],
    origin: Mapping[str, str],
    *,
    lockstep: bool,
    workspace: Path,
) -> list[Entry]:
    """Run some seeds of a group; a method that raises fails its own cell only.

    Parameters
    ----------
    benchmark, group, cls, seeds
        What is run.
    origin
        As in `harness.execution.joining.common_columns`.
    lockstep
        Whether the method may advance all seeds at once.
    workspace
        Folder for checkpoints of long searches.
    """
    if isinstance(benchmark, Table):
        return run_table_cells(benchmark, group, cls, seeds, origin, lockstep=lockstep)
    from harness.execution.live import run_live_cell

    return [run_live_cell(benchmark, group, cls, seed, origin, workspace) for seed in seeds]
