"""Cells of live benchmarks: search, then train what was recommended from scratch, and only then look at the test images."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from statistics import fmean
from typing import Any, cast

import torch

from harness.errors import HarnessError, RunError
from harness.execution.joining import Ended, agreement_rows, common_columns, looked_up, now, printable_traceback
from harness.live import discrete
from harness.live.benchmark import LiveBenchmark
from harness.live.checkpoints import CheckpointError
from harness.live.convolution import guard_of_development
from harness.live.data import Splits
from harness.live.one_shot import OneShotBenchmark
from harness.live.problem import LiveProblem
from harness.live.settings import LiveSettings
from harness.live.train import check, train
from harness.methods.base import Method, SearchResult, run_search
from harness.records import Entry
from harness.settings import threads
from harness.spaces.base import Arch
from harness.streams import Streams
from harness.suite import Group

NAN = float("nan")


def run_live_cell(
    benchmark: LiveBenchmark, group: Group, cls: type[Method], seed: int, origin: Mapping[str, str], workspace: Path
) -> Entry:
    """Run one cell; see `harness.execution.run_cells`.

    Its search on a supernet and the training of what it recommends go on from checkpoints in the workspace.
    """
    # More threads would only be in the way of the other workers, and their number can change the last bits.
    torch.set_num_threads(threads())
    started_at, clock = now(), time.perf_counter()
    settings = LiveSettings.from_json(group.settings)
    splits = benchmark.splits(seed)
    workspace.mkdir(parents=True, exist_ok=True)
    problem = LiveProblem(
        *(benchmark.space_name, benchmark.space, splits, settings, group.budget, seed),
        checkpoint=workspace / f"{group.key(seed)}.pt",
        columns=benchmark.columns(group.metrics),
    )
    found, error, measured = SearchResult(), "", _nothing()
    epochs: list[dict[str, Any]] = []
    searched_s = NAN
    try:
        with guard_of_development():
            found = run_search(cls.of(group.method.params), problem, Streams(group.benchmark, seed))
            if found.arch is None and not found.sample:
                found = SearchResult(_incumbent(problem))
            searched_s = time.perf_counter() - clock
            if isinstance(benchmark, OneShotBenchmark):
                measured, epochs = _looked_up(benchmark, problem, found)
            else:
                measured, epochs = _evaluated(benchmark, settings, splits, found, seed, workspace / group.key(seed))
    except (CheckpointError, RunError):  # the run ends: so that the file is kept, or since no file can be written
        raise
    except (Exception, SystemExit):  # a method that exits must not end the run
        error = printable_traceback()
    ended = Ended(found.arch, error, time.perf_counter() - clock if error else searched_s, started_at)
    trained = "epochs from scratch" if benchmark.table is None else "epochs, as its table was recorded"
    record = common_columns(group, seed, benchmark, ended, origin) | {
        "fidelity": f"{settings.evaluation.epochs} {trained}",
        "arch": "" if found.arch is None or error else benchmark.space.format(found.arch),
        "n_evaluations": len(problem.evaluations),
        "n_unique": len({arch for arch, _ in problem.evaluations}),
        "n_feasible": len(problem.evaluations),
        "simulated_s": NAN,
        "epochs": float(problem.spent),
        "latency": NAN,
        **measured,
    }
    return Entry(record, _trace(benchmark, problem), [*problem.epochs, *epochs])


def _incumbent(problem: LiveProblem) -> Arch:
    if not problem.evaluations:
        raise HarnessError("the method evaluated nothing and recommends nothing")
    return max(problem.evaluations, key=lambda evaluation: evaluation[1])[0]


def _evaluated(
    benchmark: LiveBenchmark, settings: LiveSettings, splits: Splits, found: SearchResult, seed: int, checkpoint: Path
) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """Train what was found from scratch; the last epoch is the result, the best one stands only beside it.

    Of several architectures of which none is preferred the result is the mean. Checkpoints are called after `checkpoint`.
    """
    recipe = settings.evaluation
    shape = check(benchmark.space_name, splits, recipe)
    results, epochs = [], []
    for number, arch in enumerate(found.sample or [cast(Arch, found.arch)]):
        (rows,) = train(
            *(benchmark.space_name, arch, splits, recipe, [seed]),
            device=settings.device,
            checkpoint=checkpoint.with_name(f"{checkpoint.name}.trained-{number}.pt"),
        )
        results.append(
            {
                "valid": float(rows[-1]["valid_accuracy"]),
                "test": float(rows[-1]["test_accuracy"]),
                "test_best": float(max(row["test_accuracy"] for row in rows)),
                "params": float(discrete.parameters(benchmark.space_name, arch, shape)),
                "flops": 2.0 * discrete.multiply_adds(benchmark.space_name, arch, shape),
            }
        )
        text = benchmark.space.format(arch)
        epochs += [row | {"phase": "evaluation", "arch": text} for row in rows]
    return {key: fmean(result[key] for result in results) for key in results[0]}, epochs


def _looked_up(
    benchmark: OneShotBenchmark, problem: LiveProblem, found: SearchResult
) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """Look up what was found, and a sample that the supernet ranks; of several architectures the result is the mean."""
    results = [looked_up(benchmark.table, arch) for arch in found.sample or [cast(Arch, found.arch)]]
    archs = benchmark.sample()
    scores = problem.scores_of_supernet(archs)
    rows = agreement_rows(benchmark.table, archs, scores) if scores else []
    return {key: fmean(result[key] for result in results) for key in results[0]}, rows


def _nothing() -> dict[str, float]:
    return dict.fromkeys(("valid", "test", "test_best", "params", "flops"), NAN)


def _trace(benchmark: LiveBenchmark, problem: LiveProblem) -> list[list[Any]]:
    """A row where the incumbent changes: the best of what was evaluated, or what the supernet would derive after an epoch."""
    trace: list[list[Any]] = []
    for step, (arch, score) in enumerate(problem.evaluations, start=1):
        if not trace or score > trace[-1][2]:
            text = benchmark.space.format(arch)
            trace.append([step, text, score, text, score, NAN, NAN, NAN])
    for row in problem.epochs:
        if "arch" in row and (not trace or row["arch"] != trace[-1][1]):
            score = float(row["valid_accuracy"])
            trace.append([row["epoch"], row["arch"], score, row["arch"], score, NAN, NAN, NAN])
    return trace
