"""Suites: benchmarks, methods, budgets and seeds, and the cells that they resolve to."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from harness.errors import HarnessError, differences
from harness.live.joint import space_of_search
from harness.methods.base import Method, make_method, method_params
from harness.problem.budget import Budget
from harness.problem.constraint import Constraint, shown
from harness.problem.offer import Offer
from harness.suites.catalogue import Benchmark, digest_of_statistics, load_benchmark, max_fidelity, resolve
from harness.suites.claim_checks import check_claims
from harness.suites.claims import Claim, read_claims
from harness.suites.group import SCHEMA, Group, MethodSpec, conditions, constraints_of, groups_of, method_spec
from harness.system.texts import facts_html
from harness.tabular.statics import static_columns
from harness.tabular.table import Table
from harness.training.settings import LiveSettings


@dataclass(frozen=True)
class Resolution:
    """What a suite comes to on the benchmarks that are here.

    Attributes
    ----------
    benchmarks
        By name, in the order of the suite.
    settings
        Settings of live benchmarks as JSON with nothing left to defaults, by benchmark and budget; empty for tables. A method
        may have others of its own.
    groups
        Groups of cells.
    """

    benchmarks: Mapping[str, Benchmark]
    settings: Mapping[tuple[str, Budget], str]
    groups: tuple[Group, ...]


@dataclass(frozen=True)
class Suite:
    """What is to be run.

    Attributes
    ----------
    name
        Name of the suite.
    benchmarks
        Names, patterns expanded.
    methods
        What is compared.
    budgets
        Every method gets every one of them.
    seeds
        Distinct and not negative.
    metrics
        Columns that methods may see beside the validation score.
    description
        A sentence for the report.
    live
        What the suite's file says of live benchmarks: its tables ``search`` and ``evaluation`` and its ``device``.
    constraints
        What an architecture must satisfy to be an answer.
    pairs
        Labels of methods whose comparison, seed by seed, was fixed before the run; see `harness.reporting.frames.planned`.
    parts
        Names of the benchmarks by part, ``dev`` (methods are tuned on these) and ``test``; empty for a suite without parts.
    claims
        What is claimed of the methods, stated before the run; see `harness.claims`.
    absent
        Benchmarks that the suite names and that are not here, left out, and the command line that imports each.
    kept_settings
        Of a suite that was read back: the settings of live benchmarks, by benchmark and budget, instead of `live`.
    """

    name: str
    benchmarks: tuple[str, ...]
    methods: tuple[MethodSpec, ...]
    budgets: tuple[Budget, ...]
    seeds: tuple[int, ...]
    metrics: tuple[str, ...] = ()
    description: str = ""
    live: Mapping[str, Any] = field(default_factory=dict, hash=False)
    constraints: tuple[Constraint, ...] = ()
    pairs: tuple[tuple[str, str], ...] = ()
    parts: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    claims: tuple[Claim, ...] = ()
    absent: Mapping[str, str] = field(default_factory=dict, hash=False)
    kept_settings: Mapping[tuple[str, Budget], str] = field(default_factory=dict, hash=False)
    where: str = field(default="suite", compare=False)

    def __repr__(self) -> str:
        return f"<Suite {self.name!r}: {self._counts}>"

    def _repr_html_(self) -> str:
        facts = {
            "cells": self._counts,
            "methods": ", ".join(method.label for method in self.methods),
            "benchmarks": ", ".join(self.benchmarks),
            "shown to methods": ", ".join(self.metrics),
            "constraint": ", ".join(map(str, self.constraints)),
        }
        return facts_html(self.name, {"about": self.description} | facts)

    @property
    def _counts(self) -> str:
        budgets = ", ".join(f"{budget.amount:,}" for budget in self.budgets)
        sizes = {"method": len(self.methods), "benchmark": len(self.benchmarks), "seed": len(self.seeds)}
        counted = " × ".join(f"{count:,} {noun}{'s' if count > 1 else ''}" for noun, count in sizes.items())
        return f"{counted} at {budgets} {self.budgets[0].kind}"

    @classmethod
    def from_resolved(
        cls,
        resolved: Mapping[str, Any],
        *,
        methods: Collection[str] | None = None,
        benchmarks: Collection[str] | None = None,
        any_version: bool = False,
        where: str = "suite.resolved.json",
    ) -> Suite:
        """The suite that `Suite.resolved` wrote, or a part of it, to run its cells again.

        The only way back to a suite: all that is in a cell's key is taken over. Methods, benchmarks and settings are made
        anew, as they are here and now; what is no longer what it was is refused.

        Parameters
        ----------
        resolved
            What ``suite.resolved.json`` holds.
        methods
            Labels of the methods that are wanted; None for all.
        benchmarks
            Names of the benchmarks that are wanted; None for all.
        any_version
            Whether methods may be of another version here, so that the keys of their cells differ in nothing else.
        where
            What messages begin with, e.g. the run's folder.

        Raises
        ------
        HarnessError
            If a cell has another key here than it had: other data, another version or other parameters of its method, other
            settings.
        """
        kept = [
            group
            for group in groups_of(resolved)
            if (methods is None or group.method.label in methods)
            and (benchmarks is None or group.benchmark in benchmarks)
        ]
        labels, names = {group.method.label for group in kept}, {group.benchmark for group in kept}
        methods_here = tuple(as_here(method_spec(one)) for one in resolved["methods"] if one["label"] in labels)
        budgets = tuple(Budget(**budget) for budget in resolved["budgets"])
        claims = [claim for claim in resolved.get("claims", ()) if {*claim["benchmark"]} <= names]
        suite = cls(
            name=resolved["name"],
            benchmarks=tuple(name for name in resolved["benchmarks"] if name in names),
            methods=methods_here,
            budgets=budgets,
            seeds=tuple(resolved["seeds"]),
            metrics=tuple(resolved["metrics"]),
            description=resolved["description"],
            constraints=constraints_of(resolved),
            pairs=tuple((a, b) for a, b in resolved.get("pairs", ()) if {a, b} <= labels),
            parts={part: tuple(some) for part, some in resolved.get("parts", {}).items()},
            claims=read_claims(
                claims, [one["label"] for one in resolved["methods"]], methods_here, [*names], budgets, where
            ),
            kept_settings=_shared_settings(resolved),
            where=where,
        )
        for old, new in zip(kept, suite.groups(), strict=True):
            there = old.resolved | ({"version": new.method.version} if any_version else {})
            if changed := differences(there, new.resolved):
                raise HarnessError(
                    f"{where}: {old.method.label} on {old.benchmark} would not be the same cell again "
                    f"({'; '.join(changed)}); run the suite again into another folder"
                )
        return suite

    @cached_property
    def resolution(self) -> Resolution:
        """All benchmarks and groups of cells, found and checked once.

        Raises
        ------
        HarnessError
            If a benchmark is not here or cannot give what is wanted of it, or a method refuses one.
        """
        benchmarks = {name: load_benchmark(name) for name in self.benchmarks}
        settings: dict[tuple[str, Budget], str] = {}
        groups = []
        for name, benchmark in benchmarks.items():
            for budget in self.budgets:
                live = self.kept_settings.get((name, budget)) or self.live
                methods = [method for method in self.methods if method.runs_on(name)]
                of_metrics = {
                    metrics: resolve(benchmark, budget, metrics, live, self.constraints)
                    for metrics in {method.shown(self.metrics) for method in methods}
                }
                settings[name, budget] = next(iter(of_metrics.values()))  # the metrics that are shown are no part of it
                for method in methods:
                    metrics = method.shown(self.metrics)
                    chosen = _own_settings(method, benchmark, budget, metrics, of_metrics[metrics], self.constraints)
                    group = Group(name, benchmark.sha256, method, budget, metrics, chosen, self.constraints)
                    groups.append(replace(group, scores_sha256=_check(group, benchmark)))
        _refuse_the_same(groups)
        check_claims(self.claims, benchmarks, self.methods, self.metrics, self.where)
        return Resolution(benchmarks, settings, tuple(groups))

    def groups(self) -> tuple[Group, ...]:
        """All groups of cells, in the order of the suite: benchmarks, budgets, methods."""
        return self.resolution.groups

    def resolved(self) -> dict[str, Any]:
        """The suite as plain JSON values, with nothing left to defaults."""
        found = self.resolution
        return {
            "schema": SCHEMA,
            "name": self.name,
            "description": self.description,
            "benchmarks": list(self.benchmarks),
            "tables": {
                name: benchmark.describe() | {"taxonomy": benchmark.taxonomy.as_json()}
                for name, benchmark in found.benchmarks.items()
            },
            "data_sha256": {name: benchmark.sha256 for name, benchmark in found.benchmarks.items()},
            "methods": [_as_json(method) for method in self.methods],
            "budgets": [dataclasses.asdict(budget) for budget in self.budgets],
            "seeds": list(self.seeds),
            "metrics": list(self.metrics),
            "constraint": conditions(self.constraints),
            # One text a benchmark and budget, in this order.
            "settings": list(found.settings.values()),
        } | {
            key: value
            for key, value in (
                ("pairs", [list(pair) for pair in self.pairs]),
                ("parts", {part: list(some) for part, some in self.parts.items()}),
                ("claims", [dict(claim.table) for claim in self.claims if {*claim.benchmarks} <= {*self.benchmarks}]),
                ("scores_sha256", _scores_sha256(found.groups)),
            )
            if value
        }


def _refuse_the_same(groups: Sequence[Group]) -> None:
    """Refuse methods that come to the same cells, however they are written: one record cannot stand for two."""
    found: dict[str, Group] = {}
    for group in groups:
        other = found.setdefault(group.key(0), group)
        if other is not group:
            raise HarnessError(
                f"benchmark {group.benchmark}: {other.method.label!r} and {group.method.label!r} are the same method under the "
                "same settings; leave one out"
            )


def _as_json(method: MethodSpec) -> dict[str, Any]:
    """A method as plain JSON values; settings and seeds of its own, and packages that it needs, only where it has some."""
    values = dataclasses.asdict(method) | {"params": dict(method.params)}
    return {
        key: value for key, value in values.items() if value or key not in ("search", "seeds", "requires", "recipe")
    }


def _shared_settings(resolved: Mapping[str, Any]) -> dict[tuple[str, Budget], str]:
    """Settings that all methods of a suite share, as `Suite.resolved` wrote them."""
    pairs = [(benchmark, Budget(**budget)) for benchmark in resolved["benchmarks"] for budget in resolved["budgets"]]
    return dict(zip(pairs, resolved["settings"], strict=True))


def _own_settings(
    method: MethodSpec,
    benchmark: Benchmark,
    budget: Budget,
    metrics: tuple[str, ...],
    shared: str,
    constraints: tuple[Constraint, ...],
) -> str:
    """Settings of a live benchmark for a method that may have some of its own, which are checked as the shared ones are."""
    if not method.search and not method.recipe:
        return shared
    try:
        if not shared:
            key = "search" if method.search else "recipe"
            raise HarnessError(
                f"{key}: benchmark {benchmark.name} is a table, and nothing is trained there; leave it out"
            )
        return resolve(benchmark, budget, metrics, method.settings(shared), constraints)
    except HarnessError as error:
        raise HarnessError(f"method {method.label}: {error}") from error


def _scores_sha256(groups: Sequence[Group]) -> dict[str, dict[str, str]]:
    """Hashes of scores beside tables by benchmark and label of the method, of those that see some."""
    found: dict[str, dict[str, str]] = {}
    for group in groups:
        if group.scores_sha256:
            found.setdefault(group.benchmark, {})[group.method.label] = group.scores_sha256
    return found


def _check(group: Group, benchmark: Benchmark) -> str:
    """Let the method refuse the benchmark, and this the method; `Group.scores_sha256`."""
    method = make_method(group.method.name, **group.method.params)
    whole = max_fidelity(benchmark, group.settings)
    try:
        method.check(_offer(group, benchmark, method, whole))
    except HarnessError as error:
        raise HarnessError(f"benchmark {group.benchmark}: {error}") from error
    try:
        digest = digest_of_statistics(benchmark, method.statistic_names)
        if isinstance(benchmark, Table):
            _check_columns(method, benchmark)
        return digest
    except HarnessError as error:
        raise HarnessError(f"method {group.method.label}: {error}") from error


def _offer(group: Group, benchmark: Benchmark, method: Method, whole: int | None) -> Offer:
    columns = shown(group.metrics, group.constraints)
    if not group.settings:
        return Offer(benchmark.space, group.budget, whole, columns)
    settings = LiveSettings.from_json(group.settings)
    if settings.choices and method.taxonomy.acceleration == "weight sharing":
        raise HarnessError(f"{method.name}: recipe: weights that are shared are trained by one recipe; leave it out")
    space = space_of_search(benchmark.space, settings)
    return Offer(space, group.budget, whole, columns, settings.search.as_dict())


def _check_columns(method: Method, table: Table) -> None:
    """Let the method refuse a table by its statistics."""
    try:
        method.check_statistics(static_columns(table, method.statistic_names))
    except HarnessError as error:
        raise HarnessError(f"benchmark {table.name}: {error}") from error


def spec_of(
    name: str,
    label: str,
    method: Method,
    benchmarks: tuple[str, ...],
    metrics: tuple[str, ...] | None,
    seeds: tuple[int, ...],
    search: Mapping[str, Any],
    recipe: Mapping[str, Any],
) -> MethodSpec:
    """A method as a suite wants it run, with all parameters that it has here."""
    return MethodSpec(
        name,
        label,
        method_params(method),
        method.version,
        benchmarks,
        metrics,
        taxonomy=method.taxonomy.as_json(),
        reads_whole_table=method.reads_whole_table,
        search=search,
        seeds=seeds,
        requires=method.required(),
        recipe=recipe,
    )


def as_here(kept: MethodSpec) -> MethodSpec:
    """The same method with the same parameters, of the version and with the further defaults that it has here."""
    method = make_method(kept.name, **kept.params)
    own_settings = {"search": kept.search, "recipe": kept.recipe}
    return spec_of(kept.name, kept.label, method, kept.benchmarks, kept.metrics, kept.seeds, **own_settings)
