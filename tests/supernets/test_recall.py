"""What paths have in common is computed once, and nothing is different for it."""

import numpy as np
import pytest
import torch

from harness.spaces.registry import cell_space
from harness.supernets.graph import MixedGraph
from harness.supernets.mixed import Fan
from harness.supernets.mixture import Mixture
from harness.supernets.net import Supernet, initial_network
from harness.supernets.partial import PartialChannels
from harness.supernets.recall import recalling
from harness.training.networks import Shape
from harness.training.settings import SearchSettings

SPACE = "nasbench201"


def archs_of(space, count):
    rng = np.random.default_rng(0)
    return [cell_space(space).sample(rng) for _ in range(count)]


@pytest.mark.parametrize(
    ("space", "shape", "form"),
    [
        ("nasbench201", {"channels": 4, "cells": 1, "reductions": 0}, None),
        ("nasbench201", {"channels": 4, "cells": 1, "reductions": 0}, PartialChannels(2)),
        ("nasbench201", {"channels": 4, "cells": 1, "reductions": 1}, None),
        ("darts", {"channels": 4, "cells": 1, "reductions": 0}, None),
    ],
    ids=["one cell", "partial channels", "two cells", "two inputs"],
)
def test_accuracies_are_those_of_each_path_alone(splits, space, shape, form):
    net = Supernet(space, splits, SearchSettings(**shape, batch_size=128), 0, form=form)
    archs = archs_of(space, 8)
    archs.append(archs[0])
    assert net.accuracies(archs) == [net.measure(net.path(arch))[1] for arch in archs]


def counting(monkeypatch):
    """Counts calls of candidates by their edge and number."""
    calls = []
    for kind in {type(op) for fan in graph_of(network()).fans for edge in fan.edges for op in edge}:
        before = kind.forward
        monkeypatch.setattr(kind, "forward", lambda self, x, before=before: calls.append(self) or before(self, x))
    return calls


def network():
    return initial_network(SPACE, Shape(4, 1, (1, 8, 8), 10, 0), 0).eval()


def graph_of(network):
    (graph,) = (module for module in network.modules() if isinstance(module, MixedGraph))
    return graph


def test_a_candidate_is_computed_once_for_each_state_that_it_reads(monkeypatch):
    calls, made = counting(monkeypatch), network()
    images = torch.randn(4, 1, 8, 8)
    # Edges 0-1, 0-2, 1-2, 0-3, 1-3, 2-3: only the last one differs, and then the first.
    paths = [(1, 2, 3, 4, 1, 2), (1, 2, 3, 4, 1, 3), (2, 2, 3, 4, 1, 3)]
    with torch.no_grad(), recalling(made):
        outputs = [made(images, Mixture(torch.tensor(path))) for path in paths]
    candidates = [module for module in calls if any(module is op for op in candidates_of(made))]
    # All six; the last edge; and of a new first node what reads it, and what reads the node after it.
    assert len(candidates) == 6 + 1 + 4
    for path, output in zip(paths, outputs, strict=True):
        assert torch.equal(output, made(images, Mixture(torch.tensor(path))))


def candidates_of(network):
    fans = [module for module in network.modules() if isinstance(module, Fan)]
    return [op for fan in fans for edge in fan.edges for op in edge]


def test_afterwards_nothing_is_remembered_whatever_happens():
    made, images = network(), torch.randn(4, 1, 8, 8)
    path = Mixture(torch.tensor([3] * 6))
    before = made(images, path)
    with pytest.raises(RuntimeError), recalling(made):
        made(images[:, :, 0], path)  # not images
    with recalling(made):
        made(images, path)
    with torch.no_grad():
        for weight in made.parameters():
            weight.mul_(1.5)
    assert not any("forward" in vars(module) for module in made.modules())
    assert not torch.equal(made(images, path), before)
