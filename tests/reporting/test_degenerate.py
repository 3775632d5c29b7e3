"""Tables and results on which some number does not exist: it costs that cell its number, with the reason, never the report."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pandas as pd
import pytest

import harness
from harness.reporting.answer import answer
from harness.reporting.caveats import caveats, warnings
from harness.reporting.frames.improvement import relative_improvements
from harness.reporting.frames.robust import scaled
from harness.reporting.frames.significance import aggregates, significance
from harness.reporting.run import load_run
from harness.tabular import catalogue

from .conftest import EVOLUTION, Make

Cli = Callable[..., Any]
X, Y = (axis.ravel().astype(float) for axis in np.meshgrid(np.arange(6), np.arange(6)))
RAMP = (X + 6 * Y) / 64  # dyadic: sums are exact
TABLES = {
    "all equal": (np.full(36, 0.3), np.full(36, 0.3), "max"),
    "all zero": (np.zeros(36), np.zeros(36), "min"),
    "perfect": (np.maximum(RAMP - 0.2, 0), np.maximum(RAMP - 0.3, 0), "min"),
    "mean zero": (RAMP - RAMP.mean(), RAMP - RAMP.mean(), "max"),
    "near zero": (RAMP - RAMP.mean(), RAMP - RAMP.mean() + 1e-5, "max"),
    "negative": (RAMP - 5, RAMP - 5, "max"),
    "negative errors": (-5 - RAMP, -5 - RAMP, "min"),
    "constant validation": (np.full(36, 0.5), RAMP, "max"),
    "constant test": (RAMP, np.full(36, 0.5), "max"),
    "rounding only": (RAMP, 0.1 + np.where(X > 2, 0.2, 0.2 + 3e-17), "max"),
    "one good": (np.floor(RAMP / RAMP.max()), np.floor(RAMP / RAMP.max()), "max"),
    "huge": (1e30 * (RAMP + 1), 1e30 * (RAMP + 1), "max"),
    "tiny": (1e-30 * (RAMP + 1), 1e-30 * (RAMP + 1), "max"),
    "one architecture": (RAMP[:1] + 0.5, RAMP[:1] + 0.5, "max"),
}


@pytest.fixture
def made_up(registries: None) -> None:
    """All these tables are known by name."""
    for name, (valid, test, direction) in TABLES.items():
        frame = pd.DataFrame({"x": X[: len(valid)].astype(int), "y": Y[: len(valid)].astype(int)})
        frame = frame.assign(valid=valid, test=test, latency=1.0)
        full = "odd/" + name.replace(" ", "-")
        table = harness.table_from_frame(
            frame, full, arch=["x", "y"], extra={"latency": "latency"}, unit="none", direction=direction
        )
        catalogue.register_benchmark(full)(lambda table=table: table)


METHODS = [
    {"name": "random"},
    *({"name": "regularized-evolution", "label": f"e{n}", "population": n, "sample": 2} for n in (2, 4)),
]


def names(direction: str) -> list[str]:
    return ["odd/" + name.replace(" ", "-") for name, table in TABLES.items() if table[2] == direction]


def check_whole_path(cli: Cli, folder: Path) -> None:
    """Report and analyse: what is missing has its reason beside it."""
    done = cli("report", folder)
    assert done.code == 0, done.err
    assert "Warning" not in done.err
    assert not re.search(r"\b(nan|inf|None)\b", (folder / "report" / "report.md").read_text())
    run = load_run(folder)
    frame = relative_improvements(run)
    for known in ("ri", "p_value"):
        assert (frame[known].notna() | (frame["note"] != "")).all()
    assert (aggregates(run)["ri"].notna() | (aggregates(run)["note"] != "")).all()
    for verb in ("pairs", "lottery", "seeds", "pareto"):
        done = cli("analyze", verb, folder, "--json", *(["--detect", "1"] if verb == "seeds" else []))
        assert done.code == 0, done.err
        assert "Warning" not in done.err
        json.loads(done.out)
    assert cli("compare", folder, folder).code == 0


@pytest.mark.parametrize("seeds", ["0:1", "0:4"])
@pytest.mark.parametrize("direction", ["max", "min"])
def test_the_whole_path_on_all_tables(made_up: None, make_run: Make, cli: Cli, direction: str, seeds: str) -> None:
    suite = {"seeds": seeds, "budgets": {"evaluations": 8}, "methods": METHODS, "metrics": ["latency"]}
    check_whole_path(cli, make_run(benchmarks=names(direction), **suite))


@pytest.mark.slow
@pytest.mark.parametrize("seeds", ["0:1", "0:4"])
@pytest.mark.parametrize("name", [*names("max"), *names("min")])
def test_the_whole_path_on_every_table(made_up: None, make_run: Make, cli: Cli, name: str, seeds: str) -> None:
    suite = {"seeds": seeds, "budgets": {"evaluations": 8}, "methods": METHODS, "metrics": ["latency"]}
    check_whole_path(cli, make_run(benchmarks=[name], **suite))


def test_a_perfect_score_has_no_geometric_mean_and_says_so(made_up: None, make_run: Make) -> None:
    folder = make_run(
        benchmarks=["odd/perfect", "odd/negative-errors"], seeds="0:3", budgets={"evaluations": 36}, methods=METHODS
    )
    frame = aggregates(load_run(folder))
    assert frame.loc[frame["baseline"] == "random@36", "note"].str.contains("no geometric mean|no RI").all()


def test_a_mean_near_zero_is_a_caveat(made_up: None, make_run: Make) -> None:
    folder = make_run(benchmarks=["odd/near-zero"], budgets={"evaluations": 8}, methods=METHODS)
    texts = [text for text in caveats(load_run(folder)) if "near 0" in text]
    assert [text.partition(" on ")[0] for text in texts] == ["The mean of random@1"]


def test_rounding_is_no_scale(made_up: None, make_run: Make) -> None:
    """The best is the average but for the last bit: there is nothing between 0 and 100."""
    tables = ["odd/rounding-only", "odd/constant-test", "odd/near-zero"]
    folder = make_run(benchmarks=tables, seeds="0:2", budgets={"evaluations": 4}, methods=METHODS)
    assert [benchmark.name for benchmark in scaled(load_run(folder))] == ["odd/near-zero"]


def test_the_perfect_method_has_an_exact_p_value(made_up: None, make_run: Make) -> None:
    """All of 6 searches end at the best of 36: that of 30 draws is among them with 1 - (35/36)^30, each time."""
    ends = {"name": "random", "label": "all", "replace": False}
    evolution = EVOLUTION | {"population": 2, "sample": 2}
    folder = make_run(
        benchmarks=["odd/one-good"],
        seeds="0:6",
        budgets={"evaluations": 36},
        methods=[ends, evolution, {"name": "local-search"}],
    )
    run = load_run(folder)
    frame = significance(run).set_index("method")
    row = frame.loc["local-search"]
    assert np.ptp(run.scores(2)) == 0
    assert run.scores(2)[0] == 1
    assert row["p_exact"] == pytest.approx((1 - (35 / 36) ** 36) ** 6)
    # Two-sided it is twice that, the smaller tail: all random searches are at most as good.
    assert row["p_value"] == pytest.approx(2 * row["p_exact"])
    assert row["test"] == "exact law"
    assert np.isnan(row["ci_low"])
    assert "p-value is by the exact law" in row["note"]
    assert "shows no significant difference" in answer(run)[-1].statement


@harness.register_method("always-the-first")
@dataclass
class First(harness.OwnLoop):
    """Recommends without a look."""

    taxonomy: ClassVar[harness.Taxonomy] = harness.Taxonomy("any", "random", "none", "none")

    def search(self, problem: harness.Problem, streams: harness.Streams) -> harness.SearchResult:
        return harness.SearchResult((0, 0))


def test_a_method_that_evaluates_nothing_is_a_warning(made_up: None, make_run: Make) -> None:
    methods = [{"name": "random"}, {"name": "always-the-first"}]
    run = load_run(make_run(benchmarks=["odd/constant-test"], methods=methods, seeds="0:3"))
    (text,) = warnings(run)
    assert text.startswith(
        "always-the-first recommended an architecture of constant-test without evaluating any in 3 cells"
    )
    assert not any("always-the-first stopped" in text for text in caveats(run))
    assert run.cells.loc[run.cells["method"] == "always-the-first", "n_evaluations"].tolist() == [0, 0, 0]


FILES = {
    "perfect": (["A,R", "0,1.2", "0,1.1", "0,1.3"], ["--direction", "min"]),
    "all equal": (["A,R", "5,5", "5,5", "5,5"], []),
    "zero baseline": (["A,R", "5,0", "6,0", "7,0"], []),
    "all zero": (["A,R", "0,0", "0,0", "0,0"], []),
    "mean zero": (["A,R", "1,-1", "2,0", "4,1"], ["--unit", "none"]),
    "near zero": (["A,R", "1,-1", "2,0", "4,1.01"], ["--unit", "none"]),
    "negative": (["A,R", "-3,-5", "-4,-5.5", "-3.5,-6"], ["--unit", "none"]),
    "one run": (["A,R", "90,80"], []),
    "blank method": (["A,B,R", ",90,80", ",91,81", ",92,82"], []),
    "huge": (["A,R", "1e40,1e40", "2e40,1e40", "3e40,2e40"], ["--unit", "none"]),
    "tiny": (["A,R", "1e-40,1e-40", "2e-40,1e-40", "3e-40,2e-40"], ["--unit", "none"]),
    "paired zero": (["method,seed,score", "A,0,0", "A,1,2", "R,0,1", "R,1,3"], ["--paired", "--unit", "none"]),
    "paired signs": (["method,seed,score", "A,0,-1", "A,1,2", "R,0,1", "R,1,3"], ["--paired", "--unit", "none"]),
}


@pytest.mark.parametrize("name", FILES)
def test_results_from_elsewhere(cli: Cli, tmp_path: Path, name: str) -> None:
    lines, options = FILES[name]
    (tmp_path / "odd.csv").write_text("\n".join(lines) + "\n")
    sound = ["method,seed,score", *(f"{m},{i},{s + i % 3}" for m, s in (("A", 90), ("R", 88)) for i in range(4))]
    (tmp_path / "sound.csv").write_text("\n".join(sound) + "\n")
    for place, files in enumerate((["odd.csv"], ["odd.csv", "sound.csv"])):
        if place and lines[0] != sound[0]:
            (tmp_path / "sound.csv").write_text("A,R\n90,88\n91,89\n92,87\n")
        paths = [tmp_path / file for file in files]
        output = tmp_path / f"out{place}"
        done = cli("import-results", *paths, "--baseline", "R", *options, "-o", output, "--json")
        assert done.code == 0, done.err
        rows = pd.DataFrame(json.loads(done.out)["relative_improvement"])
        assert (rows["p_value"].notna() | (rows["note"] != "")).all()
        assert "any data set: ." not in (output / "report.md").read_text()
        assert "nan" not in (output / "report.md").read_text()
        if place:
            assert rows.set_index("dataset").loc[["sound"], "ri"].notna().any()
