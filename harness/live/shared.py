"""Random search with weight sharing: a supernet whose every step trains one architecture (Li and Talwalkar, UAI 2019)."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from harness.errors import HarnessError
from harness.live import checkpoints, discrete, sizes, tracking
from harness.live.data import Rows, Splits, batches, crop_and_flip, portions
from harness.live.search import Row, SearchSettings, check, seconds
from harness.live.supernet import searchable, supernet
from harness.provenance import peak_memory_mb
from harness.spaces.base import Arch
from harness.streams import generator


class SharedWeights:
    """A supernet trained by architectures drawn uniformly, one a step; then the best of some candidates by its weights.

    Network, initial weights, batches and optimizer are those of `harness.live.search.Search` with the same settings and seed;
    there are no architecture parameters.

    Parameters
    ----------
    space, splits, settings, seed, device
        As in `harness.live.search.Search`.
    candidates
        How many architectures are drawn and measured on the validation split in the end.
    """

    def __init__(
        self,
        space: str,
        splits: Splits,
        settings: SearchSettings,
        seed: int,
        *,
        candidates: int = 100,
        device: str = "cpu",
    ) -> None:
        self._where = searchable(space)
        self.space, self.settings, self.candidates = space, settings, candidates
        self.shape = check(space, splits, settings)
        self.network, _ = supernet(space, self.shape, seed, batch_norm=settings.batch_norm, device=device)
        self._weights = list(self.network.parameters())
        self._optimizer = torch.optim.SGD(
            self._weights,
            lr=settings.learning_rate,
            momentum=settings.momentum,
            weight_decay=settings.weight_decay,
        )
        self._splits, self._seed, self._device = splits, seed, device
        self._read = splits.reader(device)
        self.steps = len(splits.train) // settings.batch_size
        self.rows: list[Row] = []

    def run(self, checkpoint: Path | None = None) -> tuple[Arch, list[Row]]:
        """Train the supernet, then choose.

        Parameters
        ----------
        checkpoint
            File that the search is saved to after every epoch, and goes on from if it is there.

        Returns
        -------
        arch, rows
            The candidate of best validation accuracy with the shared weights, the first of equals; a row an epoch as
            `harness.live.search.Search.run` has them, without what there is of architecture parameters: training figures are
            those of the drawn architectures, validation ones of an architecture drawn for each batch. The last row also says
            which architecture was chosen.

        Raises
        ------
        HarnessError
            If the checkpoint is damaged or of another configuration, or a loss is not finite.
        """
        if checkpoint is not None and checkpoint.exists():
            self.load(checkpoint)
        while len(self.rows) < self.settings.epochs:
            self.rows.append(self._epoch(len(self.rows)))
            if checkpoint is not None:
                self.save(checkpoint)
        drawn = list(islice(self._drawn("candidates", 0), self.candidates))
        arch = drawn[int(np.argmax(self.accuracies(drawn)))]
        return arch, [*self.rows[:-1], self.rows[-1] | self._described(arch)]

    def accuracies(self, archs: Sequence[Arch]) -> list[float]:
        """Accuracies (percent) of architectures on the validation split, with the shared weights."""
        return scores(self.network, self.space, self._splits, self.settings.batch_size, archs, self._device)

    def step(self, arch: Arch, images: Tensor, labels: Tensor) -> tuple[float, int]:
        """Train the weights of one architecture on a batch: its loss before, and how many images it got right."""
        logits = self._logits(arch, images)
        loss = F.cross_entropy(logits, labels)
        # Zeros for what the architecture does not use: momentum and decay go on there, after a checkpoint too.
        gradients = torch.autograd.grad(loss, self._weights, materialize_grads=True)
        for weight, gradient in zip(self._weights, gradients, strict=True):
            weight.grad = gradient
        nn.utils.clip_grad_norm_(self._weights, self.settings.clip)
        self._optimizer.step()
        return float(loss.detach()), int((logits.argmax(dim=1) == labels).sum())

    def _epoch(self, number: int) -> Row:
        settings, rate = self.settings, self.settings.rate(number)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        noise = self._stream("augment", number)
        change = partial(crop_and_flip, rng=noise) if settings.augment else np.asarray
        parts = batches(self._splits.train, settings.batch_size, self.steps, self._stream("train", number))
        total, correct = 0.0, 0
        started = time.perf_counter()
        for step, (part, arch) in enumerate(zip(parts, self._drawn("architectures", number), strict=False)):
            loss, right = self.step(arch, *self._read(part, change))
            if not math.isfinite(loss):
                raise HarnessError(f"search: the training loss is {loss} in epoch {number}, step {step}")
            total, correct = total + loss, correct + right
        stepped = time.perf_counter()
        batch_count = len(portions(self._splits.valid, settings.batch_size))
        drawn = self._drawn("architectures-valid", number)
        valid_loss, valid_accuracy = self._evaluate(self._splits.valid, [next(drawn) for _ in range(batch_count)])
        tracking.require_finite({"valid": valid_loss}, f"search, after epoch {number}")
        return {
            "epoch": number,
            "level": "SharedWeights",
            "update": "",
            "learning_rate": rate,
            "steps": self.steps,
            "passes": self.steps,
            "train_loss": total / self.steps,
            "train_accuracy": 100 * correct / (self.steps * settings.batch_size),
            "valid_loss": valid_loss,
            "valid_accuracy": valid_accuracy,
            "seconds": stepped - started,
            "evaluation_seconds": time.perf_counter() - stepped,
            "tracking_seconds": 0.0,
            "peak_memory": peak_memory_mb(),
        }

    def _described(self, arch: Arch) -> Row:
        row: Row = {"arch": self._where.space.format(arch)}
        row["parameters"] = discrete.parameters(self.space, arch, self.shape)
        for group, operations in self._where.operations(arch).items():
            row[f"convolutions_{group}"] = sizes.convolutions(operations)
            row[f"skips_{group}"] = sizes.skips(operations)
        return row

    def _logits(self, arch: Arch, images: Tensor) -> Tensor:
        return logits_of(self.network, self.space, arch, images)

    def _evaluate(self, rows: Rows, archs: list[Arch]) -> tuple[float, float]:
        """Loss and accuracy over rows; batches take the architectures in turn."""
        turns = iter(archs * len(rows))
        self.network.eval()
        try:
            return tracking.evaluate(
                lambda images: self._logits(next(turns), images), self._read, rows, self.settings.batch_size
            )
        finally:
            self.network.train()

    def _drawn(self, name: str, epoch: int) -> Iterator[Arch]:
        rng = self._stream(name, epoch)
        while True:
            yield self._where.space.sample(rng)

    def _stream(self, name: str, epoch: int) -> np.random.Generator:
        return generator("batches", self._splits.data.name, self._splits.seed, self._seed, name, epoch)

    # Checkpoints --------------------------------------------------------------------------------------------------

    @property
    def _configuration(self) -> dict[str, str]:
        """Everything that the trained supernet depends on, as text."""
        data = f"{self._splits.data.name}, split {self._splits.sha256}"
        return {
            **{"method": "shared weights", "space": self.space, "data": data, "seed": str(self._seed)},
            "settings": str(self.settings),
        }

    def save(self, path: Path) -> None:
        """Save the supernet's state."""
        network, optimizer = self.network.state_dict(), self._optimizer.state_dict()
        checkpoints.save(path, self._configuration, {"network": network, "optimizer": optimizer, "rows": self.rows})

    def load(self, path: Path) -> None:
        """Go on from a saved state."""
        state = checkpoints.load(path, self._configuration, "search", self._device)
        self.network.load_state_dict(state["network"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.rows = state["rows"]


def logits_of(network: nn.Module, space: str, arch: Arch, images: Tensor) -> Tensor:
    """Logits of one architecture with the weights of a supernet."""
    where = searchable(space)
    choices = where.choices(arch)
    logits: Tensor = network(images, *(torch.tensor(choices[group]) for group in where.groups))
    return logits


def scores(
    network: nn.Module, space: str, splits: Splits, batch_size: int, archs: Sequence[Arch], device: str = "cpu"
) -> list[float]:
    """Accuracies (percent) of architectures on the validation split, with the weights of a supernet.

    Parameters
    ----------
    network, space
        A supernet, and its space.
    splits, batch_size
        Images; how many at most go into a batch.
    archs
        The architectures.
    device
        Where the supernet is.
    """
    read, training = splits.reader(device), network.training
    network.eval()
    try:
        return [
            tracking.evaluate(partial(logits_of, network, space, arch), read, splits.valid, batch_size)[1]
            for arch in archs
        ]
    finally:
        network.train(training)


def estimate_seconds(space: str, splits: Splits, settings: SearchSettings, candidates: int, *, device: str) -> float:
    """Seconds that a search would take here and now, by timing steps and the measuring of some drawn architectures."""
    search = SharedWeights(space, splits, settings, 0, candidates=candidates, device=device)
    batch = splits.reader(device)(splits.train[: settings.batch_size])
    sample = search._drawn("pilot", 0)
    timed = 3
    step = sum(seconds(partial(search.step, next(sample), *batch)) for _ in range(timed)) / timed
    measure = sum(seconds(partial(search.accuracies, [next(sample)])) for _ in range(timed)) / timed
    return settings.epochs * (search.steps * step + measure) + candidates * measure
