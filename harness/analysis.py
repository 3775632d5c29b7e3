"""Statistics asked for by name: what ``nas-harness analyze`` prints, one function a verb. Each returns tidy frames.

Runs are read from their output folders, tables from the catalogue. Scores of different tables are made alike by random
search: a difference in RI points is 100 times a difference in scores over the mean score of random search at the same
budget, or of random architectures where supernets are searched, signed so that more is better. It is the size of that mean
that is divided by: scores below 0 change no sign. Of a mean of 0 there are no RI points; what tests say does not hang on it.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import pandas as pd
from scipy import stats

from harness.errors import HarnessError, unknown_name
from harness.problem.budget import Budget
from harness.reporting.figures import draw_front, draw_pareto
from harness.reporting.frames.improvement import main_baseline
from harness.reporting.frames.pareto import HYPERVOLUME_COLUMNS, Goal, goals_of, hypervolumes, run_fronts, table_front
from harness.reporting.images import save_figure
from harness.reporting.run import Benchmark, Entrant, Run, load_run
from harness.running.records import RECORDS
from harness.spaces.darts import CONCAT, INPUTS, Gene, Genotype
from harness.statistics import (
    ExactBaseline,
    Ranking,
    bayesian_signed_rank,
    benjamini_hochberg,
    can_carry,
    cell_depth,
    cell_width,
    compare_over_datasets,
    detectable_improvement,
    holm,
    hyperparameter_lottery,
    improvement_over_tasks,
    intraclass_correlation,
    kendall,
    mean_difference,
    noise_ceiling,
    probability_of_improvement,
    rank_agreement,
    seeds_needed,
    sign_flip_test,
    trait_agreement,
)
from harness.statistics._validate import FloatArray
from harness.statistics.improvement import MIN_ARCHITECTURES, MIN_RUNS
from harness.system.folders import find
from harness.tabular.catalogue import benchmark_names, load_table
from harness.tabular.table import VALID, Table

EPOCHS = (25, 50, 100, 600)
_FLIPS = 9_999  # random sign flips of a paired test of many seeds
_NO_POINTS = "the baseline's mean is 0, of which nothing is a percentage: no RI points"


@dataclass(frozen=True)
class Pairs:
    """All pairs of methods.

    Attributes
    ----------
    tests
        One row a benchmark, budget and pair.
    over_datasets
        One row a budget and pair, over all benchmarks; empty for a single one.
    ranks
        Mean rank of each method over the benchmarks, ``budget, method, mean_rank, p_friedman``; empty where they cannot
        carry one.
    notes
        Why something is missing.
    """

    tests: pd.DataFrame
    over_datasets: pd.DataFrame
    ranks: pd.DataFrame
    notes: tuple[str, ...]


def plan_seeds(folder: Path, detect: float, power: float = 0.8, level: float = 0.05) -> pd.DataFrame:
    """Plan seeds from the variance of a run: how many find a true RI of `detect` percent over random search?

    Parameters
    ----------
    folder
        Output folder of a run, the pilot.
    detect
        RI in percent.
    power, level
        Of the two-sided test.

    Returns
    -------
    DataFrame
        One row a benchmark and method: ``benchmark, method, budget, n, cv`` (percent of the baseline's mean, with its 95 %
        interval ``cv_low, cv_high``), ``seeds_exact`` (one-sample test against an exact baseline), ``seeds_sampled`` (of
        the method, and as many of random search, which is simulated), ``detectable_exact, detectable_sampled`` (by the `n`
        seeds that are there) and ``note``. The exact columns are NaN without an exact law. A live run also has ``seeds_paired,
        detectable_paired``, of a test seed by seed against the baseline on the same split. Over random architectures reports make
        it from 50 seeds and 100 architectures on: no fewer are planned, and ``note`` says so where there are fewer.

    Notes
    -----
    The two-sample plan takes the root of the mean of both variances, the method's and random search's. A pilot's variance
    is itself uncertain: the number of seeds goes with the square of `cv`.
    """
    if not abs(detect) > 0:
        raise HarnessError(f"detect: {detect} is never found, whatever the seeds; give a percentage other than 0")
    run = load_run(folder)
    rows: list[dict[str, Any]] = []
    paired = _paired_deviations(run)
    for group, (benchmark, entrant) in enumerate(run.pairs):
        scores, mean, std = run.scores(group), *_moments(run, benchmark, entrant.budget)
        row = {"benchmark": benchmark.name, "method": entrant.name, "budget": entrant.budget.amount, "n": len(scores)}
        n, spread = len(scores), float(np.std(scores, ddof=1)) if len(scores) > 1 else 0.0
        if np.isnan(std):
            rows.append(row | {"note": "one seed of the baseline"})
            continue
        if mean == 0:
            rows.append(row | {"note": _NO_POINTS})
            continue
        if not spread > 0:
            rows.append(row | {"note": "one seed" if n == 1 else "no seed" if n == 0 else "all seeds equal"})
            continue
        cv, pooled = 100.0 * spread / abs(mean), 100.0 * np.sqrt((spread**2 + std**2) / 2.0) / abs(mean)
        low, high = cv * np.sqrt((n - 1) / stats.chi2.ppf([0.975, 0.025], n - 1))
        row |= {"cv": cv, "cv_low": low, "cv_high": high}
        plans = {"sampled": (n, pooled, False)}
        if isinstance(main_baseline(run, benchmark, entrant.budget).scores, ExactBaseline):
            plans["exact"] = (n, cv, True)
        notes, least = [benchmark.why_not] if benchmark.why_not else [], 2
        if group in paired:
            common, deviation, least = paired[group]
            plans["paired"] = (common, deviation, True)
            if common < least:
                notes.append(
                    f"no test of so few random architectures: from {least} seeds and {MIN_ARCHITECTURES} of them on"
                )
        for design, (there, deviation, exact) in plans.items():
            row[f"detectable_{design}"] = detectable_improvement(there, deviation, exact, power, level)
            try:
                needed = seeds_needed(detect, deviation, exact, power, level)
            except HarnessError as error:  # more than anybody runs; what was asked for is refused above
                notes.append(str(error))
            else:
                row[f"seeds_{design}"] = max(needed, least) if design == "paired" else needed
        rows.append(row | {"note": "; ".join(notes)})
    columns = ["benchmark", "method", "budget", "n", "cv", "cv_low", "cv_high", "seeds_exact", "seeds_sampled"]
    columns += ["detectable_exact", "detectable_sampled"]
    if len(paired):
        columns += ["seeds_paired", "detectable_paired"]
    frame = pd.DataFrame(rows, columns=[*columns, "note"])
    return frame.astype({name: "Int64" for name in columns if name.startswith("seeds_")})


def ranking(
    benchmark: str, rng: np.random.Generator, top: Sequence[int] = (10, 100), n_bootstrap: int = 200
) -> pd.DataFrame:
    """Return how far validation ranks a table's architectures as test does.

    Parameters
    ----------
    benchmark
        Its name.
    rng, n_bootstrap
        Source and number of resamples of rows.
    top
        The k of precision@k.

    Returns
    -------
    DataFrame
        ``benchmark, rows, statistic, estimate, low, high``; every row of the table counts once.
    """
    table = load_table(benchmark)
    sign = 1.0 if table.direction == "max" else -1.0
    found = rank_agreement(sign * table.valid, sign * table.test, rng, top, n_bootstrap=n_bootstrap)
    found.insert(0, "benchmark", benchmark)
    found.insert(1, "rows", len(table))
    return found


def trainings(
    benchmark: str, rng: np.random.Generator, repeats: Sequence[str] = (), n_bootstrap: int = 200
) -> pd.DataFrame:
    """Return what training seeds make of a table's test scores: the ceiling of any ranking, and the share that is noise.

    Parameters
    ----------
    benchmark
        Its name.
    rng, n_bootstrap
        Source and number of resamples of architectures.
    repeats
        At least two further measurements of the same test score: columns of the table, or benchmarks of its space, whose
        test scores they are. By default the benchmarks that were imported with one training seed each, ``NAME+seedS``.

    Returns
    -------
    DataFrame
        ``benchmark, trainings, rows, statistic, estimate, low, high``; ``rows`` are the architectures that all trainings
        have. ``kendall, validation``: the mean tau-b of validation with the test scores of one training. ``kendall,
        ceiling, lower`` and ``upper``: the bounds of the best that any predictor can reach in its place. All with
        percentile intervals over architectures. ``icc``: the share of the variance of single trainings that is due to
        the architecture, ICC(1,1) with its F interval. Without rows where there are fewer than two trainings.
    """
    table = load_table(benchmark)
    names = list(repeats) or [name for name in benchmark_names() if name.startswith(f"{benchmark}+seed")]
    if repeats and len(set(names)) < 2:
        raise HarnessError(f"{benchmark}: {len(set(names))} training has no spread; name at least 2")
    columns = ["benchmark", "trainings", "rows", "statistic", "estimate", "low", "high"]
    if len(names) < 2:
        return pd.DataFrame(columns=columns)
    sign = 1.0 if table.direction == "max" else -1.0
    scores = np.column_stack([_training(table, name) for name in names])
    known = np.isfinite(scores).all(axis=1)
    if known.sum() < 2:
        raise HarnessError(
            f"{benchmark}: {known.sum()} architectures are in all of {', '.join(names)}; wanted at least 2"
        )
    scores, valid = sign * scores[known], sign * table.valid[known]

    def agreements(rows: Any) -> tuple[float, ...]:
        test = scores[rows]
        return (float(np.mean([kendall(valid[rows], one) for one in test.T])), *noise_ceiling(test))

    draws = [agreements(rng.integers(len(scores), size=len(scores))) for _ in range(n_bootstrap)]
    ends = np.nanquantile(draws, [0.025, 0.975], axis=0).T
    statistics = ("kendall, validation", "kendall, ceiling, lower", "kendall, ceiling, upper")
    rows = [(name, found, *end) for name, found, end in zip(statistics, agreements(slice(None)), ends, strict=True)]
    icc = intraclass_correlation(scores)
    frame = pd.DataFrame([*rows, ("icc", icc.estimate, icc.low, icc.high)], columns=columns[3:])
    return frame.assign(benchmark=benchmark, trainings=len(names), rows=len(scores))[columns]


def pareto(
    what: str | Path,
    goals: Sequence[Goal] = (),
    score: str = VALID,
    reference: Mapping[str, float] | None = None,
    figure: Path | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the Pareto front of a table, and of a run the hypervolumes that its methods reach.

    Parameters
    ----------
    what
        Name of a benchmark, or the output folder of a run whose suite shows columns to methods (its key ``metrics``).
    goals
        Columns beside the score; of a run by default those that its suite shows.
    score
        ``"valid"`` or ``"test"``.
    reference
        Where hypervolumes begin, by column; see `harness.reporting.frames.pareto.hypervolumes`.
    figure
        File for a drawing of the score against the first goal, by its ending ``.svg`` or ``.png``.

    Returns
    -------
    front : DataFrame
        As of `harness.reporting.frames.pareto.table_front`.
    hypervolumes : DataFrame
        As of `harness.reporting.frames.pareto.hypervolumes`, without rows for a benchmark.
    """
    if unknown := [key for key in reference or {} if key != score and key not in [goal.column for goal in goals]]:
        raise unknown_name("goal", unknown[0], [score, *(goal.column for goal in goals)], "reference")
    if not (Path(what) / RECORDS).is_file():
        table = load_table(str(what))
        front = table_front(table, goals, score)
        if figure is not None:
            save_figure(figure, lambda: draw_front(table, goals[0], score))
        return front, pd.DataFrame(columns=HYPERVOLUME_COLUMNS)
    run = load_run(Path(what))
    goals = list(goals) or goals_of(run)
    if not run.evaluations:
        raise HarnessError(
            f'{what}: it kept no evaluations; they are kept where a suite shows columns: metrics = ["latency"]'
        )
    if not goals:
        raise HarnessError(f"{what}: wanted a goal beside the score, such as a column of its tables")
    if figure is not None:
        save_figure(figure, lambda: draw_pareto(run, goals[0], score))
    return run_fronts(run, goals, score), hypervolumes(run, goals, score, reference)[list(HYPERVOLUME_COLUMNS)]


def lottery(folder: Path) -> pd.DataFrame:
    """Set the spread of each method over its parameters beside its gap to random search.

    Parameters
    ----------
    folder
        Output folder of a run in which a method has several parameterisations at one budget.

    Returns
    -------
    DataFrame
        One row a benchmark, method and budget: ``benchmark, method, budget, settings, seeds`` (those that all settings
        have), ``worst_setting, best_setting``, ``random`` (random search's mean at the same budget), ``worst, median,
        best`` (means over seeds, in the table's unit), and in RI points ``spread, spread_by_chance, gap``; ``ratio, p_value,
        p_holm``, as in `harness.statistics.Lottery`; and where something is missing, ``note`` says why.
    """
    run = load_run(folder)
    rows: list[dict[str, Any]] = []
    for benchmark, budget, entrants in _fields(run):
        for name in dict.fromkeys(entrant.method.name for entrant in entrants):
            settings = [entrant for entrant in entrants if entrant.method.name == name]
            if len(settings) < 2:
                continue
            row: dict[str, Any] = {"benchmark": benchmark.name, "method": name, "budget": budget.amount}
            row |= {"settings": len(settings)}
            scores = run.common_scores(benchmark, settings)
            row["seeds"] = scores.shape[1]
            if scores.shape[1] < 2:
                rows.append(row | {"note": "the settings share fewer than 2 finished seeds"})
                continue
            mean, _ = _moments(run, benchmark, budget)
            found = hyperparameter_lottery(benchmark.sign * scores.to_numpy(), benchmark.sign * mean)
            by_setting = (benchmark.sign * scores).mean(axis=1)
            row |= {"worst_setting": by_setting.idxmin(), "best_setting": by_setting.idxmax(), "random": mean}
            row |= {end: benchmark.sign * getattr(found, end) for end in ("worst", "median", "best")}
            if mean != 0:
                row |= {key: 100.0 * getattr(found, key) / abs(mean) for key in ("spread", "spread_by_chance", "gap")}
            rows.append(row | {"ratio": found.ratio, "p_value": found.p_value, "note": "" if mean != 0 else _NO_POINTS})
    if not rows:
        raise HarnessError(f"{folder}: no method has two parameterisations at one budget; give it twice, with labels")
    columns = [*("benchmark", "method", "budget", "settings", "seeds", "worst_setting", "best_setting", "random")]
    columns += ["worst", "median", "best", "spread", "spread_by_chance", "gap", "ratio", "p_value"]
    frame = pd.DataFrame(rows, columns=[*columns, "note"])
    frame.insert(len(columns), "p_holm", holm(frame["p_value"].to_numpy(dtype=np.float64)))
    return frame if frame["note"].any() else frame.drop(columns="note")


def compare_pairs(folder: Path, rng: np.random.Generator, rope: float | None = None) -> Pairs:
    """Compare all methods of a run with each other, on each benchmark and over all of them.

    Parameters
    ----------
    folder
        Output folder of a run. Simulated random search is no method here.
    rng
        Source of random sign flips and of the posterior.
    rope
        Half width, in RI points, of what counts as equal; None leaves out the Bayesian signed-rank test.

    Returns
    -------
    Pairs
        ``tests``: ``benchmark, budget, a, b, n_a, n_b, difference`` (a minus b, RI points), ``ci_low, ci_high, p_value,
        test, p_holm, p_bh`` (Welch's t, of supernets' searches the paired t over common seeds, which share the split of the
        images; the family is all rows), ``win_probability, win_low, win_high`` (that a run of a beats one
        of b), ``p_brunner_munzel, n_paired, p_sign_flip`` (over common seeds, which share the first draws of a search).
        ``over_datasets``: ``budget, a, b, datasets, median_difference, p_wilcoxon, p_holm`` (NaN where the number of data
        sets cannot carry a test), ``win_probability, win_low, win_high`` (that a run of a beats one of b on the same data
        set, averaged over data sets; stratified bootstrap), and with `rope` ``worse, equal, better``, the posterior
        probabilities of a against b.
    """
    run = load_run(folder)
    rows = [
        _pair(run, benchmark, budget, a, b, rng)
        for benchmark, budget, entrants in _fields(run)
        for a, b in itertools.combinations(entrants, 2)
    ]
    if not rows:
        raise HarnessError(f"{folder}: one method beside random search makes no pair; nas-harness report compares it")
    tests = pd.DataFrame(rows)
    tests = tests.assign(p_holm=holm(tests["p_value"]), p_bh=benjamini_hochberg(tests["p_value"]))
    order = ["ci_low", "ci_high", "p_value", "test", "p_holm", "p_bh", "win_probability", "win_low", "win_high"]
    head = ["benchmark", "budget", "a", "b", "n_a", "n_b", "difference"]
    tests = tests.reindex(columns=[*head, *order, "p_brunner_munzel", "n_paired", "p_sign_flip"])
    overall, ranks = [], []
    notes = [
        f"{benchmark.name}, budget {budget.amount}: {_NO_POINTS}"
        for benchmark, budget, entrants in _fields(run)
        if len(entrants) > 1 and _moments(run, benchmark, budget)[0] == 0
    ]
    for budget in dict.fromkeys(tests["budget"]):
        found = _ranking(run, budget)
        if isinstance(found, str):
            notes.append(f"budget {budget}: no Friedman or Wilcoxon tests over data sets: {found}")
        else:
            frame = found.mean_ranks.rename_axis("method").reset_index(name="mean_rank")
            ranks.append(frame.assign(budget=budget, p_friedman=found.p_value))
        if len(run.benchmarks) > 1:
            overall.append(_over_datasets(run, tests[tests["budget"] == budget], found, rope, rng))
    ranks_frame = pd.concat(ranks, ignore_index=True) if ranks else pd.DataFrame()
    return Pairs(tests, pd.concat(overall, ignore_index=True) if overall else pd.DataFrame(), ranks_frame, tuple(notes))


def wide_shallow(
    genotypes: Path,
    curves: Path,
    rng: np.random.Generator,
    epochs: Sequence[int] = EPOCHS,
    window: int = 20,
    n_bootstrap: int = 1000,
) -> pd.DataFrame:
    """Return how the accuracy at an epoch goes with width, depth and operations of the normal cell (Shu et al., ICLR 2020).

    Parameters
    ----------
    genotypes
        JSON file: a list of genotypes of the DARTS space, as texts or as objects with a text ``genotype``. Looked for here,
        then in the folder ``$NAS_HARNESS_DATA``, as is `curves`.
    curves
        NPZ file with one array (architectures, epochs) of accuracies, in the order of the genotypes.
    rng, n_bootstrap
        Source and number of resamples of architectures.
    epochs, window
        Epochs to look at, counted from 1; the accuracy is the mean of the last `window` up to each.

    Returns
    -------
    DataFrame
        ``epoch, trait, tau, low, high``: Kendall's tau-b with ``width, depth, skips`` and ``convolutions``.
    """
    cells = [(f"{genotypes}, genotype {place}", text) for place, text in enumerate(_genotypes(genotypes), start=1)]
    traits = pd.DataFrame([_traits(where, text) for where, text in cells])
    return trait_agreement(_curves(curves), traits, epochs, rng, window, n_bootstrap=n_bootstrap)


def _training(table: Table, name: str) -> FloatArray:
    """Return the test scores of one training for every row of a table (N,), NaN where it has none."""
    if name in table.columns:
        return np.asarray(table.column(name), dtype=np.float64)
    if name not in benchmark_names():
        raise unknown_name("training", name, [*table.columns, *benchmark_names()], f"benchmark {table.name}")
    other = load_table(name)
    if other.space.describe() != table.space.describe():
        raise HarnessError(f"{name}: its space {other.space.name} is not that of {table.name}, {table.space.name}")
    place = other.rows[table.index_of_row()]
    return np.where(place >= 0, other.test[np.maximum(place, 0)], np.nan)


def _moments(run: Run, benchmark: Benchmark, budget: Budget) -> tuple[float, float]:
    """Return mean and standard deviation of the main baseline at a budget; no deviation (NaN) of a single score."""
    scores = main_baseline(run, benchmark, budget).scores
    if isinstance(scores, ExactBaseline):
        return scores.mean, float(scores.law.std(scores.n_draws))
    if len(scores) == 0:
        why_not = benchmark.why_not or f"there is no exact law of random search with so many {run.unit}"
        wanted = "random-architecture or random" if run.is_live else "random"
        raise HarnessError(
            f"{benchmark.name}: {why_not}, and no cell of the run to compare with; wanted the method {wanted} in the suite"
        )
    return float(scores.mean()), float(np.std(scores, ddof=1)) if len(scores) > 1 else np.nan


def _paired_deviations(run: Run) -> dict[int, tuple[int, float, int]]:
    """Return by group of a live run what a test by pairs with the baseline has to do with.

    That is the number of common seeds, the deviation of the log ratio over them in percent, and the fewest seeds that are tested.
    """
    found = {}
    for group, (benchmark, entrant) in enumerate(run.pairs):
        baseline, scores = main_baseline(run, benchmark, entrant.budget), run.scores(group)
        if baseline.seeds is None or isinstance(baseline.scores, ExactBaseline) or scores is baseline.scores:
            continue
        _, own, other = np.intersect1d(run.finished(group)["seed"], baseline.seeds, return_indices=True)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = scores[own] / baseline.scores[other]
        if len(own) > 1 and np.all(ratio > 0) and 0 < np.ptp(ratio) < np.inf:
            each = baseline.architectures
            least = 2 if each is None else max(MIN_RUNS, -(-MIN_ARCHITECTURES // each))
            found[group] = len(own), 100.0 * float(np.std(np.log(ratio), ddof=1)), least
    return found


def _fields(run: Run) -> Iterator[tuple[Benchmark, Budget, list[Entrant]]]:
    """Yield benchmarks and budgets with the methods that meet there, simulated random search left out."""
    for budget in run.budgets:
        entrants = [entrant for entrant in run.entrants if entrant.budget == budget and not entrant.is_check]
        for benchmark in run.benchmarks:
            yield benchmark, budget, entrants


def _pair(
    run: Run, benchmark: Benchmark, budget: Budget, a: Entrant, b: Entrant, rng: np.random.Generator
) -> dict[str, Any]:
    """Return all tests of one pair on one benchmark."""
    mean, _ = _moments(run, benchmark, budget)
    unit = abs(mean) or 1.0
    first, second = (100.0 * benchmark.sign * run.scores(run.group(benchmark, one)) / unit for one in (a, b))
    row: dict[str, Any] = {"benchmark": benchmark.name, "budget": budget.amount, "a": a.name, "b": b.name}
    row |= {"n_a": len(first), "n_b": len(second), "p_value": np.nan, "test": ""}
    if len(first) == 0 or len(second) == 0:
        return row
    common = 100.0 * benchmark.sign * run.common_scores(benchmark, (a, b)).to_numpy() / unit
    gaps = np.subtract(*common)
    if run.has_supernets:  # equal seeds share the split of the images
        if len(gaps) == 0:
            return row | {"n_paired": 0}
        difference = mean_difference(*common, paired=True)  # type: ignore[misc]
    else:
        difference = mean_difference(first, second)
    wins = probability_of_improvement(first, second)
    if mean != 0:
        row |= {"difference": difference.estimate, "ci_low": difference.low, "ci_high": difference.high}
    row |= {"p_value": difference.p_value, "test": difference.method, "win_probability": wins.estimate}
    row |= {"win_low": wins.low, "win_high": wins.high, "p_brunner_munzel": wins.p_value}
    return row | {"n_paired": len(gaps), "p_sign_flip": sign_flip_test(gaps, rng, _FLIPS) if len(gaps) > 1 else np.nan}


def _ranking(run: Run, amount: int) -> Ranking | str:
    """Return the methods' ranking over benchmarks at a budget, by means in RI points, or why there is none."""
    fields = [field for field in _fields(run) if field[1].amount == amount]
    names = [entrant.name for entrant in fields[0][2]]
    if reason := can_carry(len(fields), len(names)):
        return reason
    units = [abs(_moments(run, one, budget)[0]) for one, budget, _ in fields]
    if 0.0 in units:
        return f"{fields[units.index(0.0)][0].name}: {_NO_POINTS}"
    means = [
        [_mean(100.0 * one.sign * run.scores(run.group(one, entrant)) / unit) for entrant in entrants]
        for (one, _, entrants), unit in zip(fields, units, strict=True)
    ]
    if np.isnan(means).any():
        return "not every method has a result on every data set"
    return compare_over_datasets(pd.DataFrame(means, columns=names))


def _over_datasets(
    run: Run, tests: pd.DataFrame, found: Ranking | str, rope: float | None, rng: np.random.Generator
) -> pd.DataFrame:
    scores = {
        (entrant.name, benchmark.name): benchmark.sign * run.scores(group)
        for group, (benchmark, entrant) in enumerate(run.pairs)
    }
    rows = []
    for (a, b), part in tests.groupby(["a", "b"], sort=False):
        gaps = part["difference"].dropna().to_numpy()
        row = {"budget": part["budget"].iloc[0], "a": a, "b": b, "datasets": len(gaps)}
        row |= {"median_difference": float(np.median(gaps)) if len(gaps) else np.nan}
        row |= dict.fromkeys(("win_probability", "win_low", "win_high"), np.nan)
        if part["win_probability"].notna().all():
            first, second = ([scores[one, name] for name in part["benchmark"]] for one in (str(a), str(b)))
            wins = improvement_over_tasks(first, second, rng)
            row |= {"win_probability": wins.estimate, "win_low": wins.low, "win_high": wins.high}
        if rope is not None and len(gaps):
            row |= vars(bayesian_signed_rank(gaps, rope, rng))
        rows.append(row)
    frame = pd.DataFrame(rows)
    known = {} if isinstance(found, str) else found.pairs.set_index(["a", "b"])["p_value"].to_dict()
    p_values = np.array([known.get(key, np.nan) for key in zip(frame["a"], frame["b"], strict=True)])
    frame.insert(5, "p_wilcoxon", p_values)
    frame.insert(6, "p_holm", holm(p_values))
    return frame


def _mean(scores: FloatArray) -> float:
    return float(scores.mean()) if len(scores) else np.nan


def _traits(where: str, text: str) -> dict[str, float]:
    """Return the traits of a genotype's normal cell."""
    try:
        genotype = Genotype.parse(text)
    except HarnessError as error:
        raise HarnessError(f"{where}: {error}") from error
    if set(genotype.normal_concat) != set(CONCAT):
        raise HarnessError(f"{where}: the cell's output leaves out a node; width and depth are of cells that take all")
    genes: Sequence[Gene] = genotype.normal
    cell = [[source for _, source in genes[place : place + INPUTS]] for place in range(0, len(genes), INPUTS)]
    operations = [operation for operation, _ in genes]
    return {
        "width": cell_width(cell),
        "depth": cell_depth(cell),
        "skips": operations.count("skip_connect"),
        "convolutions": sum("conv" in operation for operation in operations),
    }


def _genotypes(path: Path) -> list[str]:
    try:
        document = json.loads(find(str(path)).read_text(encoding="utf-8"))
    except ValueError as error:
        raise HarnessError(f"{path}: is no JSON: {error}") from error
    listed = document if isinstance(document, list) else []
    texts = [one.get("genotype") if isinstance(one, dict) else one for one in listed]
    found = [text for text in texts if isinstance(text, str)]
    if not found or len(found) < len(texts):
        raise HarnessError(f'{path}: wanted a list of genotypes, as texts or as objects with a text "genotype"')
    return found


def _curves(path: Path) -> FloatArray:
    try:
        with np.load(find(str(path)), allow_pickle=False) as arrays:
            matrices = {name: arrays[name] for name in arrays.files if arrays[name].ndim == 2}
    except (OSError, ValueError, EOFError, TypeError, BadZipFile) as error:
        raise HarnessError(f"{path}: cannot be read as NPZ: {error}") from error
    if len(matrices) != 1:
        raise HarnessError(f"{path}: wanted one array (architectures, epochs), found {len(matrices)} of two dimensions")
    return np.asarray(next(iter(matrices.values())), dtype=np.float64)
