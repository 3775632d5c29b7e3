"""NAS-Bench-Suite-Zero (Krishnakumar et al., NeurIPS 2022): ``zc_nasbench201.json``, zero-cost scores of NAS-Bench-201's cells.

The file has a row an architecture and data set, ``{"cifar10": {"(4, 0, 3, 1, 4, 3)": {"synflow": {"score": s, "time": t},
..., "val_accuracy": v}}}``, whose keys are the operations of the edges as NASLib orders them. It has no test scores, and so
makes no benchmark of its own: it joins every stored benchmark over NAS-Bench-201's cells into one called ``NAME+zc``. The
scores are further columns, marked as statistics that take their mean seconds. What drives and what is reported stays as it
was, and ``val_accuracy`` is not read.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError
from harness.spaces.naslib import from_op_indices
from harness.tabular import catalogue
from harness.tabular.formats import Job
from harness.tabular.formats.joining import DATASETS, joined, stored_targets
from harness.tabular.statics import COUNTED
from harness.tabular.table import Table

VERSION = "suite_zero 1"
WANTED = "zc_nasbench201.json"
SUFFIX = "+zc"
CITATION = "Krishnakumar, White, Zela, Tu, Safari, Hutter: NAS-Bench-Suite-Zero, NeurIPS 2022 Datasets and Benchmarks"
LARGEST = 2**30
# It begins with a data set, an architecture that is a tuple of numbers, and soon a score.
_BEGINNING = re.compile(rb'\s*\{\s*"[^"]+"\s*:\s*\{\s*"\(\s*[0-9(][^"]*\)"\s*:\s*\{')


class _Scored(NamedTuple):
    """Scores of a data set: cells (n, variables), (n,) columns by name, and mean seconds by name."""

    codes: NDArray[np.int8]
    columns: Mapping[str, NDArray[np.float64]]
    seconds: Mapping[str, float]


def recognises(path: Path) -> bool:
    """Whether a JSON file begins as this one does, whatever it is called."""
    if path.suffix.lower() != ".json" or not path.is_file():
        return False
    with path.open("rb") as stream:
        head = stream.read(4000)
    return _BEGINNING.match(head) is not None and b'"score"' in head


def convert(job: Job) -> Iterator[Table]:
    """Join into ``NAME+zc`` of every stored benchmark NAME over NAS-Bench-201's cells on a data set of the file."""
    job.refuse(training_seed=job.seed, valid=job.valid, test=job.test)
    published = _read(job.path)
    scored: dict[str, _Scored] = {}
    names = stored_targets(job, SUFFIX, "zero-cost scores")
    tables = [table for table in map(catalogue.load_table, names) if DATASETS[table.dataset] in published]
    if not tables:
        raise HarnessError(
            f"{job.path}: it has {', '.join(published)}; none of these is a data set of {', '.join(names)}"
        )
    about = {"citation": CITATION, "licence": "Apache-2.0", "adapter": VERSION, "units": {"time": "seconds"}}
    for table in tables:
        dataset = DATASETS[table.dataset]
        if dataset not in scored:
            scored[dataset] = _scores(job, published[dataset], dataset)
        codes, columns, seconds = scored[dataset]
        # Parameters and operations are the table's own where it has them: these are of NASLib's networks.
        wanted = {name: values for name, values in columns.items() if not (name in COUNTED and name in table.columns)}
        job.advance()
        yield joined(job, table, codes, wanted, SUFFIX, about, {name: seconds[name] for name in wanted})


def _read(path: Path) -> Mapping[str, Any]:
    if path.stat().st_size > LARGEST:
        raise HarnessError(f"{path}: it has {path.stat().st_size:,} bytes; wanted at most {LARGEST:,}")
    try:
        return dict(json.loads(path.read_bytes()))
    except (ValueError, TypeError, RecursionError) as error:
        raise HarnessError(f"{path}: cannot be read as JSON: {error}; fetch {WANTED} again") from error


def _scores(job: Job, part: Mapping[str, Any], dataset: str) -> _Scored:
    """What the file has of a data set; a score that is no number is NaN."""
    try:
        codes = np.array([from_op_indices(ast.literal_eval(key)) for key in part], dtype=np.int8)
        proxies = list(
            dict.fromkeys(name for row in part.values() for name, value in row.items() if isinstance(value, dict))
        )
        columns = {name: np.array([_number(row[name]["score"]) for row in part.values()]) for name in proxies}
        seconds = {name: _mean_seconds([row[name].get("time", 0.0) for row in part.values()]) for name in proxies}
    except (AttributeError, HarnessError, KeyError, IndexError, TypeError, ValueError, SyntaxError) as error:
        raise HarnessError(
            f"{job.path}: {dataset}: not as published for NAS-Bench-201 ({type(error).__name__}: {error})"
        ) from error
    if empty := [name for name, values in columns.items() if not np.isfinite(values).any()]:
        raise HarnessError(f"{job.path}: {dataset}: {', '.join(empty)} has no number at all")
    return _Scored(codes, columns, seconds)


def _number(value: Any) -> float:
    return float("nan") if value is None else float(value)


def _mean_seconds(times: list[Any]) -> float:
    mean = float(np.mean([float(time) for time in times]))
    return mean if np.isfinite(mean) and mean > 0 else 0.0
