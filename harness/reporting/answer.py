"""The answer in plain words, computed: what the page opens with."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from harness.reporting.formats import joined, plural
from harness.reporting.frames.improvement import LEVEL, relative_improvements, win_counts
from harness.reporting.frames.scores import random_equivalents
from harness.reporting.model import Claim
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


def answer(run: Run) -> list[Claim]:
    """Return a claim a method: where it beats random search at its own budget, and what it is worth."""
    claims = [entrant for entrant in run.entrants if not entrant.is_check]
    if not claims:
        return [Claim("Only random search", "was run: there is nothing to compare with it.")]
    return [Claim(entrant.name, " ".join([_standing(run, entrant), *_worth(run, entrant)])) for entrant in claims]


def _standing(run: Run, entrant: Entrant) -> str:
    baseline = f"random@{entrant.budget.amount}"
    counts = run.of(win_counts)
    row = counts[(counts["method"] == entrant.name) & (counts["baseline"] == baseline)].iloc[0]
    wins, losses, undecided, untested = (int(row[key]) for key in ("wins", "losses", "undecided", "untested"))
    tested = wins + losses + undecided
    note = f"; {plural(untested, 'table')} without a test" if untested else ""
    if tested == 0:
        return f"cannot be compared with {baseline} on any table; the notes below say why."
    tables = "the only table" if len(run.benchmarks) == 1 else plural(tested, "table")
    if wins == losses == 0:
        return f"cannot be told from random search at equal budget on {tables}{note}."
    if tested == 1:
        return f"{'beats' if wins else 'loses to'} random search at equal budget on {tables}{note}."
    better = f"on {wins} of {tables}" if wins else f"on none of {tables}"
    worse = f"loses on {losses} ({joined(_lost(run, entrant, baseline))})" if losses else "loses on none"
    rest = f"; {undecided} undecided" if undecided else ""
    return f"beats random search at equal budget {better} and {worse}{rest}{note}."


def _lost(run: Run, entrant: Entrant, baseline: str) -> list[str]:
    frame = run.of(relative_improvements)
    own = frame[(frame["method"] == entrant.name) & (frame["baseline"] == baseline)]
    return [run.titles[name] for name in own.loc[(own["p_holm"] < LEVEL) & (own["ri"] < 0), "benchmark"]]


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
