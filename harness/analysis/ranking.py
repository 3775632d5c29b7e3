"""How far validation ranks the architectures of a benchmark as test does, and what bounds any ranking."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from harness.errors import HarnessError, unknown_name
from harness.statistics import intraclass_correlation, kendall, noise_ceiling, rank_agreement, spearman
from harness.statistics._validate import FloatArray
from harness.tabular.catalogue import benchmark_names, load_table
from harness.tabular.statics import column_values
from harness.tabular.table import Table

_RANKED = {"spearman": spearman, "kendall": kendall}


class Ranked(Protocol):
    """Architectures with two scores each: a table, or what `harness.results.ranked.read_ranked` read."""

    @property
    def name(self) -> str:
        """What it is called."""

    @property
    def direction(self) -> str:
        """``max`` where higher scores are better, or ``min``."""

    @property
    def valid(self) -> FloatArray:
        """Validation scores (N,)."""

    @property
    def test(self) -> FloatArray:
        """Test scores (N,)."""


def ranking(
    benchmark: str | Ranked, rng: np.random.Generator, top: Sequence[int] = (10, 100), n_bootstrap: int = 200
) -> pd.DataFrame:
    """Return how far validation ranks a table's architectures as test does.

    Parameters
    ----------
    benchmark
        Its name; or architectures with both scores from elsewhere.
    rng, n_bootstrap
        Source and number of resamples of rows.
    top
        The k of precision@k.

    Returns
    -------
    DataFrame
        ``benchmark, rows, statistic, estimate, low, high``; every row of the table counts once.
    """
    table = load_table(benchmark) if isinstance(benchmark, str) else benchmark
    sign = 1.0 if table.direction == "max" else -1.0
    found = rank_agreement(sign * table.valid, sign * table.test, rng, top, n_bootstrap=n_bootstrap)
    found.insert(0, "benchmark", table.name)
    found.insert(1, "rows", len(table.valid))
    return found


def column_rankings(
    benchmark: str, columns: Sequence[str], rng: np.random.Generator, n_bootstrap: int = 200
) -> pd.DataFrame:
    """Return how far columns of a table, such as zero-cost scores, rank its architectures as test does.

    Parameters
    ----------
    benchmark
        Its name.
    columns
        Columns, or scores that were recorded beside the table; the number of parameters, which a score has to beat, is added
        where the table has it.
    rng, n_bootstrap
        Source and number of resamples of rows.

    Returns
    -------
    DataFrame
        ``benchmark, column, among, rows, statistic, estimate, low, high``: Spearman's correlation and Kendall's tau-b among all
        rows, every one once, and among the fifth with the best test scores. Higher values count as better, a value that is no
        number as the worst. NaN where all values are equal.
    """
    table = load_table(benchmark)
    test = table.test if table.direction == "max" else -table.test
    seed = int(rng.integers(2**63))  # the same resamples for all columns, so that these compare
    fifth = np.sort(np.argsort(-test, kind="stable")[: len(table) // 5])
    found = []
    for column in dict.fromkeys([*columns, *(["params"] if "params" in table.columns else [])]):
        values = column_values(table, column)
        ranks = rankdata(np.where(np.isnan(values), -np.inf, values))  # both agreements are of ranks
        for among, rows in (("all", np.arange(len(table))), ("best fifth", fifth)):
            if len(rows) < 2:
                continue
            agreements = pd.DataFrame({"statistic": list(_RANKED), "estimate": np.nan, "low": np.nan, "high": np.nan})
            if np.ptp(ranks[rows]) > 0:
                resamples = np.random.default_rng(seed)
                agreements = rank_agreement(
                    ranks[rows], test[rows], resamples, n_bootstrap=n_bootstrap, measures=_RANKED
                )
            found.append(agreements.assign(benchmark=benchmark, column=column, among=among, rows=len(rows)))
    names = ["benchmark", "column", "among", "rows", "statistic", "estimate", "low", "high"]
    return pd.concat(found, ignore_index=True)[names]


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
