"""Data, methods and budgets, and what the run was made with."""

from __future__ import annotations

import pandas as pd

from harness.reporting.formats import dataset, integer, joined, number, score, text
from harness.reporting.frames.seconds import worth_in_seconds
from harness.reporting.frames.setup import budgets, data, methods, provenance, settings, sources
from harness.reporting.model import Column, Section, TableBlock
from harness.reporting.run import Run

_TITLES = {
    "space": "kind of space",
    "strategy": "search strategy",
    "acceleration": "acceleration",
    "hardware_cost": "hardware cost",
}


AGAIN = (
    ("nas-harness repeat OUT", "runs the same cells into a new folder and compares them with these, bit by bit"),
    ("nas-harness run OUT", "goes on with the run, e.g. with more seeds: --seeds 0:200"),
    ("nas-harness report OUT", "makes this report again from the records"),
)


def _beside(run: Run) -> str:
    """Return which columns methods saw beside the validation scores."""
    shown = sorted({name for entrant in run.entrants for name in entrant.method.shown(tuple(run.resolved["metrics"]))})
    return f" and, where it asks for them, {joined(shown)}" if shown else " only"


def data_and_methods(run: Run) -> Section:
    """Return what was compared on what."""
    return Section(
        "data",
        "Data, methods and budgets",
        [
            TableBlock(
                "data",
                f"Tables that were searched. A search sees validation scores{_beside(run)}; test scores are joined when it "
                "has ended.",
                run.of(data),
                [
                    text("benchmark", "benchmark"),
                    text("space", "space"),
                    integer("rows", "rows"),
                    text("metric", "metric"),
                    text("unit", "unit"),
                    Column("direction", "better is", lambda row: "higher" if row["direction"] == "max" else "lower"),
                    text(
                        "measure", "random architecture", help="the measure from which a random architecture is drawn"
                    ),
                    text("valid_fidelity", "validation at"),
                    text("test_fidelity", "test at"),
                    score("best_test", "best test", run),
                    score("mean_test", "mean test", run),
                    text("baseline", "baseline"),
                    *(text(f"kind_{key}", title) for key, title in _TITLES.items() if key != "strategy"),
                ],
            ),
            TableBlock(
                "sources",
                "Where the tables come from; the hash is that of a table's content.",
                run.of(sources),
                [
                    text("benchmark", "benchmark"),
                    text("licence", "licence"),
                    Column("data_sha256", "SHA-256", lambda row: f"{row['data_sha256'][:12]}…"),
                    text("source", "source"),
                ],
                folded=True,
            ),
            TableBlock(
                "methods",
                "Methods and all their parameters.",
                run.of(methods),
                [
                    text("label", "label"),
                    text("name", "method"),
                    text("version", "version"),
                    text("params", "parameters"),
                    *(text(key, title) for key, title in _TITLES.items()),
                ],
            ),
            *([_settings(run)] if len(run.of(settings)) else []),
            TableBlock(
                "budgets",
                "Budgets: what a search might spend and what it spent.",
                run.of(budgets),
                [
                    dataset(run),
                    text("method", "method"),
                    integer("n", "seeds"),
                    integer("budget", "budget"),
                    text("budget_kind", "of"),
                    integer("evaluations_min", "evaluations, least"),
                    number("evaluations_mean", "mean", 1),
                    integer("evaluations_max", "most"),
                    *(
                        number(column, title, 1)
                        for column, title in (("epochs_mean", "epochs"), ("simulated_s_mean", "simulated s"))
                        if run.of(budgets)[column].notna().any()
                    ),
                ],
                folded=True,
            ),
        ],
    )


def _settings(run: Run) -> TableBlock:
    return TableBlock(
        "settings",
        "Protocol: settings of searches and trainings, the same for all methods.",
        run.of(settings),
        [
            dataset(run),
            *([integer("budget", "epochs")] if len(run.budgets) > 1 else []),
            text("what", "what"),
            text("settings", "settings"),
        ],
        note="Cutout, drop path and auxiliary head are off where they are not named. Trainings from scratch see the images of "
        "train, not those of valid.",
    )


def made_with(run: Run) -> Section:
    """Return versions and the machine, and what gets the same again."""
    again = TableBlock(
        "again",
        "How to get it again; OUT is the folder of the run, which this report lies in.",
        pd.DataFrame(AGAIN, columns=["command", "what"]),
        [text("command", "command"), text("what", "what it does")],
    )
    table = TableBlock(
        "provenance",
        "What the run was made with.",
        run.of(provenance),
        [text("what", "what"), text("value", "value")],
        note="Times and memory, which differ from run to run, are in tables/timings.csv"
        + (" and on the page of seconds alone." if len(run.of(worth_in_seconds)) else " alone."),
    )
    return Section("provenance", "Provenance, and how to get it again", [again, table])
