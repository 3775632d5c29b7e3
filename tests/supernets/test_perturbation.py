"""Selection by perturbation: what it finds, in what order, what it tunes, and how it goes on after a kill."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from harness import HarnessError
from harness.levels import Bilevel
from harness.spaces.darts import CONCAT, EDGES
from harness.spaces.registry import cell_space
from harness.streams import Streams, generator
from harness.supernets import (
    Choice,
    LevelStep,
    MaxW,
    Mixture,
    PathStep,
    Perturbation,
    Search,
    Softmax,
    Untuned,
    fix,
    search,
)
from harness.supernets.mixed import Fan, FusedFan
from harness.supernets.mixture import REMOVED
from harness.supernets.net import Supernet, initial_alphas, initial_network
from harness.supernets.perturbation import _order, tuning, turns
from harness.testing.supernets import _splits
from harness.training.networks import Stages
from harness.training.settings import SearchSettings

SETTINGS = SearchSettings(channels=2, cells=1, epochs=6, batch_size=16, alpha_learning_rate=3e-2)
STREAMS = Streams("live/test", 0)
CLOCKS = ("seconds", "processor_seconds", "evaluation_seconds", "tracking_seconds", "peak_memory")


class Killed(BaseException):
    pass


def supernet(space="nasbench201", settings=SETTINGS, images=None, **options):
    splits = _splits(0)
    return Supernet(space, replace(splits, train=splits.train[:images]), settings, 0, **options)


def begun(select, net):
    return Search(net, LevelStep(Bilevel()), select)


def judged(search, loss, accuracy=lambda mixtures: 50.0):
    """The search with the judgement of its supernet replaced."""
    search.net.measure = lambda mixtures: (float(loss(mixtures)), float(accuracy(mixtures)))
    return search


# What it finds


class Useful(torch.nn.Module):
    """Scores that are the greater the more the useful candidates weigh: candidate 3 of every edge, and 2 a little."""

    def __init__(self):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))

    def forward(self, images, mixture):
        brightness = images.mean(dim=(1, 2, 3))
        classes = (brightness - brightness.min()) / (brightness.max() - brightness.min()) * 3
        scores = -((classes[:, None] - torch.arange(4)) ** 2)
        return scores * (0.05 * mixture.operations[:, 3] + 0.01 * mixture.operations[:, 2]).sum() + 0 * self.weight


def test_what_a_supernet_lives_by_is_found_where_magnitudes_err():
    found = {}
    for select in (Untuned(0), Perturbation("nasbench201", tune_epochs=0)):
        net = supernet()
        net.network = Useful()
        trained = begun(select, net)
        with torch.no_grad():
            trained.moving.alphas()["cell"].copy_(torch.tensor([0.0, 0.1, 1.0, 0.5, 0.1]).repeat(6, 1))
        net.rows.append({})
        found[select.word] = select(trained, STREAMS)
    assert found == {"magnitude": (2,) * 6, "perturbation": (3,) * 6}


def test_every_turn_removes_each_candidate_and_renormalises_nothing():
    select = Perturbation("nasbench201", tune_epochs=0)
    net, seen = supernet(), []
    value = generator("test", "value").random((6, 5))
    trained = judged(
        begun(select, net),
        lambda mixtures: seen.append(mixtures[0].operations) or -(mixtures[0].operations * torch.tensor(value)).sum(),
    )
    (p,) = Softmax().probabilities(list(net.alphas(Softmax()).values()))
    assert select(trained, STREAMS) == tuple((p.operations.detach().numpy() * value).argmax(axis=1))
    order = STREAMS.generator("selection").permutation(6)
    for number, weights in enumerate(seen):
        decided, edge, candidate = order[: number // 5], order[number // 5], number % 5
        assert weights[edge, candidate] == 0
        assert torch.equal(weights[edge].bool(), torch.arange(5) != candidate)
        assert torch.equal(weights[decided].sort(dim=1).values, torch.eye(5)[4].expand(len(decided), 5))
        rest = [row for row in range(6) if row not in order[: number // 5 + 1]]
        assert torch.equal(weights[rest], p.operations[rest])
        others = [other for other in range(5) if other != candidate]
        assert torch.equal(weights[edge, others], p.operations[edge, others])
    assert len(seen) == 30


@pytest.mark.parametrize(
    ("metric", "loss", "accuracy", "best"),
    [
        ("loss", [1, 1, 3, 2, 1], [9, 9, 9, 5, 9], 2),
        ("accuracy", [1, 1, 3, 2, 1], [9, 9, 9, 5, 9], 3),
        ("accuracy", [1, 1, 3, 2, 1], [5, 5, 5, 5, 5], 2),  # equal accuracies: by loss
        ("accuracy", [1, 1, 1, 1, 1], [5, 5, 5, 5, 5], 4),  # and equal losses: by probability
        ("loss", [1, 1, 1, 1, 1], [1, 5, 5, 5, 5], 4),
    ],
)
def test_metrics_and_equals(metric, loss, accuracy, best):
    select, net = Perturbation("nasbench201", 0, metric), supernet()
    trained = begun(select, net)
    with torch.no_grad():
        trained.moving.alphas()["cell"].copy_(torch.tensor([0.0, 0.1, 0.2, 0.3, 0.4]).repeat(6, 1))

    def of_removed(values):
        def value(mixtures):
            (edge,) = [row for row, weights in enumerate(mixtures[0].operations) if 0 < weights.count_nonzero() == 4]
            return values[int((mixtures[0].operations[edge] == 0).nonzero())]

        return value

    judged(trained, of_removed(loss), of_removed(accuracy))
    assert select(trained, STREAMS) == (best,) * 6


@pytest.mark.parametrize("form", [Fan, FusedFan])
def test_removing_none_changes_nothing_at_all(form):
    network = initial_network("nasbench201", Stages(4, 1, (1, 8, 8), 10), 0)
    for module in network.modules():
        if isinstance(module, Fan):
            module.__class__ = form
    images, weights = torch.randn(8, 1, 8, 8), torch.rand(6, 5)
    without, skipless = weights.clone(), weights.clone()
    without[2, 0], skipless[2, 1] = 0, 0
    assert torch.equal(network(images, Mixture(weights)), network(images, Mixture(without)))
    assert not torch.equal(network(images, Mixture(weights)), network(images, Mixture(skipless)))


# DARTS's cells


def test_order():
    assert (turns(cell_space("nasbench201")), turns(cell_space("darts"))) == (6, 14 + 3)
    assert tuning(cell_space("darts"), 2) == 32
    order = _order(cell_space("darts"), STREAMS.generator("selection"))
    assert len(order) == 17
    for group in (0, 1):
        found = [edges for turn in order for which, edges in turn if which == group]
        assert sorted(edges[0] for edges in found[:14]) == list(range(14))
        assert all(len(edges) == 1 for edges in found[:14])
        assert sorted(found[14:]) == [[2, 3, 4], [5, 6, 7, 8], [9, 10, 11, 12, 13]]
    assert [edges for turn in order for which, edges in turn if which == 0] != [
        edges for turn in order for which, edges in turn if which == 1
    ]


def test_two_inputs_of_every_node_stay_each_with_an_operation():
    value = torch.from_numpy(generator("test", "values").random((2, 14, 8)))
    value[:, :, 0] = 9  # `none`, which may not stay
    net = supernet("darts", replace(SETTINGS, cells=3))
    select = Perturbation("darts", tune_epochs=0)
    trained = judged(
        begun(select, net),
        lambda mixtures: -sum((m.operations * v).sum() for m, v in zip(mixtures, value, strict=True)),
    )
    probabilities = [
        mixture.operations.detach() for mixture in Softmax().probabilities(list(net.alphas(Softmax()).values()))
    ]
    genotype = net.where.decode(select(trained, STREAMS))
    for p, worth, genes in zip(probabilities, value, (genotype.normal, genotype.reduce), strict=True):
        best = 1 + (p * worth)[:, 1:].argmax(dim=1)
        for node in CONCAT:
            into = [edge for edge, (_, target) in enumerate(EDGES) if target == node]
            kept = sorted(into, key=lambda edge: -float(worth[edge, best[edge]]))[:2]
            expected = {(cell_space("darts").primitives[best[edge]], EDGES[edge][0]) for edge in kept}
            assert set(genes[2 * (node - 2) : 2 * (node - 1)]) == expected


# Decided edges


@pytest.mark.parametrize("relaxation", [Softmax(), MaxW()])
def test_decided_edges_have_no_gradient(relaxation):
    network = initial_network("nasbench201", Stages(2, 1, (1, 8, 8), 10), 0).double()
    alphas = [
        alpha.detach().double().requires_grad_()
        for alpha in initial_alphas("nasbench201", Stages(2, 1, (1, 8, 8), 10), 0, Softmax()).values()
    ]
    mixtures = fix(
        relaxation.mixture(alphas, None, "alphas", 0.0), [Choice(0, 2, 3), Choice(0, 4, 1), Choice(0, 4, REMOVED)]
    )
    loss = F.cross_entropy(network(torch.randn(8, 1, 8, 8, dtype=torch.float64), *mixtures), torch.arange(8))
    (gradient,) = torch.autograd.grad(loss, alphas)
    assert mixtures[0].operations[[2, 4]].tolist() == [[0, 0, 0, 1, 0], [0, 0, 0, 0, 0]]
    assert not gradient[[2, 4]].any()
    assert gradient[[0, 1, 3, 5]].any(dim=1).all()


@pytest.mark.parametrize("edges", [None, torch.arange(1.0, 7)])
def test_decided_edges_of_paths(edges):
    network = initial_network("nasbench201", Stages(2, 1, (1, 8, 8), 10), 0)
    images, gates = torch.randn(8, 1, 8, 8), torch.rand(6, 5).requires_grad_()
    drawn = Mixture(torch.tensor([1, 2, 3, 3, 2, 1]), gates, edges)
    (fixed,) = fix([drawn], [Choice(0, 2, 1), Choice(0, 4, REMOVED)])
    weights = torch.ones(6) if edges is None else edges.clone()
    weights[4] = 0
    expected = gates.detach().clone()
    expected[2] = 1
    assert fixed.operations.tolist() == [1, 2, 1, 3, fixed.operations[4], 1]
    output = network(images, fixed)
    assert torch.equal(output, network(images, Mixture(fixed.operations, expected, weights)))
    (gradient,) = torch.autograd.grad(output.sum(), [gates])
    assert not gradient[[2, 4]].any()
    assert gradient[0, 1] != 0


# Tuning, and the budget


def without_clocks(rows, *more):
    return [{name: value for name, value in row.items() if name not in (*CLOCKS, *more)} for row in rows]


def killed_before(epoch, select, path, settings):
    """A search that died before an epoch."""
    net = supernet(settings=settings, images=32, checkpoint=path)
    spend = net.spend

    def spend_or_die():
        if (number := spend()) == epoch:
            raise Killed
        return number

    net.spend = spend_or_die
    with pytest.raises(Killed):
        begun(select, net).run(STREAMS)


def test_both_selections_choose_from_the_same_supernet(tmp_path):
    settings = replace(SETTINGS, epochs=7)
    whole = begun(Untuned(5), supernet(settings=settings, images=32))
    whole.run(STREAMS)
    killed_before(
        2, Perturbation("nasbench201"), tmp_path / "search.pt", settings
    )  # two epochs: tuning is about to begin
    other = begun(
        Perturbation("nasbench201"), supernet(settings=settings, images=32, checkpoint=tmp_path / "search.pt")
    )
    other.load()
    for one, two in zip(*(list(s.net.network.parameters()) for s in (whole, other)), strict=True):
        assert torch.equal(one, two)
    assert torch.equal(whole.moving.alphas()["cell"], other.moving.alphas()["cell"])
    # What was chosen in the end stands in the last row.
    chosen = ("selection", "arch", "parameters", "convolutions_cell", "skips_cell")
    assert len(whole.net.rows) == 2
    assert without_clocks(whole.net.rows, *chosen) == without_clocks(other.net.rows, *chosen)


@pytest.mark.slow
def test_a_search_that_ended_early_and_is_killed_while_it_selects_goes_on_to_the_bit(tmp_path):
    # Training stops after its first epoch, whatever is derived; only the epochs of tuning follow.
    settings = replace(SETTINGS, epochs=9, expected_size=(6,))
    net = supernet(settings=settings, images=32)
    arch = begun(Perturbation("nasbench201"), net).run(STREAMS)
    assert len(net.rows) == 1 + 5
    opened = [[max(weights) < 1 for weights in row["weights_cell"]].count(True) for row in net.rows]
    assert opened == [6, 5, 4, 3, 2, 1]
    for end in (1, 4):
        path = tmp_path / f"{end}.pt"
        killed_before(end, Perturbation("nasbench201"), path, settings)
        resumed = begun(Perturbation("nasbench201"), supernet(settings=settings, images=32, checkpoint=path))
        assert resumed.run(STREAMS) == arch
        assert without_clocks(resumed.net.rows) == without_clocks(net.rows)
        for one, two in zip(net.network.parameters(), resumed.net.network.parameters(), strict=True):
            assert torch.equal(one, two)


def test_epochs_of_tuning_beyond_the_budget():
    with pytest.raises(HarnessError, match="selection perturbation: it keeps back 10 epochs, and the budget is 6"):
        search(supernet(), LevelStep(Bilevel()), Perturbation("nasbench201", tune_epochs=2))


def test_paths_have_nothing_to_perturb():
    with pytest.raises(HarnessError, match="no architecture parameters to fix"):
        search(supernet(settings=replace(SETTINGS, epochs=1)), PathStep(), Perturbation("nasbench201", 0))
