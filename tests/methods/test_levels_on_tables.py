"""The registered level methods on a table of losses: what each minimises, the path of lambda, regret, refusals."""

from __future__ import annotations

import math
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.methods.base import make_method, run_search
from harness.problem.budget import Budget
from harness.running.records import read_run
from harness.running.runner import run
from harness.streams import Streams
from harness.tabular import synthetic
from harness.tabular.catalogue import load_table
from harness.tabular.problem import TabularProblem
from harness.tabular.table import Table

SCRIPT = runpy.run_path(str(Path(__file__).resolve().parents[2] / "benchmarks" / "levels_on_tables.py"))
SUITE: dict[str, Any] = {
    "name": "levels",
    "seeds": "0:3",
    "benchmarks": [synthetic.NAME],
    "budgets": {"evaluations": 2000},
    "metrics": ["train_loss", "valid_loss"],
}


@pytest.fixture(scope="module")
def table() -> Table:
    return load_table(synthetic.NAME)


def test_the_path_of_lambda_through_the_registered_methods(table: Table, tmp_path: Path) -> None:
    lambdas = [0.0, 0.01, 0.1, 0.5, 1.0, 2.0, 10.0, 999.0, math.inf]
    methods = [
        {"name": "milenas-1st", "label": str(value), "lambda_valid": value, "on_tables": "enumerate"}
        for value in lambdas
    ]
    ends = [{"name": name, "on_tables": "enumerate"} for name in ("single-level", "darts-1st", "darts-2nd")]
    run(SUITE | {"seeds": "0:1", "methods": methods + ends}, tmp_path / "run", backend="sequential")
    records = read_run(tmp_path / "run")[0].set_index("label")
    assert (records["status"] == "ok").all()
    rows = {
        label: int(table.rows[table.space.index(table.space.parse(arch))]) for label, arch in records["arch"].items()
    }
    train, valid = table.column("train_loss"), table.column("valid_loss")
    path = [rows[str(value)] for value in lambdas]
    assert (np.diff(valid[path]) <= 0).all()
    assert (np.diff(train[path]) >= 0).all()
    assert len(set(path)) >= 3
    assert path[0] == rows["single-level"] == train.argmin()
    assert path[-1] == rows["darts-1st"] == rows["darts-2nd"] == valid.argmin()


@pytest.mark.parametrize("name", ["single-level", "darts-1st", "milenas-1st", "milenas-2nd"])
@pytest.mark.parametrize("on_tables", ["score", "gradient"])
def test_searches_come_near_the_minimiser(name: str, on_tables: str, table: Table, tmp_path: Path) -> None:
    methods = [{"name": name, "on_tables": on_tables}]
    records = run(SUITE | {"methods": methods}, tmp_path / "run", backend="sequential")
    assert (records["status"] == "ok").all()
    assert (records["n_evaluations"] == (2000 if on_tables == "score" else 0)).all()
    rows = [int(table.rows[table.space.index(table.space.parse(arch))]) for arch in records["arch"]]
    train, valid = table.column("train_loss"), table.column("valid_loss")
    losses = {"single-level": train, "darts-1st": valid}.get(name, train + valid)
    assert (losses[rows] <= np.quantile(losses, 0.05)).all()


@pytest.mark.slow
def test_regret_to_the_minimiser_is_reported(table: Table, capsys: pytest.CaptureFixture[str]) -> None:
    frame = SCRIPT["regrets"](table)
    with capsys.disabled():
        print(f"\nregret to the enumerated minimiser over {SCRIPT['STARTS']} starts\n{frame.to_string(index=False)}")
    assert SCRIPT["STARTS"] >= 20
    assert frame["lambda"].tolist() == list(SCRIPT["LAMBDAS"])
    for search in ("gradient", "score"):
        assert (frame[f"{search} max"] >= frame[f"{search} median"]).all()
        assert (frame[f"{search} median"] >= 0).all()  # the minimiser is one; 0 itself is not promised
        assert (frame[f"{search} median"] < frame["random median"]).all()


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("single-level", "needs train_loss of every architecture"),
        ("darts-1st", "needs valid_loss of every architecture"),
        ("milenas-1st", "needs train_loss and valid_loss of every architecture"),
    ],
)
def test_nothing_stands_in_for_a_loss(name: str, missing: str, tmp_path: Path) -> None:
    suite = SUITE | {"seeds": "0:1", "metrics": [], "methods": [{"name": "random"}, {"name": name}]}
    records = run(suite, tmp_path / "run", backend="sequential").set_index("label")
    assert records["status"].to_dict() == {"random": "ok", name: "failed"}
    assert missing in records.loc[name, "error"]
    assert "nothing stands in for a loss; use a table that holds it" in records.loc[name, "error"]


def test_a_table_without_losses_is_refused_by_the_suite(tmp_path: Path, cli: Callable[..., Any]) -> None:
    outcome = cli(
        "run",
        "--benchmark",
        "nasbench-graph/cora",
        "--method",
        "milenas-1st",
        "--set",
        'metrics=["train_loss"]',
        "-o",
        tmp_path / "out",
    )
    assert outcome.code == 2
    assert outcome.err.count("\n") == 1
    assert "unknown column 'train_loss'" in outcome.err
    assert not (tmp_path / "out").exists()


def test_a_schedule_is_of_supernets_only(tmp_path: Path) -> None:
    suite = SUITE | {"seeds": "0:1", "methods": [{"name": "random"}, {"name": "level-schedule"}]}
    with pytest.raises(HarnessError, match="level-schedule: wants a supernet; a table has no epochs"):
        run(suite, tmp_path / "run", backend="sequential")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["digits201", "nasbench-graph/cora"])
def test_encodings_carry_the_measure_of_random_architectures(name: str) -> None:
    table = load_table(name)
    codes, rows, measure = TabularProblem(table, Budget("evaluations", 1)).encodings
    assert len(codes) == (table.rows >= 0).sum()
    assert (table.rows[table.space.indices(codes)] == rows).all()
    np.testing.assert_allclose(np.bincount(rows, weights=measure), table.weights)


def test_levels_begin_with_the_architectures_that_random_search_draws() -> None:
    """A level's first batch has the law of random draws: what many encodings share is not drawn as seldom as the rest."""
    table = load_table("digits201")
    drawn = []
    for seed in range(60):
        problem = TabularProblem(table, Budget("evaluations", 10), metrics=("train_loss", "valid_loss"))
        run_search(make_method("darts-1st"), problem, Streams("digits201", seed))
        drawn.append(table.test[problem.history])
    scores = np.concatenate(drawn)
    mean = np.average(table.test, weights=table.weights)
    assert abs(scores.mean() - mean) < 4 * scores.std() / math.sqrt(len(scores))
    assert abs(table.test.mean() - mean) > 4 * scores.std() / math.sqrt(len(scores))  # it could tell
