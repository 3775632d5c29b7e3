"""What is evidence of a loss: tests of a method's changed cells, each with its outcome, its sentence and its p-value."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from harness.regression.baseline import Cell
from harness.statistics import Verdict, cell_changes, non_inferiority
from harness.statistics.noninferiority import FEWEST_SEEDS, MARGIN_IN_STANDARD_ERRORS
from harness.suites.seeds import MAX_SEEDS

Outcome = Literal["pass", "regressed", "inconclusive"]
LEVEL = 0.05
# RI points. The margin of a baseline without spread, whose repetition would give the same scores: no loss but of rounding.
SMALLEST_MARGIN = 1e-9


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
    seeds
        After how many seeds a sequence gave the verdict, or how many it has without one; 0 for a fixed test.
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
    seeds: int = 0


@dataclass(frozen=True)
class Evidence:
    """What one test says of a method's changed cells; without a p-value where there is no chance in it."""

    outcome: Outcome
    why: str
    p_regressed: float = math.nan
    verdict: Verdict | None = None
    margin: float = math.nan


def pooled(
    findings: Sequence[CellFinding], olds: Mapping[tuple[Any, ...], Cell], margin: float, n_cells: int, strict: bool
) -> Evidence:
    """Return the test of the pooled difference of cells whose baselines all have spread, or all have none.

    Against a baseline without spread Welch's test is a one-sample t test of the new scores, and the margin is 0.
    """
    new, old = [finding.cell for finding in findings], [olds[finding.cell.identity] for finding in findings]
    changes = cell_changes(
        [cell.sign * cell.test for cell in new],
        [cell.sign * cell.test for cell in old],
        [cell.reference for cell in old],
    )
    verdict = non_inferiority(changes, margin, LEVEL, strict)
    why = (
        f"{len(findings)} of {n_cells} cell(s) changed; pooled over them {verdict.difference:+.3f} RI points "
        f"(one-sided 95 % bounds {verdict.low:+.3f} and {verdict.high:+.3f}), margin {margin:.3f}"
    )
    if not old[0].has_spread:
        why += ", for the baseline gives every seed the same score"
    outcome: Outcome = verdict.outcome  # type: ignore[assignment]
    n_new = min(len(cell.seeds) for cell in new)
    if few := too_few(new, old):
        outcome = "inconclusive"
        why += f"; {few}"
    elif outcome == "inconclusive":
        wanted = math.ceil(max(n_new + 1, n_new * verdict.seeds_factor))
        decides = (
            f"about {wanted} seeds a cell would decide" if wanted <= MAX_SEEDS else "no number of seeds would decide"
        )
        why += f"; {decides}, were this the true difference"
    return Evidence(outcome, why, verdict.p_regressed, verdict, margin)


def too_few(new: Sequence[Cell], old: Sequence[Cell]) -> str:
    """Say which side has too few seeds for a verdict; empty if none has."""
    for whose, cells in (("", new), ("the baseline's ", old)):
        if (fewest := min(len(cell.seeds) for cell in cells)) < FEWEST_SEEDS:
            return f"{whose}{fewest} seeds a cell are too few for a verdict, give at least {FEWEST_SEEDS}"
    return ""


def without_spread(findings: Sequence[CellFinding], olds: Mapping[tuple[Any, ...], Cell]) -> Iterator[Evidence]:
    """Yield what is said of cells that give every seed the same score, now and in the baseline: a loss is a loss.

    Of a few seeds that agree by chance nothing is said, nor of single ones.
    """
    few = {f.cell.name: text for f in findings if (text := too_few([f.cell], [olds[f.cell.identity]]))}
    losses = [f for f in findings if f.change < -SMALLEST_MARGIN and f.cell.name not in few]
    if losses:
        worst = min(losses, key=lambda finding: finding.change)
        yield Evidence("regressed", f"{worst.cell.name} lost {-worst.change:.3f} RI points, the same for every seed")
    elif few:
        name, text = next(iter(few.items()))
        yield Evidence("inconclusive", f"{name} changed; {text}")
    elif findings:
        yield Evidence("pass", f"{len(findings)} cell(s) changed, none for the worse")


def infeasible(findings: Sequence[CellFinding], olds: Mapping[tuple[Any, ...], Cell]) -> Iterator[Evidence]:
    """Yield the test of searches that find nothing under the constraint: scores are of the others alone."""
    pairs = [(f.cell, olds[f.cell.identity]) for f in findings]
    new, old = (
        np.sum([[len(cell.infeasible), len(cell.seeds)] for cell in side], axis=0) for side in zip(*pairs, strict=True)
    )
    if new[0] * old.sum() <= old[0] * new.sum():
        return
    from scipy.stats import fisher_exact

    p = float(fisher_exact(np.array([new, old]), alternative="greater").pvalue)
    yield Evidence(
        "regressed" if p <= LEVEL else "inconclusive",
        f"{new[0]} of {new.sum()} searches found nothing that satisfies the constraint, {old[0]} of {old.sum()} in the "
        f"baseline (Fisher's p {p:.3g})",
        p,
    )


def margin_of(old: Sequence[Cell]) -> float:
    """Margin in RI points: 3.6 standard errors of the pooled difference of two runs of the baseline's own size.

    It belongs to the baseline, not to the run: a small run does not earn itself a wide margin. Without spread there is none.
    """
    if not all(cell.has_spread for cell in old):
        return SMALLEST_MARGIN
    precision = 0.0
    for cell in old:
        unit = 100.0 / cell.reference
        precision += 1.0 / (2.0 * unit**2 * cell.test.var(ddof=1) / len(cell.test))
    return float(MARGIN_IN_STANDARD_ERRORS / math.sqrt(precision))


def untested(label: str, cells: Sequence[CellFinding]) -> MethodFinding | None:
    """Return the verdict on a method of which a search failed, or whose cells are all equal; None where one is to be tested."""
    if failed := sum(one.cell.failed for one in cells):
        return MethodFinding(label, "regressed", f"{failed} search(es) failed", tuple(cells))
    if all(one.identical for one in cells):
        count = sum(one.n_seeds for one in cells)
        why = f"all {count} searches in {len(cells)} cell(s) are equal to the baseline"
        return MethodFinding(label, "pass", why, tuple(cells))
    return None


def worst(outcomes: Sequence[Outcome]) -> Outcome:
    """A regression wins, then an inconclusive verdict."""
    for outcome in ("regressed", "inconclusive"):
        if outcome in outcomes:
            return outcome
    return "pass"
