"""The sentence that the page opens with, for every way a comparison may end."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from harness.reporting.answer import answer, facts
from harness.reporting.caveats import check_of_the_law, unbounded, unspent_budgets
from harness.reporting.formats import signed
from harness.reporting.frames.improvement import relative_improvements
from harness.reporting.frames.scores import random_equivalents
from harness.reporting.run import Run, load_run
from harness.running.columns import RECORD_COLUMNS
from harness.running.records import write_parquet

from .conftest import Make

NAN = float("nan")


Interval = tuple[float, float, float]
USUAL: list[Interval] = [(40, 35, 50), (80, 70, 90)]


def said(run: Run, improvements: list[tuple[float, float]], draws: list[Interval]) -> str:
    """Return what is said if RI and adjusted p-values, and draws, were these on the two tables."""
    frame = relative_improvements(run).copy()
    own = (frame["method"] == "regularized-evolution") & (frame["baseline"] == "random@30")
    frame.loc[own, ["ri", "p_holm"]] = improvements
    worth = random_equivalents(run).copy()
    worth.loc[worth["method"] == "regularized-evolution", ["draws", "draws_low", "draws_high"]] = draws
    run._computed[relative_improvements], run._computed[random_equivalents] = frame, worth
    return str(answer(run)[0]).removeprefix("regularized-evolution ")


@pytest.mark.parametrize(
    ("improvements", "start"),
    [
        (
            [(1, 0.01), (-1, 0.01)],
            "beats random search at equal budget on 1 of 2 tables (cora) and loses on 1 (pubmed) after Holm's adjustment.",
        ),
        (
            [(1, 0.01), (-1, 0.2)],
            "beats random search at equal budget on 1 of 2 tables (cora) and loses on none after Holm's adjustment; 1 undecided.",
        ),
        (
            [(-1, 0.01), (1, 0.2)],
            "beats random search at equal budget on none of 2 tables and loses on 1 (cora) after Holm's adjustment; 1 undecided.",
        ),
        ([(1, 0.01), (1, 0.049)], "beats random search at equal budget on all 2 tables after Holm's adjustment."),
        ([(-1, 0.01), (-1, 0.01)], "loses to random search at equal budget on all 2 tables after Holm's adjustment."),
        ([(1, 0.05), (-1, 0.9)], "cannot be told from random search at equal budget on any of 2 tables."),
        (
            [(1, 0.01), (1, NAN)],
            "beats random search at equal budget on the only table with a test after Holm's adjustment; 1 table without a test.",
        ),
        ([(1, NAN), (1, NAN)], "has no test against random@30 on any table; the notes below say why."),
    ],
)
def test_how_a_method_stands(fresh: Run, improvements: list[tuple[float, float]], start: str) -> None:
    assert said(fresh, improvements, USUAL).startswith(start)


@pytest.mark.parametrize(
    ("draws", "end"),
    [
        (USUAL, "worth more on 2 tables (most on pubmed: 80 [70, 90])"),
        (
            [(40, 20, 90), (np.inf, 200, np.inf)],
            "worth more on 1 table (most on pubmed: out of reach of any number, at least 200) and not told from as many on 1 "
            "table",
        ),
        (
            [(40, 31, 90), (3, 2, 29)],
            "worth more on 1 table (most on cora: 40 [31, 90]) and worth fewer on 1 table (fewest on pubmed: 3 [2, 29])",
        ),
        ([(40, 30, 90), (35, 20, 60)], "not told from as many on 2 tables"),
    ],
)
def test_what_it_is_worth(fresh: Run, draws: list[Interval], end: str) -> None:
    """More or fewer is said only where the interval leaves out the evaluations that were made."""
    wanted = f"In random draws, its 30 evaluations are {end}, by 95 % intervals, one table at a time."
    assert said(fresh, [(1, 0.01), (1, 0.01)], draws).endswith(wanted)


@pytest.mark.parametrize(
    ("draws", "end"),
    [
        ((40, 31, 90), "more: 40 [31, 90]"),
        ((40, 31, np.inf), "more: 40 [31, no limit]"),
        ((np.inf, np.inf, np.inf), "more: out of reach of any number"),
        ((40, 25, 90), "about as many: 40 [25, 90]"),
        ((4, 2, 9), "fewer: 4 [2, 9]"),
    ],
)
def test_what_it_is_worth_on_one_table(fresh: Run, draws: Interval, end: str) -> None:
    told = said(fresh, [(1, 0.01), (1, 0.01)], [draws, (40, NAN, NAN)])
    assert told.endswith(f"In random draws, its 30 evaluations are worth {end}, by its 95 % interval.")


def test_worth_is_of_the_evaluations_that_were_made(small: Path, tmp_path: Path) -> None:
    shutil.copytree(small, tmp_path / "run", ignore=shutil.ignore_patterns("report"))
    records = pd.read_parquet(small / "records.parquet")
    records.loc[records["label"] == "regularized-evolution", "n_evaluations"] = 24
    write_parquet(tmp_path / "run" / "records.parquet", records, RECORD_COLUMNS)
    frame = random_equivalents(load_run(tmp_path / "run")).set_index("method")
    assert set(frame.loc["regularized-evolution", "evaluations"]) == {24}
    np.testing.assert_allclose(frame["speed_up"], frame["draws"] / frame["evaluations"])


@pytest.mark.parametrize(("p_value", "words"), [(0.0004, "more than chance explains"), (0.002, "no difference")])
def test_the_check_of_the_law_rarely_fails_by_chance(fresh: Run, p_value: float, words: str) -> None:
    """At 0.001 over all checks of the report, here 2."""
    frame = relative_improvements(fresh).copy()
    frame.loc[frame["is_check"], "p_value"] = [p_value, 0.5, 0.5, 0.5]
    fresh._computed[relative_improvements] = frame
    (text,) = check_of_the_law(fresh)
    assert words in text
    assert "wrong" not in text


@pytest.fixture
def fresh(small: Path) -> Run:
    return load_run(small)


def test_facts(small_run: Run) -> None:
    assert facts(small_run) == "2 methods × 2 tables × 12 seeds at 30 evaluations; 48 searches, none failed."


def test_a_method_on_one_of_several_tables(make_run: Make) -> None:
    methods = [{"name": "random"}, {"name": "local-search", "benchmarks": ["nasbench-graph/pubmed"]}]
    (claim,) = answer(load_run(make_run(methods=methods)))
    assert "on its only table (pubmed)" in claim.statement


def test_what_reads_the_whole_table_is_set_apart(make_run: Make) -> None:
    levels = [
        {"name": "darts-1st", "label": "bilevel"},
        {"name": "darts-1st", "label": "exact bilevel", "on_tables": "enumerate"},
    ]
    run = load_run(
        make_run(
            benchmarks=["digits201"],
            metrics=["train_loss", "valid_loss"],
            seeds="0:5",
            methods=[{"name": "random"}, *levels],
        )
    )
    claims = {claim.subject: claim.statement for claim in answer(run)}
    assert "whole table" not in claims["bilevel"]
    found = relative_improvements(run)
    ri = found.loc[(found["method"] == "exact bilevel") & (found["baseline"] == "random@30"), "ri"].iloc[0]
    assert claims["exact bilevel"] == (
        "reads the whole table at once, which no budget bounds, and stands beside the comparison: "
        f"RI {signed(ri)} % over random@30."
    )
    assert [text.partition(":")[0] for text in unbounded(run)] == ["exact bilevel"]
    assert not list(unspent_budgets(run))
