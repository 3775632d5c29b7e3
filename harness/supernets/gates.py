"""Gates of candidates that were not computed: their gradients, of which a number each is kept."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import Tensor

# From a state and the gradients of the outputs of the edges that leave it to <gradient, candidate's output>: (edges, candidates).
Products = Callable[[Tensor, Sequence[Tensor]], Tensor]


def open_all(products: Products, state: Tensor, gates: Tensor, outputs: Sequence[Tensor]) -> Sequence[Tensor]:
    """The outputs of the chosen candidates, as they are, such that every gate gets its gradient.

    That of a gate is the product of the gradient of the edge's output and the output of its candidate, which is computed when the
    gradient is known and thrown away at once: nothing but the state, which the network has anyway, is kept for it.

    Parameters
    ----------
    products
        Computes the candidates from the state.
    state
        (n, channels, height, width)
    gates
        (edges, candidates), one for the chosen candidates.
    outputs
        Of the chosen candidate of every edge.
    """
    return cast(Sequence[Tensor], _AllGates.apply(products, state, gates, *outputs))  # type: ignore[no-untyped-call]


class _AllGates(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, products: Products, state: Tensor, gates: Tensor, *outputs: Tensor) -> tuple[Tensor, ...]:
        ctx.products = products
        ctx.save_for_backward(state)
        return tuple(output.view_as(output) for output in outputs)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Any, ...]:
        (state,) = ctx.saved_tensors
        return None, None, ctx.products(state, gradients), *gradients
