"""Problems for agents of reinforcement learning: the door to Gymnasium, which is an extra."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.problem.base import Problem
from harness.system.extras import versions_of

if TYPE_CHECKING:
    from harness.problem.environment import ProblemEnvironment


def gym_env(problem: Problem) -> ProblemEnvironment:
    """An environment of Gymnasium whose episodes are evaluations of a problem, one step each; needs the extra ``gym``.

    The action is an architecture, one choice for each variable (`gymnasium.spaces.MultiDiscrete`), the reward its score, and the
    observation says nothing (zeros). Every step ends its episode; `reset` and `step` draw nothing at random. An architecture that
    the benchmark does not have is no evaluation: the step is truncated, costs nothing, and has the lowest reward that the
    environment has paid so far (0 before the first), so that there is nothing to be won by it.

    The budget ends the search: the step that would pass it raises `harness.errors.BudgetExhausted`, which a method of this
    harness need not catch, and ``info["exhausted"]`` says beforehand that nothing is left. ``info`` also holds the evaluation's
    ``cost`` in simulated seconds, the ``metrics`` that the suite shows, and whether it is ``feasible``.

    Parameters
    ----------
    problem
        What a method's `search` or `start` is handed.

    Raises
    ------
    HarnessError
        If Gymnasium is missing.

    Notes
    -----
    Towers et al., "Gymnasium: a standard interface for reinforcement learning environments", 2024 (arXiv 2407.17032); as the
    interface between search and simulator Krishnan et al., "ArchGym", ISCA 2023.
    """
    versions_of(("gymnasium",), "gym_env")
    from harness.problem.environment import ProblemEnvironment

    return ProblemEnvironment(problem)
