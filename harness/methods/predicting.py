"""Search with a model of the score: the rules that all such methods share, so that they differ in their models only.

- The first architectures are the first different draws of the stream ``sample``: with as many of them as the budget pays for,
  every method here is ``random`` with ``replace = false``, bit for bit.
- No row is evaluated twice; an architecture is the encoding of its row (`Problem.identity`) throughout.
- Candidates are all neighbours of the 5 best so far, and 200 draws of the stream ``candidates``.
- Of equal candidates the first is taken.
- Models see ranks: a strictly increasing map of the scores leaves a search as it is.
- Seeds of models come from named streams, and linear algebra has one thread. Byte equality across processors is not promised
  all the same: the last bits of a fit differ, and of nearly equal candidates another one may win.

Where the suite has constraints, models of the bounded columns stand beside that of the score, which an infeasible architecture
has a low one of. A candidate that is predicted to be within the bounds comes before all that are not, and of these the nearest
to the bounds first (after Eriksson and Poloczek, "Scalable constrained Bayesian optimization", AISTATS 2021).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from harness.methods.acquisition import Acquisition, acquired, normal_scores
from harness.methods.batch import BatchAskTell
from harness.problem.base import Evaluation, Problem
from harness.problem.constraint import Constraint
from harness.spaces.base import Arch
from harness.streams import Streams
from harness.system.blas import one_blas_thread

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

BEST = 5  # architectures whose neighbours are candidates
DRAWS = 200  # candidates that are drawn


class Model(Protocol):
    """A fitted model."""

    def __call__(self, codes: Codes, /) -> tuple[Array, Array]:
        """Mean and standard deviation of what it was fitted to, of architectures (n, variables): (n,) each."""


class Bound(NamedTuple):
    """A model of a column that the suite bounds.

    Attributes
    ----------
    model
        Of the column, turned so that smaller is better.
    limit
        What an architecture within the bound does not exceed, on the scale of the model.
    """

    model: Model
    limit: float

    def excess(self, codes: Codes, noise: Array | float = 0.0) -> Array:
        """How far architectures (n, variables) are predicted to be beyond the bound, at the mean or at a draw: (n,)."""
        mean, std = self.model(codes)
        return np.maximum(mean + noise * std - self.limit, 0.0)


Order = Callable[[Sequence[Arch]], list[Arch]]


class Predicting(BatchAskTell):
    """A method that chooses by a model: a subclass says how many architectures are drawn first, fits and chooses."""

    @property
    @abstractmethod
    def first(self) -> int:
        """How many architectures are drawn before a model is fitted."""

    @abstractmethod
    def fit(self, codes: Codes, targets: Array, what: str, seed: int) -> Model:
        """A model.

        Parameters
        ----------
        codes
            (n, variables) architectures.
        targets
            (n,) normal scores of what is modelled.
        what
            ``"score"`` or the name of a column.
        seed
            Of the fit.
        """

    @abstractmethod
    def choose(self, k: int) -> Iterable[Arch]:
        """Architectures that were not proposed yet, the best first; `k` of them are taken, draws fill up what is missing."""

    def start(self, problem: Problem, streams: Streams) -> None:
        """Begin with nothing evaluated."""
        super().start(problem, streams)
        self.archs: list[Arch] = []  # evaluated, in order, and their evaluations
        self.evaluations: list[Evaluation] = []
        self._proposed: set[Arch] = set()
        self._sample = streams.uniforms("sample")
        self._draws = streams.uniforms("candidates")
        self._normal = streams.generator("thompson")
        self._fits = 0

    def propose(self, k: int) -> list[Arch]:
        """First draws, then what the model chooses; nothing once all of the benchmark is evaluated."""
        chosen: list[Arch] = []
        if len(self.archs) < self.first:
            k = min(k, self.first - len(self.archs))
        else:
            with one_blas_thread(), self.problem.overhead("fit"):
                chosen = list(islice(self.choose(k), k))
        self._proposed.update(chosen)
        while len(chosen) < k and len(self._proposed) < self.problem.size:
            if self.is_new(arch := self.problem.identity(self.problem.sample(self._sample))):
                self._proposed.add(arch)
                chosen.append(arch)
        return chosen

    def learn(self, pairs: Sequence[tuple[Arch, Evaluation]]) -> None:
        """Keep what was evaluated."""
        for arch, evaluation in pairs:
            self.archs.append(arch)
            self.evaluations.append(evaluation)

    def is_new(self, arch: Arch) -> bool:
        """Whether an architecture, as the encoding of its row, was not proposed before."""
        return arch not in self._proposed

    @property
    def scores(self) -> Array:
        """(n,) scores of what was evaluated."""
        return np.array([evaluation.score for evaluation in self.evaluations])

    def best(self, count: int) -> list[Arch]:
        """The best of what was evaluated, of equal ones the oldest first."""
        return [self.archs[place] for place in np.argsort(-self.scores, kind="stable")[:count].tolist()]

    def neighbours(self, archs: Iterable[Arch]) -> Iterable[Arch]:
        """All neighbours that the benchmark has, in the order of the space, as encodings of their rows."""
        problem = self.problem
        for arch in archs:
            for near in problem.space.neighbours(arch):
                if problem.contains(near):
                    yield problem.identity(near)

    def drawn(self, count: int) -> Iterable[Arch]:
        """The next draws of the stream ``candidates``, repeats among them."""
        return (self.problem.identity(self.problem.sample(self._draws)) for _ in range(count))

    def candidates(self) -> list[Arch]:
        """Neighbours of the best, then draws; each once, and none that was proposed before."""
        found = dict.fromkeys([*self.neighbours(self.best(BEST)), *self.drawn(DRAWS)])
        return [arch for arch in found if self.is_new(arch)]

    def order(self, kind: Acquisition, beta: float = 0.0) -> Order:
        """Fit, and say how candidates are put in order, the best first: by an acquisition of the score, see `acquired`, and by
        what is predicted of the bounds."""
        targets = normal_scores(self.scores)
        model = self.fitted(targets, "score")
        bounds = [self.bound(constraint) for constraint in self.problem.constraints]
        best = float(targets.max())

        def order(candidates: Sequence[Arch]) -> list[Arch]:
            if not candidates:
                return []
            codes = np.array(candidates)
            values = acquired(kind, *model(codes), self._noise(kind, len(codes)), best, beta)
            beyond = sum(bound.excess(codes, self._noise(kind, len(codes))) for bound in bounds)
            return [candidates[place] for place in np.lexsort((-values, beyond + np.zeros(len(codes)))).tolist()]

        return order

    def bound(self, constraint: Constraint) -> Bound:
        """A model of the column that a constraint bounds, fitted to all that was evaluated."""
        values = np.array([evaluation.metrics[constraint.column] for evaluation in self.evaluations])
        margin = values - constraint.bound if constraint.relation == "<=" else constraint.bound - values
        targets = normal_scores(np.append(margin, 0.0))
        return Bound(self.fitted(targets[:-1], constraint.column), float(targets[-1]))

    def fitted(self, targets: Array, what: str) -> Model:
        """`fit` to all that was evaluated, with a seed of its own."""
        self._fits += 1
        return self.fit(np.array(self.archs), targets, what, self.streams.seed("model", self._fits))

    def _noise(self, kind: Acquisition, count: int) -> Array:
        """Standard normal numbers of Thompson sampling, zeros for what does not sample."""
        return self._normal.standard_normal(count) if kind == "its" else np.zeros(count)
