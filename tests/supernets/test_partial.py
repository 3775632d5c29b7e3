"""PC-DARTS: partial channels, edge weights, what they cost, the warm-up."""

from functools import partial

import pytest
import torch
import torch.nn.functional as F

from harness import HarnessError
from harness.levels import Bilevel
from harness.spaces.darts import EDGES, PRIMITIVES
from harness.supernets import (
    AlphaSchedule,
    EdgeSoftmax,
    LevelStep,
    Mixture,
    PartialChannels,
    Search,
    Softmax,
    Strongest,
    search,
)
from harness.supernets.graph import SEARCHABLE
from harness.supernets.mixed import Fan, FusedFan
from harness.supernets.net import Supernet, initial_alphas, initial_network
from harness.supernets.partial import PartialFan
from harness.testing.supernets import _splits
from harness.training.networks import Shape, Stages
from harness.training.operations import batch_statistics, normalised
from harness.training.settings import SearchSettings

DIGITS = (1, 8, 8)
CELL = SEARCHABLE["nasbench201"]
RELAXATION = EdgeSoftmax(tuple(target for _, target in CELL.edges))
EDGE_SOFTMAX = {name: EdgeSoftmax(tuple(target for _, target in SEARCHABLE[name].edges)) for name in SEARCHABLE}


def plain(network):
    """The network with the definition of the mixed operation in place of its fused form."""
    for module in network.modules():
        if isinstance(module, Fan):
            module.__class__ = Fan
    return network


def partial_identity(k):
    return PartialFan(lambda divisor: [torch.nn.Identity()], 1, k=k, fan=Fan)


def drawn(space, shape, k):
    """A network in float64, α and β of some spread, images and labels."""
    rng = torch.Generator().manual_seed(0)
    network = initial_network(space, shape, 0, form=PartialChannels(k)).double()
    alphas = initial_alphas(space, shape, 0, EDGE_SOFTMAX[space])
    alphas = [torch.randn(a.shape, generator=rng, dtype=torch.float64).requires_grad_() for a in alphas.values()]
    images = torch.randn(8, *shape.image, generator=rng, dtype=torch.float64)
    return network, alphas, images, torch.arange(8) % shape.classes


# What is computed


def test_the_shuffle_of_16_channels():
    state = torch.arange(16.0).reshape(1, 16, 1, 1).expand(1, 16, 2, 2)
    (output,) = partial_identity(4)(state, Mixture(torch.ones(1, 1)))
    assert output[0, :, 0, 0].tolist() == [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15]


@pytest.mark.parametrize("k", [2, 3, 4, 6])
def test_a_shuffle_by_k_and_then_by_the_width_is_the_identity(k):
    state = torch.randn(2, 12, 4, 4)
    for number in (k, 12 // k):
        (state_then,) = partial_identity(number)(state, Mixture(torch.ones(1, 1)))
        state, before = state_then, state
        assert not torch.equal(state, before)
    assert torch.equal(partial_identity(k)(state, Mixture(torch.ones(1, 1)))[0], before)


@pytest.mark.parametrize("stride", [1, 2])
def test_an_edge_is_its_definition(stride):
    k, channels = 4, 8
    fan = PartialFan(
        lambda divisor: [normalised(name, channels // divisor, stride, batch_statistics) for name in PRIMITIVES],
        edges=2,
        k=k,
        fan=FusedFan,
    )
    state, p, beta = torch.randn(3, channels, 8, 8), torch.rand(2, len(PRIMITIVES)), torch.rand(2)
    for edge, output in enumerate(fan(state, Mixture(p, edges=beta))):
        mixed = sum(p[edge, o] * op(state[:, : channels // k]) for o, op in enumerate(fan.fan.edges[edge]))
        passed = state[:, channels // k :] if stride == 1 else F.max_pool2d(state[:, channels // k :], 2, 2)
        whole = torch.cat([mixed, passed], dim=1)
        expected = beta[edge] * whole[:, [g * channels // k + c for c in range(channels // k) for g in range(k)]]
        torch.testing.assert_close(output, expected)


def test_none_still_lets_the_other_channels_pass():
    network = initial_network("nasbench201", Stages(4, 1, DIGITS, 10), 0, form=PartialChannels(2))
    fan = network.stages[0][0].graph.fans[0]
    state = torch.randn(2, 4, 8, 8)
    for output in fan(state, Mixture(torch.zeros(3, dtype=torch.int64))):  # the path of `none` on all edges
        assert not output[:, [0, 2]].any()
        assert torch.equal(output[:, [1, 3]], state[:, 2:])


@pytest.mark.parametrize(
    ("space", "shape"), [("darts", Shape(4, 3, DIGITS, 10)), ("nasbench201", Stages(4, 1, DIGITS, 10))]
)
def test_k_of_1_and_edges_of_weight_1_is_darts(space, shape):
    images = torch.randn(8, *DIGITS)
    one, other = (initial_network(space, shape, 0, form=form) for form in (None, PartialChannels(1)))
    mixtures = Softmax().probabilities(list(initial_alphas(space, shape, 0, Softmax()).values()))
    targets = torch.tensor([target for _, target in SEARCHABLE[space].edges])
    inputs = torch.bincount(targets)[targets]
    uniform = [mixture._replace(edges=inputs * (1 / inputs)) for mixture in mixtures]
    assert torch.equal(one(images, *mixtures), other(images, *uniform))


@pytest.mark.parametrize(
    ("space", "shape"), [("darts", Shape(4, 3, DIGITS, 10)), ("nasbench201", Stages(4, 1, DIGITS, 10))]
)
def test_the_fused_form_is_the_plain_one(space, shape):
    found = []
    for form in (lambda network: network, plain):
        network, alphas, images, labels = drawn(space, shape, 2)
        loss = F.cross_entropy(form(network)(images, *EDGE_SOFTMAX[space].probabilities(alphas)), labels)
        found.append([loss, *torch.autograd.grad(loss, [*alphas, *network.parameters()], materialize_grads=True)])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-11, atol=1e-12)


# Edge weights


def test_edge_weights_are_a_softmax_over_the_edges_into_a_node():
    (mixture,) = RELAXATION.probabilities([torch.zeros(6, 5), torch.log(torch.tensor([7.0, 1, 3, 1, 1, 2]))])
    torch.testing.assert_close(mixture.edges, torch.tensor([1, 1 / 4, 3 / 4, 1 / 4, 1 / 4, 2 / 4]))
    torch.testing.assert_close(mixture.operations, torch.full((6, 5), 1 / 5))


def test_the_gradient_of_beta():
    network, (alpha, beta), images, labels = drawn("nasbench201", Stages(4, 1, DIGITS, 4), 2)

    def loss(beta):
        return F.cross_entropy(network(images, *RELAXATION.probabilities([alpha, beta])), labels)

    (gradient,) = torch.autograd.grad(loss(beta), [beta])
    with torch.no_grad():
        for edge in range(6):
            step = torch.zeros_like(beta)
            step[edge] = 1e-5
            assert float((loss(beta + step) - loss(beta - step)) / 2e-5) == pytest.approx(
                float(gradient[edge]), abs=1e-9
            )
    for edges in ([0], [1, 2], [3, 4, 5]):
        assert abs(float(gradient[edges].sum())) < 1e-12
    assert gradient[1:].abs().min() > 1e-6


def test_alphas_and_betas_begin_alike_and_by_name():
    alphas = initial_alphas("darts", Shape(4, 3, DIGITS, 10), 0, EDGE_SOFTMAX["darts"])
    assert {name: tuple(alpha.shape) for name, alpha in alphas.items()} == {
        "normal": (14, 8),
        "reduce": (14, 8),
        "beta_normal": (14,),
        "beta_reduce": (14,),
    }
    assert torch.equal(alphas["normal"], initial_alphas("darts", Shape(4, 3, DIGITS, 10), 0, Softmax())["normal"])
    assert 3e-4 < alphas["beta_normal"].std() < 3e-3


def test_inputs_are_ranked_by_the_products():
    weights = torch.full((14, 8), 0.1)
    weights[:, 3] = 0.3
    edges = torch.zeros(14)
    kept = [0, 1, 3, 4, 6, 8, 9, 13]  # two edges into every node
    edges[kept] = 0.5
    weights[kept, 3] = 0.11  # less than the others' where edges count alike
    net = Supernet("darts", _splits(0), SearchSettings(channels=2, cells=3, batch_size=16), 0)
    arch = Strongest().derive(Search(net, LevelStep(Bilevel()), Strongest()), [Mixture(weights, edges=edges)] * 2)
    genotype = net.where.space.decode(arch)
    assert sorted(source for _, source in genotype.normal) == sorted(EDGES[edge][0] for edge in kept)


# A search


def test_alpha_and_beta_rest_in_the_warm_up():
    settings = SearchSettings(channels=4, cells=1, epochs=4, batch_size=16, alpha_learning_rate=3e-2)
    net = Supernet("nasbench201", _splits(0), settings, 0, form=PartialChannels(4))
    start = {name: alpha.tolist() for name, alpha in net.alphas(RELAXATION).items()}
    search(net, LevelStep(Bilevel(), RELAXATION, AlphaSchedule(alpha_from=0.3)))
    for row in net.rows[:2]:  # epochs that begin at 0 and 0.25
        assert {"cell": row["alphas_cell"], "beta_cell": row["alphas_beta_cell"]} == start
    assert net.rows[2]["alphas_cell"] != start["cell"]
    assert net.rows[2]["alphas_beta_cell"][1:] != start["beta_cell"][1:]
    assert net.rows[0]["weights_cell"] == torch.softmax(torch.tensor(start["cell"]), -1).tolist()


@pytest.mark.parametrize("k", [0, 3, 8])
def test_k_that_does_not_divide_the_channels(k):
    with pytest.raises(HarnessError, match=rf"k must divide the 4 channels of \[search\]: 1, 2, 4; not {k}"):
        initial_network("nasbench201", Stages(4, 1, DIGITS, 10), 0, form=PartialChannels(k))


# Memory


def kept_for_the_backward_pass(network, mixtures, images):
    """Bytes of activations, each once."""
    weights = {parameter.untyped_storage().data_ptr() for parameter in network.parameters()}
    kept = {}

    def keep(tensor):
        if tensor.untyped_storage().data_ptr() not in weights:
            # Of a part of a larger tensor only the part counts.
            kept[tensor.data_ptr(), tuple(tensor.shape)] = tensor  # held, so that no address is used twice
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        output = network(images, *mixtures)
    del output
    return sum(tensor.numel() * tensor.element_size() for tensor in kept.values())


def test_memory_of_the_activations():
    shape, images = Shape(8, 3, (3, 8, 8), 10), torch.randn(4, 3, 8, 8)
    whole = plain(initial_network("darts", shape, 0))
    alphas = list(initial_alphas("darts", shape, 0, Softmax()).values())
    bytes_of_darts = kept_for_the_backward_pass(whole, Softmax().probabilities(alphas), images)
    relaxation = EDGE_SOFTMAX["darts"]
    alphas = list(initial_alphas("darts", shape, 0, relaxation).values())
    kept = partial(kept_for_the_backward_pass, mixtures=relaxation.probabilities(alphas), images=images)
    share = {
        k: round(kept(plain(initial_network("darts", shape, 0, form=PartialChannels(k)))) / bytes_of_darts, 2)
        for k in (2, 4, 8)
    }
    assert 0.53 <= share[2] <= 0.56, share
    assert 0.29 <= share[4] <= 0.33, share
    assert 0.17 <= share[8] <= 0.21, share
