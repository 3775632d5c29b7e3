"""The cells themselves: where each number comes from, what failed, and how long it took."""

from __future__ import annotations

from typing import cast

import numpy as np
import pandas as pd

from harness.reporting.formats import ranges
from harness.reporting.frames.early_stop import stops_of
from harness.reporting.frames.live import live_timings
from harness.reporting.run import Run


def groups(run: Run) -> pd.DataFrame:
    """Return one row a group of cells, so that every number can be traced to its records.

    Returns
    -------
    DataFrame
        Columns ``benchmark, dataset, method, budget, seeds, n, n_failed, n_infeasible, n_missing, unit, test_mean``, the seeds
        and scores of the worst and the best cell by test (``lowest_seed, lowest, highest_seed, highest``), ``first_cell`` (key of
        the first seed's cell), ``data_sha256`` and ``anchor``.
    """
    rows = []
    present = run.cells.groupby("group").size()
    infeasible = run.cells[run.cells["status"] == "infeasible"].groupby("group").size()
    for group, (benchmark, entrant) in enumerate(run.pairs):
        done = run.finished(group)
        test = done["test"].to_numpy(dtype=np.float64)
        ends = [done.iloc[int(test.argmin())], done.iloc[int(test.argmax())]] if len(test) else []
        wanted = entrant.method.seeds_of(run.seeds)
        seeds, tests = [int(cell["seed"]) for cell in ends], [float(cell["test"]) for cell in ends]
        rows.append(
            {
                "benchmark": benchmark.name,
                "dataset": benchmark.dataset,
                "method": entrant.name,
                "budget": entrant.budget.amount,
                "seeds": ranges(wanted),
                "n": len(done),
                "n_failed": int(present.get(group, 0)) - int(infeasible.get(group, 0)) - len(done),
                "n_infeasible": int(infeasible.get(group, 0)),
                "n_missing": len(wanted) - int(present.get(group, 0)),
                "unit": benchmark.unit,
                "test_mean": done["test"].mean(),
                "lowest": tests[0] if tests else float("nan"),
                "lowest_seed": seeds[0] if seeds else None,
                "highest": tests[1] if tests else float("nan"),
                "highest_seed": seeds[1] if seeds else None,
                "first_cell": run.keys[group],
                "data_sha256": benchmark.data_sha256,
                "anchor": run.anchor(group),
            }
        )
    return pd.DataFrame(rows).astype({"lowest_seed": "Int64", "highest_seed": "Int64"})


def failures(run: Run) -> pd.DataFrame:
    """Return the failed cells, those of one group with the same last line of their traceback together.

    Returns
    -------
    DataFrame
        Columns ``benchmark, dataset, method, n_failed, seeds, error, first_cell``.
    """
    failed = run.cells[run.cells["status"] == "failed"]
    last = failed["error"].str.strip().str.rsplit("\n", n=1).str[-1].str.strip()
    rows = []
    for (group, error), cells in failed.groupby([failed["group"], last], sort=False):
        benchmark, entrant = run.pairs[cast(int, group)]
        rows.append(
            {
                "benchmark": benchmark.name,
                "dataset": benchmark.dataset,
                "method": entrant.name,
                "n_failed": len(cells),
                "seeds": ranges(cells["seed"]),
                "error": error,
                "first_cell": cells["cell"].iloc[0],
            }
        )
    return pd.DataFrame(rows, columns=["benchmark", "dataset", "method", "n_failed", "seeds", "error", "first_cell"])


def timings(run: Run) -> pd.DataFrame:
    """Return what the cells took: which differs between two runs of the same suite.

    Returns
    -------
    DataFrame
        Columns ``benchmark, dataset, method, budget, n, wall_s_mean, wall_s_sum, peak_memory_mb, first_started_at,
        last_started_at``, and of live benchmarks those of `harness.reporting.frames.live.live_timings`, and ``saved_s``,
        mean seconds that an early stop saved.
    """
    taken = run.cells.groupby("group").agg(
        n=("wall_s", "size"),
        wall_s_mean=("wall_s", "mean"),
        wall_s_sum=("wall_s", "sum"),
        overhead_s_mean=("overhead_s", "mean"),
        peak_memory_mb=("peak_memory", "max"),
        first_started_at=("started_at", "min"),
        last_started_at=("started_at", "max"),
    )
    names = [
        {
            "benchmark": benchmark.name,
            "dataset": benchmark.dataset,
            "method": entrant.name,
            "budget": entrant.budget.amount,
        }
        for benchmark, entrant in run.pairs
    ]
    if run.family.has_supernets:
        taken = taken.join(live_timings(run))
        saved = {
            group: sum(stop.seconds_saved for stop in stops) / len(stops) for group, stops in stops_of(run).items()
        }
        taken = taken.assign(saved_s=pd.Series(saved, dtype=float)) if saved else taken
    return pd.DataFrame(names).join(taken, how="inner").reset_index(drop=True)
