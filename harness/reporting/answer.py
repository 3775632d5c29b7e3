"""The answer in plain words, computed: what the page opens with."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from harness.reporting.formats import joined, plural
from harness.reporting.frames.improvement import LEVEL, relative_improvements
from harness.reporting.frames.scores import random_equivalents
from harness.reporting.model import Claim
from harness.reporting.run import Entrant, Run

_NAMED = 4  # tables that a sentence names at most


def facts(run: Run) -> str:
    """Return what was run, in one line."""
    methods = len(dict.fromkeys(entrant.method.label for entrant in run.entrants))
    budgets = joined(dict.fromkeys(f"{entrant.budget.amount:,}" for entrant in run.entrants))
    failed = int((run.cells["status"] == "failed").sum())
    return (
        " × ".join(
            [
                plural(methods, "method"),
                plural(len(run.benchmarks), run.noun),
                plural(len(run.seeds), "seed"),
            ]
        )
        + f" at {budgets} {run.entrants[0].budget.kind}"
        + (f" under {joined(map(str, run.constraints))}" if run.constraints else "")
        + f"; {plural(len(run.cells), 'search', 'searches')}, "
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
    frame = run.of(relative_improvements)
    own = frame[(frame["method"] == entrant.name) & (frame["baseline"] == baseline)]
    tested = own[own["p_holm"].notna()]
    note = f"; {plural(len(own) - len(tested), run.noun)} without a test" if len(tested) < len(own) else ""
    if len(tested) == 0:
        return f"has no test against {baseline} on any {run.noun}; the notes below say why."
    decided = tested[tested["p_holm"] < LEVEL]
    won, lost = decided[decided["ri"] > 0], decided[decided["ri"] < 0]
    only = f"the only {run.noun}{' with a test' if note else ''}"
    tables = f"all {plural(len(tested), run.noun)}" if len(tested) > 1 else only
    if len(decided) == 0:
        return f"cannot be told from random search at equal budget on {tables.replace('all', 'any of')}{note}."
    for verb, rows in (("beats", won), ("loses to", lost)):
        if len(rows) == len(tested):
            return f"{verb} random search at equal budget on {tables} after Holm's adjustment{note}."
    rest = f"; {len(tested) - len(decided)} undecided" if len(decided) < len(tested) else ""
    return (
        f"beats random search at equal budget on {len(won) or 'none'} of {len(tested)} {run.noun}s{_listed(run, won)} and "
        f"loses on {len(lost) or 'none'}{_listed(run, lost)} after Holm's adjustment{rest}{note}."
    )


def _listed(run: Run, rows: pd.DataFrame) -> str:
    return f" ({joined(run.titles[name] for name in rows['benchmark'])})" if 0 < len(rows) <= _NAMED else ""


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
