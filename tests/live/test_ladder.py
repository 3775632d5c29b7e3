"""The same architectures under a ladder of recipes."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from harness.errors import HarnessError
from harness.live.benchmark import LiveBenchmark
from harness.running import ladder as ladders
from harness.running.ladder import FOLDER, JOURNAL, RUNGS, climb, ladder, protocol, trained
from harness.running.records import read_epochs, read_run
from harness.running.runner import run
from harness.suites.reading import make_suite
from harness.system.journal import Journal
from harness.training.settings import Recipe

ROOT = Path(__file__).resolve().parents[2]
TINY = {
    "name": "tiny",
    "seeds": "0:2",
    "benchmarks": ["live/darts-digits"],
    "budgets": {"epochs": 1},
    "search": {"channels": 2, "cells": 1, "reductions": 1, "batch_size": 320},
    "evaluation": {"channels": 2, "cells": 1, "reductions": 1, "epochs": 1, "batch_size": 320, "cutout": 2},
    "methods": [{"name": "random-architecture", "architectures": 2}],
}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    output = tmp_path_factory.mktemp("ladder") / "run"
    run(TINY, output, backend="sequential")
    return output


def test_the_rungs_switch_one_thing_each():
    recipe = Recipe(cutout=2, auxiliary=0.1)
    found = ladder(LiveBenchmark("live/darts-digits"), recipe)
    assert tuple(found) == RUNGS
    assert found["base"] == Recipe()
    assert found["cutout"] == Recipe(cutout=4)
    assert found["drop path"] == Recipe(drop_path=0.2)
    assert found["auxiliary head"] == Recipe(auxiliary=0.4)
    assert found["all"] == Recipe(cutout=4, drop_path=0.2, auxiliary=0.4)
    assert tuple(ladder(LiveBenchmark("live/nasbench201-digits"), recipe)) == ("base", "cutout", "drop path", "all")
    assert ladder(LiveBenchmark("live/darts-mnist5k"), recipe)["cutout"] == Recipe(cutout=14)


def test_a_ladder_is_climbed_once_and_goes_on_after_a_kill(finished, monkeypatch, cli):
    kept, counted = Journal.append, []

    def append(self, items):
        kept(self, items)
        if self.path.parent.name == FOLDER:
            counted.append(1)
            if len(counted) == 3:
                raise KeyboardInterrupt

    monkeypatch.setattr(Journal, "append", append)
    with pytest.raises(KeyboardInterrupt):
        climb(finished, repeats=2)
    assert climb(finished, repeats=2) == 2 * (2 * 2 * len(RUNGS) - 3)
    assert climb(finished, repeats=2) == 0
    frame = trained(finished)
    assert len(frame) == 2 * 2 * 2 * len(RUNGS)
    assert not frame.duplicated(["rung", "split", "arch", "repeat"]).any()
    outcome = cli("protocol", finished, "-j", "1", "--repeats", "2", "-q", "--json")
    assert outcome.code == 0, outcome
    table = pd.DataFrame(json.loads(outcome.out))
    assert table["rung"].tolist() == list(RUNGS)
    assert table["test"].tolist() == pytest.approx([frame[frame["rung"] == rung]["test"].mean() for rung in RUNGS])
    assert table.loc[0, ["difference", "tau"]].tolist() == [0, 1]
    table = table.set_index("rung")
    assert table["difference"].tolist() == pytest.approx((table["test"] - table.loc["base", "test"]).tolist())


def test_parts_of_the_variance(tmp_path):
    """Split, architecture and seed add up: an easy split is neither of the other two."""
    rng = np.random.default_rng(0)
    splits, archs, repeats = 40, 10, 3
    items = []
    for split in range(splits):
        level = rng.normal(0, 9)
        for arch in range(archs):
            quality = rng.normal(0, 2)
            for rung, gain in (("base", 0.0), ("cutout", 1.5)):
                test = (50 + level + quality + gain + rng.normal(0, 1, repeats)).tolist()
                one = {"key": "", "benchmark": "b", "rung": rung, "arch": f"{arch}", "split": split, "epochs": 1}
                items.append(one | {"test": test})
    (tmp_path / FOLDER).mkdir()
    Journal(tmp_path / FOLDER / JOURNAL).append(items)
    table = protocol(tmp_path).set_index("rung")
    assert table.loc["cutout", "difference"] == pytest.approx(1.5, abs=0.2)
    assert table.loc["cutout", "low"] < 1.5 < table.loc["cutout", "high"]
    assert table.loc["base", "between_architectures"] == pytest.approx(2, abs=0.2)
    assert table.loc["base", "between_seeds"] == pytest.approx(1, abs=0.1)
    assert table.loc["base", "icc"] == pytest.approx(0.8, abs=0.05)
    assert 0.5 < table.loc["cutout", "tau"] < 1


def test_a_part_of_the_architectures(tmp_path, cli):
    methods = [{"name": "random-architecture", "architectures": 2}, {"name": "single-level"}]
    run(TINY | {"methods": methods}, tmp_path / "run", backend="sequential")
    arguments = ("protocol", tmp_path / "run", "-j", "1", "--repeats", "2", "--epochs", "1", "-q")
    outcome = cli(*arguments, "--method", "random-architecture", "--architectures", "1")
    assert outcome.code == 0, outcome
    frame = trained(tmp_path / "run")
    epochs, records = read_epochs(tmp_path / "run"), read_run(tmp_path / "run")[0]
    cells = records[records["label"] == "random-architecture"].set_index("seed")["cell"]
    first = [(seed, epochs[epochs["cell"] == cell]["arch"].dropna().iloc[0]) for seed, cell in cells.items()]
    keys = list(zip(frame["split"], frame["arch"], strict=True))
    assert list(dict.fromkeys(keys)) == first
    # The rest of them, and nothing twice.
    assert cli(*arguments).code == 0
    assert trained(tmp_path / "run").groupby("split")["arch"].nunique().tolist() == [3, 3]


def test_wrong_ladders(finished, tmp_path, cli):
    run(
        {
            "seeds": "0:1",
            "benchmarks": ["synthetic/ridge"],
            "budgets": {"evaluations": 3},
            "methods": [{"name": "random"}],
        },
        tmp_path / "table",
        backend="sequential",
    )
    for arguments, message in (
        ((tmp_path / "table",), "not a live run"),
        ((tmp_path / "nothing",), "no records.parquet here"),
        ((finished, "--repeats", "1"), "wanted at least 2"),
        ((finished, "--epochs", "0"), "epochs and batch_size must be at least 1"),
        ((finished, "-j", "0"), "wanted a number of workers"),
        ((finished, "--architectures", "0"), "wanted at least 1 of each method and seed, not 0"),
        ((finished, "--method", "darts-1nd"), "unknown method"),
    ):
        outcome = cli("protocol", *arguments, "-q")
        assert outcome.code == 2
        assert message in outcome.err
        assert outcome.err.count("\n") == 1


def test_a_training_that_fails_ends_alone(finished, monkeypatch):
    recipes = ladders.ladder

    def broken(benchmark, recipe):
        found = recipes(benchmark, replace(recipe, epochs=2))
        return found | {"all": replace(found["all"], learning_rate=1e30)}

    monkeypatch.setattr(ladders, "ladder", broken)
    with pytest.raises(ladders.RunError, match=r"^4 of 20 trainings failed; all, .*the training loss is (nan|inf)"):
        climb(finished, repeats=2)
    frame = trained(finished)
    assert set(frame.loc[frame["epochs"] == 2, "rung"]) == set(RUNGS) - {"all"}
    # The ladder of one epoch stands beside it, whole.
    table = protocol(finished).set_index(["epochs", "rung"])
    assert table.loc[1].index.tolist() == list(RUNGS)
    assert table.loc[2].index.tolist() == list(RUNGS[:-1])


def test_half_a_ladder(tmp_path):
    """Whatever a kill or failed trainings leave is shown as far as it goes."""
    one = {"key": "", "benchmark": "b", "split": 0, "epochs": 1}
    items = [
        one | {"rung": "cutout", "arch": "A", "test": [50.0, 51.0]},
        one | {"rung": "base", "arch": "B", "test": [60.0, 62.0]},
        one | {"rung": "all", "arch": "B", "test": [63.0, 64.0]},
        one | {"rung": "cutout", "arch": "A", "test": [10.0, 11.0], "epochs": 2},
    ]
    (tmp_path / FOLDER).mkdir()
    Journal(tmp_path / FOLDER / JOURNAL).append(items)
    table = protocol(tmp_path)
    assert table["rung"].tolist() == ["base", "cutout", "all", "cutout"]
    assert table["test"].tolist() == [61, 50.5, 63.5, 10.5]
    np.testing.assert_allclose(table["difference"], [0, np.nan, 2.5, np.nan])
    assert table[["low", "icc", "tau"]].isna().all(axis=None)


def test_tau_is_of_counts_of_right_images():
    """The kept ladder: 449 test images; ranks of whole numbers, which know which architectures are tied."""
    kept = ROOT / "reports" / "reference" / "live-darts"
    frame, images = trained(kept), 449
    right = (frame["test"] * images / 100).round().astype(int)
    assert (100 * right / images - frame["test"]).abs().max() < 1e-12
    counts = right.groupby([frame["split"], frame["arch"], frame["rung"]]).sum().unstack("rung")
    sizes = counts.groupby("split")["base"].transform("size")
    centred = counts.mul(sizes, axis=0) - counts.groupby("split").transform("sum")
    table = protocol(kept).set_index("rung")
    for rung in RUNGS:
        expected = stats.kendalltau(centred["base"], centred[rung]).statistic
        assert table.loc[rung, "tau"] == pytest.approx(expected, abs=1e-12)
    assert table.loc["drop path", "tau"] == pytest.approx(0.3123, abs=1e-4)


def test_other_images_than_the_runs_are_refused(tmp_path):
    """The check comes before any training, so that a run's files are enough."""
    suite = make_suite(TINY).resolved()
    suite["data_sha256"] = dict.fromkeys(suite["data_sha256"], "0" * 64)
    kept = Path(__file__).parents[2] / "reports" / "reference" / "live-darts"
    for name in ("records.parquet", "traces.parquet"):
        (tmp_path / name).write_bytes((kept / name).read_bytes())
    (tmp_path / "suite.resolved.json").write_text(json.dumps(suite))
    with pytest.raises(HarnessError, match="the images here are not those that the run used"):
        climb(tmp_path)
