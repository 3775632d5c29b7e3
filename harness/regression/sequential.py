"""The check by sequences: changed cells get further seeds, in growing batches, until every method is decided.

The sequence stands in the place of the fixed test from the first seed on; it is no second look after one. A seed's scores on
the changed cells of a method come together in one number, in RI points with the weights that the baseline's own spread gives
them, and their mean is held against the baseline's. That is known by its t interval only, which takes half of the level.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError
from harness.regression.baseline import Baseline, Cell, check_reference, equal_where_shared
from harness.regression.evidence import (
    LEVEL,
    CellFinding,
    MethodFinding,
    Outcome,
    margin_of,
    too_few,
    untested,
    without_spread,
    worst,
)
from harness.regression.rerun import run_again
from harness.statistics import AsymptoticMean, Widened, first_rejections
from harness.statistics._student import variance_of_mean
from harness.statistics.noninferiority import FEWEST_SEEDS
from harness.statistics.skewness import sample_skewness
from harness.suites.seeds import batches

FloatArray = NDArray[np.float64]
Cells = Mapping[tuple[Any, ...], Cell]


def check_until_decided(
    output: Path, now: Cells, baseline: Baseline, max_seeds: int, *, strict: bool = False, jobs: int = 1
) -> list[MethodFinding]:
    """Return a verdict a method, from as many seeds as it takes.

    Parameters
    ----------
    output
        Folder of the run; further seeds of changed cells go into its folder ``check``.
    now
        The run's cells, by identity. Their seeds are the first ones of the sequence.
    baseline
        With what they are compared.
    max_seeds
        Seeds at most.
    strict
        Whether a loss within the margin is a regression, too.
    jobs
        Workers.

    Raises
    ------
    HarnessError
        If the run has more than `max_seeds` seeds of a changed cell, or random search scores 0 where one changed.
    """
    labels = dict.fromkeys(old.label for old in baseline.cells.values())
    trials = [_Trial(label, now, baseline, strict) for label in labels]
    rounds = {}
    for trial in trials:
        if trial.closed is None:
            if len(trial.seeds) > max_seeds:
                raise HarnessError(
                    f"--max-seeds {max_seeds}: the run has {len(trial.seeds)} seeds of {trial.label}; allow as many"
                )
            rounds[trial.label] = batches(trial.seeds, max_seeds)
            next(rounds[trial.label])  # those of the run itself
    while True:
        findings = judged(trials)
        waiting = [trial for trial, one in zip(trials, findings, strict=True) if one.outcome == "inconclusive"]
        grown = [
            trial.grow(output, seeds, jobs)
            for trial in waiting
            if trial.closed is None and (seeds := next(rounds[trial.label], None)) is not None
        ]
        if not any(grown):
            return findings


def judged(trials: Sequence[_Trial]) -> list[MethodFinding]:
    """Return a verdict a method: the one that was reached first, whatever further seeds say.

    That a method is no worse is an intersection-union test and needs no correction; that it is, is one of several.
    """
    open_ones = [trial for trial in trials if trial.closed is None]
    courses = [trial.course() for trial in open_ones]
    longest = max((course.shape[1] for course in courses), default=0)
    passed, lost = [], []
    for course in courses:
        shown = np.flatnonzero(course[0] <= LEVEL)
        until = int(shown[0]) + 1 if len(shown) else course.shape[1]
        passed.append(until if len(shown) else 0)
        lost.append(np.pad(course[1, :until], (0, longest - until), mode="edge"))
    regressed = first_rejections(np.array(lost), LEVEL) if lost else ()
    found = {
        trial.label: trial.finding(at, int(worse))
        for trial, at, worse in zip(open_ones, passed, regressed, strict=True)
    }
    return [trial.closed or found[trial.label] for trial in trials]


class _Trial:
    """One method: what changed, and the seeds so far.

    Parameters
    ----------
    label, now, baseline, strict
        The method, and as in `check_until_decided`.

    Attributes
    ----------
    closed
        The verdict of a method for which there is no sequence; None where there is one.
    """

    def __init__(self, label: str, now: Cells, baseline: Baseline, strict: bool) -> None:
        self.label, self.strict = label, strict
        own = [(now[identity], old) for identity, old in baseline.cells.items() if old.label == label]
        self.findings = [CellFinding(new, equal_where_shared(new, old), len(new.seeds)) for new, old in own]
        changed = [pair for pair, one in zip(own, self.findings, strict=True) if not one.identical]
        self.old: Cells = {old.identity: old for _, old in changed}
        self.first: Cells = {new.identity: new for new, _ in changed}
        self.now = self.first
        for _, old in changed:
            check_reference(old)
        # What has no spread is told by the run's own seeds. The others are apart, because a baseline without has no margin.
        certain = [
            old.identity for new, old in changed if not (new.has_spread or old.has_spread or too_few([new], [old]))
        ]
        self.exact = list(without_spread([_change(self.now[one], self.old[one]) for one in certain], self.old))
        rest = [old for _, old in changed if old.identity not in certain]
        parts = ([old for old in rest if old.has_spread is spread] for spread in (True, False))
        self.pools = [_Pool(part) for part in parts if part]
        self.closed = self._without_a_sequence()

    @property
    def seeds(self) -> tuple[int, ...]:
        """Seeds so far that all changed cells have, ascending."""
        return tuple(int(seed) for seed in reduce(np.intersect1d, [cell.seeds for cell in self.now.values()]))

    def grow(self, output: Path, seeds: Sequence[int], jobs: int) -> bool:
        """Run those of the seeds that the run does not have; return whether that brings anything."""
        before = len(self.seeds)
        further = sorted(set(seeds) - set(self.first_seeds))
        again = run_again(output, list(self.first.values()), jobs, further)
        self.now = {key: _joined(cell, again[key]) if key in again else cell for key, cell in self.first.items()}
        self.findings = [
            one if one.identical else replace(one, cell=cell, n_seeds=len(cell.seeds))
            for one in self.findings
            for cell in [self.now.get(one.cell.identity, one.cell)]
        ]
        self.closed = self._without_a_sequence()
        return self.closed is not None or len(self.seeds) > before

    @property
    def first_seeds(self) -> tuple[int, ...]:
        """Those of the run itself."""
        return tuple(int(seed) for seed in reduce(np.union1d, [cell.seeds for cell in self.first.values()]))

    def course(self) -> FloatArray:
        """(2, n) p-values of "worse by the margin or more" and of "not worse" after each seed."""
        tests = [(pool, pool.sequence(self.now, self.seeds)) for pool in self.pools]
        inside = [test.p_inside(low=-pool.margin) for pool, test in tests]
        outside = [test.p_outside(low=0.0 if self.strict else -pool.margin) for pool, test in tests]
        return np.array([np.max(inside, axis=0), np.minimum(1.0, len(tests) * np.min(outside, axis=0))])

    def finding(self, passed: int, regressed: int) -> MethodFinding:
        """The verdict, from the numbers of seeds after which each was first reached; 0 for never."""
        pool = self.pools[0]
        test = pool.sequence(self.now, self.seeds)
        low, high = test.interval(2.0 * LEVEL)
        outcome: Outcome = "inconclusive"
        if regressed and (not passed or regressed <= passed):
            outcome = "regressed"
        elif passed and all(one.outcome == "pass" for one in self.exact):
            outcome = "pass"
        seeds = {"regressed": regressed, "pass": passed}.get(outcome, test.n)
        told = f"not decided by {seeds} seeds" if outcome == "inconclusive" else f"decided after {seeds} seeds"
        why = (
            f"{len(self.old)} of {len(self.findings)} cell(s) changed; {told}: pooled {test.estimate:+.3f} RI points "
            f"(one-sided 95 % bounds {low:+.3f} and {high:+.3f}), margin {pool.margin:.3f}; {test.assumption}"
        )
        change = (test.estimate, low, high, pool.margin)
        p_regressed = float(self.course()[1, -1])
        return MethodFinding(self.label, outcome, why, tuple(self.findings), *change, p_regressed, seeds=seeds)

    def _without_a_sequence(self) -> MethodFinding | None:
        """The verdict on a method whose cells are equal, or failed, or leave nothing to chance, or no score to judge by."""
        cells = tuple(self.findings)
        if (told := untested(self.label, cells)) is not None:
            return told
        news, olds = list(self.now.values()), list(self.old.values())
        if any(len(cell.infeasible) for cell in (*news, *olds)):
            why = "searches found nothing that satisfies the constraint, and sequences judge scores; check without --until"
            return MethodFinding(self.label, "inconclusive", why, cells)
        if (fewest := min(len(old.seeds) for old in olds)) < FEWEST_SEEDS:
            # From as many on the t interval of the baseline's mean reaches less far than the margin.
            why = f"baseline too small: record {FEWEST_SEEDS} seeds a cell, it has {fewest}"
            return MethodFinding(self.label, "inconclusive", why, cells)
        why = "; ".join(one.why for one in self.exact)
        outcome = worst([one.outcome for one in self.exact])
        return MethodFinding(self.label, outcome, why, cells) if outcome == "regressed" or not self.pools else None


class _Pool:
    """Changed cells of a method whose baselines all have spread, or all have none.

    Parameters
    ----------
    old
        Of the baseline.

    Attributes
    ----------
    margin
        In RI points.
    """

    def __init__(self, old: Sequence[Cell]) -> None:
        self.margin = margin_of(old)
        self.keys = [cell.identity for cell in old]
        units = np.array([100.0 * cell.sign / cell.reference for cell in old])
        errors = units**2 * [variance_of_mean(cell.test) for cell in old]  # squared
        precision = 1.0 / errors if old[0].has_spread else np.ones(len(old))
        shares = precision / precision.sum()
        self.weights = shares * units
        self.value = float(self.weights @ [cell.test.mean() for cell in old])
        parts = shares**2 * errors
        self.error = math.sqrt(parts.sum())
        # Satterthwaite's, as for Welch's test.
        self.df = (
            float(parts.sum() ** 2 / np.sum(parts**2 / [len(cell.test) - 1 for cell in old]))
            if self.error
            else math.inf
        )
        common = reduce(np.intersect1d, [cell.seeds for cell in old])
        skewness, _ = sample_skewness(self._scores(old, common))
        self.skewness = 0.0 if math.isnan(skewness) else skewness

    def sequence(self, now: Cells, seeds: Sequence[int]) -> Widened:
        """The sequence of the pooled change at the seeds that are there."""
        scores = self._scores([now[key] for key in self.keys], np.array(seeds))
        return Widened(AsymptoticMean(scores, self.skewness), self.value, self.error, self.df)

    def _scores(self, cells: Sequence[Cell], seeds: NDArray[np.int64]) -> FloatArray:
        """(n,) pooled scores in RI points, one a seed."""
        return self.weights @ np.array([cell.at(seeds).test for cell in cells])


def _joined(cell: Cell, again: Cell) -> Cell:
    """A cell with further seeds."""
    order = np.argsort(seeds := np.concatenate([cell.seeds, again.seeds]))
    return replace(
        cell,
        seeds=seeds[order],
        valid=np.concatenate([cell.valid, again.valid])[order],
        test=np.concatenate([cell.test, again.test])[order],
        failed=cell.failed + again.failed,
        infeasible=np.union1d(cell.infeasible, again.infeasible),
    )


def _change(new: Cell, old: Cell) -> CellFinding:
    """How far a cell without spread is from the baseline, in RI points."""
    change = 100.0 * new.sign * (new.test.mean() - old.test.mean()) / old.reference
    return CellFinding(new, False, len(new.seeds), change=float(change), error=0.0)
