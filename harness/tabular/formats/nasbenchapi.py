"""Light pickles of the package ``nasbenchapi``: one person's re-packing of NAS-Bench-101, 201 and 301.

What they hold is what the published files hold, so that their benchmarks have the same names. Of NAS-Bench-101 all trainings
are there (``entries_by_arch``), or only the mean over those of 108 epochs (``latest_by_arch``). NAS-Bench-201's has the
structure of the published file. NAS-Bench-301's trainings are a sample of 10^18 architectures, of which there is no table.

The form is that which the package's reader expects (version 1.0.5: ``nasbench101_api.py``, ``nasbench201_api.py``,
``nasbench301_api.py``) and its converter writes; no file of it was at hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.errors import HarnessError
from harness.tabular.formats import Job, nasbench101, nasbench201, trainings
from harness.tabular.formats.nasbench101 import FULL, Training
from harness.tabular.pickles import LARGEST_STREAM, load_items, open_bounded, read_pickle, refusals
from harness.tabular.table import Table

VERSION = "nasbenchapi 1"
WANTED = "a pickle of nasbenchapi"
_KEYS = {"101": (b"entries_by_arch", b"latest_by_arch"), "201": (b"arch2infos",), "301": (b"num_files",)}
LARGEST = 2**32  # bytes: its NAS-Bench-101 has 2.19 GB on the Hugging Face hub, and is read at once
MEMORY = 2**34  # bytes that its five million trainings may take
_HEAD = 2**22  # bytes in which the keys stand: those of NAS-Bench-201 behind the texts of all cells


def recognises(path: Path) -> bool:
    """Whether a pickle has the keys of one."""
    return path.is_file() and path.suffix.lower() in (".pkl", ".pickle") and _benchmark(path) is not None


def convert(job: Job) -> Iterator[Table]:
    """Convert into the benchmarks of the file that it was packed from."""
    benchmark = _benchmark(job.path)
    if benchmark == "101":
        return nasbench101.tables(job, VERSION, _trainings(job.path))
    if benchmark == "201":
        return _nasbench201(job)
    raise HarnessError(
        f"{job.path}: NAS-Bench-301's trainings are a sample of some 10^18 architectures, and a benchmark here is a table of all "
        "of a space; a surrogate would have to answer for the rest"
    )


def _benchmark(path: Path) -> str | None:
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    return next((name for name, keys in _KEYS.items() if any(key in head for key in keys)), None)


def _nasbench201(job: Job) -> Iterator[Table]:
    def read(add: trainings.Add, done: set[int]) -> None:
        def each(index: int, states: Mapping[str, trainings.State]) -> None:
            add(index, {nasbench201.RECIPES.get(name, name): state for name, state in states.items()})

        with refusals(job.path), open_bounded(job.path, LARGEST_STREAM) as stream:
            load_items(stream, "arch2infos", each)

    return trainings.tables(job, VERSION, lambda text: nasbench201.FAMILY, read)


def _trainings(path: Path) -> Iterator[Training]:
    content = read_pickle(path, limit=LARGEST, memory=MEMORY)
    every = content.get("entries_by_arch") or {key: [one] for key, one in content.get("latest_by_arch", {}).items()}
    for key, records in every.items():
        for record in records:
            try:
                yield _training(record)
            except (KeyError, TypeError, ValueError) as error:
                raise HarnessError(f"{path}: entry {key!r} is not as the package reads it ({error!r})") from error


def _training(record: Mapping[str, Any]) -> Training:
    measured = record["derived"]
    final = [
        float(measured[name]) for name in ("train_accuracy", "validation_accuracy", "test_accuracy", "training_time")
    ]
    adjacency, operations = record["adjacency_str"], record["operations_str"]
    epochs = int(record.get("epoch", FULL))
    return Training(f"{adjacency}|{operations}", epochs, float(measured["trainable_parameters"]), final)
