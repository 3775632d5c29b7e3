"""A search on a supernet: epochs of search steps, what is recorded of them, and a checkpoint after each."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from harness.errors import HarnessError, unknown_name
from harness.levels import Level, Schedule
from harness.live import checkpoints, discrete, sizes, tracking
from harness.live.data import Rows, Splits, batches, crop_and_flip, portions
from harness.live.derive import Rule
from harness.live.mixed import Relaxation, softmax
from harness.live.networks import Shape, check_batch_norm
from harness.live.parts import Parts
from harness.live.step import SearchStep
from harness.live.supernet import BATCH_NORMS, searchable, supernet
from harness.provenance import peak_memory_mb
from harness.spaces.base import Arch
from harness.streams import generator

Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class SearchSettings:
    """What all levels of a comparison have in common. The defaults are DARTS's, which MiLeNAS keeps.

    Parameters
    ----------
    channels, cells, reductions
        Size of the supernet, see `harness.live.networks.Shape`.
    epochs, batch_size
        Length of the search; images in a batch. Of an epoch's training images the last incomplete batch is left out.
    learning_rate, learning_rate_end, momentum, weight_decay, clip
        SGD of the weights: the rate falls along half a cosine from epoch to epoch; `clip` is the greatest gradient
        norm.
    alpha_learning_rate, alpha_betas, alpha_weight_decay
        Adam of the architecture parameters.
    batch_norm
        ``"batch"`` or ``"running"``, see `harness.live.supernet.supernet`.
    augment
        Whether training images are cropped and mirrored at random. Validation images never are.
    expected_size
        MiLeNAS's early stop: the search ends after the first epoch whose derived cells have at most these numbers of
        convolutions (DARTS: normal, reduce; NAS-Bench-201: the one cell). None (default): never.

    Raises
    ------
    HarnessError
        If a number is out of its range.
    """

    channels: int = 16
    cells: int = 8
    reductions: int = 2
    epochs: int = 50
    batch_size: int = 64
    learning_rate: float = 0.025
    learning_rate_end: float = 0.001
    momentum: float = 0.9
    weight_decay: float = 3e-4
    clip: float = 5.0
    alpha_learning_rate: float = 3e-4
    alpha_betas: tuple[float, float] = (0.5, 0.999)
    alpha_weight_decay: float = 1e-3
    batch_norm: str = "batch"
    augment: bool = False
    expected_size: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size"):
            if getattr(self, name) < 1:
                raise HarnessError(f"search: {name} must be at least 1, not {getattr(self, name)!r}")
        for name in ("learning_rate", "clip", "alpha_learning_rate"):
            if not 0 < getattr(self, name) < math.inf:
                raise HarnessError(f"search: {name} must be a number > 0, not {getattr(self, name)!r}")
        for name in ("learning_rate_end", "momentum", "weight_decay", "alpha_weight_decay"):
            if not 0 <= getattr(self, name) < math.inf:
                raise HarnessError(f"search: {name} must be a number >= 0, not {getattr(self, name)!r}")
        if len(self.alpha_betas) != 2 or not all(
            type(beta) in (int, float) and 0 <= beta < 1 for beta in self.alpha_betas
        ):
            raise HarnessError(f"search: alpha_betas must be two numbers in [0, 1), not {list(self.alpha_betas)}")
        if self.batch_norm not in BATCH_NORMS:
            raise unknown_name("batch norm", self.batch_norm, BATCH_NORMS, where="search")
        sizes = () if self.expected_size is None else self.expected_size
        if not isinstance(sizes, tuple) or not all(type(size) is int for size in sizes):
            raise HarnessError(f"search: expected_size must be a list of whole numbers, not {self.expected_size!r}")

    def rate(self, epoch: int) -> float:
        """Learning rate of the weights in an epoch (from 0)."""
        fall = (1 + math.cos(math.pi * epoch / self.epochs)) / 2
        return self.learning_rate_end + (self.learning_rate - self.learning_rate_end) * fall


def check(space: str, splits: Splits, settings: SearchSettings) -> Shape:
    """Refuse settings that do not fit a space or images; the shape of the supernet.

    Raises
    ------
    HarnessError
        If the space is unknown, a batch is larger than a split, a size or number is missing, or the network does not fit.
    """
    where = searchable(space)
    for name in ("train", "valid"):
        if settings.batch_size > (images := len(getattr(splits, name))):
            raise HarnessError(
                f"search: batch_size {settings.batch_size} is larger than the {images} images of "
                f"{splits.data.name}'s {name} split"
            )
    if settings.expected_size is not None and len(settings.expected_size) != len(where.groups):
        raise HarnessError(f"search: expected_size wants one number for each of {', '.join(where.groups)}")
    data = splits.data
    shape = where.shape(settings.channels, settings.cells, data.shape, data.classes, settings.reductions)
    # A supernet without running statistics is measured by those of its batches too.
    measured = [len(part) for part in portions(splits.valid, settings.batch_size) if settings.batch_norm == "batch"]
    check_batch_norm("search", shape, min([settings.batch_size, *measured]))
    return shape


@dataclass(frozen=True)
class SearchResult:
    """What a search found.

    Attributes
    ----------
    arch, text
        The architecture derived after the last epoch, as vector and as text.
    epochs
        A row an epoch, see `Search.run`.
    alphas
        Architecture parameters after every epoch by group: (epochs, edges, candidates).
    passes
        Forward-backward passes of all steps.
    """

    arch: Arch
    text: str
    epochs: list[Row]
    alphas: dict[str, NDArray[np.float32]]
    passes: int


class Search:
    """A search on a supernet, epoch by epoch.

    Chance comes from the streams ``init`` (space, network, seed) and ``batches`` (data set, split, seed) only, so
    that levels meet the same initial weights and the same batches.

    Parameters
    ----------
    space
        ``"darts"`` or ``"nasbench201"``.
    splits
        Images; weights train on train, α also sees valid.
    level
        A level, or levels by phase.
    settings
        Everything else.
    seed
        Seed of initial weights and of batches.
    relax, rule
        Weights of the candidates from α; the rule that derives an architecture from them (None: the space's own). A checkpoint
        must know them again: see `harness.live.parts`.
    watch
        More splits, e.g. ``("test",)``, whose loss and accuracy are recorded each epoch. Nothing is decided by them.
    device
        ``"cpu"``, or ``"cuda"`` where there is one (untested).

    Raises
    ------
    HarnessError
        If the space is unknown, a batch is larger than a split, or a checkpoint could not know `relax` or `rule` again.
    """

    def __init__(
        self,
        space: str,
        splits: Splits,
        level: Level | Schedule,
        settings: SearchSettings,
        seed: int,
        *,
        relax: Relaxation = softmax,
        rule: Rule | None = None,
        watch: Sequence[str] = (),
        device: str = "cpu",
    ) -> None:
        self._where = searchable(space)
        self.space = space
        self.level = level
        self.settings = settings
        self.shape = check(space, splits, settings)
        self.network, self.alphas = supernet(space, self.shape, seed, batch_norm=settings.batch_norm, device=device)
        self._splits = splits
        self._seed = seed
        self._relax = relax
        self._rule = rule or self._where.rule
        self._parts = Parts(relax=self._relax, rule=self._rule)
        self._watch = tuple(watch)
        self._read = splits.reader(device)
        self._weight_optimizer = torch.optim.SGD(
            self.network.parameters(),
            lr=settings.learning_rate,
            momentum=settings.momentum,
            weight_decay=settings.weight_decay,
        )
        self._alpha_optimizer = torch.optim.Adam(
            self.alphas,
            lr=settings.alpha_learning_rate,
            betas=settings.alpha_betas,
            weight_decay=settings.alpha_weight_decay,
        )
        self.step = SearchStep(
            self.network, self.alphas, self._weight_optimizer, self._alpha_optimizer, clip=settings.clip, relax=relax
        )
        self.rows: list[Row] = []
        self._history: list[list[Tensor]] = []  # α after every epoch

    @property
    def steps(self) -> int:
        """Search steps of an epoch."""
        return len(self._splits.train) // self.settings.batch_size

    @property
    def finished(self) -> bool:
        """Whether all epochs are done, or the derived cells are as small as expected."""
        expected = self.settings.expected_size
        if not self.rows or expected is None:
            return len(self.rows) == self.settings.epochs
        present = [self.rows[-1][f"convolutions_{group}"] for group in self._where.groups]
        small = all(size <= most for size, most in zip(present, expected, strict=True))
        return small or len(self.rows) == self.settings.epochs

    def run(self, checkpoint: Path | None = None, on_epoch: Callable[[Row], None] | None = None) -> SearchResult:
        """Search to the end.

        Parameters
        ----------
        checkpoint
            File that the search is saved to after every epoch, and goes on from if it is there: a search that was
            killed and one that was not end alike, to the bit.
        on_epoch
            Called with the row of every epoch that is computed now.

        Returns
        -------
        SearchResult
            With a row an epoch: ``epoch`` (from 0), ``level``, ``order``, ``update``, ``learning_rate``, ``steps``,
            ``passes``; ``train_loss`` and ``train_accuracy`` as the steps met them; ``valid_loss`` and
            ``valid_accuracy`` (and those of watched splits) after the epoch; ``alpha_entropy_*`` of every group of α
            (nats, mean over edges); of the architecture derived then ``convolutions_*`` and ``skips_*`` of every group,
            ``parameters`` at the supernet's size and ``arch`` (text); ``seconds`` of the steps, ``evaluation_seconds``
            and ``tracking_seconds`` of the rest, ``peak_memory`` of the process (MB). Accuracies are in percent.

        Raises
        ------
        HarnessError
            If the checkpoint is damaged or of another configuration, or a loss is not finite, in a step or after an epoch; the
            message names the epoch and the step.
        """
        if checkpoint is not None and checkpoint.exists():
            self.load(checkpoint)
        while not self.finished:
            row = self.epoch()
            if checkpoint is not None:
                self.save(checkpoint)
            if on_epoch is not None:
                on_epoch(row)
        arch = self.derive()
        stacked = (torch.stack(group).numpy() for group in zip(*self._history, strict=True))
        alphas = dict(zip(self._where.groups, stacked, strict=True))
        passes = sum(row["passes"] for row in self.rows)
        return SearchResult(arch, self._where.space.format(arch), self.rows, alphas, passes)

    def epoch(self) -> Row:
        """Search one epoch more, and return its row."""
        number, passes = len(self.rows), self.step.passes
        level, rate = self.level.at(number), self.settings.rate(number)
        for group in self._weight_optimizer.param_groups:
            group["lr"] = rate
        started = time.perf_counter()
        loss, accuracy = self._steps(number, level)
        stepped = time.perf_counter()
        row: Row = {
            "epoch": number,
            "level": level.name,
            "order": level.order,
            "update": level.update,
            "learning_rate": rate,
            "steps": self.steps,
            "passes": self.step.passes - passes,
            "train_loss": loss,
            "train_accuracy": accuracy,
        }
        for name in ("valid", *self._watch):
            row[f"{name}_loss"], row[f"{name}_accuracy"] = self.evaluate(getattr(self._splits, name))
            tracking.require_finite({name: row[f"{name}_loss"]}, f"search, after epoch {number}")
        evaluated = time.perf_counter()
        arch = self.derive()
        operations = self._where.operations(arch)
        for name, weights in zip(self._where.groups, self.weights(), strict=True):
            row[f"alpha_entropy_{name}"] = tracking.entropy(weights)
            row[f"convolutions_{name}"] = sizes.convolutions(operations[name])
            row[f"skips_{name}"] = sizes.skips(operations[name])
        row["parameters"] = discrete.parameters(self.space, arch, self.shape)
        row["arch"] = self._where.space.format(arch)
        row["seconds"] = stepped - started
        row["evaluation_seconds"] = evaluated - stepped
        row["tracking_seconds"] = time.perf_counter() - evaluated
        row["peak_memory"] = peak_memory_mb()
        self.rows.append(row)
        self._history.append([alpha.detach().cpu().clone() for alpha in self.alphas])
        return row

    def weights(self) -> list[NDArray[np.float32]]:
        """Weights of the candidates of every group: (edges, candidates) each."""
        with torch.no_grad():
            return [group.cpu().numpy() for group in self._relax(self.alphas)]

    def derive(self) -> Arch:
        """The architecture that the rule derives now."""
        return self._rule(self.weights())

    def evaluate(self, rows: Rows) -> tuple[float, float]:
        """Mean loss and accuracy (percent) of the supernet on rows of the data set."""
        with torch.no_grad():
            weights = self._relax(self.alphas)
        self.network.eval()
        try:
            return tracking.evaluate(
                lambda images: self.network(images, *weights), self._read, rows, self.settings.batch_size
            )
        finally:
            self.network.train()

    def _steps(self, epoch: int, level: Level) -> tuple[float, float]:
        size = self.settings.batch_size
        train = self._batches("train", self._splits.train, epoch)
        valid = self._batches("valid", self._splits.valid, epoch)
        alpha_train = train if level.same_batch else self._batches("alpha-train", self._splits.train, epoch)
        noise = self._stream("augment", epoch)
        change = partial(crop_and_flip, rng=noise) if self.settings.augment else np.asarray
        loss, correct = 0.0, 0
        for step in range(self.steps):
            batch = self._read(train[step], change)
            alpha_batch = batch if level.same_batch else self._read(alpha_train[step], change)
            done = self.step(level, batch, self._read(valid[step]), alpha_batch)
            value = float(done.loss)
            if not math.isfinite(value):
                raise HarnessError(f"search: the training loss is {value} in epoch {epoch}, step {step}")
            loss += value
            correct += int((done.output.argmax(dim=1) == batch[1]).sum())
        return loss / self.steps, 100 * correct / (self.steps * size)

    def _batches(self, name: str, rows: Rows, epoch: int) -> Sequence[Rows]:
        return batches(rows, self.settings.batch_size, self.steps, self._stream(name, epoch))

    def _stream(self, name: str, epoch: int) -> np.random.Generator:
        return generator("batches", self._splits.data.name, self._splits.seed, self._seed, name, epoch)

    # Checkpoints --------------------------------------------------------------------------------------------------

    @property
    def configuration(self) -> dict[str, str]:
        """Everything that the result depends on, as text."""
        chosen = {
            "space": self.space,
            "data": f"{self._splits.data.name}, split {self._splits.sha256}",
            "level": self.level,
            "seed": self._seed,
            **self._parts.identities,
            "watch": self._watch,
        }
        return {name: str(value) for name, value in (chosen | asdict(self.settings)).items()}

    def save(self, path: Path) -> None:
        """Save the search's state; the file is whole at any moment."""
        state = {
            "network": self.network.state_dict(),
            "alphas": [alpha.detach() for alpha in self.alphas],
            "weight_optimizer": self._weight_optimizer.state_dict(),
            "alpha_optimizer": self._alpha_optimizer.state_dict(),
            "rows": self.rows,
            "history": self._history,
            "parts": self._parts.state_dict(),
        }
        checkpoints.save(path, self.configuration, state)

    def load(self, path: Path) -> None:
        """Go on from a saved state.

        Raises
        ------
        CheckpointError
            If the file is damaged or of another configuration; nothing was changed then.
        """
        state = checkpoints.load(path, self.configuration, "search", self.alphas[0].device)
        self.network.load_state_dict(state["network"])
        with torch.no_grad():
            for alpha, saved_alpha in zip(self.alphas, state["alphas"], strict=True):
                alpha.copy_(saved_alpha)
        self._weight_optimizer.load_state_dict(state["weight_optimizer"])
        self._alpha_optimizer.load_state_dict(state["alpha_optimizer"])
        self.rows = state["rows"]
        self._history = state["history"]
        self._parts.load_state_dict(state.get("parts", {}))  # checkpoints of older versions have none


def estimate_seconds(
    space: str, splits: Splits, level: Level | Schedule, settings: SearchSettings, *, device: str = "cpu", **parts: Any
) -> float:
    """Seconds that a search would take here and now, by timing a step of each of its levels and a batch of evaluation.

    Parameters
    ----------
    space, splits, level, settings, device, **parts
        As in `Search`.
    """
    search = Search(space, splits, level, settings, seed=0, device=device, **parts)
    read, size = splits.reader(device), settings.batch_size
    train, valid = splits.train[:size], splits.valid[:size]

    levels = [level.at(epoch) for epoch in range(settings.epochs)]
    step = {one: seconds(lambda one=one: search.step(one, read(train), read(valid))) for one in set(levels)}  # type: ignore[misc]
    evaluation = seconds(lambda: search.evaluate(valid)) * len(splits.valid) / size
    return sum(step[one] * search.steps + evaluation for one in levels)


def seconds(call: Callable[[], object]) -> float:
    """Seconds of a call; the first call is slower, and not counted."""
    call()
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
