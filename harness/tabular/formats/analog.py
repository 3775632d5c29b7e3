"""AnalogNAS-Bench (2025): the cells of NAS-Bench-201 retrained on CIFAR-10, as computed digitally and on analog hardware.

Read is ``data.anb`` of the package ``analog-nasbench``; ``nas-harness import analog-nasbench`` finds it where it is
installed. All its accuracies are of CIFAR-10's test set, and there is no validation: its user names which one drives and
which is reported, e.g. ``--valid baseline_accuracy --test analog_accuracy`` ("search digitally, deploy on analog hardware").
The other accuracies are carried for the report only, under their own name behind ``test_``.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from harness.errors import HarnessError
from harness.spaces.nasbench201 import NASBench201Space
from harness.spaces.naslib import from_op_indices
from harness.tabular.formats import Job
from harness.tabular.formats.without_validation import caveat, drives_and_reports
from harness.tabular.pickles import read_pickle
from harness.tabular.table import Table

VERSION = "analog 1"
WANTED = "analog-nasbench, the package, or its data.anb"
PACKAGE = "analog-nasbench"
RECORDS = ("analognasbench.data.Architecture", "analognasbench.data.DriftMeasurement")
ACCURACIES = ("baseline_accuracy", "ptq_accuracy", "qat_accuracy", "noisy_accuracy", "analog_accuracy")
DRIFTS = tuple(f"{kind}_drift_{seconds}" for kind in ("baseline", "analog") for seconds in (60, 3600, 86400, 2592000))


def recognises(path: Path) -> bool:
    """Whether a path is named as the package's data file."""
    return path.suffix.lower() == ".anb"


def published_file() -> Path:
    """The data file inside the installed package."""
    spec = find_spec("analognasbench")  # which does not import it
    if spec is None or spec.origin is None:
        raise HarnessError(f"the package {PACKAGE} is not installed: pip install {PACKAGE}")
    return Path(spec.origin).with_name("data.anb")


def convert(job: Job) -> Iterator[Table]:
    """Convert into ``analog-nasbench/cifar10``."""
    valid, test = drives_and_reports(job, [*ACCURACIES, *DRIFTS])
    records = read_pickle(job.path, RECORDS)
    space = NASBench201Space()
    try:
        codes = np.array([from_op_indices(key) for key in records], dtype=np.int8)
        values = {
            name: np.array([_number(getattr(record, name)) for record in records.values()])
            for name in (*ACCURACIES, *DRIFTS)
        }
    except (AttributeError, HarnessError, IndexError, TypeError, ValueError) as error:
        raise HarnessError(f"{job.path}: not as published ({type(error).__name__}: {error})") from error
    job.check_complete(values, [str(key) for key in records])
    order = np.argsort(space.indices(codes))
    others = {f"test_{name}": found[order] for name, found in values.items() if name not in (valid, test)}
    yield Table(
        name="analog-nasbench/cifar10",
        dataset="cifar10",
        space=space,
        rows=job.rows_of(space, codes[order]),
        codes=codes[order],
        columns={"valid": values[valid][order], "test": values[test][order], **others},
        fidelity={"valid": f"{valid}: CIFAR-10's test set", "test": f"{test}: CIFAR-10's test set"},
        source={
            **job.source,
            "citation": "AnalogNAS-Bench: A NAS Benchmark for Analog In-Memory Computing, arXiv:2506.18495",
            "licence": "not stated by the package",
            "adapter": VERSION,
        },
        caveats=(caveat(valid, test, "CIFAR-10's test set"),),
    )


def _number(value: Any) -> float:
    return float(value.value if hasattr(value, "value") else value)
