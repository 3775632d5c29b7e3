"""What papers print on the data sets of a run, in a table of its own."""

from __future__ import annotations

import dataclasses

import pandas as pd

from harness.reporting.formats import text
from harness.reporting.model import Section, TableBlock
from harness.reporting.published import Record, published_of
from harness.reporting.run import Run


def published_results(run: Run) -> Section | None:
    """Return published records of the run's data sets; None where there is none."""
    records: dict[Record, None] = {}
    for benchmark in run.benchmarks:
        records |= dict.fromkeys(published_of(benchmark.dataset, str(benchmark.card["space"]["name"])))
    if not records:
        return None
    table = TableBlock(
        "published",
        "Numbers that papers print on these data sets, as they state them. Nothing here was measured by this harness.",
        pd.DataFrame([dataclasses.asdict(record) for record in records]),
        [
            text("data_set", "data set"),
            text("system", "system"),
            text("quantity", "quantity"),
            text("value", "as stated"),
            text("unit", "unit"),
            text("protocol", "protocol"),
            text("where", "where"),
            text("source", "source"),
        ],
        note="Spaces, budgets, training and the choice of the epoch differ from paper to paper, and from this run: these "
        "numbers are for orientation, and no statistic of this report uses them.",
        folded=True,
    )
    return Section("published", "Published results", [table])
