"""Training-free scores: what is read off an untrained network instead of training it.

Every score is a function of a network, images (n, channels, height, width) and labels (n,). Larger values are better, and none
changes the network. Gradients are taken in the weights of convolutions and linear layers; biases and what batch norms multiply by
are left out, as in the code of Abdelfattah et al., "Zero-cost proxies for lightweight NAS", ICLR 2021.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from harness.training import networks

Score = Callable[[nn.Module, Tensor, Tensor], float]

WORST = -math.inf


def naswot(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Logarithm of the determinant of `relu_kernel`: how differently images pass through the network; the labels are not read.

    Mellor et al., "Neural architecture search without training", ICML 2021. A singular kernel, that of two equal images for
    instance, gives minus infinity.
    """
    kernel = relu_kernel(network, images)
    # An eigenvalue that rounding could have made of 0 is 0: `slogdet` alone would give its logarithm.
    values = np.linalg.eigvalsh(kernel)
    if values[0] <= values[-1] * len(values) * np.finfo(np.float64).eps:
        return WORST
    return float(np.linalg.slogdet(kernel).logabsdet)


def relu_kernel(network: nn.Module, images: Tensor) -> NDArray[np.float64]:
    """On how many ReLU units of the network two images are on the same side of 0, (n, n).

    Only those ReLUs count through which something of the images reaches the output. The network is in training mode.

    Parameters
    ----------
    network, images
        As in a score.
    """
    with torch.enable_grad(), _Relus() as relus:
        output = _training_copy(network)(images)
    alive = set(_nodes(output.grad_fn))
    kernel = np.zeros((len(images), len(images)))
    for active, result in relus.found:
        if result.grad_fn in alive:
            on = active.flatten(1).float()  # counts below 2^24 are exact
            kernel += (on @ on.T + (1 - on) @ (1 - on).T).double().cpu().numpy()
    return kernel


def synflow(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Sum of |w ∂R/∂w|, R being the sum of the outputs for an image of ones, with |w| for w, without batch norm, in float64.

    Tanaka et al., "Pruning neural networks without any data by iteratively conserving synaptic flow", NeurIPS 2020; of images and
    labels nothing but the size of an image is read.
    """
    made = _without_batch_norm(_training_copy(network)).double()
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.abs_()
    weights = _weights(made)
    with torch.enable_grad():
        flow = made(torch.ones_like(images[:1], dtype=torch.float64)).sum()
        gradients = torch.autograd.grad(flow, weights, materialize_grads=True)
    return math.fsum(
        float((weight.detach() * gradient).abs().sum()) for weight, gradient in zip(weights, gradients, strict=True)
    )


def grad_norm(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Euclidean norm of the gradient of the cross-entropy in the weights, all of them as one vector, in training mode."""
    made = _training_copy(network)
    weights = _weights(made)
    with torch.enable_grad():
        loss = F.cross_entropy(made(images), labels)
        gradients = torch.autograd.grad(loss, weights, materialize_grads=True)
    return math.hypot(*(float(torch.linalg.vector_norm(gradient)) for gradient in gradients))


def params(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Number of weights, all parameters: what any other score has to beat."""
    return float(networks.parameters(network))


def flops(network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Floating point operations for one image: twice the multiply-adds."""
    image = cast(tuple[int, int, int], tuple(images.shape[1:]))
    return 2.0 * networks.multiply_adds(lambda: copy.deepcopy(network).to("meta"), image)


SCORES: Mapping[str, Score] = {
    "naswot": naswot,
    "synflow": synflow,
    "grad-norm": grad_norm,
    "params": params,
    "flops": flops,
}


def score(name: str, network: nn.Module, images: Tensor, labels: Tensor) -> float:
    """A score by name; minus infinity where it cannot be computed or is no number.

    Parameters
    ----------
    name
        A key of `SCORES`.
    network, images, labels
        As in a score.
    """
    try:
        found = SCORES[name](network, images, labels)
    except (RuntimeError, ArithmeticError, np.linalg.LinAlgError):
        return WORST
    return WORST if math.isnan(found) else found


class _Relus(TorchFunctionMode):
    """Inside, every ReLU is noted: where its input is above 0, and its output."""

    CALLS = frozenset({F.relu, torch.relu, Tensor.relu})

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[Tensor, Tensor]] = []

    def __torch_function__(
        self, func: Any, types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func not in self.CALLS:
            return func(*args, **(kwargs or {}))
        active = (args[0] > 0).detach()  # before the call, which may write over its input
        result = func(*args, **(kwargs or {}))
        self.found.append((active, result))
        return result


def _nodes(start: Any) -> Iterator[Any]:
    """Every node of a graph of gradients that is reached from one of it."""
    seen, stack = {None}, [start]
    while stack:
        node = stack.pop()
        if node not in seen:
            seen.add(node)
            yield node
            stack += [following for following, _ in node.next_functions]


def _training_copy(network: nn.Module) -> nn.Module:
    """The network in training mode, apart from the one that was handed in, whose running statistics stay."""
    return copy.deepcopy(network).train().requires_grad_()


def _without_batch_norm(network: nn.Module) -> nn.Module:
    """Put identities in the place of batch norms; returns the network."""
    for module in list(network.modules()):
        for name, child in module.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(module, name, nn.Identity())
    return network


def _weights(network: nn.Module) -> list[Tensor]:
    """Weights of convolutions and linear layers."""
    return [module.weight for module in network.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
