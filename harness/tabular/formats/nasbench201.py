"""NAS-Bench-201 (Dong and Yang, ICLR 2020): ``NAS-Bench-201-v1_1-096897.pth`` and ``NAS-Bench-201-v1_0-e61699.pth``.

The file is one pickle of torch; it is read architecture by architecture, without torch, in some 2 GB of memory less than its
own package wants 30 GB for. Its recipe "less" is called ``12`` here and "full" ``200``, their numbers of epochs. Which split
drives, which is reported, and where the package ``nas-bench-201`` differs stands in `harness.tabular.formats.trainings`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from harness.spaces.nasbench201 import NASBench201Space
from harness.tabular.formats import Job
from harness.tabular.formats.trainings import Add, Family, State, tables
from harness.tabular.pickles import LARGEST_STREAM, load_items, refusals
from harness.tabular.table import Table
from harness.tabular.torch_files import is_torch, open_torch

VERSION = "nasbench201 1"
FAMILY = Family(
    "nasbench201",
    NASBench201Space(),
    {"12": 12, "200": 200},
    "Dong, Yang: NAS-Bench-201: Extending the Scope of Reproducible Neural Architecture Search, ICLR 2020",
    "MIT",
)
RECIPES = {"less": "12", "full": "200"}
WANTED = "NAS-Bench-201-v1_1-096897.pth"


def recognises(path: Path) -> bool:
    """Whether a file has the name of one, or is one of torch."""
    return path.is_file() and (path.name.startswith("NAS-Bench-201-v") or is_torch(path))


def convert(job: Job) -> Iterator[Table]:
    """Convert into ``nasbench201/DATASET@RECIPE``."""

    def read(add: Add, done: set[int]) -> None:
        def each(index: int, states: Mapping[str, State]) -> None:
            add(index, {RECIPES.get(name, name): state for name, state in states.items()})

        with refusals(job.path), open_torch(job.path, LARGEST_STREAM) as stream:
            load_items(stream, "arch2infos", each)

    return tables(job, VERSION, lambda text: FAMILY, read)
