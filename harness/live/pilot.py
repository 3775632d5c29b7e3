"""What a live cell would take, without running it: a stand-in problem on which every training is an estimate."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import torch

from harness.errors import BudgetExhausted
from harness.levels import Level, Schedule
from harness.live import search, shared, train
from harness.live.benchmark import LiveBenchmark, LiveSettings
from harness.live.problem import LiveProblem
from harness.methods.base import Method, run_search
from harness.problem import Budget, Evaluation
from harness.spaces.base import Arch
from harness.streams import Streams


class PilotProblem(LiveProblem):
    """A live problem that trains nothing: it adds up what training would take, and answers with arbitrary scores.

    Attributes
    ----------
    seconds
        Estimated so far.
    """

    seconds = 0.0

    def evaluate(self, arch: Sequence[int], fidelity: int | None = None) -> Evaluation:
        """Estimate the training that `LiveProblem.evaluate` would do; the score is arbitrary."""
        recipe = self._settings.proxy if fidelity is None else replace(self._settings.proxy, epochs=fidelity)
        if recipe.epochs > self._left:
            raise BudgetExhausted(f"{self._left} epochs are left")
        self._left -= recipe.epochs
        self.seconds += self.of_training(self.space.validate(arch), recipe)
        return Evaluation(random.Random(self._left).random(), float("nan"), {})

    def search_supernet(self, level: Level | Schedule, **options: Any) -> Arch:
        """Estimate the search on the supernet; the architecture is arbitrary."""
        self._left = 0
        self.seconds += search.estimate_seconds(
            *(self._space_name, self._splits, level, self._settings.search), device=self._settings.device, **options
        )
        return self.arbitrary

    def search_shared_weights(self, candidates: int) -> Arch:
        """Estimate random search with weight sharing; the architecture is arbitrary."""
        self._left = 0
        self.seconds += shared.estimate_seconds(
            self._space_name, self._splits, self._settings.search, candidates, device=self._settings.device
        )
        return self.arbitrary

    @property
    def arbitrary(self) -> Arch:
        """Some architecture."""
        return tuple(cardinality - 1 for cardinality in self.space.cardinalities)

    def of_training(self, arch: Arch, recipe: train.Recipe) -> float:
        """Estimated seconds of training an architecture."""
        return train.estimate_seconds(self._space_name, arch, self._splits, recipe, device=self._settings.device)


def estimate_cell(benchmark: LiveBenchmark, method: Method, budget: Budget, settings: str) -> float:
    """Seconds of one cell of a live benchmark: its search, and the training of what it recommends.

    Parameters
    ----------
    benchmark, method, budget, settings
        As in a `harness.suite.Group`.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in a run
    try:
        chosen = LiveSettings.from_json(settings)
        problem = PilotProblem(benchmark.space_name, benchmark.space, benchmark.splits(0), chosen, budget, 0)
        found = run_search(method, problem, Streams(benchmark.name, 0))
        if benchmark.table is not None:
            return problem.seconds
        trained = found.sample or [found.arch or problem.arbitrary]
        return problem.seconds + sum(problem.of_training(arch, chosen.evaluation) for arch in trained)
    finally:
        torch.set_num_threads(threads)
