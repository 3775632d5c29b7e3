"""A suite with claims through the command line: run, judged, and the page of verdicts."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import harness
from harness.claims.verdicts import VERDICT_COLUMNS
from harness.errors import HarnessError
from harness.running.columns import TIME_COLUMNS

ROOT = Path(__file__).parents[2]
ONE_SHOT = ROOT / "reports" / "reference" / "one-shot-digits201"
HEAD = """
name = "small"
seeds = "0:12"
benchmarks = ["synthetic/ridge"]
budgets = { evaluations = 12 }
[[methods]]
name = "random"
[[methods]]
name = "local-search"
"""
CLAIM = """
[[claims]]
says = "It is so: {word}."
source = "Somebody, table 1"
"""
REPRODUCED = CLAIM.format(word="yes") + 'method = "local-search"\nbeats = "random@1"\n'
CONTRADICTED = CLAIM.format(word="no") + 'method = "local-search"\nbeats = "random@1"\nby = "500 %"\n'
UNDECIDED = (
    CLAIM.format(word="perhaps")
    + 'method = "random"\nis = "equivalent to"\nbaseline = "random@budget"\nwithin = "1 %"\n'
)


@pytest.fixture
def suite(tmp_path: Path) -> Callable[..., Path]:
    def write(*claims: str, head: str = HEAD) -> Path:
        file = tmp_path / "small.toml"
        file.write_text(head + "".join(claims))
        return file

    return write


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ((REPRODUCED,), 0),
        ((REPRODUCED, UNDECIDED), 3),
        ((REPRODUCED, UNDECIDED, CONTRADICTED), 1),
    ],
)
def test_exit_codes(
    cli: Callable[..., Any], suite: Callable[..., Path], tmp_path: Path, claims: Any, code: int
) -> None:
    done = cli("reproduce", suite(*claims), "-o", tmp_path / "out", "-q", "-j", "1")
    assert (done.code, done.err) == (code, "")


def test_the_three_verdicts_and_their_page(cli: Callable[..., Any], suite: Callable[..., Path], tmp_path: Path) -> None:
    file, out = suite(REPRODUCED, UNDECIDED, CONTRADICTED), tmp_path / "out"
    done = cli("reproduce", file, "-o", out, "-q", "-j", "1")
    words = ["reproduced", "undecided", "contradicted"]
    assert [line.split(":")[0].strip() for line in done.out.splitlines()[1:6:2]] == words
    assert "small: 3 claims: 1 reproduced, 1 contradicted, 1 undecided, 0 skipped." in done.out
    assert "seeds would decide" in done.out
    assert done.out.isascii()
    page = out / "claims"
    kept = json.loads((page / "claims.json").read_text())
    assert [claim["verdict"] for claim in kept["claims"]] == words
    assert kept["counts"] == {"reproduced": 1, "contradicted": 1, "undecided": 1, "skipped": 0}
    frame = pd.read_csv(page / "tables" / "claims.csv")
    assert list(frame.columns) == list(VERDICT_COLUMNS)
    assert list(frame["verdict"]) == words
    for name in ("index.html", "report.md"):
        text = (page / name).read_text()
        assert all(f"It is so: {word}." in text for word in ("yes", "no", "perhaps"))
    # Again: nothing is run, and the page is the same to the byte.
    before = {path: path.read_bytes() for path in sorted(page.rglob("*")) if path.is_file()}
    again = cli("reproduce", file, "-o", out, "-q", "-j", "2", "--json")
    assert json.loads(again.out) == kept
    assert {path: path.read_bytes() for path in sorted(page.rglob("*")) if path.is_file()} == before


def test_kept_runs_are_judged_and_nothing_is_run(
    cli: Callable[..., Any], suite: Callable[..., Path], tmp_path: Path, snapshot: Callable[[Path], Any]
) -> None:
    file = suite(REPRODUCED, CONTRADICTED)
    cli("run", file, "-o", tmp_path / "run", "-q", "--no-report", "--seeds", "0:8")
    before = snapshot(tmp_path / "run")
    done = cli("reproduce", file, "--records", tmp_path / "run", "-o", tmp_path / "page")
    assert done.code == 1
    assert "8 seeds" in done.out
    assert snapshot(tmp_path / "run") == before
    assert sorted(path.name for path in (tmp_path / "page").iterdir()) == ["claims"]
    # A run without these searches: every claim is skipped.
    cli("run", file, "-o", tmp_path / "other", "-q", "--no-report", "--set", "budgets.evaluations=5")
    done = cli("reproduce", file, "--records", tmp_path / "other", "-o", tmp_path / "page")
    assert done.code == 3
    assert "0 undecided, 2 skipped" in done.out
    done = cli("reproduce", file, "--records", tmp_path / "other", tmp_path / "run", "-o", tmp_path / "page")
    assert done.code == 1


def test_exact_claims_run_nothing(cli: Callable[..., Any], suite: Callable[..., Path], tmp_path: Path) -> None:
    claim = CLAIM.format(word="exact") + 'kendall = ">= -1"\nbetween = ["valid", "test"]\n'
    assert cli("reproduce", suite(claim), "-o", tmp_path / "out").code == 0
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["claims"]


@pytest.mark.parametrize(
    ("claims", "arguments", "message"),
    [
        ((), [], "it claims nothing; add tables [[claims]]"),
        ((REPRODUCED.replace("local-search", "lokal-search"),), [], "unknown method 'lokal-search'"),
        ((REPRODUCED,), ["--records", "nowhere"], "nowhere: no records.parquet here"),
        ((REPRODUCED + "value = 3\n",), [], "claim 1: has beats and value"),
    ],
)
def test_wrong_files(
    cli: Callable[..., Any], suite: Callable[..., Path], tmp_path: Path, claims: Any, arguments: list[str], message: str
) -> None:
    done = cli("reproduce", suite(*claims), "-o", tmp_path / "out", *arguments)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert message in done.err
    assert not (tmp_path / "out").exists()


def test_a_folder_of_somebody_else(cli: Callable[..., Any], suite: Callable[..., Path], tmp_path: Path) -> None:
    (tmp_path / "out" / "claims").mkdir(parents=True)
    (tmp_path / "out" / "claims" / "mine.txt").write_text("mine")
    done = cli("reproduce", suite(REPRODUCED), "-o", tmp_path / "out")
    assert done.code == 2
    assert "mine.txt, which is no part of a report" in done.err


def test_claims_on_data_that_is_not_here_are_skipped(
    cli: Callable[..., Any], suite: Callable[..., Path], tmp_path: Path
) -> None:
    head = HEAD.replace('["synthetic/ridge"]', '["synthetic/ridge", "mine/table"]')
    imports = '\n[imports]\n"mine/table" = "nas-harness import FILE"\n'
    file = suite(REPRODUCED + 'benchmark = "synthetic/*"\n', REPRODUCED + 'benchmark = "mine/*"\n', head=head + imports)
    done = cli("reproduce", file, "-o", tmp_path / "out", "-q")
    assert done.code == 3
    assert "skipped: mine/table is not here; import it with: nas-harness import FILE." in done.out
    refused = cli("plan", file)
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "mine/table is not here; import it with: nas-harness import FILE" in refused.err


def test_from_python(tmp_path: Path, suite: Callable[..., Path]) -> None:
    found = harness.reproduce(suite(REPRODUCED, CONTRADICTED), tmp_path / "out", seeds="0:6")
    assert (found.exit_code, found.counts["contradicted"]) == (1, 1)
    assert list(found.frame["n"]) == [6, 6]
    assert found.folder == tmp_path / "out" / "claims"
    with pytest.raises(HarnessError, match="claims nothing"):
        harness.reproduce("quickstart", tmp_path / "out")


def test_supernets_are_judged_from_the_kept_record(tmp_path: Path) -> None:
    if not ONE_SHOT.is_dir():
        pytest.skip("the record is not part of an installed package")
    found = harness.reproduce("reproduce/milenas", tmp_path / "out", records=[ONE_SHOT])
    frame = found.frame.set_index("claim")
    counted = frame[frame["statistic"] == "passes"]
    assert list(counted["verdict"]) == ["reproduced"] * 5  # 1, 2, 2, 4 and 7 passes a step
    epochs = pd.read_parquet(ONE_SHOT / "epochs.parquet")
    cells = pd.read_parquet(ONE_SHOT / "records.parquet").set_index("cell")
    spent = epochs[epochs["phase"] == "search"].groupby("cell").size()
    by_label = {label: own["seed"].sort_values().index for label, own in cells.groupby("label")}
    early = spent[by_label["mixed-level, early stop"]].to_numpy()
    assert frame.loc[11, "effect"] == pytest.approx(30 - early.mean())
    gaps = epochs[(epochs["phase"] == "search") & (epochs["epoch"] == 30)].set_index("cell")
    gap = gaps["train_accuracy"] - gaps["valid_accuracy"]
    means = {label: gap.reindex(own).mean() for label, own in by_label.items()}
    better, worse = frame.loc[5, "of"].partition(": ")[2].split(" before ")
    assert frame.loc[5, "effect"] == pytest.approx(means[worse] - means[better])


def test_a_supernet_and_its_table(tmp_path: Path) -> None:
    if not ONE_SHOT.is_dir():
        pytest.skip("the record is not part of an installed package")
    found = harness.reproduce("reproduce/weight-sharing", tmp_path / "out", records=[ONE_SHOT]).frame
    row = found[found["statistic"] == "kendall"].iloc[0]
    ranked = pd.read_csv(ONE_SHOT / "report" / "tables" / "supernet_rankings.csv").set_index("method")
    assert row["effect"] == pytest.approx(ranked.loc["random-search-ws", "tau_test"])


@pytest.mark.slow
def test_nasbench201_from_a_table_of_its_own(
    cli: Callable[..., Any], own_cache: Path, tmp_path: Path, shared: Callable[[str], Path]
) -> None:
    csv = shared("nasbench201/accuracy.csv.gz")
    for name in ("cifar10", "cifar100", "ImageNet16-120"):
        columns = [
            "--valid",
            f"{name}.valid_accuracy@12",
            "--test",
            f"{name}.test_accuracy@200",
            "--arch",
            "architecture",
        ]
        done = cli("import", csv, "--name", f"nasbench201/{name}@12", "--space", "nasbench201", *columns)
        assert done.code == 0, done.err
    done = cli("reproduce", "reproduce/nasbench201", "-o", tmp_path / "out")
    assert done.code == 0
    assert "4 claims: 4 reproduced" in done.out


@pytest.mark.slow
def test_seconds_of_nasbench201_from_a_constructed_table(
    cli: Callable[..., Any], own_cache: Path, tmp_path: Path, shared: Callable[[str], Path]
) -> None:
    """Real accuracies, and for each training 120 seconds, so that 12,000 are 100 draws of random search."""
    frame = pd.read_csv(shared("nasbench201/accuracy.csv.gz"))
    frame.assign(seconds=120.0).to_csv(tmp_path / "timed.csv", index=False)
    columns = ["--arch", "architecture", "--valid", "cifar10.valid_accuracy@12", "--test", "cifar10.test_accuracy@200"]
    columns += ["--cost", "seconds", "--name", "nasbench201/cifar10@12", "--space", "nasbench201"]
    assert cli("import", tmp_path / "timed.csv", *columns).code == 0
    found = harness.reproduce("reproduce/nasbench201-seconds", tmp_path / "out", seeds="0:400")
    frame = found.frame.set_index("claim")
    assert list(frame["n"]) == [400] * 4
    assert frame.loc[1, "verdict"] == "reproduced"
    exact = 93.730  # the mean of 100 draws by the closed form
    assert frame.loc[1, "effect"] == pytest.approx(exact - 93.70, abs=4 * 0.36 / 400**0.5)
    assert "skipped" not in set(frame["verdict"])


@pytest.mark.slow
def test_a_killed_reproduction_goes_on(
    tmp_path: Path, suite: Callable[..., Path], slow_plugin: Callable[..., Path]
) -> None:
    head = HEAD.replace("0:12", "0:40").replace("local-search", "slow")
    claim = CLAIM.format(word="later") + 'method = "slow"\nbeats = "random@budget"\nby = "1 %"\ntest = "sequential"\n'
    line = [sys.executable, "-m", "harness.cli", "reproduce", str(suite(claim, head=head))]
    line += ["--plugin", str(slow_plugin(0.02)), "-j", "1", "-q", "--until", "decided", "--max-seeds", "120"]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    code = subprocess.run([*line, "-o", str(whole)], check=False, stdout=subprocess.DEVNULL).returncode
    kills = 0
    for wait in (1.5, 2.0, 2.5):
        process = subprocess.Popen([*line, "-o", str(killed)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(wait)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            kills += 1
    assert kills > 0
    assert subprocess.run([*line, "-o", str(killed)], check=False, stdout=subprocess.DEVNULL).returncode == code
    pages = [(folder / "claims" / "claims.json").read_bytes() for folder in (whole, killed)]
    assert pages[0] == pages[1]
    frames = [
        pd.read_parquet(folder / "records.parquet").drop(columns=list(TIME_COLUMNS)) for folder in (whole, killed)
    ]
    pd.testing.assert_frame_equal(*frames)
