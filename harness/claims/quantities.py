"""What claims compare: numbers of single searches, a score or a cost, and the same of random search by its exact law."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.claims.searches import Searches
from harness.errors import HarnessError
from harness.reporting.frames.live import of_phase
from harness.reporting.frames.one_shot import scored
from harness.reporting.frames.pareto import Goal, hypervolumes_of
from harness.reporting.run import PERCENT_UNITS, Benchmark, Run
from harness.reporting.run.model import by_group
from harness.reporting.words import PATH
from harness.statistics import RandomSearchLaw
from harness.statistics.ranking import kendall
from harness.suites.claims import OPTIMUM, Claim, Correlation
from harness.tabular.table import TEST


@dataclass(frozen=True)
class Quantity:
    """A number of a search.

    Attributes
    ----------
    of
        Numbers of all searches of a group, by seed; NaN where a search has none.
    better
        1 where more is better, -1 where less is; None where the benchmark's direction says it.
    is_count
        Whether it is counted, so that equal numbers are no accident.
    """

    of: Callable[[Searches, Claim], pd.Series[float]]
    better: float | None = -1.0
    is_count: bool = False

    def sign(self, benchmark: Benchmark) -> float:
        """1 where more is better on a benchmark, -1 where less is."""
        return benchmark.sign if self.better is None else self.better


class Sample(NamedTuple):
    """Numbers of searches.

    Attributes
    ----------
    seeds, values
        (n,) seeds, ascending, and (n,) numbers, NaN where a search has none.
    failed
        Seeds whose searches failed or found nothing feasible.
    lost
        The seed at which a sequence ends, because its search never reaches a score; None for none.
    """

    seeds: NDArray[np.int64]
    values: NDArray[np.float64]
    failed: tuple[int, ...]
    lost: int | None = None

    def at(self, seeds: NDArray[np.int64]) -> Sample:
        """Those of some seeds."""
        there = np.isin(self.seeds, seeds)
        if there.all():
            return self
        failed = tuple(seed for seed in self.failed if seed in seeds)
        return Sample(self.seeds[there], self.values[there], failed)

    def before_a_loss(self) -> Sample:
        """Those of the seeds before the first that has none: evidence stops there, and what it showed until then stays."""
        lost = np.isnan(self.values)
        first = int(lost.argmax())
        return (
            Sample(self.seeds[:first], self.values[:first], self.failed, int(self.seeds[first]))
            if lost.any() and first
            else self
        )

    def known(self) -> Sample:
        """Those that are not NaN."""
        there = ~np.isnan(self.values)
        return self if there.all() else Sample(self.seeds[there], self.values[there], self.failed)


def sample_of(searches: Searches, claim: Claim) -> Sample:
    """Return the numbers that a claim is about, a search each; claims on the same numbers share them."""
    run, group = searches
    column = claim.what.between[1] if isinstance(claim.what, Correlation) else ""
    key = group, claim.statistic, claim.reaches, column
    samples = run.of(_samples)
    if key not in samples:
        values = QUANTITIES[claim.statistic].of(searches, claim).sort_index()
        seeds, numbers = values.index.to_numpy(dtype=np.int64), np.asarray(values, dtype=np.float64)
        cells = _cells(searches)
        samples[key] = Sample(seeds, numbers, tuple(cells.loc[cells["status"] != "ok", "seed"].tolist()))
    return samples[key]


def _samples(run: Run) -> dict[tuple[int, str, float | None, str], Sample]:
    return {}  # filled as claims ask for them


def exact_value(benchmark: Benchmark, name: str, draws: int | None, statistic: str) -> float:
    """What random search with so many draws, or the optimum, comes to on a table, in its unit.

    Parameters
    ----------
    benchmark
        With its table.
    name
        ``random@N`` or ``optimum``.
    draws
        Of random search.
    statistic
        ``test``, ``valid``, ``best`` or ``regret``.
    """
    table, law = benchmark.table, benchmark.law
    assert table is not None
    assert law is not None
    best = {
        column: benchmark.sign * float((benchmark.sign * table.column(column))[benchmark.feasible].max())
        for column in ("valid", TEST)
    }
    if name == OPTIMUM:
        return {"valid": best["valid"], "regret": 0.0}.get(statistic, best[TEST])
    assert draws is not None
    if statistic == "valid":
        return float(law.mean_valid(draws))
    if statistic == "best":
        return float(_law_of_best(benchmark).mean(draws))
    mean = float(law.mean(draws))
    return benchmark.sign * (best[TEST] - mean) if statistic == "regret" else mean


@lru_cache(maxsize=64)
def _law_of_best(benchmark: Benchmark) -> RandomSearchLaw:
    """The law of the best test score among all draws: selection by test, which no search may do."""
    table = benchmark.table
    assert table is not None
    return RandomSearchLaw(
        table.test, table.test, table.weights, direction=table.direction, feasible=benchmark.feasible
    )


def _by_group(run: Run) -> dict[int, pd.DataFrame]:
    return by_group(run.cells)


def _searched(run: Run) -> dict[int, pd.DataFrame]:
    rows = of_phase(run, "search")
    return by_group(rows) if len(rows) else {}


def _scored(run: Run) -> dict[int, pd.DataFrame]:
    return by_group(run.of(scored))


def _cells(searches: Searches) -> pd.DataFrame:
    run = searches.run
    return run.of(_by_group).get(searches.group, run.cells.iloc[:0]).sort_values("seed", kind="stable")


def _column(column: str) -> Callable[[Searches, Claim], pd.Series[float]]:
    """A column of the records."""

    def of(searches: Searches, claim: Claim) -> pd.Series[float]:
        cells = _cells(searches)
        return cells.set_index("seed")[column].where((cells["status"] == "ok").to_numpy())

    return of


def _score(column: str) -> Callable[[Searches, Claim], pd.Series[float]]:
    """A score of the records; a search that failed has the worst that there is."""
    known = _column(column)

    def of(searches: Searches, claim: Claim) -> pd.Series[float]:
        benchmark, _ = searches.run.pairs[searches.group]
        return known(searches, claim).fillna(_worst(benchmark, "valid" if column == "valid" else TEST))

    return of


def _worst(benchmark: Benchmark, column: str) -> float:
    if benchmark.table is not None:
        return benchmark.sign * float((benchmark.sign * benchmark.table.column(column)).min())
    return 0.0 if benchmark.sign > 0 and benchmark.unit in PERCENT_UNITS else math.nan


def _regret(searches: Searches, claim: Claim) -> pd.Series[float]:
    benchmark, _ = searches.run.pairs[searches.group]
    return benchmark.sign * (benchmark.best_test - _score("test")(searches, claim))


def _hypervolume(searches: Searches, claim: Claim) -> pd.Series[float]:
    (column,) = searches.run.resolved["metrics"]
    cells = _cells(searches)
    found = hypervolumes_of(searches.run, searches.group, Goal(column))
    return cells.set_index("seed")["cell"].map(found).astype(float)


def _gap(searches: Searches, claim: Claim) -> pd.Series[float]:
    """By how many points a supernet's accuracy on training images is above that on validation images, after the last epoch."""
    rows = _epochs(searches)
    last = rows[(rows["pass"] != PATH) & (rows["epoch"] == rows.groupby("seed")["epoch"].transform("max"))]
    return (last.set_index("seed")["train_accuracy"] - last.set_index("seed")["valid_accuracy"]).sort_index()


def _passes(searches: Searches, claim: Claim) -> pd.Series[float]:
    """Forward-backward passes a step."""
    sums = _epochs(searches).groupby("seed")[["passes", "steps"]].sum()
    return (sums["passes"] / sums["steps"]).sort_index()


def _spent(column: str, of_trace: str) -> Callable[[Searches, Claim], pd.Series[float]]:
    """What a search spent: in all, or until the incumbent's test score was as good as the claim says."""

    def of(searches: Searches, claim: Claim) -> pd.Series[float]:
        if claim.reaches is None:
            if column == "epochs" and len(rows := _epochs(searches)):
                return rows.groupby("seed")["epoch"].count().astype(float)
            return _column(column)(searches, claim).astype(float)
        run, cells = searches.run, _cells(searches)
        sign = run.pairs[searches.group][0].sign
        steps = run.steps.get(searches.group, run.traces.iloc[:0])
        good = steps[sign * steps["incumbent_test"] >= sign * claim.reaches - 1e-9 * abs(claim.reaches)]
        first = good.groupby("cell")[of_trace].first()
        return pd.Series(first.reindex(cells.index).to_numpy(dtype=np.float64), cells["seed"])

    return of


def _epochs(searches: Searches) -> pd.DataFrame:
    run = searches.run
    return run.of(_searched).get(searches.group, run.epochs.iloc[:0])


def _kendall(searches: Searches, claim: Claim) -> pd.Series[float]:
    """Of what a sample of architectures scores with the shared weights and in the table."""
    column = cast(Correlation, claim.what).between[1]
    run = searches.run
    rows = run.of(_scored).get(searches.group, run.of(scored).iloc[:0])
    taus = {}
    for seed, cell in rows.groupby("seed"):
        try:
            taus[seed] = kendall(cell["shared"].to_numpy(), cell[column].to_numpy())
        except HarnessError:  # a supernet that scores all alike ranks nothing
            taus[seed] = math.nan
    return pd.Series(taus, dtype=float)


QUANTITIES: Mapping[str, Quantity] = {
    "test": Quantity(_score("test"), better=None),
    "valid": Quantity(_score("valid"), better=None),
    "best": Quantity(_score("test_best"), better=None),
    "regret": Quantity(_regret),
    "hypervolume": Quantity(_hypervolume, better=1.0),
    "gap": Quantity(_gap),
    "passes": Quantity(_passes, is_count=True),
    "parameters": Quantity(_column("params")),
    "epochs": Quantity(_spent("epochs", "cumulative_epochs"), is_count=True),
    "evaluations": Quantity(_spent("n_evaluations", "step"), is_count=True),
    "kendall": Quantity(_kendall, better=1.0),
}
