"""Caveats that apply to a run, each computed from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import cast

import numpy as np
import pandas as pd

from harness.reporting.formats import joined, p_text, plural, ranges, score_text, signed
from harness.reporting.frames.curves import random_curves
from harness.reporting.frames.improvement import at_equal_budget, baselines, relative_improvements
from harness.reporting.frames.live import flatness, update_orders
from harness.reporting.frames.significance import rankings, significance
from harness.reporting.run import FloatArray, Run
from harness.statistics import ExactBaseline, holm
from harness.statistics.skewness import sample_skewness
from harness.tabular import synthetic
from harness.tabular.audit import leaks

Caveat = Callable[[Run], Iterator[str]]

MATERIAL = 0.05  # fall of the exact curve, in RI points, from which over-selection is worth a word
OF_CHECKS = 0.001  # level over all checks of a report: what fails one is worth a search for the fault
FLAT = 0.98  # of the entropy of equal weights, beyond which α is worth a word
TIED = 0.5  # share of rows beyond which validation ties are worth a word
SKEWED = 2.0  # standard errors from which on a sampled skewness is worth a word
OF_SKEWED_SAMPLES = (  # beside `skewed`
    "a few scores far from the others decide its mean, and more runs may move it further than an interval "
    "for normal scores says."
)


def skewed(scores: FloatArray) -> str:
    """Say how skewed a sample is; empty where chance explains it."""
    skewness, error = sample_skewness(scores)
    return f"skewness {signed(skewness)} of {plural(len(scores), 'score')}" if abs(skewness) > SKEWED * error else ""


def caveats(run: Run) -> list[str]:
    """Return all caveats that apply."""
    return [text for caveat in CAVEATS for text in caveat(run)]


def warnings(run: Run) -> list[str]:
    """Return what a reader must know before anything else: what is not there, or is not what it seems."""
    return [text for warning in WARNINGS for text in warning(run)]


def edited_files(run: Run) -> Iterator[str]:
    """Files of the run that are not as the harness wrote them."""
    for edit in run.edits:
        yield f"{edit}. What is said below is said of what stands there now."


def missing_tables(run: Run) -> Iterator[str]:
    """Tables that this machine does not have: their baseline is sampled."""
    for benchmark in run.benchmarks:
        if benchmark.why_not:
            yield (
                f"The table of {benchmark.name} was not used for the baseline: {benchmark.why_not}. The baseline is the "
                "simulated random search of this run instead, with its own sampling error (Welch)."
            )


def missing_cells(run: Run) -> Iterator[str]:
    """Cells of the suite that the folder does not hold."""
    if run.n_missing:
        yield f"{plural(run.n_missing, 'cell')} of the suite are not in the records yet: run the suite again to add them."


def failed_cells(run: Run) -> Iterator[str]:
    """Cells whose method raised."""
    failed = run.cells[run.cells["status"] == "failed"]
    if len(failed):
        names = [run.pairs[group][1].name for group in failed["group"].unique()]
        yield (
            f"{plural(len(failed), 'cell')} failed ({joined(dict.fromkeys(names))}) and are left out of every mean: what is "
            "left may be the easier part. The section on failures has their errors."
        )


def nothing_feasible(run: Run) -> Iterator[str]:
    """Searches that found nothing that satisfies the constraint."""
    without = run.cells[run.cells["status"] == "infeasible"]
    if len(without):
        counts = {cast(int, group): len(cells) for group, cells in without.groupby("group", sort=False)}
        listed = [
            f"{run.pairs[group][1].name} on {run.titles[run.pairs[group][0].name]} {n:,}" for group, n in counts.items()
        ]
        yield (
            f"{plural(len(without), 'search', 'searches')} found no architecture with {joined(map(str, run.constraints))} "
            f"({joined(listed)}) and are left out of every mean, as searches without an answer are of the exact law."
        )


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


def leaking_tables(run: Run) -> Iterator[str]:
    """Tables on which a search sees the test, or may: whatever is said of them below is then too good."""
    for name, found in run.of(_leaks).items():
        for leak in found:
            yield f"{run.titles[name]}: {leak}."


def _leaks(run: Run) -> dict[str, list[str]]:
    return {benchmark.name: leaks(benchmark.table) for benchmark in run.benchmarks if benchmark.table is not None}


def nothing_evaluated(run: Run) -> Iterator[str]:
    """Methods that recommend without having evaluated anything: no budget was spent, no search made."""
    blind = run.cells[(run.cells["status"] == "ok") & (run.cells["n_evaluations"] == 0)]
    for group, cells in blind.groupby("group", sort=False) if not run.has_supernets else ():
        benchmark, entrant = run.pairs[cast(int, group)]
        if not entrant.is_unbounded:
            yield (
                f"{entrant.name} recommended an architecture of {run.titles[benchmark.name]} without evaluating any in "
                f"{plural(len(cells), 'cell')} (n_evaluations = 0 in the records): it is no search of equal cost, and where its "
                "answer comes from the run does not know."
            )


def made_up(run: Run) -> Iterator[str]:
    """Tables that are no measurements."""
    for benchmark in run.benchmarks:
        if benchmark.name == synthetic.NAME:
            yield f"{benchmark.name} is a made-up table: what is said of it here says nothing about any real data set."


def mixed_update_orders(run: Run) -> Iterator[str]:
    """Methods that differ in the order of updates too, where only their level should."""
    orders = update_orders(run) if run.has_supernets else {}
    if len(orders) > 1:
        listed = "; ".join(f"{order}: {joined(methods)}" for order, methods in orders.items())
        yield (
            f"The suite mixes orders of updates of weights and architecture parameters ({listed}): a difference between two of "
            "these methods may be one of the order and not of the level."
        )


def sampled_baseline(run: Run) -> Iterator[str]:
    """The baseline of live benchmarks, and of budgets in simulated seconds, is a sample."""
    if run.budgets[0].kind == "simulated_s":
        yield (
            "How many architectures random search can train in a number of simulated seconds is left to chance, so that no exact "
            "law of it is known: the baseline at equal budget is the simulated random search of this run, with its own sampling "
            "error (delta method, Welch's degrees of freedom). Only the average architecture, random@1, is exact."
        )
    if run.is_live:
        yield (
            "No exact law of random search is known on live benchmarks: the baseline is a sample of this run, a random search or "
            "(random@1) architectures drawn at random and trained by the same protocol, with its own sampling error. Equal seeds "
            "share the split of the images, so that methods are compared with it seed by seed. With few seeds the intervals are "
            "wide, and “undecided” says no more than that."
        )


def skewed_baseline(run: Run) -> Iterator[str]:
    """A few scores far from the others decide the mean of a sampled baseline."""
    samples = {
        (benchmark.name, baseline.name): baseline.scores
        for benchmark, entrant in run.pairs
        for baseline in baselines(run, benchmark, entrant.budget)
        if not isinstance(baseline.scores, ExactBaseline)
    }
    for (name, baseline), scores in samples.items():
        if said := skewed(scores):
            yield f"The sample of {baseline} on {run.titles[name]} is skewed ({said}): {OF_SKEWED_SAMPLES}"


def flat_alphas(run: Run) -> Iterator[str]:
    """Architecture parameters that hardly left the point where all candidates weigh the same."""
    for benchmark, rows in run.of(flatness).groupby("benchmark", sort=False):
        flat = rows[rows["share"] > FLAT]
        if len(flat):
            ends = dict.fromkeys(f"{100 * end:.2f}" for end in (flat["share"].min(), flat["share"].max()))
            whose = joined(flat["method"]) if len(flat) < len(rows) else "all methods that have one"
            yield (
                f"{run.titles[str(benchmark)]}: after the last epoch the entropy of α is still {' to '.join(ends)} % of that of "
                f"equal weights ({whose}). What is derived there hangs on small differences between candidates: "
                "a longer search or a greater rate of α may derive something else."
            )


def table_caveats(run: Run) -> Iterator[str]:
    """What the tables themselves say of their limits."""
    for benchmark in run.benchmarks:
        said = [f"{leak}." for leak in run.of(_leaks).get(benchmark.name, ())]  # above
        for text in benchmark.card.get("caveats", []):
            if text in said:
                continue
            yield text if benchmark.dataset in text else f"{run.titles[benchmark.name]}: {text}"


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


def zero_variance(run: Run) -> Iterator[str]:
    """Comparisons without an interval."""
    frame = run.of(relative_improvements)
    for note, rows in frame[frame["note"] != ""].groupby("note", sort=False):
        pairs = dict.fromkeys(
            f"{method} on {run.titles[name]}" for name, method in zip(rows["benchmark"], rows["method"], strict=True)
        )
        listed = joined(pairs) if len(pairs) <= 4 else f"{plural(len(pairs), 'comparison')}"
        yield f"No {'t ' if (p := _exact(run, rows)) else ''}test and no interval for {listed}: {note}.{p}"


def _exact(run: Run, rows: pd.DataFrame) -> str:
    """Return a sentence on the exact p-values of comparisons without a spread; empty where there are none."""
    frame = run.of(significance)
    p = frame.loc[frame["group"].isin(rows.loc[rows["is_main"], "group"]), "p_exact"].dropna()
    ends = dict.fromkeys(map(p_text, (p.min(), p.max()))) if len(p) else {}
    return f" The exact one-sided p-value needs no spread: {' to '.join(ends)}." if ends else ""


def few_data_sets(run: Run) -> Iterator[str]:
    """Too few data sets for tests over them."""
    for reason in dict.fromkeys(reason for reason in run.of(rankings).values() if isinstance(reason, str)):
        yield f"No test over data sets: {reason}. Each data set is judged by itself."


def detectable(run: Run) -> Iterator[str]:
    """What difference the run could have seen."""
    frame = run.of(relative_improvements)
    for baseline, rows in frame[~frame["is_check"] & frame["detectable"].notna()].groupby("baseline", sort=False):
        if not rows["is_main"].any():
            continue
        least, most = rows.iloc[int(rows["detectable"].argmin())], rows.iloc[int(rows["detectable"].argmax())]
        yield (
            f"Detectable difference against {baseline} (80 % power at 5 %, before adjustment): from {least['detectable']:.2f} RI "
            f"points ({least['method']} on {run.titles[least['benchmark']]}) to {most['detectable']:.2f} ({most['method']} on "
            f"{run.titles[most['benchmark']]}). Undecided means that a smaller difference may well be there."
        )


def unequal_seeds(run: Run) -> Iterator[str]:
    """Methods whose means are over a part of the seeds."""
    for entrant in run.entrants:
        parts = {}
        for benchmark in run.benchmarks:
            seeds = run.finished(run.group(benchmark, entrant))["seed"]
            if 0 < len(seeds) < len(run.seeds):
                parts[run.titles[benchmark.name]] = ranges(seeds)
        if parts:
            listed = "; ".join(f"{title} {seeds}" for title, seeds in parts.items())
            yield f"The means of {entrant.name} are over a part of the {len(run.seeds):,} seeds: {listed}."


def baseline_means(run: Run) -> Iterator[str]:
    """Baselines whose mean is near 0 or below it: a percentage of that says little."""
    yield from of_means(run.of(relative_improvements), run.titles)


def of_means(frame: pd.DataFrame, titles: Mapping[str, str]) -> Iterator[str]:
    """Yield what to be careful about where a baseline's mean is near 0 or below it.

    Parameters
    ----------
    frame
        Rows of relative improvements with ``benchmark, baseline, ri, result, scatter``.
    titles
        What the benchmarks are called.
    """
    frame = frame[frame["ri"].notna()]
    means = frame["result"].map(lambda result: result.baseline_mean)
    frame = frame.assign(mean=means, most=frame["ri"].abs())
    near = frame[(frame["scatter"] > 1) | (frame["most"] > 100)].sort_values("most", ascending=False, kind="stable")
    for row in near.drop_duplicates(["baseline", "benchmark"]).sort_index().to_dict("records"):
        yield (
            f"The mean of {row['baseline']} on {titles[row['benchmark']]} is near 0 beside the differences between scores: "
            f"{row['mean']:.3g}, with RI of {signed(row['ri'])} %. A percentage of it says little, and moves with any shift of "
            "the scores: compare the scores themselves."
        )
    below = frame[frame["mean"] < 0].drop_duplicates(["baseline", "benchmark"])
    for baseline, rows in below.groupby("baseline", sort=False):
        listed = joined(
            f"{titles[name]} ({mean:.3g})" for name, mean in zip(rows["benchmark"], rows["mean"], strict=True)
        )
        yield f"The mean of {baseline!s} is below 0 on {listed}: RI is in percent of its size there, and + is better as anywhere."


def several_budgets(run: Run) -> Iterator[str]:
    """Methods at different budgets stand side by side."""
    if len(run.budgets) > 1:
        yield (
            f"The suite has the budgets {joined(f'{budget.amount:,}' for budget in run.budgets)} {run.unit}: a method is "
            "compared with random search at its own budget, and methods at different budgets are not compared with each other."
        )


def check_of_the_law(run: Run) -> Iterator[str]:
    """Simulated random search beside its exact law: a check of both, at a level that chance rarely reaches."""
    frame = run.of(relative_improvements)
    own = {entrant.name: at_equal_budget(entrant.budget) for entrant in run.entrants}
    rows = frame[frame["is_check"] & frame["n_baseline"].isna() & frame["p_value"].notna()]
    rows = rows[rows["baseline"] == rows["method"].map(own)]
    if len(rows) == 0:
        return
    p_holm = holm(rows["p_value"])
    most = rows.iloc[int(rows["ri"].abs().argmax())]
    half = (most["ci_high"] - most["ci_low"]) / 2
    where = f"largest RI {signed(most['ri'])} % ± {half:.2f}, on {run.titles[most['benchmark']]}"
    apart = dict.fromkeys(run.titles[name] for name in rows.loc[p_holm < OF_CHECKS, "benchmark"])
    if apart:
        yield (
            f"Simulated random search differs from its exact law on {joined(apart)} by more than chance explains ({where}; "
            f"p = {p_text(float(p_holm.min()))} after Holm over {plural(len(rows), 'check')}). The law is of independent "
            "draws by the table's measure: a search that draws otherwise (replace = false, say) differs rightly, any other "
            "difference is a fault to be found."
        )
    else:
        yield (
            f"Simulated random search shows no difference from its exact law on any table ({where}; least p "
            f"{p_text(float(p_holm.min()))} after Holm over {plural(len(rows), 'check')}). It is a check and no claim, and in "
            "no family of tests."
        )


def unbounded(run: Run) -> Iterator[str]:
    """Methods that read whole tables."""
    names = [entrant.name for entrant in run.entrants if entrant.is_unbounded]
    if names and not run.has_supernets:
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


WARNINGS: tuple[Caveat, ...] = (
    edited_files,
    missing_tables,
    leaking_tables,
    missing_cells,
    failed_cells,
    nothing_feasible,
    nothing_evaluated,
    made_up,
    mixed_update_orders,
)
CAVEATS: tuple[Caveat, ...] = (
    constraint,
    sampled_baseline,
    skewed_baseline,
    not_comparable,
    over_selection,
    detectable,
    baseline_means,
    several_budgets,
    unbounded,
    unspent_budgets,
    unequal_seeds,
    flat_alphas,
    zero_variance,
    few_data_sets,
    validation_ties,
    check_of_the_law,
    table_caveats,
)
