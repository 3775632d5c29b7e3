"""Statistics of architectures: what a method may know without training, how it is counted, and what is refused."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

from harness import AskTell, Taxonomy, register_method, run, table_from_frame
from harness.errors import BudgetExhausted, HarnessError
from harness.methods.base import run_search
from harness.problem.budget import Budget
from harness.problem.constraint import Constraint
from harness.spaces.nasbench201 import OPERATIONS
from harness.streams import Streams
from harness.tabular.catalogue import load_table, save_benchmark
from harness.tabular.feasible import feasible_rows
from harness.tabular.lockstep import LockstepProblem
from harness.tabular.problem import TabularProblem
from harness.tabular.statics import static_columns, static_names
from harness.tabular.table import Table
from harness.testing import check_benchmark

TEN = Budget("evaluations", 10)


@pytest.fixture
def scored(make_table: Callable[..., Table]) -> Callable[..., Table]:
    """A table with parameters, and a score that is marked as a statistic and takes 3 s."""

    def make(**options: object) -> Table:
        table = make_table(**options)
        rng = np.random.default_rng(3)
        columns = {"params": rng.random(len(table)), "score": rng.random(len(table)), "other": rng.random(len(table))}
        return dataclasses.replace(table, columns={**table.columns, **columns}, statistics={"score": 3.0})

    return make


def test_what_is_known_of_an_architecture(scored: Callable[..., Table]) -> None:
    table = scored(missing=0.3)
    problem = TabularProblem(table, TEN, statistics=("params", "score"))
    for row, code in enumerate(table.codes):
        assert problem.statistics(code) == {
            "params": table.columns["params"][row],
            "score": table.columns["score"][row],
        }
    assert problem.n_statistics == len(table)
    assert problem.history.size == 0  # nothing was evaluated
    assert not problem.exhausted
    with pytest.raises(HarnessError, match="not in this table; ask Problem"):
        problem.statistics(table.space.arch(int(np.flatnonzero(table.rows < 0)[0])))
    assert TabularProblem(table, TEN).statistics(table.codes[0]) == {}  # what was not asked for


def test_in_lockstep(scored: Callable[..., Table]) -> None:
    table = scored()
    problem = LockstepProblem(table, TEN, 3, statistics=("score",))
    indices = table.index_of_row()[[[4, 0], [1, 1], [2, 9]]]
    np.testing.assert_array_equal(
        problem.statistics(indices)["score"], table.columns["score"][[[4, 0], [1, 1], [2, 9]]]
    )
    found = problem.statistics(indices[[0, 2], 0], np.array([0, 2]))
    np.testing.assert_array_equal(found["score"], table.columns["score"][[4, 2]])
    assert problem.n_statistics.tolist() == [3, 2, 3]


def test_simulated_seconds_pay_for_scores(scored: Callable[..., Table]) -> None:
    table = scored()
    cost = table.columns["cost"]
    budget = Budget("simulated_s", 100)  # more than any training takes, and 33 scores
    assert cost.max() < 100
    problem = TabularProblem(table, budget, statistics=("score", "params"))
    for _ in range(33):
        problem.statistics(table.codes[0])
    with pytest.raises(BudgetExhausted, match="the budget of 100 simulated_s is spent"):
        problem.statistics(table.codes[0])
    assert problem.exhausted
    assert problem.n_statistics == 33  # the last one was not paid for
    cheap = int(np.argmax(cost < 90))
    problem = TabularProblem(table, budget, statistics=("score",))
    for _ in range(32):
        problem.statistics(table.codes[0])
    with pytest.raises(BudgetExhausted):  # 96 s are gone
        problem.evaluate(table.codes[int(np.argmax(cost > 4))])
    lockstep = LockstepProblem(table, budget, 2, statistics=("score",))
    index = table.index_of_row()[cheap]
    lockstep.statistics(np.full((1, 33), index), np.array([1]))
    lockstep.evaluate(np.array([index, index]))
    assert (lockstep.history >= 0).tolist() == [[True], [bool(99 + cost[cheap] <= 100)]]
    with pytest.raises(BudgetExhausted):
        lockstep.statistics(np.full((2, 40), index))
    assert lockstep.n_statistics.tolist() == [int((100 - cost[cheap]) // 3), 33]


def test_what_is_no_statistic_is_refused(scored: Callable[..., Table]) -> None:
    table = scored()
    assert static_names(table) == ("params", "score")
    for name in (
        "latency",
        "train_loss",
        "valid_loss",
        "valid",
        "test",
        "cost",
        "test_extra",
        "energy",
        "top1",
        "val_acc",
    ):
        for marked in (table, dataclasses.replace(table, statistics={name: 0.0})):
            with pytest.raises(HarnessError, match=f"column '{name}' cannot be a statistic: one is known without"):
                static_columns(marked, [name])
    with pytest.raises(HarnessError, match=r"unknown statistic 'scor'; did you mean 'score'\? valid: params, score"):
        TabularProblem(table, TEN, statistics=("scor",))
    with pytest.raises(HarnessError, match=r"'other' is not marked .*--statistic other\); marked: params, score"):
        LockstepProblem(table, TEN, 1, statistics=("other",))


def test_marks_are_kept_and_change_the_hash(scored: Callable[..., Table], own_cache: Path) -> None:
    table = scored()
    assert table.sha256 != dataclasses.replace(table, statistics={}).sha256
    assert (
        "statistics" not in dataclasses.replace(table, statistics={}).describe()
    )  # tables without marks are what they were
    save_benchmark(table)
    assert load_table(table.name).statistics == {"score": 3.0}
    assert load_table(table.name).sha256 == table.sha256


def test_scores_are_known_however_short_the_training(scored: Callable[..., Table]) -> None:
    table = scored(epochs=9)
    problem = TabularProblem(table, TEN, metrics=("score", "other"))
    metrics = problem.evaluate(table.codes[5], 2).metrics
    assert metrics["score"] == table.columns["score"][5]
    assert np.isnan(metrics["other"])


def test_from_a_suite(scored: Callable[..., Table], own_cache: Path, tmp_path: Path, registries: None) -> None:
    @register_method("greedy")
    @dataclass
    class Greedy(AskTell):
        """Of two random architectures, the one with the greater statistic."""

        statistic: str = "score"
        version: ClassVar[str] = "1"
        taxonomy: ClassVar[Taxonomy] = Taxonomy("any", "random", "zero-cost proxy", "none")

        @property
        def statistic_names(self) -> tuple[str, ...]:
            return (self.statistic,)

        def start(self, problem, streams):
            super().start(problem, streams)
            self.draws = streams.uniforms("sample")

        def ask(self):
            pair = [self.problem.sample(self.draws) for _ in range(2)]
            return max(pair, key=lambda arch: self.problem.statistics(arch)[self.statistic])

        def tell(self, arch, evaluation):
            pass

    table = scored()
    save_benchmark(table)
    with pytest.raises(HarnessError, match="unknown statistic 'score'; valid: none"):
        run_search(Greedy(), TabularProblem(table, TEN), Streams("made/up", 0))
    suite = {
        "name": "statistics",
        "seeds": "0:2",
        "benchmarks": ["made/up"],
        "budgets": {"evaluations": 10},
        "methods": [{"name": "greedy"}, {"name": "random"}],
    }
    records = run(suite, tmp_path / "out", backend="sequential").records.set_index(["label", "seed"])
    assert (records["status"] == "ok").all(), records["error"].iloc[0]
    assert records.loc["greedy", "n_statistics"].tolist() == [20, 20]
    assert records.loc["random", "n_statistics"].isna().all()
    for name, why in (("latency", "cannot be a statistic"), ("sore", "did you mean 'score'")):
        wrong = {**suite, "methods": [{"name": "greedy", "statistic": name}]}
        with pytest.raises(HarnessError, match=f"method greedy: benchmark made/up: .*{why}"):
            run(wrong, tmp_path / "wrong", backend="sequential")
        assert not (tmp_path / "wrong").exists()


@pytest.fixture
def frame() -> pd.DataFrame:
    """Rows of a small space, with a zero-cost score."""
    rng = np.random.default_rng(4)
    frame = pd.DataFrame(itertools.product("abc", "abcd"), columns=["first", "second"])
    frame["valid"], frame["test"], frame["naswot"] = rng.uniform(40, 90, (3, len(frame)))
    return frame


def imported(frame: pd.DataFrame, *statistics: str) -> Table:
    return table_from_frame(frame, "mine/small", arch=["first", "second"], statistics=statistics)


def test_statistics_of_a_data_frame(frame: pd.DataFrame) -> None:
    frame["naswot"] = frame["naswot"].map(str)
    frame.loc[[2, 5], "naswot"] = ["", "NaN"]
    frame["synflow"] = np.where(np.arange(len(frame)) == 1, -np.inf, frame["valid"] ** 2 + 100 * np.sin(frame.index))
    table = imported(frame, "naswot", "synflow")
    assert table.statistics == {"naswot": 0.0, "synflow": 0.0}
    expected = pd.to_numeric(frame["naswot"], errors="coerce").to_numpy()
    np.testing.assert_array_equal(table.columns["naswot"], expected)
    assert np.isnan(table.columns["naswot"]).sum() == 2
    assert table.columns["synflow"][1] == -np.inf
    assert imported(frame).statistics == {}
    assert "naswot" not in imported(frame).columns


def test_no_constraint_on_a_score_that_is_not_there(frame: pd.DataFrame) -> None:
    check_benchmark(imported(frame, "naswot"))
    assert (
        feasible_rows(imported(frame, "naswot"), [Constraint("naswot", ">=", 60.0)]).tolist()
        == (frame["naswot"] >= 60).tolist()
    )
    frame.loc[3, "naswot"] = np.nan
    check_benchmark(imported(frame, "naswot"))  # a statistic may lack a number
    with pytest.raises(
        HarnessError, match="column naswot has no finite number in 1 of 12 rows; no constraint can be put"
    ):
        feasible_rows(imported(frame, "naswot"), [Constraint("naswot", ">=", 60.0)])


def test_what_an_import_refuses_to_mark(frame: pd.DataFrame) -> None:
    frame["copy"] = 100 - frame["valid"]
    frame["latency"] = frame["loss@12"] = frame["valid_acc"] = frame["naswot"]
    frame["words"] = "big"
    frame["nothing"] = np.nan
    for name, why in (
        ("latency", "column 'latency' cannot be a statistic"),
        ("loss@12", "column 'loss@12' cannot be a statistic"),
        ("valid_acc", "column 'valid_acc' cannot be a statistic"),
        ("valid", "column 'valid' cannot be a statistic"),
        ("copy", "statistic 'copy' and the valid score are one measurement up to scale.*it is not free of training"),
        ("words", "column 'words' has no number in row 1: 'big'; leave the cell empty"),
        ("nothing", "column 'nothing' has no finite number in any row"),
        ("nasw", "unknown column 'nasw'; did you mean 'naswot'"),
    ):
        with pytest.raises(HarnessError, match=f"table mine/small: {why}"):
            imported(frame, name)
    with pytest.raises(HarnessError, match="column 'naswot' is named twice"):
        imported(frame, "naswot", "naswot")


def test_from_the_command_line(frame: pd.DataFrame, own_cache: Path, tmp_path: Path, cli: Callable[..., Any]) -> None:
    texts = [f"|{a}~0|+|none~0|none~1|+|none~0|none~1|{b}~2|" for a in OPERATIONS for b in OPERATIONS]
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(
        {"cell": texts, **{name: rng.uniform(40, 90, len(texts)) for name in ("valid", "test", "nwot")}}
    )
    rows.assign(snip=rng.random(len(texts)), params=rng.random(len(texts))).to_csv(tmp_path / "t.csv", index=False)
    columns = ["--space", "nasbench201", "--arch", "cell", "--valid", "valid", "--test", "test"]
    done = cli("import", tmp_path / "t.csv", "--name", "mine/t", *columns, "--statistic", "nwot", "snip")
    assert (done.code, done.err) == (0, "")
    assert static_names(load_table("mine/t")) == ("nwot", "params", "snip")
    plan = ("plan", "--benchmark", "mine/t", "--seeds", "0:1", "--budget", "20", "--method")
    assert cli(*plan, "area,score=snip").code == 0
    wrong = cli(*plan, "area,score=snap")
    assert (wrong.code, wrong.err.count("\n")) == (2, 1)
    assert "unknown statistic 'snap'; did you mean 'snip'" in wrong.err


def test_an_audit_notes_scores_that_are_missing(
    scored: Callable[..., Table], own_cache: Path, cli: Callable[..., Any]
) -> None:
    table = scored()
    holes = {name: np.where(np.arange(len(table)) == 3, np.nan, table.columns[name]) for name in ("score", "other")}
    save_benchmark(dataclasses.replace(table, columns={**table.columns, **holes}))
    lines = cli("doctor", "--benchmark", table.name).out.splitlines()
    assert "note  column score: 1 values are missing" in lines
    assert "bad   column other: 1 values are missing" in lines
