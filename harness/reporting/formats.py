"""How numbers are written, and columns made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pandas as pd

from harness.reporting.model import Column, Row
from harness.reporting.run import PERCENT_UNITS, Run

NOTHING = "–"


def text(key: str, title: str, help: str = "") -> Column:
    """Return a column of texts."""
    return Column(key, title, lambda row: str(row[key] or NOTHING), help=help)


def dataset(run: Run) -> Column:
    """Return the column that names each row's benchmark."""
    return Column("benchmark", "data set", lambda row: run.titles[row["benchmark"]])


def method(run: Run) -> Column:
    """Return the column that names each row's method, and says where that is random search itself, simulated."""
    return Column("method", "method", lambda row: method_text(run, row["method"], row["is_check"]))


def method_text(run: Run, name: str, is_check: bool) -> str:
    """Return a method's name; random search on a table is simulated, what is trained or derived live is what it is."""
    return f"{name} (simulated)" if is_check and not run.family.has_supernets else name


def integer(key: str, title: str, help: str = "", link: str = "") -> Column:
    """Return a column of whole numbers."""
    return _numeric(key, title, lambda value: f"{int(value):,}", help, link)


def number(key: str, title: str, digits: int = 2, help: str = "") -> Column:
    """Return a column of numbers with fixed digits."""
    return _numeric(key, title, lambda value: _typeset(f"{value:,.{digits}f}"), help)


def points(key: str, title: str, help: str = "") -> Column:
    """Return a column of signed percentages such as RI."""
    return _numeric(key, title, signed, help)


def p_value(key: str, title: str, help: str = "") -> Column:
    """Return a column of p-values."""
    return _numeric(key, title, p_text, help)


def score(key: str, title: str, run: Run, help: str = "") -> Column:
    """Return a column of scores, by each row's ``unit``: percentages and fractions in percent, all else as it is."""
    shared = run.in_percent
    return Column(
        key,
        f"{title} (%)" if shared else title,
        lambda row: _or_nothing(row[key], lambda value: score_text(value, row["unit"], bare=shared)),
        numeric=True,
        help=help,
    )


def scores(low: str, high: str, title: str, run: Run, help: str = "") -> Column:
    """Return a column of intervals of scores, written as those of `score`, sorted by the lower end."""

    def show(row: Row) -> str:
        ends = (score_text(row[end], row["unit"], bare=run.in_percent) for end in (low, high))
        return NOTHING if is_missing(row[low]) else f"[{', '.join(ends)}]"

    return Column(low, title, show, numeric=True, help=help)


def interval(low: str, high: str, title: str, help: str = "") -> Column:
    """Return a column of intervals of signed percentages, sorted by the lower end."""
    return Column(
        low,
        title,
        lambda row: _or_nothing(row[low], lambda value: f"[{signed(value)}, {signed(row[high])}]"),
        numeric=True,
        help=help,
    )


def span(low: str, high: str, title: str, digits: int = 2, help: str = "") -> Column:
    """Return a column of intervals of numbers without a sign, sorted by the lower end."""
    return Column(
        low,
        title,
        lambda row: _or_nothing(
            row[low], lambda value: f"[{_typeset(f'{value:,.{digits}f}')}, {_typeset(f'{row[high]:,.{digits}f}')}]"
        ),
        numeric=True,
        help=help,
    )


def signed(value: float) -> str:
    """Return a percentage with its sign; what rounds to 0 has none."""
    shown = f"{value:+.2f}"
    return "0.00" if float(shown) == 0 else _typeset(shown)


def p_text(value: float) -> str:
    """Return a p-value with two significant digits."""
    if value < 1e-12:
        return _typeset("<1e-12")
    return _typeset(f"{value:.1e}") if value < 0.001 else f"{value:.2g}" if value < 0.1 else f"{value:.2f}"


def score_text(value: float, unit: str, bare: bool = False) -> str:
    """Return a score: a percentage or fraction in percent, anything else with four significant digits."""
    if unit not in PERCENT_UNITS:
        return _typeset(f"{value:.4g}")
    return _typeset(f"{shown_score(value, unit):.2f}") + ("" if bare else "\u00a0%")


def shown_score(value: Any, unit: str) -> Any:
    """Return a score, or an array of them, in the unit in which it is shown."""
    return value * 100.0 if unit == "fraction" else value


def ranges(values: Iterable[int]) -> str:
    """Return whole numbers as ranges: ``0-3, 7``."""
    runs: list[list[int]] = []
    for value in sorted(values):
        if runs and value == runs[-1][1] + 1:
            runs[-1][1] = value
        else:
            runs.append([value, value])
    return ", ".join(str(low) if low == high else f"{low}-{high}" for low, high in runs)


def plural(count: int, noun: str, many: str = "") -> str:
    """Return a count with its noun."""
    return f"{count:,} {noun if count == 1 else many or noun + 's'}"


def joined(texts: Iterable[str]) -> str:
    """Return texts as an enumeration: ``a, b and c``."""
    *head, last = texts
    return f"{', '.join(head)} and {last}" if head else last


def is_missing(value: Any) -> bool:
    """Whether a frame's value stands for nothing."""
    return bool(pd.isna(value))


def _typeset(number: str) -> str:
    """Return a number with a minus sign where it has a hyphen."""
    return number.replace("-", "−")


def _or_nothing(value: Any, show: Callable[[Any], str]) -> str:
    return NOTHING if is_missing(value) else show(value)


def _numeric(key: str, title: str, show: Callable[[Any], str], help: str = "", link: str = "") -> Column:
    def cell(row: Row) -> str:
        return _or_nothing(row[key], show)

    return Column(key, title, cell, numeric=True, help=help, link=link)
