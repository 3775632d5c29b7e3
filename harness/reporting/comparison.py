"""The page of two runs side by side."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from harness.regression.compare import ALL, COLUMNS
from harness.reporting import model
from harness.reporting.formats import integer, interval, is_missing, number, p_value, plural, signed, text
from harness.reporting.html import render_html
from harness.reporting.model import Column, Document, Prose, Row, Section, TableBlock

LEVEL = 0.05


def comparison_page(frame: pd.DataFrame, first: Path, second: Path) -> str:
    """Return one HTML page, without network, of what `harness.regression.compare.compare` returned.

    Parameters
    ----------
    frame
        Its rows.
    first, second
        Folders of the runs, a and b.
    """
    return render_html(_document(frame, first, second), {})


def _document(frame: pd.DataFrame, first: Path, second: Path) -> Document:
    cells = frame[frame["benchmark"] != ALL]
    changed = cells[~cells["identical"].astype(bool)]
    told = changed[changed["p_holm"] <= LEVEL]
    better, worse = int((told["change"] > 0).sum()), int((told["change"] < 0).sum())
    facts = (
        f"{plural(len(cells), 'cell')}: {len(cells) - len(changed)} identical, {len(changed)} changed; after Holm's adjustment "
        f"{better} better in b, {worse} worse, {len(changed) - better - worse} with no significant difference."
    )
    columns = [
        text("method", "method"),
        text("benchmark", "benchmark"),
        Column("change", "b - a, RI points", _change, numeric=True, tone=_tone),
        interval("ci_low", "ci_high", "95 %"),
        p_value("p_value", "p"),
        p_value("p_holm", "Holm"),
        Column("identical", "identical", lambda row: "yes" if row["identical"] else ""),
        number("mean_a", "mean of a", 4, help="over the seeds that are compared"),
        number("mean_b", "mean of b", 4, help="over the seeds that are compared"),
        text("unit", "unit"),
        integer(
            "n_paired", "in common", help="seeds that both have, on which they are compared; 0: as independent samples"
        ),
        integer("n_a", "seeds of a"),
        integer("n_b", "seeds of b"),
        integer("budget", "budget"),
    ]
    table = TableBlock(
        "comparison",
        "Every cell that both runs have, and every method over its benchmarks.",
        frame,
        columns,
        csv=list(COLUMNS),
    )
    return Document(
        title="Two runs side by side",
        description=f"a: {first}. b: {second}.",
        facts=facts,
        answer=[
            model.Claim(f"{row['method']}, {ALL}", _said(row))
            for row in frame[frame["benchmark"] == ALL].to_dict("records")
        ],
        warnings=[],
        sections=[
            Section("cells", "Cells", [table]),
            Section("definitions", "Definitions", [Prose(_DEFINITIONS, listed=True)]),
        ],
    )


def _change(row: Row) -> str:
    return "" if is_missing(row["change"]) else signed(row["change"])


def _said(row: Mapping[Any, Any]) -> str:
    if row["identical"]:
        return "the same scores at all common seeds."
    ends = (
        "" if is_missing(row["ci_low"]) else f" [{row['ci_low']:+.3f}, {row['ci_high']:+.3f}], p {row['p_value']:.2g}"
    )
    return f"{row['change']:+.3f} RI points{ends}, pooled over its benchmarks by inverse variance."


def _tone(row: Row) -> str:
    if is_missing(row["p_holm"]) or row["p_holm"] > LEVEL:
        return ""
    return "better" if row["change"] > 0 else "worse"


_DEFINITIONS = (
    "RI points. Hundredths of random search's mean test score at equal budget; positive is better in b, whatever the direction "
    "of the scores.",
    "Test. Two-sided t: by pairs on the seeds that both runs have, which meet the same first architectures; Welch's where they "
    "share fewer than 2. Holm's adjustment is over the cells.",
    "Identical. The seeds that both runs have gave the same scores, to the bit.",
)
