"""How often intervals of relative improvement over random architectures hold what they say, on real tables.

    python -m benchmarks.coverage [--repetitions N] [--nasbench201 FILE]

A space may hold a few architectures that are far worse than all others, and the mean of a few random ones then depends on
whether one of these is among them. Here such samples are drawn from tables of which everything is known, next to those of
methods (the best of 10 and of 100 random draws by validation, and a method that draws from the very same law), and it is counted
how often each kind of interval covers the true RI. NAS-Bench-201 is read from a CSV file with columns
``cifar10.valid_accuracy@12``, ``cifar10.test_accuracy@200`` and so on, looked for here and then in ``$NAS_HARNESS_DATA``.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri, stdtrit

from harness.errors import HarnessError
from harness.statistics import RandomSearchLaw
from harness.statistics._validate import FloatArray
from harness.statistics.skewness import hall, johnson, third_cumulant_of_mean
from harness.streams import generator
from harness.system.folders import find
from harness.tabular.catalogue import load_table
from harness.tabular.nasbench_graph import DATASETS

Pmf = tuple[FloatArray, FloatArray]  # values, and their probabilities

LEVEL = 0.95
WITHIN = 0.03  # of the level: what counts as covering
DRAWS = (10, 100)  # of the methods that are the best of so many by validation
RUNS = (3, 5, 8, 16, 32, 64, 100, 200)  # of the method, and as many random architectures
PAIRS = ((8, 4), (8, 13), (16, 7), (25, 4), (50, 2), (100, 1))  # seeds, and random architectures a seed
SEARCHES = (2, 3, 5, 10, 20, 50)  # draws of random searches as the baseline
SPLIT = 0.005  # deviation of the noise that method and baseline share at a seed, in parts of the score
NASBENCH201 = ("cifar10", "cifar100", "ImageNet16-120")


@dataclass(frozen=True)
class Law:
    """What architectures score: one drawn at random, and what methods find."""

    name: str
    single: Pmf
    methods: dict[str, Pmf]
    searches: Callable[[int], Pmf]


def laws(nasbench201: str) -> Iterator[Law]:
    """Normal scores, and those of the real tables that are at hand."""
    quantiles = 0.95 + 0.01 * ndtri((np.arange(20_000) + 0.5) / 20_000)
    yield _law("normal", quantiles, quantiles)
    try:
        table = pd.read_csv(find(nasbench201))
    except HarnessError as error:
        print(f"without NAS-Bench-201: {error}")
    else:
        for name in NASBENCH201:
            columns = (table[f"{name}.{column}"].to_numpy() for column in ("valid_accuracy@12", "test_accuracy@200"))
            yield _law(f"nasbench201 {name}", *columns)
    for name in (*(f"nasbench-graph/{dataset}" for dataset in DATASETS), "digits201"):
        loaded = load_table(name)
        yield _law(name, np.asarray(loaded.valid), np.asarray(loaded.test), np.asarray(loaded.weights))


def _law(name: str, valid: FloatArray, test: FloatArray, weights: FloatArray | None = None) -> Law:
    law = RandomSearchLaw(valid, test, weights)
    found = {f"best of {draws}": law.pmf(draws) for draws in DRAWS}
    return Law(name, law.pmf(1), found | {"the same law": law.pmf(1)}, law.pmf)


def draw(pmf: Pmf, size: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
    values, probability = pmf
    upto = np.cumsum(probability)
    return values[np.searchsorted(upto / upto[-1], rng.random(size), side="right")]


def mean(pmf: Pmf) -> float:
    values, probability = pmf
    return float(values @ probability / probability.sum())


def covers(scores: FloatArray, sample: FloatArray, truth: float, paired: bool) -> dict[str, FloatArray]:
    """Whether the intervals of each kind hold `truth`, the ratio of the true means: (repetitions,) of booleans.

    `scores` (repetitions, n) are the method's and `sample` (repetitions, m) the baseline's. An interval holds what its test does
    not reject.
    """
    n, m = scores.shape[1], sample.shape[1]
    reference = sample.mean(axis=1)
    ratio = scores.mean(axis=1) / reference
    against = ratio[:, np.newaxis] * sample
    t, skewness, df = _pivot([scores - against] if paired else [scores, -against], (ratio - truth) * reference)
    q = stdtrit(df, (1.0 + LEVEL) / 2.0)
    logs = np.log(scores), np.log(sample)
    gap = logs[0].mean(axis=1) - logs[1].mean(axis=1) - np.log(truth)
    t_logs, _, df_logs = _pivot([np.subtract(*logs)] if paired and n == m else [logs[0], -logs[1]], gap)
    student, corrected = np.abs(t) <= q, np.abs(hall(t, skewness)) <= q
    return {
        "Student": student,
        "logs": np.abs(t_logs) <= stdtrit(df_logs, (1.0 + LEVEL) / 2.0),
        "Johnson": np.abs(johnson(t, skewness)) <= q,
        "Hall": corrected,
        "wider": student | corrected,
    }


def _pivot(parts: Sequence[FloatArray], gap: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return `gap` over its standard error, the skewness of the sum of the means of `parts`, and Satterthwaite's degrees."""
    sizes = np.array([part.shape[1] for part in parts])
    variances = np.array([part.var(axis=1, ddof=1) / part.shape[1] for part in parts])
    variance = np.maximum(variances.sum(axis=0), np.finfo(float).tiny)
    df = variance**2 / np.maximum((variances**2 / (sizes - 1)[:, np.newaxis]).sum(axis=0), np.finfo(float).tiny)
    skewness = np.sum([third_cumulant_of_mean(part) for part in parts], axis=0) / variance**1.5
    return gap / np.sqrt(variance), skewness, df


def unpaired(law: Law, repetitions: int, runs: Sequence[tuple[int, int]]) -> Iterator[dict[str, object]]:
    """Coverage of `n` independent runs of a method against `m` random architectures."""
    for (name, method), (n, m) in itertools.product(law.methods.items(), runs):
        rng = generator("coverage", law.name, name, str(n), str(m))
        scores, sample = draw(method, (repetitions, n), rng), draw(law.single, (repetitions, m), rng)
        held = covers(scores, sample, mean(method) / mean(law.single), False)
        yield {"law": law.name, "method": name, "n": n, "m": m} | {kind: hits.mean() for kind, hits in held.items()}


def paired(law: Law, repetitions: int, pairs: Sequence[tuple[int, int]] = PAIRS) -> Iterator[dict[str, object]]:
    """Coverage at `seeds` that method and baseline share, the baseline being the mean of `each` architectures."""
    for (name, method), (seeds, each) in itertools.product(law.methods.items(), pairs):
        rng = generator("coverage", law.name, name, str(seeds), str(each), "paired")
        split = 1.0 + SPLIT * rng.standard_normal((repetitions, seeds))
        scores = split * draw(method, (repetitions, seeds), rng)
        sample = split * draw(law.single, (repetitions, seeds, each), rng).mean(axis=2)
        held = covers(scores, sample, mean(method) / mean(law.single), True)
        row = {"law": law.name, "method": name, "seeds": seeds, "each": each}
        yield row | {kind: hits.mean() for kind, hits in held.items()}


def of_searches(law: Law, repetitions: int, n: int = 8) -> dict[str, object]:
    """Coverage of Student's interval where the baseline is `n` random searches of so many draws: least of methods' laws."""
    row: dict[str, object] = {"law": law.name}
    for draws in SEARCHES:
        baseline, rng = law.searches(draws), generator("coverage", law.name, str(draws), "searches")
        method = law.methods[f"best of {max(DRAWS)}"]
        held = covers(
            draw(method, (repetitions, n), rng),
            draw(baseline, (repetitions, n), rng),
            mean(method) / mean(baseline),
            False,
        )
        row[f"{draws} draws"] = held["Student"].mean()
    return row


def least(frame: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Return the least coverage over the methods' laws."""
    return frame.drop(columns="method").groupby(list(by), sort=False).min().reset_index()


def smallest(frame: pd.DataFrame) -> pd.DataFrame:
    """Return by law the smallest number of runs from which on no coverage is more than `WITHIN` below the level."""
    found = least(frame, ("law", "n")).drop(columns="m").set_index(["law", "n"]) >= LEVEL - WITHIN
    from_on = found[::-1].groupby("law", sort=False).cummin()[::-1]
    rows = {
        law: {kind: next((str(n) for _, n in part.index[part[kind]]), f"> {max(RUNS)}") for kind in part}
        for law, part in from_on.groupby("law", sort=False)
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.coverage", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--repetitions", type=int, default=5000, help="samples of each kind (default 5,000)")
    parser.add_argument("--nasbench201", default="nasbench201/accuracy.csv.gz", metavar="FILE")
    options = parser.parse_args(arguments)
    known = list(laws(options.nasbench201))
    alone = pd.DataFrame(row for law in known for row in unpaired(law, options.repetitions, [(n, n) for n in RUNS]))
    few = pd.DataFrame(row for law in known for row in unpaired(law, options.repetitions, [(50, 100)]))
    together = pd.DataFrame(row for law in known for row in paired(law, options.repetitions))
    searches = pd.DataFrame(of_searches(law, options.repetitions) for law in known)
    for title, frame in (
        (
            "Runs from which on an interval covers at least 92 %, whatever the method's law",
            smallest(alone).reset_index(),
        ),
        ("n runs against n random architectures, least of three methods' laws", least(alone, ("law", "n"))),
        ("50 runs against 100 random architectures, least of three methods' laws", least(few, ("law", "n"))),
        ("Pairs: seeds, and random architectures a seed", together),
        ("8 runs of the best of 100 draws against 8 random searches, Student's interval", searches),
    ):
        print(f"\n{title}\n{frame.to_string(index=False, float_format='{:.3f}'.format)}")


if __name__ == "__main__":
    main()
