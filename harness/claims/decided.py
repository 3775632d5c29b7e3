"""A suite run with as many seeds as it takes to tell each method from random search, or so many as are allowed."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from harness.errors import HarnessError
from harness.reporting.caveats.sequential import DECIDED
from harness.reporting.families import AVERAGE
from harness.reporting.frames.improvement import LEVEL, main_baseline
from harness.reporting.run import Benchmark, Entrant, Run, load_run
from harness.running.runner import RunResult, as_suite, run_suite
from harness.statistics import ExactBaseline, PairedDifferences, WinProbability, first_rejections, mid_ranks
from harness.statistics.sequences import Sequence as Scores
from harness.suites.seeds import batches
from harness.suites.suite import Suite
from harness.system.files import write_whole

BETTER, WORSE, UNDECIDED = "better", "worse", "undecided"


@dataclass(frozen=True)
class Comparison:
    """A method and random search on one benchmark.

    Attributes
    ----------
    benchmark, method, baseline
        What is compared; the method with its budget where there are several.
    verdict
        ``better``, ``worse`` or ``undecided``, by Holm's procedure over both sides of all comparisons: the first reached.
    seeds
        After how many seeds it was reached; of an undecided one, how many there are.
    unit, estimate, low, high
        Probability of doing better than a random search, ties half; or, where that is a sample, the mean difference from it in
        the benchmark's unit, better being positive. The interval is valid at any number of seeds, and of all of them together.
    p_better, p_worse
        p-values of "no better" and of "no worse", not adjusted.
    test, note
        How it was told; on what it rests, or why there is no test.
    """

    benchmark: str
    method: str
    baseline: str
    verdict: str
    seeds: int
    unit: str
    estimate: float
    low: float
    high: float
    p_better: float
    p_worse: float
    test: str
    note: str


@dataclass(frozen=True)
class Decided:
    """What a run with as many seeds as it takes came to.

    Attributes
    ----------
    result
        As of a plain run with the seeds that it took.
    seeds
        These seeds.
    comparisons
        One a method and benchmark, in the order of the suite.
    """

    result: RunResult
    seeds: tuple[int, ...]
    comparisons: tuple[Comparison, ...]

    @property
    def is_decided(self) -> bool:
        """Whether every comparison has a verdict."""
        return all(one.verdict != UNDECIDED for one in self.comparisons)

    @property
    def summary(self) -> str:
        """How many comparisons have which verdict, in a line."""
        counts = Counter(one.verdict for one in self.comparisons)
        return f"{counts[BETTER]} better than random search, {counts[WORSE]} worse, {counts[UNDECIDED]} undecided"

    @property
    def frame(self) -> pd.DataFrame:
        """A row a comparison, with the fields of `Comparison` as columns."""
        return pd.DataFrame([asdict(one) for one in self.comparisons])

    def as_json(self) -> dict[str, Any]:
        """As plain JSON values; infinite ends and missing numbers are null."""
        return {"seeds": len(self.seeds), "comparisons": json.loads(self.frame.to_json(orient="records"))}


def run_until_decided(
    suite: str | Path | Mapping[str, Any] | Suite,
    output: str | Path,
    max_seeds: int,
    *,
    plugin: Sequence[str | Path] = (),
    fresh: bool = False,
    **options: Any,
) -> Decided:
    """Run a suite with its seeds, and then half as many again from batch to batch, until each method is told from random search.

    Parameters
    ----------
    suite
        What is run, as `harness.run` takes it. Its seeds are the first batch.
    output
        Folder of the run. Its records are those of a plain run with the seeds that it took; the comparisons are in
        ``decided.json`` beside them. A run that was killed goes on.
    max_seeds
        Seeds at most.
    plugin, fresh, options
        As of `harness.run`.

    Raises
    ------
    HarnessError
        If the suite has more seeds than that, or claims nothing about random search.
    """
    suite, folder = as_suite(suite, plugin), Path(output)
    own = len(suite.seeds)
    if max_seeds < own:
        raise HarnessError(f"--until decided: wanted --max-seeds N of at least the suite's own {own}, not {max_seeds}")
    if all(method.name in ("random", "random-architecture") and not method.recipe for method in suite.methods):
        raise HarnessError(
            f"{suite.where}: --until decided: only random search is run, and nothing is compared with it"
        )
    n_run = 0
    for seeds in batches(suite.seeds, max_seeds):
        result = run_suite(replace(suite, seeds=seeds), folder, fresh=fresh and not n_run, **options)
        n_run += result.n_run
        found = compare_with_random(load_run(folder))
        if all(one.verdict != UNDECIDED for one in found):
            break
    result = replace(result, n_run=n_run, n_kept=len(result.records) - n_run)
    decided = Decided(result, seeds, found)
    write_whole(folder / DECIDED, (json.dumps(decided.as_json(), indent=1) + "\n").encode())
    return decided


def compare_with_random(run: Run) -> tuple[Comparison, ...]:
    """Compare every method of a run with random search, by sequences over its seeds in numeric order."""
    pairs = [
        (group, benchmark, entrant)
        for group, (benchmark, entrant) in enumerate(run.pairs)
        if not (entrant.is_check or entrant.is_unbounded)
    ]
    tested = [_sequence(run, *pair) for pair in pairs]
    most = max((scores.n for scores, _, _ in tested if scores is not None), default=0)
    courses = np.array([side for scores, _, _ in tested for side in _course(scores, most)]).reshape(-1, most)
    first = first_rejections(courses, LEVEL).reshape(-1, 2)
    return tuple(
        _comparison(benchmark, entrant, *one, tuple(int(at) for at in seeds), LEVEL / len(tested))
        for (_, benchmark, entrant), one, seeds in zip(pairs, tested, first, strict=True)
    )


def _sequence(run: Run, group: int, benchmark: Benchmark, entrant: Entrant) -> tuple[Scores | None, str, str]:
    """Return the sequence of a method against its main baseline, the baseline's name, and what one must know."""
    baseline = main_baseline(run, benchmark, entrant.budget)
    scores = _by_seed(run, group)
    if isinstance(baseline.scores, ExactBaseline):
        return WinProbability(mid_ranks(scores.to_numpy(), baseline.scores)), baseline.name, ""
    is_average = run.family.trains and baseline.name == AVERAGE
    other = (
        run.average_architecture(benchmark, entrant.budget)
        if is_average
        else run.simulated_random(benchmark, entrant.budget)
    )
    if other is None:
        return None, baseline.name, "no exact law here, and no random search in the run"
    both = pd.concat([scores, _by_seed(run, other)], axis=1, join="inner").sort_index()
    if missing := int(both.isna().any(axis=1).sum()):
        return None, baseline.name, f"{missing} searches failed, or found nothing feasible: no difference of theirs"
    if not len(both):
        return None, baseline.name, "it has no seed in common with random search"
    gain = benchmark.sign * (both.iloc[:, 0] - both.iloc[:, 1]).to_numpy()
    wins = float(np.mean((gain > 0) + (gain == 0) / 2))
    return PairedDifferences(gain), baseline.name, f"better at {100 * wins:.0f} % of the seeds"


def _by_seed(run: Run, group: int) -> pd.Series[float]:
    """Test scores by seed, ascending; NaN where a search failed or found nothing feasible."""
    cells = run.cells[run.cells["group"] == group]
    return cells["test"].where(cells["status"] == "ok").set_axis(cells["seed"]).sort_index()


def _course(scores: Scores | None, n: int) -> Iterator[NDArray[np.float64]]:
    """Yield the p-values of "no better" and of "no worse" after each of n seeds; NaN without a test."""
    if scores is None:
        yield from np.full((2, n), np.nan)
        return
    null = _null(scores)
    for p in scores.p_values(null):
        yield np.pad(p, (0, n - len(p)), mode="edge")


def _null(scores: Scores) -> float:
    return 0.5 if isinstance(scores, WinProbability) else 0.0


def _comparison(
    benchmark: Benchmark,
    entrant: Entrant,
    scores: Scores | None,
    baseline: str,
    note: str,
    first: tuple[int, ...],
    alpha: float,
) -> Comparison:
    names = benchmark.name, entrant.name, baseline
    if scores is None:
        nan = math.nan
        return Comparison(*names, UNDECIDED, 0, "", nan, nan, nan, nan, nan, "", note)
    better, worse = first
    if better and (not worse or better < worse):
        verdict, seeds = BETTER, better
    else:
        verdict, seeds = (WORSE, worse) if worse else (UNDECIDED, scores.n)
    unit = "win probability" if isinstance(scores, WinProbability) else benchmark.unit
    p_better, p_worse = (float(p[-1]) for p in scores.p_values(_null(scores)))
    notes = "; ".join(filter(None, (note, scores.assumption)))
    return Comparison(
        *names, verdict, seeds, unit, scores.estimate, *scores.interval(alpha), p_better, p_worse, scores.method, notes
    )
