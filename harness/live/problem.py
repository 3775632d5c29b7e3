"""A live problem: architectures are trained when they are asked for, and the space's supernet can be searched.

It is built from the training and validation images alone: the test images are not in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import numpy as np

from harness.errors import BudgetExhausted, HarnessError
from harness.live import train
from harness.live.data import Splits
from harness.live.networks import usable
from harness.live.settings import LiveSettings
from harness.live.tracking import Row
from harness.problem import Budget, Columns, Evaluation, SupernetProblem
from harness.spaces.base import Arch, Space
from harness.supernets import net
from harness.supernets.net import Form, Supernet

N = TypeVar("N", bound=Supernet)


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
    net.check(space, splits, settings.search)
    train.check(space, splits, settings.evaluation)


class LiveProblem(SupernetProblem):
    """One search on a live benchmark.

    Parameters
    ----------
    space_name, space
        The cell space.
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
    columns
        See `SupernetProblem`.
    """

    size = float("inf")

    def __init__(
        self,
        space_name: str,
        space: Space,
        splits: Splits,
        settings: LiveSettings,
        budget: Budget,
        seed: int,
        checkpoint: Path | None = None,
        columns: Columns | None = None,
    ) -> None:
        self.space = space
        self.columns = columns
        self.budget = budget
        self.evaluations: list[tuple[Arch, float]] = []
        self._space_name = space_name
        self._splits = without_test(splits)
        self._settings = settings
        self._seed = seed
        self._checkpoint = checkpoint
        self._left = budget.amount
        self._net: Supernet | None = None

    @property
    def exhausted(self) -> bool:
        """Whether what is left does not pay for another evaluation."""
        return self._left < self._settings.proxy.epochs

    @property
    def spent(self) -> int:
        """Epochs spent so far."""
        return self.budget.amount - self._left

    def evaluate(self, arch: Sequence[int], fidelity: int | None = None) -> Evaluation:
        """Train the architecture for some epochs, its score is the validation accuracy (percent) after the last one.

        Parameters
        ----------
        arch
            The architecture.
        fidelity
            Epochs; the suite's ``proxy_epochs`` by default.
        """
        arch = self.space.validate(arch)
        recipe = self._settings.proxy if fidelity is None else replace(self._settings.proxy, epochs=fidelity)
        if recipe.epochs > self._left:
            raise BudgetExhausted(
                f"{self._left} of {self.budget.amount} epochs are left, {recipe.epochs} were asked for"
            )
        self._left -= recipe.epochs
        (rows,) = train.train(
            *(self._space_name, arch, self._splits, recipe, [self._seed]),
            evaluate=["valid"],
            device=self._settings.device,
        )
        score = float(rows[-1]["valid_accuracy"])
        self.evaluations.append((arch, score))
        return Evaluation(score, float("nan"), {})

    def sample(self, uniforms: Iterator[float]) -> Arch:
        """Draw every variable uniformly; uses one number for each."""
        return tuple(int(next(uniforms) * cardinality) for cardinality in self.space.cardinalities)

    def contains(self, arch: Sequence[int]) -> bool:
        """Whether `arch` is an encoding of the space: all of them can be trained."""
        try:
            self.space.validate(arch)
        except HarnessError:
            return False
        return True

    def supernet(self, form: Form | None = None) -> Supernet:
        """The supernet of the space, for the whole budget; see `SupernetProblem`."""
        if self._left < self.budget.amount:
            raise HarnessError("a supernet takes the whole budget, and some of it is spent")
        self._left = 0
        self._net = self._made(form, Supernet)
        return self._net

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
        return kind(
            self._space_name,
            self._splits,
            settings.search,
            self._seed,
            form=form,
            device=settings.device,
            checkpoint=self._checkpoint,
        )
