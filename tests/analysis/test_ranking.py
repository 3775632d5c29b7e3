"""Agreement of validation and test: each number against the same one computed straight from the records and the tables."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import harness
from harness.analysis import column_rankings, ranking, trainings
from harness.errors import HarnessError
from harness.spaces.nasbench201 import NASBench201Space
from harness.statistics import noise_ceiling
from harness.tabular.table import row_of_encodings


def test_ranking():
    table = harness.load_benchmark("nasbench-graph/proteins")
    found = ranking("nasbench-graph/proteins", np.random.default_rng(3), top=(20,), n_bootstrap=30).set_index(
        "statistic"
    )
    valid, test = np.asarray(table.valid), np.asarray(table.test)
    assert set(found["rows"]) == {len(table)}
    assert found.loc["kendall", "estimate"] == pytest.approx(stats.kendalltau(valid, test).statistic)
    assert found.loc["weighted_kendall", "estimate"] == pytest.approx(stats.weightedtau(valid, test).statistic)
    assert found.loc["spearman", "estimate"] == pytest.approx(stats.spearmanr(valid, test).statistic)
    assert (found["low"] < found["high"]).all()
    again = ranking("nasbench-graph/proteins", np.random.default_rng(3), top=(20,), n_bootstrap=30).set_index(
        "statistic"
    )
    pd.testing.assert_frame_equal(found, again)


def test_ranking_where_lower_is_better(make_table, registries):
    for direction in ("max", "min"):
        harness.register_benchmark(f"made/{direction}")(
            lambda direction=direction: make_table(direction=direction, name=f"made/{direction}")
        )
    top = [
        ranking(f"made/{direction}", np.random.default_rng(0), top=(10,), n_bootstrap=5).set_index("statistic")[
            "estimate"
        ]
        for direction in ("max", "min")
    ]
    table = make_table()
    best = [set(np.argsort(-sign * column)[:10]) for sign in (1, -1) for column in (table.valid, table.test)]
    assert top[0]["precision@10"] == pytest.approx(len(best[0] & best[1]) / 10)
    assert top[1]["precision@10"] == pytest.approx(len(best[2] & best[3]) / 10)
    assert top[0]["kendall"] == pytest.approx(top[1]["kendall"])


@pytest.fixture
def trained(make_table, registries):
    """Forty architectures trained three times: once a benchmark, and all in columns of one table."""
    rng = np.random.default_rng(5)
    table = make_table(name="made/mean")
    quality = table.test + rng.normal(0, 0.5, len(table))
    tests = [quality + rng.normal(0, 0.3, len(table)) for _ in range(3)]
    columns = dict(table.columns) | {f"test_{place}": test for place, test in enumerate(tests)}
    made = {"made/mean": dataclasses.replace(table, columns=columns)}
    for place, test in enumerate(tests):
        name = f"made/mean+seed{place}"
        made[name] = dataclasses.replace(table, name=name, columns=dict(table.columns) | {"test": test})
    for name, one in made.items():
        harness.register_benchmark(name)(lambda one=one: one)
    return table, np.column_stack(tests)


def test_trainings(trained):
    table, tests = trained
    found = trainings("made/mean", np.random.default_rng(0), n_bootstrap=50).set_index("statistic")
    assert set(found["trainings"]) == {3}
    assert set(found["rows"]) == {len(table)}
    taus = [stats.kendalltau(table.valid, one).statistic for one in tests.T]
    assert found.loc["kendall, validation", "estimate"] == pytest.approx(np.mean(taus))
    lower, upper = noise_ceiling(tests)
    assert found.loc["kendall, ceiling, lower", "estimate"] == pytest.approx(lower)
    assert found.loc["kendall, ceiling, upper", "estimate"] == pytest.approx(upper)
    between, within = 3 * tests.mean(axis=1).var(ddof=1), tests.var(axis=1, ddof=1).mean()
    assert found.loc["icc", "estimate"] == pytest.approx((between - within) / (between + 2 * within))
    assert ((found["low"] < found["estimate"]) & (found["estimate"] < found["high"])).all()
    columns = [f"test_{place}" for place in range(3)]
    again = trainings("made/mean", np.random.default_rng(0), columns, n_bootstrap=50).set_index("statistic")
    pd.testing.assert_frame_equal(found, again)


def test_trainings_of_fewer_architectures(trained):
    """An architecture that one training lacks is left out of all."""
    table, tests = trained
    kept = np.arange(3, len(table))
    part = dataclasses.replace(
        table,
        name="made/part",
        rows=row_of_encodings(table.space, table.codes[kept]),
        codes=table.codes[kept],
        weights=table.weights[kept],
        columns={name: column[kept] for name, column in table.columns.items()} | {"test": tests[kept, 2]},
    )
    harness.register_benchmark("made/part")(lambda: part)
    found = trainings("made/mean", np.random.default_rng(0), ["test_0", "made/part"], n_bootstrap=5)
    assert set(found["rows"]) == {len(kept)}
    lower, _ = noise_ceiling(tests[kept][:, [0, 2]])
    assert found.set_index("statistic").loc["kendall, ceiling, lower", "estimate"] == pytest.approx(lower)


def test_a_table_of_one_training_has_no_ceiling(trained, cli):
    rng = np.random.default_rng(0)
    assert trainings("made/mean+seed0", rng).empty
    with pytest.raises(HarnessError, match="name at least 2"):
        trainings("made/mean", rng, ["test_0"])
    with pytest.raises(HarnessError, match="unknown training 'test_7'"):
        trainings("made/mean", rng, ["test_0", "test_7"])
    with pytest.raises(HarnessError, match=r"its space .* is not that of"):
        trainings("made/mean", rng, ["test_0", "nasbench-graph/cora"])
    arguments = ("analyze", "ranking", "made/mean", "--bootstrap", "5", "--top", "5", "--json")
    shown = json.loads(cli(*arguments, "--training", "test_0", "--training", "test_1").out)
    assert {row["trainings"] for row in shown["trainings"]} == {2}
    assert len(json.loads(cli(*arguments).out)["trainings"]) == 4


def test_how_columns_rank(make_table, registries):
    table = make_table(name="made/scores", direction="min")
    rng = np.random.default_rng(2)
    score = rng.normal(size=len(table)) - table.test / 20  # fewer errors go with a higher score
    holes = np.where(rng.random(len(table)) < 0.2, np.nan, score)
    columns = {**table.columns, "params": score**3, "score": score, "holes": holes, "flat": np.ones(len(table))}
    table = dataclasses.replace(table, columns=columns, statistics={"score": 0.0, "holes": 0.0})
    harness.register_benchmark("made/scores")(lambda: table)
    found = column_rankings("made/scores", ["score", "holes", "flat"], np.random.default_rng(0), n_bootstrap=40)
    assert list(dict.fromkeys(found["column"])) == ["score", "holes", "flat", "params"]
    found = found.set_index(["column", "among", "statistic"]).sort_index()
    best = table.test <= np.sort(table.test)[len(table) // 5 - 1]
    for among, rows in (("all", np.full(len(table), True)), ("best fifth", best)):
        for column, values in (
            ("score", score),
            ("holes", np.where(np.isnan(holes), -99.0, holes)),
            ("params", score**3),
        ):
            line = found.loc[(column, among)]
            assert set(line["rows"]) == {rows.sum()}
            assert line.loc["spearman", "estimate"] == pytest.approx(
                stats.spearmanr(values[rows], -table.test[rows])[0]
            )
            assert line.loc["kendall", "estimate"] == pytest.approx(
                stats.kendalltau(values[rows], -table.test[rows])[0]
            )
        assert found.loc[("flat", among), ["estimate", "low", "high"]].isna().all(axis=None)
        # A strictly increasing map of a column leaves all as it was, intervals too.
        assert found.loc[("score", among)].equals(found.loc[("params", among)])
    assert (found.loc["score", "low"] < found.loc["score", "high"]).all()
    with pytest.raises(HarnessError, match=r"unknown column 'scores'; did you mean 'score'"):
        column_rankings("made/scores", ["scores"], np.random.default_rng(0))


def test_how_published_scores_rank(shared, registries):
    """Of 724 cells synflow and naswot rank better than 0.7 by Spearman, and among the best fifth far less."""
    frame = pd.read_csv(shared("zero_cost/nasbench201_zero_cost.csv.gz")).query("dataset == 'cifar10'")
    accuracy = pd.read_csv(shared("nasbench201/accuracy.csv.gz"))[["architecture", "cifar10.test_accuracy@200"]]
    frame = frame.merge(accuracy, on="architecture")
    names = ["synflow", "nwot"]
    table = harness.table_from_frame(
        frame,
        "zc/cifar10",
        NASBench201Space(),
        valid="valid_accuracy@200",
        test="cifar10.test_accuracy@200",
        statistics=names,
    )
    harness.register_benchmark("zc/cifar10")(lambda: table)
    found = column_rankings("zc/cifar10", names, np.random.default_rng(0), n_bootstrap=20)
    assert len(found) == 12  # and params
    found = found.set_index(["column", "among", "statistic"])["estimate"]
    for name in names:
        expected = frame[name].corr(frame["cifar10.test_accuracy@200"], method="spearman")
        assert found[name, "all", "spearman"] == pytest.approx(expected)
        assert expected > 0.7 > found[name, "best fifth", "spearman"] + 0.2
