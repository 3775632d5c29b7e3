"""NAS-Bench-Graph (Qin et al., NeurIPS 2022 Datasets and Benchmarks), from the data inside the package ``nas-bench-graph``."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError
from harness.spaces.nasbench_graph import OPERATIONS, OPERATIONS_PROTEINS, NASBenchGraphSpace
from harness.tabular.pickles import read_pickle
from harness.tabular.table import Table

FAMILY = "nasbench-graph"
DATASETS = ("cora", "citeseer", "pubmed", "cs", "physics", "photo", "computers", "arxiv", "proteins")
CITATION = "Qin, Zhang, Wang, Zhang, Zhu: NAS-Bench-Graph, NeurIPS 2022 Datasets and Benchmarks"
# Column of a table by the name of the published field.
FIELDS = {"valid_perf": "valid", "perf": "test", "latency": "latency", "para": "params"}


def space_of(dataset: str) -> NASBenchGraphSpace:
    """The space of a data set's table."""
    return NASBenchGraphSpace(OPERATIONS_PROTEINS if dataset == "proteins" else OPERATIONS)


def metric_of(dataset: str) -> str:
    """What the scores of a data set measure."""
    return "ROC-AUC" if dataset == "proteins" else "accuracy"


def rows_of_keys(space: NASBenchGraphSpace, keys: Sequence[int]) -> NDArray[np.int32]:
    """(space.size,) row of every encoding when row i has the published hash ``keys[i]``, -1 for those without."""
    row_of_key = {key: row for row, key in enumerate(keys)}
    found = (row_of_key.get(space.published_hash(space.arch(index)), -1) for index in range(space.size))
    return np.fromiter(found, dtype=np.int32, count=space.size)


def convert(dataset: str) -> Table:
    """Read the published pickle of a data set into a table.

    A row is a distinct computation; the rows are in the order of their published hash and count once each, as the
    benchmark's authors count them.
    """
    path = _published_file(dataset)
    records: dict[int, dict[str, float]] = read_pickle(path)
    space = space_of(dataset)
    try:
        keys = sorted(records)
        codes = np.array([space.from_hash(key) for key in keys], dtype=np.int8)
        columns = {
            column: np.array([records[key][field] for key in keys], dtype=np.float64)
            for field, column in FIELDS.items()
        }
    except (LookupError, TypeError, ValueError) as error:
        raise HarnessError(f"{path}: not a table of NAS-Bench-Graph: {type(error).__name__}: {error}") from error
    proteins = dataset == "proteins"
    return Table(
        name=f"{FAMILY}/{dataset}",
        dataset=dataset,
        space=space,
        rows=rows_of_keys(space, keys),
        codes=codes,
        columns=columns,
        metric=metric_of(dataset),
        unit="fraction",
        fidelity={"valid": "full training", "test": "full training"},
        source={
            "citation": CITATION,
            "licence": "Apache-2.0",
            "package": package(),
            "file": path.name,
            "file_sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        },
        caveats=("proteins has 2,021 architectures over 5 operations; its metric is ROC-AUC.",) if proteins else (),
    )


def package() -> str:
    """The package and its version, as a table's card names it."""
    return f"nas-bench-graph {version('nas-bench-graph')}"


def _published_file(dataset: str) -> Path:
    # Found without importing the package, whose modules we need only to convert.
    spec = find_spec("nas_bench_graph")
    if spec is None or spec.origin is None:
        raise HarnessError("the package nas-bench-graph is not installed: pip install nas-bench-graph")
    return Path(spec.origin).parent / "light" / f"{dataset}.bench"
