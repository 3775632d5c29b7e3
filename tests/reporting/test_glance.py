"""The table at a glance: a row a data set, or a row a method where there are many."""

from __future__ import annotations

import itertools

import pandas as pd
import pytest

from harness.reporting.sections.improvement import at_a_glance


def improvements(datasets: int, methods: int) -> pd.DataFrame:
    """RI of 10 d + m, so that every cell can be told."""
    pairs = list(itertools.product(range(datasets), range(methods)))
    return pd.DataFrame(
        {
            "benchmark": [f"d{d}" for d, _ in pairs],
            "method": [f"m{m}" for _, m in pairs],
            "ri": [10.0 * d + m for d, m in pairs],
            "ci_low": [10.0 * d + m - 1 for d, m in pairs],
            "ci_high": [10.0 * d + m + 1 for d, m in pairs],
            "p_holm": 0.001,
        }
    )


@pytest.mark.parametrize(
    ("datasets", "methods", "head"),
    [(1, 7, "data set"), (1, 8, "method"), (3, 12, "method"), (12, 12, "data set")],
)
def test_many_methods_stand_in_rows(datasets: int, methods: int, head: str) -> None:
    titles = {f"d{d}": f"set {d}" for d in reversed(range(datasets))}
    names = {f"m{m}": f"method {m}" for m in range(methods)}
    wide, columns = at_a_glance(improvements(datasets, methods), "benchmark", titles, names)
    rows, across = (names, titles) if head == "method" else (titles, names)
    assert [column.title for column in columns] == [head, *across.values()]
    shown = [[column.show(row) for column in columns] for row in wide.to_dict("records")]
    assert [row[0] for row in shown] == list(rows.values())
    for (down, *cells), (column, title) in itertools.product(shown, enumerate(across.values())):
        numbers = {text.split()[0]: int(text.split()[1]) for text in (down, title)}
        if value := 10 * numbers["set"] + numbers["method"]:
            assert cells[column] == f"* +{value}.00 ± 1.00"
