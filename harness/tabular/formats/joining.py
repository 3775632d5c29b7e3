"""Files without scores of trained networks: their columns join every stored benchmark over NAS-Bench-201's cells."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError
from harness.spaces.nasbench201 import NASBench201Space
from harness.tabular import store
from harness.tabular.formats import Job
from harness.tabular.table import Table

# What benchmarks call the images that such files have columns of.
DATASETS = {
    "cifar10": "cifar10",
    "cifar10-valid": "cifar10",
    "cifar100": "cifar100",
    "ImageNet16-120": "ImageNet16-120",
}


def stored_targets(job: Job, suffix: str, what: str) -> list[str]:
    """Names of the stored benchmarks that a file joins.

    Parameters
    ----------
    job
        The file.
    suffix
        What the names of joined benchmarks end in: these are left out.
    what
        What the file holds, for the message.

    Raises
    ------
    HarnessError
        If there is none.
    """
    space = NASBench201Space()
    cards = {name: store.card_of(name) for name in list(store.stored_names())}
    names = [
        name
        for name, card in cards.items()
        if card["space"] == space.describe() and card["dataset"] in DATASETS and not name.endswith(suffix)
    ]
    if not names:
        raise HarnessError(
            f"{job.path}: it holds {what} only; import NAS-Bench-201 or NATS-Bench's topology space first"
        )
    return names


def joined(
    job: Job,
    table: Table,
    codes: NDArray[np.int8],
    columns: Mapping[str, NDArray[np.float64]],
    suffix: str,
    about: Mapping[str, Any],
    statistics: Mapping[str, float] | None = None,
) -> Table:
    """A benchmark with further columns, under its name and a suffix.

    Parameters
    ----------
    job, table
        The file and the benchmark.
    codes
        (n, variables) cells of the file.
    columns
        (n,) arrays by name, in the same order.
    suffix
        Behind the name.
    about
        Citation, licence and the like of the file, for the card.
    statistics
        Which of the columns are statistics, and the seconds that each takes.

    Raises
    ------
    HarnessError
        If the file lacks a cell of the benchmark, or this has a column of such a name already.
    """
    place = job.rows_of(table.space, codes)[table.index_of_row()]
    if (place < 0).any():
        missing = table.space.format(table.codes[int(np.flatnonzero(place < 0)[0])].tolist())
        raise HarnessError(f"{job.path}: it lacks {int((place < 0).sum())} cells of {table.name}, first {missing}")
    for column in columns:
        if column in table.columns:
            raise HarnessError(f"{job.path}: benchmark {table.name} has a column {column!r} already")
    return dataclasses.replace(
        table,
        name=f"{table.name}{suffix}",
        columns={**table.columns, **{column: values[place] for column, values in columns.items()}},
        statistics={**table.statistics, **(statistics or {})},
        source={
            "benchmark": table.name,
            "benchmark_sha256": table.sha256,
            **table.source,
            "joined": {**job.source, **about},
        },
    )
