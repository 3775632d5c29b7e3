"""Single-level, bilevel and mixed-level search: the same levels on live supernets and on tables of losses."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError, unknown_name
from harness.levels import LEVELS, Bilevel, Level, MixedLevel, Schedule, SingleLevel, official_code
from harness.methods.base import OwnLoop, SearchResult, register_method, require
from harness.methods.descent import SoftmaxProduct, descend, descend_by_score, minimiser, objective
from harness.problem.base import Problem
from harness.problem.offer import Offer
from harness.problem.supernet import SupernetProblem
from harness.streams import Streams
from harness.tabular.problem import TabularProblem
from harness.taxonomy import Taxonomy

Floats = NDArray[np.float64]
ON_TABLES = ("score", "gradient", "enumerate")
COMPATIBILITY = ("paper", "official-code")
# Columns of a table that hold the losses of each architecture.
TRAIN_LOSS, VALID_LOSS = "train_loss", "valid_loss"


def search_supernet(problem: SupernetProblem, level: Level | Schedule, streams: Streams) -> SearchResult:
    """Search a supernet by a level over DARTS's softmax, and derive what it prefers."""
    from harness.supernets.loop import search  # here: tables need no torch
    from harness.supernets.steps import LevelStep

    return SearchResult(search(problem.supernet(), LevelStep(level), streams=streams))


@dataclass
class LevelSearch(OwnLoop):
    """A level, carried out on whatever the benchmark is.

    On a live benchmark the supernet is searched for the whole budget. On a table that holds training and validation losses the
    level's objective is minimised over independent softmaxes, exactly as the level is defined there; the suite must show the
    losses: ``metrics = ["train_loss", "valid_loss"]``. Accuracy or test never stands in for a loss.

    Parameters
    ----------
    update
        ``simultaneous`` (Eq. 6 as written), ``w_first`` (Algorithm 1) or ``alpha_first`` (the published codes). Of a supernet
        only.
    unroll
        Of the second order on a supernet: what the one-step-ahead weights contain, see `harness.levels.UNROLLS`.
    compat
        ``official-code`` reproduces the published MiLeNAS code where it departs from the paper.
    on_tables
        ``score``: score-function gradients from as many evaluations as the budget has; ``gradient``: exact gradient descent
        and ``enumerate``: the minimiser itself, both of which read the whole table's losses and no budget bounds.
    table_learning_rate, table_batch
        Of Adam in ``score`` (and the step of ``gradient``), and evaluations a step of ``score``.
    """

    update: str = "simultaneous"
    unroll: str = "gradient"
    compat: str = "paper"
    on_tables: str = "score"
    table_learning_rate: float = 0.1
    table_batch: int = 10

    version: ClassVar[str] = "2"
    taxonomy: ClassVar[Taxonomy] = Taxonomy("any", "gradient", "weight sharing", "none")

    def __post_init__(self) -> None:
        require(
            self.on_tables in ON_TABLES,
            f"{self.name}: on_tables must be one of {', '.join(ON_TABLES)}, not {self.on_tables!r}",
        )
        require(
            self.compat in COMPATIBILITY,
            f"{self.name}: compat must be one of {', '.join(COMPATIBILITY)}, not {self.compat!r}",
        )
        require(
            self.table_learning_rate > 0,
            f"{self.name}: table_learning_rate must be above 0, not {self.table_learning_rate}",
        )
        require(self.table_batch >= 1, f"{self.name}: table_batch must be at least 1, not {self.table_batch}")
        self.level()  # refuses what a level refuses

    @property
    def reads_whole_table(self) -> bool:
        """Whether on a table it minimises over all losses at once."""
        return self.on_tables != "score"

    @abstractmethod
    def base_level(self) -> Level:
        """The level with the paper's settings."""

    def level(self) -> Level:
        """The level that these parameters say."""
        return official_code(self.base_level()) if self.compat == "official-code" else self.base_level()

    def search(self, problem: Problem, streams: Streams) -> SearchResult:
        """Search the supernet, or minimise the level's objective over the table."""
        if isinstance(problem, SupernetProblem):
            return search_supernet(problem, self.level(), streams)
        if not isinstance(problem, TabularProblem):
            raise HarnessError(f"{self.name}: wants a supernet or a table of losses")
        return self._search_table(problem, streams)

    def _search_table(self, problem: TabularProblem, streams: Streams) -> SearchResult:
        train_share, valid_share = self.level().shares
        needed = [name for name, share in ((TRAIN_LOSS, train_share), (VALID_LOSS, valid_share)) if share > 0]
        if missing := [name for name in needed if name not in problem.metrics]:
            raise HarnessError(
                f"{self.name}: needs {' and '.join(missing)} of every architecture, and nothing stands in for a loss; "
                f"use a table that holds it and write metrics = {needed} in the suite".replace("'", '"')
            )
        if self.on_tables == "score":
            return self._by_score(problem, streams)
        losses = objective(self.level(), problem.metric(TRAIN_LOSS), problem.metric(VALID_LOSS))
        if self.on_tables == "enumerate":
            return SearchResult(problem.architecture(minimiser(losses)))
        codes, rows, measure = problem.encodings
        product = SoftmaxProduct(codes, problem.space.cardinalities, measure)
        start = 0.01 * streams.generator("start").standard_normal(product.size)
        place = descend(product, losses[rows], start, learning_rate=self.table_learning_rate)
        return SearchResult(tuple(codes[place].tolist()))

    def _by_score(self, problem: TabularProblem, streams: Streams) -> SearchResult:
        codes, _, measure = problem.encodings
        product = SoftmaxProduct(codes, problem.space.cardinalities, measure)
        queries = (
            problem.budget.amount if problem.budget.kind == "evaluations" else None
        )  # how many, their costs decide
        place = descend_by_score(
            product,
            self._query(problem, codes),
            np.zeros(product.size),
            streams.generator("move"),
            queries=queries,
            batch=self.table_batch if queries is None else min(self.table_batch, queries),
            learning_rate=self.table_learning_rate,
        )
        return SearchResult(tuple(codes[place].tolist()))

    def _query(self, problem: TabularProblem, codes: NDArray[np.integer]) -> Callable[[NDArray[np.intp]], Floats]:
        """Objective of drawn encodings, one evaluation each."""
        train_share, valid_share = self.level().shares

        def query(places: NDArray[np.intp]) -> Floats:
            found = [problem.evaluate(tuple(code)).metrics for code in codes[places].tolist()]
            train = np.array([train_share * metrics[TRAIN_LOSS] if train_share > 0 else 0.0 for metrics in found])
            valid = np.array([valid_share * metrics[VALID_LOSS] if valid_share > 0 else 0.0 for metrics in found])
            return train + valid

        return query


@register_method("single-level")
@dataclass
class SingleLevelSearch(LevelSearch):
    """Weights and architecture parameters both descend the training loss (MiLeNAS, Eq. 3-4)."""

    source: ClassVar[str] = "He et al., MiLeNAS, CVPR 2020, Eq. 3-4"

    def base_level(self) -> Level:
        """Single-level."""
        return SingleLevel(update=self.update)


@register_method("darts-1st")
@dataclass
class Darts1st(LevelSearch):
    """Bilevel, first order: architecture parameters descend the validation loss at the present weights."""

    source: ClassVar[str] = "Liu, Simonyan and Yang, DARTS, ICLR 2019, first order"

    def base_level(self) -> Level:
        """Bilevel, order 1."""
        return Bilevel(update=self.update)


@register_method("darts-2nd")
@dataclass
class Darts2nd(LevelSearch):
    """Bilevel, second order: the validation loss one step ahead, by a finite difference (Eq. 7-8)."""

    source: ClassVar[str] = "Liu, Simonyan and Yang, DARTS, ICLR 2019, Eq. 7-8"

    def base_level(self) -> Level:
        """Bilevel, order 2."""
        return Bilevel(order=2, update=self.update, unroll=self.unroll)


@dataclass
class _MiLeNAS(LevelSearch):
    """Mixed-level with both factors.

    Parameters
    ----------
    lambda_valid, lambda_train
        Factors of the validation and of the training loss; an infinite one leaves the other loss out.
    """

    lambda_valid: float = 1.0
    lambda_train: float = 1.0

    ORDER: ClassVar[int] = 1

    def base_level(self) -> Level:
        """Mixed-level of this class's order."""
        return MixedLevel(
            lambda_valid=self.lambda_valid,
            lambda_train=self.lambda_train,
            order=self.ORDER,
            update=self.update,
            unroll=self.unroll,
        )


@register_method("milenas-1st")
@dataclass
class MiLeNAS1st(_MiLeNAS):
    """Mixed-level, first order: training loss plus lambda times validation loss (Eq. 5-6)."""

    source: ClassVar[str] = "He et al., MiLeNAS, CVPR 2020, Eq. 5-6"


@register_method("milenas-2nd")
@dataclass
class MiLeNAS2nd(_MiLeNAS):
    """Mixed-level, second order (section 3.1); ``lambda_valid = 0`` keeps the second order, and is not single-level."""

    source: ClassVar[str] = "He et al., MiLeNAS, CVPR 2020, section 3.1"
    ORDER: ClassVar[int] = 2


@register_method("level-schedule")
@dataclass
class LevelSchedule(OwnLoop):
    """Levels by phase on a supernet: by default bilevel of second order for 35 epochs, then mixed-level (MiLeNAS, Fig. 2b).

    Parameters
    ----------
    phases
        Pairs of a first epoch (from 0) and the name of a level, e.g. ``[[0, "darts-2nd"], [35, "milenas-1st"]]``.
    lambda_valid, lambda_train
        Factors of the validation and of the training loss in mixed-level phases.
    update
        As in the methods that are named after the levels, for all phases.
    """

    phases: list[Any] = field(default_factory=lambda: [[0, "darts-2nd"], [35, "milenas-1st"]])
    lambda_valid: float = 1.0
    lambda_train: float = 1.0
    update: str = "simultaneous"

    version: ClassVar[str] = "1"
    source: ClassVar[str] = "He et al., MiLeNAS, CVPR 2020, section 4.2 and Fig. 2b"
    taxonomy: ClassVar[Taxonomy] = Taxonomy("any", "gradient", "weight sharing", "none")

    def __post_init__(self) -> None:
        for phase in self.phases:
            require(
                isinstance(phase, list | tuple)
                and len(phase) == 2
                and type(phase[0]) is int
                and isinstance(phase[1], str),
                f'{self.name}: phases wants pairs such as [35, "milenas-1st"], not {phase!r}',
            )
            if phase[1] not in LEVELS:
                raise unknown_name("level", phase[1], LEVELS, where=f"{self.name}: phases")
        self.level()  # refuses what a schedule or a level refuses

    def level(self) -> Schedule:
        """The schedule that these parameters say."""
        return Schedule(tuple((start, self._level(name)) for start, name in self.phases))

    def check(self, offer: Offer) -> None:
        """Want a supernet, and enough epochs for all phases."""
        require(offer.live, f"{self.name}: wants a supernet; a table has no epochs to switch at")
        last = self.phases[-1][0]
        require(
            last < offer.budget.amount,
            f"{self.name}: phases: epoch {last} is never reached, the budget is {offer.budget.amount}",
        )

    def _level(self, name: str) -> Level:
        level = replace(LEVELS[name], update=self.update)
        if not isinstance(level, MixedLevel):
            return level
        return replace(level, lambda_valid=self.lambda_valid, lambda_train=self.lambda_train)

    def search(self, problem: Problem, streams: Streams) -> SearchResult:
        """Search the supernet."""
        return search_supernet(cast(SupernetProblem, problem), self.level(), streams)
