"""Does a search see the test? What can be told of it from a table's numbers and from what its columns are called.

The one place that decides: what an import, the audit and the head of a report say of it is said here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from harness.tabular.table import TEST, VALID, Table, is_report_only

LINEAR = 0.999999  # a correlation above this is one measurement, scaled or rounded
RANKED = 0.9999  # so is a rank correlation above this, in whatever scale
LEAKED = 0.25  # share of rows with equal scores, above chance, that is no coincidence
ENOUGH = 10  # rows from which on a correlation says something
COUNTS = ("valid_seeds", "test_seeds")  # of trainings, which say nothing of a score
ENOUGH_RANKS = 100  # rows from which on the same order is no coincidence
# A word that begins so, as in "test_acc" and "cifar10.testError", but not in "latest" or "value".
_SAYS = {
    TEST: re.compile(r"(?<![A-Za-z])test|Test|TEST"),
    VALID: re.compile(r"(?<![A-Za-z])val(?!ue)|Val(?!ue)|VAL(?!UE)"),
}


def leaks(table: Table, beside: Mapping[str, NDArray[np.float64]] | None = None) -> list[str]:
    """Return a sentence, without its full stop, on every way in which a search on the table would see the test.

    Parameters
    ----------
    table
        What is searched. What an import found by columns that the table does not carry stands in its ``source["leaks"]``.
    beside
        (n_rows,) further test scores by what to call them, such as columns of the file that the table does not carry.
    """
    found = [*table.source.get("leaks", ()), *_exchanged(table), *_columns(table, beside or {}), *_curves(table)]
    return list(dict.fromkeys(found))


def _exchanged(table: Table) -> Iterator[str]:
    """Columns whose names say something else than what they are taken for."""
    if "adapter" in table.source:
        return  # a published file, of which the importer says what it is
    valid, test = (str(table.fidelity.get(role, "")) for role in (VALID, TEST))
    match _says(valid), _says(test):
        case "test", "valid":
            yield f"validation is column {valid!r} and test is column {test!r}, as if exchanged: a search would see the test"
        case "test", _:
            yield f"validation is column {valid!r}, a test score by its name: a search would see the test"
        case "valid", "valid":
            yield f"test is column {test!r}, a validation score by its name: what drives a search would be reported"


def _says(name: str) -> str:
    """What a column is by its name, ``test`` or ``valid``; empty where it says neither, or both in many words."""
    found = {word: [match.start() for match in says.finditer(name)] for word, says in _SAYS.items()}
    if all(found.values()) and " " in name:
        return ""
    # "cifar10-valid.test_accuracy" is a test score on a data set of that name.
    return max((word for word in found if found[word]), key=lambda word: found[word][-1], default="")


def _columns(table: Table, beside: Mapping[str, NDArray[np.float64]]) -> Iterator[str]:
    """Columns that a search may see or draw by, against those that only the report may: are they one measurement?"""
    reported = {name: values for name, values in table.columns.items() if is_report_only(name)} | dict(beside)
    for name, values in table.columns.items():
        for other, theirs in reported.items() if name not in reported else ():
            if {name, other} <= set(COUNTS):
                continue
            if how := sameness(values, theirs) or _same_order(values, theirs):
                who = "validation and test are" if (name, other) == (VALID, TEST) else f"columns {name} and {other} are"
                yield f"{who} {how}: a search would see the test"
    for other, theirs in reported.items() if not table.has_equal_weights else ():
        if how := sameness(table.weights, theirs) or _same_order(table.weights, theirs):
            yield f"the weights of random architectures and column {other} are {how}: a search would draw by the test"


def _curves(table: Table) -> Iterator[str]:
    """Curves that end in a test score, and validation that is a test score of an earlier epoch."""
    for name in table.curves:
        if is_report_only(name):
            for epoch, values in enumerate(table.curves[name].T, start=1):
                if sameness(table.valid, values):
                    yield f"validation is what curve {name} has after epoch {epoch}: a search would see the test"
        elif name not in table.columns:
            for other in (key for key in table.columns if is_report_only(key)):
                if how := sameness(table.curves[name][:, -1], table.columns[other]):
                    yield f"the end of curve {name} and column {other} are {how}: a leak"


def sameness(values: NDArray[np.floating], others: NDArray[np.floating]) -> str:
    """In which way two columns are one measurement; empty if they are not."""
    both = np.isfinite(values) & np.isfinite(others)
    values, others = values[both], others[both]
    if len(values) < ENOUGH or np.ptp(values) == 0 or np.ptp(others) == 0:
        return "identical" if len(values) > 1 and np.ptp(values) > 0 and np.array_equal(values, others) else ""
    # Architectures that do not learn at all share their score by right: chance.
    levels, counts = np.unique(values, return_counts=True)
    learned = values != levels[counts.argmax()]
    same = float((values == others)[learned].mean()) if learned.any() else 0.0
    if same > LEAKED:
        return f"identical in {100 * same:.1f} % of the rows"
    correlation = float(np.corrcoef(values, others)[0, 1])
    if abs(correlation) > LINEAR:
        return f"one measurement up to scale and rounding (correlation {correlation:.7f})"
    return ""


def _same_order(values: NDArray[np.floating], others: NDArray[np.floating]) -> str:
    """In which way one column is the other on a scale of its own, such as its logarithm; empty if it is not."""
    both = np.isfinite(values) & np.isfinite(others)
    values, others = values[both], others[both]
    if len(values) < ENOUGH_RANKS or np.ptp(values) == 0 or np.ptp(others) == 0:
        return ""
    correlation = float(stats.spearmanr(values, others).statistic)
    return f"one measurement on two scales (rank correlation {correlation:.7f})" if abs(correlation) > RANKED else ""
