"""When architecture parameters move: passes, weights and streams of a schedule, and what a checkpoint knows of it."""

from dataclasses import replace

import pytest
import torch

from harness import HarnessError
from harness.levels import Bilevel, MixedLevel
from harness.supernets import AlphaSchedule, At, LevelStep, search
from harness.supernets.net import Supernet
from harness.supernets.parts import identity
from harness.testing.supernets import _splits
from harness.training.settings import SearchSettings

SETTINGS = SearchSettings(channels=2, cells=1, epochs=4, batch_size=16, alpha_learning_rate=3e-2)


def trained(schedule):
    net = Supernet("nasbench201", _splits(0), SETTINGS, 0)
    search(net, LevelStep(Bilevel(update="w_first"), schedule=schedule))
    return net


@pytest.mark.parametrize(
    ("schedule", "steps", "moved"),
    [
        (AlphaSchedule(), 3, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]),
        (AlphaSchedule(alpha_every=5), 3, [4, 9]),
        (AlphaSchedule(alpha_from=1), 3, []),
        (AlphaSchedule(alpha_from=0.5), 3, [6, 7, 8, 9, 10, 11]),
        (AlphaSchedule(alpha_from=0.3, alpha_every=4), 3, [7, 11]),  # epoch 1 of 4 begins at 0.25, epoch 2 at 0.5
    ],
)
def test_when_alpha_moves(schedule, steps, moved):
    places = [At(epoch, step, epoch / 4) for epoch in range(4) for step in range(steps)]
    assert [number for number, at in enumerate(places) if schedule.moves(at, steps)] == moved


def test_alpha_rests_to_the_bit_and_no_pass_is_paid_for_it():
    net = trained(AlphaSchedule(alpha_from=0.5))
    assert [row["passes"] for row in net.rows] == [net.steps] * 2 + [2 * net.steps] * 2
    start = net.rows[0]["alphas_cell"]
    (initial,) = net.alphas(LevelStep(Bilevel()).relaxation).values()
    assert start == net.rows[1]["alphas_cell"] == initial.detach().tolist()
    assert start != net.rows[2]["alphas_cell"]
    assert {row["alpha_from"] for row in net.rows} == {0.5}


@pytest.mark.parametrize("update", ["simultaneous", "w_first", "alpha_first"])
def test_a_step_in_which_alpha_rests_moves_the_weights_as_ever(update):
    # The first step of both trainings has the same weights and alphas, and the weights' gradient is of the same pass.
    moved = []
    for schedule in (AlphaSchedule(), AlphaSchedule(alpha_every=2)):
        net = Supernet("nasbench201", _splits(0), SETTINGS, 0)
        moving = LevelStep(MixedLevel(update=update), schedule=schedule).start(net)
        moving.begin_epoch(0, 0.1)
        passed = moving(next(net.batches(0)), At(0, 0, 0.0))
        moved.append((passed.loss, [weight.detach().clone() for weight in net.network.parameters()]))
    (loss, weights), (other_loss, others) = moved
    if update == "alpha_first":  # there the weights meet the new alphas
        assert loss != other_loss
        return
    assert loss == other_loss
    for weight, other in zip(weights, others, strict=True):
        torch.testing.assert_close(weight, other, rtol=0, atol=1e-7)


def test_a_checkpoint_of_before_schedules_is_known_and_another_schedule_is_not():
    step = LevelStep(Bilevel())
    assert "schedule" not in identity(step, "step")
    other = replace(step, schedule=AlphaSchedule(alpha_every=5))
    assert "schedule=AlphaSchedule(alpha_from=0.0, alpha_every=5)" in identity(other, "step")


@pytest.mark.parametrize(
    ("fields", "message"),
    [({"alpha_from": 1.1}, "alpha_from must be a share"), ({"alpha_every": 0}, "alpha_every must be at least 1")],
)
def test_what_cannot_be_is_refused(fields, message):
    with pytest.raises(HarnessError, match=message):
        AlphaSchedule(**fields)
