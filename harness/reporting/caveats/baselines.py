"""What methods are compared with: how far its mean can be relied on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pandas as pd

from harness.reporting.families import at_equal_budget
from harness.reporting.formats import joined, p_text, plural, signed
from harness.reporting.frames.improvement import baselines, relative_improvements
from harness.reporting.run import FloatArray, Run
from harness.statistics import ExactBaseline, holm
from harness.statistics.skewness import sample_skewness

OF_CHECKS = 0.001  # level over all checks of a report: what fails one is worth a search for the fault
SKEWED = 2.0  # standard errors from which on a sampled skewness is worth a word
OF_SKEWED_SAMPLES = (  # beside `skewed`
    "a few scores far from the others decide its mean, and more runs may move it further than an interval "
    "for normal scores says."
)


def sampled_baseline(run: Run) -> Iterator[str]:
    """The baseline of live benchmarks, and of budgets in simulated seconds, is a sample."""
    if run.budgets[0].kind == "simulated_s":
        yield (
            "How many architectures random search can train in a number of simulated seconds is left to chance, so that no exact "
            "law of it is known: the baseline at equal budget is the simulated random search of this run, with its own sampling "
            "error (delta method, Welch's degrees of freedom). Only the average architecture, random@1, is exact."
        )
    if run.family.trains:
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


def skewed(scores: FloatArray) -> str:
    """Say how skewed a sample is; empty where chance explains it."""
    skewness, error = sample_skewness(scores)
    return f"skewness {signed(skewness)} of {plural(len(scores), 'score')}" if abs(skewness) > SKEWED * error else ""


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
