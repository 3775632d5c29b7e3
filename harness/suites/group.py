"""Groups of cells: what a suite wants run, down to the seed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from harness.problem.budget import Budget
from harness.problem.constraint import Constraint, parse_constraints
from harness.training.settings import with_own

SCHEMA = 1  # of records and of what a cell's key is made of


@dataclass(frozen=True)
class MethodSpec:
    """A method with its parameters, as a suite wants it run.

    Attributes
    ----------
    name
        Registered name.
    label
        What reports call it; unique in a suite.
    params
        All parameters, defaults included.
    version
        The method's version.
    benchmarks
        Those of the suite's benchmarks that it is run on; empty for all.
    metrics
        Columns that it may see beside the validation score; None for what the suite says of all methods.
    taxonomy
        What kind of method it is, by category.
    reads_whole_table
        Whether no budget bounds what it sees of a table.
    search
        What its supernet is trained with instead of what the suite says of all methods: keys of the suite's table ``search``.
    seeds
        Those of the suite's seeds that it is run at; empty for all.
    requires
        Versions of the packages that it needs beside those of every install, by name.
    recipe
        What it chooses of the recipe that architectures are trained by: lists of values, see
        `harness.training.settings.LiveSettings.choices`.
    """

    name: str
    label: str
    params: Mapping[str, Any] = field(hash=False)
    version: str
    benchmarks: tuple[str, ...] = ()
    metrics: tuple[str, ...] | None = None
    taxonomy: Mapping[str, str] = field(default_factory=dict, hash=False)
    reads_whole_table: bool = False
    search: Mapping[str, Any] = field(default_factory=dict, hash=False)
    seeds: tuple[int, ...] = ()
    requires: Mapping[str, str] = field(default_factory=dict, hash=False)
    recipe: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def runs_on(self, benchmark: str) -> bool:
        """Whether the suite wants it run on this benchmark."""
        return not self.benchmarks or benchmark in self.benchmarks

    def seeds_of(self, seeds: Iterable[int]) -> list[int]:
        """Those of the suite's `seeds` that it is run at, in their order."""
        return [seed for seed in seeds if not self.seeds or seed in self.seeds]

    def shown(self, metrics: tuple[str, ...]) -> tuple[str, ...]:
        """Columns that it may see where the suite shows `metrics` to all methods."""
        return metrics if self.metrics is None else self.metrics

    def settings(self, shared: str) -> str:
        """Settings of a live benchmark for this method, as JSON with nothing left to defaults; `shared` are those of all."""
        return with_own(shared, self.search, self.recipe)

    @property
    def params_json(self) -> str:
        """The parameters as JSON with sorted keys."""
        return json.dumps(dict(self.params), sort_keys=True)


@dataclass(frozen=True)
class Group:
    """Cells that differ in their seed only.

    Attributes
    ----------
    benchmark, data_sha256
        Name of the benchmark and hash of its table.
    method, budget
        What is run, and how long.
    metrics
        Columns that the method may see beside the validation score.
    settings
        How a live benchmark searches and evaluates, as JSON with nothing left to defaults; empty for a table.
    constraints
        What an architecture must satisfy to be an answer.
    scores_sha256
        Hash of the scores that were recorded beside the table, if the method sees one of them; else empty.
    """

    benchmark: str
    data_sha256: str
    method: MethodSpec
    budget: Budget
    metrics: tuple[str, ...] = ()
    settings: str = ""
    constraints: tuple[Constraint, ...] = ()
    scores_sha256: str = ""

    @property
    def conditions(self) -> dict[str, Any]:
        """What the method is run under beside its benchmark and budget, as plain JSON values."""
        return (
            {"metrics": list(self.metrics)}
            | ({"settings": json.loads(self.settings)} if self.settings else {})
            | ({"constraint": conditions(self.constraints)} if self.constraints else {})
            | ({"scores_sha256": self.scores_sha256} if self.scores_sha256 else {})
        )

    @property
    def resolved(self) -> dict[str, Any]:
        """All that a result depends on but the seed, as plain JSON values."""
        values = {
            "schema": SCHEMA,
            "benchmark": self.benchmark,
            "data_sha256": self.data_sha256,
            "method": self.method.name,
            "params": dict(self.method.params),
            "version": self.method.version,
            "budget": [self.budget.kind, self.budget.amount],
        }
        needs = {"requires": dict(self.method.requires)} if self.method.requires else {}
        return values | needs | self.conditions

    @cached_property
    def _text(self) -> str:
        return json.dumps(self.resolved, sort_keys=True)

    def key(self, seed: int) -> str:
        """SHA-256 of the resolved configuration of one cell: equal keys mean equal results."""
        return hashlib.sha256(f"{self._text} seed {seed}".encode()).hexdigest()


def cells_of(groups: Iterable[Group], seeds: Iterable[int]) -> dict[str, tuple[Group, int]]:
    """All cells of a suite by their keys, group by group."""
    seeds = list(seeds)
    return {group.key(seed): (group, seed) for group in groups for seed in group.method.seeds_of(seeds)}


def groups_of(resolved: Mapping[str, Any]) -> list[Group]:
    """Groups of a suite that was written by `Suite.resolved`, without loading any table; same keys, same order."""
    methods = [method_spec(method) for method in resolved["methods"]]
    pairs = [(benchmark, Budget(**budget)) for benchmark in resolved["benchmarks"] for budget in resolved["budgets"]]
    metrics, constraints = tuple(resolved["metrics"]), constraints_of(resolved)
    return [
        Group(
            benchmark,
            resolved["data_sha256"][benchmark],
            method,
            budget,
            method.shown(metrics),
            method.settings(settings),
            constraints,
            resolved.get("scores_sha256", {}).get(benchmark, {}).get(method.label, ""),
        )
        for (benchmark, budget), settings in zip(pairs, resolved["settings"], strict=True)
        for method in methods
        if method.runs_on(benchmark)
    ]


def method_spec(values: Mapping[str, Any]) -> MethodSpec:
    """A method of a suite that was written as JSON."""
    metrics = values.get("metrics")
    return MethodSpec(
        **{
            **values,
            "benchmarks": tuple(values.get("benchmarks", ())),
            "metrics": None if metrics is None else tuple(metrics),
            "seeds": tuple(values.get("seeds", ())),
        }
    )


def constraints_of(resolved: Mapping[str, Any]) -> tuple[Constraint, ...]:
    """Constraints of a suite that was written by `Suite.resolved`."""
    return parse_constraints(resolved.get("constraint", {}))


def conditions(constraints: Sequence[Constraint]) -> dict[str, str]:
    """Constraints as a suite writes them: conditions by column."""
    return {constraint.column: constraint.condition for constraint in constraints}
