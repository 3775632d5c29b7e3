"""What the benchmarks themselves allow to be said."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from harness.reporting.families import at_equal_budget
from harness.reporting.formats import joined, plural, score_text, signed
from harness.reporting.frames.curves import random_curves
from harness.reporting.run import Run
from harness.tabular import synthetic
from harness.tabular.audit import leaks

MATERIAL = 0.05  # fall of the exact curve, in RI points, from which over-selection is worth a word
TIED = 0.5  # share of rows beyond which validation ties are worth a word


def leaking_tables(run: Run) -> Iterator[str]:
    """Tables on which a search sees the test, or may: whatever is said of them below is then too good."""
    for name, found in run.of(_leaks).items():
        for leak in found:
            yield f"{run.titles[name]}: {leak}."


def made_up(run: Run) -> Iterator[str]:
    """Tables that are no measurements."""
    for benchmark in run.benchmarks:
        if benchmark.name == synthetic.NAME:
            yield f"{benchmark.name} is a made-up table: what is said of it here says nothing about any real data set."


def constraint(run: Run) -> Iterator[str]:
    """What share of the architectures is feasible, and how often random search finds none."""
    for benchmark in run.benchmarks if run.constraints else ():
        if (law := benchmark.law) is None:
            continue
        found, rows = int(benchmark.feasible.sum()), len(benchmark.feasible)
        misses = [
            f"with probability {law.none_feasible(draws):.2g} at {draws:,}"
            for draws in filter(None, map(benchmark.draws, run.budgets))
        ]
        lost = f"Random search finds none of them {joined(misses)} draws; its" if misses else "Random search's"
        yield (
            f"{run.titles[benchmark.name]}: {found:,} of {rows:,} architectures satisfy {joined(map(str, run.constraints))}, and "
            f"only they count. {lost} scores are those of searches that find one."
        )


def not_comparable(run: Run) -> Iterator[str]:
    """RI does not compare across tables: random search with the same budget has another RI on each."""
    curves = run.of(random_curves)
    for budget in run.budgets:
        draws = {benchmark.name: benchmark.draws(budget) for benchmark in run.benchmarks}
        at = curves[(curves["n"] == curves["benchmark"].map(draws)) & (curves["n"] > 1) & curves["ri"].notna()]
        if len(at) > 1:
            low, high = at.iloc[int(at["ri"].argmin())], at.iloc[int(at["ri"].argmax())]
            yield (
                f"RI does not compare across data sets or spaces: {at_equal_budget(budget)} itself has an RI over random@1 from "
                f"{signed(low['ri'])} % ({run.titles[low['benchmark']]}) to {signed(high['ri'])} % "
                f"({run.titles[high['benchmark']]}), by nothing but how bad the average architecture is there."
            )


def over_selection(run: Run) -> Iterator[str]:
    """Validation over-selects: the exact expectation of random search falls when it draws more."""
    curves = run.of(random_curves)
    for benchmark in run.benchmarks:
        curve = curves[curves["benchmark"] == benchmark.name]
        if len(curve) == 0:
            continue
        n, mean = curve["n"].to_numpy(), curve["mean"].to_numpy()
        peak, last = int(np.argmax(benchmark.sign * mean)), len(n) - 1
        if 100.0 * benchmark.sign * (mean[peak] - mean[last]) <= MATERIAL * abs(mean[peak]):
            continue
        before = any((benchmark.draws(budget) or 0) > n[peak] for budget in run.budgets)
        yield (
            f"Validation over-selects on {run.titles[benchmark.name]}: the expected test score of random search is best at "
            f"{score_text(mean[peak], benchmark.unit)} with {n[peak]:,} draws and falls to "
            f"{score_text(mean[last], benchmark.unit)} with {n[last]:,}. Beyond that peak a higher validation score costs test "
            "score" + ("; the budget is past it already." if before else ".")
        )


def validation_ties(run: Run) -> Iterator[str]:
    """Many architectures share their validation score, so that chance picks among them."""
    found = []
    for benchmark in run.benchmarks:
        if benchmark.table is not None:
            rows, values = len(benchmark.table), int(np.unique(np.asarray(benchmark.table.valid)).size)
            if values < TIED * rows:
                found.append(f"{run.titles[benchmark.name]} {values:,} values on {rows:,} rows")
    if found:
        yield (
            f"Validation scores are tied: {joined(found)}. Among equal ones a search keeps whichever it saw first; the "
            "exact law draws among them by weight, which is the same in expectation."
        )


def table_caveats(run: Run) -> Iterator[str]:
    """What the tables themselves say of their limits."""
    for benchmark in run.benchmarks:
        said = [f"{leak}." for leak in run.of(_leaks).get(benchmark.name, ())]  # above
        for text in benchmark.card.get("caveats", []):
            if text in said:
                continue
            yield text if benchmark.dataset in text else f"{run.titles[benchmark.name]}: {text}"


def _leaks(run: Run) -> dict[str, list[str]]:
    return {benchmark.name: leaks(benchmark.table) for benchmark in run.benchmarks if benchmark.table is not None}


def mixed_parts(run: Run) -> Iterator[str]:
    """Benchmarks on which methods were tuned, among those that are reported."""
    parts = {part: set(names) for part, names in run.resolved.get("parts", {}).items()}
    tuned = [run.titles[one.name] for one in run.benchmarks if one.name in parts.get("dev", ())]
    if not tuned:
        return
    others = len(run.benchmarks) - len(tuned)
    if others:
        yield (
            f"Methods are tuned on {joined(tuned)} (part dev), and this report mixes {'it' if len(tuned) == 1 else 'them'} with "
            f"{plural(others, run.family.noun)} of part test: numbers over all of them flatter what was tuned. Report the test "
            "part alone: run with --part test."
        )
    else:
        yield "Methods are tuned on all of these benchmarks (part dev): this is no test. Report the other part: --part test."
