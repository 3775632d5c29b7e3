"""What trainings of networks and of supernets share: SGD, its rate, and steps whose losses are no numbers."""

from __future__ import annotations

import math

import pytest
import torch

from harness.errors import HarnessError
from harness.training.descent import set_rate, sgd
from harness.training.settings import Recipe, SearchSettings
from harness.training.tracking import require_finite_step

SHARED = {"epochs": 4, "learning_rate": 0.5, "momentum": 0.5, "weight_decay": 0.25}


def test_the_rate_falls_along_half_a_cosine():
    """At 0, 45, 90 and 135 degrees."""
    half = math.sqrt(0.5)
    shares = [1, (1 + half) / 2, 1 / 2, (1 - half) / 2]
    assert [Recipe(**SHARED).rate(epoch) for epoch in range(4)] == pytest.approx([0.5 * share for share in shares])
    settings = SearchSettings(**SHARED, learning_rate_end=0.1)
    assert [settings.rate(epoch) for epoch in range(4)] == pytest.approx([0.1 + 0.4 * share for share in shares])


@pytest.mark.parametrize("settings", [Recipe(**SHARED), SearchSettings(**SHARED)])
def test_two_steps_by_hand(settings):
    """w = 2 and a gradient of 1: v = 1 + w/4, then v/2 + 1 + w/4, each times its rate."""
    weight = torch.nn.Parameter(torch.tensor([2.0]))
    optimizer = sgd([weight], settings)
    for rate, expected in ((0.5, 2 - 0.5 * 1.5), (0.25, 1.25 - 0.25 * (0.75 + 1 + 1.25 / 4))):
        set_rate(optimizer, rate)
        weight.grad = torch.ones(1)
        optimizer.step()
        assert weight.item() == expected


def test_losses_of_a_step():
    require_finite_step([0.5, 2.0], "training", 1, 3)
    with pytest.raises(HarnessError, match=r"^training: the training loss is 0\.5, nan in epoch 1, step 3$"):
        require_finite_step([0.5, math.nan], "training", 1, 3)
    with pytest.raises(HarnessError, match=r"^search: the training loss is inf in epoch 0, step 0$"):
        require_finite_step([math.inf], "search", 0, 0)
