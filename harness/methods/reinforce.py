"""REINFORCE: policy gradient over independent categorical choices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from harness.methods.base import AskTell, register_method, require
from harness.problem.base import Evaluation, Problem
from harness.spaces.base import Arch, Space
from harness.streams import LockstepUniforms, Streams
from harness.tabular.lockstep import LockstepProblem
from harness.taxonomy import Taxonomy

Array = NDArray[np.float64]


# How often an architecture that the benchmark cannot evaluate is drawn again, before a random one takes its place.
ATTEMPTS = 100


@register_method("reinforce")
@dataclass
class Reinforce(AskTell):
    """Policy gradient with a moving-average baseline, one Adam step after every architecture.

    Parameters
    ----------
    learning_rate
        Adam's step size. 0.001, as NAS-Bench-201 runs it; with it 100 evaluations hardly move the policy.
    momentum
        Decay of the moving average of scores that serves as baseline. 0.9, as NAS-Bench-201 runs it.

    Notes
    -----
    Williams, "Simple statistical gradient-following algorithms for connectionist reinforcement learning", Machine Learning 8,
    1992; in this form a baseline of Dong and Yang, ICLR 2020. The policy is a softmax for every variable and starts uniform;
    the score is the reward as it is, since Adam does not see its scale. An architecture that the benchmark cannot evaluate is
    drawn again, up to 100 times, and then a random one is taken. Draws come from the stream ``move``.
    """

    learning_rate: float = 0.001
    momentum: float = 0.9

    version: ClassVar[str] = "1"
    source: ClassVar[str] = "Williams, Machine Learning 1992; parameters of Dong and Yang, ICLR 2020"
    taxonomy: ClassVar[Taxonomy] = Taxonomy("any", "reinforcement learning", "none", "none")

    def __post_init__(self) -> None:
        require(
            0 < self.learning_rate < float("inf"),
            f"{self.name}: learning_rate must be finite and above 0, not {self.learning_rate}",
        )
        require(0 <= self.momentum < 1, f"{self.name}: momentum must be in [0, 1), not {self.momentum}")

    def start(self, problem: Problem, streams: Streams) -> None:
        """Begin with the uniform policy."""
        super().start(problem, streams)
        self._uniforms = streams.uniforms("move")
        self._first = streams.uniforms("sample")
        self._policy = self._policies(problem.space, 1)

    def ask(self) -> Arch:
        """Draw from the policy."""
        width = len(self.problem.space.cardinalities)
        for _ in range(ATTEMPTS):
            drawn = self._policy.draw(np.array([[next(self._uniforms) for _ in range(width)]]))
            arch: Arch = tuple(drawn[0].tolist())
            if self.problem.contains(arch):
                break
        else:
            arch = self.problem.sample(self._first)
            drawn = np.array([arch])
        self._policy.choose(drawn)
        return arch

    def tell(self, arch: Arch, evaluation: Evaluation) -> None:
        """One policy-gradient step."""
        self._policy.update(np.array([evaluation.score]))

    def lockstep(self, problem: LockstepProblem, benchmark: str, seeds: Sequence[int]) -> None:
        """All seeds at once; see `Method`."""
        uniforms = LockstepUniforms(benchmark, seeds, "move")
        first = LockstepUniforms(benchmark, seeds, "sample")
        policy = self._policies(problem.space, len(seeds))
        width = len(problem.space.cardinalities)
        for _ in range(problem.steps):
            drawn = policy.draw(uniforms.take(width))
            indices = problem.space.indices(drawn)
            missing = np.flatnonzero(~problem.contains(indices))
            for _ in range(ATTEMPTS - 1):
                if not missing.size:
                    break
                drawn[missing] = policy.draw(uniforms.take_for(missing, width), missing)
                indices[missing] = problem.space.indices(drawn[missing])
                missing = missing[~problem.contains(indices[missing])]
            if missing.size:
                indices[missing] = problem.sample(first.take_for(missing, 1)[:, 0])
                drawn[missing] = problem.space.codes(indices[missing])
            policy.choose(drawn)
            policy.update(problem.evaluate(indices))

    def _policies(self, space: Space, n_seeds: int) -> Policies:
        """Uniform policies at the start of a search."""
        return Policies(space, n_seeds, self.learning_rate, self.momentum)


class Policies:
    """Softmax policies of many seeds, each with its own Adam state and baseline.

    Parameters
    ----------
    space, n_seeds
        What is chosen, and how many searches advance together.
    learning_rate, momentum
        As in `Reinforce`.
    waits
        After how many rewards the policy of each variable begins to learn, (variables,) or (1,) for all alike; until then it
        stays uniform.

    Notes
    -----
    Everything is elementwise or a running sum along one policy's own axis, so that a seed's numbers do not depend on how many
    others are beside it (a matrix product's would). Adam's bias correction counts the steps that a variable has made itself, so
    that one which begins late takes first steps of full length.
    """

    BETAS = (0.9, 0.999)
    EPSILON = 1e-8

    def __init__(
        self, space: Space, n_seeds: int, learning_rate: float, momentum: float, waits: Sequence[int] = (0,)
    ) -> None:
        self._last = np.array(space.cardinalities) - 1
        shape = (n_seeds, len(space.cardinalities), int(self._last.max()) + 1)
        self._exists = np.arange(shape[2]) <= self._last[:, None]  # (variables, choices)
        self._logits: Array = np.where(self._exists, np.zeros(shape), -np.inf)
        self._first_moment: Array = np.zeros(shape)
        self._second_moment: Array = np.zeros(shape)
        self._average: Array = np.zeros(n_seeds)
        self._rewards = 0
        self._waits = tuple(waits)
        self._learning_rate = learning_rate
        self._momentum = momentum
        self._refresh()

    def _refresh(self) -> None:
        weights = np.exp(self._logits)
        self._cumulative = np.cumsum(weights, axis=2)
        self._probabilities = weights / self._cumulative[:, :, -1:]

    def draw(self, uniforms: Array, which: NDArray[np.intp] | slice = slice(None)) -> NDArray[np.int64]:
        """Choices by inversion: (seeds, variables) uniforms -> (seeds, variables) choices."""
        cumulative = self._cumulative[which]
        passed = cumulative <= (uniforms * cumulative[:, :, -1])[:, :, None]
        return np.minimum(passed.sum(axis=2), self._last)

    def choose(self, choices: NDArray[np.int64]) -> None:
        """Remember which choices the next reward is for."""
        self._chosen = choices[:, :, None] == np.arange(self._logits.shape[2])

    def update(self, rewards: Array) -> None:
        """One Adam step on minus the log-probability of what was chosen, times the advantage: rewards (seeds,)."""
        self._rewards += 1
        self._average = self._momentum * self._average + (1 - self._momentum) * rewards
        advantage = rewards - self._average / (1 - self._momentum**self._rewards)
        beta1, beta2 = self.BETAS
        # A row each of (variables, 1) or (1, 1). Powers of Python's own floats: NumPy's of an array may differ in the last bit.
        steps = [self._rewards - wait for wait in self._waits]
        learns, left1, left2 = np.array(
            [(step > 0, 1 - beta1 ** max(1, step), 1 - beta2 ** max(1, step)) for step in steps]
        ).T[:, :, None]
        gradient = advantage[:, None, None] * (self._probabilities - self._chosen) * learns
        self._first_moment = beta1 * self._first_moment + (1 - beta1) * gradient
        self._second_moment = beta2 * self._second_moment + (1 - beta2) * gradient * gradient
        first = self._first_moment / left1
        second = self._second_moment / left2
        self._logits = self._logits - self._learning_rate * first / (np.sqrt(second) + self.EPSILON)
        self._refresh()
