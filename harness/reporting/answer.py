"""The answer in plain words, computed: what the page opens with."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from harness.reporting.formats import joined, plural
from harness.reporting.frames.improvement import LEVEL, relative_improvements, win_counts
from harness.reporting.frames.scores import random_equivalents
from harness.reporting.run import Entrant, Run


def facts(run: Run) -> str:
    """Return what was run, in one line."""
    methods = len(dict.fromkeys(entrant.method.label for entrant in run.entrants))
    budgets = joined(dict.fromkeys(f"{entrant.budget.amount:,}" for entrant in run.entrants))
    failed = int((run.cells["status"] != "ok").sum())
    return (
        " × ".join(
            [
                plural(methods, "method"),
                plural(len(run.benchmarks), "table"),
                plural(len(run.seeds), "seed"),
            ]
        )
        + f" at {budgets} {run.entrants[0].budget.kind}; {plural(len(run.cells), 'search', 'searches')}, "
        + (f"{failed:,} failed." if failed else "none failed.")
    )


def answer(run: Run) -> list[str]:
    """Return one sentence or two a method: where it beats random search at its own budget, and what it is worth."""
    claims = [entrant for entrant in run.entrants if not entrant.is_check]
    if not claims:
        return ["Only random search was run: there is nothing to compare with it."]
    return [" ".join([_standing(run, entrant), *_worth(run, entrant)]) for entrant in claims]


def _standing(run: Run, entrant: Entrant) -> str:
    baseline = f"random@{entrant.budget.amount}"
    counts = run.of(win_counts)
    row = counts[(counts["method"] == entrant.name) & (counts["baseline"] == baseline)].iloc[0]
    tested = int(row["benchmarks"] - row["untested"])
    untested = f" ({plural(int(row['untested']), 'table')} without a test)" if row["untested"] else ""
    if tested == 0:
        return f"{entrant.name}: no table allows a test against {baseline}; the tables below say why."
    wins, losses, undecided = int(row["wins"]), int(row["losses"]), int(row["undecided"])
    tables = "the only table" if tested == 1 else f"{tested} tables"
    if wins == losses == 0:
        return f"{entrant.name} cannot be told from random search at equal budget on {tables}{untested}."
    if tested == 1:
        return f"{entrant.name} {'beats' if wins else 'loses to'} random search at equal budget on {tables}{untested}."
    parts = [
        f"beats random search at equal budget on {wins} of {tables}"
        if wins
        else "beats random search at equal budget nowhere",
        f"loses on {losses} {_listed(run, entrant, baseline)}" if losses else "loses on none",
    ]
    rest = f"; {undecided} undecided" if undecided else ""
    return f"{entrant.name} {' and '.join(parts)}{rest}{untested}."


def _listed(run: Run, entrant: Entrant, baseline: str) -> str:
    frame = run.of(relative_improvements)
    lost = frame[
        (frame["method"] == entrant.name)
        & (frame["baseline"] == baseline)
        & (frame["p_holm"] < LEVEL)
        & (frame["ri"] < 0)
    ]
    return f"({joined(run.titles[name] for name in lost['benchmark'])})"


def _worth(run: Run, entrant: Entrant) -> Iterator[str]:
    frame = run.of(random_equivalents)
    frame = frame[frame["method"] == entrant.name].sort_values("draws", kind="stable")
    if len(frame) == 0:
        return
    budget = plural(entrant.budget.amount, "evaluation")
    least, most = frame.iloc[0], frame.iloc[-1]
    if len(frame) == 1:
        yield f"Its {budget} are worth {_draws(least)}."
        return
    median = _number_of_draws(float(np.median(frame["draws"])))
    yield (
        f"Its {budget} are worth {median} in the median over tables: least on {run.titles[least['benchmark']]} "
        f"({_draws(least)}), most on {run.titles[most['benchmark']]} ({_draws(most)})."
    )


def _draws(row: pd.Series[float]) -> str:
    return _number_of_draws(float(row["draws"]))


def _number_of_draws(draws: float) -> str:
    return f"{draws:,.0f} random draws" if np.isfinite(draws) else "more than any number of random draws"
