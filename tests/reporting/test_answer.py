"""The sentence that the page opens with, for every way a comparison may end."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from harness.reporting.answer import answer, facts
from harness.reporting.frames.improvement import relative_improvements
from harness.reporting.frames.scores import random_equivalents
from harness.reporting.run import Run, load_run

NAN = float("nan")


def said(run: Run, improvements: list[tuple[float, float]], draws: list[float]) -> str:
    """Return what is said if RI and adjusted p-values, and draws, were these on the two tables."""
    frame = relative_improvements(run).copy()
    own = (frame["method"] == "regularized-evolution") & (frame["baseline"] == "random@30")
    frame.loc[own, ["ri", "p_holm"]] = improvements
    worth = random_equivalents(run).copy()
    worth.loc[worth["method"] == "regularized-evolution", "draws"] = draws
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
    assert said(fresh, improvements, [40, 80]).startswith(start)


@pytest.mark.parametrize(
    ("draws", "end"),
    [
        (
            [40, 80],
            "60 random draws in the median over tables: least on cora (40 random draws), most on pubmed (80 random draws).",
        ),
        (
            [np.inf, 80],
            "more than any number of random draws in the median over tables: least on pubmed (80 random draws), most on cora "
            "(more than any number of random draws).",
        ),
    ],
)
def test_what_it_is_worth(fresh: Run, draws: list[float], end: str) -> None:
    assert said(fresh, [(1, 0.01), (1, 0.01)], draws).endswith(f"Its 30 evaluations are worth {end}")


@pytest.fixture
def fresh(small: Path) -> Run:

    return load_run(small)


def test_facts(small_run: Run) -> None:
    assert facts(small_run) == "2 methods × 2 tables × 12 seeds at 30 evaluations; 48 searches, none failed."
