"""CSV and JSON-lines files of architectures by columns: a benchmark in one command, and data frames back and forth."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import harness
from harness.errors import HarnessError
from harness.statistics import intraclass_correlation
from harness.tabular.catalogue import load_table
from harness.tabular.importing import import_file

OPS = ("conv", "pool")


@pytest.fixture
def frame() -> pd.DataFrame:
    """Three trainings of every architecture: a quality of its own, and noise."""
    rng = np.random.default_rng(2)
    rows = []
    for depth in (2, 4, 8):
        for width in (16, 32):
            for op in OPS:
                quality = 80 + depth + width / 8 + (op == "conv")
                for seed in (7, 8, 9):
                    valid, test = quality + rng.normal(scale=1.5, size=2)
                    rows.append((depth, width, op, seed, round(valid, 2), round(test, 2), depth * width * 10))
    return pd.DataFrame(rows, columns=["depth", "width", "op", "seed", "val_acc", "test_acc", "params"])


@pytest.fixture
def file(frame: pd.DataFrame, tmp_path: Path, own_cache: Path) -> Path:
    frame.to_csv(tmp_path / "mine.csv", index=False)
    return tmp_path / "mine.csv"


def test_one_command_and_no_plugin_afterwards(cli: Callable[..., Any], file: Path, frame: pd.DataFrame) -> None:
    done = cli("import", file, "--arch", "depth,width,op", "--seed", "seed")
    assert done.code == 0, done.err
    assert "mine: 12 architectures, accuracy in percent; val_acc, mean over up to 3 training seeds drives" in done.out
    table = load_table("mine")
    means = frame.groupby(["depth", "width", "op"])["test_acc"].mean()
    found = table.to_frame().set_index(["depth", "width", "op"])["test"]
    for (depth, width, op), mean in means.items():
        assert found[str(depth), str(width), op] == pytest.approx(mean)
    assert (table.column("test_seeds") == 3).all()
    assert (table.column("params") == sorted(frame["params"].iloc[::3], key=lambda _: 0)).all()
    # Noise, computed anew.
    trainings = frame.pivot_table(
        index=["depth", "width", "op"], columns="seed", values="test_acc", sort=False
    ).to_numpy()
    noise = table.source["training_noise"]
    assert noise["seeds"] == ["7", "8", "9"]
    assert noise["test_sd"] == pytest.approx(np.sqrt(trainings.var(axis=1, ddof=1).mean()))
    between, within = 3 * trainings.mean(axis=1).var(ddof=1), trainings.var(axis=1, ddof=1).mean()
    assert noise["icc"][0] == pytest.approx((between - within) / (between + 2 * within))
    assert noise["icc"][0] == pytest.approx(intraclass_correlation(trainings).estimate)
    others = [np.delete(trainings, seed, axis=1).mean(axis=1).round(9) for seed in range(3)]
    lower = [stats.kendalltau(trainings[:, seed], others[seed]).statistic for seed in range(3)]
    upper = [stats.kendalltau(trainings[:, seed], trainings.mean(axis=1).round(9)).statistic for seed in range(3)]
    assert noise["ceiling"] == pytest.approx([np.mean(lower), np.mean(upper)])
    assert f"ICC {noise['icc'][0]:.2f}" in done.out
    run = ["--benchmark", "mine", "--method", "local-search", "--seeds", "0:3", "--budget", "5"]
    assert cli("plan", *run).code == 0
    assert cli("run", *run, "-o", file.parent / "out", "-q", "-j", "1", "--no-report").code == 0
    assert cli("doctor", "--benchmark", "mine").code == 0
    assert "mine" in cli("ls", "benchmarks").out


def test_letters_that_no_eye_sees_make_no_second_choice(frame: pd.DataFrame, file: Path) -> None:
    around = {7: "\u00a0{}", 8: "{}\u200b", 9: "{}"}
    ops = [around[seed].format(op) for op, seed in zip(frame["op"], frame["seed"], strict=True)]
    spoilt = frame.assign(op=ops)
    spoilt.to_csv(file, index=False)
    table = import_file(str(file), arch=["depth", "width", "op"], seed="seed")
    assert table.space.variables["op"] == ("conv", "pool")
    np.testing.assert_allclose(table.test, frame.groupby(["depth", "width", "op"], sort=False)["test_acc"].mean())


def test_unequal_numbers_of_trainings_are_no_leak(cli: Callable[..., Any], frame: pd.DataFrame, file: Path) -> None:
    frame.drop(index=[0, 5]).to_csv(file, index=False)
    done = cli("import", file, "--arch", "depth,width,op", "--seed", "seed")
    assert (done.code, done.err) == (0, "")
    assert sorted(set(load_table("mine").column("test_seeds"))) == [2.0, 3.0]
    assert load_table("mine").caveats == ()


def test_a_mean_of_what_is_not_there_is_none(cli: Callable[..., Any], frame: pd.DataFrame, file: Path) -> None:
    """A latency that one training lacks is left out, and never that of the first row alone."""
    latency = np.where(frame.index == 5, np.nan, frame["width"] + frame["seed"])
    frame.assign(latency=latency).to_csv(file, index=False)
    done = cli("import", file, "--arch", "depth,width,op", "--seed", "seed")
    assert done.code == 0, done.err
    assert "left out" in done.err
    assert "latency" not in load_table("mine").columns
    frame.assign(latency=frame["width"] + frame["seed"]).to_csv(file, index=False)
    table = import_file(str(file), arch=["depth", "width", "op"], seed="seed", replace=True)
    assert set(table.column("latency")) == {24.0, 40.0}  # the mean of seeds 7, 8 and 9 is 8


def test_one_training_seed(file: Path, frame: pd.DataFrame) -> None:
    table = import_file(str(file), "mine/one", arch=["depth", "width", "op"], seed="seed", training_seed="8")
    own = frame[frame["seed"] == 8]
    np.testing.assert_array_equal(table.test, own["test_acc"])
    assert table.fidelity["test"] == "test_acc, training seed 8"
    assert "training_noise" not in table.source


def test_lower_is_better_end_to_end(cli: Callable[..., Any], file: Path, frame: pd.DataFrame, tmp_path: Path) -> None:
    """Errors for accuracies: the same search, the same improvement with the other sign of scores."""
    errors = frame.assign(val_acc=100 - frame["val_acc"], test_acc=100 - frame["test_acc"])
    errors = errors.rename(columns={"val_acc": "val error", "test_acc": "test error"})
    errors.to_csv(tmp_path / "errors.csv", index=False)
    columns = ["--arch", "depth,width,op", "--seed", "seed", "--name", "mine", "--replace"]
    lower = ["--metric", "error", "--direction", "min"]
    found, own = [], []
    for name, options in ((file, []), (tmp_path / "errors.csv", lower)):
        assert cli("import", name, *columns, *options).code == 0
        run = [
            "--benchmark",
            "mine",
            "--method",
            "local-search",
            "--method",
            "random",
            "--seeds",
            "0:6",
            "--budget",
            "6",
        ]
        out = tmp_path / f"of-{name.stem}"
        assert cli("run", *run, "-o", out, "-q", "-j", "1").code == 0
        found.append(pd.read_parquet(out / "records.parquet").sort_values(["label", "seed"])["test"])
        table = pd.read_csv(out / "report" / "tables" / "relative_improvement.csv")
        own.append(table[table["method"] == "local-search"].iloc[0])
    np.testing.assert_allclose(100 - found[1], found[0])
    # RI = 100 (m - r) / r of accuracies and 100 (r - m) / r of errors: the same points of accuracy.
    points = [one["ri"] * base / 100 for one, base in zip(own, _random_means(found, own), strict=True)]
    assert points[0] == pytest.approx(points[1])


def _random_means(found: list[pd.Series], own: list[pd.Series]) -> tuple[float, float]:
    """Mean accuracy and mean error of exact random search, from a mean of local search and its improvement."""
    means = [float(scores.iloc[:6].mean()) for scores in found]
    return means[0] / (1 + own[0]["ri"] / 100), means[1] / (1 - own[1]["ri"] / 100)


def test_json_lines(frame: pd.DataFrame, tmp_path: Path, own_cache: Path, file: Path) -> None:
    lines = "\n".join(json.dumps(row) for row in frame.to_dict("records"))
    (tmp_path / "lines.jsonl").write_text(lines + "\n")
    made = import_file(str(tmp_path / "lines.jsonl"), "mine/lines", arch=["depth", "width", "op"], seed="seed")
    same = import_file(str(file), "mine/csv", arch=["depth", "width", "op"], seed="seed")
    pd.testing.assert_frame_equal(made.to_frame(), same.to_frame())
    assert made.space.variables == same.space.variables  # type: ignore[attr-defined]
    (tmp_path / "bad.jsonl").write_text('{"depth": [1], "valid": 1, "test": 2}\n')
    with pytest.raises(HarnessError, match=r"'depth' of line 1 is \[1\]; wanted a number or a text"):
        import_file(str(tmp_path / "bad.jsonl"), "mine/bad", arch=["depth"])


def test_frames_go_back_and_forth(tmp_path: Path, own_cache: Path) -> None:
    table = harness.load_benchmark("synthetic/ridge")
    assert isinstance(table, harness.Table)
    frame = table.to_frame()
    columns = {name: name for name in table.columns if name not in ("valid", "test", "cost")}
    arch = list(table.space.variables) if hasattr(table.space, "variables") else "architecture"
    space = None if isinstance(arch, list) else table.space
    again = harness.table_from_frame(
        frame, "mine/again", space, arch=arch, extra=columns, unit=table.unit, cost="cost" if "cost" in frame else None
    )
    np.testing.assert_array_equal(again.valid, table.valid)
    np.testing.assert_array_equal(again.test, table.test)
    harness.save_benchmark(again)
    assert harness.load_benchmark("mine/again").sha256 == again.sha256


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda frame: frame, [], "row 2: "),
        (lambda frame: frame.assign(seed=7), ["--seed", "seed"], "has seed 7 a second time"),
        (lambda frame: frame.assign(seed=np.nan), ["--seed", "seed"], "column 'seed' is empty in 36 row(s)"),
        (lambda frame: frame, ["--seed", "seed", "--training-seed", "70"], "unknown training seed '70'"),
        (lambda frame: frame, ["--training-seed", "7"], "wants the column of seeds"),
        (
            lambda frame: frame.rename(columns={"val_acc": "a"}),
            ["--seed", "seed"],
            "the validation score; say which by --valid",
        ),
        (
            lambda frame: frame.assign(valid=1.0),
            ["--seed", "seed"],
            "'val_acc' and 'valid' may each be the validation score",
        ),
        (lambda frame: frame, ["--seed", "sed"], "unknown column 'sed'"),
    ],
)
def test_bad_files_are_one_line(
    cli: Callable[..., Any],
    frame: pd.DataFrame,
    tmp_path: Path,
    own_cache: Path,
    change: Any,
    options: list[str],
    message: str,
) -> None:
    change(frame).to_csv(tmp_path / "bad.csv", index=False)
    done = cli("import", tmp_path / "bad.csv", "--arch", "depth,width,op", *options)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert message in done.err or (not options and "stands in rows" in done.err), done.err
