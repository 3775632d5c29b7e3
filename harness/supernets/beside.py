"""Passes of several supernets as one: their channels side by side, as `harness.training.grouped` puts them.

Several small networks in one take less time than one after the other. The one always has the same width, and channels lie
innermost in it: its kernels treat every network alike there, wherever it stands and whatever stands beside it, so that a pass has
the same bits in any company. Where fewer are asked for, one is repeated. These are not the bits that a network has by itself.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from harness.errors import HarnessError
from harness.spaces.cells import CellSpace
from harness.supernets.gradient import Asked, Computed
from harness.supernets.mixture import Mixture
from harness.training.grouped import grouped, parts
from harness.training.settings import SearchSettings

# Parts of a register are computed by other kernels than whole ones. With multiples of these numbers (of channels, of channels of
# all places, of images) no part is left over at any place, in registers of 4, 8 and 16 floats.
CHANNELS, CHANNELS_OF_ALL, IMAGES = 4, 32, 16


def check_beside(where: CellSpace, settings: SearchSettings) -> None:
    """Refuse supernets that cannot be computed side by side.

    Raises
    ------
    HarnessError
        If places in the network would differ, the space has layers of its own, or the batch norm has running statistics.
    """
    width, channels = settings.side_by_side, settings.channels
    if width == 1:
        return
    for number, multiple, what in (
        (channels, CHANNELS, f"channels must be a multiple of {CHANNELS}, not {channels}"),
        (
            width * channels,
            CHANNELS_OF_ALL,
            f"side_by_side times channels must be a multiple of {CHANNELS_OF_ALL}, not {width} x {channels}",
        ),
        (settings.batch_size, IMAGES, f"batch_size must be a multiple of {IMAGES}, not {settings.batch_size}"),
    ):
        if number % multiple:
            raise HarnessError(f"search: side_by_side: {what}, so that a seed has the same result at every place")
    if settings.batch_norm != "batch":
        raise HarnessError(f'search: side_by_side wants batch_norm = "batch", not "{settings.batch_norm}"')
    if where.own_operations or where.own_skeleton() is not None:
        raise HarnessError(
            f"search: side_by_side: space {where.name} has operations or a network of its own, which may mix what stands "
            "side by side; leave it out"
        )


class Beside:
    """Computes passes side by side.

    Parameters
    ----------
    width
        Networks in one.
    """

    def __init__(self, width: int) -> None:
        self.width = width
        self._one: _One | None = None

    def alone(self, asked: Asked) -> Computed:
        """Compute one pass, as it would be in company."""
        return self([asked])[0]

    def __call__(self, asked: Sequence[Asked]) -> list[Computed]:
        """Compute at most `width` passes, of networks of one form, all with the same gradients wanted.

        The mixtures are weights of all candidates, without gates and weights of edges.
        """
        if self._one is None:
            self._one = _One(asked[0].network, self.width)
        self._one.load(asked)
        places = [asked[min(place, len(asked) - 1)] for place in range(self.width)]
        images = torch.cat([one.inputs for one in places], dim=1).contiguous(memory_format=torch.channels_last)
        output = self._one.network(images, *_together(places, len(asked)))
        losses = [one.loss(logits, one.targets) for one, logits in zip(asked, output, strict=False)]
        weights = self._one.weights if asked[0].trained else []
        wanted = [*weights, *(alpha for one in asked for alpha in one.alphas)]
        found = torch.autograd.grad(torch.stack(losses).sum(), wanted, allow_unused=True)
        of_weights = self._one.parted(found[: len(weights)])
        of_alphas = iter(found[len(weights) :])
        return [
            Computed(
                loss.detach(),
                logits.detach(),
                [*(part[place].contiguous() for part in of_weights), *(next(of_alphas) for _ in one.alphas)],
            )
            for place, (one, loss, logits) in enumerate(zip(asked, losses, output, strict=False))
        ]


class _One:
    """Several networks in one.

    Attributes
    ----------
    network, weights
        The one network and its weights.
    """

    def __init__(self, network: nn.Module, width: int) -> None:
        self.network = grouped([copy.deepcopy(network) for _ in range(width)])
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.weights = list(self.network.parameters())
        self._parts = parts(self.network, width)
        self._places = self.parted([weight.detach() for weight in self.weights])

    def load(self, asked: Sequence[Asked]) -> None:
        """Take the weights of the networks of passes, from the first place on; other places keep what they have."""
        for weight in self.weights:
            weight.requires_grad_(asked[0].trained)
        with torch.no_grad():
            for part, *weights in zip(self._places, *(one.weights for one in asked), strict=True):
                torch._foreach_copy_(list(part[: len(asked)]), weights)

    def parted(self, tensors: Sequence[Tensor | None]) -> list[Tensor]:
        """Of weights or their gradients, as many as there are, what belongs to each place; zeros for None."""
        return [
            part(torch.zeros_like(weight) if tensor is None else tensor)
            for part, weight, tensor in zip(self._parts, self.weights, tensors, strict=False)
        ]


def _together(places: Sequence[Asked], asked: int) -> list[Mixture]:
    """Mixtures (edges, places, candidates) of all groups; those behind the passes that are asked for have no gradient."""
    weights = [[mixture.operations for mixture in one.mixtures] for one in places]  # type: ignore[union-attr]
    for repeated in weights[asked:]:
        repeated[:] = [operations.detach() for operations in repeated]
    return [Mixture(torch.stack(group, dim=1)) for group in zip(*weights, strict=True)]
