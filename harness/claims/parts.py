"""The numbers that a claim comes to: an estimate of each, its error, and the region in which it is claimed to lie."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from harness.claims.quantities import QUANTITIES, Sample, exact_value, sample_of
from harness.claims.searches import Kept, Searches
from harness.reporting.frames.improvement import is_one_search
from harness.reporting.run import PERCENT_UNITS, Benchmark
from harness.statistics.regions import Placement, Region, place
from harness.suites.claims import OPTIMUM, Claim, draws_of

LEVEL = 0.05
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Part:
    """One number of a claim, on one benchmark.

    Attributes
    ----------
    of
        What it is of: the benchmark, and of an order the pair.
    unit, region
        Unit of the number, and where it is claimed to lie.
    estimate, error, fixed_error, df, n
        The number from `n` seeds, its standard error and the part of that which seeds do not shrink, degrees of freedom.
    test
        What is tested, and how.
    holds
        Of a number that is known exactly: whether it lies there.
    placement
        Of one that is tested: both p-values, the interval, what is detectable.
    note
        Why there is neither; or what one must know.
    course
        Of a sequence: both p-values after each seed, (2, n).
    """

    of: str
    unit: str
    region: Region
    estimate: float = math.nan
    error: float = math.nan
    fixed_error: float = 0.0
    df: float = math.nan
    n: int | None = None
    test: str = ""
    holds: bool | None = None
    placement: Placement | None = None
    note: str = ""
    course: FloatArray | None = None

    @property
    def is_decided(self) -> bool:
        """Whether there is a test, or no need of one."""
        return self.holds is not None or self.placement is not None


class Missing(Exception):
    """There are no numbers; the message says why."""


def with_test(
    part: Part, error: float, df: float, test: str, is_known: Callable[[], bool], *, strict: bool = False
) -> Part:
    """Return a part with its test, or with its truth where the number is known exactly.

    Parameters
    ----------
    part
        With its estimate.
    error, df, test
        Of the estimate; an error of 0 is one that is known, or else no spread to test by.
    is_known
        Tells whether numbers without spread are so by nature; asked only where there is none.
    strict
        Whether the end of the region is outside it.
    """
    if error == 0 and is_known():
        inside = part.region.holds(part.estimate)
        return replace(part, error=0.0, holds=inside and not (strict and part.estimate == part.region.low), test=test)
    if not error > 0:
        why = "one seed has no spread" if part.n == 1 else "all seeds are equal: no spread to test by"
        return replace(part, test=test, note="; ".join(filter(None, (part.note, why))))
    return replace(part, error=error, df=df, test=test, placement=place(part.estimate, error, df, part.region, LEVEL))


def sample_at(claim: Claim, kept: Kept, benchmark: Benchmark, label: str) -> tuple[Searches, Sample]:
    """Return the searches of a method and their numbers, without searches that have none; raise `Missing` where none has."""
    searches = kept.of(benchmark.name, label, claim.budget)
    if searches is None:
        raise Missing(f"{label}: {kept.why_not(benchmark.name, label, claim.budget)}")
    every = sample_of(searches, claim)
    if claim.test == "fixed":  # judged once, at the seeds that were stated
        every = every.at(kept.seeds)
    if claim.reaches is not None and claim.test == "sequential":
        every = every.before_a_loss()
    known = every.known()
    if len(known.values) == 0:
        raise Missing(f"{label}: its searches have no {claim.statistic}")
    if claim.reaches is not None and known is not every:
        lost = len(every.values) - len(known.values)
        raise Missing(f"{label}: {lost} of {len(every.values)} searches never reach {claim.reaches:g}")
    return searches, known


def common_values(a: Sample, b: Sample) -> tuple[FloatArray, FloatArray]:
    """(n,) values of both at the seeds that both have."""
    seeds, own, other = np.intersect1d(a.seeds, b.seeds, assume_unique=True, return_indices=True)
    if len(seeds) == 0:
        raise Missing("there is no seed that both have finished")
    return a.values[own], b.values[other]


def exact_at(claim: Claim, benchmark: Benchmark, name: str) -> float:
    """What ``random@N`` or ``optimum`` comes to on a benchmark."""
    return exact_value(benchmark, name, None if name == OPTIMUM else draws_at(claim, benchmark, name), claim.statistic)


def draws_at(claim: Claim, benchmark: Benchmark, name: str) -> int | None:
    """How many architectures ``random@N`` or ``random@budget`` draws; None where that is left to chance."""
    stated = draws_of(name)
    return benchmark.draws(claim.budget) if stated is None else stated


def known_exactly(claim: Claim, *searches: Searches) -> bool:
    """Whether equal numbers of all seeds are no accident: counted, or of several searches that all went the same way.

    What is counted up to a score is left to chance as the score is.
    """
    if QUANTITIES[claim.statistic].is_count and claim.reaches is None:
        return True
    return all(
        group in run.steps and len(run.finished(group)) > 1 and is_one_search(run, group) for run, group in searches
    )


def failed_of(sample: Sample) -> str:
    """Say how many searches failed, and where a sequence ends for one that has no number; empty for none."""
    failed = f"{len(sample.failed)} of its searches failed" if sample.failed else ""
    ends = f"seed {sample.lost} never reaches the score, and ends the evidence" if sample.lost is not None else ""
    return "; ".join(filter(None, (failed, ends)))


def scale_of(claim: Claim, benchmark: Benchmark, wanted: str) -> float:
    """By what scores of a benchmark are multiplied to be in a wanted unit; 1 for what is no score."""
    if QUANTITIES[claim.statistic].better is not None and claim.statistic != "regret":
        return 1.0
    return {("fraction", "percent"): 100.0, ("percent", "fraction"): 0.01}.get((benchmark.unit, wanted), 1.0)


def unit_of(claim: Claim, benchmark: Benchmark, wanted: str = "") -> str:
    """What differences of a claim's numbers are counted in."""
    if QUANTITIES[claim.statistic].better is not None and claim.statistic != "regret":
        return {"gap": "points", "hypervolume": "% of the table's"}.get(claim.statistic, claim.statistic)
    if benchmark.unit not in PERCENT_UNITS:
        return str(benchmark.card["metric"])
    return "points" if (wanted or benchmark.unit) == "percent" else "fraction"
