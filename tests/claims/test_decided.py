"""run --until decided: as many seeds as it takes to tell methods from random search, and the records of a plain run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness import run_until_decided
from harness.claims.decided import compare_with_random
from harness.cli import main
from harness.reporting.caveats import warnings
from harness.reporting.run import load_run
from harness.running.columns import TIME_COLUMNS
from harness.running.runner import run
from harness.statistics import exact_random_baseline, first_rejections
from harness.tabular.catalogue import load_table
from harness.tabular.law import random_search_law

PROTEINS = ["--benchmark", "nasbench-graph/proteins", "--method", "local-search", "--budget", "50", "-j", "1", "-q"]
SUITE: dict[str, Any] = {
    "name": "small",
    "seeds": "0:5",
    "benchmarks": ["digits201", "nasbench-graph/physics"],
    "budgets": {"evaluations": 50},
    "methods": [{"name": "local-search"}, {"name": "regularized-evolution"}],
}


def test_a_verdict_and_the_records_of_a_plain_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    go = ["run", *PROTEINS, "--seeds", "0:5", "-o", str(tmp_path / "out"), "--until", "decided", "--max-seeds", "300"]
    assert main([*go, "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    (one,) = answer["decided"]["comparisons"]
    seeds = answer["decided"]["seeds"]
    assert one["verdict"] == "worse"
    assert 5 < one["seeds"] <= seeds < 300
    assert one["high"] < 0.5
    assert json.loads((tmp_path / "out" / "decided.json").read_text()) == answer["decided"]
    assert any("run --until decided" in warning for warning in warnings(load_run(tmp_path / "out")))

    assert main(["run", *PROTEINS, "--seeds", f"0:{seeds}", "-o", str(tmp_path / "plain"), "--no-report"]) == 0
    kept, plain = (pd.read_parquet(tmp_path / name / "records.parquet") for name in ("out", "plain"))
    own = [name for name in plain if name not in TIME_COLUMNS]
    pd.testing.assert_frame_equal(kept[own], plain[own])

    capsys.readouterr()
    assert main([*go, "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert (again["run"], again["decided"]) == (0, answer["decided"])


def test_it_is_the_bet_on_mid_ranks_under_the_exact_law(tmp_path: Path) -> None:
    """Ranks and capital computed anew: by the law's distribution function, and seed by seed."""
    records = run(SUITE | {"seeds": "0:60"}, tmp_path / "out")
    found = compare_with_random(load_run(tmp_path / "out"))
    p_values = []
    for one in found:
        law = random_search_law(load_table(one.benchmark))
        cells = records[(records["benchmark"] == one.benchmark) & (records["label"] == one.method)]
        scores = cells.sort_values("seed")["test"].to_numpy()
        ranks = law.cdf(scores, 50) / 2 + (1 - law.probability_above(scores, 50)) / 2
        assert one.estimate == pytest.approx(ranks.mean())
        for gain in (ranks - 0.5, 0.5 - ranks):
            capital, best = np.ones(4), 1.0
            p = []
            for step in gain:
                capital = capital * (1 + np.array([0.1, 0.3, 0.6, 0.98]) * step / 0.5)
                best = max(best, capital.mean())
                p.append(1 / best)
            p_values.append(p)
        assert one.p_better == pytest.approx(p_values[-2][-1])
        assert one.p_worse == pytest.approx(p_values[-1][-1])
    first = first_rejections(p_values).reshape(-1, 2)
    for one, (better, worse) in zip(found, first, strict=True):
        assert one.verdict == ("better" if better else "worse" if worse else "undecided")
        assert one.seeds == (better or worse or 60)


def test_batches_have_no_say(tmp_path: Path) -> None:
    """The first batch may be small or large: what was decided was decided by the same seeds."""
    few, many = (run_until_decided(SUITE | {"seeds": seeds}, tmp_path / seeds, 60) for seeds in ("0:5", "0:60"))
    told = [[(one.method, one.benchmark, one.verdict, one.seeds) for one in each.comparisons] for each in (few, many)]
    assert any(verdict != "undecided" for _, _, verdict, _ in told[0])
    assert told[0] == told[1]


def test_what_is_not_decided_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    go = ["run", "--benchmark", "nasbench-graph/physics", "--method", "local-search", "--budget", "20", "-j", "1", "-q"]
    more = ["--seeds", "0:4", "-o", str(tmp_path / "out"), "--until", "decided", "--max-seeds", "9", "--no-report"]
    assert main([*go, *more]) == 3
    assert capsys.readouterr().out.rstrip().endswith("0 better than random search, 0 worse, 1 undecided, 9 seeds")


def test_where_random_search_is_a_sample_seeds_are_pairs(tmp_path: Path) -> None:
    """Budgets in seconds leave the number of draws to chance."""
    suite = {
        "name": "seconds",
        "seeds": "0:12",
        "benchmarks": ["digits201"],
        "budgets": {"simulated_s": 300},
        "methods": [{"name": "random"}, {"name": "regularized-evolution"}],
    }
    decided = run_until_decided(suite, tmp_path / "out", 12)
    (one,) = decided.comparisons
    records = decided.result.records.pivot_table(index="seed", columns="label", values="test")
    gain = records["regularized-evolution"] - records["random"]
    assert one.test == "symmetry e-process"
    assert one.estimate == pytest.approx(gain.mean())
    assert one.note.startswith(
        f"better at {100 * ((gain > 0) + (gain == 0) / 2).mean():.0f} % of the seeds; differences are"
    )


FAILING = """
from dataclasses import dataclass
from harness import AskTell, Taxonomy, register_method

@register_method("half")
@dataclass
class Half(AskTell):
    taxonomy = Taxonomy("any", "random", "none", "none")

    def start(self, problem, streams):
        super().start(problem, streams)
        self.draw, self.left = streams.uniforms("sample"), int(next(streams.uniforms("move")) < 0.5)

    def ask(self):
        assert self.left, "no luck"
        return self.problem.sample(self.draw)

    def tell(self, architecture, score):
        pass
"""


def test_a_failed_search_is_the_worst_score(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "half.py").write_text(FAILING)
    go = ["run", "--plugin", str(tmp_path / "half.py"), "--benchmark", "nasbench-graph/cora", "--method", "half"]
    more = ["--budget", "10", "--seeds", "0:40", "-o", str(tmp_path / "out"), "-j", "1", "-q", "--json", "--no-report"]
    assert main([*go, *more, "--until", "decided", "--max-seeds", "200"]) == 1  # some failed
    answer = json.loads(capsys.readouterr().out)
    (one,) = answer["decided"]["comparisons"]
    assert one["verdict"] == "worse"
    records = pd.read_parquet(tmp_path / "out" / "records.parquet").query("label == 'half'")
    law = exact_random_baseline(random_search_law(load_table("nasbench-graph/cora")), 10).law
    scores = records.loc[records["status"] == "ok", "test"].to_numpy()
    ranks = (law.cdf(scores, 10) + 1 - law.probability_above(scores, 10)) / 2
    assert one["estimate"] == pytest.approx(ranks.sum() / len(records))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--until", "decided"], "--until decided and --max-seeds N go together"),
        (["--max-seeds", "9"], "--until decided and --max-seeds N go together"),
        (["--until", "decided", "--max-seeds", "3"], "at least the suite's own 5, not 3"),
        (["--until", "decided", "--max-seeds", "9", "--shard", "1/2"], "leave out --shard"),
    ],
)
def test_wrong_options_are_one_line(
    options: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", *PROTEINS, "--seeds", "0:5", "-o", str(tmp_path / "out"), *options]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()


def test_random_search_alone_is_compared_with_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    go = [
        "run",
        "--benchmark",
        "nasbench-graph/cora",
        "--method",
        "random",
        "--seeds",
        "0:5",
        "-o",
        str(tmp_path / "out"),
    ]
    assert main([*go, "-q", "--until", "decided", "--max-seeds", "9"]) == 2
    assert "only random search is run" in capsys.readouterr().err
