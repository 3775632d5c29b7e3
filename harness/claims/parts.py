"""What single numbers a claim comes to: an estimate of each, its error, and the region in which it is claimed to lie."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from harness.claims.quantities import QUANTITIES, Quantity, Sample, exact_value, failures, sample_of
from harness.claims.searches import Kept, Searches
from harness.reporting.frames.improvement import is_one_search
from harness.reporting.run import PERCENT_UNITS, Benchmark
from harness.statistics import ExactBaseline, exact_p_value, exact_random_baseline, exact_two_sided_p_value
from harness.statistics._student import variance_of_mean, welch_df
from harness.statistics.improvement import MIN_ARCHITECTURES, MIN_RUNS
from harness.statistics.ranking import kendall
from harness.statistics.regions import Placement, Region, place
from harness.suites.claims import OPTIMUM, Against, Claim, Correlation, Order, Published, draws_of, is_exact

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

    @property
    def is_decided(self) -> bool:
        """Whether there is a test, or no need of one."""
        return self.holds is not None or self.placement is not None


class Missing(Exception):
    """There are no numbers; the message says why."""


def parts_of(claim: Claim, kept: Kept) -> list[Part]:
    """Return the numbers that a claim is about: on every benchmark one, of an order one a pair of methods."""
    parts: list[Part] = []
    for name in claim.benchmarks:
        if name in kept.benchmarks:
            parts += _MAKERS[type(claim.what)](claim, kept, kept.benchmarks[name])
    return parts


def _against(claim: Claim, kept: Kept, benchmark: Benchmark) -> Iterator[Part]:
    what = claim.what
    assert isinstance(what, Against)
    part = Part(benchmark.name, "% RI", what.region)
    try:
        searches, sample = _sample(claim, kept, benchmark, what.method)
        values = sample.values
        quantity = QUANTITIES[claim.statistic]
        sign = quantity.sign(benchmark)
        law = _exact_baseline(claim, benchmark, what.baseline)
        if law is not None:
            reference = law if isinstance(law, float) else law.mean
            change, n = sign * (values - reference), len(values)
            test = f"one-sample t, {what.baseline if isinstance(law, float) else law.name} exact"
        else:
            name = kept.sampled(what.baseline) if is_exact(what.baseline) else what.baseline
            values, theirs = _common(sample, _sample(claim, kept, benchmark, name)[1])
            reference, n = float(theirs.mean()), len(values)
            # Of the ratio of the means, by the delta method: seed by seed a - (mean a / mean b) b.
            spread = values - (values.mean() / reference if reference else math.nan) * theirs
            change = sign * (values.mean() - reference + spread)
            test = "paired t of the ratio of means"
        if reference == 0:
            raise Missing("the baseline's mean is 0, and nothing is a percentage of it")
        part = replace(part, estimate=100 * float(change.mean()) / abs(reference), n=n, note=_failed(searches))
        if law is None and (few := _too_few_architectures(kept, claim, benchmark, what.baseline, n)):
            raise Missing(few)
        error = 100 * math.sqrt(variance_of_mean(change)) / abs(reference) if n > 1 else math.nan
        if (
            error == 0
            and isinstance(law, ExactBaseline)
            and what.region == Region(low=0.0)
            and claim.statistic == "test"
        ):
            yield _by_the_law(part, searches, values, law)
        else:
            yield _tested(part, error, n - 1.0, test, _is_known(quantity, searches), strict=True)
    except Missing as why:
        yield replace(part, note=str(why))


def _by_the_law(part: Part, searches: Searches, values: FloatArray, baseline: ExactBaseline) -> Part:
    """Searches that all end at one score have no spread to test by; the law of random search has."""
    # Seeds that change nothing at all bring one answer, not as many as there are seeds.
    counted = values[:1] if is_one_search(searches.run, searches.group) else values
    above, both = exact_p_value(counted, baseline).p_value, exact_two_sided_p_value(counted, baseline)
    below = both / 2 if above > 0.5 else 1.0
    placement = Placement(above, below, math.nan, math.nan, math.nan)
    return replace(part, placement=placement, test=f"exact law of {baseline.name}", note="all seeds end at one score")


def _published(claim: Claim, kept: Kept, benchmark: Benchmark) -> Iterator[Part]:
    what = claim.what
    assert isinstance(what, Published)
    is_score = QUANTITIES[claim.statistic].better is None or claim.statistic == "regret"
    scale = _scale(benchmark.unit, what.unit) if is_score else 1.0
    unit = _unit(claim, benchmark, what.unit)
    part = Part(benchmark.name, unit, Region(-what.margin, what.margin), fixed_error=what.error)
    said = "" if what.error else "the published value is taken as exact"
    try:
        if is_exact(what.method):
            value, part = _exact(claim, benchmark, what.method), replace(part, note=said)
            part = replace(part, estimate=scale * value - what.value)
            exact = f"{what.method} exact"
            n = what.n or 0
            yield _tested(part, what.error, n - 1.0, f"t of the published value, {exact}", what.error == 0, exact=exact)
            return
        searches, (_, values) = _sample(claim, kept, benchmark, what.method)
        note = "; ".join(filter(None, (said, _failed(searches))))
        part = replace(part, estimate=scale * float(values.mean()) - what.value, n=len(values), note=note)
        is_known = _is_known(QUANTITIES[claim.statistic], searches)
        if len(values) == 1 and not is_known:
            raise Missing("one seed has no spread")
        own = scale**2 * variance_of_mean(values) if len(values) > 1 else 0.0
        if own == 0 and not is_known:
            raise Missing("all seeds are equal: no spread to test by")
        df = welch_df(own, len(values), what.error**2, what.n or math.inf)
        test = "Welch's two one-sided t tests" if what.error else "two one-sided t tests"
        yield _tested(part, math.sqrt(own + what.error**2), df, test, is_known)
    except Missing as why:
        yield replace(part, note=str(why))


def _order(claim: Claim, kept: Kept, benchmark: Benchmark) -> Iterator[Part]:
    what = claim.what
    assert isinstance(what, Order)
    quantity = QUANTITIES[claim.statistic]
    scale = _scale(benchmark.unit, "percent") if quantity.better is None or claim.statistic == "regret" else 1.0
    for better, worse in itertools.combinations(what.methods, 2):
        part = Part(f"{benchmark.name}: {better} before {worse}", _unit(claim, benchmark, "percent"), Region(low=0.0))
        try:
            (first, one), (second, other) = (_sample(claim, kept, benchmark, name) for name in (better, worse))
            a, b = _common(one, other)
            change = scale * quantity.sign(benchmark) * (a - b)
            notes = dict.fromkeys(filter(None, (_failed(first), _failed(second))))
            part = replace(part, estimate=float(change.mean()), n=len(change), note="; ".join(notes))
            error = math.sqrt(variance_of_mean(change)) if len(change) > 1 else math.nan
            is_known = _is_known(quantity, first) and _is_known(quantity, second)
            yield _tested(part, error, len(change) - 1.0, "paired t", is_known, strict=True)
        except Missing as why:
            yield replace(part, note=str(why))


def _correlation(claim: Claim, kept: Kept, benchmark: Benchmark) -> Iterator[Part]:
    what = claim.what
    assert isinstance(what, Correlation)
    part = Part(benchmark.name, "Kendall's tau", what.region)
    if not what.method:
        assert benchmark.table is not None
        columns = [benchmark.table.column(name)[benchmark.feasible] for name in what.between]
        tau = kendall(*columns)
        yield _tested(
            replace(part, estimate=tau), 0.0, math.nan, "", True, exact=f"all {len(columns[0]):,} architectures"
        )
        return
    try:
        searches, (_, values) = _sample(claim, kept, benchmark, what.method)
        part = replace(part, estimate=float(values.mean()), n=len(values), note=_failed(searches))
        error = math.sqrt(variance_of_mean(values)) if len(values) > 1 else math.nan
        yield _tested(part, error, len(values) - 1.0, "one-sample t", False)
    except Missing as why:
        yield replace(part, note=str(why))


def _tested(
    part: Part, error: float, df: float, test: str, is_known: bool, *, exact: str = "exact", strict: bool = False
) -> Part:
    """A part with its test, or with its truth where the number is known exactly.

    Parameters
    ----------
    part
        With its estimate.
    error, df, test
        Of the estimate; an error of 0 is one that is known, or else no spread to test by.
    is_known
        Whether numbers without spread are so by nature.
    exact
        What to call a number that is known exactly.
    strict
        Whether the end of the region is outside it.
    """
    if error == 0 and is_known:
        holds = (
            part.region.low < part.estimate
            if strict and math.isinf(part.region.high)
            else part.region.holds(part.estimate)
        )
        return replace(part, error=0.0, holds=holds, test=exact)
    if not error > 0:
        why = "one seed has no spread" if part.n == 1 else "all seeds are equal: no spread to test by"
        return replace(part, test=test, note="; ".join(filter(None, (part.note, why))))
    return replace(part, error=error, df=df, test=test, placement=place(part.estimate, error, df, part.region, LEVEL))


def _sample(claim: Claim, kept: Kept, benchmark: Benchmark, label: str) -> tuple[Searches, Sample]:
    searches = kept.of(benchmark.name, label, claim.budget)
    if searches is None:
        raise Missing(f"{label}: {kept.why_not(benchmark.name, label, claim.budget)}")
    sample = sample_of(searches, claim)
    known = sample.known()
    if len(known.values) == 0:
        raise Missing(f"{label}: its searches have no {claim.statistic}")
    if claim.reaches is not None and known is not sample:
        lost, every = len(sample.values) - len(known.values), len(sample.values)
        raise Missing(f"{label}: {lost} of {every} searches never reach {claim.reaches:g}")
    return searches, known


def _common(a: Sample, b: Sample) -> tuple[FloatArray, FloatArray]:
    """(n,) values of both at the seeds that both have."""
    seeds, own, other = np.intersect1d(a.seeds, b.seeds, assume_unique=True, return_indices=True)
    if len(seeds) == 0:
        raise Missing("there is no seed that both have finished")
    return a.values[own], b.values[other]


def _exact_baseline(claim: Claim, benchmark: Benchmark, name: str) -> ExactBaseline | float | None:
    """A baseline that is known exactly: its law where test scores are compared, else its mean; None for a sampled one."""
    if not is_exact(name) or benchmark.law is None:
        return None
    if name == OPTIMUM or claim.statistic != "test":
        return _exact(claim, benchmark, name)
    draws = _draws(claim, benchmark, name)
    return None if draws is None else exact_random_baseline(benchmark.law, draws)


def _exact(claim: Claim, benchmark: Benchmark, name: str) -> float:
    draws = None if name == OPTIMUM else _draws(claim, benchmark, name)
    return exact_value(benchmark, name, draws, claim.statistic)


def _draws(claim: Claim, benchmark: Benchmark, name: str) -> int | None:
    draws = draws_of(name)
    return benchmark.draws(claim.budget) if draws is None else draws


def _too_few_architectures(kept: Kept, claim: Claim, benchmark: Benchmark, name: str, runs: int) -> str:
    """Say why random architectures that are a sample allow no test; empty if they do, or are none."""
    if name != "random@1":
        return ""
    searches = kept.of(benchmark.name, kept.sampled(name), claim.budget)
    assert searches is not None
    each = int(searches.run.pairs[searches.group][1].method.params.get("architectures", 1))
    if runs >= MIN_RUNS and runs * each >= MIN_ARCHITECTURES:
        return ""
    return (
        f"{runs} runs against {runs * each} random architectures, where a test wants {MIN_RUNS} and {MIN_ARCHITECTURES}: so few "
        "may miss the rare bad ones"
    )


def _is_known(quantity: Quantity, searches: Searches) -> bool:
    """Whether equal numbers of all seeds are no accident: counted, or of searches that all went the same way."""
    has_steps = searches.group in searches.run.steps
    return quantity.is_count or (has_steps and is_one_search(searches.run, searches.group))


def _failed(searches: Searches) -> str:
    count = failures(searches)
    return f"{count} of its searches failed" if count else ""


def _scale(have: str, want: str) -> float:
    return {("fraction", "percent"): 100.0, ("percent", "fraction"): 0.01}.get((have, want), 1.0)


def _unit(claim: Claim, benchmark: Benchmark, wanted: str = "") -> str:
    if QUANTITIES[claim.statistic].better is not None and claim.statistic != "regret":
        return {"gap": "points", "hypervolume": "% of the table's"}.get(claim.statistic, claim.statistic)
    if benchmark.unit not in PERCENT_UNITS:
        return str(benchmark.card["metric"])
    return "points" if (wanted or benchmark.unit) == "percent" else "fraction"


_MAKERS: dict[type, Callable[[Claim, Kept, Benchmark], Iterator[Part]]] = {
    Against: _against,
    Published: _published,
    Order: _order,
    Correlation: _correlation,
}
