"""Everything that a suite can name: tables, and live benchmarks whose architectures are trained here and now."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from harness.errors import unknown_name
from harness.live.benchmark import LiveBenchmark, live_names
from harness.live.one_shot import JUDGED, judged, judged_names
from harness.problem.budget import Budget
from harness.problem.constraint import Constraint
from harness.spaces.base import Space
from harness.tabular import catalogue as tables
from harness.tabular.problem import check_searchable
from harness.tabular.statics import check_static, scores_digest, static_columns
from harness.tabular.table import Direction, Table, Unit
from harness.taxonomy import Taxonomy
from harness.training.settings import LiveSettings


class Benchmark(Protocol):
    """What a table and a live benchmark have in common."""

    @property
    def name(self) -> str:
        """Name in a suite."""

    @property
    def dataset(self) -> str:
        """What architectures were, or are, trained on."""

    @property
    def space(self) -> Space:
        """The search space."""

    @property
    def metric(self) -> str:
        """What scores measure."""

    @property
    def unit(self) -> Unit:
        """Unit of scores."""

    @property
    def direction(self) -> Direction:
        """Whether larger or smaller scores are better."""

    @property
    def taxonomy(self) -> Taxonomy:
        """What kind of benchmark it is, in four words."""

    @property
    def sha256(self) -> str:
        """Hash of the data."""

    def describe(self) -> dict[str, Any]:
        """Everything but the data, as plain JSON values."""


def load_benchmark(name: str) -> Table | LiveBenchmark:
    """A table or a live benchmark by name; an unknown name is an error with the nearest ones."""
    if name in live_names():
        return LiveBenchmark(name)
    if name.startswith(JUDGED) and name in judged_names():
        return judged(name)
    if name.startswith(("live/", *JUDGED)):
        raise unknown_name("benchmark", name, benchmark_names())
    return tables.load_table(name)


def resolve(
    benchmark: Benchmark,
    budget: Budget,
    metrics: tuple[str, ...],
    live: Mapping[str, Any] | str,
    constraints: tuple[Constraint, ...],
) -> str:
    """Check what a suite wants of a benchmark; the settings of a live one as JSON with nothing left to defaults, else nothing.

    Parameters
    ----------
    benchmark, budget, metrics, constraints
        What is searched, for how long, and under what conditions.
    live
        What the suite says of live benchmarks, or such settings as they were resolved before.

    Raises
    ------
    HarnessError
        If the benchmark cannot give it.
    """
    if isinstance(benchmark, LiveBenchmark):
        return benchmark.resolve(budget, metrics, live, constraints)
    assert isinstance(benchmark, Table)
    check_searchable(benchmark, budget, metrics, constraints)
    return ""


def digest_of_statistics(benchmark: Benchmark, names: Sequence[str]) -> str:
    """Hash of what holds statistics of these names, where the benchmark's own does not say it; empty where it does.

    Raises
    ------
    HarnessError
        If the benchmark has no such statistic, or it is none.
    """
    if isinstance(benchmark, Table):
        static_columns(benchmark, names)
        return scores_digest(benchmark, names)
    assert isinstance(benchmark, LiveBenchmark)
    for name in names:
        check_static(name, f"benchmark {benchmark.name}")
        if name not in benchmark.statistics:
            raise unknown_name("statistic", name, benchmark.statistics, f"benchmark {benchmark.name}")
    return ""


def max_fidelity(benchmark: Benchmark, settings: str) -> int | None:
    """Epochs of a whole training during a search, before which it can be stopped and scored; None if there is one fidelity.

    A table has its own; of a live benchmark the settings, as `resolve` gives them, say how long architectures are trained.
    """
    return benchmark.epochs if isinstance(benchmark, Table) else LiveSettings.from_json(settings).max_fidelity


def benchmark_names() -> list[str]:
    """Sorted names of all benchmarks."""
    return sorted({*tables.benchmark_names(), *live_names(), *judged_names()})


def expand(patterns: list[str], where: str) -> list[str]:
    """Names that the patterns (``nasbench-graph/*``) stand for, each once, in order of the patterns and then of the alphabet.

    Raises
    ------
    HarnessError
        If a pattern stands for nothing; the message has the nearest names.
    """
    names = benchmark_names()
    found: dict[str, None] = {}
    for pattern in patterns:
        matches = fnmatch.filter(names, pattern)
        if not matches:
            raise unknown_name("benchmark", pattern, names, where)
        found.update(dict.fromkeys(matches))
    return list(found)
