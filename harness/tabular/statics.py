"""Statistics of architectures: columns of a table that belong to an architecture itself and take no training to know.

Parameters and operations are such in every table; zero-cost scores are where the table marks them (`Table.statistics`). Latency
and energy are no statistics, for they are measured on a device; neither are losses and accuracies, which come of training.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError, unknown_name
from harness.tabular.scores import column_of_scores, scores_beside
from harness.tabular.table import COST, TEST, VALID, Table, is_report_only

COUNTED = ("params", "flops")  # counted of any architecture, marked or not
MEASURED = ("latency", "energy")  # of the architecture as well, but measured on a device
UNTRAINED = (*COUNTED, *MEASURED)  # columns whose names hold one of these are the same however long it was trained
# Words in a name that say that a column is measured, or comes of training.
_NO_STATISTIC = re.compile(r"latency|energy|loss|accura|error|test|valid|regret|(?<![a-z])(acc|val|top ?[15])(?![a-z])")


def check_static(name: str, where: str) -> None:
    """Refuse to mark a column that, by its name, is measured or comes of training.

    Parameters
    ----------
    name
        Of the column.
    where
        What the message begins with.

    Raises
    ------
    HarnessError
        If it is.
    """
    if name in (VALID, TEST, COST) or _NO_STATISTIC.search(name.lower()):
        raise HarnessError(
            f"{where}: column {name!r} cannot be a statistic: one is known without training or measuring an architecture, as "
            "parameters, operations and zero-cost scores are"
        )


def static_names(table: Table) -> tuple[str, ...]:
    """Names of a table's statistics, sorted: of its columns, and of the scores that were recorded beside it."""
    scores = scores_beside(table)
    beside = () if scores is None else scores.columns
    return tuple(sorted({*table.statistics, *(name for name in COUNTED if name in table.columns), *beside}))


def is_untrained(table: Table, name: str) -> bool:
    """Whether a column is the same however long an architecture was trained: its statistics, and what is measured on a device."""
    return name in table.statistics or any(word in name for word in UNTRAINED)


def static_columns(table: Table, names: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """The statistics of these names, (n_rows,) each; NaN where one could not be computed.

    Raises
    ------
    HarnessError
        If the table has no such column, or it is no statistic.
    """
    if not names:
        return {}
    known, where = static_names(table), f"benchmark {table.name}"
    found: dict[str, NDArray[np.float64]] = {}
    for name in names:
        check_static(name, where)
        if name not in known:
            if name not in table.columns:
                raise unknown_name("statistic", name, known, where)
            raise HarnessError(
                f"{where}: column {name!r} is not marked as a statistic (import FILE --statistic {name}); "
                f"marked: {', '.join(known) or 'none'}"
            )
        scores = None if name in table.columns else scores_beside(table)
        found[name] = table.columns[name] if scores is None else column_of_scores(table, scores, name)
    return found


def column_values(table: Table, name: str) -> NDArray[np.float64]:
    """(n_rows,) a column of the table, or a score that was recorded beside it.

    Raises
    ------
    HarnessError
        If there is no such column, or it is for the report only.
    """
    if name in table.columns:
        return table.visible((name,))[name]
    if name in static_names(table):
        return static_columns(table, (name,))[name]
    shown = (column for column in table.columns if not is_report_only(column))
    raise unknown_name("column", name, {*shown, *static_names(table)}, f"benchmark {table.name}")


def seconds_of(table: Table, names: Sequence[str]) -> float:
    """Seconds that these statistics of one architecture take together, by what is known of each; others are free."""
    scores = None if all(name in table.columns for name in names) else scores_beside(table)
    beside = {} if scores is None else scores.seconds
    return sum(table.statistics.get(name, 0.0 if name in table.columns else beside.get(name, 0.0)) for name in names)


def scores_digest(table: Table, names: Sequence[str]) -> str:
    """Hash of the scores beside a table, where one of these statistics is such a score; else nothing: the table has its own."""
    scores = None if all(name in table.columns for name in names) else scores_beside(table)
    return "" if scores is None else scores.sha256
