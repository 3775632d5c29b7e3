"""A live problem: architectures are trained when they are asked for, and the space's supernet can be searched.

It is built from the training and validation images alone: the test images are not in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from harness.errors import BudgetExhausted, HarnessError
from harness.live.joint import JointSpace, space_of_search
from harness.live.scores import score
from harness.problem.base import Evaluation
from harness.problem.budget import Budget
from harness.problem.offer import Offer
from harness.problem.supernet import SupernetProblem
from harness.problem.terms import Terms
from harness.problem.whole import WholeSpace
from harness.spaces.base import Arch, Space
from harness.supernets import net
from harness.supernets.gradient import Asked, Computed
from harness.supernets.net import Batch, Form, Network, Supernet
from harness.system.turns import Turn
from harness.training import train
from harness.training.data import Splits
from harness.training.networks import usable
from harness.training.settings import LiveSettings, Recipe
from harness.training.tracking import Row

N = TypeVar("N", bound=Supernet)
SCORED = 64  # training images that an untrained network is scored on


def without_test(splits: Splits) -> Splits:
    """The same training and validation images, in the same order, and no others."""
    rows = np.concatenate([splits.train, splits.valid])
    data = replace(splits.data, images=splits.data.images[rows], labels=splits.data.labels[rows], tests=0)
    border = len(splits.train)
    return Splits(data, splits.seed, np.arange(border), np.arange(border, len(rows)), np.arange(0))


def check_settings(space: str, splits: Splits, settings: LiveSettings) -> None:
    """Refuse what would fail every search of a benchmark: its splits have the same sizes at all seeds.

    Raises
    ------
    HarnessError
        If a batch is larger than a split, a network does not fit the images, or there is no such device.
    """
    usable(settings.device)
    net.check_search(space, splits, settings.search)
    train.check_recipe(space, splits, settings.evaluation)


class Trained(NamedTuple):
    """What `LiveProblem.evaluate` was asked for.

    Attributes
    ----------
    arch
        The architecture.
    epochs
        How long it was trained, or would have been if it were feasible.
    evaluation
        The answer.
    whole
        Epochs of its whole training during the search.
    """

    arch: Arch
    epochs: int
    evaluation: Evaluation
    whole: int

    @property
    def standing(self) -> tuple[float, float]:
        """What makes an incumbent: a longer part of a whole training, of equal ones a better score."""
        return self.epochs / self.whole, self.evaluation.score


class LiveProblem(WholeSpace, SupernetProblem):
    """One search on a live benchmark.

    Parameters
    ----------
    space_name, space
        The cell space; recipes are searched with it where `settings` leave a choice, see `JointSpace`.
    splits
        Images; the test split is left out.
    settings
        How the supernet and single architectures are trained.
    budget
        Epochs.
    seed
        Seed of initial weights and batches.
    checkpoint
        File that a supernet search is saved to after every epoch and goes on from.
    terms
        What the method sees of architectures beside their scores, and what they must satisfy to be an answer.
    statistics
        Names of the scores that `statistics` says of an architecture's untrained network.
    turn
        The turn of its supernet among those beside it, see `Supernet`.

    Attributes
    ----------
    evaluations
        What was evaluated, in order.
    n_statistics
        Untrained networks that were handed out or scored.
    """

    def __init__(
        self,
        space_name: str,
        space: Space,
        splits: Splits,
        settings: LiveSettings,
        budget: Budget,
        seed: int,
        checkpoint: Path | None = None,
        terms: Terms = Terms(),  # noqa: B008  (frozen)
        statistics: tuple[str, ...] = (),
        turn: Turn[Asked, Computed] | None = None,
    ) -> None:
        self.space = space_of_search(space, settings)
        self.budget = budget
        self.terms = terms
        self.constraints = terms.constraints
        self.evaluations: list[Trained] = []
        self.statistic_names = statistics
        self.n_statistics = 0
        self._space_name = space_name
        self._splits = without_test(splits)
        self._settings = settings
        self._seed = seed
        self._checkpoint = checkpoint
        self._turn = turn
        self.max_fidelity = settings.max_fidelity
        self._left = budget.amount
        self._is_over = False  # something was asked for that nothing is left for
        self._net: Supernet | None = None

    @property
    def offer(self) -> Offer:
        """As `harness.problem.base.Problem.offer`, with the columns and the settings of the supernet."""
        return replace(super().offer, columns=self.terms.names, supernet=self._settings.search.as_dict())

    @property
    def exhausted(self) -> bool:
        """Whether the budget is spent."""
        return self._is_over or self._left < 1

    @property
    def spent(self) -> int:
        """Epochs spent so far."""
        return self.budget.amount - self._left

    def evaluate(self, arch: Sequence[int], fidelity: int | None = None) -> Evaluation:
        """Train the architecture for some epochs, its score is the validation accuracy (percent) after the last one.

        An infeasible one costs as much and is not trained: its score is below that of all others, by how far it is beyond the
        bounds (in parts of each).

        Parameters
        ----------
        arch
            The architecture.
        fidelity
            Epochs; the suite's ``proxy_epochs`` by default, and at most (those of the architecture's recipe, if they are fewer).
            The learning rate falls to 0 within them.
        """
        arch = self.space.validate(arch)
        architecture, recipe = self.training_of(arch, proxy=True)
        whole = recipe.epochs
        recipe = replace(recipe, epochs=min(self._epochs(fidelity), whole))
        if self._is_over or recipe.epochs > self._left:
            self._is_over = True  # even if something cheaper were asked for next
            raise BudgetExhausted(
                f"{self._left} of {self.budget.amount} epochs are left, {recipe.epochs} were asked for"
            )
        self._left -= recipe.epochs
        columns = self.terms.columns(architecture)
        beyond = self.terms.excess(columns)
        score = -beyond if beyond > 0 else self._score(architecture, recipe)  # no accuracy is below 0
        evaluation = Evaluation(score, float("nan"), columns, feasible=beyond == 0)
        self.evaluations.append(Trained(arch, recipe.epochs, evaluation, whole))
        return evaluation

    def training_of(self, arch: Sequence[int], *, proxy: bool = False) -> tuple[Arch, Recipe]:
        """The architecture that is trained, and its recipe: in the end, or as a `proxy` during the search."""
        if isinstance(self.space, JointSpace):
            return self.space.split(arch)[0], self.space.recipe(arch, proxy=proxy)
        return self.space.validate(arch), self._settings.proxy if proxy else self._settings.evaluation

    def _epochs(self, fidelity: int | None) -> int:
        whole = self._settings.proxy.epochs
        if fidelity is None:
            return whole
        is_whole_number = isinstance(fidelity, int | np.integer) and not isinstance(fidelity, bool)
        if not is_whole_number or not 1 <= fidelity <= whole:
            raise HarnessError(f"fidelity {fidelity!r}: a training during this search has epochs 1 to {whole}")
        return int(fidelity)

    def _score(self, arch: Arch, recipe: Recipe) -> float:
        (rows,) = train.train(
            *(self._space_name, arch, self._splits, recipe, [self._seed]),
            evaluate=["valid"],
            device=self._settings.device,
        )
        return float(rows[-1]["valid_accuracy"])

    def supernet(self, form: Form | None = None) -> Supernet:
        """The supernet of the space, for the whole budget; see `SupernetProblem`."""
        if self._settings.choices:
            raise HarnessError("a supernet is trained by one recipe, and here each architecture has its own")
        if self._left < self.budget.amount:
            raise HarnessError("a supernet takes the whole budget, and some of it is spent")
        self._left = 0
        self._net = self._made(form, Supernet)
        return self._net

    def untrained(self, arch: Sequence[int]) -> tuple[Network, Batch]:
        """A network before its training, and images; see `SupernetProblem`."""
        architecture, recipe = self.training_of(arch)
        self.n_statistics += 1
        network = train.untrained(
            self._space_name, architecture, self._splits, recipe, self._seed, self._settings.device
        )
        return network, self._first_images

    def statistics(self, arch: Sequence[int]) -> Mapping[str, float]:
        """Scores of the architecture's untrained network, which cost no epoch; see `Problem.statistics`."""
        network, (images, labels) = self.untrained(arch)
        return {name: score(name, network, images, labels) for name in self.statistic_names}

    @cached_property
    def _first_images(self) -> Batch:
        return self._splits.reader(self._settings.device)(self._splits.train[:SCORED])

    @property
    def epochs(self) -> list[Row]:
        """Rows of the supernet's epochs, numbered from 1."""
        rows = [] if self._net is None else self._net.rows
        return [row | {"epoch": number, "phase": "search"} for number, row in enumerate(rows, start=1)]

    def scores_of_supernet(self, archs: Sequence[Arch]) -> list[float]:
        """Validation accuracies (percent) of architectures with the weights of the supernet that was trained; [] if none was."""
        return [] if self._net is None or not self._net.rows else self._net.accuracies(archs)

    def _made(self, form: Form | None, kind: type[N]) -> N:
        settings = self._settings
        made = kind(
            self._space_name,
            self._splits,
            settings.search,
            self._seed,
            form=form,
            device=settings.device,
            checkpoint=self._checkpoint,
        )
        made.terms, made.turn = self.terms, self._turn
        return made
