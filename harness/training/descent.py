"""Descent of weights, the same in stand-alone trainings and in supernets: SGD, whose rate is set from epoch to epoch."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from harness.training.settings import Recipe, SearchSettings


def sgd(weights: Iterable[Tensor], settings: Recipe | SearchSettings) -> torch.optim.SGD:
    """The optimizer of weights, as settings say."""
    return torch.optim.SGD(
        weights,
        lr=settings.learning_rate,
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
    )


def set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    """Set the learning rate of all weights that an optimizer moves."""
    for group in optimizer.param_groups:
        group["lr"] = rate
