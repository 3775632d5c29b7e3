"""The table of what networks inherit, against the same numbers computed straight from the records and the table."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import harness
from harness.live.one_shot import ElasticBenchmark
from harness.reporting.frames.elastic import inherited
from harness.reporting.run import load_run

pytest.importorskip("torch", reason="needs the extra `live`")
pytestmark = [pytest.mark.torch, pytest.mark.slow]


def test_inherited_and_alone(tmp_path: Path) -> None:
    suite = {
        "name": "small",
        "seeds": "0:3",
        "benchmarks": ["elastic/digits201"],
        "budgets": {"epochs": 2},
        "methods": [{"name": "bignas"}],
    }
    harness.run(suite, tmp_path, backend="sequential")
    (row,) = inherited(load_run(tmp_path)).itertuples()
    table = ElasticBenchmark("elastic/digits201").table
    epochs = pd.read_parquet(tmp_path / "epochs.parquet")
    rows = epochs[epochs["phase"] == "shared weights"]
    gaps, distances, regrets = [], [], []
    cells = np.repeat(table.column("params"), table.weights.astype(int))
    bound = np.quantile(cells, 0.5)
    for _, cell in rows.groupby("cell", sort=False):
        places = [table.rows[table.space.index(table.space.parse(text))] for text in cell["arch"]]
        inherits = cell["valid_accuracy"].to_numpy()
        gap = inherits - table.valid[places]
        gaps.append(gap.mean())
        distances.append(np.abs(gap).mean())
        within = table.column("params")[places] <= bound
        best = inherits[within].argmax()
        regrets.append(table.test[places][within].max() - table.test[places][within][best])
    assert (row.n, row.sample) == (3, 200)
    assert row.gap == pytest.approx(np.mean(gaps))
    assert row.distance == pytest.approx(np.mean(distances))
    assert row.regret_50 == pytest.approx(np.mean(regrets))
    low, high = stats.ttest_1samp(gaps, 0).confidence_interval(0.95)
    assert (row.gap_low, row.gap_high) == pytest.approx((low, high))
    error = np.std(gaps, ddof=1) / math.sqrt(3)
    sides = [stats.t.sf((np.mean(gaps) + 1) / error, 2), stats.t.cdf((np.mean(gaps) - 1) / error, 2)]
    assert row.p_equal == pytest.approx(max(sides))
    assert (row.epochs, row.passes, row.pays_from) == (2, 8, 1)  # four passes a step, and trainings of 15 epochs
