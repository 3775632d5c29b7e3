"""The environment that `harness.gym_env` makes; importing this module needs Gymnasium."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from numpy.typing import NDArray

from harness.problem.base import Problem

Observation = NDArray[np.float32]
Action = NDArray[np.int64]


class ProblemEnvironment(gymnasium.Env[Observation, Action]):
    """One evaluation an episode; see `harness.gym_env`."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.action_space = gymnasium.spaces.MultiDiscrete(list(problem.space.cardinalities))
        self.observation_space = gymnasium.spaces.Box(0.0, 1.0, shape=(1,), dtype=np.float32)
        self._lowest = 0.0  # reward paid so far
        self._has_paid = False

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin an episode; all are alike."""
        super().reset(seed=seed, options=options)
        return self._nothing(), {"exhausted": self.problem.exhausted}

    def step(self, action: Action) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Evaluate an architecture.

        Raises
        ------
        BudgetExhausted
            If the budget does not pay for it.
        """
        arch = tuple(int(choice) for choice in action)
        if not self.problem.contains(arch):
            return self._nothing(), self._lowest, False, True, {"exhausted": self.problem.exhausted}
        evaluation = self.problem.evaluate(arch)
        self._lowest = min(self._lowest, evaluation.score) if self._has_paid else evaluation.score
        self._has_paid = True
        info = {
            "exhausted": self.problem.exhausted,
            "cost": evaluation.cost,
            "metrics": dict(evaluation.metrics),
            "feasible": evaluation.feasible,
        }
        return self._nothing(), evaluation.score, True, False, info

    def _nothing(self) -> Observation:
        return np.zeros(1, dtype=np.float32)
