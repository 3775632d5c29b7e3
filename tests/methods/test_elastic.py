"""bignas, once-for-all and their baseline: what they find, spend and refuse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from harness.live.one_shot import ElasticBenchmark

pytest.importorskip("torch", reason="needs the extra `live`")
pytestmark = pytest.mark.torch

RUN = ["--benchmark", "elastic/digits201", "--seeds", "0:1", "-q", "-j", "1", "--no-report"]


@pytest.mark.slow
def test_all_three_are_run_and_judged_by_the_table(cli: Callable[..., Any], tmp_path: Path) -> None:
    methods = [part for name in ("bignas", "once-for-all", "elastic-uniform") for part in ("--method", name)]
    done = cli("run", *RUN, *methods, "--budget", "epochs=3", "-o", tmp_path / "out")
    assert done.code == 0, done.err
    records = pd.read_parquet(tmp_path / "out" / "records.parquet").set_index("label")
    table = ElasticBenchmark("elastic/digits201").table
    for _, row in records.iterrows():
        if row["method"] != "random":
            arch = table.space.parse(row["arch"])
            assert row["test"] == pytest.approx(table.test[table.rows[table.space.index(arch)]])
    epochs = pd.read_parquet(tmp_path / "out" / "epochs.parquet")
    search = epochs[epochs["phase"] == "search"].groupby("cell")[["passes", "steps"]].sum()
    per_step = (search["passes"] / search["steps"]).rename(index=dict(zip(records["cell"], records.index, strict=True)))
    assert per_step["bignas"] == 4  # largest, two random, smallest
    assert per_step["once-for-all"] == per_step["elastic-uniform"] == 1
    shared = epochs[epochs["phase"] == "shared weights"]
    assert shared.groupby("cell").size().eq(200).all()


@pytest.mark.slow
def test_within_a_bound_on_parameters(cli: Callable[..., Any], tmp_path: Path) -> None:
    table = ElasticBenchmark("elastic/digits201").table
    bound = int(pd.Series(table.column("params")).quantile(0.25))
    for number, search in enumerate(("random", "regularized-evolution")):
        suite = tmp_path / f"s{number}.toml"
        suite.write_text(
            'name = "bound"\nseeds = "0:1"\nbenchmarks = ["elastic/digits201"]\nbudgets = { epochs = 2 }\n'
            f'[constraint]\nparams = "<= {bound}"\n[[methods]]\nname = "bignas"\nsearch = "{search}"\ncandidates = 40\n'
        )
        done = cli("run", suite, "-q", "-j", "1", "--no-report", "-o", tmp_path / f"out{number}")
        assert done.code == 0, done.err
        records = pd.read_parquet(tmp_path / f"out{number}" / "records.parquet")
        row = records[records["method"] == "bignas"].iloc[0]
        arch = table.space.parse(row["arch"])
        assert table.column("params")[table.rows[table.space.index(arch)]] <= bound


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--benchmark", "one-shot/digits201", "--method", "bignas"],
            "wants a space whose networks are parts of a largest",
        ),
        (["--benchmark", "digits201", "--method", "once-for-all", "--budget", "30"], "a table has no weights to share"),
        (
            ["--benchmark", "elastic/digits201", "--method", "once-for-all", "--budget", "epochs=1"],
            "leaves a stage without one",
        ),
        (["--benchmark", "elastic/digits20"], "unknown benchmark 'elastic/digits20'"),
        (
            ["--benchmark", "elastic/digits201", "--method", "bignas", "--set", "methods.1.randoms=-1"],
            "randoms must be at least 0",
        ),
        (
            ["--benchmark", "elastic/digits201", "--method", "bignas", "--set", "methods.1.recalibrate=true"],
            "recalibrate wants",
        ),
    ],
)
def test_refused_at_plan(cli: Callable[..., Any], arguments: list[str], message: str) -> None:
    budget = [] if "--budget" in arguments else ["--budget", "epochs=4"]
    method = [] if "--method" in arguments else ["--method", "bignas"]
    done = cli("plan", *arguments, *method, *budget)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert message in done.err
