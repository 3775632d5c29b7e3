"""What a live problem and a supernet hold of the images: never those of the test split."""

from dataclasses import replace

import numpy as np
import torch

from harness.images import sources
from harness.live.problem import LiveProblem
from harness.problem.budget import Budget
from harness.spaces.nasbench201 import NASBench201Space
from harness.testing import reachable
from harness.training.data import split
from harness.training.settings import LiveSettings, Recipe, SearchSettings


def test_no_test_image_can_be_reached_from_a_live_problem():
    rng = np.random.default_rng(0)
    whole = sources.load("digits")
    data = replace(whole, images=rng.integers(256, size=whole.images.shape, dtype=np.uint8))  # all different
    splits = split(data, 0)
    settings = LiveSettings(
        SearchSettings(channels=2, cells=1, epochs=1, batch_size=320),
        Recipe(channels=2, cells=1, epochs=1, batch_size=320),
        Recipe(channels=2, cells=1, epochs=1, batch_size=320),
        "cpu",
    )
    problem = LiveProblem("nasbench201", NASBench201Space(), splits, settings, Budget("epochs", 1), 0)
    size = data.images[0].size
    tests = {image.tobytes() for image in data.images[splits.test]}

    def held():
        arrays = [item for item in reachable(problem) if isinstance(item, np.ndarray | torch.Tensor)]
        images = [np.asarray(array) for array in arrays if array.dtype in (np.uint8, torch.uint8)]
        return {image.tobytes() for array in images if array.size % size == 0 for image in array.reshape(-1, size)}

    assert len(held()) == len(splits.train) + len(splits.valid)
    assert not held() & tests
    problem.evaluate((3,) * 6)
    assert not held() & tests
    assert not any(np.array_equal(item, splits.test) for item in reachable(problem) if isinstance(item, np.ndarray))


def test_splits_that_searches_see_have_no_other_images(splits):
    from harness.live.problem import without_test

    seen = without_test(splits)
    assert len(seen.test) == 0
    for name in ("train", "valid"):
        rows = getattr(seen, name)
        assert np.array_equal(seen.data.images[rows], splits.data.images[getattr(splits, name)])
    assert len(seen.data.images) == len(splits.train) + len(splits.valid)
