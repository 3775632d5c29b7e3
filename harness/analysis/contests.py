"""What statistics of scores share: who meets where, and the mean that makes differences RI points."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import pandas as pd

from harness.errors import HarnessError
from harness.methods.base import make_method, method_params
from harness.problem.budget import Budget
from harness.reporting.frames.improvement import main_baseline
from harness.reporting.run import Benchmark, Entrant, Run, load_run
from harness.reporting.write import RESULTS
from harness.results.kept import load_results
from harness.results.model import Results
from harness.results.paper import PaperTable, Summary
from harness.statistics import ExactBaseline
from harness.statistics._validate import FloatArray

NO_POINTS = "the baseline's mean is 0, of which nothing is a percentage: no RI points"
OF_ALL = "not one baseline for all: RI points are percents of the mean of all methods on a data set"

# The output folder of a run or of import-results; or results that were read, or a paper's table.
Source = Path | Results | PaperTable
Moments = tuple[float, float]  # mean and standard deviation; no deviation (NaN) of a single score


@dataclass(frozen=True, eq=False)
class Contest:
    """The methods that meet on a benchmark at a budget; simulated random search is none.

    Attributes
    ----------
    benchmark, budget
        Where they meet; a budget of 0 is none, of results from elsewhere.
    sign
        1 where higher scores are better, -1 where lower ones are.
    scores
        Final test scores by seed, of every method by its name; of searches that failed none.
    families
        The method whose settings these names are.
    baseline
        Computes mean and deviation of what is compared with.
    splits
        Whether equal seeds share the split of the images, so that methods are compared seed by seed.
    is_alone
        Whether there is no baseline, and the mean is that of all methods' means.
    summaries
        Means and deviations in the place of scores, of a paper's table.
    """

    benchmark: str
    budget: int
    sign: float
    scores: Mapping[str, pd.Series[float]]
    families: Mapping[str, str]
    baseline: Callable[[], Moments]
    splits: bool = False
    is_alone: bool = False
    summaries: Mapping[str, Summary] = field(default_factory=dict)

    @cached_property
    def moments(self) -> Moments:
        """Mean and standard deviation of the baseline, in the scores' unit."""
        return self.baseline()

    @property
    def names(self) -> list[str]:
        """The methods that meet."""
        return list(self.summaries or self.scores)

    def values(self, name: str) -> FloatArray:
        """Scores of a method (n,)."""
        return np.asarray(self.scores[name], dtype=np.float64)

    def summary(self, name: str) -> Summary:
        """Mean, standard deviation and number of a method's scores; no deviation (NaN) of a single one, nothing of none."""
        if self.summaries:
            return self.summaries[name]
        return summary_of(self.values(name))

    @property
    def place(self) -> str:
        """For messages: the benchmark and the budget, if there is one."""
        return f"{self.benchmark}, budget {self.budget}" if self.budget else self.benchmark

    def common(self, names: tuple[str, ...] | list[str]) -> pd.DataFrame:
        """Scores of methods (rows, by name) over the seeds that all of them have (columns)."""
        return pd.DataFrame({name: self.scores[name] for name in names}).dropna().T

    def default(self, family: str) -> str | None:
        """Name of the setting with a method's default parameters; None if it is not there, or the method not known here."""
        return None


@dataclass(frozen=True, eq=False)
class _RunContest(Contest):
    """A contest of a run, whose methods' parameters are known."""

    entrants: tuple[Entrant, ...] = ()

    def default(self, family: str) -> str | None:
        """As `Contest.default`."""
        try:
            params = method_params(make_method(family))
        except HarnessError:  # of a plug-in that is not loaded, or with a parameter that has no default
            return None
        own = (entrant for entrant in self.entrants if entrant.method.name == family)
        return next((entrant.name for entrant in own if dict(entrant.method.params) == params), None)


def contests(source: Source) -> list[Contest]:
    """Return all contests of a source, by budget and benchmark.

    Raises
    ------
    HarnessError
        If a folder holds no run and no results.
    """
    results = results_of(source)
    if isinstance(results, PaperTable):
        return _of_paper(results)
    if results is not None:
        return _of_results(results)
    assert isinstance(source, Path)
    run = load_run(source)
    return [_of_run(run, benchmark, budget) for budget in run.budgets for benchmark in run.benchmarks]


def results_of(source: Source) -> Results | PaperTable | None:
    """Return the results of a source; None of a run."""
    if isinstance(source, Results | PaperTable):
        return source
    return load_results(source) if (source / RESULTS).is_file() else None


def without_budget(frame: pd.DataFrame) -> pd.DataFrame:
    """A frame without the column of budgets where there are none."""
    return frame.drop(columns="budget") if "budget" in frame and (frame["budget"] == 0).all() else frame


def moments(run: Run, benchmark: Benchmark, budget: Budget) -> Moments:
    """Return mean and standard deviation of the main baseline of a run at a budget."""
    scores = main_baseline(run, benchmark, budget).scores
    if isinstance(scores, ExactBaseline):
        return scores.mean, float(scores.law.std(scores.n_draws))
    if len(scores) == 0:
        why_not = benchmark.why_not or f"there is no exact law of random search with so many {run.unit}"
        wanted = "random-architecture or random" if run.family.trains else "random"
        raise HarnessError(
            f"{benchmark.name}: {why_not}, and no cell of the run to compare with; wanted the method {wanted} in the suite"
        )
    return _moments_of(scores)


def _of_run(run: Run, benchmark: Benchmark, budget: Budget) -> Contest:
    entrants = tuple(
        entrant
        for entrant in run.entrants
        if entrant.budget == budget and not entrant.is_check and entrant.method.runs_on(benchmark.name)
    )
    return _RunContest(
        benchmark.name,
        budget.amount,
        benchmark.sign,
        {one.name: run.finished(run.group(benchmark, one)).set_index("seed")["test"] for one in entrants},
        {one.name: one.method.name for one in entrants},
        partial(moments, run, benchmark, budget),
        run.family.has_supernets,
        entrants=entrants,
    )


def _of_results(results: Results) -> list[Contest]:
    found = []
    for dataset in results.datasets:
        scores = {method: _by_seed(results, dataset, method) for method in results.methods}
        scores = {method: own for method, own in scores.items() if len(own)}
        families = {method: results.families.get(method, method) for method in scores}
        summaries = {method: summary_of(np.asarray(own, dtype=np.float64)) for method, own in scores.items()}
        baseline = partial(_baseline, results.baseline, dataset, summaries)
        is_alone = results.baseline is None
        found.append(Contest(dataset, 0, results.sign, scores, families, baseline, results.paired, is_alone))
    return found


def _of_paper(table: PaperTable) -> list[Contest]:
    found = []
    for dataset in table.datasets:
        cells = {method: cell for (where, method), cell in table.cells.items() if where == dataset}
        baseline = partial(_baseline, table.baseline, dataset, cells)
        families = {method: method for method in cells}
        is_alone = table.baseline is None
        found.append(Contest(dataset, 0, table.sign, {}, families, baseline, is_alone=is_alone, summaries=cells))
    return found


def _baseline(name: str | None, dataset: str, summaries: Mapping[str, Summary]) -> Moments:
    """Mean and deviation of the baseline of all methods; without one the mean of all methods' means."""
    if name is None:
        return float(np.mean([one.mean for one in summaries.values()])), np.nan
    if name not in summaries:
        raise HarnessError(f"{dataset}: no score of the baseline {name}")
    return summaries[name].mean, summaries[name].sd


def _by_seed(results: Results, dataset: str, method: str) -> pd.Series[float]:
    """Scores by seed; a score without one stands for itself, and is nobody's pair."""
    runs = results.of(dataset, method)
    alone = method + " in line " + runs["line"].astype(str) + " of " + runs["file"]
    return runs["score"].set_axis(runs["seed"].where(runs["seed"] != "", alone))


def summary_of(scores: FloatArray) -> Summary:
    """Return mean, standard deviation and number of scores (n,)."""
    return Summary(*_moments_of(scores), len(scores)) if len(scores) else Summary(np.nan, np.nan, 0)


def _moments_of(scores: FloatArray) -> Moments:
    return float(scores.mean()), float(np.std(scores, ddof=1)) if len(scores) > 1 else np.nan
