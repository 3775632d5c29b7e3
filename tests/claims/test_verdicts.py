"""Verdicts on claims, against tests by other libraries on the same records."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.weightstats import ttost_ind, ttost_paired

from harness import OwnLoop, SearchResult, Taxonomy, load_benchmark, register_benchmark, register_method
from harness.claims.searches import Kept
from harness.claims.verdicts import Verdict, as_frame, judge
from harness.reporting.frames.pareto import Goal, hypervolumes
from harness.reporting.run import load_run
from harness.running.runner import run_suite
from harness.suites.reading import make_suite
from harness.tabular.law import random_search_law

RIDGE = "synthetic/ridge"
SAID = {"says": "It is so.", "source": "Somebody, table 1"}
METHODS = [
    {"name": "random"},
    {"name": "local-search"},
    {"name": "regularized-evolution", "label": "EA", "population": 4},
]
N = 24


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three methods, whose searches are what all claims here are about."""
    found = tmp_path_factory.mktemp("claims") / "run"
    run_suite(make_suite(document()), found)
    return found


@pytest.fixture(scope="module")
def scores(folder: Path) -> dict[str, np.ndarray]:
    records = pd.read_parquet(folder / "records.parquet")
    return {label: own.sort_values("seed")["test"].to_numpy() for label, own in records.groupby("label")}


def document(*claims: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "name": "small",
        "seeds": f"0:{N}",
        "benchmarks": [RIDGE],
        "budgets": {"evaluations": 12},
        "methods": METHODS,
        "claims": [SAID | claim for claim in claims],
    } | more


def verdicts(folder: Path, *claims: dict[str, Any], **more: Any) -> tuple[Verdict, ...]:
    suite = make_suite(document(*claims, **more))
    return judge(suite, Kept(suite, [folder]))


def law_mean(draws: int) -> float:
    return float(random_search_law(load_benchmark(RIDGE)).mean(draws))  # type: ignore[arg-type]


def test_against_random_search(folder: Path, scores: dict[str, np.ndarray]) -> None:
    r = law_mean(12)
    (found,) = verdicts(folder, {"method": "local-search", "beats": "random@budget", "by": "0.5 %"})
    gain = 100 * (scores["local-search"] - r) / r
    assert found.part is not None
    assert found.part.estimate == pytest.approx(gain.mean())
    assert found.p_reproduced == pytest.approx(stats.ttest_1samp(gain, 0.5, alternative="greater").pvalue)
    assert found.p_contradicted == pytest.approx(stats.ttest_1samp(gain, 0.5, alternative="less").pvalue)
    assert found.part.test == "one-sample t, random@12 exact"
    low, high = stats.ttest_1samp(gain, 0).confidence_interval(0.9)
    assert found.part.placement is not None
    assert (found.part.placement.low, found.part.placement.high) == pytest.approx((low, high))


def test_against_another_method(folder: Path, scores: dict[str, np.ndarray]) -> None:
    a, b = scores["local-search"], scores["EA"]
    beats, within = verdicts(
        folder,
        {"method": "local-search", "beats": "EA", "by": "1 %"},
        {"method": "local-search", "is": "equivalent to", "baseline": "EA", "within": "30 %"},
    )
    assert beats.part is not None
    assert beats.part.estimate == pytest.approx(100 * (a.mean() / b.mean() - 1))
    assert beats.p_reproduced == pytest.approx(stats.ttest_rel(a, 1.01 * b, alternative="greater").pvalue)
    # Equivalence by statsmodels, of a 30 % below and above each.
    above, below = ttost_paired(a, 0.7 * b, 0, math.inf)[1][1], ttost_paired(a, 1.3 * b, -math.inf, 0)[2][1]
    assert within.p_reproduced == pytest.approx(max(above, below), rel=1e-6)
    assert within.verdict == "reproduced"


def test_against_a_published_value(folder: Path, scores: dict[str, np.ndarray]) -> None:
    mine = scores["local-search"]
    theirs = np.array([0.9, 1.0, 1.1, 1.05]) * mine.mean()
    margin = 0.25 * float(mine.mean())
    spread = {"sd": float(theirs.std(ddof=1))}
    value = {"method": "local-search", "value": float(theirs.mean()), "margin": margin}
    with_n, exact = verdicts(folder, value | {"spread": spread, "n": 4}, value)
    p, *_ = ttost_ind(mine, theirs, -margin, margin, usevar="unequal")
    assert with_n.p_reproduced == pytest.approx(p)
    one = max(
        stats.ttest_1samp(mine, theirs.mean() - margin, alternative="greater").pvalue,
        stats.ttest_1samp(mine, theirs.mean() + margin, alternative="less").pvalue,
    )
    assert exact.p_reproduced == pytest.approx(one)
    assert "the published value is taken as exact" in exact.note
    assert with_n.note == ""


def test_contradicted_means_that_the_whole_interval_is_outside(folder: Path, scores: dict[str, np.ndarray]) -> None:
    mean, sem = scores["EA"].mean(), stats.sem(scores["EA"])
    reach = stats.t.ppf(0.95, N - 1) * sem
    for away in np.linspace(0.0, 8.0, 33):
        (found,) = verdicts(folder, {"method": "EA", "value": float(mean + away * sem), "margin": float(2 * sem)})
        assert found.part is not None
        low, high = -away * sem - reach, -away * sem + reach
        if found.verdict == "contradicted":
            assert high < -2 * sem
        elif found.verdict == "reproduced":
            assert low > -2 * sem
            assert high < 2 * sem


def test_an_order_is_of_all_pairs(folder: Path, scores: dict[str, np.ndarray]) -> None:
    names = ["local-search", "EA", "random"]
    (found,) = verdicts(folder, {"order": names})
    pairs = [(a, b) for i, a in enumerate(names) for b in names[i + 1 :]]
    greater = [stats.ttest_rel(scores[a], scores[b], alternative="greater").pvalue for a, b in pairs]
    less = [stats.ttest_rel(scores[a], scores[b], alternative="less").pvalue for a, b in pairs]
    assert found.p_reproduced == pytest.approx(max(greater))
    assert found.p_contradicted == pytest.approx(min(1.0, 3 * min(less)))


def test_one_family(folder: Path) -> None:
    claims = [{"method": "local-search", "beats": "EA", "by": f"{by} %"} for by in (0, 1, 2, 5, 9, 20, 90)]
    found = verdicts(folder, *claims, {"kendall": ">= 0", "between": ["valid", "test"]})
    plain = [p for one in found[:-1] for p in (one.p_reproduced, one.p_contradicted)]
    adjusted = multipletests(plain, method="holm")[1]
    assert [p for one in found[:-1] for p in (one.p_reproduced_holm, one.p_contradicted_holm)] == pytest.approx(
        adjusted
    )
    # What is known exactly is in no family.
    assert math.isnan(found[-1].p_reproduced)
    assert {one.verdict for one in found} >= {"contradicted"}
    for one in found[:-1]:
        expected = (
            "reproduced"
            if one.p_reproduced_holm <= 0.05
            else "contradicted"
            if one.p_contradicted_holm <= 0.05
            else "undecided"
        )
        assert one.verdict == expected


def test_what_is_known_exactly_is_compared(folder: Path) -> None:
    table = load_benchmark(RIDGE)
    best, average = float(table.test.max()), float(np.average(table.test, weights=table.weights))  # type: ignore[union-attr]
    tau = stats.kendalltau(table.valid, table.test).statistic  # type: ignore[union-attr]
    columns = {"between": ["valid", "test"]}
    found = verdicts(
        folder,
        {"method": "optimum", "value": best, "margin": 0},
        {"method": "optimum", "value": best + 1, "margin": 0.5},
        {"method": "random@1", "value": average, "margin": 1e-9},
        {"method": "optimum", "statistic": "regret", "value": 0, "margin": 0},
        {"method": "random@1", "statistic": "regret", "value": best - average, "margin": 1e-9},
        {"kendall": f">= {tau - 1e-6:.7f}"} | columns,
        {"kendall": f"<= {tau - 1e-6:.7f}"} | columns,
    )
    words = ["reproduced", "contradicted", "reproduced", "reproduced", "reproduced", "reproduced", "contradicted"]
    assert [one.verdict for one in found] == words
    assert all(one.part is not None and one.part.n is None for one in found)


def test_the_published_error_counts_against_an_exact_number(folder: Path) -> None:
    claim = {"method": "random@12", "value": law_mean(12) + 0.1, "margin": 1.0, "spread": {"sem": 0.3}, "n": 5}
    (found,) = verdicts(folder, claim)
    assert found.p_reproduced == pytest.approx(stats.t.sf((1.0 - 0.1) / 0.3, 4))


def test_regret_and_best(folder: Path, scores: dict[str, np.ndarray]) -> None:
    best = float(load_benchmark(RIDGE).test.max())  # type: ignore[union-attr]
    records = pd.read_parquet(folder / "records.parquet")
    seen = records[records["label"] == "EA"]["test_best"]
    regret, oracle, better = verdicts(
        folder,
        {"method": "EA", "statistic": "regret", "value": 0.0, "margin": 1.0},
        {"method": "EA", "statistic": "best", "value": 0.0, "margin": 1.0},
        {"method": "local-search", "statistic": "regret", "beats": "EA"},
    )
    assert regret.part is not None
    assert oracle.part is not None
    assert better.part is not None
    assert regret.part.estimate == pytest.approx((best - scores["EA"]).mean())
    assert oracle.part.estimate == pytest.approx(seen.mean())
    a, b = best - scores["local-search"], best - scores["EA"]
    assert better.part.estimate == pytest.approx(100 * (b.mean() - a.mean()) / b.mean())  # less is better


def test_evaluations_up_to_a_score(folder: Path) -> None:
    records, traces = (pd.read_parquet(folder / f"{name}.parquet") for name in ("records", "traces"))
    own = records[records["label"] == "EA"]
    reached = float(own["test"].min())  # by all of them
    first = [
        int(traces[(traces["cell"] == cell) & (traces["incumbent_test"] >= reached)]["step"].iloc[0])
        for cell in own["cell"]
    ]
    easy, hard = verdicts(
        folder,
        {"method": "EA", "statistic": "evaluations", "reaches": reached, "value": 0, "margin": 1},
        {"method": "EA", "statistic": "evaluations", "reaches": 1e9, "value": 0, "margin": 1},
    )
    assert easy.part is not None
    assert easy.part.estimate == pytest.approx(np.mean(first))
    assert (hard.verdict, hard.note.count("24 of 24 searches never reach 1e+09")) == ("skipped", 0)
    assert "its searches have no evaluations" in hard.note


def test_hypervolumes_are_those_of_reports(tmp_path: Path) -> None:
    claim = {"method": "EA", "statistic": "hypervolume", "value": 90, "margin": 1}
    more = {"benchmarks": ["digits201"], "metrics": ["latency"], "seeds": "0:4"}
    run_suite(make_suite(document(**more)), tmp_path / "out")
    (found,) = verdicts(tmp_path / "out", claim, **more)
    frame = hypervolumes(load_run(tmp_path / "out"), [Goal("latency")]).set_index("method")
    assert found.part is not None
    assert found.part.estimate + 90 == pytest.approx(frame.loc["EA", "hypervolume"])


def test_what_more_seeds_would_take(folder: Path, scores: dict[str, np.ndarray]) -> None:
    value = float(scores["EA"].mean()) - 1.0
    (found,) = verdicts(folder, {"method": "EA", "value": value, "margin": 1.5})
    assert found.verdict == "undecided"
    z = stats.norm.isf(0.05 / 2) + stats.norm.ppf(0.8)  # two tests in the family, neither has rejected
    assert found.seeds == math.ceil((z * scores["EA"].std(ddof=1) / 0.5) ** 2)
    (never,) = verdicts(folder, {"method": "EA", "value": value, "margin": 1.5, "spread": {"sem": 9.0}, "n": 9})
    assert never.seeds == math.inf


def test_a_kept_run_with_other_parameters_is_another_one(folder: Path) -> None:
    other = [*METHODS[:2], METHODS[2] | {"population": 5}]
    found = verdicts(
        folder, {"method": "EA", "beats": "random@1"}, {"method": "local-search", "beats": "random@1"}, methods=other
    )
    assert found[0].verdict == "skipped"
    assert "params.population 4 there, 5 here" in found[0].note
    assert found[1].verdict != "skipped"


def test_another_version_is_judged_and_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.methods.local_search import LocalSearch

    monkeypatch.setattr(LocalSearch, "version", "later")
    suite = make_suite(document({"method": "local-search", "beats": "random@1"}))
    kept = Kept(suite, [folder])
    assert judge(suite, kept)[0].verdict != "skipped"
    assert any("local-search: version" in note and "'later' here" in note for note in kept.notes)


def test_on_each_of_several_benchmarks(tmp_path: Path, registries: None, make_table: Callable[..., Any]) -> None:
    for number in (1, 2):
        register_benchmark(f"made/{number}")(lambda number=number: make_table(name=f"made/{number}", seed=number))
    more = {"benchmarks": ["made/1", "made/2"]}
    run_suite(make_suite(document(**more)), tmp_path / "out")
    both, one, two = verdicts(
        tmp_path / "out",
        {"method": "EA", "beats": "random@1"},
        {"method": "EA", "beats": "random@1", "benchmark": "made/1"},
        {"method": "EA", "beats": "random@1", "benchmark": "made/2"},
        **more,
    )
    assert both.p_reproduced == max(one.p_reproduced, two.p_reproduced)
    assert both.p_contradicted == min(1.0, 2 * min(one.p_contradicted, two.p_contradicted))


def test_failed_searches_have_the_worst_score(tmp_path: Path, registries: None) -> None:
    @register_method("falls-over")
    @dataclass
    class FallsOver(OwnLoop):
        version = "1"
        taxonomy = Taxonomy("any", "random", "none", "none")

        def search(self, problem: Any, streams: Any) -> SearchResult:
            if streams.cell_seed % 3 == 0:
                raise ValueError("no")
            arch = problem.architectures[streams.cell_seed]
            problem.evaluate(arch)
            return SearchResult(arch)

    more = {"methods": [{"name": "falls-over"}, {"name": "random"}], "seeds": "0:9"}
    run_suite(make_suite(document(**more)), tmp_path / "out")
    (found,) = verdicts(tmp_path / "out", {"method": "falls-over", "value": 0, "margin": 1}, **more)
    records = pd.read_parquet(tmp_path / "out" / "records.parquet")
    own = records[records["label"] == "falls-over"]["test"].fillna(load_benchmark(RIDGE).test.min())  # type: ignore[union-attr]
    assert found.part is not None
    assert (found.part.n, found.part.estimate) == (9, pytest.approx(own.mean()))
    assert "3 of its searches failed" in found.note
    few = {"method": "falls-over", "value": 0, "margin": 1}
    (fixed,) = verdicts(tmp_path / "out", few, **more | {"seeds": "1:6"})  # of those that are judged
    assert "1 of its searches failed" in fixed.note


def test_searches_that_end_alike(tmp_path: Path, registries: None) -> None:
    @register_method("stubborn")
    @dataclass
    class Stubborn(OwnLoop):
        version = "1"
        taxonomy = Taxonomy("any", "random", "none", "none")

        def search(self, problem: Any, streams: Any) -> SearchResult:
            problem.evaluate(problem.architectures[3])
            return SearchResult(problem.architectures[3])

    more = {"methods": [{"name": "stubborn"}], "seeds": "0:5"}
    run_suite(make_suite(document(**more)), tmp_path / "out")
    table = load_benchmark(RIDGE)
    score = float(pd.read_parquet(tmp_path / "out" / "records.parquet")["test"].iloc[0])
    law, value, margin = verdicts(
        tmp_path / "out",
        {"method": "stubborn", "beats": "random@1"},
        {"method": "stubborn", "value": score, "margin": 0},
        {"method": "stubborn", "beats": "random@1", "by": "1 %"},
        **more,
    )
    # All seeds went one way: one draw of the law of a random architecture.
    share = float(np.average(table.test >= score, weights=table.weights))  # type: ignore[union-attr]
    assert law.p_reproduced == pytest.approx(share, abs=1e-6)
    assert value.verdict == "reproduced"
    assert margin.verdict in ("reproduced", "contradicted")  # exact: one number against another


def test_of_two_runs_the_one_with_most_seeds(folder: Path, tmp_path: Path) -> None:
    run_suite(make_suite(document(seeds="0:4")), tmp_path / "out")
    suite = make_suite(document({"order": ["EA", "random"]}))
    for folders in ([tmp_path / "out", folder], [folder, tmp_path / "out"]):
        (one,) = judge(suite, Kept(suite, folders))
        assert one.part is not None
        assert one.part.n == N


def test_one_seed_shows_nothing(tmp_path: Path) -> None:
    run_suite(make_suite(document(seeds="0:4")), tmp_path / "out")
    value = {"method": "local-search", "value": 80.0, "margin": 50.0}
    (one,) = verdicts(tmp_path / "out", value, seeds="0:1")
    assert one.verdict == "undecided"
    assert "one seed has no spread" in one.note
    # How long it takes to a score is left to chance: all seeds alike may be an accident.
    early = {"method": "local-search", "statistic": "evaluations", "reaches": 0.0, "value": 1, "margin": 0.5}
    for test in ("fixed", "sequential"):
        (alike,) = verdicts(tmp_path / "out", early | {"test": test}, seeds="0:4")
        assert alike.verdict == "undecided"


def test_the_frame_has_a_row_a_claim(folder: Path) -> None:
    frame = as_frame(verdicts(folder, {"order": ["EA", "random"]}, {"method": "optimum", "value": 0, "margin": 1}))
    assert list(frame["claim"]) == [1, 2]
    assert frame["n"].tolist() == [N, pd.NA]
    assert frame.loc[0, "region_low"] == 0.0
    assert frame.loc[1, "test"] == "optimum exact"
