"""What every search method must hold on a supernet."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch

from harness.images.labelled import Images
from harness.live.problem import LiveProblem
from harness.methods.base import Method, method_params, run_search
from harness.problem.budget import Budget
from harness.running.columns import EPOCH_TIME_COLUMNS
from harness.spaces.base import Arch
from harness.spaces.registry import cell_space, cell_space_names
from harness.streams import Streams, generator
from harness.supernets.net import Form, Supernet
from harness.testing.reach import reachable
from harness.training.data import Splits, split
from harness.training.networks import Stages
from harness.training.settings import LiveSettings, Recipe, SearchSettings
from harness.training.skeletons import skeleton_of

SEEDS = (0, 1)
STATED = ("level", "update", "relaxation", "pass", "selection")


class _Killed(BaseException):
    """Stands for the end of a process: no method may catch it."""


class _Watched(LiveProblem):
    """A problem whose supernet dies before an epoch."""

    dies_at: int | None = None
    handed_out: Supernet | None = None

    def supernet(self, form: Form | None = None) -> Supernet:
        net = super().supernet(form)
        self.handed_out, spend = net, net.spend

        def watched() -> int:
            number = spend()
            if number == self.dies_at:
                raise _Killed
            return number

        net.spend = watched  # type: ignore[method-assign]
        return net


def check_on_supernets(method: Method, epochs: int) -> None:
    """Check a method on a small supernet of every cell space; see `harness.testing.check_supernet_method`."""
    for space in cell_space_names():
        _check_on(method, space, epochs)


def _check_on(method: Method, space: str, epochs: int) -> None:
    name, where = method.name, cell_space(space)
    trains = method.taxonomy.acceleration != "zero-cost proxy"
    found = {seed: _searched(method, space, seed, epochs) for seed in SEEDS}
    for seed, (arch, problem) in found.items():
        rows = problem.epochs
        assert where.validate(arch) == arch, f"{name}: recommends {arch}, which is not in the space"
        if trains:
            assert 0 < len(rows) <= epochs, f"{name}: {len(rows)} epochs were recorded, and the budget is {epochs}"
        else:
            assert not problem.spent, f"{name}: is a zero-cost proxy, and spent {problem.spent} epochs"
            assert problem.n_statistics, f"{name}: is a zero-cost proxy, and asked for no untrained network"
        for row in rows:
            missing = [word for word in STATED if word not in row]
            assert not missing, f"{name}: its rows do not state {missing[0]}; see Step.words and Selection.word"
        assert not _holds_test_images(problem, _splits(seed)), f"{name}: a test image can be reached from its problem"
    _check_repeated(method, space, epochs, found)
    first, other = (_rows(problem) or arch for arch, problem in found.values())
    assert first != other, f"{name}: ignores the seed"
    for end in range(1, epochs if trains else 0):
        _check_resumed(method, space, epochs, end, found[SEEDS[0]])


def _check_repeated(method: Method, space: str, epochs: int, found: dict[int, tuple[Arch, LiveProblem]]) -> None:
    """Each seed once more: the first as it is, the other with other global random states."""
    first, other = SEEDS
    before = _global_state()
    again = _searched(method, space, first, epochs)
    _check_same(f"{method.name}: seed {first} twice gives two different searches", found[first], again)
    assert _global_state() == before, (
        f"{method.name}: draws from a global random state; use the streams that it is given"
    )
    random.seed(1)
    np.random.seed(1)  # noqa: NPY002  (it must not matter)
    torch.manual_seed(1)
    again = _searched(method, space, other, epochs)
    _check_same(f"{method.name}: depends on a global random state", found[other], again)


def _check_resumed(method: Method, space: str, epochs: int, end: int, whole: tuple[Arch, LiveProblem]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = Path(folder) / "search.pt"
        try:
            _searched(method, space, SEEDS[0], epochs, checkpoint=checkpoint, dies_at=end)
        except _Killed:
            pass
        else:
            return  # it ended before
        assert checkpoint.exists(), f"{method.name}: nothing was saved after epoch {end}"
        resumed = _searched(method, space, SEEDS[0], epochs, checkpoint=checkpoint)
    _check_same(f"{method.name}: killed after epoch {end} and gone on with, it ends otherwise", whole, resumed)


def _global_state() -> str:
    return str((random.getstate(), np.random.get_state(legacy=False), torch.get_rng_state().tolist()))  # noqa: NPY002


def _check_same(message: str, one: tuple[Arch, LiveProblem], other: tuple[Arch, LiveProblem]) -> None:
    assert one[0] == other[0], message
    assert _rows(one[1]) == _rows(other[1]), message


def _rows(problem: LiveProblem) -> list[dict[str, Any]]:
    """Rows without the declared time fields."""
    return [{key: value for key, value in row.items() if key not in EPOCH_TIME_COLUMNS} for row in problem.epochs]


def _searched(
    method: Method,
    space: str,
    seed: int,
    epochs: int,
    *,
    checkpoint: Path | None = None,
    dies_at: int | None = None,
) -> tuple[Arch, LiveProblem]:
    # As few as hold every kind of cell; two steps an epoch.
    cells = 1 if issubclass(skeleton_of(cell_space(space)).shape, Stages) else 3
    recipe = Recipe(channels=2, cells=cells, epochs=1, batch_size=24)
    search = SearchSettings(channels=2, cells=cells, epochs=epochs, batch_size=24, alpha_learning_rate=3e-2)
    settings = LiveSettings(search=search, evaluation=recipe, proxy=recipe, device="cpu")
    problem = _Watched(
        space,
        cell_space(space),
        _splits(seed),
        settings,
        Budget("epochs", epochs),
        seed,
        checkpoint=checkpoint,
        statistics=method.statistic_names,
    )
    problem.dies_at = dies_at
    fresh = type(method).of(method_params(method))
    found = run_search(fresh, problem, Streams(f"live/{space}-kit", seed))
    if found.arch is None:
        raise AssertionError(f"{method.name}: recommends nothing")
    return found.arch, problem


def _splits(seed: int) -> Splits:
    """Made-up images of four classes, no two of them alike."""
    rng = generator("kit", "images")
    labels = np.arange(128) % 4
    images = rng.integers(0, 128, size=(128, 1, 8, 8)) + 32 * labels[:, None, None, None]
    return split(Images("kit", images.astype(np.uint8), labels, classes=4), seed)


def _holds_test_images(start: object, splits: Splits) -> bool:
    """Whether an array or tensor with a test image can be reached from an object."""
    shape = splits.data.shape
    tests = {image.tobytes() for image in splits.data.images[splits.test]}
    for item in reachable(start):
        array = item.detach().cpu().numpy() if isinstance(item, torch.Tensor) else item
        if not isinstance(array, np.ndarray) or array.dtype != np.uint8 or array.shape[1:] != shape:
            continue
        if any(image.tobytes() in tests for image in array):
            return True
    return False
