"""Trainings a second of a recording beside a plain loop over seeds in the same run, and the table that came of it.

The plain loop is written here: one network a training, torch's own layout of images, its own gradient clipping. Processor time
is measured, over the same cells, in interleaved rounds.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from statistics import median

import torch
import torch.nn.functional as F
from torch import nn

from benchmarks.speed.measure import Row, cpu_seconds, wall_seconds
from harness.problem.budget import Budget
from harness.recording.spec import Spec, find_spec
from harness.spaces.base import Arch
from harness.streams import generator
from harness.tabular import store
from harness.tabular.catalogue import load_table
from harness.tabular.problem import TabularProblem
from harness.tabular.recorded import shipped_files
from harness.training import discrete, tracking
from harness.training.data import Splits, batches
from harness.training.networks import build
from harness.training.settings import Recipe
from harness.training.train import check_recipe, train

TABLE, OTHER = "digits201", "nasbench-graph/cora"
SEEDS, CELLS = (0, 1, 2), 6
QUERIES = 100_000


def rows(rounds: int = 3) -> Iterator[Row]:
    """Trainings a second with the recipe of the shipped table, then the shipped table itself."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield from _trainings(find_spec(TABLE), rounds)
    finally:
        torch.set_num_threads(threads)
    if TABLE not in shipped_files(".parquet"):
        yield Row(f"the table {TABLE}", float("nan"), "", "", "skipped: it is not part of this checkout")
        return
    table = load_table(TABLE)
    load_s = wall_seconds(lambda: store.load(TABLE, table.space), repeats=20)
    yield Row(f"loading {TABLE}, {len(table):,} rows over {table.space.size:,} encodings", 1000 * load_s, "ms", "< 20")
    ours, theirs = (QUERIES / cpu_seconds(partial(_evaluate, name), repeats=3) for name in (TABLE, OTHER))
    yield Row(f"Problem.evaluate on {TABLE}", ours, "query/s", "about 1 x", OTHER, ours / theirs)


def _trainings(spec: Spec, rounds: int) -> Iterator[Row]:
    splits, space = spec.splits(), spec.images.space
    rng = generator("speed", "recording")
    cells = [space.canonical(space.sample(rng)) for _ in range(CELLS)]
    ways: Mapping[str, Callable[[Arch], object]] = {
        "trainings of one cell, plain loop over seeds": lambda arch: [
            plain(spec.space, arch, splits, spec.recipe, seed) for seed in SEEDS
        ],
        "  the harness, one seed at a time": lambda arch: [
            train(spec.space, arch, splits, spec.recipe, [seed]) for seed in SEEDS
        ],
        f"  {len(SEEDS)} seeds side by side": lambda arch: train(spec.space, arch, splits, spec.recipe, SEEDS),
    }
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds + 1):  # the first round is not counted
        for name, way in ways.items():
            clock = time.process_time()
            for arch in cells:
                way(arch)
            if number:
                spent[name].append(time.process_time() - clock)
    base, *others = ways
    yield Row(base, CELLS * len(SEEDS) / median(spent[base]), "runs/s")
    for name in others:
        ratio = median(plain / own for plain, own in zip(spent[base], spent[name], strict=True))
        target = ">= 1.5 x" if name == others[-1] else ""
        yield Row(name, CELLS * len(SEEDS) / median(spent[name]), "runs/s", target, "plain", ratio)


def plain(space: str, arch: Arch, splits: Splits, recipe: Recipe, seed: int) -> list[tuple[float, float]]:
    """One training as one would write it, with the same batches and evaluations."""
    network = build(lambda: discrete.network(space, arch, check_recipe(space, splits, recipe)), ("speed", seed))
    optimizer = torch.optim.SGD(
        network.parameters(), lr=recipe.learning_rate, momentum=recipe.momentum, weight_decay=recipe.weight_decay
    )
    read, steps = splits.reader(), len(splits.train) // recipe.batch_size
    measured = []
    for epoch in range(recipe.epochs):
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate * (1 + math.cos(math.pi * epoch / recipe.epochs)) / 2
        network.train()
        for part in batches(splits.train, recipe.batch_size, steps, generator("speed", seed, epoch)):
            images, labels = read(part)
            optimizer.zero_grad()
            torch.autograd.backward(F.cross_entropy(network(images), labels))
            nn.utils.clip_grad_norm_(network.parameters(), recipe.clip)
            optimizer.step()
        network.eval()
        measured += [
            tracking.evaluate(network, read, rows, recipe.batch_size)
            for rows in (splits.train, splits.valid, splits.test)
        ]
    return measured


def _evaluate(name: str) -> None:
    table = load_table(name)
    problem = TabularProblem(table, Budget("evaluations", QUERIES))
    archs = [tuple(code) for code in table.codes[:1000].tolist()]
    for number in range(QUERIES):
        problem.evaluate(archs[number % len(archs)])
