"""Running cells, in a worker: on tables and on live benchmarks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.live.benchmark import LiveBenchmark
from harness.methods.base import Method
from harness.running.columns import RECORD_COLUMNS
from harness.running.joining import Ended, common_columns, now
from harness.running.records import Entry
from harness.running.tables import run_table_cells
from harness.suites.group import Group
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
        As in `harness.running.joining.common_columns`.
    lockstep
        Whether the method may advance all seeds at once.
    workspace
        Folder for checkpoints of long searches.
    """
    if isinstance(benchmark, Table):
        return run_table_cells(benchmark, group, cls, seeds, origin, lockstep=lockstep)
    from harness.running.live import run_live_cells

    return run_live_cells(benchmark, group, cls, seeds, origin, workspace)


def failed_cells(
    benchmark: Table | LiveBenchmark,
    group: Group,
    seeds: Sequence[int],
    origin: Mapping[str, str],
    why: str,
    wall_s: float = 0.0,
) -> list[Entry]:
    """Cells that were not run, or not to their end, for a reason that is their error.

    Parameters
    ----------
    benchmark, group, seeds, origin
        As in `run_cells`.
    why
        One line.
    wall_s
        For how long each was run.
    """
    nothing = {"str": "", "int64": 0, "float64": float("nan")}
    empty = {key: nothing[kind] for key, (kind, _) in RECORD_COLUMNS.items()}
    ended = Ended(error=why, wall_s=wall_s, started_at=now())
    return [Entry(empty | common_columns(group, seed, benchmark, ended, origin), []) for seed in seeds]
