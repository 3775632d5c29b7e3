"""Searches by other libraries through their adapters, beside the loops that one would write without a harness."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from benchmarks.speed.measure import Row, cpu_seconds
from benchmarks.speed.tabular import EVALUATIONS, table
from harness.methods.base import make_method, run_search
from harness.problem.budget import Budget
from harness.streams import Streams
from harness.tabular.problem import TabularProblem
from harness.tabular.table import Table

SEEDS = range(3)


def rows() -> Iterator[Row]:
    """Processor seconds a search of Optuna's samplers."""
    benchmark, values = table()
    for sampler in ("TPESampler", "NSGAIISampler"):
        bare = cpu_seconds(partial(searches, bare_loop, benchmark, sampler), repeats=3)
        own = cpu_seconds(partial(searches, adapter, benchmark, sampler), repeats=3)
        yield Row(
            f"optuna {sampler}, {EVALUATIONS} evaluations, {values}",
            own / len(SEEDS),
            "s",
            "<= 1.1 x bare",
            "Optuna's bare loop",
            own / bare,
        )


def searches(search: Callable[[Table, str, int], None], benchmark: Table, sampler: str) -> None:
    """One search a seed."""
    for seed in SEEDS:
        search(benchmark, sampler, seed)


def adapter(benchmark: Table, sampler: str, seed: int) -> None:
    """A search of the method `optuna`."""
    problem = TabularProblem(benchmark, Budget("evaluations", EVALUATIONS))
    run_search(make_method("optuna", sampler=sampler), problem, Streams(benchmark.name, seed))


def bare_loop(benchmark: Table, sampler: str, seed: int) -> None:
    """The same search without the harness."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    made = getattr(optuna.samplers, sampler)(seed=Streams(benchmark.name, seed).seed("sampler"))
    study = optuna.create_study(direction="maximize", sampler=made)
    space: dict[str, Any] = {
        f"x{place}": optuna.distributions.CategoricalDistribution(range(cardinality))
        for place, cardinality in enumerate(benchmark.space.cardinalities)
    }
    for _ in range(EVALUATIONS):
        trial = study.ask(space)
        index = benchmark.space.index([trial.params[name] for name in space])
        study.tell(trial, float(benchmark.valid[benchmark.rows[index]]))
