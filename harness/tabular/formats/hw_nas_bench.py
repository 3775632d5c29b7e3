"""HW-NAS-Bench (Li et al., ICLR 2021): ``HW-NAS-Bench-v1_0.pickle``, latency and energy of NAS-Bench-201's cells on devices.

The file has no accuracy, so it makes no benchmark of its own: it joins every benchmark over NAS-Bench-201's cells that is in
the store, cell by cell, into one called ``NAME+hw`` with the columns ``edgegpu_latency``, ``fpga_energy`` and so on (in
milliseconds and millijoules). What drives and what is reported stays as it was. Its part on FBNet's space is not read.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError
from harness.spaces.nasbench201 import NASBench201Space
from harness.tabular import catalogue, store
from harness.tabular.formats import Job
from harness.tabular.pickles import read_pickle
from harness.tabular.table import Table

VERSION = "hw_nas_bench 1"
WANTED = "HW-NAS-Bench-v1_0.pickle"
SUFFIX = "+hw"
CITATION = "Li, Yu, Fu, Zhang, Zhao, You, Yu, Wang, Lin: HW-NAS-Bench, ICLR 2021"
DATASETS = {
    "cifar10": "cifar10",
    "cifar10-valid": "cifar10",
    "cifar100": "cifar100",
    "ImageNet16-120": "ImageNet16-120",
}


def recognises(path: Path) -> bool:
    """Whether a file has the name of this one."""
    return path.name.startswith("HW-NAS-Bench") and path.suffix.lower() == ".pickle"


def convert(job: Job) -> Iterator[Table]:
    """Join into ``NAME+hw`` of every stored benchmark NAME over NAS-Bench-201's cells."""
    job.refuse(training_seed=job.seed, valid=job.valid, test=job.test)
    published = _published(job.path)
    space = NASBench201Space()
    cards = {name: store.card_of(name) for name in list(store.stored_names())}
    names = [
        name
        for name, card in cards.items()
        if card["space"] == space.describe() and card["dataset"] in DATASETS and not name.endswith(SUFFIX)
    ]
    if not names:
        raise HarnessError(
            f"{job.path}: it holds latency and energy only; import NAS-Bench-201 or NATS-Bench's topology space first"
        )
    for name in names:
        job.advance()
        yield _joined(job, catalogue.load_table(name), published)


def _joined(job: Job, table: Table, published: Mapping[str, Any]) -> Table:
    dataset = DATASETS[table.dataset]
    codes, costs = _costs(job, published, dataset, table.space)
    place = job.rows_of(table.space, codes)[table.index_of_row()]
    if (place < 0).any():
        missing = table.space.format(table.codes[int(np.flatnonzero(place < 0)[0])].tolist())
        raise HarnessError(f"{job.path}: it lacks {int((place < 0).sum())} cells of {table.name}, first {missing}")
    for column in costs:
        if column in table.columns:
            raise HarnessError(f"{job.path}: benchmark {table.name} has a column {column!r} already")
    return dataclasses.replace(
        table,
        name=f"{table.name}{SUFFIX}",
        columns={**table.columns, **{column: values[place] for column, values in costs.items()}},
        source={
            "benchmark": table.name,
            "benchmark_sha256": table.sha256,
            **table.source,
            "joined": {
                **job.source,
                "citation": CITATION,
                "licence": "MIT",
                "adapter": VERSION,
                "units": {"latency": "milliseconds", "energy": "millijoules"},
            },
        },
    )


def _published(path: Path) -> Mapping[str, Any]:
    found = read_pickle(path)
    if not isinstance(found, dict) or not isinstance(found.get("nasbench201"), dict):
        raise HarnessError(f"{path}: it has no part 'nasbench201'; wanted {WANTED}")
    return dict(found["nasbench201"])


def _costs(
    job: Job, published: Mapping[str, Any], dataset: str, space: Any
) -> tuple[NDArray[np.int8], dict[str, NDArray[np.float64]]]:
    """Cells, and their costs in the same order."""
    try:
        part = published[dataset]
        codes = np.array([space.parse(config["arch_str"]) for config in part["config"]], dtype=np.int8)
        costs = {name: np.asarray(values, dtype=np.float64) for name, values in part.items() if name != "config"}
        if not costs or any(values.shape != (len(codes),) for values in costs.values()):
            raise ValueError("columns and cells differ in number")
    except (KeyError, TypeError, ValueError) as error:
        raise HarnessError(f"{job.path}: not as published ({type(error).__name__}: {error})") from error
    if bad := sorted(name for name, values in costs.items() if not np.isfinite(values).all()):
        raise HarnessError(f"{job.path}: {', '.join(bad)} of {dataset} have values missing")
    return codes, costs
