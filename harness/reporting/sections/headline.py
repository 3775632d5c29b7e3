"""What the page opens with: a row a method."""

from __future__ import annotations

import numpy as np
import pandas as pd

from harness.reporting.formats import NOTHING, is_missing, number, signed, text
from harness.reporting.frames.headline import HEADLINE_COLUMNS, MIXED, headline
from harness.reporting.model import Column, Row, TableBlock
from harness.reporting.run import Run


def at_first_sight(run: Run) -> TableBlock | None:
    """Return how each method stands against random search; None where no method claims anything."""
    frame = run.of(headline)
    if len(frame) == 0:
        return None
    noun, several = run.family.noun, frame["benchmarks"].max() > 1
    columns = [
        text("method", "method"),
        Column("verdict", "verdict", _verdict, tone=_tone),
        Column("ri", "RI, % [95 % interval]", _improvement, numeric=True),
    ]
    if several:
        columns.append(Column("better", "better / undecided / worse", _counts, numeric=True, help=_of_counts(frame)))
    if frame["feasible"].notna().any():
        columns.insert(1, number("feasible", "feasible, %", 0, help="searches that found an answer within the bounds"))
    if frame["draws"].notna().any():
        columns.append(Column("draws", "worth in random draws", _worth, numeric=True, help=_help(noun, several)))
    them = run.family.main_baseline(str(frame["baseline"].iloc[0]))
    return TableBlock(
        "headline",
        f"Each method against {them}.",
        frame,
        columns,
        csv=HEADLINE_COLUMNS,
        note=(
            "Verdicts are by tests at 5 % after Holm's adjustment over all claims; intervals are not adjusted."
            + (f" RI over several {noun}s is the geometric mean over exactly these." if several else "")
        ),
    )


def _verdict(row: Row) -> str:
    verdict, several = str(row["verdict"]), row["benchmarks"] > 1
    if several and verdict == MIXED:
        return f"better on {row['better']}, worse on {row['worse']} of {row['benchmarks']}"
    return (
        f"{verdict} on {row[verdict]} of {row['benchmarks']}" if several and verdict in ("better", "worse") else verdict
    )


def _counts(row: Row) -> str:
    return f"{row['better']} / {row['undecided']} / {row['worse']}"


def _of_counts(frame: pd.DataFrame) -> str:
    without = int(frame["untested"].sum())
    return "by tests after Holm's adjustment" + (f"; {without} comparisons have no test" if without else "")


def _help(noun: str, several: bool) -> str:
    text = "the fewest random draws whose exact expected score reaches the method's mean"
    return text + (f"; of several {noun}s the median" if several else "")


def _improvement(row: Row) -> str:
    if is_missing(row["ri"]):
        return NOTHING
    ends = "" if is_missing(row["ci_low"]) else f" [{signed(row['ci_low'])}, {signed(row['ci_high'])}]"
    return f"{signed(row['ri'])}{ends}"


def _worth(row: Row) -> str:
    draws, low, high = (row[key] for key in ("draws", "draws_low", "draws_high"))
    if is_missing(draws):
        return NOTHING
    if not np.isfinite(draws):
        return f"at least {low:,.0f}" if np.isfinite(low) else "not reached"
    ends = "" if is_missing(low) else f" [{low:,.0f}, {f'{high:,.0f}' if np.isfinite(high) else 'no limit'}]"
    return f"{draws:,.0f}{ends}"


def _tone(row: Row) -> str:
    return str(row["verdict"]) if row["verdict"] in ("better", "worse") else ""
