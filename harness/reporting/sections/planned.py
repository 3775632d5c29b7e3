"""Comparisons that the suite named before it was run."""

from __future__ import annotations

import math

from harness.reporting.formats import dataset, integer, interval, is_missing, number, p_value, points, text
from harness.reporting.frames.improvement import LEVEL
from harness.reporting.frames.planned import PLAN, PLANNED_COLUMNS, planned_pairs
from harness.reporting.model import Column, Row, Section, TableBlock
from harness.reporting.run import Run


def planned(run: Run) -> Section | None:
    """Return the planned pairs, seed by seed; None where the suite names none."""
    frame = run.of(planned_pairs)
    if not len(frame):
        return None
    collapse = [
        integer("collapsed_a", "collapsed, first"),
        integer("collapsed_b", "collapsed, second"),
        _seeds("seeds_collapse", "seeds, collapse", "that find the difference of the rates of collapse seen here"),
    ]
    table = TableBlock(
        "planned_pairs",
        "Planned comparisons, seed by seed: how often the first method beats the second.",
        frame,
        [
            dataset(run),
            text("a", "first"),
            text("b", "second"),
            integer("n", "seeds"),
            Column("win_probability", "first beats second", _wins, numeric=True, tone=_tone),
            p_value("p_value", "p", help="exact sign test"),
            p_value("p_holm", "p, Holm", help="over all planned comparisons"),
            points("ri", "RI over second, %", help="difference of the means in percent of the second's"),
            interval("ri_low", "ri_high", "95 %"),
            number("median_difference", "median difference", help="of the scores, seed by seed"),
            *(collapse if frame["collapsed_a"].notna().any() else []),
            _seeds("seeds_win", "seeds, wins", "that find the share of wins seen here"),
            _seeds("seeds_ri", f"seeds, RI {PLAN.detect:g} %", "that find such an RI at the deviation seen here"),
        ],
        csv=list(PLANNED_COLUMNS),
        note="Seeds are planned for 80 % power at 5 %, before adjustment. Ties count half. Where some searches collapse a mean "
        "is theirs: an RI then takes many more seeds than wins do.",
    )
    return Section("planned", "Planned comparisons", [table])


def _wins(row: Row) -> str:
    if is_missing(row["win_probability"]):
        return ""
    if is_missing(row["win_low"]):
        return "all ties"
    return f"{100 * row['win_probability']:.0f} % [{100 * row['win_low']:.0f}, {100 * row['win_high']:.0f}]"


def _tone(row: Row) -> str:
    if not row["p_holm"] < LEVEL:
        return ""
    return "better" if row["win_probability"] > 0.5 else "worse"


def _seeds(key: str, title: str, help: str) -> Column:
    def shown(row: Row) -> str:
        value = row[key]
        return "" if is_missing(value) else "none would" if math.isinf(value) else f"{value:,.0f}"

    return Column(key, title, shown, numeric=True, help=help)
