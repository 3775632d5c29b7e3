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
from typing import Any

import numpy as np

from harness.errors import HarnessError, differences
from harness.regression.baseline import (
    Baseline,
    Cell,
    cells_of_run,
    check_reference,
    check_same_problem,
    equal_where_shared,
)
from harness.regression.evidence import (
    LEVEL,
    CellFinding,
    MethodFinding,
    Outcome,
    infeasible,
    margin_of,
    pooled,
    untested,
    without_spread,
    worst,
)
from harness.regression.rerun import run_again
from harness.regression.sequential import check_until_decided
from harness.running.kept import adopted_cells
from harness.statistics import NoSpread, cell_changes, holm, non_inferiority

# A timing may grow by this factor before it counts.
TIMING_MARGIN = 1.5


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
    run: Path | Baseline,
    baseline: Baseline,
    *,
    rerun: bool = True,
    strict: bool = False,
    timings: bool = False,
    until_decided: bool = False,
    max_seeds: int | None = None,
    jobs: int = 1,
) -> CheckResult:
    """Check a finished run against a baseline.

    Parameters
    ----------
    run
        Folder of the run. Cells that are run again go into its folder ``check``. Or results from elsewhere as cells, see
        `harness.results.gate`, of which nothing can be run again.
    baseline
        From `harness.regression.baseline.load`.
    rerun
        Whether changed cells are run again at all seeds of the baseline.
    strict
        Whether any loss counts as a regression, even one within the margin.
    timings
        Whether search times (as a ratio to random search's in the same run) are checked too.
    until_decided, max_seeds
        Whether changed cells get further seeds, in growing batches and up to so many, until every method is decided: by
        sequences that are valid however often one looks, in the place of the fixed tests.
    jobs
        Workers for what is run again.

    Raises
    ------
    HarnessError
        If the run lacks a cell of the baseline, or used other data; if seeds are bounded without a sequence, or it without them.
    """
    if until_decided != (max_seeds is not None):
        raise HarnessError("--until decided and --max-seeds N go together")
    if until_decided and not (rerun and isinstance(run, Path)):
        of = "leave out --no-rerun" if isinstance(run, Path) else "scores from elsewhere have none to run"
        raise HarnessError(f"--until decided runs further seeds; {of}")
    now = dict(cells_of_run(run).cells if isinstance(run, Path) else run.cells)
    adopted = adopted_cells(run) if isinstance(run, Path) else 0
    _check_match(str(run) if isinstance(run, Path) else run.name, now, baseline)
    if isinstance(run, Path) and max_seeds is not None:
        methods = _adjusted(check_until_decided(run, now, baseline, max_seeds, strict=strict, jobs=jobs))
    else:
        methods = _fixed(run if rerun and isinstance(run, Path) else None, now, baseline, strict, jobs)
    if timings:
        methods = [_with_timing(finding, baseline) for finding in methods]
    extra = [cell.name for identity, cell in now.items() if identity not in baseline.cells]
    notes = [f"{len(extra)} cell(s) that the baseline does not have were not checked: {extra[0]}, ..."] if extra else []
    notes += [f"{adopted} cell(s) were adopted: earlier code has run them"] if adopted else []
    params = {(old.label, now[identity].method_params, old.method_params) for identity, old in baseline.cells.items()}
    notes += [
        f"{label} has parameters {new}, in the baseline {old}" for label, new, old in sorted(params) if new != old
    ]
    pairs = [(old, now[identity].conditions) for identity, old in baseline.cells.items()]
    notes += dict.fromkeys(
        f"{old.label}: {changed}, there being the baseline"
        for old, new in pairs
        if old.conditions is not None and new is not None
        for changed in differences(old.conditions, new)
    )
    return CheckResult(worst([finding.outcome for finding in methods]), tuple(methods), baseline.name, tuple(notes))


def _check_match(run: str, now: dict[tuple[Any, ...], Cell], baseline: Baseline) -> None:
    for identity, old in baseline.cells.items():
        if identity not in now:
            raise HarnessError(
                f"{run}: no cells of {old.name}, which baseline {baseline.name!r} has; run the same suite"
            )
        check_same_problem(now[identity], old, run, f"baseline {baseline.name!r}")


def _fixed(
    again: Path | None, now: dict[tuple[Any, ...], Cell], baseline: Baseline, strict: bool, jobs: int
) -> list[MethodFinding]:
    """Verdicts by tests; where a folder is given, what changed is run again in it at the seeds of the baseline."""
    changed = [old for identity, old in baseline.cells.items() if not equal_where_shared(now[identity], old)]
    if again is not None and changed:
        now |= run_again(again, changed, jobs)
    findings = [_cell_finding(now[identity], old) for identity, old in baseline.cells.items()]
    adjusted = holm(np.array([finding.p_regressed for finding in findings]))
    findings = [replace(finding, p_holm=float(p)) for finding, p in zip(findings, adjusted, strict=True)]
    return _verdicts(findings, baseline, strict)


def _cell_finding(new: Cell, old: Cell) -> CellFinding:
    common = np.intersect1d(new.seeds, old.seeds)
    if equal_where_shared(new, old):
        return CellFinding(new, True, len(common))
    check_reference(old)
    if min(len(new.seeds), len(old.seeds)) < 2:
        return CellFinding(new, False, len(new.seeds))
    try:
        changes = cell_changes([new.sign * new.test], [old.sign * old.test], [old.reference])
    except NoSpread:  # over seeds: there is no test, only a difference
        change = 100 * new.sign * (new.test.mean() - old.test.mean()) / old.reference
        return CellFinding(new, False, len(new.seeds), change=float(change), error=0.0)
    verdict = non_inferiority(changes, margin=np.inf, strict=True)
    return CellFinding(
        new, False, len(new.seeds), float(changes.difference[0]), float(changes.error[0]), verdict.p_regressed
    )


def _verdicts(findings: Sequence[CellFinding], baseline: Baseline, strict: bool) -> list[MethodFinding]:
    labels = dict.fromkeys(finding.cell.label for finding in findings)
    methods = [_verdict([f for f in findings if f.cell.label == label], baseline, strict) for label in labels]
    settled = []
    for finding in _adjusted(methods):
        # The test of a regression is one of several: it must hold after Holm too.
        if finding.outcome == "regressed" and not math.isnan(finding.p_holm) and finding.p_holm > LEVEL:
            why = f"{finding.why}; but not after Holm over {len(methods)} methods (p = {finding.p_holm:.3g})"
            finding = replace(finding, outcome="inconclusive", why=why)
        settled.append(finding)
    return settled


def _adjusted(methods: Sequence[MethodFinding]) -> list[MethodFinding]:
    adjusted = holm(np.array([finding.p_regressed for finding in methods]))
    return [replace(finding, p_holm=float(p)) for finding, p in zip(methods, adjusted, strict=True)]


def _verdict(findings: Sequence[CellFinding], baseline: Baseline, strict: bool) -> MethodFinding:
    label, cells = findings[0].cell.label, tuple(findings)
    if (told := untested(label, cells)) is not None:
        return told
    changed = [finding for finding in cells if not finding.identical]
    old = {finding.cell.identity: baseline.cells[finding.cell.identity] for finding in changed}
    noisy = [finding for finding in changed if finding.error > 0]
    # Apart, because the margin of a baseline without spread is 0.
    pools = [[f for f in noisy if old[f.cell.identity].has_spread is spread] for spread in (True, False)]
    tests = [
        *(
            pooled(pool, old, margin_of([old[f.cell.identity] for f in pool]), len(cells), strict)
            for pool in pools
            if pool
        ),
        *infeasible(changed, old),
        *without_spread([finding for finding in changed if not finding.error > 0], old),
    ]
    p_values = [test.p_regressed for test in tests if not math.isnan(test.p_regressed)]
    outcomes: list[Outcome] = [
        # One of several tests must hold after Bonferroni's correction.
        "inconclusive" if test.outcome == "regressed" and len(p_values) * test.p_regressed > LEVEL else test.outcome
        for test in tests
    ]
    is_certain = any(test.outcome == "regressed" and math.isnan(test.p_regressed) for test in tests)
    shown = next((test for test in tests if test.verdict is not None), None)
    finding = MethodFinding(
        label,
        worst(outcomes),
        "; ".join(test.why for test in tests),
        cells,
        p_regressed=min(1.0, len(p_values) * min(p_values)) if p_values and not is_certain else math.nan,
    )
    if shown is None or shown.verdict is None:
        return finding
    verdict = shown.verdict
    return replace(finding, change=verdict.difference, low=verdict.low, high=verdict.high, margin=shown.margin)


def _with_timing(finding: MethodFinding, baseline: Baseline) -> MethodFinding:
    """Fold in the growth of the method's search time relative to random search's in the same run."""
    ratios = np.array([(cell.cell.cost_ratio, baseline.cells[cell.cell.identity].cost_ratio) for cell in finding.cells])
    growth = ratios[:, 0] / np.where(ratios[:, 1] > 0, ratios[:, 1], np.nan)
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
    return replace(finding, outcome=worst([finding.outcome, outcome]), why=why)
