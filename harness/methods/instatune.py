"""LINAS, the search of InstaTune: NSGA-II on a light predictor, whose front is measured batch by batch."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from harness.errors import BudgetExhausted, HarnessError
from harness.methods.acquisition import normal_scores
from harness.methods.base import SearchResult, register_method, require, run_search
from harness.methods.nsga2 import NSGA2, survival_order
from harness.methods.predicting import Bound, Model, Predicting
from harness.problem.base import Evaluation, Problem
from harness.problem.budget import Budget
from harness.problem.offer import Offer
from harness.spaces.base import Arch, Space
from harness.statistics.pareto import pareto_front
from harness.streams import Streams
from harness.taxonomy import Taxonomy

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

BEYOND = -1e6  # below any score that is predicted: what is predicted to be infeasible begins here


@register_method("instatune")
@dataclass
class InstaTune(Predicting):
    """Search a predictor with NSGA-II, evaluate what it thinks is on the front, fit the predictor again.

    Parameters
    ----------
    population
        Architectures of a generation of the inner search, and that are evaluated between two fits; the first ones are drawn.
    inner
        Architectures that the predictor is asked about before each batch.
    model
        ``svr``: support vector regression with a Gaussian kernel; ``ridge``: ridge regression.
    minimize, maximize
        Columns that are goals beside the validation score. Default: every column that the suite shows is minimised.
    known
        Those of these columns that are statistics, such as ``params``: they are asked for, not predicted (`Problem.statistics`).

    Notes
    -----
    Cummings et al., "A hardware-aware framework for accelerating neural architecture search across modalities", 2022 (LINAS,
    Algorithm 1), which Sridhar et al., "InstaTune: Instantaneous neural architecture search during fine-tuning", ICCV 2023
    workshops, search with. The next batch is what the inner search met and nobody evaluated, by predicted front and crowding.
    `SearchResult.front` holds evaluated architectures only. Features are one column a choice; ranks, constraints and first draws
    are those of `harness.methods.predicting`.

    Not as in the released code (DyNAS-T): there the result is the last predicted population, which nobody measured; parameters
    are predicted although they could be counted; and the inner search has the same seed each time.
    """

    population: int = 20
    inner: int = 2000
    model: Literal["svr", "ridge"] = "svr"
    minimize: list[str] = field(default_factory=list)
    maximize: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)

    version: ClassVar[str] = "1"
    source: ClassVar[str] = "Cummings et al. 2022, Algorithm 1; Sridhar et al., ICCV 2023 workshops"
    taxonomy: ClassVar[Taxonomy] = Taxonomy("any", "evolution", "predictor", "predicted")
    requires: ClassVar[tuple[str, ...]] = ("scikit-learn",)

    def __post_init__(self) -> None:
        require(self.population >= 2, f"instatune: population must be at least 2, not {self.population}")
        require(self.inner >= self.population, f"instatune: inner must be at least population, not {self.inner}")
        columns = [*self.minimize, *self.maximize]
        require(len(set(columns)) == len(columns), f"instatune: a column stands twice among {', '.join(columns)}")
        for name in self.known:
            require(name in columns, f"instatune: known: {name!r} is no goal; name it in minimize or maximize")

    def check(self, offer: Offer) -> None:
        """Want goals that the suite shows, or that are statistics."""
        for name in (*self.minimize, *self.maximize):
            if name not in offer.columns and name not in self.known:
                raise HarnessError(
                    f"instatune: column {name!r} is not shown to methods, {', '.join(offer.columns) or 'nothing'} is; add it to "
                    "the suite's metrics, or to known if it is a statistic"
                )

    @property
    def batch(self) -> int:  # type: ignore[override]
        """See `BatchAskTell`."""
        return self.population

    @property
    def first(self) -> int:
        """See `Predicting.first`."""
        return self.population

    @property
    def statistic_names(self) -> tuple[str, ...]:
        """The columns that are known."""
        return tuple(self.known)

    def start(self, problem: Problem, streams: Streams) -> None:
        """Begin with no statistic asked for."""
        super().start(problem, streams)
        self._known: dict[Arch, Mapping[str, float]] = {}

    def propose(self, k: int) -> list[Arch]:
        """Ask for what is known of the batch as well, while the budget may still have to pay for it."""
        chosen = super().propose(k)
        for arch in chosen if self.known else ():
            self._statistics(arch)
        return chosen

    def choose(self, k: int) -> Iterable[Arch]:
        """What the inner search finds."""
        predicted = {"score": self.fitted(normal_scores(self.scores), "score")}
        for name in self._columns():
            if name not in self.known:
                values = np.array([evaluation.metrics[name] for evaluation in self.evaluations])
                predicted[name] = self.fitted(normal_scores(values), name)
        bounds = [self.bound(constraint) for constraint in self.problem.constraints]
        problem = Predicted(self, predicted, bounds)
        search = self._nsga2()
        name = f"{self.streams.benchmark}: inner search {self._fits}"
        run_search(search, problem, Streams(name, self.streams.cell_seed))
        new = [arch for arch in problem.met if self.is_new(arch)]
        if not new:
            return []
        goals = np.array([search.goals_of(problem.met[arch]) for arch in new])
        return [new[place] for place in survival_order(goals, k).tolist()]

    def fit(self, codes: Codes, targets: Array, what: str, seed: int) -> Model:
        """Fit the regression, which has no spread."""
        regression = _support_vectors if self.model == "svr" else _ridge
        # scikit-learn's support vectors draw a seed, which they do not use, from NumPy's global state.
        with self.streams.global_state("model", seed):
            return regression(self.problem.space, codes, targets)

    def result(self) -> SearchResult:
        """What was evaluated and nothing evaluated dominates."""
        super().result()
        feasible = [(arch, found) for arch, found in zip(self.archs, self.evaluations, strict=True) if found.feasible]
        if not feasible:
            return SearchResult()
        goals = np.array([self._nsga2().goals_of(self.with_known(arch, found)) for arch, found in feasible])
        on_front = pareto_front(goals)
        return SearchResult(front=tuple(arch for (arch, _), there in zip(feasible, on_front, strict=True) if there))

    def with_known(self, arch: Arch, evaluation: Evaluation) -> Evaluation:
        """The evaluation with the columns that are known."""
        return (
            evaluation._replace(metrics={**evaluation.metrics, **self._statistics(arch)}) if self.known else evaluation
        )

    def _statistics(self, arch: Arch) -> Mapping[str, float]:
        if arch not in self._known:
            self._known[arch] = self.problem.statistics(arch)
        return self._known[arch]

    def _nsga2(self) -> NSGA2:
        return NSGA2(self.population, self.minimize, self.maximize)

    def _columns(self) -> Sequence[str]:
        """Columns that are goals."""
        shown = self.evaluations[0].metrics
        return [*self.minimize, *self.maximize] or list(shown)


class Predicted(Problem):
    """A benchmark whose evaluations are predictions: what the inner search is handed.

    Parameters
    ----------
    method
        Whose benchmark it is.
    models
        Of ``score`` and of the columns that are goals and not known, by name.
    bounds
        Of the columns that the suite bounds.

    Attributes
    ----------
    met
        What was asked for, and what is predicted of it.
    """

    def __init__(self, method: InstaTune, models: Mapping[str, Model], bounds: Sequence[Bound]) -> None:
        self._method, self._models, self._bounds = method, models, bounds
        self._real = method.problem
        self.space, self.size = self._real.space, self._real.size
        self.budget = Budget("evaluations", method.inner)
        self.met: dict[Arch, Evaluation] = {}
        self._spent = 0

    @property
    def offer(self) -> Offer:
        """As `Problem.offer`, with the columns of the benchmark and those that are known."""
        return replace(super().offer, columns=(*self._real.offer.columns, *self._method.known))

    @property
    def exhausted(self) -> bool:
        """Whether as many were asked for as may be."""
        return self._spent >= self.budget.amount

    def evaluate(self, arch: Sequence[int], fidelity: int | None = None) -> Evaluation:
        """Predict; what is predicted to be beyond a bound is infeasible, and the further the worse."""
        if self.exhausted:
            raise BudgetExhausted(f"{self._spent} architectures were asked for")
        self._spent += 1
        arch = self._real.identity(arch)
        if arch not in self.met:
            codes = np.array([arch])
            values = {name: float(model(codes)[0][0]) for name, model in self._models.items()}
            beyond = sum(float(bound.excess(codes)[0]) for bound in self._bounds)
            score = values.pop("score")
            score = score if beyond == 0 else BEYOND - beyond
            found = Evaluation(score, float("nan"), values, feasible=beyond == 0)
            self.met[arch] = self._method.with_known(arch, found)
        return self.met[arch]

    def sample(self, uniforms: Iterator[float]) -> Arch:
        """Draw from the benchmark's own measure."""
        return self._real.sample(uniforms)

    def contains(self, arch: Sequence[int]) -> bool:
        """Whether the benchmark itself can evaluate it."""
        return self._real.contains(arch)


# The inner search asks about one architecture after the other, for which scikit-learn's own `predict` takes ten times as long.


def _support_vectors(space: Space, codes: Codes, targets: Array) -> Model:
    from sklearn.svm import SVR

    x = space.one_hot(codes)
    gamma = 1.0 / (x.shape[1] * (x.var() or 1.0))  # scikit-learn's "scale"
    regression = SVR(gamma=gamma).fit(x, targets)
    support, weights, intercept = codes[regression.support_], regression.dual_coef_[0], regression.intercept_[0]

    def model(others: Codes) -> tuple[Array, Array]:
        # In one-hot codes, two choices that differ are 2 apart.
        kernel = np.exp(-2.0 * gamma * (others[:, None, :] != support).sum(axis=-1))
        return kernel @ weights + intercept, np.zeros(len(others))

    return model


def _ridge(space: Space, codes: Codes, targets: Array) -> Model:
    from sklearn.linear_model import Ridge

    regression = Ridge().fit(space.one_hot(codes), targets)
    first = np.cumsum([0, *space.cardinalities[:-1]])

    def model(others: Codes) -> tuple[Array, Array]:
        return regression.coef_[others + first].sum(axis=-1) + regression.intercept_, np.zeros(len(others))

    return model
