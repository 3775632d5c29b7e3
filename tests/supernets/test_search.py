"""Searches: what levels share, what is recorded, checkpoints, early stop, bad input."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from harness.errors import HarnessError
from harness.levels import LEVELS, Bilevel, MixedLevel, Schedule, SingleLevel
from harness.running.pilot import PilotNet, PilotSearch
from harness.spaces.registry import cell_space, cell_space_names
from harness.streams import Streams
from harness.supernets.loop import Search
from harness.supernets.net import Supernet
from harness.supernets.selections import Strongest
from harness.supernets.sizes import best_by_size, convolutions, skips
from harness.supernets.steps import AlphaSchedule, LevelStep, MovingLevel
from harness.training.settings import SearchSettings
from harness.training.tracking import entropy

UPDATES = ("simultaneous", "w_first", "alpha_first")
CLOCKS = ("seconds", "processor_seconds", "evaluation_seconds", "tracking_seconds", "peak_memory")


STREAMS = Streams("live/test", 0)


def begun(splits, level, settings, space="nasbench201", seed=0, checkpoint=None):
    return Search(Supernet(space, splits, settings, seed, checkpoint=checkpoint), LevelStep(level), Strongest())


def searched(*arguments, **options):
    search = begun(*arguments, **options)
    search.arch = search.run(STREAMS)
    return search, search.net.rows


def state(search):
    return [*search.net.network.parameters(), *search.moving.alphas().values()]


def equal(one, other):
    return all(torch.equal(a, b) for a, b in zip(state(one), state(other), strict=True))


def without_clocks(rows, *more):
    return [{name: value for name, value in row.items() if name not in (*CLOCKS, *more)} for row in rows]


# Levels


@pytest.mark.parametrize("space", ["nasbench201", pytest.param("darts", marks=pytest.mark.slow)])
@pytest.mark.parametrize("update", UPDATES)
def test_lambda_0_is_single_level_to_the_bit(space, update, small, settings):
    settings = replace(settings, cells=3 if space == "darts" else 1)
    single, single_rows = searched(small, SingleLevel(update=update), settings, space)
    mixed, mixed_rows = searched(small, MixedLevel(lambda_valid=0, update=update), settings, space)
    assert equal(single, mixed)
    assert without_clocks(single_rows, "level") == without_clocks(mixed_rows, "level")
    assert [name for name in mixed_rows[0] if name.startswith("alphas_")]


@pytest.mark.slow
def test_towards_infinity_lambda_comes_close_to_bilevel(splits, settings):
    settings = replace(settings, epochs=3)
    ends = {
        name: np.array(searched(splits, level, settings)[1][-1]["alphas_cell"])
        for name, level in {
            "single": SingleLevel(),
            "bilevel": Bilevel(),
            "999": MixedLevel(lambda_valid=999),
            "1e6": MixedLevel(lambda_valid=1e6),
            "inf": MixedLevel(lambda_valid=math.inf),
        }.items()
    }
    span = np.ptp(ends["bilevel"])
    away = {name: np.abs(alpha - ends["bilevel"]).max() for name, alpha in ends.items()}
    assert away["inf"] == 0
    # Not 0: Adam undoes the longer gradient, but against it α's weight decay is 1/λ as strong.
    assert away["1e6"] < 0.2 * span
    assert away["999"] < 0.2 * span
    assert away["single"] > 0.4 * span


def test_levels_meet_the_same_weights_and_batches(small, settings):
    met = []
    for level in (SingleLevel(), Bilevel(order=2), MixedLevel()):
        search = begun(small, level, settings)
        read, seen = search.net.read, []
        search.net.read = lambda rows, change=np.asarray, read=read, seen=seen: (
            seen.append(rows.tolist()),
            read(rows, change),
        )[1]
        start = [parameter.detach().clone() for parameter in state(search)]
        search.epoch()
        met.append((start, seen))
    for start, seen in met[1:]:
        assert all(torch.equal(a, b) for a, b in zip(start, met[0][0], strict=True))
        assert seen == met[0][1]


def test_a_search_is_deterministic_and_seeds_differ(small, settings):
    torch.manual_seed(0)
    one, _ = searched(small, MixedLevel(), settings)
    torch.manual_seed(1)
    np.random.seed(1)  # noqa: NPY002
    assert equal(one, searched(small, MixedLevel(), settings)[0])
    assert not equal(one, searched(small, MixedLevel(), settings, seed=1)[0])


def test_a_schedule_switches_the_level(small, settings):
    schedule = Schedule(((0, Bilevel(order=2)), (1, MixedLevel())))
    _, rows = searched(small, schedule, settings)
    assert [(row["level"], row["passes"]) for row in rows] == [("Bilevel", 3 * 4), ("MixedLevel", 3 * 2)]
    assert [(row["lambda"], row["relaxation"]) for row in rows] == [(math.inf, "softmax"), (1.0, "softmax")]
    bilevel, _ = searched(small, Bilevel(order=2), replace(settings, epochs=1))
    first = begun(small, schedule, replace(settings, epochs=1))
    first.epoch()
    assert equal(first, bilevel)


# What is recorded


@pytest.mark.parametrize("space", cell_space_names())
def test_rows_of_epochs(space, small, settings):
    settings = replace(settings, cells=3 if space == "darts" else 1)
    calls = []
    search = begun(small, MixedLevel(), settings, space)
    arch = search.run(STREAMS, on_epoch=calls.append)
    assert calls == search.net.rows
    assert [row["epoch"] for row in calls] == [0, 1]
    where = cell_space(space)
    for row in calls:
        assert row["steps"] == 3
        assert row["passes"] == 6
        for name in ("train", "valid"):
            assert row[f"{name}_loss"] > 0
            assert 0 <= row[f"{name}_accuracy"] <= 100
        for group, edges in where.groups.items():
            assert 0 < row[f"alpha_entropy_{group}"] <= math.log(len(where.primitives)) + 1e-6
            assert 0 <= row[f"convolutions_{group}"] + row[f"skips_{group}"] <= edges
        assert row["parameters"] > 0
        assert where.format(where.parse(row["arch"])) == row["arch"]
        assert row["seconds"] > 0 < row["peak_memory"]
    assert calls[-1]["arch"] == where.format(arch)
    for group, edges in where.groups.items():
        for name in (f"alphas_{group}", f"weights_{group}"):
            assert np.array(calls[-1][name]).shape == (edges, len(where.primitives))
        assert np.allclose(np.sum(calls[-1][f"weights_{group}"], axis=1), 1)


def test_test_images_are_not_read(small, settings):
    search = begun(small, MixedLevel(), settings)
    read, test = search.net.read, set(small.test.tolist())
    search.net.read = lambda rows, change=np.asarray: (
        test.isdisjoint(rows.tolist()) or pytest.fail("test"),
        read(rows, change),
    )[1]
    search.run(STREAMS)


def test_the_learning_rate_falls_along_half_a_cosine():
    settings = SearchSettings(epochs=50)
    assert settings.rate(0) == 0.025
    assert settings.rate(25) == pytest.approx((0.025 + 0.001) / 2)
    assert settings.rate(50) == pytest.approx(0.001)


def test_sizes_of_cells():
    assert entropy(np.full((3, 8), 1 / 8)) == pytest.approx(math.log(8))
    assert entropy(np.eye(4)) == pytest.approx(0)
    operations = ["sep_conv_3x3", "dil_conv_5x5", "skip_connect", "max_pool_3x3", "nor_conv_1x1", "none"]
    assert (convolutions(operations), skips(operations)) == (3, 1)


def test_the_best_epoch_of_every_size():
    rows = [
        {"epoch": epoch, "convolutions_normal": normal, "convolutions_reduce": reduce, "valid_accuracy": accuracy}
        for epoch, (normal, reduce, accuracy) in enumerate([(7, 5, 60.0), (6, 5, 62.0), (7, 5, 61.0), (6, 5, 61.0)])
    ]
    assert {size: row["epoch"] for size, row in best_by_size(rows).items()} == {(7, 5): 2, (6, 5): 1}


def test_early_stop_at_the_expected_size(small, settings):
    many = replace(settings, epochs=4)
    _, whole = searched(small, MixedLevel(), many)
    sizes = [row["convolutions_cell"] for row in whole]
    stop = next(epoch for epoch, size in enumerate(sizes) if size <= sizes[1])
    _, stopped = searched(small, MixedLevel(), replace(many, expected_size=(sizes[1],)))
    assert without_clocks(stopped) == without_clocks(whole[: stop + 1])
    _, never = searched(small, MixedLevel(), replace(many, expected_size=(-1,)))
    assert len(never) == 4


def test_the_time_of_a_search_is_estimated_without_running_it(small, settings):
    schedule = Schedule(((0, MixedLevel()), (1, Bilevel(order=2))))
    pilot = PilotNet("nasbench201", small, replace(settings, epochs=20), 0)
    arch = PilotSearch(pilot, LevelStep(schedule), Strongest()).run(STREAMS)
    assert cell_space("nasbench201").validate(arch)
    _, rows = searched(small, schedule, settings)
    spent = sum(row["seconds"] + row["evaluation_seconds"] for row in rows)
    assert spent < pilot.seconds < 100 * spent


def test_an_estimate_knows_when_alpha_moves(small, settings, monkeypatch):
    moved = []
    monkeypatch.setattr(MovingLevel, "__call__", lambda self, batches, at: moved.append((at.epoch, at.step)))
    pilot = PilotNet("nasbench201", small, replace(settings, epochs=4), 0)
    step = LevelStep(MixedLevel(), schedule=AlphaSchedule(alpha_from=0.5, alpha_every=3))
    PilotSearch(pilot, step, Strongest()).run(STREAMS)
    # A turn of all kinds of steps, before and after alpha moves for the first time; the first of two calls is not timed.
    assert moved == [(epoch, turn) for epoch in (0, 2) for turn in (0, 1, 2, 0, 1, 2)]


# Checkpoints


class Killed(Exception):
    pass


@pytest.mark.parametrize("name", ["milenas-1st", "darts-2nd"])
@pytest.mark.parametrize("batch_norm", ["batch", "running"])
def test_a_killed_search_resumes_to_the_bit(name, batch_norm, small, settings, tmp_path):
    settings = replace(settings, epochs=3, batch_norm=batch_norm)
    whole, expected = searched(small, LEVELS[name], settings)

    def die(row):
        if row["epoch"] == 1:
            raise Killed

    path = tmp_path / "search.pt"
    with pytest.raises(Killed):
        begun(small, LEVELS[name], settings, checkpoint=path).run(STREAMS, on_epoch=die)
    again = begun(small, LEVELS[name], settings, checkpoint=path)
    done = []
    again.run(STREAMS, on_epoch=lambda row: done.append(row["epoch"]))
    assert done == [2]
    assert equal(whole, again)
    assert without_clocks(again.net.rows) == without_clocks(expected)
    for one, other in zip(whole.net.network.buffers(), again.net.network.buffers(), strict=True):
        assert torch.equal(one, other)
    finished = begun(small, LEVELS[name], settings, checkpoint=path)
    assert finished.run(STREAMS, on_epoch=lambda _: pytest.fail("epoch")) == whole.arch
    assert [file.name for file in tmp_path.iterdir()] == ["search.pt"]


def test_a_checkpoint_of_another_configuration_is_refused_and_kept(small, settings, tmp_path):
    path = tmp_path / "search.pt"
    begun(small, MixedLevel(), settings, checkpoint=path).run(STREAMS)
    content = path.read_bytes()
    for other, what in [
        (begun(small, Bilevel(), settings, checkpoint=path), r"step was LevelStep\(level=MixedLevel"),
        (begun(small, MixedLevel(), settings, seed=1, checkpoint=path), "seed was 0, not 1"),
        (
            begun(small, MixedLevel(), replace(settings, momentum=0.5), checkpoint=path),
            "momentum was 0.9, not 0.5",
        ),
        (begun(replace(small, valid=small.test), MixedLevel(), settings, checkpoint=path), "data was digits"),
    ]:
        with pytest.raises(HarnessError, match=f"another configuration: {what}"):
            other.run(STREAMS)
    assert path.read_bytes() == content


@pytest.mark.parametrize("content", [b"", b"not a checkpoint"])
def test_a_damaged_checkpoint_is_refused(content, small, settings, tmp_path):
    path = tmp_path / "search.pt"
    path.write_bytes(content)
    with pytest.raises(HarnessError, match="not a checkpoint of a search"):
        begun(small, MixedLevel(), settings, checkpoint=path).run(STREAMS)
    assert path.read_bytes() == content


# Bad input


def test_a_loss_that_is_not_finite_is_named_with_epoch_and_step(small, settings):
    search = begun(small, MixedLevel(), settings)
    search.epoch()
    read, calls = search.net.read, []

    def breaking(*arguments):
        calls.append(1)
        if len(calls) == 3:  # the training batch of the second step
            with torch.no_grad():
                search.net.network.classifier.bias.fill_(math.nan)
        return read(*arguments)

    search.net.read = breaking
    with pytest.raises(HarnessError, match="training loss is nan in epoch 1, step 1"):
        search.epoch()


@pytest.mark.parametrize("broken", ["network", "alphas"])
def test_a_loss_that_is_not_finite_after_the_last_step_is_no_result(broken, small, settings, tmp_path):
    checkpoint = tmp_path / "search.pt"
    search = begun(small, MixedLevel(), replace(settings, epochs=1), checkpoint=checkpoint)
    steps = search._steps

    def breaking(*arguments):
        done = steps(*arguments)
        with torch.no_grad():
            alphas = search.moving.alphas()["cell"]
            (alphas if broken == "alphas" else search.net.network.classifier.bias).fill_(math.nan)
        return done

    search._steps = breaking
    with pytest.raises(HarnessError, match=r"^search, after epoch 0: the valid loss is nan$"):
        search.run(STREAMS)
    assert not checkpoint.exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"batch_size": 97}, "batch_size 97 is larger than the 96 images of digits's train split"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"learning_rate": math.nan}, "learning_rate must be a number > 0"),
        ({"expected_size": (6, 0)}, "one number for each of cell"),
        ({"batch_norm": "none"}, "unknown batch norm"),
        ({"cells": 0}, "at least 1"),
    ],
)
def test_wrong_settings(change, message, small, settings):
    with pytest.raises(HarnessError, match=message):
        begun(small, MixedLevel(), replace(settings, **change))


def test_augmented_searches_run_on_their_own_stream(small, settings):
    plain, _ = searched(small, MixedLevel(), settings)
    augmented, _ = searched(small, MixedLevel(), replace(settings, augment=True))
    assert not equal(plain, augmented)
    assert equal(augmented, searched(small, MixedLevel(), replace(settings, augment=True))[0])


def test_a_batch_norm_of_one_number_is_refused(small, settings):
    """Validation images are measured in batches of nearly equal size: of 3 images in batches of 2 the last has one."""
    odd = replace(small, valid=small.valid[:3])
    tiny = replace(settings, reductions=3, batch_size=2)
    with pytest.raises(
        HarnessError, match=r"^search: 3 reductions leave one pixel of an image, and batch norm needs more"
    ):
        begun(odd, MixedLevel(), tiny)
    for fine in (replace(tiny, batch_norm="running"), replace(tiny, batch_size=3), replace(tiny, reductions=2)):
        search = begun(odd, MixedLevel(), replace(fine, epochs=1))
        search.net.measure(search.moving.probabilities())
