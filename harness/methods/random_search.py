"""Random search."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from harness.methods.base import AskTell, register_method
from harness.problem import Evaluation, LockstepProblem, Problem
from harness.spaces.base import Arch
from harness.streams import LockstepUniforms, Streams
from harness.taxonomy import Taxonomy


@register_method("random")
@dataclass
class RandomSearch(AskTell):
    """Random search: draw from the benchmark's measure, keep the best by validation.

    Parameters
    ----------
    replace
        Whether an architecture may be drawn again (the default, and what the exact law ``random@n`` describes unless it is
        told otherwise). Without replacement a repeated draw is thrown away before it is evaluated.

    Notes
    -----
    Bergstra and Bengio, "Random search for hyper-parameter optimization", JMLR 2012; as a baseline of architecture search Li
    and Talwalkar, "Random search and reproducibility for neural architecture search", UAI 2019.
    """

    replace: bool = True

    version: ClassVar[str] = "1"
    source: ClassVar[str] = "Bergstra and Bengio, JMLR 2012; Li and Talwalkar, UAI 2019"
    taxonomy: ClassVar[Taxonomy] = Taxonomy("any", "random", "none", "none")

    def start(self, problem: Problem, streams: Streams) -> None:
        """Begin at the head of the ``sample`` stream."""
        super().start(problem, streams)
        self._uniforms = streams.uniforms("sample")
        self._seen: set[Arch] = set()

    def ask(self) -> Arch | None:
        """Draw an architecture."""
        if not self.replace and len(self._seen) >= self.problem.size:
            return None
        arch = self.problem.sample(self._uniforms)
        if self.replace:
            return arch
        while arch in self._seen:
            arch = self.problem.sample(self._uniforms)
        self._seen.add(arch)
        return arch

    def tell(self, arch: Arch, evaluation: Evaluation) -> None:
        """Nothing to learn."""

    def lockstep(self, problem: LockstepProblem, benchmark: str, seeds: Sequence[int]) -> None:
        """All seeds at once; see `Method`."""
        n = problem.budget.amount if self.replace else min(problem.budget.amount, problem.size)
        uniforms = LockstepUniforms(benchmark, seeds, "sample", ahead=n)
        indices = problem.sample(uniforms.take(n))
        if not self.replace:
            while True:
                repeated = _is_repeat(indices)
                if (~repeated).sum(axis=1).min() >= n:
                    break
                indices = np.concatenate([indices, problem.sample(uniforms.take(n))], axis=1)
            # A stable sort by "is a repeat" leaves each seed's distinct draws in front, in order.
            order = np.argsort(repeated, axis=1, kind="stable")[:, :n]
            indices = np.take_along_axis(indices, order, axis=1)
        for step in indices.T:
            problem.evaluate(step)


def _is_repeat(indices: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which entries equal an earlier one of their row: (seeds, n) -> (seeds, n)."""
    order = np.argsort(indices, axis=1, kind="stable")
    ordered = np.take_along_axis(indices, order, axis=1)
    repeated = np.zeros(indices.shape, dtype=bool)
    np.put_along_axis(repeated, order[:, 1:], ordered[:, 1:] == ordered[:, :-1], axis=1)
    return repeated
