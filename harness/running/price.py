"""What a random draw costs on this machine, beside the searches of a run: the price at which supernets meet random search."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.live.one_shot import JUDGED, OneShotBenchmark
from harness.recording.record import TableTraining, train_one
from harness.recording.spec import Spec
from harness.recording.verify import spec_of
from harness.running.records import read_run
from harness.streams import generator
from harness.suites.catalogue import load_benchmark
from harness.system.fan_out import owner_of_workers
from harness.system.files import write_whole
from harness.tabular.table import COST

PRICE = "price.json"
ARCHITECTURES = 20  # that are trained again


def price(folder: Path, architectures: int = ARCHITECTURES) -> dict[str, dict[str, Any]]:
    """Train some architectures of a one-shot run's tables again, and write what a training costs here to ``price.json``.

    Parameters
    ----------
    folder
        Output folder of a run on one-shot benchmarks.
    architectures
        How many, drawn at random by the table's measure.

    Returns
    -------
    dict
        By benchmark ``architectures``; ``factor``, processor seconds of their trainings here over those that the table has;
        ``training_s``, the table's mean processor seconds of one training, by its measure, times that factor; and
        ``trainings``, how many an entry of the table is the mean of.

    Raises
    ------
    HarnessError
        If the folder holds no run, or none on a one-shot benchmark, or the images are others than those of the table.
    """
    if architectures < 1:
        raise HarnessError(f"architectures: wanted at least 1, not {architectures}")
    _, _, resolved = read_run(folder)
    names = [name for name in resolved["benchmarks"] if name.startswith(JUDGED)]
    if not names:
        raise HarnessError(f"{folder}: no one-shot benchmark; only there a table says what a random draw costs")
    found = {}
    for name in names:
        benchmark = load_benchmark(name)
        assert isinstance(benchmark, OneShotBenchmark)
        found[name] = _price(benchmark, architectures)
    write_whole(folder / PRICE, (json.dumps(found, indent=2) + "\n").encode())
    return found


def _price(benchmark: OneShotBenchmark, architectures: int) -> dict[str, Any]:
    table, spec = benchmark.table, spec_of(benchmark.spec)
    measure, recorded = table.weights / table.weights.sum(), table.column(COST)
    count = min(architectures, len(table))
    rows = generator("search", benchmark.name, "price").choice(len(table), size=count, replace=False, p=measure)
    here = sum(_seconds(spec, table.codes[row].tolist()) for row in rows)
    factor = here / float(recorded[rows].sum())
    return {
        "architectures": count,
        "factor": factor,
        "training_s": float(measure @ recorded) * factor,
        "trainings": len(spec.seeds),
    }


def _seconds(spec: Spec, code: list[int]) -> float:
    trained = train_one(TableTraining(spec, tuple(code), owner_of_workers()))
    if "error" in trained:
        raise HarnessError(f"{trained['arch']}: {trained['error']}")
    return float(trained["seconds"])
