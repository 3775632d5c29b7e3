"""Searches that collapsed: what they recommend is hardly better than chance, or passes its input on."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.errors import HarnessError
from harness.images.registry import images_of
from harness.images.sources import FACTS
from harness.reporting.run import Benchmark, Run
from harness.spaces.cells import NONE, CellSpace
from harness.spaces.registry import cell_space, cell_space_names
from harness.statistics import rate

TIMES_CHANCE = 2  # an accuracy below so many times that of a guess is a collapse
PASSING = {NONE, "skip_connect"}
COLLAPSE_COLUMNS = ("benchmark", "dataset", "method", "n", "collapsed", "share", "low", "high")


def collapses(run: Run) -> pd.DataFrame:
    """Return how often what a search recommends has collapsed, of searches on supernets.

    Returns
    -------
    DataFrame
        Columns `COLLAPSE_COLUMNS`, a row a benchmark and method: of ``n`` seeds ``collapsed`` recommend a network whose test
        accuracy is below `TIMES_CHANCE` times that of a guess, or whose operations all are `none` or a skip; their ``share`` in
        percent with Clopper and Pearson's 95 % interval, ``low, high``.
    """
    rows = []
    for group, (benchmark, entrant) in enumerate(run.pairs if run.family.has_supernets else []):
        gone = collapsed(run, group)
        row = {"benchmark": benchmark.name, "dataset": benchmark.dataset, "method": entrant.name, "n": len(gone)}
        if len(gone):
            found = rate(int(gone.sum()), len(gone))
            row |= {"collapsed": int(gone.sum()), "share": 100 * found.estimate}
            row |= {"low": 100 * found.low, "high": 100 * found.high}
        rows.append(row)
    return pd.DataFrame(rows, columns=list(COLLAPSE_COLUMNS))


def collapsed(run: Run, group: int) -> NDArray[np.bool_]:
    """Return whether each finished search of a group collapsed, (n,); none where nobody can tell."""
    benchmark, cells = run.pairs[group][0], run.finished(group)
    guess, where = _chance(benchmark), _cell_space(benchmark)
    low = cells["test"].to_numpy(dtype=np.float64) < TIMES_CHANCE * guess
    passing = np.array(
        [where is not None and text != "" and _passes(where, text) for text in cells["arch"]], dtype=bool
    )
    return low | passing


def _chance(benchmark: Benchmark) -> float:
    """Return the accuracy of a guess in the benchmark's unit; 0 where the number of classes is not known here."""
    whole = {"percent": 100.0, "fraction": 1.0}.get(benchmark.unit, 0.0)
    if benchmark.dataset in FACTS:
        return whole / FACTS[benchmark.dataset][2]
    try:
        return whole / images_of(benchmark.dataset).classes
    except HarnessError:  # images of somebody else's
        return 0.0


def _cell_space(benchmark: Benchmark) -> CellSpace | None:
    name = benchmark.card["space"]["name"]
    return cell_space(name) if name in cell_space_names() else None


def _passes(where: CellSpace, text: str) -> bool:
    """Whether an architecture has no operation but `none` and skips."""
    return all(PASSING.issuperset(operations) for operations in where.operations(where.parse(text)).values())
