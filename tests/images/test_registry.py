"""Images of one's own as plug-ins: their names, their runs, and what is refused."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import harness
from harness.errors import HarnessError
from harness.images import registry as datasets
from harness.live.benchmark import LiveBenchmark, live_names
from harness.running.runner import run
from harness.spaces.registry import cell_space_names
from harness.suites.catalogue import load_benchmark
from harness.suites.reading import make_suite

from .conftest import some

STRIPES = """
import numpy as np

from harness import register_images

@register_images("my-stripes")
def stripes():
    labels = np.arange(240) % 3
    return np.random.default_rng(0).random((240, 8, 12)) * (labels[:, None, None] + 1) / 3, labels
"""


SUITE = {
    "name": "own",
    "seeds": "0:2",
    "benchmarks": ["live/nasbench201-my-stripes"],
    "budgets": {"epochs": 1},
    "search": {"channels": 4, "cells": 1, "batch_size": 32},
    "evaluation": {"channels": 4, "cells": 1, "epochs": 1, "batch_size": 32},
    "methods": [{"name": "random-architecture", "architectures": 1}, {"name": "single-level"}],
}


def test_built_in_data_sets_are_what_they_were():
    assert datasets.dataset_names()[:4] == ["digits", "mnist5k", "cifar10", "cifar100"]
    # As before there were any others: cells that are done are kept.
    digest = "e231367ed19e67009a086dacea6cfcc06747a053a57de9729a93750c6ea7d567"
    assert LiveBenchmark("live/darts-digits").sha256 == LiveBenchmark("live/nasbench201-digits").sha256 == digest
    for name in ("digits", "mnist5k"):
        images = datasets.images_of(name)
        facts = datasets.sources.FACTS[name]
        assert (len(images.labels), images.shape, images.classes) == facts[:3]


def test_no_space_has_a_dash_so_that_data_sets_may():
    assert not [space for space in cell_space_names() if "-" in space]
    benchmark = LiveBenchmark("live/darts-my-own-set")
    assert (benchmark.space_name, benchmark.dataset) == ("darts", "my-own-set")


@pytest.fixture
def stripes(tmp_path, registries):
    path = tmp_path / "stripes.py"
    path.write_text(STRIPES)
    return path


def test_a_plug_in_is_a_benchmark_of_every_space(stripes, tmp_path, cli):
    rows = json.loads(cli("ls", "images", "--plugin", stripes, "--json").out)
    own = rows[-1]
    assert (own["name"], own["images"], own["size"], own["classes"]) == ("my-stripes", "240", "1x8x12", "3")
    assert own["about"] == f"registered by {stripes}: stripes"
    assert {f"live/{space}-my-stripes" for space in cell_space_names()} <= set(live_names())
    done = cli(
        "plan",
        "--plugin",
        stripes,
        "--benchmark",
        "live/darts-my-stripes",
        "--method",
        "random",
        "--budget",
        "epochs=1",
    )
    assert done.code == 0, done
    described = load_benchmark("live/darts-my-stripes").describe()
    assert described["dataset"] == "my-stripes"
    assert (
        described["source"]["from"]
        == "my-stripes images, 1x8x12, 3 classes; floats between 0 and 1 became bytes, 0 to 255"
    )


def test_a_run_in_workers_and_its_report_elsewhere(stripes, tmp_path, monkeypatch):
    run(SUITE, tmp_path / "out", jobs=2, plugin=[stripes])
    run(SUITE, tmp_path / "plain", backend="sequential", plugin=[stripes])
    records = [pd.read_parquet(tmp_path / name / "records.parquet") for name in ("out", "plain")]
    assert (records[0]["status"] == "ok").all()
    assert records[0]["dataset"].unique().tolist() == ["my-stripes"]
    for column in ("cell", "valid", "test", "arch"):
        assert records[0][column].equals(records[1][column])
    monkeypatch.setattr(datasets, "_REGISTRY", {})  # where nobody knows the images a report is made all the same
    harness.reporting.build_report(tmp_path / "out")
    assert "my-stripes" in (tmp_path / "out" / "report" / "report.md").read_text()


@pytest.mark.slow
def test_a_function_of_a_script_reaches_the_workers(tmp_path):
    script = (
        STRIPES
        + f"""
import harness
if __name__ == "__main__":
    print(harness.run({SUITE!r}, {str(tmp_path / "out")!r}, jobs=2).records["status"].tolist())
"""
    )
    (tmp_path / "script.py").write_text(script)
    done = subprocess.run([sys.executable, tmp_path / "script.py"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == str(["ok"] * 4)


def test_the_key_of_a_cell_follows_the_form_of_the_images(registries):
    images, labels = some(shape=(1, 4, 16))

    def key(*arrays):
        load = lambda: arrays  # noqa: E731
        datasets._REGISTRY.pop("own", None)
        datasets.register_images("own")(load)
        suite = make_suite(
            SUITE
            | {"benchmarks": ["live/nasbench201-own"], "search": {"batch_size": 5}, "evaluation": {"batch_size": 5}}
        )
        return suite.groups()[0].key(0)

    keys = {
        key(images, labels),
        key(images.reshape(-1, 1, 16, 4), labels),  # the same bytes
        key(images[:20], labels[:20], images[20:], labels[20:]),  # the same bytes, the last of them test
        key(images, labels[::-1]),
    }
    assert len(keys) == 4


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return 3", "returned int; wanted (images, labels)"),
        ("return images, labels, images", "returned tuple; wanted (images, labels)"),
        ("raise ValueError('no disk')", "raised ValueError: no disk"),
        ("raise SystemExit('bye')", "raised SystemExit: bye"),
        ("return images, labels * 0", "all images are of one class, 0; wanted at least 2 classes"),
    ],
)
def test_functions_that_return_something_else(body, message, tmp_path, registries, cli):
    path = tmp_path / "wrong.py"
    head = "import numpy as np\nfrom harness import register_images\nimages, labels = np.zeros((12, 8, 8)), np.arange(12) % 3\n"
    path.write_text(head + f"@register_images('wrong')\ndef wrong():\n    {body}\n")
    done = cli("run", "--plugin", path, "--benchmark", "live/darts-wrong", "--method", "random", "--budget", "epochs=1")
    assert (done.code, done.err.count("\n")) == (2, 1), done
    assert f"data set 'wrong' of {path}: wrong: {message}" in done.err
    assert not (tmp_path / "reports").exists()


def test_names_that_are_taken(tmp_path, registries, own_cache):
    images, labels = some()

    def one():
        return images, labels

    def other():
        return images, labels

    datasets.register_images("one")(one)
    datasets.register_images("one")(one)  # the same function: a module that is imported again
    with pytest.raises(
        HarnessError, match=r"'one' is registered twice: .*test_registry.py: .*one and .*test_registry.py: .*other"
    ):
        datasets.register_images("one")(other)
    with pytest.raises(
        HarnessError, match=r"test_registry.py: .*one: 'digits' is a built-in data set; choose another name"
    ):
        datasets.register_images("digits")(one)
    for name in ("", "a/b", "-a", "a b", "x" * 101):
        with pytest.raises(HarnessError, match="name of a data set: wanted up to 100 letters, digits"):
            datasets.register_images(name)(one)
    np.savez(tmp_path / "file.npz", images=images, labels=labels)
    for name, message in (
        ("cifar10", "'cifar10' is a built-in data set"),
        ("one", "'one' is registered by .*one; choose another name"),
    ):
        with pytest.raises(HarnessError, match=rf"file.npz: {message}"):
            harness.import_images(tmp_path / "file.npz", name)
    harness.import_images(tmp_path / "file.npz", "two")
    with pytest.raises(HarnessError, match="'two' is an imported data set; register the function under another name"):
        datasets.register_images("two")(other)
