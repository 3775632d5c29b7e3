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


def said(run: Run, improvements: list[tuple[float, float]]) -> str:
    """Return what is said if RI and adjusted p-values were these on the two tables."""
    frame = relative_improvements(run).copy()
    own = (frame["method"] == "regularized-evolution") & (frame["baseline"] == "random@30")
    frame.loc[own, ["ri", "p_holm"]] = improvements
    run._computed[relative_improvements] = frame
    return str(answer(run)[0]).removeprefix("regularized-evolution ")


HOLM = "(Holm's adjustment over 2 claims)"


@pytest.mark.parametrize(
    ("improvements", "start"),
    [
        (
            [(1, 0.01), (-1, 0.01)],
            f"is better than random search at equal budget on 1 of 2 tables (cora) and worse on 1 (pubmed) {HOLM}.",
        ),
        (
            [(1, 0.01), (-1, 0.2)],
            "is better than random search at equal budget on 1 of 2 tables (cora) and worse on none; 1 without a significant "
            f"difference {HOLM}.",
        ),
        (
            [(-1, 0.01), (1, 0.2)],
            "is better than random search at equal budget on none of 2 tables and worse on 1 (cora); 1 without a significant "
            f"difference {HOLM}.",
        ),
        ([(1, 0.01), (1, 0.049)], f"is better than random search at equal budget on all 2 tables {HOLM}."),
        ([(-1, 0.01), (-1, 0.01)], f"is worse than random search at equal budget on all 2 tables {HOLM}."),
        (
            [(1, 0.05), (-1, 0.9)],
            f"shows no significant difference from random search at equal budget on any of 2 tables {HOLM}.",
        ),
        ([(1, 0.01), (1, NAN)], "is better than random search at equal budget on cora (RI +1.00 % "),
        ([(1, NAN), (1, NAN)], "has no test against random@30 on any table; the notes below say why."),
    ],
)
def test_how_a_method_stands(fresh: Run, improvements: list[tuple[float, float]], start: str) -> None:
    assert said(fresh, improvements).startswith(start)


def test_one_test_is_told_with_its_numbers(fresh: Run) -> None:
    told = said(fresh, [(1, 0.01), (1, NAN)])
    row = relative_improvements(fresh).query("method == 'regularized-evolution' and baseline == 'random@30'").iloc[0]
    ends = f"[{signed(row['ci_low'])}, {signed(row['ci_high'])}]"
    assert told.endswith(f"on cora (RI +1.00 % {ends}, p 0.01); 1 table without a test.")


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
    assert "random search at equal budget on pubmed (RI " in claim.statement


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
    assert "full table" not in claims["bilevel"]
    found = relative_improvements(run)
    ri = found.loc[(found["method"] == "exact bilevel") & (found["baseline"] == "random@30"), "ri"].iloc[0]
    assert claims["exact bilevel"] == (
        "is an oracle: it uses the full table, which no budget bounds, and stands beside the comparison "
        f"(RI {signed(ri)} % over random@30)."
    )
    assert [text.partition(":")[0] for text in unbounded(run)] == ["exact bilevel"]
    assert not list(unspent_budgets(run))
