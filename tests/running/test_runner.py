"""The runner: the same records however cells are fanned out, only what is missing is run."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.methods.base import make_method, run_search
from harness.problem.budget import Budget
from harness.running import runner
from harness.running.columns import RECORD_COLUMNS, TIME_COLUMNS, TRACE_COLUMNS
from harness.running.records import read_run
from harness.running.runner import run
from harness.streams import Streams
from harness.tabular.catalogue import load_table
from harness.tabular.problem import TabularProblem

from .conftest import SMALL, SUITE


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The suite run in the plainest way."""
    output = tmp_path_factory.mktemp("reference") / "run"
    run(SUITE, output, jobs=1, backend="sequential", lockstep=False)
    return output


def test_records_are_what_the_searches_did(reference: Path) -> None:
    records, traces, resolved = read_run(reference)
    assert list(records) == list(RECORD_COLUMNS)
    assert list(traces) == list(TRACE_COLUMNS)
    assert len(records) == 60 * 2 * 2 * 5
    assert records["cell"].is_unique
    assert (records["status"] == "ok").all()
    assert resolved["seeds"] == list(range(60))
    steps = dict(tuple(traces.groupby("cell", sort=False)))
    for record in records.iloc[::37].itertuples():
        table = load_table(record.benchmark)
        method = make_method(record.method, **json.loads(record.method_params))
        problem = TabularProblem(table, Budget("evaluations", record.budget))
        run_search(method, problem, Streams(record.benchmark, record.seed))
        rows = problem.history
        best = rows[table.valid[rows].argmax()]
        assert record.arch == table.space.format(table.codes[best])
        assert (record.valid, record.test) == (table.valid[best], table.test[best])
        assert record.test_best == table.test[rows].max()
        assert (record.n_evaluations, record.n_unique) == (len(rows), len(set(rows)))
        if "cost" in table.columns:
            assert record.simulated_s == pytest.approx(table.columns["cost"][rows].sum())
        else:
            assert np.isnan(record.simulated_s)
        trace = steps[record.cell]
        incumbents = np.maximum.accumulate(table.valid[rows])
        assert trace["step"].tolist() == [
            step + 1 for step in range(len(rows)) if step == 0 or incumbents[step] > incumbents[step - 1]
        ]
        assert trace["incumbent_valid"].tolist() == sorted(set(incumbents.tolist()))
        assert trace["incumbent_test"].iloc[-1] == record.test


def test_the_footer_says_what_the_columns_hold(reference: Path) -> None:
    import pyarrow.parquet as pq

    described = json.loads(pq.read_schema(reference / "records.parquet").metadata[b"nas_harness"])
    assert set(described["columns"]) == set(RECORD_COLUMNS)
    assert described["schema_version"] == 1


WAYS: dict[str, dict[str, Any]] = {
    "sequential, in lockstep": {"backend": "sequential"},
    "one worker": {"jobs": 1},
    "two workers": {"jobs": 2},
    "two workers, one by one": {"jobs": 2, "lockstep": False},
    "two threads": {"jobs": 2, "backend": "threading"},
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("shuffled", [False, True])
def test_every_way_of_running_gives_the_same_records(
    way: str,
    shuffled: bool,
    reference: Path,
    tmp_path: Path,
    same_results: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if shuffled:
        in_order = runner._chunks

        def out_of_order(*arguments: Any) -> Iterator[Any]:
            tasks = list(in_order(*arguments))
            random.Random(3).shuffle(tasks)
            return iter(tasks)

        monkeypatch.setattr(runner, "_chunks", out_of_order)
        monkeypatch.setattr(runner, "CHUNK", 7)
        monkeypatch.setattr(runner, "CHUNK_LOCKSTEP", 11)
    run(SUITE, tmp_path / "run", **WAYS[way])
    same_results(tmp_path / "run", reference)


def test_the_returned_frame_is_the_file(tmp_path: Path) -> None:
    returned = run(SMALL, tmp_path / "run", backend="sequential")
    pd.testing.assert_frame_equal(returned, read_run(tmp_path / "run")[0], check_dtype=False)


def test_only_what_is_missing_is_run(
    tmp_path: Path, cells_run: list[tuple[str, int]], same_results: Callable[..., None]
) -> None:
    here = tmp_path / "run"
    evolution, search = {"name": "regularized-evolution"}, {"name": "local-search"}

    def go(seeds: str, *methods: dict[str, Any], **more: Any) -> list[tuple[str, int]]:
        cells_run.clear()
        run(SMALL | {"seeds": seeds, "methods": list(methods)} | more, here, backend="sequential")
        return sorted(cells_run)

    assert len(go("0:3", evolution)) == 3
    assert go("0:3", evolution) == []
    assert go("0:5", evolution) == [("regularized-evolution", 3), ("regularized-evolution", 4)]
    assert go("0:5", evolution, search) == [("local-search", seed) for seed in range(5)]
    assert go("0:5", evolution | {"label": "renamed"}, search) == []
    assert go("0:5", evolution | {"population": 10, "sample": 3}, search) == []  # which the defaults are
    assert len(go("0:5", evolution | {"population": 4}, search)) == 5
    assert len(go("0:5", search, budgets={"evaluations": 11})) == 5
    assert len(go("0:5", search, metrics=["cost"], budgets={"evaluations": 11})) == 5
    # A run that grew is the run made at once, in the suite's own order; what else is there is kept behind it.
    grown = SMALL | {"seeds": "0:5", "methods": [evolution, search]}
    run(grown, here, backend="sequential")
    run(grown, tmp_path / "at once", backend="sequential", lockstep=False)
    grown_records, at_once = read_run(here)[0], read_run(tmp_path / "at once")[0]
    pd.testing.assert_frame_equal(
        grown_records[: len(at_once)].drop(columns=list(TIME_COLUMNS)), at_once.drop(columns=list(TIME_COLUMNS))
    )
    assert len(grown_records) == 10 + 5 + 5 + 5


def test_a_label_is_what_the_suite_says_now(tmp_path: Path) -> None:
    run(SMALL, tmp_path / "run", backend="sequential")
    renamed = SMALL | {"name": "renamed", "methods": [{"name": "random", "label": "drawing lots"}]}
    records = run(renamed, tmp_path / "run", backend="sequential")
    assert set(records["label"]) == {"drawing lots"}
    assert set(records["suite"]) == {"renamed"}


def test_a_changed_table_is_run_again(
    tmp_path: Path, own_cache: Path, make_table: Callable[..., Any], cells_run: list[tuple[str, int]]
) -> None:
    from harness.tabular.catalogue import save_benchmark

    suite = SMALL | {"benchmarks": ["made/up"], "methods": [{"name": "random"}]}
    for seed in (1, 2):
        save_benchmark(make_table(seed=seed))
        cells_run.clear()
        run(suite, tmp_path / "run", backend="sequential")
        assert len(cells_run) == 4


SCRIPT = """
import sys
from dataclasses import dataclass

import numpy as np
import pandas as pd

import harness


@harness.register_method("of-a-script")
@dataclass
class OfAScript(harness.AskTell):
    step: int = 1
    taxonomy = harness.Taxonomy("any", "random", "none", "none")

    def start(self, problem, streams):
        super().start(problem, streams)
        self.draw = streams.uniforms("sample")

    def ask(self):
        return self.problem.sample(self.draw)

    def tell(self, arch, evaluation):
        pass


@harness.register_benchmark("of/a-script")
def load():
    n = np.arange(30)
    frame = pd.DataFrame({"a": n // 6, "b": n % 6, "valid": 50 + n * 7 % 30, "test": 49.5 + n * 11 % 30})
    return harness.table_from_frame(frame, "of/a-script", arch=["a", "b"])


if __name__ == "__main__":
    suite = {
        "seeds": "0:4", "benchmarks": ["of/a-script", "synthetic/ridge"], "budgets": {"evaluations": 6},
        "methods": [{"name": "of-a-script"}, {"name": "random"}],
    }
    records = harness.run(suite, sys.argv[1], jobs=2).records
    assert (records["status"] == "ok").all(), records["error"].tolist()
    for _, part in records.groupby("benchmark"):
        ours, theirs = (part[part["method"] == name]["arch"].tolist() for name in ("of-a-script", "random"))
        assert ours == theirs
"""


def test_what_a_script_defines_reaches_the_workers(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run([sys.executable, "script.py", "run"], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_plan_and_status(tmp_path: Path, cli: Callable[..., Any]) -> None:
    common = ["--benchmark", "synthetic/ridge", "--method", "local-search", "--budget", "9", "-o", tmp_path / "run"]
    planned = json.loads(cli("plan", *common, "--seeds", "0:10", "--json").out)
    assert (planned["cells"], planned["done"], planned["missing"]) == (20, 0, 20)
    assert not (tmp_path / "run").exists()
    assert cli("run", *common, "--seeds", "0:6", "--backend", "sequential", "--no-report").code == 0
    planned = json.loads(cli("plan", *common, "--seeds", "0:10", "--json").out)
    assert (planned["cells"], planned["done"], planned["missing"]) == (20, 12, 8)
    assert [group["missing"] for group in planned["groups"]] == [4, 4]
    status = json.loads(cli("status", tmp_path / "run", "--json").out)
    assert status == {"suite": "spot", "cells": 12, "done": 12, "failed": 0, "missing": 0}


def test_a_folder_named_like_a_suite_hides_it_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cli: Callable[..., Any]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "quickstart").mkdir()
    assert cli("plan", "quickstart", "--set", 'benchmarks=["synthetic/ridge"]', "--seeds", "0:2").code == 0


def test_quiet_is_quiet(tmp_path: Path, cli: Callable[..., Any]) -> None:
    common = ["run", "--benchmark", "synthetic/ridge", "--method", "random", "--seeds", "0:2", "--no-report"]
    common += ["--backend", "sequential", "-o"]
    assert cli(*common, tmp_path / "a", "-q").err == ""
    assert "[2/2] synthetic/ridge  random  100 evaluations" in cli(*common, tmp_path / "b").err
