"""Cells of live benchmarks: search, then train what was recommended from scratch, and only then look at the test images."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from harness.errors import HarnessError
from harness.execution.joining import Ended, common_columns, now, printable_traceback
from harness.live import discrete
from harness.live.benchmark import LiveBenchmark, LiveSettings
from harness.live.data import Splits, split
from harness.live.problem import LiveProblem
from harness.live.search import CheckpointError
from harness.live.train import check, train
from harness.methods.base import Method, run_search
from harness.records import Entry
from harness.spaces.base import Arch
from harness.streams import Streams
from harness.suite import Group

NAN = float("nan")


def run_live_cell(
    benchmark: LiveBenchmark, group: Group, cls: type[Method], seed: int, origin: Mapping[str, str], workspace: Path
) -> Entry:
    """Run one cell; see `harness.execution.run_cells`. Its supernet search goes on from a checkpoint in the workspace."""
    # More threads would only be in the way of the other workers, and their number can change the last bits.
    torch.set_num_threads(int(os.environ.get("NAS_HARNESS_THREADS", "1")))
    started_at, clock = now(), time.perf_counter()
    settings = LiveSettings.from_json(group.settings)
    splits = split(benchmark.images, seed)
    workspace.mkdir(parents=True, exist_ok=True)
    problem = LiveProblem(
        *(benchmark.space_name, benchmark.space, splits, settings, group.budget, seed),
        checkpoint=workspace / f"{group.key(seed)}.pt",
    )
    arch, error, measured = None, "", _nothing()
    epochs: list[dict[str, Any]] = []
    searched_s = NAN
    try:
        arch = run_search(cls(**group.method.params), problem, Streams(group.benchmark, seed)).arch
        arch = arch if arch is not None else _incumbent(problem)
        searched_s = time.perf_counter() - clock
        measured, epochs = _evaluated(benchmark, settings, splits, arch, seed)
    except CheckpointError:  # the run ends, so that the file is kept
        raise
    except (Exception, SystemExit):  # a method that exits must not end the run
        error = printable_traceback()
    ended = Ended(arch, error, time.perf_counter() - clock if error else searched_s, started_at)
    record = common_columns(group, seed, benchmark, ended, origin) | {
        "fidelity": f"{settings.evaluation.epochs} epochs from scratch",
        "arch": "" if arch is None or error else benchmark.space.format(arch),
        "n_evaluations": len(problem.evaluations),
        "n_unique": len({arch for arch, _ in problem.evaluations}),
        "n_feasible": len(problem.evaluations),
        "simulated_s": NAN,
        "latency": NAN,
        **measured,
    }
    return Entry(record, _trace(benchmark, problem), [*problem.epochs, *epochs])


def _incumbent(problem: LiveProblem) -> Arch:
    if not problem.evaluations:
        raise HarnessError("the method evaluated nothing and recommends nothing")
    return max(problem.evaluations, key=lambda evaluation: evaluation[1])[0]


def _evaluated(
    benchmark: LiveBenchmark, settings: LiveSettings, splits: Splits, arch: Arch, seed: int
) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """Train an architecture from scratch; the last epoch is the result, the best one stands only beside it."""
    (rows,) = train(benchmark.space_name, arch, splits, settings.evaluation, [seed], device=settings.device)
    shape = check(splits, settings.evaluation)
    measured = {
        "valid": float(rows[-1]["valid_accuracy"]),
        "test": float(rows[-1]["test_accuracy"]),
        "test_best": float(max(row["test_accuracy"] for row in rows)),
        "params": float(discrete.parameters(benchmark.space_name, arch, shape)),
        "flops": 2.0 * discrete.multiply_adds(benchmark.space_name, arch, shape),
    }
    return measured, [row | {"phase": "evaluation"} for row in rows]


def _nothing() -> dict[str, float]:
    return dict.fromkeys(("valid", "test", "test_best", "params", "flops"), NAN)


def _trace(benchmark: LiveBenchmark, problem: LiveProblem) -> list[list[Any]]:
    """A row where the incumbent changes: the best of what was evaluated, or what the supernet would derive after an epoch."""
    trace: list[list[Any]] = []
    for step, (arch, score) in enumerate(problem.evaluations, start=1):
        if not trace or score > trace[-1][2]:
            text = benchmark.space.format(arch)
            trace.append([step, text, score, text, score, NAN, NAN])
    for row in problem.epochs:
        if not trace or row["arch"] != trace[-1][1]:
            score = float(row["valid_accuracy"])
            trace.append([row["epoch"], row["arch"], score, row["arch"], score, NAN, NAN])
    return trace
