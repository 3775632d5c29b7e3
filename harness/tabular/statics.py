"""Statistics of architectures: columns of a table that belong to an architecture itself and take no training to know.

Parameters and operations are such in every table; zero-cost scores are where the table marks them (`Table.statistics`). Latency
and energy are no statistics, for they are measured on a device; neither are losses and accuracies, which come of training.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError, unknown_name
from harness.tabular.table import COST, TEST, VALID, Table

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
    """Names of a table's statistics, sorted."""
    return tuple(sorted({*table.statistics, *(name for name in COUNTED if name in table.columns)}))


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
    known, where = static_names(table), f"benchmark {table.name}"
    for name in names:
        check_static(name, where)
        if name not in table.columns:
            raise unknown_name("statistic", name, known, where)
        if name not in known:
            raise HarnessError(
                f"{where}: column {name!r} is not marked as a statistic (import FILE --statistic {name}); "
                f"marked: {', '.join(known) or 'none'}"
            )
    return {name: table.columns[name] for name in names}


def seconds_of(statistics: Mapping[str, float], names: Sequence[str]) -> float:
    """Seconds that these statistics of one architecture take together, by what a table says of each; unknown ones are free."""
    return sum(statistics.get(name, 0.0) for name in names)
