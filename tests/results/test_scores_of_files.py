"""CSV files of scores in the place of a run: every statistic and the gate, through the command line and from Python."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from harness.analysis import compare_pairs, lottery, plan_pair, plan_seeds, ranking
from harness.errors import HarnessError
from harness.regression import baseline
from harness.regression.check import check
from harness.results import read_results
from harness.results.gate import cells_of_results
from harness.results.paper import read_paper
from harness.results.ranked import read_ranked
from harness.results.read import Columns

COLUMNS = ["--method", "algo", "--dataset", "task", "--seed", "run", "--score", "acc"]
NAMES = Columns("algo", "task", "acc", "run")


@pytest.fixture
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    means = {"ours": 92.0, "darts": 91.5, "random": 91.0}
    rows = [
        (method, task, seed, round(mean + rng.normal(), 2))
        for task in ("x", "y")
        for method, mean in means.items()
        for seed in range(8)
    ]
    return pd.DataFrame(rows, columns=["algo", "task", "run", "acc"])


@pytest.fixture
def file(frame: pd.DataFrame, tmp_path: Path) -> Path:
    frame.to_csv(tmp_path / "scores.csv", index=False)
    return tmp_path / "scores.csv"


def of(frame: pd.DataFrame, method: str, task: str) -> np.ndarray:
    own = frame[(frame["algo"] == method) & (frame["task"] == task)]
    return np.asarray(own.sort_values("run")["acc"])


def test_pairs(cli: Callable[..., Any], file: Path, frame: pd.DataFrame) -> None:
    done = cli("analyze", "pairs", file, *COLUMNS, "--baseline", "random", "--json")
    assert (done.code, done.err.count("warning")) == (0, 0)
    rows = pd.DataFrame(json.loads(done.out)["pairs"])
    assert "budget" not in rows
    assert len(rows) == 2 * 3
    for row in rows.itertuples():
        a, b = of(frame, row.a, row.benchmark), of(frame, row.b, row.benchmark)
        welch = stats.ttest_ind(a, b, equal_var=False)
        unit = of(frame, "random", row.benchmark).mean()
        assert row.difference == pytest.approx(100 * (a.mean() - b.mean()) / unit)
        assert row.p_value == pytest.approx(welch.pvalue)
        assert row.n_paired == 8


def test_without_a_baseline_points_are_of_the_mean_of_all(file: Path, frame: pd.DataFrame) -> None:
    found = compare_pairs(read_results([file], NAMES, alone=True), np.random.default_rng(0))
    assert "not one baseline" in found.notes[0]
    row = found.tests.iloc[0]
    unit = np.mean([of(frame, method, "x").mean() for method in ("ours", "darts", "random")])
    assert row["difference"] == pytest.approx(
        100 * (of(frame, "ours", "x").mean() - of(frame, "darts", "x").mean()) / unit
    )


def test_lower_is_better(file: Path, frame: pd.DataFrame, tmp_path: Path) -> None:
    """Errors for accuracies: the same tests, and differences of the other unit's size."""
    frame.assign(acc=100 - frame["acc"]).to_csv(tmp_path / "errors.csv", index=False)
    rng = np.random.default_rng
    high = compare_pairs(read_results([file], NAMES, baseline="random"), rng(0)).tests
    low = compare_pairs(
        read_results([tmp_path / "errors.csv"], NAMES, baseline="random", direction="min"), rng(0)
    ).tests
    np.testing.assert_allclose(low["p_value"], high["p_value"])
    np.testing.assert_allclose(low["win_probability"], high["win_probability"])
    assert (np.sign(low["difference"]) == np.sign(high["difference"])).all()


def test_standard_input_and_a_kept_folder(
    cli: Callable[..., Any], file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = cli("analyze", "pairs", file, *COLUMNS, "--baseline", "random", "--json").out
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(file.read_bytes())))
    piped = json.loads(cli("analyze", "pairs", "-", *COLUMNS, "--baseline", "random", "--json").out)
    assert piped == json.loads(whole)
    assert cli("import-results", file, *COLUMNS, "--baseline", "random", "-o", tmp_path / "kept").code == 0
    kept = cli("analyze", "pairs", tmp_path / "kept", "--json")
    assert json.loads(kept.out) == json.loads(whole)
    refused = cli("analyze", "pairs", tmp_path / "kept", "--method", "algo")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "--method goes with CSV files, and" in refused.err
    assert "kept is a folder" in refused.err
    absent = cli("analyze", "pairs", tmp_path / "absent.csv", "--method", "algo")
    assert "absent.csv is not there" in absent.err


def test_seeds(cli: Callable[..., Any], file: Path, frame: pd.DataFrame) -> None:
    done = cli("analyze", "seeds", file, *COLUMNS, "--baseline", "random", "--detect", "1", "--json")
    rows = pd.DataFrame(json.loads(done.out)["seeds"])
    assert list(rows["method"]) == ["ours", "darts"] * 2
    own, base = of(frame, "ours", "x"), of(frame, "random", "x")
    assert rows["cv"][0] == pytest.approx(100 * own.std(ddof=1) / base.mean())
    # The smallest n whose noncentral t has the power, computed anew.
    deviation = 100 * np.sqrt((own.var(ddof=1) + base.var(ddof=1)) / 2) / base.mean()
    n = int(rows["seeds_sampled"][0])
    power = [
        1 - stats.nct.cdf(stats.t.ppf(0.975, 2 * k - 2), 2 * k - 2, np.sqrt(k / 2) / deviation) for k in (n - 1, n)
    ]
    assert power[0] < 0.8 <= power[1] + 0.01
    alone = cli("analyze", "seeds", file, *COLUMNS, "--detect", "1")
    assert (alone.code, alone.err.count("\n")) == (2, 1)
    assert "say --baseline NAME" in alone.err
    pair = plan_pair(read_results([file], NAMES, alone=True), "ours", "darts", 1.0)
    wins = np.mean([a > b for a, b in zip(of(frame, "ours", "x"), of(frame, "darts", "x"), strict=True)])
    assert pair["estimate"][0] == pytest.approx(100 * wins)


def test_lottery(cli: Callable[..., Any], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    rows = [("EA", f"population={p}", s, 90 + p / 10 + rng.normal() / 9) for p in (5, 10, 20) for s in range(6)]
    rows += [("random", "", s, 90.5 + rng.normal() / 9) for s in range(6)]
    frame = pd.DataFrame(rows, columns=["method", "setting", "seed", "score"])
    frame.to_csv(tmp_path / "task.csv", index=False)
    done = cli("analyze", "lottery", tmp_path / "task.csv", "--setting", "setting", "--baseline", "random", "--json")
    (row,) = json.loads(done.out)["lottery"]
    assert (row["method"], row["settings"], row["seeds"]) == ("EA", 3, 6)
    assert row["best_setting"] == "EA [population=20]"
    means = frame[frame["method"] == "EA"].groupby("setting")["score"].mean()
    assert row["best"] == pytest.approx(means.max())
    assert row["random"] == pytest.approx(frame.loc[frame["method"] == "random", "score"].mean())
    results = read_results([tmp_path / "task.csv"], Columns(setting="setting"), baseline="random")
    with pytest.raises(HarnessError, match="drawn by the budgets of a run"):
        lottery(results, tmp_path / "figure.svg")


def test_ranking(cli: Callable[..., Any], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    quality = rng.normal(size=80)
    frame = pd.DataFrame({"val": quality + rng.normal(size=80) / 3, "acc": quality, "task": ["a", "b"] * 40})
    frame.to_csv(tmp_path / "archs.csv", index=False)
    options = ["--valid", "val", "--score", "acc", "--dataset", "task", "--bootstrap", "5", "--top", "5"]
    done = cli("analyze", "ranking", tmp_path / "archs.csv", *options, "--json")
    rows = pd.DataFrame(json.loads(done.out)["ranking"])
    for name, own in frame.groupby("task"):
        shown = rows[(rows["benchmark"] == name) & (rows["statistic"] == "spearman")]["estimate"].item()
        assert shown == pytest.approx(stats.spearmanr(own["val"], own["acc"]).statistic)
    (part,) = read_ranked(tmp_path / "archs.csv", "val", "acc")
    low = ranking(type(part)("low", -part.valid, -part.test, "min"), np.random.default_rng(0), (5,), 5)
    high = ranking(part, np.random.default_rng(0), (5,), 5)
    np.testing.assert_allclose(low["estimate"], high["estimate"])
    refused = cli("analyze", "ranking", "digits201", "--valid", "val")
    assert (refused.code, refused.err.count("\n")) == (2, 1)


# The gate ------------------------------------------------------------------------------------------------------------


def test_the_gate(cli: Callable[..., Any], file: Path, frame: pd.DataFrame, tmp_path: Path) -> None:
    kept = tmp_path / "baseline.json"
    made = cli("baseline", file, *COLUMNS, "--baseline", "random", "-o", kept)
    assert "6 cells of 8 seeds" in made.out
    shuffled = frame.sample(frac=1.0, random_state=0)
    shuffled.to_csv(tmp_path / "again.csv", index=False)
    same = cli("check", tmp_path / "again.csv", *COLUMNS, "--against", kept)
    assert same.code == 0
    assert "equal to the baseline" in same.out
    worse = frame.assign(acc=frame["acc"] - 8 * (frame["algo"] == "ours"))
    worse.to_csv(tmp_path / "worse.csv", index=False)
    lost = cli("check", tmp_path / "worse.csv", *COLUMNS, "--against", kept, "--json")
    assert lost.code == 1
    methods = {one["label"]: one for one in json.loads(lost.out)["methods"]}
    assert {label: one["outcome"] for label, one in methods.items()} == {
        "ours": "regressed",
        "darts": "pass",
        "random": "pass",
    }
    # Weighted by precision; RI points are those of the baseline.
    parts = []
    for task in ("x", "y"):
        unit = 100 / of(frame, "random", task).mean()
        parts.append((-8 * unit, 2 * of(frame, "ours", task).var(ddof=1) / 8 * unit**2))
    weights = np.array([1 / error for _, error in parts])
    assert methods["ours"]["change"] == pytest.approx(
        np.average([change for change, _ in parts], weights=weights), rel=1e-6
    )


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        (lambda frame: frame[frame["task"] == "x"], [], "no cells of ours on y"),
        (
            lambda frame: frame.assign(acc=frame["acc"] / 100),
            [],
            "scores are fraction, max, in baseline 'scores' percent, max",
        ),
        (lambda frame: frame, ["--until", "decided", "--max-seeds", "99"], "scores from elsewhere have none to run"),
        (lambda frame: frame.assign(run="s" + frame["run"].astype(str)), [], "seed 's0'; wanted a whole number"),
    ],
)
def test_what_the_gate_refuses(
    cli: Callable[..., Any],
    file: Path,
    frame: pd.DataFrame,
    tmp_path: Path,
    change: Any,
    options: list[str],
    message: str,
) -> None:
    cli("baseline", file, *COLUMNS, "-o", tmp_path / "baseline.json")
    change(frame).to_csv(tmp_path / "new.csv", index=False)
    done = cli("check", tmp_path / "new.csv", *COLUMNS, "--against", tmp_path / "baseline.json", *options)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert message in done.err


def test_scores_without_seeds_are_the_same_in_any_order(file: Path, frame: pd.DataFrame, tmp_path: Path) -> None:
    frame.drop(columns="run").sample(frac=1.0, random_state=1).to_csv(tmp_path / "loose.csv", index=False)
    frame.drop(columns="run").to_csv(tmp_path / "tight.csv", index=False)
    loose, tight = (
        read_results([tmp_path / name], Columns("algo", "task", "acc"), alone=True)
        for name in ("loose.csv", "tight.csv")
    )
    made = cells_of_results(tight, "tight")
    baseline.save(made, tmp_path / "b.json")
    kept = baseline.load(tmp_path / "b.json")
    assert check(cells_of_results(loose, "loose", kept.cells), kept).outcome == "pass"


# A paper's table -----------------------------------------------------------------------------------------------------

PAPER = """method,CIFAR-10,CIFAR-100,Average
Random,93.70 ± 0.36,71.04 ± 1.07,82.4
REA,93.92 +- 0.30,$71.84 \\pm 0.99$,82.9
"""


def test_a_paper_s_table(cli: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "paper.csv").write_text(PAPER, encoding="utf-8")
    done = cli("analyze", "pairs", tmp_path / "paper.csv", "--runs", "500", "--baseline", "random", "--json")
    rows = json.loads(done.out)["pairs"]
    assert "Average" in done.err
    for row, (a, b) in zip(rows, [((93.70, 0.36), (93.92, 0.30)), ((71.04, 1.07), (71.84, 0.99))], strict=True):
        welch = stats.ttest_ind_from_stats(*a, 500, *b, 500, equal_var=False)
        assert row["p_value"] == pytest.approx(welch.pvalue)
        assert row["difference"] == pytest.approx(100 * (a[0] - b[0]) / a[0])
        assert "win_probability" not in row
    turned = "dataset,Random,REA\nCIFAR-10,93.70 ± 0.36,93.92 ± 0.30\nCIFAR-100,71.04 ± 1.07,71.84 ± 0.99\n"
    (tmp_path / "turned.csv").write_text(turned, encoding="utf-8")
    one, other = (read_paper(tmp_path / name, 500, "REA") for name in ("paper.csv", "turned.csv"))
    assert one.cells == other.cells
    pd.testing.assert_frame_equal(plan_seeds(one, 0.5), plan_seeds(other, 0.5))


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (PAPER, [], "of a paper's table of means ± deviations say --runs N"),
        (PAPER.replace("93.92 +- 0.30", "93.92 (30)"), ["--runs", "5"], "is that a deviation, or the uncertainty"),
        (PAPER.replace("93.92 +- 0.30", "93.92"), ["--runs", "5"], "line 3, column 'CIFAR-10': '93.92': wanted a mean"),
        (PAPER.replace("method", "cell"), ["--runs", "5"], "are its lines methods or data sets?"),
        (PAPER.replace("REA", "random"), ["--runs", "5"], "has two cells on CIFAR-10"),
        (PAPER, ["--runs", "1"], "--runs 1: wanted"),
        ("method,x\nA,0.94 ± 1%\nB,0.93 ± 1%\n", ["--runs", "5"], "'0.94 ± 1%': in percent or not?"),
        ("method,x\nA,94% ± 1\nB,93% ± 1\n", ["--runs", "5"], "'94% ± 1': in percent or not?"),
        (PAPER.replace("71.04 ± 1.07", "0.7104 ± 0.01"), ["--runs", "5"], "mixed"),
        (PAPER, ["--runs", "5", "--score", "x"], "--score does not go with --runs"),
    ],
)
def test_what_cannot_be_told_is_refused(
    cli: Callable[..., Any], tmp_path: Path, text: str, options: list[str], message: str
) -> None:
    (tmp_path / "paper.csv").write_text(text, encoding="utf-8")
    done = cli("analyze", "pairs", tmp_path / "paper.csv", *options)
    assert done.code == 2
    assert message in done.err.splitlines()[-1]


# Messy files ---------------------------------------------------------------------------------------------------------

MESSY = {
    "bom, semicolons, decimal commas": "\ufeffalgo;task;run;acc\nA;x;0;91,5\nA;x;1;92,25\nB;x;0;90,5\nB;x;1;90,75\n",
    "percent signs": "algo,task,run,acc\nA,x,0,91.5%\nA,x,1,92.25%\nB,x,0,90.5 %\nB,x,1,90.75%\n",
    "no eye sees it": "algo,task,run,acc\nA,x,0,91.5\nA\u200b,x\u00a0,1,92.25\u200b\nB,x,0,90.5\nB,\ufeffx,1,90.75\n",
    "an index and spaces": ",algo ,task,run,acc\n0,A,x,0,91.5\n1, A,x,1,92.25\n2,B,x,0,90.5\n3,B ,x,1,90.75\n",
    "a doubled line": "algo,task,run,acc\nA,x,0,91.5\nA,x,1,92.25\nA,x,1.0,92.25\nB,x,0,90.5\nB,x,1,90.75\n",
    "case and a blank": "algo,task,run,acc\nA,x,0,91.5\na,X,01,92.25\nB,x,0,90.5\nB,x,1,90.75\nB,x,2,n/a\n",
}


@pytest.mark.parametrize("kind", MESSY)
def test_messy_files_are_read_as_meant(cli: Callable[..., Any], tmp_path: Path, kind: str) -> None:
    (tmp_path / "messy.csv").write_text(MESSY[kind], encoding="utf-8")
    done = cli("analyze", "pairs", tmp_path / "messy.csv", *COLUMNS, "--baseline", "B", "--json")
    (row,) = json.loads(done.out)["pairs"]
    assert (row["benchmark"], row["a"], row["b"], row["n_a"], row["n_b"], row["n_paired"]) == ("x", "A", "B", 2, 2, 2)
    assert row["difference"] == pytest.approx(100 * (91.875 - 90.625) / 90.625)
    warnings = 1 + (kind not in ("bom, semicolons, decimal commas", "percent signs"))  # that there are few runs
    assert done.err.count("warning") >= warnings, done.err


def test_hyphens_that_look_alike_make_one_method(tmp_path: Path) -> None:
    text = "method,seed,score\nPC-DARTS,0,91\nPC\u2011DARTS,1,92\nB,0,90\nB,1,91\n"
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    results = read_results([tmp_path / "a.csv"], alone=True)
    assert results.methods == ["PC-DARTS", "B"]
    assert any(fault.kind == "invisible" for fault in results.faults)
