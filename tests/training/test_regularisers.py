"""The switches of an evaluation protocol."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import HarnessError
from harness.images.sources import load
from harness.spaces.darts import DartsSpace
from harness.spaces.nasbench201 import NASBench201Space
from harness.training import discrete, regularisers
from harness.training.data import split
from harness.training.networks import Shape, build
from harness.training.regularisers import (
    AuxiliaryHead,
    DropPath,
    WithAuxiliaryHead,
    auxiliary_place,
    cut_out,
    drop_paths,
)
from harness.training.settings import Recipe
from harness.training.train import check_recipe, train

DARTS = DartsSpace().arch(987_654_321_987)
RECIPE = Recipe(channels=2, cells=3, epochs=2, batch_size=32)
ALL = {"cutout": 3, "drop_path": 0.3, "auxiliary": 0.4}


def losses(recipe, splits, seeds=(0,), **options):
    rows = train("darts", DARTS, splits, recipe, seeds, **options)
    return [[{key: value for key, value in row.items() if key != "seconds"} for row in one] for one in rows]


# Cutout


@given(length=st.integers(1, 7), height=st.integers(8, 10), width=st.integers(8, 12), seed=st.integers(0, 99))
def test_cutout_hides_exactly_a_square_that_the_border_clips(length, height, width, seed):
    images = torch.ones(5, 2, height, width)
    hidden = cut_out(images, length, np.random.default_rng(seed))
    assert (images == 1).all()
    rng = np.random.default_rng(seed)
    tops, lefts = (rng.integers(side, size=(5, 1))[:, 0] - length // 2 for side in (height, width))
    for image, top, left in zip(hidden, tops, lefts, strict=True):
        expected = torch.ones(2, height, width)
        expected[:, max(top, 0) : max(top + length, 0), max(left, 0) : max(left + length, 0)] = 0
        assert torch.equal(image, expected)


def test_every_pixel_can_be_the_middle_of_what_is_hidden():
    hidden = cut_out(torch.ones(2000, 1, 4, 4), 1, np.random.default_rng(0)) == 0
    assert (hidden.sum(dim=(1, 2, 3)) == 1).all()
    counts = hidden.sum(dim=(0, 1))
    assert counts.min() > 80  # 125 expected, 4 standard deviations below
    assert counts.max() < 170


# Drop path


def test_drop_path_keeps_the_expectation_and_drops_whole_edges_of_an_image():
    path, images, networks = DropPath(), 4000, 2
    x = torch.full((images, 2 * networks, 3, 3), 2.0)
    assert path(x) is x
    drop_paths(path, 0.25, images, [np.random.default_rng(seed) for seed in range(networks)])
    dropped = path(x).view(images, networks, -1)
    assert (dropped == dropped[..., :1]).all()  # all of an edge, or nothing
    assert dropped.unique().tolist() == pytest.approx([0.0, 2.0 / 0.75])
    for network in range(networks):
        share = float((dropped[:, network, 0] == 0).float().mean())
        assert share == pytest.approx(0.25, abs=4 * (0.25 * 0.75 / images) ** 0.5)
        assert float(dropped[:, network].mean()) == pytest.approx(2.0, abs=2 * 4 * (share / 0.75 / images) ** 0.5)
    assert not torch.equal(dropped[:, 0], dropped[:, 1])  # masks of their own
    assert path.eval()(x) is x


def test_a_dropped_edge_has_no_gradient_and_the_others_a_larger_one():
    path, x = DropPath(), torch.ones(200, 1, 2, 2, requires_grad=True)
    drop_paths(path, 0.5, 200, [np.random.default_rng(1)])
    path(x).sum().backward()
    assert set(x.grad.unique().tolist()) == {0.0, 2.0}
    assert torch.equal(x.grad[:, 0, 0, 0], path.scale[:, 0])


def test_identities_are_never_dropped():
    arch = NASBench201Space().parse("|skip_connect~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|avg_pool_3x3~1|none~2|")
    network = discrete.network("nasbench201", arch, Shape(2, 1, (1, 8, 8), 10, reductions=0))
    (cell,) = (module for module in network.modules() if isinstance(module, discrete.DiscreteCell))
    assert [isinstance(end, DropPath) for end in cell.ends] == [False, False, True, False, True, False]


def test_the_probability_rises_from_nothing_towards_its_end(small, monkeypatch):
    asked = []
    monkeypatch.setattr(regularisers, "drop_paths", lambda network, probability, *_: asked.append(probability))
    losses(replace(RECIPE, epochs=3, drop_path=0.3), small)
    steps = len(small.train) // RECIPE.batch_size
    assert asked == pytest.approx([0.1] * steps + [0.2] * steps)  # nothing is dropped in the first epoch


# Auxiliary head


@pytest.mark.parametrize(("image", "reductions"), [((1, 8, 8), 2), ((1, 28, 28), 2), ((3, 32, 32), 2), ((1, 8, 8), 3)])
def test_the_auxiliary_head_fits_images_of_any_size(image, reductions):
    shape = Shape(4, 4, image, 10, reductions)
    network = build(lambda: discrete.network("darts", DARTS, shape), ("init", 0))
    head = build(lambda: AuxiliaryHead(shape, 4), ("init", 0, "auxiliary"))
    logits, auxiliary = WithAuxiliaryHead(network, head, auxiliary_place(shape))(torch.randn(3, *image))
    assert logits.shape == auxiliary.shape == (3, 10)
    auxiliary.sum().backward()
    reached = [cell for cell in range(4) if any(p.grad is not None for p in network.cells[cell].parameters())]
    assert reached == list(range(auxiliary_place(shape) + 1))
    assert network.classifier.weight.grad is None


def test_the_auxiliary_head_is_in_training_alone_and_counts_for_nothing(small, monkeypatch):
    asked = []
    forward = AuxiliaryHead.forward
    monkeypatch.setattr(
        AuxiliaryHead, "forward", lambda self, state: asked.append(self.training) or forward(self, state)
    )
    recipe = replace(RECIPE, auxiliary=0.4)
    losses(recipe, small)
    assert asked == [True] * (recipe.epochs * (len(small.train) // recipe.batch_size))
    shape = check_recipe("darts", small, recipe)
    assert shape == check_recipe("darts", small, RECIPE)
    network = build(lambda: discrete.network("darts", DARTS, shape), ("init", 0))
    assert discrete.parameters("darts", DARTS, shape) == sum(p.numel() for p in network.parameters())


# Recipes


def test_with_all_switches_off_no_code_of_the_protocol_runs(small, monkeypatch):
    """Numbers recorded before there were switches must stay what they are."""
    expected = losses(RECIPE, small, (0, 1))

    def refuse(*_, **__):
        raise AssertionError("a switch is on")

    for name in ("cut_out", "drop_paths", "AuxiliaryHead", "WithAuxiliaryHead"):
        monkeypatch.setattr(regularisers, name, refuse)
    assert losses(replace(RECIPE, cutout=0, drop_path=0.0, auxiliary=0.0), small, (0, 1)) == expected
    assert not set(RECIPE.as_dict()) & set(ALL)
    assert replace(RECIPE, **ALL).as_dict() == RECIPE.as_dict() | ALL


def test_ends_of_edges_and_states_of_cells_are_the_plain_network(monkeypatch):
    """The network with idle ends computes, bit for bit, what it computes without any."""
    shape, images = Shape(4, 3, (1, 8, 8), 10), torch.randn(5, 1, 8, 8)
    network = build(lambda: discrete.network("darts", DARTS, shape), ("init", 0))
    monkeypatch.setattr(discrete, "DropPath", torch.nn.Identity)
    plain = build(lambda: discrete.network("darts", DARTS, shape), ("init", 0))
    assert not any(isinstance(module, DropPath) for module in plain.modules())
    assert torch.equal(network(images), plain(images))


@pytest.mark.parametrize("switch", ALL)
def test_every_switch_changes_a_training_and_not_its_batches(small, switch):
    recipe = replace(RECIPE, **{switch: ALL[switch]})
    (base,), (changed,) = losses(RECIPE, small), losses(recipe, small)
    assert changed == losses(recipe, small)[0]
    assert changed[-1] != base[-1]
    assert (changed[0] == base[0]) == (switch == "drop_path")  # which begins at 0


def test_masks_do_not_depend_on_the_trainings_beside(splits):
    recipe = replace(RECIPE, channels=4, batch_size=64, augment=True, **ALL)
    beside = losses(recipe, splits, (0, 1, 2))
    for seed in (0, 1, 2):
        (alone,) = losses(recipe, splits, (seed,))
        for row, own in zip(beside[seed], alone, strict=True):
            assert row["train_loss"] == pytest.approx(own["train_loss"], rel=2e-3)


def test_wrong_switches(small):
    for wrong, message in (
        ({"cutout": -1}, "cutout must be a number of pixels"),
        ({"drop_path": 1.0}, "drop_path must be a probability below 1, not 1.0"),
        ({"drop_path": float("nan")}, "drop_path must be a probability"),
        ({"auxiliary": -0.4}, "auxiliary must be a number >= 0"),
    ):
        with pytest.raises(HarnessError, match=message):
            Recipe(**wrong)
    with pytest.raises(HarnessError, match="cutout 8 can hide whole images; their shorter side is 8 pixels"):
        check_recipe("darts", small, replace(RECIPE, cutout=8))
    with pytest.raises(HarnessError, match="networks of the space nasbench201 have no auxiliary head"):
        check_recipe("nasbench201", small, replace(RECIPE, auxiliary=0.4))
    check_recipe("darts", split(load("mnist5k"), 0), replace(RECIPE, cutout=14))
