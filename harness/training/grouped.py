"""Several networks of one architecture as one: their channels stand side by side, and every layer works in groups.

Small networks leave most of a processor idle; three of them trained together take little longer than one. Every network has
its own weights, images and batch statistics, so that its outputs are those that it has alone, up to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import cast

import torch
from torch import Tensor, nn


class Linears(nn.Module):
    """One linear layer a network.

    Parameters
    ----------
    layers
        The layers, of equal sizes.
    """

    def __init__(self, layers: Sequence[nn.Linear]) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.stack([layer.weight.detach().t() for layer in layers]))
        self.bias = nn.Parameter(torch.stack([layer.bias.detach()[None] for layer in layers]))

    def forward(self, x: Tensor) -> Tensor:
        """From (n, networks * features in) to (networks, n, features out)."""
        return torch.baddbmm(self.bias, x.view(len(x), len(self.weight), -1).transpose(0, 1), self.weight)


def grouped(networks: Sequence[nn.Module]) -> nn.Module:
    """Networks of one architecture as one network.

    Parameters
    ----------
    networks
        Networks of the same layers: plain and grouped convolutions without bias, batch norms and a last linear layer. The
        first is changed into the result, in place.

    Returns
    -------
    nn.Module
        From (n, networks * channels, height, width), each network's images side by side, to logits
        (networks, n, classes). Every parameter holds the networks' parameters one after the other along its first dimension.
    """
    result, count = networks[0], len(networks)
    others = [dict(network.named_modules()) for network in networks]
    for name, module in list(result.named_modules()):
        same = [other[name] for other in others]
        made: nn.Module
        if isinstance(module, nn.Conv2d):
            made = nn.Conv2d(
                count * module.in_channels,
                count * module.out_channels,
                cast(tuple[int, int], module.kernel_size),
                stride=cast(tuple[int, int], module.stride),
                padding=cast(tuple[int, int], module.padding),
                dilation=cast(tuple[int, int], module.dilation),
                groups=count * module.groups,
                bias=False,
                device="meta",
            )
        elif isinstance(module, nn.BatchNorm2d):
            made = nn.BatchNorm2d(
                count * module.num_features,
                affine=module.affine,
                track_running_stats=module.track_running_stats,
                device="meta",
            )
            if module.track_running_stats:
                made.num_batches_tracked = module.num_batches_tracked
                for key in ("running_mean", "running_var"):
                    setattr(made, key, torch.cat([other.get_buffer(key) for other in same]))
        elif isinstance(module, nn.Linear):
            made = Linears(cast(Sequence[nn.Linear], same))
        else:
            if hasattr(module, "groups"):  # it joins channels
                module.groups = count
            continue
        if not isinstance(made, Linears):
            for key, _ in list(module.named_parameters(recurse=False)):
                stacked = torch.cat([other.get_parameter(key).detach() for other in same])
                setattr(made, key, nn.Parameter(stacked))
        parent, _, key = name.rpartition(".")
        setattr(result.get_submodule(parent), key, made)
    return result


def parts(network: nn.Module, count: int) -> list[Callable[[Tensor], Tensor]]:
    """How to find what belongs to each of `count` networks in one that `grouped` made.

    Returns
    -------
    list of function
        For every parameter, in order: from the parameter, or its gradient, to a view (count, *shape in one network).
    """
    return [
        _PARTS_OF_LINEARS[name] if isinstance(module, Linears) else partial(_part, count)
        for module in network.modules()
        for name, _ in module.named_parameters(recurse=False)
    ]


def _part(count: int, tensor: Tensor) -> Tensor:
    return tensor.view(count, -1, *tensor.shape[1:])


_PARTS_OF_LINEARS: Mapping[str, Callable[[Tensor], Tensor]] = {
    "weight": lambda weight: weight.transpose(1, 2),
    "bias": lambda bias: bias[:, 0],
}


def clip_each(parameters: Iterable[nn.Parameter], count: int, greatest: float) -> None:
    """Scale the gradient of each of `count` networks in one so that its norm is at most `greatest`.

    Parameters
    ----------
    parameters
        Of a network that `grouped` made, with their gradients.
    count
        How many networks it is made of.
    greatest
        Largest norm of all gradients of one network.
    """
    gradients = [p.grad.view(count, -1, *p.shape[1:]) for p in parameters if p.grad is not None]
    norms = [torch.linalg.vector_norm(gradient, dim=tuple(range(1, gradient.ndim))) for gradient in gradients]
    scale = (greatest / (torch.linalg.vector_norm(torch.stack(norms), dim=0) + 1e-6)).clamp(max=1.0)
    for gradient in gradients:
        gradient.mul_(scale.view(-1, *(1,) * (gradient.ndim - 1)))
