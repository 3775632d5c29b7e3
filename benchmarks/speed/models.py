"""What a search with a model costs, in processor seconds a seed, beside plain evolution on the same table."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from itertools import count

import numpy as np

from benchmarks.speed.measure import Row, cpu_seconds
from benchmarks.speed.tabular import EVALUATIONS, table
from harness.errors import HarnessError
from harness.methods.base import make_method, run_search
from harness.problem.budget import Budget
from harness.streams import Streams
from harness.system.blas import one_blas_thread
from harness.tabular.problem import TabularProblem
from harness.tabular.table import Table

PLAIN = "regularized-evolution"
TARGETS = {"bo-gp": 0.8, "bananas": 1.3, "nars": 1.5, "instatune": 1.5}  # seconds


def rows() -> Iterator[Row]:
    """Processor seconds of a search of 100 evaluations, one thread."""
    benchmark, values = table()
    # A statistic that is linear in the code, as parameters of these cells are.
    weights = np.arange(5.0)[benchmark.codes].sum(axis=1)
    benchmark = dataclasses.replace(benchmark, columns={**benchmark.columns, "params": weights})
    plain = seconds_of(PLAIN, benchmark)
    yield Row(f"{PLAIN}, {EVALUATIONS} evaluations, {values}", plain, "s/seed")
    for name, target in TARGETS.items():
        try:
            seconds = seconds_of(name, benchmark)
        except HarnessError as error:
            yield Row(f"  {name}", float("nan"), "s/seed", f"<= {target}", f"skipped: {error}")
            continue
        yield Row(f"  {name}", seconds, "s/seed", f"<= {target}", "evolution", seconds / plain)


def seconds_of(name: str, benchmark: Table) -> float:
    """Processor seconds of one search, the median of five seeds."""
    method, seeds = make_method(name), count()

    def search() -> None:
        problem = TabularProblem(benchmark, Budget("evaluations", EVALUATIONS), statistics=method.statistic_names)
        run_search(method, problem, Streams(benchmark.name, next(seeds)))

    with one_blas_thread():
        return cpu_seconds(search)


if __name__ == "__main__":
    for row in rows():
        print(row, flush=True)
