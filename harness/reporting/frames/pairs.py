"""Methods against each other, seed by seed, where equal seeds share the split of the images."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd

from harness.reporting.frames.improvement import Baseline, improvement_of
from harness.reporting.run import Run
from harness.statistics import holm

PAIR_COLUMNS = (
    *("benchmark", "dataset", "a", "b", "n", "ri", "ci_low", "ci_high", "p_value", "p_holm", "detectable", "note"),
)


def method_pairs(run: Run) -> pd.DataFrame:
    """Return the relative improvement of each method over each other one, of searches on supernets.

    Returns
    -------
    DataFrame
        Columns `PAIR_COLUMNS`, a row a benchmark, budget and pair: RI of ``a`` over ``b`` by paired log ratios over
        the ``n`` seeds that both finished; ``p_holm`` is adjusted over all rows. Random architectures and random search take no
        part. Empty for searches on tables, whose seeds share nothing to be paired by.
    """
    rows: list[dict[str, Any]] = []
    groups = [number for number, (_, entrant) in enumerate(run.pairs) if not entrant.is_check]
    for first, second in itertools.combinations(groups if run.has_supernets else [], 2):
        (benchmark, a), (other, b) = run.pairs[first], run.pairs[second]
        if benchmark is not other or a.budget != b.budget:
            continue
        seeds = run.finished(second)["seed"].to_numpy()
        found = improvement_of(run, first, Baseline(b.name, run.scores(second), False, seeds))
        common = np.intersect1d(seeds, run.finished(first)["seed"]).size
        names = {"benchmark": benchmark.name, "dataset": benchmark.dataset, "a": a.name, "b": b.name, "n": common}
        rows.append(names | found)
    frame = pd.DataFrame(rows, columns=[name for name in PAIR_COLUMNS if name != "p_holm"])
    return frame.assign(p_holm=holm(frame["p_value"].to_numpy(dtype=np.float64)))[list(PAIR_COLUMNS)]
