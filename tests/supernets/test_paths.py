"""Single paths: what is drawn, that a path is the architecture's own network, and batch norm recalibrated for one."""

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from harness.images.sources import load
from harness.spaces import darts, nasbench201
from harness.spaces.darts import DartsSpace, Genotype
from harness.streams import Streams
from harness.supernets import BestOfRandom, PathStep, Recalibrated, Supernet, search
from harness.supernets.graph import SEARCHABLE
from harness.supernets.net import initial_network
from harness.supernets.steps import At
from harness.training import discrete
from harness.training.data import split
from harness.training.networks import Shape, Stages, build
from harness.training.settings import SearchSettings

DIGITS = (1, 8, 8)
SETTINGS = SearchSettings(channels=2, cells=1, reductions=1, epochs=1, batch_size=32, batch_norm="running")
CELL = (3, 2, 1, 0, 4, 3)


def test_visits_are_uniform(small, monkeypatch):
    """Every candidate of every edge, and every pair of candidates of two edges, is drawn as often as any other."""
    moving = PathStep().start(Supernet("nasbench201", small, SETTINGS, 0))
    monkeypatch.setattr(moving, "train", lambda arch, batch: arch)
    drawn = []
    for epoch in range(10):
        moving.begin_epoch(epoch, 0.1)
        batches = next(moving._net.batches(epoch))
        drawn += [moving(batches, At(epoch, step, 0.0)) for step in range(200)]
    codes = np.array(drawn)
    counts = [np.bincount(column, minlength=5) for column in codes.T]
    pairs = [np.bincount(5 * a + b, minlength=25) for i, a in enumerate(codes.T) for b in codes.T[:i]]
    smallest = min(chisquare(found).pvalue for found in [*counts, *pairs])
    assert smallest > 0.01 / (len(counts) + len(pairs))


# The network of an architecture, with the weights of a supernet


def on_edges(space, arch):
    """(group, edge, operation of the discrete cell) of every operation, read off the texts of the spaces."""
    if space == "nasbench201":
        return [("cell", edge, place) for place, edge in enumerate(nasbench201.EDGES)]
    genotype = DartsSpace().decode(arch)
    targets = [target for target in darts.CONCAT for _ in range(2)]
    return [
        (group, (source, target), place)
        for group in ("normal", "reduce")
        for place, ((_, source), target) in enumerate(zip(getattr(genotype, group), targets, strict=True))
    ]


def inherited(space, arch, shape, network):
    """A discrete network with the weights that the architecture has in a supernet."""
    where = SEARCHABLE[space]
    edges, choices = (darts.EDGES if space == "darts" else nasbench201.EDGES), where.choices(arch)
    made = build(lambda: discrete.network(space, arch, shape), ("test",)).to(next(network.parameters()))
    for name, module in made.named_modules():
        if not hasattr(module, "operations"):
            if "operations" not in name and module.state_dict() and not list(module.children()):
                module.load_state_dict(network.get_submodule(name).state_dict(), strict=False)
            continue
        reduces = space == "darts" and made.reductions[int(name.split(".")[1])]
        fans = network.get_submodule(f"{name}.graph").fans
        for group, edge, place in on_edges(space, arch):
            if space == "darts" and (group == "reduce") != reduces:
                continue
            source, _ = edge
            number = [one for one in edges if one[0] == source].index(edge)
            chosen = fans[source].edges[number][choices[group][edges.index(edge)]]
            module.operations[place].load_state_dict(chosen.state_dict(), strict=False)
    return made


def without_pools(arch):
    """The same genotype with skips for pools: in a DARTS supernet these have a batch norm that discrete networks lack."""
    genotype = DartsSpace().decode(arch)
    cells = [
        tuple((name if "pool" not in name else "skip_connect", source) for name, source in cell)
        for cell in (genotype.normal, genotype.reduce)
    ]
    return DartsSpace().encode(Genotype(cells[0], darts.CONCAT, cells[1], darts.CONCAT))


@pytest.mark.parametrize(
    ("space", "shape"), [("darts", Shape(4, 3, DIGITS, 10)), ("nasbench201", Stages(4, 2, DIGITS, 10))]
)
def test_a_path_is_the_discrete_network_with_the_same_weights(space, shape):
    where, rng = SEARCHABLE[space], np.random.default_rng(0)
    network = initial_network(space, shape, 0).double()
    images = torch.randn(6, *DIGITS, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    net = Supernet(space, split(load("digits"), 0), SearchSettings(channels=2, cells=3), 0)
    for _ in range(3):
        arch = where.space.sample(rng) if space == "nasbench201" else without_pools(where.space.sample(rng))
        expected = inherited(space, arch, shape, network)(images)
        torch.testing.assert_close(network(images, *net.path(arch)), expected, rtol=1e-10, atol=1e-12)


# Recalibration


def losses(net, archs):
    """On the validation images; accuracies of so small a training hardly differ."""
    found = []
    for path in map(net.path, archs):
        with net.calibration(path):
            found.append(net.measure(path)[0])
    return found


def trained(small):
    net = Supernet("nasbench201", small, SETTINGS, 0)
    search(net, PathStep(), BestOfRandom(1))
    return net


def test_a_recalibrated_path_is_the_discrete_network_that_saw_the_training_images_only(small):
    net = trained(small)
    alone = inherited("nasbench201", CELL, net.shape, net.network)
    for module in alone.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None
    with torch.no_grad():
        for first in (0, 32, 64):
            alone(net.read(small.train[first : first + 32])[0])
        alone.eval()
        images, labels = net.read(small.valid)
        expected = 100 * float((alone(images).argmax(dim=1) == labels).double().mean())
        net.recalibrates = True
        with net.calibration(net.path(CELL)):
            net.network.eval()
            torch.testing.assert_close(net.network(images, *net.path(CELL)), alone(images), rtol=1e-4, atol=1e-5)
    assert net.accuracies([CELL]) == [pytest.approx(expected)]


def test_recalibration_leaves_the_network_as_it_was_and_forgets_what_was_before(small):
    net = trained(small)
    before = {name: value.clone() for name, value in net.network.state_dict().items()}
    archs = [CELL, (3,) * 6, (1,) * 6]
    plain = losses(net, archs)
    net.recalibrates = True
    found = losses(net, archs)
    assert not set(found) & set(plain)
    assert all(torch.equal(value, before[name]) for name, value in net.network.state_dict().items())
    assert net.network.training
    assert found == losses(net, archs[::-1])[::-1]
    for name, buffer in net.network.named_buffers():
        buffer.fill_(7) if "num" in name else buffer.uniform_(1, 9)
    assert losses(net, archs) == found
    net.recalibrates = False
    assert not set(losses(net, archs)) & {*found, *plain}  # these read what was spoilt


def test_the_selection_that_recalibrates(small):
    net = trained(small)
    select = Recalibrated(BestOfRandom(4))
    arch = search(Supernet("nasbench201", small, SETTINGS, 0), PathStep(), select, Streams("live/test", 0))
    rng = net.stream("candidates")
    drawn = [net.where.space.sample(rng) for _ in range(4)]
    net.recalibrates = True
    assert arch == drawn[int(np.argmax(net.accuracies(drawn)))]
    assert (select.word, select.epochs) == ("random, recalibrated", 0)
