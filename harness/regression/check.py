"""The check with three answers: pass, regressed, or inconclusive with the number of seeds that would decide.

Cells that are equal bit for bit to the baseline pass at once. Where a deterministic cell changed, it is run again at all seeds
of the baseline; what differs then is decided method by method on the pooled difference in RI points over the changed cells, by
one-sided non-inferiority tests. Single cells are diagnostics: at 100 seeds none of them could show the losses that matter.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from harness.errors import HarnessError
from harness.kept import adopted_cells
from harness.records import read_run
from harness.regression.baseline import Baseline, Cell, cells_of_run, equal_where_shared
from harness.statistics import cell_changes, holm, non_inferiority
from harness.suite import MethodSpec, Suite, groups_of

Outcome = Literal["pass", "regressed", "inconclusive"]
# 2 x 1.645 = 3.29 standard errors of the difference would let an unchanged method pass with 95 % probability; a little more
# lets it pass with 97.5 %.
MARGIN_IN_STANDARD_ERRORS = 3.6
LEVEL = 0.05
# With fewer seeds a cell the spread is too badly known: simulated, an unchanged method would be called regressed in 10 % of
# checks at 3 seeds and in 21 % at 2.
FEWEST_SEEDS = 5
# A timing may grow by this factor before it counts.
TIMING_MARGIN = 1.5


@dataclass(frozen=True)
class CellFinding:
    """One cell of the check.

    Attributes
    ----------
    cell
        The cell as it is now.
    identical
        Whether all seeds that both have gave the same scores.
    n_seeds
        Seeds compared.
    change, error
        Difference from the baseline in RI points and its standard error; NaN if identical or without spread.
    p_regressed, p_holm
        One-sided p-value of a loss in this cell alone, plain and adjusted over the cells of the check: a diagnosis.
    """

    cell: Cell
    identical: bool
    n_seeds: int
    change: float = math.nan
    error: float = math.nan
    p_regressed: float = math.nan
    p_holm: float = math.nan


@dataclass(frozen=True)
class MethodFinding:
    """The verdict on one method.

    Attributes
    ----------
    label
        The method.
    outcome, why
        Verdict and the sentence that explains it.
    cells
        Its cells.
    change, low, high, margin
        Pooled difference in RI points over the changed cells, its one-sided 95 % bounds, and the margin; NaN if all are
        identical.
    p_regressed, p_holm
        One-sided p-value of a loss of more than the margin, plain and adjusted over the methods of the check.
    """

    label: str
    outcome: Outcome
    why: str
    cells: tuple[CellFinding, ...]
    change: float = math.nan
    low: float = math.nan
    high: float = math.nan
    margin: float = math.nan
    p_regressed: float = math.nan
    p_holm: float = math.nan


@dataclass(frozen=True)
class CheckResult:
    """The answer of a check.

    Attributes
    ----------
    outcome
        A regression anywhere wins, then an inconclusive method.
    methods
        Verdicts.
    baseline
        What was compared with.
    notes
        What a reader should know, such as cells that the baseline does not have.
    """

    outcome: Outcome
    methods: tuple[MethodFinding, ...]
    baseline: str
    notes: tuple[str, ...] = ()


def check(
    output: Path, baseline: Baseline, *, rerun: bool = True, strict: bool = False, timings: bool = False, jobs: int = 1
) -> CheckResult:
    """Check a finished run against a baseline.

    Parameters
    ----------
    output
        Folder of the run. Cells that are run again go into its folder ``check``.
    baseline
        From `harness.regression.baseline.load`.
    rerun
        Whether changed cells are run again at all seeds of the baseline.
    strict
        Whether any loss counts as a regression, even one within the margin.
    timings
        Whether search times (as a ratio to random search's in the same run) are checked too.
    jobs
        Workers for what is run again.

    Raises
    ------
    HarnessError
        If the run lacks a cell of the baseline, or used other data.
    """
    now = cells_of_run(output).cells
    adopted = adopted_cells(output)
    _check_match(output, now, baseline)
    changed = [identity for identity, old in baseline.cells.items() if not equal_where_shared(now[identity], old)]
    if rerun and changed:
        now |= _run_again(output, [baseline.cells[identity] for identity in changed], jobs)
    findings = [_cell_finding(now[identity], old) for identity, old in baseline.cells.items()]
    adjusted = holm(np.array([finding.p_regressed for finding in findings]))
    findings = [replace(finding, p_holm=float(p)) for finding, p in zip(findings, adjusted, strict=True)]
    methods = _verdicts(findings, baseline, strict)
    if timings:
        methods = [_with_timing(finding, baseline) for finding in methods]
    extra = [cell.name for identity, cell in now.items() if identity not in baseline.cells]
    notes = [f"{len(extra)} cell(s) that the baseline does not have were not checked: {extra[0]}, ..."] if extra else []
    notes += [f"{adopted} cell(s) were adopted: earlier code has run them"] if adopted else []
    params = {(old.label, now[identity].method_params, old.method_params) for identity, old in baseline.cells.items()}
    notes += [
        f"{label} has parameters {new}, in the baseline {old}" for label, new, old in sorted(params) if new != old
    ]
    return CheckResult(_worst([finding.outcome for finding in methods]), tuple(methods), baseline.name, tuple(notes))


def _check_match(output: Path, now: dict[tuple[Any, ...], Cell], baseline: Baseline) -> None:
    for identity, old in baseline.cells.items():
        if identity not in now:
            raise HarnessError(
                f"{output}: no cells of {old.name}, which baseline {baseline.name!r} has; run the same suite"
            )
        if now[identity].data_sha256 != old.data_sha256:
            raise HarnessError(
                f"{output}: {old.benchmark} is another table than the baseline's; make the baseline again"
            )


def _run_again(output: Path, old: Sequence[Cell], jobs: int) -> dict[tuple[Any, ...], Cell]:
    """Run changed cells at all seeds that the baseline has of them."""
    from harness.runner import run_suite

    _, _, resolved = read_run(output)
    specs: dict[str, MethodSpec] = {group.method.label: group.method for group in groups_of(resolved)}
    again: dict[tuple[Any, ...], Cell] = {}
    for label in dict.fromkeys(cell.label for cell in old):
        mine = [cell for cell in old if cell.label == label]
        # Only whole groups of equal seeds and budget make a suite; there is one for each method as a rule.
        seeds = sorted(set(np.concatenate([cell.seeds for cell in mine]).tolist()))
        suite = Suite(
            name=f"{resolved['name']} check",
            benchmarks=tuple(dict.fromkeys(cell.benchmark for cell in mine)),
            methods=(specs[label],),
            budgets=tuple(dict.fromkeys(group.budget for group in groups_of(resolved) if group.method.label == label)),
            seeds=tuple(seeds),
            metrics=tuple(resolved["metrics"]),
        )
        folder = output / "check" / label.replace("/", "_")
        run_suite(suite, folder, jobs=jobs)
        wanted = {cell.identity for cell in mine}
        again |= {identity: cell for identity, cell in cells_of_run(folder).cells.items() if identity in wanted}
    return again


def _cell_finding(new: Cell, old: Cell) -> CellFinding:
    common = np.intersect1d(new.seeds, old.seeds)
    if equal_where_shared(new, old):
        return CellFinding(new, True, len(common))
    if min(len(new.seeds), len(old.seeds)) < 2:
        return CellFinding(new, False, len(new.seeds))
    try:
        changes = cell_changes([new.sign * new.test], [old.sign * old.test], [old.reference])
    except HarnessError:  # no spread over seeds: there is no test, only a difference
        change = 100 * new.sign * (new.test.mean() - old.test.mean()) / old.reference
        return CellFinding(new, False, len(new.seeds), change=float(change), error=0.0)
    verdict = non_inferiority(changes, margin=np.inf, strict=True)
    return CellFinding(
        new, False, len(new.seeds), float(changes.difference[0]), float(changes.error[0]), verdict.p_regressed
    )


def _verdicts(findings: Sequence[CellFinding], baseline: Baseline, strict: bool) -> list[MethodFinding]:
    labels = dict.fromkeys(finding.cell.label for finding in findings)
    methods = [_verdict([f for f in findings if f.cell.label == label], baseline, strict) for label in labels]
    adjusted = holm(np.array([finding.p_regressed for finding in methods]))
    settled = []
    for finding, p in zip(methods, adjusted, strict=True):
        p_holm = float(p)
        # The test of a regression is one of several: it must hold after Holm too.
        if finding.outcome == "regressed" and not math.isnan(p_holm) and p_holm > LEVEL:
            why = f"{finding.why}; but not after Holm over {len(methods)} methods (p = {p_holm:.3g})"
            finding = replace(finding, outcome="inconclusive", why=why)
        settled.append(replace(finding, p_holm=p_holm))
    return settled


def _verdict(findings: Sequence[CellFinding], baseline: Baseline, strict: bool) -> MethodFinding:
    label, cells = findings[0].cell.label, tuple(findings)
    failed = sum(finding.cell.failed for finding in cells)
    if failed:
        return MethodFinding(label, "regressed", f"{failed} search(es) failed", cells)
    changed = [finding for finding in cells if not finding.identical]
    if not changed:
        count = sum(finding.n_seeds for finding in cells)
        return MethodFinding(
            label, "pass", f"all {count} searches in {len(cells)} cell(s) are equal to the baseline", cells
        )
    testable = [finding for finding in changed if finding.error > 0]
    if len(testable) < len(changed):
        return _without_spread(label, cells, changed)
    old = [baseline.cells[finding.cell.identity] for finding in testable]
    new = [finding.cell for finding in testable]
    changes = cell_changes(
        [cell.sign * cell.test for cell in new],
        [cell.sign * cell.test for cell in old],
        [cell.reference for cell in old],
    )
    margin = margin_of(old)
    verdict = non_inferiority(changes, margin, LEVEL, strict)
    n_new = min(len(cell.seeds) for cell in new)
    why = (
        f"{len(changed)} of {len(cells)} cell(s) changed; pooled over them {verdict.difference:+.3f} RI points "
        f"(one-sided 95 % bounds {verdict.low:+.3f} and {verdict.high:+.3f}), margin {margin:.3f}"
    )
    outcome: Outcome = verdict.outcome  # type: ignore[assignment]
    if n_new < FEWEST_SEEDS:
        outcome = "inconclusive"
        why += f"; {n_new} seeds a cell are too few for a verdict, give at least {FEWEST_SEEDS}"
    elif outcome == "inconclusive":
        wanted = math.ceil(max(n_new + 1, n_new * verdict.seeds_factor))
        why += f"; about {wanted} seeds a cell would decide, were this the true difference"
    return MethodFinding(
        label, outcome, why, cells, verdict.difference, verdict.low, verdict.high, margin, verdict.p_regressed
    )


def _without_spread(label: str, cells: tuple[CellFinding, ...], changed: Sequence[CellFinding]) -> MethodFinding:
    """Cells that give every seed the same score, or have a single seed, allow no test: a loss is a loss."""
    losses = [finding for finding in changed if finding.change < 0]
    if losses:
        worst = min(losses, key=lambda finding: finding.change)
        why = f"{worst.cell.name} lost {-worst.change:.3f} RI points, the same for every seed"
        return MethodFinding(label, "regressed", why, cells)
    few = [finding for finding in changed if math.isnan(finding.change)]
    if few:
        return MethodFinding(
            label,
            "inconclusive",
            f"{few[0].cell.name} changed and has {few[0].n_seeds} seed(s); give at least 2",
            cells,
        )
    return MethodFinding(label, "pass", f"{len(changed)} cell(s) changed, none for the worse", cells)


def margin_of(old: Sequence[Cell]) -> float:
    """Margin in RI points: 3.6 standard errors of the pooled difference of two runs of the baseline's own size.

    It belongs to the baseline, not to the run: a small run does not earn itself a wide margin.
    """
    precision = 0.0
    for cell in old:
        unit = 100.0 / cell.reference
        precision += 1.0 / (2.0 * unit**2 * cell.test.var(ddof=1) / len(cell.test))
    return float(MARGIN_IN_STANDARD_ERRORS / math.sqrt(precision))


def _with_timing(finding: MethodFinding, baseline: Baseline) -> MethodFinding:
    """Fold in the growth of the method's search time relative to random search's in the same run."""
    growth = np.array([cell.cell.cost_ratio / baseline.cells[cell.cell.identity].cost_ratio for cell in finding.cells])
    logs = np.log(growth[np.isfinite(growth) & (growth > 0)])
    if finding.label == "random" or len(logs) < 2:
        return replace(finding, why=f"{finding.why}; its time was not checked (needs random search and 2 cells)")
    centre = float(logs.mean())
    reach = 2.0 * float(logs.std(ddof=1)) / math.sqrt(len(logs))
    limit = math.log(TIMING_MARGIN)
    outcome: Outcome = "regressed" if centre - reach > limit else "pass" if centre + reach < limit else "inconclusive"
    why = (
        f"{finding.why}; search time relative to random search's is {math.exp(centre):.2f} x the baseline's "
        f"({math.exp(centre - reach):.2f} to {math.exp(centre + reach):.2f}, limit {TIMING_MARGIN})"
    )
    return replace(finding, outcome=_worst([finding.outcome, outcome]), why=why)


def _worst(outcomes: Sequence[Outcome]) -> Outcome:
    for outcome in ("regressed", "inconclusive"):
        if outcome in outcomes:
            return outcome
    return "pass"
