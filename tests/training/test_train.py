"""Stand-alone training."""

from dataclasses import replace

import pytest

from harness.errors import HarnessError
from harness.spaces.darts import DartsSpace
from harness.spaces.nasbench201 import NASBench201Space
from harness.training.checkpoints import CheckpointError
from harness.training.settings import Recipe
from harness.training.train import check_recipe, train

CONVOLUTIONS = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_3x3~1|nor_conv_3x3~2|"


def test_an_architecture_learns_digits(splits):
    recipe = Recipe(channels=4, cells=1, epochs=4, learning_rate=0.1)
    called = []
    (rows,) = train("nasbench201", NASBench201Space().parse(CONVOLUTIONS), splits, recipe, [0], on_epoch=called.append)
    assert [[row] for row in rows] == called
    assert [row["epoch"] for row in rows] == [1, 2, 3, 4]
    assert rows[-1]["train_loss"] < rows[0]["train_loss"]
    assert rows[-1]["test_accuracy"] > 70
    assert rows[-1]["valid_accuracy"] > 70


def test_training_is_deterministic_by_seed(small):
    recipe = Recipe(channels=2, cells=3, epochs=1, batch_size=32)

    def result(recipe, seed):
        ((row,),) = train("darts", DartsSpace().arch(123_456_789), small, recipe, [seed])
        return {key: value for key, value in row.items() if key != "seconds"}

    assert result(recipe, 0) == result(recipe, 0)
    assert result(recipe, 0) != result(recipe, 1)
    assert result(recipe, 0) != result(replace(recipe, augment=True), 0)


@pytest.mark.parametrize("switches", [{}, {"cutout": 2, "drop_path": 0.2, "auxiliary": 0.4, "augment": True}])
def test_a_killed_training_goes_on_to_the_bit(small, tmp_path, switches):
    recipe = Recipe(channels=2, cells=3, epochs=4, batch_size=32, **switches)
    checkpoint, arch = tmp_path / "training.pt", DartsSpace().arch(123_456_789_123)

    def rows(**options):
        found = train("darts", arch, small, recipe, [0, 1], **options)
        return [[row | {"seconds": None} for row in one] for one in found]

    class KilledError(Exception):
        pass

    def kill(epoch):
        if epoch[0]["epoch"] == 2:
            raise KilledError

    whole = rows()
    with pytest.raises(KilledError):
        rows(checkpoint=checkpoint, on_epoch=kill)
    computed = []
    assert rows(checkpoint=checkpoint, on_epoch=lambda epoch: computed.append(epoch[0]["epoch"])) == whole
    assert computed == [3, 4]
    assert rows(checkpoint=checkpoint, on_epoch=kill) == whole  # nothing is left to compute


def test_a_checkpoint_of_another_training_is_refused_and_kept(small, tmp_path):
    recipe, arch = Recipe(channels=2, cells=3, epochs=1, batch_size=32), DartsSpace().arch(5)
    checkpoint = tmp_path / "training.pt"
    train("darts", arch, small, recipe, [0], checkpoint=checkpoint)
    content = checkpoint.read_bytes()
    with pytest.raises(CheckpointError, match=r"another configuration: drop_path was None, not 0\.2"):
        train("darts", arch, small, replace(recipe, drop_path=0.2), [0], checkpoint=checkpoint)
    assert checkpoint.read_bytes() == content
    checkpoint.write_bytes(content[:100])
    with pytest.raises(CheckpointError, match="not a checkpoint of a training"):
        train("darts", arch, small, recipe, [0], checkpoint=checkpoint)


def test_wrong_input(small):
    arch = NASBench201Space().parse(CONVOLUTIONS)
    with pytest.raises(HarnessError, match="batch_size 500 is larger than train, 96 images"):
        train("nasbench201", arch, small, Recipe(batch_size=500), [0])
    with pytest.raises(HarnessError, match=r"^training: the training loss is (nan|inf) in epoch 1, step"):
        train("nasbench201", arch, small, Recipe(batch_size=32, learning_rate=1e30, epochs=2), [0])
    with pytest.raises(HarnessError, match="at least 1"):
        Recipe(epochs=0)


def test_a_loss_that_is_not_finite_after_the_last_step(small):
    arch = NASBench201Space().parse(CONVOLUTIONS)
    recipe = Recipe(channels=2, cells=1, batch_size=96, learning_rate=1e10, epochs=1, clip=1e30)  # one step
    for seeds in ([0], [0, 1]):
        with pytest.raises(HarnessError, match=r"^training, after epoch 1: the train loss is (nan|inf)$"):
            train("nasbench201", arch, small, recipe, seeds)


def test_a_batch_norm_of_one_number_is_refused(small):
    for change, message in (
        ({"reductions": 3}, "training: 3 reductions leave one pixel of an image, and batch norm needs more"),
        ({"auxiliary": 0.4}, "training: auxiliary: batch norm of the head needs more than one image"),
        ({"weight_decay": float("nan")}, "training: momentum and weight_decay must be numbers >= 0"),
    ):
        with pytest.raises(HarnessError, match=message):
            check_recipe("darts", small, Recipe(channels=2, batch_size=1, **change))
