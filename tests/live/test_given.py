"""Architectures that a suite names, where there is a supernet: trained by the protocol of all others, or looked up."""

import pandas as pd
import pytest

from harness.reporting import build_report
from harness.running.records import read_epochs
from harness.running.runner import run
from harness.tabular.catalogue import load_table

SKIPS = "|skip_connect~0|+|none~0|skip_connect~1|+|none~0|none~1|nor_conv_3x3~2|"
POOLS = "|avg_pool_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|nor_conv_1x1~2|"
SUITE = {
    "name": "named",
    "seeds": "0:2",
    "budgets": {"epochs": 1},
    "search": {"channels": 4, "cells": 1, "batch_size": 320},
}
TRAINED = {"evaluation": {"channels": 4, "cells": 1, "epochs": 1, "batch_size": 320}}


def test_they_are_trained_like_random_architectures(tmp_path):
    average = {"name": "random-architecture", "architectures": 2}
    suite = SUITE | TRAINED | {"benchmarks": ["live/nasbench201-digits"], "seeds": [0]}
    records = run(suite | {"methods": [average]}, tmp_path / "random", backend="sequential")
    drawn = read_epochs(tmp_path / "random")["arch"].tolist()
    assert len(drawn) == 2
    named = {"name": "given", "label": "named again", "architectures": drawn}
    again = run(suite | {"methods": [average, named]}, tmp_path / "again", backend="sequential").set_index("label")
    columns = ["valid", "test", "test_best", "params", "flops", "arch", "n_evaluations", "epochs"]
    assert again.loc["named again", columns].tolist() == records.loc[0, columns].tolist()
    epochs = read_epochs(tmp_path / "again").groupby("cell")["arch"].agg(list)
    assert epochs[again.loc["named again", "cell"]] == drawn
    build_report(tmp_path / "again")
    improvement = pd.read_csv(tmp_path / "again" / "report" / "tables" / "relative_improvement.csv").set_index("method")
    assert improvement.loc["named again", "ri"] == pytest.approx(
        0, abs=1e-9
    )  # the same architectures, against themselves


@pytest.mark.slow
def test_on_a_one_shot_benchmark_they_are_looked_up(tmp_path):
    suite = SUITE | {"benchmarks": ["one-shot/digits201"], "methods": [{"name": "random-architecture"}]}
    suite["methods"] += [
        {"name": "given", "architectures": [SKIPS, POOLS]},
        {"name": "given", "label": "one", "architectures": SKIPS},
    ]
    records = run(suite, tmp_path / "out", backend="sequential").set_index(["label", "seed"])
    table = load_table("digits201")
    rows = [int(table.rows[table.space.index(table.space.parse(text))]) for text in (SKIPS, POOLS)]
    for seed in (0, 1):
        assert records.loc[("given", seed), "test"] == pytest.approx(table.test[rows].mean(), rel=1e-14)
        assert records.loc[("one", seed), ["test", "arch"]].tolist() == [table.test[rows[0]], SKIPS]
    build_report(tmp_path / "out")
    improvement = pd.read_csv(tmp_path / "out" / "report" / "tables" / "relative_improvement.csv")
    assert {"given", "one"} <= set(improvement["method"])
