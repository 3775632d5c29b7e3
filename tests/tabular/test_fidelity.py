"""Trainings that stop early and budgets in epochs and simulated seconds, from a suite to its report."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.reporting.frames.curves import anytime, areas_under_regret, random_curves
from harness.reporting.frames.improvement import relative_improvements
from harness.reporting.frames.scores import random_equivalents
from harness.reporting.run import load_run
from harness.running.runner import run
from harness.statistics import RandomSearchLaw
from harness.tabular import synthetic
from harness.tabular.catalogue import register_benchmark
from harness.tabular.curves import Seconds
from harness.tabular.table import Table

METHODS = (
    *("random", "regularized-evolution", "local-search", "reinforce"),  # ask and tell, three of them in lockstep too
    *("hyperband", "successive-halving", "darts-1st"),  # with a loop of their own
)
SUITE: dict[str, Any] = {
    "name": "equal-budget",
    "seeds": "0:6",
    "benchmarks": ["synthetic/ridge"],
    "budgets": {"simulated_s": 300},
    "metrics": ["valid_loss"],
    "methods": [{"name": name} for name in METHODS],
}
AMOUNTS = {"simulated_s": 300, "epochs": 560}
BLIND = {key: value for key, value in SUITE.items() if key != "metrics"} | {  # without metrics searches go in lockstep
    "methods": [{"name": name} for name in METHODS if name != "darts-1st"]
}
TOML = """
name = "seconds"
seeds = "0:6"
benchmarks = ["synthetic/ridge"]
[budgets]
simulated_s = 300
[[methods]]
name = "random"
[[methods]]
name = "regularized-evolution"
[[methods]]
name = "hyperband"
min_fidelity = 3
"""


@pytest.fixture(scope="module", params=AMOUNTS)
def ran(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """Kind of the budget and folder of a run of all methods."""
    folder = tmp_path_factory.mktemp(request.param)
    run(SUITE | {"budgets": {request.param: AMOUNTS[request.param]}}, folder, backend="sequential")
    return request.param, folder


def test_every_method_spends_its_budget_and_no_more(ran: tuple[str, Path]) -> None:
    kind, folder = ran
    records = pd.read_parquet(folder / "records.parquet")
    table = synthetic.convert()
    assert (records["status"] == "ok").all()
    assert (records["budget_kind"] == kind).all()
    spent = records[kind]
    assert (spent <= records["budget"]).all()
    # Nothing ended before what would have passed the budget: the dearest training would have.
    dearest = {"epochs": 27, "simulated_s": table.columns["cost"].max()}[kind]
    assert (spent > records["budget"] - dearest).all()
    whole = ~records["method"].isin(["hyperband", "successive-halving"])
    np.testing.assert_array_equal(records["epochs"][whole], 27 * records["n_evaluations"][whole])
    assert (records["epochs"][~whole] < 27 * records["n_evaluations"][~whole]).all()


def test_records_and_traces_hold_what_was_paid_for(ran: tuple[str, Path]) -> None:
    _, folder = ran
    records = pd.read_parquet(folder / "records.parquet").set_index("cell")
    traces = pd.read_parquet(folder / "traces.parquet")
    table = synthetic.convert()
    for cell, steps in traces.groupby("cell", sort=False):
        record = records.loc[cell]
        assert steps["step"].is_monotonic_increasing
        assert steps["cumulative_cost_s"].is_monotonic_increasing
        assert steps["cumulative_cost_s"].iloc[-1] <= record["simulated_s"]
        assert steps["cumulative_epochs"].iloc[-1] <= record["epochs"]
        assert steps["step"].iloc[-1] <= record["n_evaluations"]
        rows = [table.rows[table.space.index(table.space.parse(text))] for text in steps["incumbent_arch"]]
        np.testing.assert_array_equal(steps["incumbent_test"], table.test[rows])  # of the whole training
        if record["method"] != "darts-1st":
            last = rows[-1]
            assert record["arch"] == steps["incumbent_arch"].iloc[-1]
            assert (record["valid"], record["test"]) == (table.valid[last], table.test[last])
            assert steps["incumbent_valid"].iloc[-1] == table.valid[last]  # it was trained wholly


def test_the_baseline_of_the_report(ran: tuple[str, Path]) -> None:
    kind, folder = ran
    loaded = load_run(folder)
    table = synthetic.convert()
    law = RandomSearchLaw(table.valid, table.test, table.weights)
    frame = relative_improvements(loaded)
    average, equal = frame[frame["baseline"] == "random@1"], frame[frame["is_main"]]
    assert average["n_baseline"].isna().all()  # the average architecture is exact, whatever the budget
    random, others = equal[equal["is_check"]], equal[~equal["is_check"]]
    scores = {entrant.name: loaded.scores(place) for place, entrant in enumerate(loaded.entrants)}
    curves = anytime(loaded)
    if kind == "epochs":  # 560 epochs pay for 20 whole trainings: the exact law of 20 draws
        assert set(equal["baseline"]) == {"random@560epochs"}
        assert equal["n_baseline"].isna().all()
        baseline = law.mean(20)
        worth = random_equivalents(loaded).set_index("method")
        assert list(worth.index) == list(METHODS)
        assert worth.loc["random", "evaluations"] == 20
        epochs = loaded.cells.groupby("label")["epochs"].mean()
        np.testing.assert_allclose(worth["evaluations"], epochs[worth.index] / 27)  # in whole trainings
        assert len(areas_under_regret(loaded)) == 0  # the logarithm is of evaluations
        assert random_curves(loaded).query("n == 20")["is_shown"].all()
        exact = curves[curves["method"] == "random search, exact"]
        np.testing.assert_allclose(exact["mean"], law.mean(np.array(exact["step"]) // 27))
        assert exact["step"].min() >= 27
    else:  # how many draws 300 seconds pay for is left to chance: the sample is the baseline
        assert set(equal["baseline"]) == {"random@300s"}
        assert (equal["n_baseline"] == 6).all()
        baseline = scores["random"].mean()
        assert random["note"].tolist() == ["it is the baseline itself"]
        assert (others["test"] == "delta-Welch").all()
        assert len(random_equivalents(loaded)) == 0
        assert set(curves["method"]) == set(METHODS)
    for row in others.itertuples():
        assert row.ri == pytest.approx(100 * (scores[row.method].mean() / baseline - 1))


def test_incumbents_over_what_was_spent(ran: tuple[str, Path]) -> None:
    kind, folder = ran
    column = {"epochs": "cumulative_epochs", "simulated_s": "cumulative_cost_s"}[kind]
    traces = pd.read_parquet(folder / "traces.parquet")
    records = pd.read_parquet(folder / "records.parquet")
    curves = anytime(load_run(folder))
    for method in METHODS:
        cells = traces[traces["cell"].isin(records.loc[records["method"] == method, "cell"])]
        for row in curves[curves["method"] == method].itertuples():
            so_far = cells[cells[column] <= row.step].groupby("cell")["incumbent_test"].last()
            wanted = (
                so_far.mean() if len(so_far) == 6 else np.nan
            )  # before all of them have an incumbent there is no mean
            np.testing.assert_allclose(row.mean, wanted)


def test_a_suite_in_seconds_on_the_command_line(cli: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "suite.toml").write_text(TOML)
    outcome = cli("plan", tmp_path / "suite.toml", "-o", tmp_path / "out", "-j", "1")
    assert outcome.code == 0
    assert "hyperband  300 simulated_s: 6 missing" in outcome.out
    assert cli("run", tmp_path / "suite.toml", "-o", tmp_path / "out", "-j", "1", "-q").code == 0
    text = (tmp_path / "out" / "report" / "report.md").read_text()
    assert "at 300 simulated seconds; 18 searches, none failed" in text
    assert "over random@300s, random search with the same budget" in text
    assert "How many architectures random search can train in a number of simulated seconds is left to chance" in text
    assert "worth" not in (tmp_path / "out" / "report" / "report.md").read_text().partition("## Relative")[0]
    assert "random@300," not in text
    assert cli("baseline", tmp_path / "out", "-o", tmp_path / "baseline.json").code == 0
    assert cli("check", tmp_path / "out", "--against", tmp_path / "baseline.json").code == 0
    pairs = cli("analyze", "pairs", tmp_path / "out")
    assert pairs.code == 0, pairs.err
    assert cli("analyze", "seeds", tmp_path / "out", "--detect", "1").code == 0


@pytest.mark.parametrize("kind", AMOUNTS)
def test_lockstep_and_one_by_one_are_the_same(
    kind: str, tmp_path: Path, same_results: Callable[[Path, Path], None]
) -> None:
    suite = BLIND | {"budgets": {kind: AMOUNTS[kind]}}
    run(suite, tmp_path / "together", backend="sequential")
    run(suite, tmp_path / "apart", backend="sequential", lockstep=False)
    same_results(tmp_path / "together", tmp_path / "apart")


@pytest.mark.slow
def test_workers_make_no_difference(tmp_path: Path, same_results: Callable[[Path, Path], None]) -> None:
    run(SUITE, tmp_path / "one", jobs=1)
    run(SUITE, tmp_path / "two", jobs=2)
    same_results(tmp_path / "one", tmp_path / "two")


PARTIAL = """
from dataclasses import dataclass
from harness import OwnLoop, SearchResult, Taxonomy, register_method

@register_method("partial-plan")
@dataclass
class Plan(OwnLoop):
    asked: list
    taxonomy = Taxonomy("any", "random", "none", "none")

    def search(self, problem, streams):
        for row, epochs in self.asked:
            problem.evaluate(problem.architecture(row), epochs or None)
        return SearchResult()
"""


def asked_of(trainings: list[list[int]], budget: dict[str, int], folder: Path) -> tuple[dict[str, Any], pd.DataFrame]:
    """Record and trace of a search that asks for rows and epochs (0 for None) of the table."""
    (folder / "partial.py").write_text(PARTIAL)
    suite = SUITE | {"metrics": [], "seeds": "0:1", "budgets": budget}
    suite |= {"benchmarks": ["made/curves"], "methods": [{"name": "partial-plan", "asked": trainings}]}
    records = run(suite, folder / "run", backend="sequential", plugin=[folder / "partial.py"])
    assert records["status"].tolist() == ["ok"], records["error"].iloc[0]
    return records.iloc[0].to_dict(), pd.read_parquet(folder / "run" / "traces.parquet")


@pytest.fixture(params=["max", "min"])
def curved(request: pytest.FixtureRequest, registries: None, make_table: Callable[..., Table]) -> Table:
    """A registered table with curves of 9 epochs."""
    table = make_table(name="made/curves", epochs=9, direction=request.param)
    register_benchmark("made/curves")(lambda: table)
    return table


def test_the_incumbent_is_the_best_of_the_longest_trainings(curved: Table, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    trainings = [[int(row), int(rng.choice([1, 3, 4, 9, 0]))] for row in rng.integers(len(curved), size=60)]
    record, trace = asked_of(trainings, {"evaluations": 100}, tmp_path)
    sign = 1 if curved.direction == "max" else -1
    best, wanted, seconds, epochs = None, [], 0.0, 0
    for step, (row, asked) in enumerate(trainings, start=1):
        epoch = asked or 9
        seen = curved.curves["valid"][row, epoch - 1]
        seconds += curved.curves["cost"][row, epoch - 1]
        epochs += epoch
        if best is None or (epoch, sign * seen) > best:
            best = epoch, sign * seen
            wanted.append((step, curved.space.format(curved.codes[row]), seen, curved.test[row], seconds, epochs))
    columns = ["step", "incumbent_arch", "incumbent_valid", "incumbent_test", "cumulative_cost_s", "cumulative_epochs"]
    assert [tuple(row) for row in trace[columns].itertuples(index=False)] == wanted
    assert len(wanted) > 3
    assert record["arch"] == wanted[-1][1]
    assert record["n_evaluations"] == 60
    assert (record["simulated_s"], record["epochs"]) == (seconds, epochs)


def test_what_would_pass_the_budget_is_neither_paid_for_nor_counted(curved: Table, tmp_path: Path) -> None:
    dear, cheap = int(curved.columns["cost"].argmax()), int(curved.columns["cost"].argmin())
    record, trace = asked_of([[dear, 0], [dear, 0], [cheap, 1], [cheap, 0]], {"simulated_s": 150}, tmp_path)
    assert record["n_evaluations"] == 1
    assert record["simulated_s"] == curved.columns["cost"][dear] <= 100
    assert record["arch"] == curved.space.format(curved.codes[dear])
    assert len(trace) == 1


def test_seconds_of_parts_and_wholes(make_table: Callable[..., Table]) -> None:
    table = make_table(epochs=9)
    rows, epochs = np.repeat(np.arange(len(table)), 9), np.tile(np.arange(1, 10), len(table))
    np.testing.assert_array_equal(Seconds(table)(rows, epochs), table.curves["cost"].ravel())
    one = make_table()
    np.testing.assert_array_equal(Seconds(one)(rows, np.zeros_like(rows)), np.repeat(one.columns["cost"], 9))


REFUSED = {
    "seconds without costs": (
        "run --benchmark nasbench-graph/cora --method random --budget simulated_s=90",
        "benchmark nasbench-graph/cora: [budgets] simulated_s = 90: the table has no column cost",
    ),
    "epochs of one fidelity": (
        "plan --benchmark nasbench-graph/cora --method random --budget epochs=90",
        "benchmark nasbench-graph/cora: [budgets] epochs = 90: the table has one fidelity",
    ),
    "hyperband": (
        "plan --benchmark nasbench-graph/cora --method hyperband",
        "benchmark nasbench-graph/cora: method hyperband stops trainings early, and this benchmark has one fidelity",
    ),
    "successive halving": (
        "run --benchmark nasbench-graph/cora --method successive-halving",
        "benchmark nasbench-graph/cora: method successive-halving stops trainings early",
    ),
    "hyperband on a live benchmark": (
        "plan --benchmark live/darts-digits --method hyperband --budget epochs=9",
        "benchmark live/darts-digits: method hyperband stops trainings early, and this benchmark has one fidelity",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_a_table_cannot_give_is_refused_before_anything_is_run(
    what: str, cli: Callable[..., Any], tmp_path: Path
) -> None:
    command, message = REFUSED[what]
    outcome = cli(*command.split(), "-o", tmp_path / "out")
    assert outcome.code == 2
    assert outcome.err.startswith(f"nas-harness: error: {message}")
    assert outcome.err.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_a_budget_on_the_spot_has_a_unit(cli: Callable[..., Any], tmp_path: Path) -> None:
    command = ["run", "--benchmark", "synthetic/ridge", "--method", "random", "--seeds", "0:2", "--no-report", "-q"]
    assert cli(*command, "--budget", "epochs=60", "-j", "1", "-o", tmp_path / "out").code == 0
    resolved = json.loads((tmp_path / "out" / "suite.resolved.json").read_text())
    assert resolved["budgets"] == [{"amount": 60, "kind": "epochs"}]
