"""Statistics by name: each number against the same one computed straight from the records and the tables."""

from __future__ import annotations

import dataclasses
import itertools
import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestIndPower, TTestPower

import harness
from harness.analysis import compare_pairs, lottery, plan_seeds, ranking, trainings, wide_shallow
from harness.errors import HarnessError
from harness.statistics import RandomSearchLaw, noise_ceiling
from harness.tabular import synthetic
from harness.tabular.table import row_of_encodings

BUDGET = 30
GENOTYPE = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), ('sep_conv_3x3', 1), "
    "('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5], "
    "reduce=[('max_pool_3x3', 0), ('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0), "
    "('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], reduce_concat=[2, 3, 4, 5])"
)


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    """A run of three settings of one method, another method and random search, on two tables."""
    folder = tmp_path_factory.mktemp("run")
    evolution = [{"name": "regularized-evolution", "label": f"e{n}", "population": n} for n in (4, 10, 25)]
    suite = {
        "name": "small",
        "seeds": "0:12",
        "benchmarks": ["nasbench-graph/cora", "nasbench-graph/proteins"],
        "budgets": {"evaluations": BUDGET},
        "methods": [{"name": "random"}, {"name": "local-search"}, *evolution],
    }
    harness.run(suite, folder, backend="sequential")
    return folder


@pytest.fixture(scope="module")
def scores(rows):
    frame = pd.read_parquet(rows / "records.parquet").sort_values("seed")
    return {key: part["test"].to_numpy() for key, part in frame.groupby(["benchmark", "label"])}


def exact_random(benchmark):
    table = harness.load_benchmark(benchmark)
    law = RandomSearchLaw(table.valid, table.test, table.weights)
    return law.mean(BUDGET), law.std(BUDGET)


def test_seeds(rows, scores):
    frame = plan_seeds(rows, detect=0.5, power=0.9)
    assert len(frame) == 10
    for row in frame.itertuples():
        own, (mean, std) = scores[row.benchmark, row.method], exact_random(row.benchmark)
        cv = 100 * own.std(ddof=1) / mean
        pooled = 100 * np.sqrt((own.var(ddof=1) + std**2) / 2) / mean
        assert (row.n, row.budget, row.note) == (12, BUDGET, "")
        assert row.cv == pytest.approx(cv)
        ends = cv * np.sqrt(11 / stats.chi2.ppf([0.975, 0.025], 11))
        assert (row.cv_low, row.cv_high) == pytest.approx(tuple(ends))
        one = TTestPower().solve_power(effect_size=0.5 / cv, alpha=0.05, power=0.9)
        two = TTestIndPower().solve_power(effect_size=0.5 / pooled, alpha=0.05, power=0.9)
        assert (row.seeds_exact, row.seeds_sampled) == (np.ceil(one), np.ceil(two))
        detectable = TTestPower().solve_power(nobs=12, alpha=0.05, power=0.9)
        assert row.detectable_exact == pytest.approx(cv * detectable, rel=1e-4)
        detectable = TTestIndPower().solve_power(nobs1=12, alpha=0.05, power=0.9)
        assert row.detectable_sampled == pytest.approx(pooled * detectable, rel=1e-4)


def test_seeds_of_what_has_no_spread(tmp_path):
    suite = {"name": "one", "seeds": "0:1", "benchmarks": [synthetic.NAME], "methods": [{"name": "random"}]}
    harness.run(suite | {"budgets": {"evaluations": 5}}, tmp_path, backend="sequential")
    (row,) = plan_seeds(tmp_path, 1.0).itertuples()
    assert row.note == "one seed"
    assert pd.isna(row.seeds_exact)


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


def test_lottery(rows, scores):
    frame = lottery(rows)
    assert frame[["benchmark", "method"]].to_numpy().tolist() == [
        ["nasbench-graph/cora", "regularized-evolution"],
        ["nasbench-graph/proteins", "regularized-evolution"],
    ]
    for row in frame.itertuples():
        grid = {label: scores[row.benchmark, label] for label in ("e4", "e10", "e25")}
        means, (mean, _) = pd.Series({label: own.mean() for label, own in grid.items()}), exact_random(row.benchmark)
        assert (row.worst, row.median, row.best) == pytest.approx((means.min(), means.median(), means.max()))
        assert (row.worst_setting, row.best_setting) == (means.idxmin(), means.idxmax())
        assert row.random == pytest.approx(mean)
        assert row.spread == pytest.approx(100 * (means.max() - means.min()) / mean)
        assert row.gap == pytest.approx(100 * (means.median() - mean) / mean)
        assert row.ratio == pytest.approx(row.spread / abs(row.gap))
        assert row.p_value == pytest.approx(stats.f_oneway(*grid.values()).pvalue)
        assert (row.settings, row.seeds, row.budget) == (3, 12, BUDGET)
    np.testing.assert_allclose(frame["p_holm"], multipletests(frame["p_value"], method="holm")[1])


def test_pairs(rows, scores):
    found = compare_pairs(rows, np.random.default_rng(0))
    frame, names = found.tests, ["local-search", "e4", "e10", "e25"]
    assert frame[["a", "b"]].drop_duplicates().to_numpy().tolist() == [
        list(p) for p in itertools.combinations(names, 2)
    ]
    assert len(frame) == 12
    for row in frame.itertuples():
        a, b, (mean, _) = scores[row.benchmark, row.a], scores[row.benchmark, row.b], exact_random(row.benchmark)
        welch = stats.ttest_ind(a, b, equal_var=False)
        assert row.difference == pytest.approx(100 * (a.mean() - b.mean()) / mean)
        low, high = welch.confidence_interval(0.95)
        assert (row.ci_low, row.ci_high) == pytest.approx((100 * low / mean, 100 * high / mean))
        assert row.p_value == pytest.approx(welch.pvalue)
        assert row.p_brunner_munzel == pytest.approx(stats.brunnermunzel(a, b).pvalue)
        wins = np.mean([(x > y) + (x == y) / 2 for x in a for y in b])
        assert row.win_probability == pytest.approx(wins)
        flips = np.array(list(itertools.product((1, -1), repeat=12))) @ (a - b)
        assert row.p_sign_flip == pytest.approx(np.mean(np.abs(flips) >= abs(np.sum(a - b)) - 1e-12))
        assert (row.n_a, row.n_b, row.n_paired) == (12, 12, 12)
    np.testing.assert_allclose(frame["p_holm"], multipletests(frame["p_value"], method="holm")[1])
    np.testing.assert_allclose(frame["p_bh"], multipletests(frame["p_value"], method="fdr_bh")[1])


def test_two_data_sets_carry_no_rank_tests(rows):
    found = compare_pairs(rows, np.random.default_rng(0), rope=0.2)
    assert found.ranks.empty
    assert len(found.notes) == 1
    assert "at least" in found.notes[0]
    assert found.over_datasets["p_wilcoxon"].isna().all()
    assert found.over_datasets["p_holm"].isna().all()
    np.testing.assert_allclose(found.over_datasets[["worse", "equal", "better"]].sum(axis=1), 1)
    medians = found.tests.groupby(["a", "b"], sort=False)["difference"].median()
    np.testing.assert_allclose(found.over_datasets["median_difference"], medians)
    wins = found.tests.groupby(["a", "b"], sort=False)["win_probability"].mean()
    np.testing.assert_allclose(found.over_datasets["win_probability"], wins)
    assert (found.over_datasets["win_low"] < found.over_datasets["win_high"]).all()


def test_nine_data_sets_carry_them(tmp_path, make_table, registries):
    """Tables whose best rows differ, so that ranks do."""
    for place in range(9):
        harness.register_benchmark(f"made/t{place}")(lambda place=place: make_table(name=f"made/t{place}", seed=place))
    methods = [{"name": "random"}, {"name": "local-search"}, {"name": "regularized-evolution", "population": 5}]
    suite = {"name": "nine", "seeds": "0:6", "benchmarks": ["made/*"], "methods": methods}
    harness.run(suite | {"budgets": {"evaluations": 15}}, tmp_path, backend="sequential")
    found = compare_pairs(tmp_path, np.random.default_rng(0))
    assert found.notes == ()
    (row,) = found.over_datasets.itertuples()
    gaps = found.tests["difference"]
    assert row.datasets == len(gaps) == 9
    assert row.p_wilcoxon == pytest.approx(stats.wilcoxon(gaps).pvalue)
    assert found.ranks["mean_rank"].sum() == pytest.approx(3)
    best = found.ranks.loc[found.ranks["method"] == "local-search", "mean_rank"].item()
    assert best == pytest.approx(np.mean(np.where(gaps > 0, 1, np.where(gaps < 0, 2, 1.5))))


@pytest.fixture
def published(tmp_path):
    """Two architectures and their curves."""
    ends = "('skip_connect', 0), ('skip_connect', 0), ('dil_conv_3x3', 2)]"
    chain = GENOTYPE.replace(ends, "('skip_connect', 3), ('skip_connect', 0), ('avg_pool_3x3', 4)]")
    assert chain != GENOTYPE
    (tmp_path / "g.json").write_text(json.dumps([{"genotype": GENOTYPE}, chain, {"genotype": GENOTYPE}]))
    np.savez(tmp_path / "c.npz", test_accuracy=np.array([[10.0, 20, 30], [11, 19, 31], [12, 18, 29]]))
    return tmp_path / "g.json", tmp_path / "c.npz"


@pytest.mark.filterwarnings("ignore:All-NaN")
def test_wide_shallow_by_hand(published):
    """Widths are 3.5, 3, 3.5; depths 3, 4, 3; convolutions 6, 5, 6; skips do not vary."""
    frame = wide_shallow(*published, np.random.default_rng(0), epochs=(1, 3), window=1, n_bootstrap=20)
    taus = frame.set_index(["epoch", "trait"])["tau"]
    assert np.isnan(taus[1, "skips"])
    assert taus[3, "width"] == pytest.approx(stats.kendalltau([30, 31, 29], [3.5, 3, 3.5]).statistic)
    assert taus[1, "depth"] == pytest.approx(stats.kendalltau([10, 11, 12], [3, 4, 3]).statistic)
    assert taus[3, "convolutions"] == pytest.approx(stats.kendalltau([30, 31, 29], [6, 5, 6]).statistic)


def test_wide_shallow_on_published_curves(shared, monkeypatch, cli):
    """Read where a user keeps them: wide, shallow cells are ahead early on, and less so at the end."""
    monkeypatch.setenv("NAS_HARNESS_DATA", str(shared("darts_space").parent))
    files = [f"darts_space/random_architectures_cifar10.{kind}" for kind in ("json", "npz")]
    done = cli("analyze", "wide-shallow", *files, "--bootstrap", "60", "--json")
    table = pd.DataFrame(json.loads(done.out)["wide_shallow"]).set_index(["trait", "epoch"])["tau"]
    assert table["width"].tolist() == pytest.approx([0.368, 0.360, 0.313, 0.257], abs=1e-3)
    assert table["depth"].tolist() == pytest.approx([-0.292, -0.280, -0.270, -0.233], abs=1e-3)
    assert table["convolutions", 25] < -0.2 < 0 < table["convolutions", 600]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is no JSON"),
        ("{}", "wanted a list of genotypes"),
        ("[]", "wanted a list of genotypes"),
        ('[{"genotype": 3}]', "wanted a list of genotypes"),
        ('["Genotype()"]', "genotype 1: genotype: wanted each of"),
        (json.dumps([GENOTYPE.replace("normal_concat=[2, 3, 4, 5]", "normal_concat=[4, 5]")]), "leaves out a node"),
        (json.dumps([GENOTYPE]), "1 rows for 3 learning curves"),
    ],
)
def test_wrong_genotypes(published, content, words):
    published[0].write_text(content)
    with pytest.raises(HarnessError, match=words):
        wide_shallow(*published, np.random.default_rng(0), epochs=(1,))


def test_wrong_curves(published, tmp_path):
    genotypes, curves = published
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "two.npz", a=np.ones((3, 2)), b=np.ones((3, 2)))
    np.savez(tmp_path / "objects.npz", a=np.array([[{}]], dtype=object))
    np.save(tmp_path / "array.npy", np.ones((3, 2)))
    (tmp_path / "empty.npz").write_bytes(b"")
    (tmp_path / "cut.npz").write_bytes(curves.read_bytes()[:100])
    for name, words in [
        ("two.npz", "found 2 of two dimensions"),
        ("objects.npz", "cannot be read as NPZ"),
        ("array.npy", "cannot be read as NPZ"),
        ("empty.npz", "cannot be read as NPZ"),
        ("cut.npz", "cannot be read as NPZ"),
        ("absent.npz", "no such file"),
    ]:
        with pytest.raises(HarnessError, match=words):
            wide_shallow(genotypes, tmp_path / name, rng, epochs=(1,))
    with pytest.raises(HarnessError, match="epochs: 600 is beyond the curves; give at most 3"):
        wide_shallow(genotypes, curves, rng)


@pytest.mark.parametrize(
    ("arguments", "tables"),
    [
        (["seeds", "RUN", "--detect", "0.5"], ["seeds"]),
        (["lottery", "RUN"], ["lottery"]),
        (["pairs", "RUN", "--rope", "0.1", "--seed", "4"], ["pairs", "over_datasets"]),
        (["ranking", "nasbench-graph/proteins", "--top", "10", "--bootstrap", "5"], ["ranking"]),
    ],
)
def test_verbs_print_write_and_speak_json(cli, rows, tmp_path, arguments, tables):
    arguments = [str(rows) if argument == "RUN" else argument for argument in arguments]
    done = cli("analyze", *arguments, "--csv", tmp_path / "out" / "t.csv", "--json")
    assert done.code == 0, done.err
    said = json.loads(done.out)
    assert list(said) == [*tables, "notes"]
    files = [tmp_path / "out" / f"t{'' if place == 0 else f'.{name}'}.csv" for place, name in enumerate(tables)]
    assert sorted((tmp_path / "out").iterdir()) == sorted(files)
    for name, path in zip(tables, files, strict=True):
        assert list(pd.read_csv(path)) == list(said[name][0])
        assert len(pd.read_csv(path)) == len(said[name])
    shown = cli("analyze", *arguments)
    assert shown.code == 0
    assert len(shown.out.splitlines()) == sum(len(said[name]) + 2 for name in tables) - 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["seeds", "RUN", "--detect", "0"], "detect: 0.0 is never found"),
        (["seeds", "RUN", "--detect", "1", "--power", "0.01"], "target_power: 0.01 is out of range"),
        (["seeds", "RUN"], "--detect"),
        (["pairs", "RUN", "--rope", "-1"], "rope: -1.0 is negative"),
        (["pairs", "RUN", "--seed", "-1"], "--seed -1"),
        (["pairs", "absent"], "no records.parquet here"),
        (["lottery", "absent"], "no records.parquet here"),
        (["ranking", "nasbench-graph/protein"], "nasbench-graph/proteins"),
        (["ranking", "nasbench-graph/proteins", "--top", "0"], "k: 0 is not a count"),
        (["wide-shallow", "absent.json", "absent.npz"], "absent.json: no such file"),
        (["nothing"], "invalid choice"),
    ],
)
def test_a_wrong_input_is_one_line_and_writes_nothing(cli, rows, tmp_path, arguments, words):
    arguments = [str(rows) if argument == "RUN" else argument for argument in arguments]
    csv = ["--csv", str(tmp_path / "t.csv")] if arguments != ["nothing"] else []
    done = cli("analyze", *arguments, *csv)
    assert (done.code, done.out) == (2, "")
    (line,) = done.err.splitlines()
    assert words in line
    assert not (tmp_path / "t.csv").exists()


def test_what_a_run_cannot_say_is_said(tmp_path):
    suite = {"name": "bare", "seeds": "0:3", "benchmarks": [synthetic.NAME], "budgets": {"evaluations": 5}}
    harness.run(suite | {"methods": [{"name": "random"}, {"name": "local-search"}]}, tmp_path, backend="sequential")
    with pytest.raises(HarnessError, match="no method has two parameterisations"):
        lottery(tmp_path)
    with pytest.raises(HarnessError, match="one method beside random search makes no pair"):
        compare_pairs(tmp_path, np.random.default_rng(0))
