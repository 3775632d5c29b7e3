"""Batch norm recalibrated for one architecture: the running statistics of a supernet are those of all its paths together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from harness.spaces.base import Arch
from harness.streams import Streams
from harness.supernets.mixture import Mixture
from harness.supernets.selections import Selection

if TYPE_CHECKING:
    from harness.supernets.loop import Search


@contextmanager
def recalibrated(network: nn.Module, forward: Callable[[Tensor], object], batches: Iterable[Tensor]) -> Iterator[None]:
    """Inside, the running statistics are those of some passes, and nothing of what they were before.

    Parameters
    ----------
    network
        Whose batch norms; afterwards they are as before, to the bit. Weights are never touched.
    forward
        Called with each batch, in training mode and without gradients.
    batches
        Images, (n, channels, height, width) each; every batch counts alike.
    """
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    kept = [(norm.momentum, [buffer.clone() for buffer in norm.buffers()]) for norm in norms]
    training = network.training
    try:
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the mean over the batches
        network.train()
        with torch.no_grad():
            for images in batches:
                forward(images)
        network.train(training)
        yield
    finally:
        network.train(training)
        for norm, (momentum, buffers) in zip(norms, kept, strict=True):
            norm.momentum = momentum
            for buffer, before in zip(norm.buffers(), buffers, strict=True):
                buffer.copy_(before)


@dataclass(frozen=True)
class Recalibrated:
    """Another selection, for which the batch norm is recalibrated for every architecture that it measures (Guo et al., 3.3).

    Parameters
    ----------
    select
        The selection. What the supernet measures once it has chosen is recalibrated too.
    """

    select: Selection

    @property
    def word(self) -> str:
        """The selection's, and that it recalibrates."""
        return f"{self.select.word}, recalibrated"

    @property
    def epochs(self) -> int:
        """As many as the selection keeps back."""
        return self.select.epochs

    def derive(self, search: Search, mixtures: Sequence[Mixture]) -> Arch:
        """As the selection does."""
        return self.select.derive(search, mixtures)

    def __call__(self, search: Search, streams: Streams) -> Arch:
        """Let it choose."""
        search.net.recalibrates = True
        return self.select(search, streams)
