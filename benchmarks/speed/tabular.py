"""Searches over a table of NAS-Bench-201's shape: lockstep, ask and tell, and peers in the same run."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator
from functools import partial

import numpy as np

from benchmarks.speed.measure import Row, cpu_seconds
from harness.errors import HarnessError
from harness.methods.base import Lockstep, make_method, run_search
from harness.problem.budget import Budget
from harness.spaces.nasbench201 import OPERATIONS, NASBench201Space
from harness.streams import Streams, generator
from harness.tabular.importing import import_file
from harness.tabular.lockstep import LockstepProblem
from harness.tabular.problem import TabularProblem
from harness.tabular.table import Table

EVALUATIONS, SEEDS, FEW_SEEDS = 100, 500, 100


def table() -> tuple[Table, str]:
    """The real table if the user has it, else one of its shape; speed does not depend on the values."""
    try:
        real = import_file(
            "nasbench201/accuracy.csv.gz",
            "speed/nasbench201",
            "nasbench201",
            arch="architecture",
            valid="cifar10.valid_accuracy@12",
            test="cifar10.test_accuracy@200",
        )
        return real, "real values"
    except HarnessError:
        space = NASBench201Space()
        values = generator("speed").random((2, space.size)) * 90
        every = np.arange(space.size, dtype=np.int32)
        made_up = Table(
            "speed/nasbench201", "none", space, every, space.codes(every), {"valid": values[0], "test": values[1]}
        )
        return made_up, "made-up values"


def rows() -> Iterator[Row]:
    """Evaluations a second and core."""
    benchmark, values = table()
    budget = Budget("evaluations", EVALUATIONS)

    def seeding() -> None:
        for seed in range(SEEDS):
            for stream in ("sample", "move"):
                generator("search", benchmark.name, seed, stream)

    def lockstep(name: str) -> None:
        method = make_method(name)
        assert isinstance(method, Lockstep)
        method.lockstep(LockstepProblem(benchmark, budget, SEEDS), benchmark.name, range(SEEDS))

    def ask_tell(name: str) -> None:
        method = make_method(name)
        for seed in range(FEW_SEEDS):
            run_search(method, TabularProblem(benchmark, budget), Streams(benchmark.name, seed))

    many, few = SEEDS * EVALUATIONS, FEW_SEEDS * EVALUATIONS
    plain = few / cpu_seconds(lambda: plain_python(benchmark))
    optuna = 1000 / cpu_seconds(lambda: optuna_random(benchmark, 1000), repeats=3)
    seed_s = cpu_seconds(seeding)
    yield Row(f"plain Python evolution on a dictionary, {values}", plain, "eval/s")
    yield Row("optuna, random sampler", optuna, "eval/s")
    for name, target in (("regularized-evolution", 3e6), ("random", None), ("reinforce", None)):
        streams = 1 if name != "regularized-evolution" else 2
        seconds = cpu_seconds(partial(lockstep, name)) - seed_s * streams / 2
        wanted = f">= {target:,.0f}" if target else ""
        yield Row(
            f"{name}, {SEEDS} seeds in lockstep",
            many / seconds,
            "eval/s",
            wanted,
            "plain Python",
            many / seconds / plain,
        )
    yield Row(f"  seeding {SEEDS} seeds (2 streams each), not counted above", 1000 * seed_s, "ms")
    for name, target in (
        ("regularized-evolution", 150e3),
        ("random", None),
        ("local-search", None),
        ("reinforce", None),
    ):
        speed = few / cpu_seconds(partial(ask_tell, name))
        wanted = f">= {target:,.0f}" if target else ""
        yield Row(f"{name}, one by one through ask and tell", speed, "eval/s", wanted, "optuna", speed / optuna)


def plain_python(benchmark: Table) -> None:
    """The loop that one would write without a harness: a dictionary, the global random state, nothing recorded."""
    scores = {
        tuple(code): score for code, score in zip(benchmark.codes.tolist(), benchmark.valid.tolist(), strict=True)
    }
    choices, edges = len(OPERATIONS), len(benchmark.space.cardinalities)
    for seed in range(FEW_SEEDS):
        rng = random.Random(seed)
        population: deque[tuple[float, tuple[int, ...]]] = deque(maxlen=10)
        best = -1.0
        for step in range(EVALUATIONS):
            if step < 10:
                child = tuple(rng.randrange(choices) for _ in range(edges))
            else:
                _, parent = max(rng.choice(population) for _ in range(3))
                edge, operation = rng.randrange(edges), rng.randrange(choices - 1)
                operation += operation >= parent[edge]
                child = (*parent[:edge], operation, *parent[edge + 1 :])
            score = scores[child]
            population.append((score, child))
            best = max(best, score)


def optuna_random(benchmark: Table, trials: int) -> None:
    """The same lookups driven by a general optimiser."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    names = [f"edge {i}" for i in range(len(benchmark.space.cardinalities))]
    operations = list(range(len(OPERATIONS)))

    def objective(trial: optuna.Trial) -> float:
        arch = [trial.suggest_categorical(name, operations) for name in names]
        return float(benchmark.valid[benchmark.rows[benchmark.space.index(arch)]])

    optuna.create_study(direction="maximize", sampler=optuna.samplers.RandomSampler(0)).optimize(
        objective, n_trials=trials
    )
