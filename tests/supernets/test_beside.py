"""Passes of several supernets as one: the passes of each, and the same bits in any company."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F

from harness.errors import HarnessError
from harness.levels import LEVELS
from harness.spaces.registry import cell_space
from harness.supernets.beside import Beside
from harness.supernets.gradient import Asked, compute
from harness.supernets.loop import Search
from harness.supernets.mixture import Softmax
from harness.supernets.net import Supernet, check_search, initial_alphas, initial_network
from harness.supernets.partial import EdgeSoftmax, PartialChannels
from harness.supernets.sampled import Gumbel
from harness.supernets.selections import Strongest
from harness.supernets.steps import LevelStep
from harness.system.turns import take_turns
from harness.training.networks import Shape, Stages
from harness.training.settings import SearchSettings

ONE_CELL = ("nasbench201", Shape(8, 1, (1, 8, 8), 10, 0))
CASES = [
    ("nasbench201", Shape(4, 1, (1, 8, 8), 10, 0)),
    ("nasbench201", Stages(4, 1, (3, 8, 8), 5)),
    ("darts", Shape(4, 3, (1, 8, 8), 10)),
    ("darts", Shape(36, 1, (1, 8, 8), 10, 0)),  # separable convolutions that are not composed
]
LEAVES = [(True, True), (True, False), (False, True)]


def asked(space, shape, seed, *, images=16, weights=True, alphas=True, dtype=torch.float32):
    network = initial_network(space, shape, seed).to(dtype)
    leaves = [1000 * alpha.detach() for alpha in initial_alphas(space, shape, seed, Softmax()).values()]
    leaves = [leaf.to(dtype).requires_grad_() for leaf in leaves]
    rng = torch.Generator().manual_seed(seed)
    return Asked(
        network,
        torch.randn(images, *shape.image, generator=rng).to(dtype),
        torch.randint(shape.classes, (images,), generator=rng),
        Softmax().probabilities(leaves),
        F.cross_entropy,
        list(network.parameters()),
        weights,
        leaves if alphas else [],
    )


@pytest.mark.parametrize(("space", "shape"), CASES)
@pytest.mark.parametrize(("weights", "alphas"), LEAVES)
def test_each_pass_is_the_one_through_its_own_network(space, shape, weights, alphas):
    def ask(seed):
        return asked(space, shape, seed, images=4, weights=weights, alphas=alphas, dtype=torch.float64)

    found = Beside(3)([ask(seed) for seed in (0, 1)])  # and one place is left over
    for seed, ours in enumerate(found):
        theirs = compute(ask(seed))
        torch.testing.assert_close((ours.loss, ours.output), (theirs.loss, theirs.output), rtol=1e-12, atol=1e-13)
        for one, other in zip(ours.gradients, theirs.gradients, strict=True):
            if other is None:  # nothing here reads it
                assert one is None or not one.any()
            else:
                torch.testing.assert_close(one, other, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ("space", "shape", "width", "channels"),
    [
        (*ONE_CELL, 4, 8),
        (*ONE_CELL, 8, 4),
        (*ONE_CELL, 2, 16),
        pytest.param("darts", Shape(8, 3, (1, 8, 8), 10), 4, 8, marks=pytest.mark.slow),
    ],
)
def test_a_pass_has_the_same_bits_in_any_company(space, shape, width, channels):
    shape = replace(shape, channels=channels)
    last = width - 1
    full = Beside(width)([asked(space, shape, seed) for seed in range(width)])
    backwards = Beside(width)([asked(space, shape, seed) for seed in reversed(range(width))])
    by_itself = Beside(width).alone(asked(space, shape, last))
    for here, there in [(full[last], by_itself), *zip(full, reversed(backwards), strict=True)]:
        assert torch.equal(here.loss, there.loss)
        assert torch.equal(here.output, there.output)
        assert all(torch.equal(*pair) for pair in zip(here.gradients, there.gradients, strict=True))


def test_weights_are_those_of_the_moment():
    one = asked(*ONE_CELL, 0)
    beside = Beside(4)
    first = beside.alone(one)
    with torch.no_grad():
        for weight in one.network.parameters():
            weight.mul_(0.5)
    again = asked(*ONE_CELL, 0)._replace(network=one.network, weights=one.weights)
    moved = beside.alone(again).loss
    assert not torch.equal(moved, first.loss)
    theirs = compute(asked(*ONE_CELL, 0)._replace(network=one.network, weights=one.weights))
    torch.testing.assert_close(moved, theirs.loss)


SETTINGS = SearchSettings(channels=8, cells=1, reductions=0, epochs=1, batch_size=64, learning_rate=0.1, side_by_side=4)


def searched(splits, seed, level, turn=None, settings=SETTINGS, checkpoint=None):
    net = Supernet("nasbench201", splits, settings, seed, checkpoint=checkpoint)
    net.turn = turn
    search = Search(net, LevelStep(LEVELS[level]), Strongest())
    search.run(None)
    timeless = [name for name in net.rows[0] if "seconds" not in name and name != "peak_memory"]
    return [{name: row[name] for name in timeless if name in row} for row in net.rows], net.network.state_dict()


def together(splits, seeds, level, **options):
    def function(seed):
        return lambda turn: searched(splits, seed, level, turn, **options)

    return take_turns([function(seed) for seed in seeds], Beside(4), lambda question: question.kind)


@pytest.mark.slow
@pytest.mark.parametrize("level", ["milenas-1st", "milenas-2nd"])
def test_a_search_is_the_same_by_itself_and_in_turns(splits, level):
    (rows, weights), _ = together(splits, [3, 5], level)
    alone, own = searched(splits, 3, level)
    assert rows == alone
    assert all(torch.equal(weight, own[name]) for name, weight in weights.items())
    # Rounding grows from step to step, and has little time to do so here.
    plain, _ = searched(splits, 3, level, settings=replace(SETTINGS, side_by_side=1))
    assert rows[0]["train_loss"] == pytest.approx(plain[0]["train_loss"], rel=2e-2)
    assert rows[0]["passes"] == plain[0]["passes"]


def places(splits, form=None, relaxation=None, width=4):
    net = Supernet("nasbench201", splits, replace(SETTINGS, side_by_side=width), 0, form=form)
    return LevelStep(LEVELS["milenas-1st"], relaxation or Softmax()).start(net).places


def test_what_cannot_share_a_pass_is_searched_by_itself(splits):
    assert places(splits) == 4
    assert places(splits, width=1) == 1
    assert places(splits, relaxation=Gumbel()) == 1
    assert places(splits, PartialChannels(4)) == 1
    assert places(splits, relaxation=EdgeSoftmax(tuple(target for _, target in cell_space("nasbench201").edges))) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"side_by_side": 0}, "side_by_side must be at least 1, not 0"),
        ({"channels": 6, "side_by_side": 16}, "channels must be a multiple of 4, not 6, so that"),
        ({"side_by_side": 3}, "side_by_side times channels must be a multiple of 32, not 3 x 8"),
        ({"batch_size": 40}, "batch_size must be a multiple of 16, not 40"),
        ({"batch_norm": "running"}, 'side_by_side wants batch_norm = "batch", not "running"'),
    ],
)
def test_wrong_settings(splits, change, message):
    with pytest.raises(HarnessError, match=message):
        check_search("nasbench201", splits, replace(SETTINGS, **change))


def test_left_out_of_settings_where_it_changes_nothing():
    assert "side_by_side" not in replace(SETTINGS, side_by_side=1).as_dict()
    assert SETTINGS.as_dict()["side_by_side"] == 4
