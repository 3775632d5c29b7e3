"""What a live cell would take, without running it: the same method on a problem that times a piece of everything."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch

from harness.errors import BudgetExhausted
from harness.live import train
from harness.live.benchmark import LiveBenchmark
from harness.live.problem import LiveProblem
from harness.live.settings import LiveSettings, Recipe
from harness.live.tracking import Row, seconds
from harness.methods.base import Method, run_search
from harness.problem import Budget, Evaluation
from harness.spaces.base import Arch
from harness.streams import Streams
from harness.supernets.loop import Search
from harness.supernets.mixture import Mixture
from harness.supernets.net import Form, Supernet
from harness.supernets.selections import Selection
from harness.supernets.steps import AlphaSchedule, At, Step

TIMED = 3  # measurements of a supernet that are timed; more are taken to be like them


class PilotProblem(LiveProblem):
    """A live problem that trains nothing: it adds up what training would take, and answers with arbitrary scores."""

    _trained_s = 0.0

    @property
    def seconds(self) -> float:
        """Estimated so far."""
        return self._trained_s + (self._net.seconds if isinstance(self._net, PilotNet) else 0.0)

    def evaluate(self, arch: Sequence[int], fidelity: int | None = None) -> Evaluation:
        """Estimate the training that `LiveProblem.evaluate` would do; the score is arbitrary."""
        recipe = self._settings.proxy if fidelity is None else replace(self._settings.proxy, epochs=fidelity)
        if recipe.epochs > self._left:
            raise BudgetExhausted(f"{self._left} epochs are left")
        self._left -= recipe.epochs
        self._trained_s += self.of_training(self.space.validate(arch), recipe)
        return Evaluation(random.Random(self._left).random(), float("nan"), {})

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

    def begin(self, step: Step, select: Selection) -> Search:
        """A search that takes a step of every kind."""
        return PilotSearch(self, step, select)

    def _evaluated(self, turns: Iterator[Sequence[Mixture]]) -> tuple[float, float]:
        """Time a batch, and answer with an arbitrary accuracy."""
        mixtures = next(turns)
        timed = self._timed.setdefault(mixtures[0].operations.is_floating_point(), [])
        if len(timed) < TIMED:
            images, _ = self.read(self._splits.valid[: self.settings.batch_size])
            with torch.no_grad():
                timed.append(seconds(lambda: self.network(images, *mixtures)))
        self.seconds += sum(timed) / len(timed) * len(self._splits.valid) / self.settings.batch_size
        return 0.0, random.Random(self.seconds).random()


class PilotSearch(Search):
    """A search that takes one step of every kind, where they take turns one of each, and estimates the others."""

    def __init__(self, net: PilotNet, step: Step, select: Selection) -> None:
        super().__init__(net, step, select)
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
            self._steps_s[kind] = seconds(lambda: [self.moving(batches, at) for at in ats]) / turns
        net.seconds += self._steps_s[kind] * net.steps
        net.measure(self.moving.evaluated(number))
        net.rows.append({"epoch": number})
        return net.rows[-1]


def estimate_cell(
    benchmark: LiveBenchmark, method: Method, budget: Budget, settings: str, metrics: tuple[str, ...] = ()
) -> float:
    """Seconds of one cell of a live benchmark: its search, and the training of what it recommends.

    Parameters
    ----------
    benchmark, method, budget, settings, metrics
        As in a `harness.suite.Group`.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in a run
    try:
        chosen = LiveSettings.from_json(settings)
        problem = PilotProblem(
            *(benchmark.space_name, benchmark.space, benchmark.splits(0), chosen, budget, 0),
            columns=benchmark.columns(metrics),
        )
        found = run_search(method, problem, Streams(benchmark.name, 0))
        if benchmark.table is not None:
            return problem.seconds
        trained = found.sample or [found.arch or problem.arbitrary]
        return problem.seconds + sum(problem.of_training(arch, chosen.evaluation) for arch in trained)
    finally:
        torch.set_num_threads(threads)
