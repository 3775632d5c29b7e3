"""Random search, and random architectures without any search."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError
from harness.methods.base import AskTell, OwnLoop, SearchResult, register_method, require
from harness.problem.base import Evaluation, Problem
from harness.problem.offer import Offer
from harness.problem.supernet import SupernetProblem
from harness.spaces.base import Arch
from harness.streams import LockstepUniforms, Streams
from harness.tabular.lockstep import LockstepProblem
from harness.taxonomy import Taxonomy

MOST_DRAWS = 1000  # of an architecture that satisfies the constraints
AHEAD = 4096  # draws of a seed at a time: how many it makes may depend on what they cost


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
        n = problem.steps if self.replace else min(problem.steps, problem.size)
        uniforms = LockstepUniforms(benchmark, seeds, "sample", ahead=n)
        if not self.replace:
            for step in _without_repeats(problem, uniforms, n).T:
                problem.evaluate(step)
            return
        for start in range(0, n, AHEAD):
            for step in problem.sample(uniforms.take(min(AHEAD, n - start))).T:
                problem.evaluate(step)


def _without_repeats(problem: LockstepProblem, uniforms: LockstepUniforms, n: int) -> NDArray[np.int64]:
    """The first `n` different draws of every seed, in order: (seeds, n)."""
    indices = problem.sample(uniforms.take(n))
    while True:
        repeated = _is_repeat(indices)
        if (~repeated).sum(axis=1).min() >= n:
            break
        indices = np.concatenate([indices, problem.sample(uniforms.take(n))], axis=1)
    # A stable sort by "is a repeat" leaves each seed's distinct draws in front, in order.
    order = np.argsort(repeated, axis=1, kind="stable")[:, :n]
    return np.take_along_axis(indices, order, axis=1)


@register_method("random-architecture")
@dataclass
class RandomArchitecture(OwnLoop):
    """No search at all: architectures drawn at random, whose mean result is what a search has to beat.

    On live benchmarks, where reports call it ``random@1``; the average architecture of a table is known exactly.

    Parameters
    ----------
    architectures
        How many are drawn, and trained like what other methods recommend, for every seed: on the same split of the data. Where
        the suite has constraints, what does not satisfy them is drawn again.

    Notes
    -----
    Yang, Esperança and Carlucci, "NAS evaluation is frustratingly hard", ICLR 2020.
    """

    architectures: int = 4

    version: ClassVar[str] = "1"
    source: ClassVar[str] = "Yang et al., ICLR 2020"
    taxonomy: ClassVar[Taxonomy] = Taxonomy("any", "random", "none", "none")

    def __post_init__(self) -> None:
        require(self.architectures >= 1, f"{self.name}: architectures must be at least 1, not {self.architectures}")

    def check(self, offer: Offer) -> None:
        """Want a live benchmark."""
        require(
            offer.live,
            f"{self.name}: is for live benchmarks; a table's average architecture is exact: random@1 in reports",
        )

    def search(self, problem: Problem, streams: Streams) -> SearchResult:
        """Draw."""
        uniforms = streams.uniforms("sample")
        return SearchResult(sample=tuple(self._drawn(problem, uniforms) for _ in range(self.architectures)))

    def _drawn(self, problem: Problem, uniforms: Iterator[float]) -> Arch:
        """One that satisfies the constraints."""
        terms = cast(SupernetProblem, problem).terms
        for _ in range(MOST_DRAWS):
            if terms.allow(arch := problem.sample(uniforms)):
                return arch
        bounds = " and ".join(map(str, terms.constraints))
        raise HarnessError(f"{self.name}: none of {MOST_DRAWS:,} random architectures satisfies {bounds}")


def _is_repeat(indices: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which entries equal an earlier one of their row: (seeds, n) -> (seeds, n)."""
    order = np.argsort(indices, axis=1, kind="stable")
    ordered = np.take_along_axis(indices, order, axis=1)
    repeated = np.zeros(indices.shape, dtype=bool)
    np.put_along_axis(repeated, order[:, 1:], ordered[:, 1:] == ordered[:, :-1], axis=1)
    return repeated
