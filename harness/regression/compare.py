"""Two runs side by side, cell by cell and method by method."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from harness.errors import HarnessError
from harness.regression.baseline import Cell, cells_of_run, check_reference, check_same_problem, equal_where_shared
from harness.statistics import Changes, NoSpread, cell_changes, holm, non_inferiority

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "method",
    "benchmark",
    "budget",
    "n_a",
    "n_b",
    "n_paired",
    "mean_a",
    "mean_b",
    "unit",
    "identical",
    "change",
    "ci_low",
    "ci_high",
    "p_value",
    "p_holm",
)
ALL = "all benchmarks"


def compare(first: Path, second: Path, confidence: float = 0.95) -> pd.DataFrame:
    """Compare two finished runs.

    Parameters
    ----------
    first, second
        Output folders; what only one of them has is left out.
    confidence
        Of the intervals.

    Returns
    -------
    pandas.DataFrame
        A row a cell, and for each method a row over all its benchmarks (inverse-variance pooled). ``mean_a, mean_b`` are mean
        test scores in the benchmark's ``unit``, over what is compared: the ``n_paired`` seeds that both runs have, or the ``n_a``
        and ``n_b`` seeds of each. ``identical``: the seeds that both runs have gave the same scores. ``change`` is second minus
        first in RI points (hundredths of random search's mean test score; more is better), with a two-sided t interval and
        p-value: paired over the ``n_paired`` seeds, since equal seeds meet the same first architectures, or Welch's where they
        share fewer than 2 (``n_paired`` 0); ``p_holm`` is adjusted over the cells.

    Raises
    ------
    HarnessError
        If the runs have no cell in common, or used different tables.
    """
    import pandas as pd

    a, b = cells_of_run(first).cells, cells_of_run(second).cells
    common = [identity for identity in a if identity in b]
    if not common:
        raise HarnessError(f"{first} and {second} have no benchmark, method and budget in common")
    for identity in common:
        check_same_problem(b[identity], a[identity], str(second), str(first))
    rows = [_row(a[identity].benchmark, [a[identity]], [b[identity]], confidence) for identity in common]
    for row, p in zip(rows, holm(np.array([row["p_value"] for row in rows])), strict=True):
        row["p_holm"] = float(p)
    groups: dict[tuple[str, int], list[tuple[object, ...]]] = {}
    for identity in common:
        groups.setdefault((a[identity].label, a[identity].budget), []).append(identity)
    for identities in groups.values():
        if len(identities) > 1:
            rows.append(_row(ALL, [a[i] for i in identities], [b[i] for i in identities], confidence))
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _row(benchmark: str, first: list[Cell], second: list[Cell], confidence: float) -> dict[str, object]:
    one = len(first) == 1
    compared = [_on_shared_seeds(x, y) for x, y in zip(first, second, strict=True)]
    row: dict[str, object] = {
        "method": first[0].label,
        "benchmark": benchmark,
        "budget": first[0].budget,
        "n_a": min(len(cell.seeds) for cell in first),
        "n_b": min(len(cell.seeds) for cell in second),
        "n_paired": min(map(_n_paired, first, second)),
        "mean_a": _mean(compared[0][0]) if one else math.nan,
        "mean_b": _mean(compared[0][1]) if one else math.nan,
        "unit": first[0].unit if one else "",
        "identical": all(map(equal_where_shared, second, first)),
        "p_value": math.nan,
        "p_holm": math.nan,
    }
    if row["identical"]:
        return row | {"change": 0.0, "ci_low": math.nan, "ci_high": math.nan}
    changed = [not equal_where_shared(y, x) for x, y in zip(first, second, strict=True)]
    pairs = [pair for pair, is_changed in zip(compared, changed, strict=True) if is_changed]
    for x, _ in pairs:
        check_reference(x)
    try:
        found = [_change(x, y) for x, y in pairs]
    except NoSpread:  # over seeds, or a single one
        change = float(np.mean([100 * x.sign * (_mean(y) - _mean(x)) / x.reference for x, y in pairs]))
        return row | {"change": change, "ci_low": math.nan, "ci_high": math.nan}
    changes = Changes(*(np.concatenate([getattr(one, key) for one in found]) for key in ("difference", "error", "df")))
    # The one-sided bounds at half the level are the two-sided interval.
    verdict = non_inferiority(changes, margin=np.inf, level=(1 - confidence) / 2, strict=True)
    mirrored = replace(changes, difference=-changes.difference)
    better = non_inferiority(mirrored, margin=np.inf, level=(1 - confidence) / 2, strict=True)
    row["p_value"] = min(1.0, 2 * min(verdict.p_regressed, better.p_regressed))
    return row | {"change": verdict.difference, "ci_low": verdict.low, "ci_high": verdict.high}


def _mean(cell: Cell) -> float:
    return float(cell.test.mean()) if len(cell.test) else math.nan


def _n_paired(x: Cell, y: Cell) -> int:
    """Return the number of seeds that two cells share and are compared on; 0 where they are compared as independent."""
    common = len(np.intersect1d(x.seeds, y.seeds))
    return common if common > 1 else 0


def _on_shared_seeds(x: Cell, y: Cell) -> tuple[Cell, Cell]:
    """Return two cells on the seeds that they share; as they are where these are too few to pair."""
    common = np.intersect1d(x.seeds, y.seeds)
    return (x.at(common), y.at(common)) if len(common) > 1 else (x, y)


def _change(x: Cell, y: Cell) -> Changes:
    """Return what changed from one cell to another, by pairs where all their seeds are shared."""
    if min(len(x.seeds), len(y.seeds)) < 2:
        raise NoSpread(f"{x.name}: fewer than 2 seeds")
    paired = np.array_equal(x.seeds, y.seeds)
    return cell_changes([y.sign * y.test], [x.sign * x.test], [x.reference], paired=paired)
