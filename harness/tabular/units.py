"""In which unit scores are: by the percent signs of their cells, as it is stated, or told from metric and values."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError
from harness.tabular.numerals import Numerals, percent_factor
from harness.tabular.table import Direction, Unit

FloatArray = NDArray[np.float64]

TOPS: Mapping[str, float] = {"percent": 100.0, "fraction": 1.0}
_ACCURACY = frozenset(("accuracy", "accuracies", "acc"))
_ERROR = frozenset(("error", "errors", "err"))
# What an error may be called beside: a "squared error" or "calibration error" is no share of wrong answers.
_OF_ERRORS = frozenset(
    ("rate", "classification", "top", "top1", "top5", "1", "5", "mean", "average", "test", "validation", "valid", "val")
)


def is_loss(metric: str) -> bool:
    """Whether a metric is called a loss."""
    return metric.casefold().rstrip().endswith("loss")


def is_error(metric: str) -> bool:
    """Whether a metric is the share of wrong answers."""
    words = _words(metric)
    return bool(words & _ERROR) and words <= _ERROR | _OF_ERRORS


def is_share(metric: str) -> bool:
    """Whether a metric is a share of all answers, and so in percent or a fraction: an accuracy or an error."""
    return not is_loss(metric) and (bool(_words(metric) & _ACCURACY) or is_error(metric))


def _words(metric: str) -> set[str]:
    return set(re.findall(r"[a-z]+|[0-9]+", metric.casefold()))


def check_direction(metric: str, unit: Unit | None, direction: Direction, where: str) -> None:
    """Refuse a loss or an error that is to be as large as possible."""
    name = "a loss" if unit == "loss" or is_loss(metric) else "an error" if is_error(metric) else ""
    if name and direction == "max":
        instead = ", or unit none" if unit == "loss" else ""
        raise HarnessError(f"{where}: {name} is better when it is smaller: give direction min{instead}")


def in_one_unit(
    scores: Mapping[str, Numerals], stated: Unit | None, metric: str, where: str
) -> tuple[dict[str, FloatArray], Unit]:
    """Return scores by column and their unit.

    A percent sign decides the unit of its cell, and a unit that is stated that of all others: it is checked for its range only.
    Otherwise accuracies and errors are percent or fractions by their values, and other metrics are neither.

    Raises
    ------
    HarnessError
        If a score is out of the unit's range, if percent and fractions are mixed, or if it cannot be told which they are.
    """
    if any(numbers.signed.any() for numbers in scores.values()):
        values, unit = _by_sign(scores, stated, where)
    else:
        values = {column: numbers.values for column, numbers in scores.items()}
        unit = stated or (told(values, where) if is_share(metric) else "loss" if is_loss(metric) else "none")
    for column, found in values.items():
        if (bad := np.flatnonzero((found < 0) | (found > TOPS.get(unit, np.inf)))).size and unit in TOPS:
            looks = "percent" if 1 < found[bad[0]] <= 100 else "neither percent nor fractions"
            raise HarnessError(
                f"{where}: the unit was stated as {unit}, but the values look like {looks}: column {column!r} has "
                f"{found[bad[0]]} in row {bad[0] + 1}"
            )
    return values, unit


def told(scores: Mapping[str, FloatArray], where: str) -> Unit:
    """Tell percent from fraction by the values of an accuracy or error; a mixture of both is refused."""
    found: dict[str, Unit] = {}
    for column, values in scores.items():
        top = values.max()
        if (bad := np.flatnonzero((values < 0) | (values > 100))).size:
            raise HarnessError(
                f"{where}: column {column!r} has {values[bad[0]]} in row {bad[0] + 1}, which is neither a percentage nor a "
                "fraction; state --unit loss or --unit none if it is no accuracy"
            )
        if (row := fraction_among_percent(values)) is not None:
            raise HarnessError(
                f"{where}: column {column!r} mixes percent and fraction: {values[row]} in row {row + 1} beside "
                f"a largest value of {top}; bring it to one unit, or state --unit if it is in one"
            )
        found[column] = "percent" if top > 1 else "fraction"
    if len(set(found.values())) > 1:
        listed = ", ".join(f"{column!r} looks like {kind}" for column, kind in found.items())
        raise HarnessError(
            f"{where}: percent and fraction are mixed: {listed}; bring both columns to one unit, or state --unit if they are"
        )
    return next(iter(found.values()))


def looks_otherwise(scores: Mapping[str, FloatArray], unit: Unit) -> bool:
    """Whether percentages or fractions do not look like what they are stated to be."""
    try:
        return unit in TOPS and told(scores, "") != unit
    except HarnessError:
        return True


def fraction_among_percent(values: FloatArray) -> int | None:
    """Return the first row whose score would be a likely percentage if it were a fraction; None if there is none."""
    top = values.max()
    suspects = np.flatnonzero((values > 0) & (values <= 1) & (values * 100 <= top)) if top > 1 else np.empty(0, int)
    return int(suspects[0]) if suspects.size else None


def _by_sign(scores: Mapping[str, Numerals], stated: Unit | None, where: str) -> tuple[dict[str, FloatArray], Unit]:
    """Bring cells with a percent sign and cells without to one unit: the stated one, or percent."""
    if stated == "fraction":
        return {column: np.where(signed, values / 100, values) for column, (values, signed) in scores.items()}, stated
    others = np.concatenate([values[signed] for values, signed in scores.values()])
    found = {}
    for column, (values, signed) in scores.items():
        plain = np.flatnonzero(~signed)
        factor: float | None = 1.0
        if plain.size and stated != "percent":
            factor = None if stated else percent_factor(values[plain], others)
        if factor is None:
            raise HarnessError(
                f"{where}: column {column!r} has {values[plain[0]]} in row {plain[0] + 1} without a percent sign, beside "
                f"{others[0]}% with one; write the sign in all cells, or in none and state --unit"
            )
        found[column] = np.where(signed, values, values * factor)
    return found, stated or "percent"
