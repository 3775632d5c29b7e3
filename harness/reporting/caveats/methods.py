"""Methods whose budgets do not mean what they mean for others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from harness.reporting.formats import joined, plural
from harness.reporting.run import Run


def nothing_evaluated(run: Run) -> Iterator[str]:
    """Methods that recommend without having evaluated anything: no budget was spent, no search made."""
    blind = run.cells[(run.cells["status"] == "ok") & (run.cells["n_evaluations"] == 0)]
    for group, cells in blind.groupby("group", sort=False) if not run.family.has_supernets else ():
        benchmark, entrant = run.pairs[cast(int, group)]
        if not entrant.is_unbounded:
            yield (
                f"{entrant.name} recommended an architecture of {run.titles[benchmark.name]} without evaluating any in "
                f"{plural(len(cells), 'cell')} (n_evaluations = 0 in the records): it is no search of equal cost, and where its "
                "answer comes from the run does not know."
            )


def several_budgets(run: Run) -> Iterator[str]:
    """Methods at different budgets stand side by side."""
    if len(run.budgets) > 1:
        yield (
            f"The suite has the budgets {joined(f'{budget.amount:,}' for budget in run.budgets)} {run.unit}: a method is "
            "compared with random search at its own budget, and methods at different budgets are not compared with each other."
        )


def unbounded(run: Run) -> Iterator[str]:
    """Methods that read whole tables."""
    names = [entrant.name for entrant in run.entrants if entrant.is_unbounded]
    if names and not run.family.has_supernets:
        yield (
            f"{joined(names)}: minimised over the losses of all architectures at once. No budget bounds what they see, so they "
            "are no search of equal cost; a level's minimiser is one architecture, and its test score one draw of noise."
        )


def unspent_budgets(run: Run) -> Iterator[str]:
    """Methods that stopped before their budget was spent."""
    counted = run.cells[(run.cells["status"] == "ok") & (run.cells["budget_kind"] == "evaluations")]
    short = counted[(counted["n_evaluations"] > 0) & (counted["n_evaluations"] < counted["budget"])]
    short = short[~short["group"].map(lambda group: run.pairs[group][1].is_unbounded).astype(bool)]
    for name, cells in short.groupby(short["group"].map(lambda group: run.pairs[group][1].name), sort=False):
        yield f"{name} stopped before its budget was spent in {plural(len(cells), 'cell')}; its baseline has the whole budget."
