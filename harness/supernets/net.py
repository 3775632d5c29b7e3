"""A supernet as a method is handed it: weights, the images it may see, named streams, and a meter of epochs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from harness.errors import BudgetExhausted, HarnessError, unknown_name
from harness.problem.terms import Terms
from harness.spaces.base import Arch
from harness.spaces.cells import CellSpace
from harness.spaces.registry import cell_space
from harness.supernets.beside import check_beside
from harness.supernets.gradient import Asked, Computed
from harness.supernets.graph import BATCH_NORMS, mixed_network
from harness.supernets.mixture import Mixture, Relaxation
from harness.supernets.recall import recalling
from harness.system.turns import Times, Turn
from harness.training import tracking
from harness.training.data import Change, Rows, Splits, augmentation, batches, portions, whole_batches
from harness.training.descent import sgd
from harness.training.networks import Shape, build, check_batch_norm, seeded
from harness.training.settings import SearchSettings
from harness.training.skeletons import shape_of
from harness.training.tracking import Row

if TYPE_CHECKING:
    from harness.supernets.loop import Search
    from harness.supernets.selections import Selection
    from harness.supernets.steps import Step

Batch = tuple[Tensor, Tensor]  # images (n, channels, height, width), labels (n,)
Network = nn.Module


def check_search(space: str, splits: Splits, settings: SearchSettings) -> Shape:
    """Refuse settings that do not fit a space or images; the shape of the supernet.

    Raises
    ------
    HarnessError
        If the space is unknown, a batch is larger than a split, a size or number is missing, or the network does not fit.
    """
    where = cell_space(space)
    check_beside(where, settings)
    for name in ("train", "valid"):
        if settings.batch_size > (images := len(getattr(splits, name))):
            raise HarnessError(
                f"search: batch_size {settings.batch_size} is larger than the {images} images of "
                f"{splits.data.name}'s {name} split"
            )
    if settings.expected_size is not None and len(settings.expected_size) != len(where.groups):
        raise HarnessError(f"search: expected_size wants one number for each of {', '.join(where.groups)}")
    data = splits.data
    shape = shape_of(where, settings.channels, settings.cells, data.shape, data.classes, settings.reductions)
    # A supernet without running statistics is measured by those of its batches too.
    measured = [len(part) for part in portions(splits.valid, settings.batch_size) if settings.batch_norm == "batch"]
    check_batch_norm("search", shape, min([settings.batch_size, *measured]))
    return shape


class Form(Protocol):
    """What network a supernet is: a frozen dataclass of its settings, which is identified by its fields."""

    def make(self, where: CellSpace, shape: Shape, batch_norm: str) -> nn.Module:
        """The network, with any initial weights; ``network(images, *mixtures)`` gives logits (n, classes).

        Parameters
        ----------
        where, shape
            The cell space, and the sizes.
        batch_norm
            A key of `harness.supernets.graph.BATCH_NORMS`.
        """


@dataclass(frozen=True)
class Mixed:
    """Every edge of every cell holds all candidates: DARTS's supernet, and that of single paths."""

    def make(self, where: CellSpace, shape: Shape, batch_norm: str) -> nn.Module:
        """As the space makes it."""
        return mixed_network(where, shape, BATCH_NORMS[batch_norm])


def initial_network(
    space: str,
    shape: Shape,
    seed: int,
    *,
    form: Form | None = None,
    batch_norm: str = "batch",
    device: str = "cpu",
) -> nn.Module:
    """The network of a supernet, as the stream ``init = (space, network, seed)`` draws its weights; see `Supernet`."""
    where = cell_space(space)
    if batch_norm not in BATCH_NORMS:
        raise unknown_name("batch norm", batch_norm, BATCH_NORMS)
    return build(lambda: (form or Mixed()).make(where, shape, batch_norm), ("init", space, str(shape), seed), device)


def initial_alphas(
    space: str, shape: Shape, seed: int, relaxation: Relaxation, *, device: str = "cpu"
) -> dict[str, Tensor]:
    """Architecture parameters at the start by name, as the stream ``init`` draws them: leaves, 1e-3 times normal numbers."""
    where, stream = cell_space(space), ("init", space, str(shape), seed, "alphas")
    names: list[str] = []

    def initial(name: str, size: tuple[int, ...]) -> Tensor:
        names.append(name)
        return seeded((*stream, name), size, 1e-3)

    made = relaxation.parameters(where.groups, len(where.primitives), initial)
    return {name: alpha.to(device).requires_grad_() for name, alpha in zip(names, made, strict=True)}


class Batches:
    """The batches of one step, each read when it is first asked for.

    Attributes
    ----------
    train, valid
        Of the training images, and of the validation images.
    other_train
        Of the training images too, drawn apart from `train`.
    """

    def __init__(self, net: Supernet, rows: tuple[Rows, Rows, Rows], change: Change) -> None:
        self._net, self._rows, self._change = net, rows, change

    @cached_property
    def train(self) -> Batch:
        """Batch for the weights."""
        return self._net.read(self._rows[0], self._change)

    @cached_property
    def valid(self) -> Batch:
        """Batch for what is to generalise; never augmented."""
        return self._net.read(self._rows[1])

    @cached_property
    def other_train(self) -> Batch:
        """Another training batch."""
        _ = self.train  # read first: both are changed by numbers of one stream
        return self._net.read(self._rows[2], self._change)


class Supernet:
    """A supernet and what a search of it needs. No test image can be reached from it.

    Chance comes from the streams ``init`` (space, network, seed) and ``batches`` (data set, split, seed) only, so that methods
    meet the same initial weights and the same batches.

    Parameters
    ----------
    space
        Name of the cell space.
    splits
        Images: weights train on train, architectures are judged on valid.
    settings
        Size of the network, and what all methods of a comparison have in common.
    seed
        Seed of initial weights and of batches.
    form
        What network it is; None: one whose every edge is a mixed operation.
    device
        ``"cpu"``, or ``"cuda"`` where there is one.
    checkpoint
        File that `harness.supernets.loop.search` saves to after every epoch, and goes on from; None: none.

    Attributes
    ----------
    network
        ``network(images, *mixtures)`` gives logits (n, classes); one `Mixture` a group.
    where
        The cell space: encoding, candidates, groups of edges.
    shape
        Sizes of the network.
    rows
        What was recorded of every epoch.
    epochs_left
        What is left of the budget.
    recalibrates
        Whether `accuracies` recalibrates the batch norm for each architecture, see `harness.supernets.calibration`; only has a
        meaning with running statistics.
    terms
        What an architecture must satisfy to be an answer, and which of its columns are shown.
    searcher
        What searches it instead of a `harness.supernets.loop.Search`; None: nothing.
    turn
        Its turn among the searches beside it, see `SearchSettings.side_by_side`; None: it is searched by itself.
    """

    searcher: Callable[[Supernet, Step, Selection], Search] | None = None
    recalibrates = False
    terms: Terms = Terms()
    turn: Turn[Asked, Computed] | None = None

    def __init__(
        self,
        space: str,
        splits: Splits,
        settings: SearchSettings,
        seed: int,
        *,
        form: Form | None = None,
        device: str = "cpu",
        checkpoint: Path | None = None,
    ) -> None:
        self.where: CellSpace = cell_space(space)
        self.shape = check_search(space, splits, settings)
        self.settings, self.seed, self.device, self.checkpoint = settings, seed, device, checkpoint
        self.form = form or Mixed()
        self.network = initial_network(
            space, self.shape, seed, form=self.form, batch_norm=settings.batch_norm, device=device
        )
        self.read = splits.reader(device)
        self.rows: list[Row] = []
        self.epochs_left = settings.epochs
        self._splits = splits

    @property
    def space(self) -> str:
        """Name of the cell space."""
        return self.where.name

    @property
    def steps(self) -> int:
        """Steps of an epoch: as many whole batches as the training images fill."""
        return whole_batches(self._splits.train, self.settings.batch_size)

    @property
    def data(self) -> str:
        """The images and their split, as text."""
        return self._splits.identity

    def times(self) -> Times:
        """Seconds since an arbitrary moment; where searches take turns, those that this one has taken."""
        return Times.now() if self.turn is None else self.turn.times()

    def spend(self) -> int:
        """Take an epoch from the budget, and return its number, from 0.

        Raises
        ------
        BudgetExhausted
            If none is left.
        """
        if not self.epochs_left:
            raise BudgetExhausted(f"the budget of {self.settings.epochs} epochs is spent")
        self.epochs_left -= 1
        return self.settings.epochs - self.epochs_left - 1

    def stream(self, name: str, epoch: int = 0) -> np.random.Generator:
        """A generator at the start of the stream ``batches`` of this name and epoch."""
        return self._splits.stream(self.seed, name, epoch)

    def sgd(self) -> torch.optim.SGD:
        """The optimizer of the weights, as the settings say."""
        return sgd(self.network.parameters(), self.settings)

    def alphas(self, relaxation: Relaxation) -> dict[str, Tensor]:
        """Architecture parameters at the start, by name: leaves that the network does not hold."""
        return initial_alphas(self.space, self.shape, self.seed, relaxation, device=self.device)

    def batches(self, epoch: int) -> Iterator[Batches]:
        """The batches of all steps of an epoch (from 0), in order."""
        splits, size = self._splits, self.settings.batch_size
        rows = [
            batches(part, size, self.steps, self.stream(name, epoch))
            for name, part in (("train", splits.train), ("valid", splits.valid), ("alpha-train", splits.train))
        ]
        change = augmentation(self.settings.augment, self.stream("augment", epoch))
        for train, valid, other in zip(*rows, strict=True):
            yield Batches(self, (train, valid, other), change)

    def path(self, arch: Arch) -> list[Mixture]:
        """The mixtures that compute one architecture, and nothing else."""
        choices = self.where.choices(arch)
        return [Mixture(torch.tensor(choices[group])) for group in self.where.groups]

    def measure(self, mixtures: Sequence[Mixture] | Iterable[Sequence[Mixture]]) -> tuple[float, float]:
        """Mean loss and accuracy (percent) over the validation images, in evaluation mode.

        Parameters
        ----------
        mixtures
            One a group; or an iterator of such, one for each batch: `measured` says how many there are.
        """
        turns = repeat(mixtures) if isinstance(mixtures, Sequence) else iter(mixtures)
        return self._evaluated(turns)

    @property
    def measured(self) -> int:
        """Batches of the validation images in `measure`."""
        return len(portions(self._splits.valid, self.settings.batch_size))

    def accuracies(self, archs: Sequence[Arch]) -> list[float]:
        """Accuracies (percent) of architectures on the validation images, with the weights as they are."""
        if not self.recalibrates:
            return self._accuracies(archs)
        found = []
        for arch in archs:
            path = self.path(arch)
            with self.calibration(path):
                found.append(self.measure(path)[1])
        return found

    def _accuracies(self, archs: Sequence[Arch]) -> list[float]:
        """Batch by batch, and in each in the order of the encodings: neighbours there have most in common."""
        paths = {arch: self.path(arch) for arch in sorted(set(archs))}
        correct = dict.fromkeys(paths, 0)
        valid = self._splits.valid
        with self._evaluating(), torch.no_grad(), recalling(self.network):
            for part in portions(valid, self.settings.batch_size):
                images, labels = self.read(part)
                for arch, path in paths.items():
                    correct[arch] += int((self.network(images, *path).argmax(dim=1) == labels).sum())
        return [100 * correct[arch] / len(valid) for arch in archs]

    def calibration(self, path: Sequence[Mixture]) -> AbstractContextManager[None]:
        """Inside, the batch norm is as an architecture is to be measured by; its images are the training images, in order."""
        if not self.recalibrates:
            return nullcontext()
        from harness.supernets.calibration import recalibrated

        parts = self._splits.train[: self.steps * self.settings.batch_size].reshape(self.steps, -1)
        images = (self.read(part)[0] for part in parts)
        return recalibrated(self.network, lambda batch: self.network(batch, *path), images)

    def _evaluated(self, turns: Iterator[Sequence[Mixture]]) -> tuple[float, float]:
        with self._evaluating():
            return tracking.evaluate(
                lambda images: self.network(images, *next(turns)),
                self.read,
                self._splits.valid,
                self.settings.batch_size,
            )

    @contextmanager
    def _evaluating(self) -> Iterator[None]:
        training = self.network.training
        self.network.eval()
        try:
            yield
        finally:
            self.network.train(training)
