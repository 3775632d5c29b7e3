"""NAS-Bench-Graph's complete files (Qin et al., 2022): ``cora0.bench``, ``cora1.bench``, ... , one a data set and seed.

They hold what the package's own light tables leave out: performance and loss on all three splits after every epoch. Of the
seven numbers an epoch (training, validation and test performance; training, validation and test loss; best performance), the
second drives and the third is reported, both after the last epoch of this one training: scores and losses belong to the same
weights. The seventh is not read: what it is the best of is not said. The light tables, which ``nasbench-graph/*`` are made of,
give one validation and one test performance an architecture without their epoch; do not compare the two.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from harness.errors import HarnessError
from harness.tabular.formats import Job
from harness.tabular.formats.blocks import Blocks
from harness.tabular.nasbench_graph import CITATION, DATASETS, metric_of, rows_of_keys, space_of
from harness.tabular.pickles import LARGEST_STREAM, load_items, open_bounded, refusals
from harness.tabular.table import Table

VERSION = "nasbench_graph_full 1"
WANTED = "cora0.bench (complete files of NAS-Bench-Graph: data set, seed, .bench)"
NUMBERS = {"train_performance": 0, "valid": 1, "test": 2, "train_loss": 3, "valid_loss": 4, "test_loss": 5}
COSTS = {"latency": "latency", "params": "para"}


def recognises(path: Path) -> bool:
    """Whether a file has the name of one."""
    return _named(path) is not None


def convert(job: Job) -> Iterator[Table]:
    """Convert into ``nasbench-graph-full/DATASET+seedN``."""
    job.refuse(training_seed=job.seed, valid=job.valid, test=job.test)
    found = _named(job.path)
    assert found is not None  # it was recognised
    dataset, seed = found
    space = space_of(dataset)
    with Blocks(job.key(VERSION)) as blocks:

        def add(key: int, info: Mapping[str, Any]) -> None:
            if key not in blocks.done:
                blocks.add(key, _row(job, key, info))
            job.advance()

        with refusals(job.path), open_bounded(job.path, LARGEST_STREAM) as stream:
            load_items(stream, None, add)
        blocks.flush()
        if not blocks.done:
            raise HarnessError(f"{job.path}: there is no architecture in it")
        epochs, costs, lengths = blocks.array("epochs"), blocks.array("costs"), blocks.array("length")
    keys = sorted(blocks.done)
    codes = [space.from_hash(key) for key in keys]
    if None in codes:
        raise HarnessError(f"{job.path}: architecture {keys[codes.index(None)]} is none of {dataset}")
    last = epochs[np.arange(len(keys)), :, lengths - 1]
    columns = {name: last[:, place].copy() for name, place in NUMBERS.items()}
    columns |= {name: costs[:, place].copy() for place, name in enumerate(COSTS)}
    job.check_complete({name: columns[name] for name in ("valid", "test")}, [str(key) for key in keys])
    spread = "" if (lengths == lengths[0]).all() else f"{lengths.min()} to "
    fidelity = f"after the last of {spread}{lengths.max()} epochs, training seed {seed}"
    yield Table(
        name=f"nasbench-graph-full/{dataset}+seed{seed}",
        dataset=dataset,
        space=space,
        rows=rows_of_keys(space, keys),
        codes=np.array(codes, dtype=np.int8),
        columns={name: values for name, values in columns.items() if np.isfinite(values).all()},
        curves={name: epochs[:, place].copy() for name, place in NUMBERS.items()},
        metric=metric_of(dataset),
        unit="fraction",
        fidelity={"valid": f"validation split, {fidelity}", "test": f"test split, {fidelity}"},
        source={
            **job.source,
            "citation": CITATION,
            "licence": "stated at figshare.com/articles/dataset/NAS-bench-Graph/20070371",
            "adapter": VERSION,
        },
    )


def _row(job: Job, key: int, info: Mapping[str, Any]) -> dict[str, Any]:
    try:
        course = info["dur"]
        course = [course[epoch] for epoch in sorted(course)] if isinstance(course, dict) else list(course)
        epochs = np.array([[float(value) for value in epoch[: len(NUMBERS)]] for epoch in course], dtype=np.float64)
        if epochs.ndim != 2 or epochs.shape[1] != len(NUMBERS):
            raise ValueError(f"epochs of shape {epochs.shape}")
        costs = [float(info.get(field, np.nan)) for field in COSTS.values()]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise HarnessError(
            f"{job.path}: architecture {key} is not as published ({type(error).__name__}: {error})"
        ) from error
    return {"epochs": epochs.T, "costs": costs, "length": len(course)}


def _named(path: Path) -> tuple[str, int] | None:
    found = re.fullmatch(rf"({'|'.join(DATASETS)})(\d)\.bench", path.name)
    return (found[1], int(found[2])) if found else None
