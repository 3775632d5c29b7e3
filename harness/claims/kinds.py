"""The four kinds of claims as numbers: what is estimated of each, and how it is tested."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from harness.claims.parts import (
    LEVEL,
    FloatArray,
    Missing,
    Part,
    common_values,
    draws_at,
    exact_at,
    failed_of,
    known_exactly,
    sample_at,
    scale_of,
    unit_of,
    with_test,
)
from harness.claims.quantities import QUANTITIES
from harness.claims.searches import Kept, Searches
from harness.claims.sequential import mean_over, pairs_over, ratio_over, skewness_at, value_over, wins_over_the_law
from harness.reporting.frames.improvement import is_one_search
from harness.reporting.run import Benchmark
from harness.statistics import ExactBaseline, exact_p_value, exact_random_baseline, exact_two_sided_p_value
from harness.statistics._student import variance_of_mean, welch_df
from harness.statistics.improvement import MIN_ARCHITECTURES, MIN_RUNS
from harness.statistics.ranking import kendall
from harness.statistics.regions import Placement, Region, place_ratio, ratio_of_means
from harness.suites.claims import OPTIMUM, Against, Claim, Correlation, Order, Published, is_exact

_PAIRED = "paired t of the ratio of means (Fieller)"
_NO_PERCENTAGE = "the baseline's mean is 0, and nothing is a percentage of it"


def parts_of(claim: Claim, kept: Kept) -> list[Part]:
    """Return the numbers that a claim is about: on every benchmark one, of an order one a pair of methods."""
    here = [kept.benchmarks[name] for name in claim.benchmarks if name in kept.benchmarks]
    return [part for benchmark in here for part in _MAKERS[type(claim.what)](claim, kept, benchmark)]


def _against(claim: Claim, kept: Kept, benchmark: Benchmark) -> Iterator[Part]:
    what = claim.what
    assert isinstance(what, Against)
    part = Part(benchmark.name, "% RI", what.region)
    try:
        searches, numbers = sample_at(claim, kept, benchmark, what.method)
        part = replace(part, note=failed_of(numbers))
        exact = _exact_baseline(claim, benchmark, what.baseline)
        if exact is not None:
            yield _against_exact(claim, part, searches, kept, numbers.values, exact)
            return
        label = kept.sampled(what.baseline) if is_exact(what.baseline) else what.baseline
        theirs, other = sample_at(claim, kept, benchmark, label)
        pairs = common_values(numbers, other)
        part = _against_sampled(claim, part, searches, kept, pairs)
        if what.baseline == "random@1" and (few := _too_few_architectures(theirs, len(pairs[0]))):
            part = replace(part, holds=None, placement=None, note=few)
        yield part
    except Missing as why:
        yield replace(part, note=str(why))


def _against_exact(
    claim: Claim, part: Part, searches: Searches, kept: Kept, values: FloatArray, baseline: ExactBaseline | float
) -> Part:
    """A method against a number that has no error: relative improvement is linear in its mean."""
    assert isinstance(claim.what, Against)
    quantity, benchmark = QUANTITIES[claim.statistic], searches.run.pairs[searches.group][0]
    reference, name = (
        (baseline.mean, baseline.name) if isinstance(baseline, ExactBaseline) else (baseline, claim.what.baseline)
    )
    if reference == 0:
        raise Missing(_NO_PERCENTAGE)
    gain = 100 * quantity.sign(benchmark) * (values - reference) / abs(reference)
    error = math.sqrt(variance_of_mean(gain)) if len(gain) > 1 else math.nan
    part = replace(part, estimate=float(gain.mean()), error=error, df=len(gain) - 1.0, n=len(gain))
    is_known = partial(known_exactly, claim, searches)
    if claim.test == "sequential" and not (error == 0 and is_known()):
        if isinstance(baseline, ExactBaseline) and part.region == Region(low=0.0):
            return wins_over_the_law(part, values, baseline, kept)
        return mean_over(part, gain, skewness_at(claim, benchmark), kept)
    if error == 0 and isinstance(baseline, ExactBaseline) and part.region == Region(low=0.0):
        return _by_the_law(part, searches, values, baseline)
    test = f"one-sample t, {name} exact"
    return with_test(part, error, len(gain) - 1.0, test, is_known, strict=True)


def _by_the_law(part: Part, searches: Searches, values: FloatArray, baseline: ExactBaseline) -> Part:
    """Searches that all end at one score have no spread to test by; the law of random search has."""
    # Seeds that change nothing at all bring one answer, not as many as there are seeds.
    counted = values[:1] if is_one_search(searches.run, searches.group) else values
    above, both = exact_p_value(counted, baseline).p_value, exact_two_sided_p_value(counted, baseline)
    below = both / 2 if above > 0.5 else 1.0
    placement = Placement(above, below, math.nan, math.nan, math.nan)
    note = "; ".join(filter(None, (part.note, "all seeds end at one score")))
    return replace(part, placement=placement, test=f"exact law of {baseline.name}", note=note)


def _against_sampled(
    claim: Claim, part: Part, searches: Searches, kept: Kept, pairs: tuple[FloatArray, FloatArray]
) -> Part:
    """A method against another at their common seeds: the ratio of the mean difference and the baseline's mean."""
    quantity, benchmark = QUANTITIES[claim.statistic], searches.run.pairs[searches.group][0]
    values, theirs = pairs
    if theirs.mean() == 0:
        raise Missing(_NO_PERCENTAGE)
    gain = 100 * quantity.sign(benchmark) * (values - theirs)
    size = math.copysign(1.0, theirs.mean()) * theirs
    ratio, error = ratio_of_means(gain, size)
    part = replace(part, estimate=ratio, error=error, df=len(values) - 1.0, n=len(values))
    is_known = partial(known_exactly, claim, searches)
    if claim.test == "sequential" and not (error == 0 and is_known()):
        return ratio_over(part, gain, size, kept)
    if not error > 0:
        return with_test(part, error, part.df, _PAIRED, is_known, strict=True)
    return replace(part, test=_PAIRED, placement=place_ratio(gain, size, part.region, LEVEL))


def _published(claim: Claim, kept: Kept, benchmark: Benchmark) -> Iterator[Part]:
    what = claim.what
    assert isinstance(what, Published)
    scale, region = scale_of(claim, benchmark, what.unit), Region(-what.margin, what.margin)
    said = "" if what.error else "the published value is taken as exact"
    part = Part(benchmark.name, unit_of(claim, benchmark, what.unit), region, fixed_error=what.error, note=said)
    try:
        if is_exact(what.method):
            part = replace(part, estimate=scale * exact_at(claim, benchmark, what.method) - what.value)
            test = f"two one-sided t tests, {what.method} exact" if what.error else f"{what.method} exact"
            yield with_test(part, what.error, (what.n or 0) - 1.0, test, lambda: True)
            return
        searches, numbers = sample_at(claim, kept, benchmark, what.method)
        values, note = numbers.values, "; ".join(filter(None, (said, failed_of(numbers))))
        part = replace(part, estimate=scale * float(values.mean()) - what.value, n=len(values), note=note)
        own = scale**2 * variance_of_mean(values) if len(values) > 1 else math.nan
        quantity = QUANTITIES[claim.statistic]
        if claim.test == "sequential" and not (own == 0 and known_exactly(claim, searches)):
            part = replace(part, error=math.sqrt(own + what.error**2))
            yield value_over(part, scale * values, what, quantity.is_count, skewness_at(claim, benchmark), kept)
            return
        if not own > 0:
            if not known_exactly(claim, searches):
                yield with_test(part, own, math.nan, "Welch's two one-sided t tests", lambda: False)
                return
            own = 0.0
        df = welch_df(own, len(values), what.error**2, what.n or math.inf)
        kind = "Welch's two one-sided t tests" if what.error else "two one-sided t tests" if own else "counted"
        yield with_test(part, math.sqrt(own + what.error**2), df, kind, lambda: True)
    except Missing as why:
        yield replace(part, note=str(why))


def _order(claim: Claim, kept: Kept, benchmark: Benchmark) -> Iterator[Part]:
    what = claim.what
    assert isinstance(what, Order)
    quantity = QUANTITIES[claim.statistic]
    scale, unit = scale_of(claim, benchmark, "percent"), unit_of(claim, benchmark, "percent")
    for better, worse in itertools.combinations(what.methods, 2):
        part = Part(f"{benchmark.name}: {better} before {worse}", unit, Region(low=0.0))
        try:
            (first, one), (second, other) = (sample_at(claim, kept, benchmark, name) for name in (better, worse))
            a, b = common_values(one, other)
            gain = scale * quantity.sign(benchmark) * (a - b)
            notes = dict.fromkeys(filter(None, (failed_of(one), failed_of(other))))
            part = replace(part, estimate=float(gain.mean()), n=len(gain), note="; ".join(notes))
            error = math.sqrt(variance_of_mean(gain)) if len(gain) > 1 else math.nan
            is_known = partial(known_exactly, claim, first, second)
            if claim.test == "sequential" and not (error == 0 and is_known()):
                yield pairs_over(replace(part, error=error), gain, kept)
                continue
            yield with_test(part, error, len(gain) - 1.0, "paired t", is_known, strict=True)
        except Missing as why:
            yield replace(part, note=str(why))


def _correlation(claim: Claim, kept: Kept, benchmark: Benchmark) -> Iterator[Part]:
    what = claim.what
    assert isinstance(what, Correlation)
    part = Part(benchmark.name, "Kendall's tau", what.region)
    if not what.method:
        assert benchmark.table is not None
        one, other = (benchmark.table.column(name)[benchmark.feasible] for name in what.between)
        part = replace(part, estimate=kendall(one, other))
        yield with_test(part, 0.0, math.nan, f"all {len(one):,} architectures", lambda: True)
        return
    try:
        _, numbers = sample_at(claim, kept, benchmark, what.method)
        values = numbers.values
        part = replace(part, estimate=float(values.mean()), n=len(values), note=failed_of(numbers))
        error = math.sqrt(variance_of_mean(values)) if len(values) > 1 else math.nan
        if claim.test == "sequential":
            yield mean_over(replace(part, error=error), values, 0.0, kept)
        else:
            yield with_test(part, error, len(values) - 1.0, "one-sample t", lambda: False)
    except Missing as why:
        yield replace(part, note=str(why))


def _exact_baseline(claim: Claim, benchmark: Benchmark, name: str) -> ExactBaseline | float | None:
    """A baseline that is known exactly: its law where test scores are compared, else its mean; None for a sampled one."""
    if not is_exact(name) or benchmark.law is None:
        return None
    if name == OPTIMUM:
        return exact_at(claim, benchmark, name)
    draws = draws_at(claim, benchmark, name)
    if draws is None:
        return None
    return (
        exact_random_baseline(benchmark.law, draws) if claim.statistic == "test" else exact_at(claim, benchmark, name)
    )


def _too_few_architectures(baseline: Searches, runs: int) -> str:
    """Say why random architectures that are a sample allow no test; empty if they do."""
    each = int(baseline.run.pairs[baseline.group][1].method.params.get("architectures", 1))
    if runs >= MIN_RUNS and runs * each >= MIN_ARCHITECTURES:
        return ""
    return (
        f"{runs} runs against {runs * each} random architectures, where a test wants {MIN_RUNS} and {MIN_ARCHITECTURES}: so few "
        "may miss the rare bad ones"
    )


_MAKERS: dict[type, Callable[[Claim, Kept, Benchmark], Iterator[Part]]] = {
    Against: _against,
    Published: _published,
    Order: _order,
    Correlation: _correlation,
}
