"""Kept searches, and which of them are a suite's."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from harness.errors import differences
from harness.problem.budget import Budget
from harness.reporting.run import Benchmark, Run, load_run
from harness.suites.claim_checks import table_of
from harness.suites.group import Group, groups_of
from harness.suites.suite import Suite

# What may be another one than here: what a suite asks for is the same, and the page says so.
_MAY_DIFFER = ("version", "requires")


class Searches(NamedTuple):
    """The searches of one method on one benchmark at one budget: a group of a kept run."""

    run: Run
    group: int


class Kept:
    """The searches of a suite that kept runs hold.

    Parameters
    ----------
    suite
        What was to be run.
    folders
        Output folders of runs, of this suite or of others. A group of searches is that of the run with most of the suite's seeds,
        the first of equals, and is the suite's where all that its
        results depend on is the same, but for the version of the method and of packages.

    Attributes
    ----------
    benchmarks
        Those of the suite that are here, by name.
    n_claims, seeds
        Of the suite; (n,) ascending.
    notes
        What is not as it is here, or not as it was written.
    """

    def __init__(self, suite: Suite, folders: Sequence[Path]) -> None:
        found = suite.resolution.benchmarks if suite.benchmarks else {}
        self.benchmarks = {
            name: Benchmark(name, one.describe(), one.sha256, table_of(one), constraints=suite.constraints)
            for name, one in found.items()
        }
        self.n_claims = len(suite.claims)
        self.seeds = np.unique(suite.seeds)
        self.notes: list[str] = []
        self._labels = {spec.name: spec.label for spec in reversed(suite.methods)}
        self._groups: dict[tuple[str, str, Budget], Searches] = {}
        self._why_not: dict[tuple[str, str, Budget], str] = {}
        runs = [load_run(folder, partial=True) for folder in folders]
        for run in runs:
            self.notes += run.edits
        for group in suite.groups() if suite.benchmarks else ():
            self._look_for(group, runs)

    def _look_for(self, wanted: Group, runs: Sequence[Run]) -> None:
        place = wanted.benchmark, wanted.method.label, wanted.budget
        text = _identity(wanted)
        most = -1  # seeds of the suite's in one run
        changed: list[str] = []
        for run in runs:
            for number, group in enumerate(run.of(_groups)):
                if run.of(_identities)[number] == text:
                    seeds = run.cells.loc[run.cells["group"] == number, "seed"]
                    if (n := int(seeds.isin(self.seeds).sum())) > most:
                        most, self._groups[place] = n, Searches(run, number)
                        changed = differences(_others(group), _others(wanted))
                elif (group.benchmark, group.method.label, group.budget) == place:
                    why = "; ".join(differences(group.resolved, wanted.resolved))
                    self._why_not.setdefault(place, f"{run.folder} has others: {why}")
        if changed:
            self.notes.append(f"{wanted.method.label}: {'; '.join(changed)}")

    def sampled(self, name: str) -> str:
        """The label of the suite's method that samples ``random@1`` or ``random@budget`` where no exact law is known."""
        method = "random-architecture" if name == "random@1" else "random"
        return self._labels.get(method, method)

    def of(self, benchmark: str, label: str, budget: Budget) -> Searches | None:
        """The searches of a method; None where no run has them."""
        return self._groups.get((benchmark, label, budget))

    def why_not(self, benchmark: str, label: str, budget: Budget) -> str:
        """Why there are none."""
        return self._why_not.get((benchmark, label, budget), "no record of it")


def _groups(run: Run) -> list[Group]:
    return groups_of(run.resolved)


def _identities(run: Run) -> list[str]:
    return [_identity(group) for group in run.of(_groups)]


def _identity(group: Group) -> str:
    values = {key: value for key, value in group.resolved.items() if key not in _MAY_DIFFER}
    return json.dumps(values, sort_keys=True)


def _others(group: Group) -> dict[str, object]:
    return {key: group.resolved.get(key, {} if key == "requires" else "") for key in _MAY_DIFFER}
