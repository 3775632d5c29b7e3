"""The rules that methods with a model share, held by each of them."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import NormalDist, fmean
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import quad
from scipy.stats import norm, rankdata

import harness
from harness.errors import HarnessError
from harness.methods.acquisition import acquired, normal_scores
from harness.methods.base import make_method, method_class, run_search
from harness.methods.predicting import Predicting
from harness.problem.budget import Budget
from harness.problem.constraint import Constraint
from harness.streams import Streams
from harness.suites.reading import make_suite
from harness.tabular.catalogue import load_table
from harness.tabular.problem import TabularProblem
from harness.tabular.table import Table
from harness.testing import check_method

pytest.importorskip("sklearn", reason="needs the extra `models`")

# Each with parameters that make it quick; all draw 6 architectures first.
QUICK: dict[str, dict[str, Any]] = {
    "bo-gp": {"init": 6},
    "bananas": {"init": 6, "batch": 6},
    "nars": {"batch": 6, "pool": 50},
    "instatune": {"population": 6, "inner": 60},
}


def search(
    name: str, params: Mapping[str, Any], table: Table, budget: int, seed: int = 0, **conditions: Any
) -> NDArray[np.int64]:
    """Rows that a search meets."""
    method = make_method(name, **params)
    problem = TabularProblem(table, Budget("evaluations", budget), statistics=method.statistic_names, **conditions)
    run_search(method, problem, Streams(table.name, seed))
    return problem.history


@pytest.fixture
def table(make_table: Callable[..., Table]) -> Table:
    """120 rows with parameters, under 120 encodings."""
    made = make_table()
    return dataclasses.replace(made, columns={**made.columns, "params": made.codes.sum(axis=1).astype(np.float64)})


@pytest.mark.slow
@pytest.mark.parametrize("name", QUICK)
def test_conformance(name: str) -> None:
    check_method(name, evaluations=13, **QUICK[name])


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.parametrize("budget", [1, 6])
def test_the_first_draws_are_those_of_random_search(name: str, budget: int, table: Table) -> None:
    for seed in range(3):
        expected = search("random", {"replace": False}, table, budget, seed)
        np.testing.assert_array_equal(search(name, QUICK[name], table, budget, seed), expected)


@pytest.mark.parametrize("name", QUICK)
def test_defaults_draw_first_too(name: str) -> None:
    table, count = load_table("nasbench-graph/cora"), 20 if name in ("nars", "instatune") else 10
    expected = search("random", {"replace": False}, table, count)
    np.testing.assert_array_equal(search(name, {}, table, count), expected)


@pytest.mark.parametrize("name", QUICK)
def test_every_row_is_paid_once(name: str, table: Table) -> None:
    small = sparse(table, np.arange(0, 120, 3))
    rows = search(name, QUICK[name], small, len(small) + 20)
    assert sorted(rows) == list(range(40))


@pytest.mark.parametrize("name", QUICK)
def test_what_increases_with_the_score_changes_nothing(name: str, table: Table) -> None:
    rows = search(name, QUICK[name], table, 25)
    columns = {**table.columns, "valid": np.exp(table.valid / 5) - 40}
    np.testing.assert_array_equal(search(name, QUICK[name], dataclasses.replace(table, columns=columns), 25), rows)
    other = dict(columns, valid=-columns["valid"])
    assert not np.array_equal(search(name, QUICK[name], dataclasses.replace(table, columns=other), 25), rows)


@pytest.mark.parametrize("name", QUICK)
def test_equal_scores_are_no_trouble(name: str, table: Table) -> None:
    flat = dataclasses.replace(table, columns={**table.columns, "valid": np.full(len(table), 3.0)})
    assert len(set(search(name, QUICK[name], flat, 25))) == 25


@pytest.mark.parametrize("name", QUICK)
def test_bounds_are_predicted(name: str) -> None:
    """Of the ridge's rows 22 % are within this bound; after the first draws more than half of what is evaluated is."""
    table = load_table("synthetic/ridge")
    table = dataclasses.replace(table, columns={**table.columns, "params": table.codes.sum(axis=1).astype(np.float64)})
    bound = float(np.quantile(table.columns["cost"], 0.2))
    feasible = table.columns["cost"] <= bound
    params = {**QUICK[name], "inner": 200} if name == "instatune" else QUICK[name]
    shares, best = [], []
    for seed in range(2):
        rows = search(name, params, table, 48, seed, constraints=(Constraint("cost", "<=", bound),))
        shares.append(feasible[rows[18:]].mean())
        best.append(table.valid[rows[feasible[rows]]].max())
    assert fmean(shares) > 0.5
    if name == "instatune":  # to which what is bounded is a goal as well
        return
    # Random search with 48 draws: the mean over 2,000 searches, drawn here.
    rng = np.random.default_rng(0)
    drawn = rng.integers(len(table), size=(2000, 48))
    at_random = np.where(feasible[drawn], table.valid[drawn], -np.inf).max(axis=1)
    assert fmean(best) > at_random[np.isfinite(at_random)].mean()


def test_candidates_are_neighbours_of_the_best_then_draws(table: Table) -> None:
    method = make_method("bo-gp", init=12)
    assert isinstance(method, Predicting)
    problem = TabularProblem(table, Budget("evaluations", 12))
    streams = Streams(table.name, 4)
    run_search(method, problem, streams)
    rows = problem.history.tolist()
    best = sorted(range(12), key=lambda place: (-table.valid[rows[place]], place))[:5]
    near = [arch for place in best for arch in table.space.neighbours(table.codes[rows[place]].tolist())]
    uniforms = streams.uniforms("candidates")
    drawn = [tuple(table.codes[int(next(uniforms) * len(table))].tolist()) for _ in range(200)]
    evaluated = {tuple(table.codes[row].tolist()) for row in rows}
    expected = [arch for arch in dict.fromkeys([*near, *drawn]) if arch not in evaluated]
    assert method.candidates() == expected


def test_normal_scores() -> None:
    values = np.array([3.0, 1.0, 2.0, 2.0, 9.0])
    quantile = NormalDist().inv_cdf
    raw = np.array([quantile(place) for place in (0.7, 0.1, 0.4, 0.4, 0.9)])  # ranks 4, 1, 2.5, 2.5, 5 of 5
    np.testing.assert_allclose(normal_scores(values), (raw - raw.mean()) / raw.std(), rtol=1e-12)
    np.testing.assert_array_equal(normal_scores(np.full(3, 7.0)), [0, 0, 0])
    many = np.random.default_rng(0).integers(20, size=100).astype(float)
    raw = norm.ppf((rankdata(many) - 0.5) / 100)
    np.testing.assert_allclose(normal_scores(many), (raw - raw.mean()) / raw.std(), rtol=1e-12)
    np.testing.assert_array_equal(normal_scores(np.exp(values)), normal_scores(values))


def test_acquisitions() -> None:
    mean, std, noise = np.array([0.3, -1.0, 0.5, 0.1]), np.array([0.5, 2.0, 0.0, 0.0]), np.array([1.0, -2.0, 3.0, 0.5])

    def of(kind: Any) -> NDArray[np.float64]:
        return acquired(kind, mean, std, noise, best=0.2, beta=1.5)

    np.testing.assert_allclose(of("its"), [0.8, -5.0, 0.5, 0.1])
    np.testing.assert_allclose(of("ucb"), [1.05, 2.0, 0.5, 0.1])
    np.testing.assert_array_equal(of("mean"), mean)
    expected = [
        quad(lambda y, m=m, s=s: (y - 0.2) * NormalDist(m, s).pdf(y), 0.2, m + 12 * s)[0]
        for m, s in zip(mean[:2].tolist(), std[:2].tolist(), strict=True)
    ]
    np.testing.assert_allclose(of("ei"), [*expected, 0.3, 0.0], rtol=1e-8)


@pytest.mark.parametrize("name", QUICK)
def test_fitting_is_counted_and_stands_in_records(name: str, table: Table, tmp_path: Path, registries: None) -> None:
    harness.register_benchmark("made/up")(lambda: table)
    methods = [{"name": name, **QUICK[name]}, {"name": "random"}]
    suite = {"seeds": "0:2", "benchmarks": ["made/up"], "budgets": {"evaluations": 13}, "methods": methods}
    records = harness.run(suite, tmp_path, backend="sequential").records.set_index("method")
    assert (records["status"] == "ok").all(), records["error"].tolist()
    assert (records.loc[name, "overhead_s"] > 0).all()
    assert (records.loc["random", "overhead_s"] == 0).all()


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("bo-gp", {"init": 0}, "bo-gp: init must be at least 1, not 0"),
    ("bo-gp", {"lengths": [1.0, 0.0]}, "bo-gp: lengths must be finite numbers above 0, not 0"),
    ("bo-gp", {"lengths": [-2]}, "bo-gp: lengths must be finite numbers above 0, not -2"),
    ("bo-gp", {"lengths": []}, "bo-gp: lengths must not be empty"),
    ("bo-gp", {"noises": [float("nan")]}, "bo-gp: noises must be finite numbers above 0, not nan"),
    ("bo-gp", {"acquisition": "pi"}, "acquisition: wanted 'its' or 'ei' or 'ucb', not 'pi'"),
    ("bo-gp", {"beta": float("inf")}, "beta must be a finite number"),
    ("bananas", {"batch": 0}, "bananas: batch must be at least 1, not 0"),
    ("bananas", {"ensemble": 0}, "bananas: ensemble must be at least 1, not 0"),
    ("bananas", {"model": "gcn"}, "model: wanted 'forest' or 'mlp', not 'gcn'"),
    ("nars", {"batch": 0}, "nars: batch must be at least 1, not 0"),
    ("nars", {"pool": 1}, "nars: pool must be at least 2, not 1"),
    ("nars", {"generations": -1}, "nars: generations must be at least 0"),
    ("instatune", {"population": 1}, "instatune: population must be at least 2, not 1"),
    ("instatune", {"inner": 5}, "instatune: inner must be at least population, not 5"),
    ("instatune", {"minimize": ["params"], "maximize": ["params"]}, "a column stands twice"),
    ("instatune", {"known": ["params"]}, "known: 'params' is no goal; name it in minimize or maximize"),
]


@pytest.mark.parametrize(("name", "params", "message"), BAD)
def test_bad_parameters_are_refused(name: str, params: dict[str, Any], message: str) -> None:
    with pytest.raises(HarnessError, match=message):
        make_method(name, **params)


STATISTICS: list[tuple[dict[str, Any], str]] = [
    ({"name": "nars", "statistic": "latency"}, "column 'latency' cannot be a statistic"),
    ({"name": "nars", "statistic": "valid_loss"}, "column 'valid_loss' cannot be a statistic"),
    ({"name": "nars", "statistic": "param"}, "unknown statistic 'param'; did you mean 'params'"),
    ({"name": "instatune", "minimize": ["latency"], "known": ["latency"]}, "column 'latency' cannot be a statistic"),
]


@pytest.mark.parametrize(("method", "message"), STATISTICS)
def test_statistics_that_are_none_are_refused_at_plan(method: dict[str, Any], message: str) -> None:
    document = {"seeds": [0], "benchmarks": ["nasbench-graph/cora"], "budgets": {"evaluations": 3}, "methods": [method]}
    with pytest.raises(HarnessError, match=message):
        make_suite(document).groups()


def test_without_pretraining_no_statistic_is_wanted() -> None:
    document = {"seeds": [0], "benchmarks": ["synthetic/ridge"], "budgets": {"evaluations": 3}}
    make_suite(document | {"methods": [{"name": "nars", "pretrain": False}]}).groups()
    with pytest.raises(HarnessError, match="unknown statistic 'params'"):
        make_suite(document | {"methods": [{"name": "nars"}]}).groups()


@pytest.mark.parametrize("name", QUICK)
def test_docstrings_state_every_parameter(name: str) -> None:
    cls = method_class(name)
    text = sys.modules[cls.__module__].__doc__ or ""
    assert text
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        assert f"{field.name}" in (cls.__doc__ or ""), f"{name}: {field.name}"


def sparse(table: Table, rows: NDArray[np.int64]) -> Table:
    """A table of these rows only."""
    place = np.full(len(table) + 1, -1, dtype=np.int32)
    place[rows] = np.arange(len(rows))
    return dataclasses.replace(
        table,
        rows=place[table.rows],
        codes=table.codes[rows],
        columns={key: values[rows] for key, values in table.columns.items()},
        weights=table.weights[rows],
    )


# Mean of the best validation score of 100 evaluations and its standard error, on arxiv. They come of prototypes that share no
# code with the methods (plain arrays, scikit-learn and torch), 60 searches each, run once.
QUALITY = {
    "bo-gp": (0.73558, 0.00020),
    "bananas": (0.73451, 0.00019),
    "nars": (0.73532, 0.00019),
    "instatune": (0.73440, 0.00021),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", QUALITY)
def test_quality_is_that_of_an_independent_prototype(name: str) -> None:
    table, (mean, error) = load_table("nasbench-graph/arxiv"), QUALITY[name]
    found = np.array([table.valid[search(name, {}, table, 100, seed)].max() for seed in range(12)])
    own = found.std(ddof=1) / np.sqrt(12)
    assert abs(found.mean() - mean) < 3.5 * np.hypot(own, error)
    ranked = np.sort(table.valid)
    chances = np.diff(np.linspace(0, 1, len(ranked) + 1) ** 100)  # of being the best of 100 draws
    assert found.mean() > ranked @ chances + 3.5 * own
