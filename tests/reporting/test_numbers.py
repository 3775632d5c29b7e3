"""The numbers of a report against the same numbers computed another way, straight from the records and the tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

import harness
from harness.reporting import build_report
from harness.reporting.caveats import caveats
from harness.reporting.frames.curves import EXACT, anytime, areas_under_regret, distributions, random_curves
from harness.reporting.frames.improvement import relative_improvements, win_counts
from harness.reporting.frames.significance import aggregates, significance
from harness.reporting.run import Run, load_run
from harness.statistics import RandomSearchLaw

from .conftest import Make


@pytest.fixture(scope="module")
def tables(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_report(small, tmp_path_factory.mktemp("out") / "report", formats=("csv",)).folder / "tables"


@pytest.fixture(scope="module")
def records(small: Path) -> pd.DataFrame:
    return pd.read_parquet(small / "records.parquet")


def test_relative_improvement(tables: Path, records: pd.DataFrame) -> None:
    frame = pd.read_csv(tables / "relative_improvement.csv")
    assert list(frame) == (
        [
            "benchmark",
            "dataset",
            "method",
            "baseline",
            "n_method",
            "n_baseline",
            "ri",
            "ci_low",
            "ci_high",
            "p_value",
            "p_holm",
        ]
    )
    assert len(frame) == 2 * 2 * 2
    assert frame["n_baseline"].isna().all()
    for row in frame.itertuples():
        table = harness.load_benchmark(row.benchmark)
        scores = records[(records["benchmark"] == row.benchmark) & (records["label"] == row.method)]["test"]
        law = RandomSearchLaw(table.valid, table.test)
        baseline = table.test.mean() if row.baseline == "random@1" else law.mean(30)
        test = stats.ttest_1samp(scores, baseline)
        low, high = test.confidence_interval(0.95)
        assert row.n_method == len(scores) == 12
        assert row.ri == pytest.approx(100 * (scores.mean() / baseline - 1), abs=1e-9)
        assert row.p_value == pytest.approx(test.pvalue)
        assert (row.ci_low, row.ci_high) == pytest.approx((100 * (low / baseline - 1), 100 * (high / baseline - 1)))
    for _, family in frame.groupby("baseline"):
        claims = family[family["method"] != "random"]  # which is a check and in no family
        np.testing.assert_allclose(claims["p_holm"], multipletests(claims["p_value"], method="holm")[1])
        assert family.drop(claims.index)["p_holm"].isna().all()


def test_summary(tables: Path, records: pd.DataFrame) -> None:
    frame = pd.read_csv(tables / "summary.csv")
    for row in frame.itertuples():
        scores = records[(records["benchmark"] == row.benchmark) & (records["label"] == row.method)]["test"]
        assert (row.test_mean, row.test_std) == pytest.approx((scores.mean(), scores.std()))
        assert (row.test_min, row.test_median, row.test_max) == (scores.min(), scores.median(), scores.max())
        best = harness.load_benchmark(row.benchmark).test.max()
        assert row.best_test == best
        assert row.regret == pytest.approx(best - scores.mean())


def test_random_equivalent_is_the_first_budget_that_reaches_the_mean(tables: Path) -> None:
    frame = pd.read_csv(tables / "random_equivalent.csv")
    summary = pd.read_csv(tables / "summary.csv")
    assert len(frame) == 4
    for row, mean in zip(frame.itertuples(), summary["test_mean"], strict=True):
        table = harness.load_benchmark(row.benchmark)
        law = RandomSearchLaw(table.valid, table.test)
        if np.isinf(row.draws):
            assert law.mean(np.arange(1, 3000)).max() < mean
        else:
            assert np.argmax(law.mean(np.arange(1, int(row.draws) + 1)) >= mean) == row.draws - 1
        assert row.draws_low <= row.draws <= row.draws_high
        assert row.speed_up == row.draws / 30


def test_exact_curve_is_that_of_simulated_searches_and_shows_over_selection(make_run: Make) -> None:
    run = load_run(make_run(benchmarks=["nasbench-graph/proteins"], seeds="0:2"))
    table = harness.load_benchmark("nasbench-graph/proteins")
    curve = random_curves(run).set_index("n")["mean"]
    assert curve[1] == pytest.approx(table.test.mean())
    assert curve[50] > curve[200] > curve[1000]
    rng = np.random.default_rng(1)
    rows = rng.integers(len(table), size=(4000, 100))
    winners = rows[np.arange(4000), table.valid[rows].argmax(axis=1)]
    simulated = table.test[winners]
    assert curve[100] == pytest.approx(simulated.mean(), abs=4 * simulated.std() / np.sqrt(4000))
    assert any("Validation over-selects on proteins" in text for text in caveats(run))


def test_no_over_selection_where_the_curve_only_rises(small_run: Run) -> None:
    assert not any("over-selects" in text for text in caveats(small_run))


def test_significance_is_of_the_same_family(small_run: Run) -> None:
    frame = significance(small_run)
    assert set(frame["baseline"]) == {"random@30"}
    claims = frame[~frame["is_check"]]
    np.testing.assert_allclose(claims["p_bh"], multipletests(claims["p_value"], method="fdr_bh")[1])
    assert frame[frame["is_check"]]["p_bh"].isna().all()
    assert set(win_counts(small_run)["method"]) == {"regularized-evolution"}
    assert set(win_counts(small_run)["family"]) == {2}
    for row in frame.itertuples():
        table = harness.load_benchmark(row.benchmark)
        law = RandomSearchLaw(table.valid, table.test)
        scores = small_run.scores(row.group)
        below = law.cdf(scores, 30) - 0.5 * (law.cdf(scores, 30) - law.cdf(scores - 1e-9, 30))
        assert row.win_probability == pytest.approx(below.mean())
        # One-sided and exact against two-sided and normal: alike, not the same.
        one_sided = row.p_value / 2 if row.ri > 0 else 1 - row.p_value / 2
        assert np.isnan(row.p_exact) if row.is_check else row.p_exact == pytest.approx(one_sided, abs=0.15)


def test_detectable_improvement_has_the_power_that_it_states(small_run: Run) -> None:
    row = relative_improvements(small_run).iloc[1]
    assert row["baseline"] == "random@30"
    table, scores = harness.load_benchmark(row["benchmark"]), small_run.scores(row["group"])
    mean = RandomSearchLaw(table.valid, table.test).mean(30)
    effect = row["detectable"] / 100 * mean / scores.std(ddof=1)
    assert TTestPower().power(effect, 12, 0.05) == pytest.approx(0.8, abs=1e-6)


def test_aggregate_is_the_geometric_mean(small_run: Run) -> None:
    frame = aggregates(small_run)
    ri = relative_improvements(small_run)
    for row in frame.itertuples():
        own = ri[(ri["method"] == row.method) & (ri["baseline"] == row.baseline)]["ri"]
        assert row.ri == pytest.approx(100 * (np.exp(np.log1p(own / 100).mean()) - 1))
        assert row.these_low < row.ri < row.these_high
        assert row.like_low < row.ri < row.like_high


def test_anytime_curves_end_at_the_final_scores(small_run: Run) -> None:
    frame = anytime(small_run)
    last = frame[(frame["step"] == 30) & (frame["method"] != EXACT)].set_index(["benchmark", "method"])["mean"]
    for group, (benchmark, entrant) in enumerate(small_run.pairs):
        assert last[benchmark.name, entrant.name] == pytest.approx(small_run.scores(group).mean())


def test_bands_of_anytime_curves_are_wider_than_pointwise_ones(small_run: Run) -> None:
    frame = anytime(small_run)
    last = frame[(frame["step"] == 30) & (frame["method"] != EXACT)].set_index(["benchmark", "method"])
    for group, (benchmark, entrant) in enumerate(small_run.pairs):
        row, scores = last.loc[(benchmark.name, entrant.name)], small_run.scores(group)
        low, high = stats.ttest_1samp(scores, 0).confidence_interval(0.95)
        assert row["low"] < low < high < row["high"]
        assert row["high"] - row["low"] < 2 * (high - low)
    exact = frame[frame["method"] == EXACT]
    assert exact[["low", "high", "n"]].isna().all(axis=None)


def test_area_under_regret_is_that_of_every_step(small: Path, small_run: Run) -> None:
    frame = areas_under_regret(small_run)
    traces, records = (pd.read_parquet(small / f"{name}.parquet") for name in ("traces", "records"))
    widths = np.diff(np.log(np.arange(1, 31)))
    for row in frame.itertuples():
        table = harness.load_benchmark(row.benchmark)
        own = records[(records["benchmark"] == row.benchmark) & (records["label"] == row.method)]["cell"]
        areas = []
        for cell in own:
            steps = traces[traces["cell"] == cell].set_index("step")["incumbent_test"]
            regret = table.test.max() - steps.reindex(range(1, 31)).ffill().to_numpy()
            areas.append(regret[:-1] @ widths / np.log(30))
        test = stats.ttest_1samp(areas, 0).confidence_interval(0.95)
        assert (row.n, row.area) == (12, pytest.approx(np.mean(areas)))
        assert (row.low, row.high) == pytest.approx((test.low, test.high))
        law = RandomSearchLaw(table.valid, table.test)
        exact = (table.test.max() - law.mean(np.arange(1, 30))) @ widths / np.log(30)
        assert row.random == pytest.approx(exact)
        assert row.less == pytest.approx(100 * (1 - np.mean(areas) / exact))
        assert row.less_low < row.less < row.less_high


def test_distributions_are_the_shares_of_seeds(small_run: Run) -> None:
    frame = distributions(small_run)
    for group, (benchmark, entrant) in enumerate(small_run.pairs):
        own = frame[(frame["benchmark"] == benchmark.name) & (frame["method"] == entrant.name)]
        assert own["share"].iloc[-1] == 1
        scores = np.sort(small_run.scores(group))
        np.testing.assert_allclose(own["share"], [np.mean(scores <= test) for test in own["test"]])
