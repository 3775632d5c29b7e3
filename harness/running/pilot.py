"""What a live cell would take, without running it: the same method on a problem that times a piece of everything."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

from harness.live.benchmark import LiveBenchmark
from harness.live.problem import LiveProblem
from harness.methods.base import Method, run_search
from harness.spaces.base import Arch
from harness.streams import Streams
from harness.suites.group import Group
from harness.supernets.loop import Search
from harness.supernets.mixture import Mixture
from harness.supernets.net import Form, Supernet
from harness.supernets.selections import Selection
from harness.supernets.steps import AlphaSchedule, At, Step
from harness.training import train
from harness.training.settings import LiveSettings, Recipe
from harness.training.tracking import Row, seconds

TIMED = 3  # measurements of a supernet that are timed; more are taken to be like them


class PilotProblem(LiveProblem):
    """A live problem that trains nothing: it adds up what training would take, and answers with arbitrary scores."""

    _trained_s = 0.0

    @property
    def seconds(self) -> float:
        """Estimated so far."""
        return self._trained_s + (self._net.seconds if isinstance(self._net, PilotNet) else 0.0)

    def _score(self, arch: Arch, recipe: Recipe) -> float:
        """Estimate the training instead of doing it; the score is arbitrary."""
        self._trained_s += self.of_training(arch, recipe)
        return random.Random(self._left).random()

    def supernet(self, form: Form | None = None) -> Supernet:
        """A supernet whose epochs and measurements are estimated."""
        self._left = 0
        self._net = self._made(form, PilotNet)
        return self._net

    @property
    def arbitrary(self) -> Arch:
        """Some architecture."""
        return tuple(cardinality - 1 for cardinality in self.space.cardinalities)

    def of_training(self, arch: Arch, recipe: Recipe) -> float:
        """Estimated seconds of training an architecture."""
        return train.estimate_seconds(self._space_name, arch, self._splits, recipe, device=self._settings.device)


class PilotNet(Supernet):
    """A supernet that adds up what its search would take.

    Attributes
    ----------
    seconds
        Estimated so far.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **{**options, "checkpoint": None})
        self.seconds = 0.0
        self._timed: dict[bool, list[float]] = {}  # of paths and of mixtures
        self.searcher = PilotSearch  # which takes a step of every kind

    def calibration(self, path: Sequence[Mixture]) -> AbstractContextManager[None]:
        """Estimate it: a pass over the training images takes what one over as many validation images does."""
        if self.recalibrates:
            self.seconds += self._batch_s(path) * self.steps
        return nullcontext()

    def _accuracies(self, archs: Sequence[Arch]) -> list[float]:
        """Estimate each alone, although in earnest they share what they have in common."""
        return [self.measure(self.path(arch))[1] for arch in archs]

    def _evaluated(self, turns: Iterator[Sequence[Mixture]]) -> tuple[float, float]:
        """Time a batch, and answer with an arbitrary accuracy."""
        batches = len(self._splits.valid) / self.settings.batch_size
        self.seconds += self._batch_s(next(turns)) * batches
        return 0.0, random.Random(self.seconds).random()

    def _batch_s(self, mixtures: Sequence[Mixture]) -> float:
        """Seconds of a batch without gradients."""
        timed = self._timed.setdefault(mixtures[0].operations.is_floating_point(), [])
        if len(timed) < TIMED:
            images, _ = self.read(self._splits.valid[: self.settings.batch_size])
            with torch.no_grad():
                timed.append(seconds(lambda: self.network(images, *mixtures)))
        return sum(timed) / len(timed)


class PilotSearch(Search):
    """A search that takes one step of every kind, where they take turns one of each, and estimates the others."""

    def __init__(self, net: Supernet, step: Step, select: Selection) -> None:
        super().__init__(net, step, select)
        assert isinstance(net, PilotNet)
        self._pilot = net
        self._steps_s: dict[str, float] = {}

    def epoch(self) -> Row:
        """Estimate an epoch."""
        net, number = self._pilot, self._pilot.spend()
        progress = number / net.settings.epochs
        schedule = getattr(self.step, "schedule", AlphaSchedule())
        if (kind := str((self.step.words(number), progress >= schedule.alpha_from))) not in self._steps_s:
            self.moving.begin_epoch(number, net.settings.rate(number))
            batches, turns = next(net.batches(number)), schedule.alpha_every
            ats = [At(number, turn, progress) for turn in range(turns)]
            taken = seconds(lambda: [self.moving(batches, at) for at in ats]) / turns
            self._steps_s[kind] = taken / getattr(self.moving, "places", 1)
        net.seconds += self._steps_s[kind] * net.steps
        net.measure(self.moving.evaluated(number))
        net.rows.append({"epoch": number})
        return net.rows[-1]


def estimate_cell(benchmark: LiveBenchmark, method: Method, group: Group) -> float:
    """Seconds of one cell of a live benchmark: its search, and the training of what it recommends.

    Parameters
    ----------
    benchmark, method
        Those of the group.
    group
        What is estimated.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in a run
    try:
        chosen, splits = LiveSettings.from_json(group.settings), benchmark.splits(0)
        terms = benchmark.terms(group.metrics, group.constraints, splits, chosen.evaluation)
        problem = PilotProblem(
            *(benchmark.space_name, benchmark.space, splits, chosen, group.budget, 0),
            terms=terms,
            statistics=method.statistic_names,
        )
        started = time.perf_counter()
        found = run_search(method, problem, Streams(benchmark.name, 0))
        # Untrained networks are scored in earnest, which takes seconds.
        searched = problem.seconds + (time.perf_counter() - started if problem.n_statistics else 0.0)
        if benchmark.table is not None:
            return searched
        trained = found.sample or [found.arch or problem.arbitrary]
        return searched + sum(problem.of_training(*problem.training_of(arch)) for arch in trained)
    finally:
        torch.set_num_threads(threads)
