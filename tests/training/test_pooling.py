"""The 3x3 average against torch's own."""

import pytest
import torch
import torch.nn.functional as F

from harness.training import pooling
from harness.training.pooling import average_3x3


def torchs(x, stride):
    return F.avg_pool2d(x, 3, stride, padding=1, count_include_pad=False)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(64, 8, 8, 8), (3, 5, 7, 9), (2, 1, 1, 4), (4, 3, 2, 2), (2, 3, 32, 32)])
def test_values_and_gradients_are_torchs_to_the_bit(monkeypatch, shape, dtype):
    monkeypatch.setattr(pooling, "SMALL", 0)
    x = torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(0)).requires_grad_()
    ours, theirs = average_3x3(x, 1), torchs(x, 1)
    assert "_Average" in ours.grad_fn.name()
    gradient = torch.randn(shape, dtype=dtype, generator=torch.Generator().manual_seed(1))
    assert torch.equal(ours, theirs)
    assert torch.equal(*(torch.autograd.grad(y, x, gradient)[0] for y in (ours, theirs)))


def test_some_channels_of_a_state_are_pooled_as_they_are(monkeypatch):
    monkeypatch.setattr(pooling, "SMALL", 0)
    state = torch.randn(4, 6, 8, 8)
    assert torch.equal(average_3x3(state[:, :2], 1), torchs(state[:, :2], 1))


@pytest.mark.parametrize(
    ("x", "stride"),
    [
        (torch.randn(64, 8, 8, 8), 2),
        (torch.randn(2, 3, 4, 4), 1),
        (torch.randn(64, 8, 8, 8).contiguous(memory_format=torch.channels_last), 1),
        (torch.empty(64, 8, 8, 8, device="meta"), 1),
    ],
    ids=["stride 2", "small", "channels innermost", "meta"],
)
def test_all_else_is_left_to_torch(x, stride):
    y = average_3x3(x.requires_grad_(), stride)
    assert "AvgPool2D" in y.grad_fn.name()
    assert y.shape == torchs(x, stride).shape
