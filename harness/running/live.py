"""Cells of live benchmarks: search, then train what was recommended from scratch, and only then look at the test images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any

import torch

from harness.errors import HarnessError, RunError
from harness.live.benchmark import LiveBenchmark
from harness.live.columns import Counted
from harness.live.one_shot import OneShotBenchmark
from harness.live.problem import LiveProblem, Trained
from harness.methods.base import Method, SearchResult, run_search
from harness.running.joining import Ended, agreement_rows, common_columns, looked_up, now, printable_traceback
from harness.running.records import Entry
from harness.spaces.base import Arch
from harness.streams import Streams
from harness.suites.group import Group
from harness.supernets.beside import Beside
from harness.supernets.gradient import Asked, Computed
from harness.system.settings import threads
from harness.system.turns import Times, Turn, take_turns
from harness.tabular.statics import COUNTED
from harness.training.checkpoints import CheckpointError
from harness.training.convolution import guard_of_development
from harness.training.data import Splits
from harness.training.settings import LiveSettings, Recipe
from harness.training.train import check_recipe, train

NAN = float("nan")


def run_live_cells(
    benchmark: LiveBenchmark,
    group: Group,
    cls: type[Method],
    seeds: Sequence[int],
    origin: Mapping[str, str],
    workspace: Path,
) -> list[Entry]:
    """Run some seeds of a group, side by side where its settings say so; see `harness.running.cells.run_cells`."""
    # More threads would only be in the way of the other workers, and their number can change the last bits.
    torch.set_num_threads(threads())
    cell = partial(_run, benchmark, group, cls, origin, workspace)
    width = LiveSettings.from_json(group.settings).search.side_by_side
    if width == 1:
        return [cell(seed) for seed in seeds]
    entries: list[Entry] = []
    with guard_of_development():
        for first in range(0, len(seeds), width):
            cells = [partial(cell, seed) for seed in seeds[first : first + width]]
            entries += take_turns(cells, Beside(width), lambda asked: asked.kind)
    return entries


def _run(
    benchmark: LiveBenchmark,
    group: Group,
    cls: type[Method],
    origin: Mapping[str, str],
    workspace: Path,
    seed: int,
    turn: Turn[Asked, Computed] | None = None,
) -> Entry:
    """Run one cell, by itself or in turns with others.

    Its search on a supernet and the training of what it recommends go on from checkpoints in the workspace.
    """
    times = Times.now if turn is None else turn.times
    started_at, started = now(), times()
    settings = LiveSettings.from_json(group.settings)
    splits = benchmark.splits(seed)
    workspace.mkdir(parents=True, exist_ok=True)
    terms = benchmark.terms(group.metrics, group.constraints, splits, settings.evaluation)
    method = cls.of(group.method.params)
    problem = LiveProblem(
        benchmark.space_name,
        benchmark.space,
        splits,
        settings,
        group.budget,
        seed,
        checkpoint=workspace / f"{group.key(seed)}.pt",
        terms=terms,
        statistics=method.statistic_names,
        turn=turn,
    )
    found, error, measured, answers = SearchResult(), "", _nothing(), False
    epochs: list[dict[str, Any]] = []
    searched_s = NAN
    try:
        with guard_of_development():
            found = run_search(method, problem, Streams(group.benchmark, seed))
            if found.arch is None and not found.sample:
                found = SearchResult(_incumbent(problem))
            searched_s = (times() - started).wall
            evaluated = {trained.arch for trained in problem.evaluations}
            if guessed := [arch for arch in found.front if arch not in evaluated]:
                text = problem.space.format(guessed[0])
                raise HarnessError(f"the method's front has {text}, which it did not evaluate")
            archs = found.sample or (() if found.arch is None else (found.arch,))
            trainings = [problem.training_of(arch) for arch in archs]
            answers = bool(archs) and all(terms.allow(arch) for arch, _ in trainings)
            if isinstance(benchmark, OneShotBenchmark):
                measured, epochs = _looked_up(benchmark, problem, archs)
            elif answers:
                measured, epochs = _evaluated(benchmark, settings, splits, trainings, seed, workspace / group.key(seed))
            else:  # what is no answer is not trained
                measured = _nothing() | _mean([_size(benchmark, splits, recipe, arch) for arch, recipe in trainings])
    except (CheckpointError, RunError):  # the run ends: so that the file is kept, or since no file can be written
        raise
    except (Exception, SystemExit):  # a method that exits must not end the run
        error = printable_traceback()
    wall_s = (times() - started).wall if error else searched_s
    ended = Ended(found.arch, error, wall_s, started_at, problem.overhead_s)
    trained = "epochs from scratch" if benchmark.table is None else "epochs, as its table was recorded"
    record = common_columns(group, seed, benchmark, ended, origin) | {
        "fidelity": f"{settings.evaluation.epochs} {trained}",
        "arch": "" if found.arch is None or error else benchmark.space.format(problem.training_of(found.arch)[0]),
        "n_evaluations": len(problem.evaluations),
        "n_unique": len({trained.arch for trained in problem.evaluations}),
        "n_feasible": sum(trained.evaluation.feasible for trained in problem.evaluations),
        "n_statistics": float(problem.n_statistics or NAN),
        "simulated_s": NAN,
        "epochs": float(problem.spent),
        "latency": NAN,
        **measured,
        "status": "failed" if error else "ok" if answers else "infeasible",
    }
    rows = [*problem.epochs, *(_candidates(problem) if group.metrics else []), *epochs]
    return Entry(record, _trace(benchmark, problem), rows)


def _incumbent(problem: LiveProblem) -> Arch | None:
    """The best feasible one of the longest trainings, the first of equals."""
    if not problem.evaluations:
        raise HarnessError("the method evaluated nothing and recommends nothing")
    feasible = [trained for trained in problem.evaluations if trained.evaluation.feasible]
    return max(feasible, key=lambda trained: trained.standing).arch if feasible else None


def _evaluated(
    benchmark: LiveBenchmark,
    settings: LiveSettings,
    splits: Splits,
    trainings: Sequence[tuple[Arch, Recipe]],
    seed: int,
    checkpoint: Path,
) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """Train what was found from scratch by its recipe; the last epoch is the result, the best one stands only beside it.

    Of several architectures of which none is preferred the result is the mean. Checkpoints are called after `checkpoint`.
    """
    results, epochs = [], []
    for number, (arch, recipe) in enumerate(trainings):
        (rows,) = train(
            benchmark.space_name,
            arch,
            splits,
            recipe,
            [seed],
            device=settings.device,
            checkpoint=checkpoint.with_name(f"{checkpoint.name}.trained-{number}.pt"),
        )
        results.append(
            {
                "valid": float(rows[-1]["valid_accuracy"]),
                "test": float(rows[-1]["test_accuracy"]),
                "test_best": float(max(row["test_accuracy"] for row in rows)),
                **_size(benchmark, splits, recipe, arch),
            }
        )
        common = {"phase": "evaluation", "arch": benchmark.space.format(arch)} | _chosen(settings, recipe)
        epochs += [row | common for row in rows]
    return _mean(results), epochs


def _chosen(settings: LiveSettings, recipe: Recipe) -> dict[str, float]:
    """What was chosen of a recipe, in columns of their own."""
    return {f"recipe_{key}": float(getattr(recipe, key)) for key, _ in settings.choices}


def _size(benchmark: LiveBenchmark, splits: Splits, recipe: Recipe, arch: Arch) -> dict[str, float]:
    """Columns of a record that are counted."""
    return Counted(benchmark.space_name, check_recipe(benchmark.space_name, splits, recipe), COUNTED)(arch)


def _mean(results: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {key: fmean(result[key] for result in results) for key in results[0]} if results else {}


def _looked_up(
    benchmark: OneShotBenchmark, problem: LiveProblem, found: Sequence[Arch]
) -> tuple[dict[str, float], list[dict[str, Any]]]:
    """Look up what was found, and a sample that the supernet ranks; of several architectures the result is the mean."""
    results = [looked_up(benchmark.table, arch) for arch in found]
    archs = benchmark.sample()
    scores = problem.scores_of_supernet(archs)
    rows = agreement_rows(benchmark.table, archs, scores) if scores else []
    return _nothing() | _mean(results), rows


def _candidates(problem: LiveProblem) -> list[dict[str, Any]]:
    """Rows of ``epochs.parquet``: what was wholly trained, with the columns that the method saw; infeasible: no accuracy."""
    return [
        {
            "phase": "candidate",
            "epoch": number,
            "arch": problem.space.format(trained.arch),
            "valid_accuracy": trained.evaluation.score if trained.evaluation.feasible else NAN,
            **trained.evaluation.metrics,
        }
        for number, trained in enumerate(problem.evaluations, start=1)
        if trained.epochs == trained.whole
    ]


def _nothing() -> dict[str, float]:
    return dict.fromkeys(("valid", "test", "test_best", "params", "flops"), NAN)


def _trace(benchmark: LiveBenchmark, problem: LiveProblem) -> list[list[Any]]:
    """A row where the incumbent changes: the best of what was evaluated, or what the supernet would derive after an epoch."""
    trace: list[list[Any]] = []
    best: Trained | None = None
    for step, trained in enumerate(problem.evaluations, start=1):
        if trained.evaluation.feasible and (best is None or trained.standing > best.standing):
            best, text, score = trained, problem.space.format(trained.arch), trained.evaluation.score
            trace.append([step, text, score, text, score, NAN, NAN, NAN])
    for row in problem.epochs:
        if "arch" not in row or (problem.constraints and not problem.terms.allow(benchmark.space.parse(row["arch"]))):
            continue
        if not trace or row["arch"] != trace[-1][1]:
            score = float(row["valid_accuracy"])
            trace.append([row["epoch"], row["arch"], score, row["arch"], score, NAN, NAN, NAN])
    return trace
