"""Elastic supernets: parts of the largest network, what teaches them, and the stages in which they shrink."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from harness.errors import HarnessError
from harness.live.one_shot import ElasticBenchmark, part_of
from harness.spaces.elastic import BLOCKS, ElasticNASBench201
from harness.spaces.registry import cell_space
from harness.streams import Streams
from harness.supernets import BestOfRandom, Search, Supernet
from harness.supernets.distilled import SandwichStep, ShrinkingStep, extremes, soft_cross_entropy
from harness.supernets.elastic import Elastic, ElasticEdge, sort_channels
from harness.supernets.steps import At
from harness.tabular.catalogue import load_table
from harness.training import discrete
from harness.training.operations import OPERATIONS, InvertedResidual, batch_statistics, running_statistics
from harness.training.settings import SearchSettings

CONVNET, CELLS = cell_space("elastic_convnet"), cell_space("elastic201")
CHANNELS = 8


def settings(**more):
    return SearchSettings(
        **{"channels": 8, "cells": 1, "reductions": 0, "batch_size": 64, "epochs": 4, "learning_rate": 0.05} | more
    )


def supernet(splits, space="elastic_convnet", form=None, **more):
    return Supernet(space, splits, settings(**more), 0, form=form or Elastic())


@pytest.fixture
def splits():
    from harness.live.benchmark import LiveBenchmark

    return LiveBenchmark("live/nasbench201-digits").splits(0)


def drawn(module):
    rng = np.random.default_rng(5)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.from_numpy(rng.normal(size=tuple(parameter.shape), scale=0.3)))
    return module.double()


def blocks(norm=batch_statistics):
    return [InvertedResidual(CHANNELS, width, kernel, 1, norm) for kernel, width in BLOCKS.values()]


# Spaces ---------------------------------------------------------------------------------------------------------------


def test_900_encodings_are_819_networks():
    assert CONVNET.size == 900
    classes = {CONVNET.canonical(CONVNET.arch(index)) for index in range(CONVNET.size)}
    assert len(classes) == 9 + 9**2 + 9**3 == 819
    assert all(CONVNET.canonical(arch) == arch for arch in classes)
    assert CONVNET.canonical((3, 9, 4)) == (3, 4, 9)  # absent blocks go behind
    text = CONVNET.format((3, 4, 9))
    assert CONVNET.parse(text) == (3, 4, 9)


def test_729_cells_are_321_computations():
    assert CELLS.size == 729
    assert len({CELLS.canonical(CELLS.arch(index)) for index in range(CELLS.size)}) == 321


def test_a_part_of_a_table_has_its_numbers():
    table = load_table("digits201")
    part = part_of(table, "elastic/digits201", "elastic201")
    assert len(part) == 321
    assert part.weights.sum() == 729
    space = ElasticNASBench201()
    for index in range(0, space.size, 37):
        arch = space.arch(index)
        row, whole = part.rows[index], table.rows[table.space.index(space.whole(arch))]
        assert part.test[row] == table.test[whole]
        assert table.space.format(space.whole(arch)) == space.format(arch)
        np.testing.assert_array_equal(part.curves["valid"][row], table.curves["valid"][whole])
    assert ElasticBenchmark("elastic/digits201").table.sha256 == part.sha256


# Parts of the largest -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("norm", [batch_statistics, running_statistics])
def test_a_block_is_the_cropped_one(norm):
    edge = drawn(ElasticEdge([*blocks(norm), torch.nn.Identity()], transforms=False))
    x = torch.randn(6, CHANNELS, 7, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    whole = edge.whole
    for number, (kernel, width) in enumerate(BLOCKS.values()):
        alone = InvertedResidual(CHANNELS, width, kernel, 1, norm).double()
        cut = (5 - kernel) // 2
        with torch.no_grad():
            alone.expand.weight.copy_(whole.expand.weight[:width])
            alone.depthwise.weight.copy_(whole.depthwise.weight[:width, :, cut : 5 - cut, cut : 5 - cut])
            alone.project.weight.copy_(whole.project.weight[:, :width])
        torch.testing.assert_close(edge(x, number), alone(x), rtol=1e-12, atol=1e-12)
    assert edge(x, len(BLOCKS)) is x


def test_a_1x1_convolution_is_the_centre_of_the_3x3():
    candidates = [OPERATIONS[name](CHANNELS, 1, batch_statistics) for name in CELLS.primitives]
    edge = drawn(ElasticEdge(candidates, transforms=False))
    x = torch.randn(6, CHANNELS, 7, 7, dtype=torch.float64)
    alone = OPERATIONS["nor_conv_1x1"](CHANNELS, 1, batch_statistics).double()
    with torch.no_grad():
        alone[0].spatial.weight.copy_(edge.whole[0].spatial.weight[:, :, 1:2, 1:2])
    torch.testing.assert_close(edge(x, 1), alone(x), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(edge(x, 2), edge.whole(x), rtol=1e-12, atol=1e-12)
    assert (edge(x, 0) == 0).all()


def test_the_largest_path_is_the_plain_network_to_the_bit(splits):
    net = supernet(splits)
    largest, _ = extremes(net.where)
    plain = discrete.network("elastic_convnet", largest, net.shape)
    elastic = dict(net.network.named_parameters())
    # The same weights in the same order: a plain block's are those of the elastic edge that stands there.
    values = [value for name, value in elastic.items() if "transforms" not in name]
    mine = [parameter for name, parameter in plain.named_parameters() if ".norms." not in name]
    assert [tuple(a.shape) for a in values] == [tuple(b.shape) for b in mine]
    with torch.no_grad():
        for parameter, value in zip(mine, values, strict=True):
            parameter.copy_(value)
    images, _ = net.read(splits.train[:64])
    plain.train()
    assert torch.equal(net.network(images, *net.path(largest)), plain(images))


def test_matrices_that_are_the_identity_are_crops_and_the_outer_ring_has_no_gradient():
    plain, with_matrices = (ElasticEdge(blocks(), transforms=transforms) for transforms in (False, True))
    drawn(plain)
    with_matrices.double()
    with_matrices.whole.load_state_dict(plain.whole.state_dict())
    for transform in with_matrices.transforms.values():
        transform.reset_parameters()
    x = torch.randn(4, CHANNELS, 7, 7, dtype=torch.float64)
    narrow = next(number for number, size in with_matrices.kernels.items() if size == 3)
    torch.testing.assert_close(with_matrices(x, narrow), plain(x, narrow), rtol=1e-12, atol=1e-12)
    weight = with_matrices.whole.depthwise.weight
    (gradient,) = torch.autograd.grad(with_matrices(x, narrow).square().sum(), weight)
    ring = torch.ones(5, 5, dtype=torch.bool)
    ring[1:-1, 1:-1] = False
    assert (gradient[:, :, ring] == 0).all()
    assert gradient.abs().sum() > 0
    assert sum(parameter.numel() for parameter in with_matrices.transforms.parameters()) == 9**2 + 1


@pytest.mark.parametrize("norm", [batch_statistics, running_statistics])
def test_sorting_changes_no_output_of_the_whole_and_puts_the_heavy_channels_in_front(norm):
    edge = drawn(ElasticEdge(blocks(norm), transforms=False))
    x = torch.randn(6, CHANNELS, 7, 7, dtype=torch.float64)
    before = edge(x, len(BLOCKS) - 1)
    sort_channels(torch.nn.Sequential(edge))
    torch.testing.assert_close(edge(x, len(BLOCKS) - 1), before, rtol=1e-12, atol=1e-12)
    heavy = edge.whole.project.weight.abs().sum(dim=(0, 2, 3))
    assert (heavy.diff() <= 0).all()


def test_what_has_weights_of_its_own_is_refused(splits):
    candidates = [OPERATIONS[name](CHANNELS, 1, batch_statistics) for name in ("sep_conv_3x3", "nor_conv_3x3")]
    with pytest.raises(HarnessError, match="candidate 0 of an edge, Convolution, is no part of another"):
        ElasticEdge(candidates, transforms=False)
    with pytest.raises(HarnessError, match="computes paths"):
        supernet(splits).network(
            supernet(splits).read(splits.train[:8])[0],
            *[mixture._replace(operations=torch.ones(3, 10)) for mixture in supernet(splits).path((0, 9, 9))],
        )
    with pytest.raises(HarnessError, match="no parts of a largest one"):
        extremes(cell_space("nasbench201"))


# Steps ----------------------------------------------------------------------------------------------------------------


def test_the_sandwich_s_gradient_is_that_of_the_sum_of_its_losses(splits):
    """Against finite differences in float64; the teacher's output is a constant."""
    net = supernet(splits, learning_rate=1.0, momentum=0.0, weight_decay=0.0, clip=1e9)
    net.network.double()
    moving = SandwichStep(randoms=1).start(net)
    moving.begin_epoch(0, 1.0)
    state = copy.deepcopy(moving._rng)
    (batches,) = [one for _, one in zip(range(1), net.batches(0), strict=False)]
    images, labels = batches.train
    batches.__dict__["train"] = (images.double(), labels)
    images = images.double()
    largest, smallest = extremes(net.where)
    archs = [net.where.sample(state), smallest]
    teacher = net.network(images, *net.path(largest)).detach()

    def loss():
        total = F.cross_entropy(net.network(images, *net.path(largest)), labels)
        return total + sum(soft_cross_entropy(net.network(images, *net.path(arch)), teacher) for arch in archs)

    before = [parameter.detach().clone() for parameter in net.network.parameters()]
    step = 1e-6
    numbers = []
    for parameter in net.network.parameters():
        flat = parameter.data.view(-1)
        place = flat.numel() // 2
        flat[place] += step
        up = float(loss().detach())
        flat[place] -= 2 * step
        down = float(loss().detach())
        flat[place] += step
        numbers.append((up - down) / (2 * step))
    moving(batches, At(0, 0, 0.0))
    assert moving.passes == 3
    for parameter, old, number in zip(net.network.parameters(), before, numbers, strict=True):
        moved = (old - parameter.detach()).view(-1)[old.numel() // 2]
        assert float(moved) == pytest.approx(number, rel=1e-5, abs=1e-7)


def test_no_gradient_goes_to_the_teacher():
    logits, teacher = torch.randn(4, 3, requires_grad=True), torch.randn(4, 3, requires_grad=True)
    loss = soft_cross_entropy(logits, teacher)
    assert torch.autograd.grad(loss, teacher, allow_unused=True) == (None,)
    expected = -(torch.softmax(teacher, 1) * torch.log_softmax(logits, 1)).sum(1).mean()
    assert float(loss.detach()) == pytest.approx(float(expected.detach()))


def test_stages_share_the_epochs():
    step = ShrinkingStep((0.4, 0.2, 0.2, 0.2))
    stages = ("kernel", "depth", "width")
    assert [step.stage(epoch, 10, stages) for epoch in range(10)] == [0, 0, 0, 0, 1, 1, 2, 2, 3, 3]
    # A space with one stage: shares of the first two, 2 to 1.
    assert [step.stage(epoch, 6, ("kernel",)) for epoch in range(6)] == [0, 0, 0, 0, 1, 1]


def test_the_first_stage_is_plain_training_of_the_largest(splits):
    net = supernet(splits, form=Elastic(transforms=True), epochs=10)
    moving = ShrinkingStep().start(net)
    moving.begin_epoch(0, 0.05)
    plain = supernet(splits, form=Elastic(transforms=True), epochs=10)
    optimizer = plain.sgd()
    for group in optimizer.param_groups:
        group["lr"] = 0.05
    largest, _ = extremes(net.where)
    for mine, theirs in zip(net.batches(0), plain.batches(0), strict=True):
        moving(mine, At(0, 0, 0.0))
        images, labels = theirs.train
        optimizer.zero_grad()
        F.cross_entropy(plain.network(images, *plain.path(largest)), labels).backward()
        for parameter in plain.network.parameters():
            parameter.grad = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        torch.nn.utils.clip_grad_norm_(list(plain.network.parameters()), plain.settings.clip)
        optimizer.step()
    for a, b in zip(net.network.parameters(), plain.network.parameters(), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("step", [SandwichStep(), ShrinkingStep()])
@pytest.mark.parametrize("space", ["elastic_convnet", "elastic201"])
def test_a_killed_search_goes_on_as_if_nothing_had_been(step, space, splits, tmp_path):
    form = Elastic(transforms=isinstance(step, ShrinkingStep))

    def net(name):
        return Supernet(space, splits, settings(), 0, form=form, checkpoint=tmp_path / name)

    whole = Search(net("whole"), step, BestOfRandom(5))
    found = whole.run(Streams("test", 0))
    first = Search(net("killed"), step, BestOfRandom(5))
    for _ in range(3):
        first.epoch()
    again = Search(net("killed"), step, BestOfRandom(5))
    assert again.run(Streams("test", 0)) == found
    for a, b in zip(whole.net.network.parameters(), again.net.network.parameters(), strict=True):
        assert torch.equal(a, b)


def test_recalibration_leaves_the_weights_and_forgets_what_was(splits):
    net = supernet(splits, batch_norm="running", epochs=1)
    step = SandwichStep().start(net)
    step.begin_epoch(0, 0.05)
    for batches in net.batches(0):
        step(batches, At(0, 0, 0.0))
    before = copy.deepcopy(net.network.state_dict())
    arch = (0, 4, 9)
    with net.calibration(net.path(arch)):
        pass
    net.recalibrates = True
    first = net.accuracies([arch])
    for module in net.network.modules():  # other statistics before: the same after
        if isinstance(module, torch.nn.BatchNorm2d) and module.running_mean is not None:
            module.running_mean.add_(3.0)
    assert net.accuracies([arch]) == first
    for name, value in net.network.state_dict().items():
        if "running_mean" not in name:
            assert torch.equal(value, before[name])
