"""What is not in the records, or not as it was written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from harness.reporting.formats import joined, plural, ranges
from harness.reporting.run import Run


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


def unequal_seeds(run: Run) -> Iterator[str]:
    """Methods whose means are over a part of the seeds."""
    for entrant in run.entrants:
        parts = {}
        for benchmark in run.benchmarks:
            seeds = run.finished(run.group(benchmark, entrant))["seed"]
            if 0 < len(seeds) < len(entrant.method.seeds_of(run.seeds)):
                parts[run.titles[benchmark.name]] = ranges(seeds)
        if parts:
            listed = "; ".join(f"{title} {seeds}" for title, seeds in parts.items())
            yield f"The means of {entrant.name} are over a part of the {len(run.seeds):,} seeds: {listed}."
