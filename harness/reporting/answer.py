"""The answer in plain words, computed: what the page opens with."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from harness.reporting.formats import joined, p_text, plural, shown_score, signed
from harness.reporting.frames.improvement import LEVEL, relative_improvements
from harness.reporting.frames.pairs import method_pairs
from harness.reporting.frames.planned import planned_pairs
from harness.reporting.frames.significance import significance
from harness.reporting.model import Claim
from harness.reporting.run import Entrant, Run

_NAMED = 4  # tables that a sentence names at most


def facts(run: Run) -> str:
    """Return what was run, in one line."""
    methods = len(dict.fromkeys(entrant.method.label for entrant in run.entrants))
    budgets = joined(f"{budget.amount:,}" for budget in run.budgets)
    failed = int((run.cells["status"] == "failed").sum())
    return (
        " × ".join(
            [
                plural(methods, "method"),
                plural(len(run.benchmarks), run.family.noun),
                plural(len(run.seeds), "seed"),
            ]
        )
        + f" at {budgets} {run.unit}"
        + (f" under {joined(map(str, run.constraints))}" if run.constraints else "")
        + f"; {plural(len(run.cells), 'search', 'searches')}, "
        + (f"{failed:,} failed." if failed else "none failed.")
    )


def answer(run: Run) -> list[Claim]:
    """Return a claim a method: where it is better or worse than random search at its own budget; and on pairs of methods."""
    claims = [entrant for entrant in run.entrants if not entrant.is_check]
    if not claims:
        return [Claim("Only random search", "was run: there is nothing to compare with it.")]
    return [
        *(Claim(entrant.name, _sentence(run, entrant)) for entrant in claims),
        *_planned(run),
        *_between(run),
    ]


def _sentence(run: Run, entrant: Entrant) -> str:
    if entrant.is_unbounded and not run.family.has_supernets:
        return _beside(run, entrant)
    return _standing(run, entrant)


def _beside(run: Run, entrant: Entrant) -> str:
    """Return where a method that no budget bounds stands: beside the comparison."""
    frame = run.of(relative_improvements)
    own = frame[(frame["method"] == entrant.name) & frame["is_main"] & frame["ri"].notna()]
    result = "without a result"
    if len(own):
        ends = dict.fromkeys(f"{signed(end)} %" for end in (own["ri"].min(), own["ri"].max()))
        result = f"RI {' to '.join(ends)} over {own['baseline'].iloc[0]}"
    return f"is an oracle: it uses the full table, which no budget bounds, and stands beside the comparison ({result})."


def _standing(run: Run, entrant: Entrant) -> str:
    frame = run.of(relative_improvements)
    own = frame[(frame["method"] == entrant.name) & frame["is_main"]]
    baseline = own["baseline"].iloc[0]
    them = run.family.main_baseline(baseline)
    tested = own[own["p_holm"].notna()]
    note = f"; {plural(len(own) - len(tested), run.family.noun)} without a test" if len(tested) < len(own) else ""
    if len(tested) == 0:
        exact = run.of(significance)
        p = exact.loc[exact["group"].isin(own["group"]), "p_exact"].dropna()
        ends = " to ".join(dict.fromkeys(map(p_text, (p.min(), p.max())))) if len(p) else ""
        also = f" The exact one-sided p-value, that as many random searches are as good, is {ends}." if ends else ""
        (ri,) = own["ri"] if len(own) == 1 and run.family.trains else (np.nan,)
        seen = "" if np.isnan(ri) else f" (RI {signed(ri)} %, without an interval)"
        whom = them if run.family.trains else baseline
        return f"has no test against {whom} on any {run.family.noun}{seen}; the notes below say why.{also}"
    decided = tested[tested["p_holm"] < LEVEL]
    won, lost = decided[decided["ri"] > 0], decided[decided["ri"] < 0]
    family = int(frame.loc[frame["baseline"] == baseline, "p_holm"].count())
    if len(tested) == 1:
        return _on_one(run, tested.iloc[0], them, family, note)
    if len(decided) == 0:
        return f"shows no significant difference from {them} on any of {_tables(run, tested)}{_holm(family)}{note}."
    for which, rows in (("better", won), ("worse", lost)):
        if len(rows) == len(tested):
            return f"is {which} than {them} on all {_tables(run, tested)}{_holm(family)}{note}."
    rest = f"; {len(tested) - len(decided)} without a significant difference" if len(decided) < len(tested) else ""
    return (
        f"is better than {them} on {len(won) or 'none'} of {_tables(run, tested)}{_listed(run, won)} and worse on "
        f"{len(lost) or 'none'}{_listed(run, lost)}{rest}{_holm(family)}{note}."
    )


def _tables(run: Run, rows: pd.DataFrame) -> str:
    return plural(len(rows), run.family.noun)


def _holm(family: int) -> str:
    return f" (Holm's adjustment over {plural(family, 'claim')})"


def _on_one(run: Run, row: pd.Series[float], them: str, family: int, note: str) -> str:
    """Return how a method stands that is tested on one benchmark."""
    where = "" if len(run.benchmarks) == 1 else f" on {run.titles[str(row['benchmark'])]}"
    verdict = "is better than" if row["ri"] > 0 else "is worse than"
    if not row["p_holm"] < LEVEL:
        verdict = "shows no significant difference from"
    p = f"Holm p {p_text(row['p_holm'])} over {plural(family, 'claim')}" if family > 1 else f"p {p_text(row['p_holm'])}"
    ends = f" [{signed(row['ci_low'])}, {signed(row['ci_high'])}]" if np.isfinite(row["ci_low"]) else ""
    more = ""
    if run.family.trains and not row["p_holm"] < LEVEL:
        seeds = plural(int(row["n_method"]), "seed")
        more = f"; {seeds} would show a true RI of {row['detectable']:.2f} % four times in five before adjustment"
    return f"{verdict} {them}{where} (RI {signed(row['ri'])} %{ends}, {p}){more}{note}."


def _planned(run: Run) -> Iterator[Claim]:
    """Yield what the comparisons that were fixed before the run come to."""
    frame = run.of(planned_pairs)
    if not len(frame):
        return
    told = frame[frame["p_holm"] < LEVEL]
    wins = [
        f"{one} beats {other} at {100 * share:.0f} % of the seeds"
        for one, other, share in (
            (row["a"], row["b"], row["win_probability"])
            if row["win_probability"] > 0.5
            else (row["b"], row["a"], 1 - row["win_probability"])
            for _, row in told.iterrows()
        )
    ]
    shown = f"{len(told)} of {plural(len(frame), 'pair')} by wins, seed by seed, after Holm's adjustment"
    yield Claim("The planned comparisons", f"tell {shown}{': ' + '; '.join(wins) if wins else ''}.")


def _between(run: Run) -> Iterator[Claim]:
    """Yield which methods are told from each other, seed by seed."""
    tested = run.of(method_pairs).dropna(subset="p_holm")
    if len(tested) == 0:
        return
    decided = tested[tested["p_holm"] < LEVEL]
    listed = []
    for _, row in decided.iterrows():
        better, worse = (row["a"], row["b"]) if row["difference"] > 0 else (row["b"], row["a"])
        where = f" on {run.titles[row['benchmark']]}" if len(run.benchmarks) > 1 else ""
        listed.append(f"{better} is better than {worse}{where}")
    if listed:
        told = (
            f"the difference is significant in {len(listed)} of {plural(len(tested), 'pair')} after Holm's adjustment"
        )
        told += f": {joined(listed)}" if len(listed) <= _NAMED else "; the table of all pairs has them"
    else:
        told = f"no two are told apart, seed by seed, by Holm's adjustment over {plural(len(tested), 'pair')}"
    shown = shown_score(tested["detectable"], tested["unit"].iloc[0])
    ends = dict.fromkeys(f"{end:.2f}" for end in (shown.min(), shown.max()))
    unit = " points" if run.in_percent else ""
    yield Claim(
        "Of the methods themselves",
        f"{told}. True differences of {' to '.join(ends)}{unit} would show four times in five before adjustment.",
    )


def _listed(run: Run, rows: pd.DataFrame) -> str:
    return f" ({joined(run.titles[name] for name in rows['benchmark'])})" if 0 < len(rows) <= _NAMED else ""
