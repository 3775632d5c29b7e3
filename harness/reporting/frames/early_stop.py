"""MiLeNAS's early stop: when derived cells were small enough, how often chance is, and what was saved."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from harness.reporting.frames.live import of_phase
from harness.reporting.run import Run
from harness.supernets.sizes import EarlyStop, chance_of_size, early_stop

EARLY_STOP_COLUMNS = (
    *("benchmark", "dataset", "method", "n", "size", "from_epoch", "chance"),
    *("reached", "reached_epoch", "epochs", "epochs_saved"),
)


def early_stops(run: Run) -> pd.DataFrame:
    """Return what the early stop by model size did, of methods that state a share of the epochs before which it may not.

    Returns
    -------
    DataFrame
        Columns `EARLY_STOP_COLUMNS`, a row a benchmark and method: the expected ``size`` (convolutions, one number a group), the
        epoch ``from_epoch`` on which it may end a search, and the ``chance`` (percent) that a random derivation is as small; of
        ``n`` seeds how many ``reached`` the size, at which epoch on average, and the mean numbers of ``epochs`` done and
        ``epochs_saved``. What that saves in seconds is in `harness.reporting.frames.cells.timings`.
    """
    rows: list[dict[str, Any]] = []
    for group, stops in stops_of(run).items():
        benchmark, entrant = run.pairs[group]
        settings = run.settings(group)["search"]
        reached = [stop.reached for stop in stops if stop.reached is not None]
        rows.append(
            {
                "benchmark": benchmark.name,
                "dataset": benchmark.dataset,
                "method": entrant.name,
                "n": len(stops),
                "size": ", ".join(map(str, settings["expected_size"])),
                "from_epoch": max(1, int(np.ceil(round(settings["size_from"] * settings["epochs"], 9)))),
                "chance": 100 * chance_of_size(benchmark.card["space"]["name"], settings["expected_size"]),
                "reached": len(reached),
                "reached_epoch": float(np.mean(reached)) if reached else np.nan,
                "epochs": float(np.mean([stop.epochs for stop in stops])),
                "epochs_saved": float(np.mean([stop.epochs_saved for stop in stops])),
            }
        )
    return pd.DataFrame(rows, columns=list(EARLY_STOP_COLUMNS))


def stops_of(run: Run) -> dict[int, list[EarlyStop]]:
    """Return what the early stop did, a search each, by group; groups without one are left out."""
    searched = of_phase(run, "search")
    if "epochs_saved" not in searched:
        return {}
    found: dict[int, list[EarlyStop]] = {}
    for _, cell in searched.groupby("cell", sort=False):
        if (stop := early_stop([{str(k): v for k, v in row.items()} for row in cell.to_dict("records")])) is not None:
            found.setdefault(int(cell["group"].iloc[0]), []).append(stop)
    return found
