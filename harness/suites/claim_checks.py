"""What a claim needs of its benchmarks, checked when these are found: before anything is run."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from harness.errors import HarnessError, unknown_name
from harness.live.benchmark import LiveBenchmark
from harness.live.one_shot import OneShotBenchmark
from harness.suites.catalogue import Benchmark
from harness.suites.claims import OPTIMUM, Against, Claim, Correlation, Published, draws_of, is_exact
from harness.suites.group import MethodSpec
from harness.tabular.curves import random_draws
from harness.tabular.table import Table

SHARED = "shared weights"  # what architectures score with the weights of a supernet, as a column
OF_SUPERNETS = ("gap", "passes")  # statistics that only searches of supernets have
SCORES = ("test", "valid", "best", "regret")  # those that are in the benchmark's unit
OF_TABLES = ("regret",)  # those that need to know the best architecture


def check_claims(
    claims: Sequence[Claim],
    benchmarks: Mapping[str, Benchmark],
    methods: Sequence[MethodSpec],
    metrics: Collection[str],
    where: str,
) -> None:
    """Refuse claims that nothing on their benchmarks could decide.

    Parameters
    ----------
    claims
        Of the suite.
    benchmarks
        That are here, by name; what is claimed of others is not checked.
    methods, metrics
        Of the suite: a baseline may be one of the first, a hypervolume is of the only one of the second.

    Raises
    ------
    HarnessError
        In one line, with the number of the claim.
    """
    for claim in claims:
        for name in claim.benchmarks:
            if name in benchmarks:
                place = f"{where}: claim {claim.number}: benchmark {name}"
                _check_statistic(claim, benchmarks[name], metrics, place)
                _check_exact(claim, benchmarks[name], methods, place)
                _check_unit(claim, benchmarks[name], place)
                if isinstance(claim.what, Correlation):
                    _check_columns(claim.what, benchmarks[name], place)


def table_of(benchmark: Benchmark) -> Table | None:
    """The table in which scores are looked up; None where architectures are trained."""
    if isinstance(benchmark, OneShotBenchmark):
        return benchmark.table
    return benchmark if isinstance(benchmark, Table) else None


def _check_statistic(claim: Claim, benchmark: Benchmark, metrics: Collection[str], place: str) -> None:
    supernets = isinstance(benchmark, LiveBenchmark)
    if claim.statistic in OF_SUPERNETS and not supernets:
        raise HarnessError(f"{place}: statistic {claim.statistic} is of supernets, and this is a table")
    if claim.statistic in OF_TABLES and table_of(benchmark) is None:
        raise HarnessError(f"{place}: statistic {claim.statistic}: nobody knows the best architecture there")
    if claim.statistic == "hypervolume" and (supernets or len(metrics) != 1):
        raise HarnessError(
            f"{place}: statistic hypervolume is of a table and the only column that the suite shows; write metrics = [...]"
        )
    if claim.reaches is not None and supernets:
        raise HarnessError(f"{place}: reaches: supernets have no test score on their way; leave it out")


def _check_exact(claim: Claim, benchmark: Benchmark, methods: Sequence[MethodSpec], place: str) -> None:
    what = claim.what
    name = what.baseline if isinstance(what, Against) else what.method if isinstance(what, Published) else ""
    if not name or not is_exact(name):
        return
    if claim.statistic not in SCORES:
        raise HarnessError(f"{place}: {name} has no {claim.statistic}; compare scores, or a method of the suite")
    table = table_of(benchmark)
    sampled = {"random@1": "random-architecture", "random@budget": "random"}.get(name, "")
    if name == OPTIMUM or (draws_of(name) is not None and table is not None):
        if table is None:
            raise HarnessError(f"{place}: {name} is not known where architectures are trained")
        return
    if isinstance(benchmark, Table) and random_draws(benchmark, claim.budget) is not None:
        return
    if not sampled or (isinstance(benchmark, OneShotBenchmark)):
        raise HarnessError(f"{place}: {name} has no exact law there; compare with random@1 or a method of the suite")
    if isinstance(what, Published) or sampled not in (method.name for method in methods):
        raise HarnessError(f"{place}: {name} has no exact law there; add the method {sampled} to the suite")


def _check_unit(claim: Claim, benchmark: Benchmark, place: str) -> None:
    what = claim.what
    if not isinstance(what, Published) or not what.unit:
        return
    if claim.statistic not in SCORES:
        raise HarnessError(f"{place}: unit: {claim.statistic} is no score; leave it out")
    if benchmark.unit not in ("percent", "fraction"):
        raise HarnessError(f"{place}: unit: its scores are in {benchmark.unit}, not in {what.unit}; leave it out")


def _check_columns(what: Correlation, benchmark: Benchmark, place: str) -> None:
    table = table_of(benchmark)
    if isinstance(benchmark, Table):
        if what.method:
            raise HarnessError(f"{place}: method: columns of a table need none; leave it out")
        for name in what.between:
            if name not in benchmark.columns:
                raise unknown_name("column", name, benchmark.columns, f"{place}: between")
    elif table is None:
        raise HarnessError(f"{place}: kendall: nobody knows there what all architectures score")
    elif not what.method or what.between[0] != SHARED or what.between[1] not in ("valid", "test"):
        raise HarnessError(f'{place}: kendall: wanted a method and between = ["{SHARED}", "valid"] or "test"')
