"""HW-NAS-Bench (Li et al., ICLR 2021): ``HW-NAS-Bench-v1_0.pickle``, latency and energy of NAS-Bench-201's cells on devices.

The file has no accuracy, so it makes no benchmark of its own: it joins every benchmark over NAS-Bench-201's cells that is in
the store, cell by cell, into one called ``NAME+hw`` with the columns ``edgegpu_latency``, ``fpga_energy`` and so on (in
milliseconds and millijoules). What drives and what is reported stays as it was. Its part on FBNet's space is not read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError
from harness.tabular import catalogue
from harness.tabular.formats import Job
from harness.tabular.formats.joining import DATASETS, joined, stored_targets
from harness.tabular.pickles import read_pickle
from harness.tabular.table import Table

VERSION = "hw_nas_bench 1"
WANTED = "HW-NAS-Bench-v1_0.pickle"
SUFFIX = "+hw"
CITATION = "Li, Yu, Fu, Zhang, Zhao, You, Yu, Wang, Lin: HW-NAS-Bench, ICLR 2021"


def recognises(path: Path) -> bool:
    """Whether a file has the name of this one."""
    return path.name.startswith("HW-NAS-Bench") and path.suffix.lower() == ".pickle"


def convert(job: Job) -> Iterator[Table]:
    """Join into ``NAME+hw`` of every stored benchmark NAME over NAS-Bench-201's cells."""
    job.refuse(training_seed=job.seed, valid=job.valid, test=job.test)
    published = _published(job.path)
    about = {
        "citation": CITATION,
        "licence": "MIT",
        "adapter": VERSION,
        "units": {"latency": "milliseconds", "energy": "millijoules"},
    }
    for name in stored_targets(job, SUFFIX, "latency and energy"):
        table = catalogue.load_table(name)
        codes, costs = _costs(job, published, DATASETS[table.dataset], table.space)
        job.advance()
        yield joined(job, table, codes, costs, SUFFIX, about)


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
