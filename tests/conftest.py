"""What several tests share: a table store of their own, the command line, small tables, comparing runs and folders."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd
import pytest

from harness.cli import main
from harness.images import registry as datasets
from harness.methods import base
from harness.running.columns import TIME_COLUMNS
from harness.running.records import read_run
from harness.spaces import registry as cell_spaces
from harness.spaces.base import CategoricalSpace
from harness.system import plugins
from harness.tabular import catalogue
from harness.tabular.table import Table
from harness.training.settings import SearchSettings

if TYPE_CHECKING:
    from harness.training.data import Splits

COLUMNS = ("valid", "test", "cost", "latency", "test_extra", "train_loss", "valid_loss")
ROOT = Path(__file__).resolve().parents[1]
SLOW = '''
import time
from dataclasses import dataclass

from harness import AskTell, Taxonomy, register_method


@register_method("slow")
@dataclass
class Slow(AskTell):
    """Random search that takes its time."""

    taxonomy = Taxonomy("any", "random", "none", "none")

    def start(self, problem, streams):
        super().start(problem, streams)
        self.draw = streams.uniforms("sample")
        time.sleep({seconds})

    def ask(self):
        return self.problem.sample(self.draw)

    def tell(self, arch, evaluation):
        pass
'''
# Last, so that `benchmarks`, which is no part of the package, is found, and `harness` is the installed one.
sys.path.append(str(ROOT))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test of the folders that need torch has its mark."""
    folders = [ROOT / "tests" / name for name in ("images", "live", "recording", "supernets", "training")]
    for item in items:
        if any(folder in item.path.parents for folder in folders):
            item.add_marker(pytest.mark.torch)


@pytest.fixture(autouse=True)
def one_thread(request: pytest.FixtureRequest) -> Iterator[None]:
    """Torch computes with one thread in a test that is marked so, and with as many as before after it."""
    if request.node.get_closest_marker("torch") is None:
        yield
        return
    torch = pytest.importorskip("torch", reason="needs the extra `live`")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The table store of this test session, never the user's own; processes that tests start inherit it."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NAS_HARNESS_CACHE", str(folder))
        patch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep))
        yield folder


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty table store for one test, which may spoil it."""
    folder = tmp_path / "own-cache"
    monkeypatch.setenv("NAS_HARNESS_CACHE", str(folder))
    caches = (catalogue.load_table, datasets.images_of)
    for cache in caches:
        cache.cache_clear()
    yield folder
    for cache in caches:
        cache.cache_clear()


@pytest.fixture
def registries(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever the test registers is forgotten afterwards."""
    base.method_names()  # the built-in ones are there to stay
    cell_spaces.cell_space_names()
    monkeypatch.setattr(base, "_REGISTRY", dict(base._REGISTRY))
    monkeypatch.setattr(catalogue, "_REGISTRY", dict(catalogue._REGISTRY))
    monkeypatch.setattr(datasets, "_REGISTRY", dict(datasets._REGISTRY))
    monkeypatch.setattr(cell_spaces, "_REGISTRY", dict(cell_spaces._REGISTRY))
    monkeypatch.setattr(plugins, "_LOADED", {})
    caches = (catalogue.load_table, datasets.images_of)
    for cache in caches:
        cache.cache_clear()
    yield
    for cache in caches:
        cache.cache_clear()


class Outcome(NamedTuple):
    """What a command came to."""

    code: int
    out: str
    err: str


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run the command line in this process."""

    def run(*arguments: str | Path) -> Outcome:
        capfd.readouterr()
        try:
            code = main([str(argument) for argument in arguments])
        except SystemExit as stop:
            code = int(stop.code or 0)
        return Outcome(code, *capfd.readouterr())

    return run


@pytest.fixture(scope="session")
def shared() -> Callable[[str], Path]:
    """Path of a published data file kept beside the repository; a test that asks for an absent one is skipped."""

    def find(name: str) -> Path:
        root = Path(os.environ.get("NAS_HARNESS_SHARED", ROOT.parent / "shared"))
        path = root / "data" / name
        if not path.exists():
            pytest.skip(f"{name} is not under {root}; set NAS_HARNESS_SHARED to the folder that holds data/")
        return path

    return find


@pytest.fixture
def make_table() -> Callable[..., Table]:
    """Make a table of random numbers, all different, over a small space with variables of unequal size; with curves if it
    has epochs."""

    def make(
        *,
        missing: float = 0.0,
        weighted: bool = False,
        direction: str = "max",
        name: str = "made/up",
        seed: int = 7,
        epochs: int = 0,
    ) -> Table:
        rng = np.random.default_rng(seed)
        space = CategoricalSpace("made-up", {f"v{i}": [f"c{j}" for j in range(n)] for i, n in enumerate((3, 5, 2, 4))})
        present = np.flatnonzero(rng.random(space.size) >= missing)
        rows = np.full(space.size, -1, dtype=np.int32)
        rows[present] = np.arange(present.size)
        columns = {key: 100 * rng.random(present.size) for key in COLUMNS}
        weights = rng.integers(1, 9, present.size).astype(float) if weighted else np.empty(0)
        curves: dict[str, np.ndarray] = {}
        if epochs:
            curves = {key: 100 * rng.random((present.size, epochs)) for key in ("valid", "test", "cost", "train_loss")}
            curves["cost"] = columns["cost"][:, None] * np.sort(rng.random((present.size, epochs)), axis=1)
            for key, curve in curves.items():
                curve[:, -1] = columns[key]
        return Table(
            name=name,
            dataset=name.rpartition("/")[2],
            space=space,
            rows=rows,
            codes=space.codes(present).astype(np.int16),
            columns=columns,
            curves=curves,
            direction=direction,  # type: ignore[arg-type]
            weights=weights,
        )

    return make


@pytest.fixture
def snapshot() -> Callable[[Path], dict[str, bytes | None] | None]:
    """Content of a folder by relative path (None for a folder), or None if there is no such folder."""

    def take(folder: Path) -> dict[str, bytes | None] | None:
        if not folder.exists():
            return None
        return {
            path.relative_to(folder).as_posix(): path.read_bytes() if path.is_file() else None
            for path in sorted(folder.rglob("*"))
        }

    return take


@pytest.fixture
def results() -> Callable[[Path], tuple[pd.DataFrame, pd.DataFrame]]:
    """Records and traces of a run without what may differ between equal runs."""

    def read(output: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
        records, traces, _ = read_run(output)
        return records.drop(columns=list(TIME_COLUMNS)), traces

    return read


@pytest.fixture
def same_results(results: Callable[[Path], tuple[pd.DataFrame, pd.DataFrame]]) -> Callable[[Path, Path], None]:
    """Assert that two runs left the same records and traces, bit for bit."""

    def compare(one: Path, other: Path) -> None:
        for left, right in zip(results(one), results(other), strict=True):
            pd.testing.assert_frame_equal(left, right, check_exact=True)

    return compare


@pytest.fixture(scope="session")
def splits() -> Splits:
    """The digits, split for seed 0."""
    from harness.images.sources import load
    from harness.training.data import split

    return split(load("digits"), 0)


@pytest.fixture(scope="session")
def small(splits: Splits) -> Splits:
    """A few images of every split: searches of a second."""
    return replace(splits, train=splits.train[:96], valid=splits.valid[:96], test=splits.test[:64])


@pytest.fixture
def settings() -> SearchSettings:
    """A supernet of one cell and two channels, for two epochs."""
    return SearchSettings(channels=2, cells=1, epochs=2, batch_size=32, alpha_learning_rate=3e-3)


@pytest.fixture
def slow_plugin(tmp_path: Path) -> Callable[..., Path]:
    """Write ``slow.py`` with the method ``slow``, a random search that sleeps so long when it starts."""

    def write(seconds: float = 0.004) -> Path:
        path = tmp_path / "slow.py"
        path.write_text(SLOW.format(seconds=seconds))
        return path

    return write
