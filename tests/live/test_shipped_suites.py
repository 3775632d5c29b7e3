"""The live suites that are shipped, shortened: their settings, plans and runs."""

import json
from dataclasses import replace

import numpy as np
import pytest

from harness.images import sources
from harness.images.sources import CIFAR10, PIXELS
from harness.running.records import read_epochs, read_run
from harness.running.runner import run
from harness.suites.reading import load_suite
from harness.training.settings import LiveSettings, SearchSettings

# CIFAR-10, written here in its published format, with a few images


@pytest.fixture
def cifar(request, tmp_path, monkeypatch):
    """So many images in every file of it, 12 unless the test says otherwise."""
    from harness.live import benchmark

    folder = tmp_path / "data" / "cifar10" / "cifar-10-batches-bin"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    tiny = replace(CIFAR10, files=dict.fromkeys(CIFAR10.files, getattr(request, "param", 12)))
    for name, n in tiny.files.items():
        labels = np.resize(np.arange(10, dtype=np.uint8), (n, 1))
        np.concatenate([labels, rng.integers(256, size=(n, PIXELS), dtype=np.uint8)], axis=1).tofile(
            folder / f"{name}.bin"
        )
    monkeypatch.setenv("NAS_HARNESS_DATA", str(tmp_path / "data"))
    monkeypatch.setitem(sources._SOURCES, "cifar10", lambda place: sources.read_cifar(tiny, place))
    benchmark.images_of.cache_clear()
    yield
    benchmark.images_of.cache_clear()


SMALLER = [f"{part}.{key}" for part in ("search", "evaluation") for key in ("channels=2", "cells=3", "batch_size=16")]


@pytest.mark.parametrize("cifar", [40], indirect=True)  # more than a batch of the final training
def test_the_cifar_suite_has_the_papers_settings(cifar):
    suite = load_suite("live-cifar10", ["device=cpu", "search.batch_size=64"])
    group = suite.groups()[0]
    settings = LiveSettings.from_json(group.settings)
    assert settings.search == SearchSettings(augment=True)  # its defaults are DARTS's
    assert (settings.evaluation.epochs, settings.evaluation.channels, settings.evaluation.cells) == (600, 36, 20)
    assert settings.evaluation.batch_size == 96
    assert len(suite.seeds) == 4


@pytest.mark.slow
def test_a_plan_of_the_cifar_suite(cifar, tmp_path, cli):
    changes = [argument for change in SMALLER for argument in ("--set", change)]
    outcome = cli("plan", "live-cifar10", "--device", "cpu", *changes, "-o", tmp_path / "out", "-j", "1", "--json")
    assert outcome.code == 0, outcome
    found = json.loads(outcome.out)
    assert (found["cells"], found["missing"]) == (36, 36)
    assert found["seconds"] > 0


@pytest.mark.slow
def test_one_step_of_the_cifar_suite(cifar, tmp_path):
    changes = [
        "budgets.epochs=1",
        "evaluation.epochs=1",
        "evaluation.proxy_epochs=1",
        'methods.8.phases=[[0, "darts-2nd"]]',
    ]
    suite = load_suite("live-cifar10", ["device=cpu", *SMALLER, *changes], "0:1")
    records = run(suite, tmp_path / "out", backend="sequential")
    assert records["status"].tolist() == ["ok"] * 9, records["error"].tolist()
    search = read_epochs(tmp_path / "out").query("phase == 'search'")
    assert (search["steps"] == 1).all()


# The comparison

METHODS = ["random-architecture", "random-search-ws", "single-level", *["milenas-1st"] * 3]
METHODS += ["darts-1st", "darts-2nd", "milenas-2nd"]


@pytest.mark.parametrize("name", ["live-darts", "live-mnist"])
def test_the_suites_of_the_comparison(name):
    suite = load_suite(name)
    assert len(suite.seeds) == 8
    assert [method.name for method in suite.methods] == METHODS
    assert [method.params["lambda_valid"] for method in suite.methods if method.name == "milenas-1st"] == [0.1, 1, 999]
    assert suite.methods[0].params["architectures"] * len(suite.seeds) == 32
    settings = LiveSettings.from_json(suite.groups()[0].settings)
    assert (settings.search.channels, settings.search.cells) == (4, 3)
    assert settings.search.alpha_learning_rate == 3e-3


@pytest.mark.slow
def test_a_shortened_run_on_mnist(tmp_path, cli, monkeypatch):
    whole = sources.load("mnist5k")
    some = replace(whole, images=whole.images[::25], labels=whole.labels[::25])  # the digits come one after another
    monkeypatch.setattr("harness.live.benchmark.images_of", lambda _: some)
    changes = ["budgets.epochs=1", "evaluation.epochs=1", "methods.1.candidates=3"]
    changes += [
        f"{part}.{key}" for part in ("search", "evaluation") for key in ("channels=2", "cells=2", "batch_size=36")
    ]
    command = ["run", "live-mnist", "--seeds", "0:1", "-o", tmp_path / "out", "-q", "--backend", "sequential"]
    outcome = cli(*command, *(argument for change in changes for argument in ("--set", change)))
    assert outcome.code == 0, outcome
    records, _, _ = read_run(tmp_path / "out")
    assert records["method"].tolist() == METHODS
    assert (records["status"] == "ok").all()
    assert (tmp_path / "out" / "report" / "index.html").is_file()
