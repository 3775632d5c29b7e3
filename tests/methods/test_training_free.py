"""Training-free methods: what they choose, what they spend, where they are refused."""

import math

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.methods.base import make_method, method_class, run_search
from harness.problem.budget import Budget
from harness.problem.offer import Offer
from harness.reporting import build_report
from harness.running.runner import run
from harness.spaces.nasbench201 import NASBench201Space
from harness.streams import Streams
from harness.suites.reading import make_suite
from harness.tabular import synthetic
from harness.tabular.problem import TabularProblem
from harness.testing import check_method

NAMES = ("naswot", "synflow", "grad-norm", "params", "flops")


@pytest.mark.parametrize("name", NAMES)
def test_tables_are_refused_in_one_line(name):
    assert method_class(name).taxonomy.acceleration == "zero-cost proxy"
    problem = TabularProblem(synthetic.convert(), Budget("evaluations", 5))
    message = f"^{name}: wants untrained networks to score, and a table has none$"
    with pytest.raises(HarnessError, match=message):
        run_search(make_method(name), problem, Streams("synthetic/ridge", 0))
    suite = {"name": "x", "seeds": [0], "benchmarks": ["synthetic/ridge"], "budgets": {"evaluations": 5}}
    with pytest.raises(HarnessError, match=f"^benchmark synthetic/ridge: {message[1:]}"):
        list(make_suite(suite | {"methods": [{"name": name}]}).groups())
    with pytest.raises(HarnessError, match=f"{name}: candidates must be at least 1, not 0"):
        make_method(name, candidates=0)
    with pytest.raises(HarnessError, match=message):
        make_method("one-shot", search=name).check(Offer(NASBench201Space(), Budget("epochs", 1), supernet={}))


@pytest.fixture
def problem_with():
    """Makes a live problem that has these statistics."""
    pytest.importorskip("torch", reason="needs the extra `live`")
    from harness.images.sources import load
    from harness.live.problem import LiveProblem
    from harness.spaces.nasbench201 import NASBench201Space
    from harness.training.data import split
    from harness.training.settings import LiveSettings, Recipe, SearchSettings

    recipe = Recipe(channels=2, cells=1, reductions=0, epochs=1)
    settings = LiveSettings(SearchSettings(channels=2, cells=1, epochs=4), recipe, recipe, "cpu")
    images = split(load("digits"), 0)
    return lambda *names: LiveProblem(
        "nasbench201", NASBench201Space(), images, settings, Budget("epochs", 4), 0, statistics=names
    )


@pytest.mark.torch
@pytest.mark.parametrize(
    ("scores", "place"),
    [
        ([1.0, 3.0, 2.0, 3.0], 1),
        ([math.nan, -math.inf, -5.0, math.nan], 2),
        ([RuntimeError, -1e300, math.nan, -1e300], 1),
        ([math.nan, RuntimeError, -math.inf, math.nan], 0),  # none has a score: the first
    ],
)
def test_the_first_of_the_best_is_chosen(scores, place, problem_with, monkeypatch):
    from harness.live import scores as functions

    problem, given = problem_with("naswot"), iter(scores)

    def scored(network, images, labels):
        found = next(given)
        if found is RuntimeError:
            raise RuntimeError("cannot be computed")
        return found

    monkeypatch.setattr(functions, "SCORES", {"naswot": scored})
    uniforms = Streams("live/test", 7).uniforms("sample")
    drawn = [problem.sample(uniforms) for _ in scores]
    found = run_search(make_method("naswot", candidates=4), problem, Streams("live/test", 7))
    assert found.arch == drawn[place]
    assert (problem.spent, problem.n_statistics, problem.evaluations) == (0, 4, [])


@pytest.mark.torch
def test_statistics_are_scores_of_the_untrained_network(problem_with):
    from harness.live.scores import score

    problem = problem_with("synflow", "params")
    arch = (3, 1, 2, 0, 4, 3)
    network, (images, labels) = problem.untrained(arch)
    expected = {name: score(name, network, images, labels) for name in ("synflow", "params")}
    assert problem.statistics(arch) == expected
    assert (problem.spent, problem.n_statistics) == (0, 2)
    with pytest.raises(HarnessError, match="area: unknown statistic 'naswot'"):
        run_search(make_method("area", score="naswot"), problem, Streams("live/test", 0))


@pytest.mark.torch
def test_most_parameters(problem_with):
    from harness.training import discrete
    from harness.training.networks import Stages

    problem = problem_with("params")
    uniforms = Streams("live/test", 0).uniforms("sample")
    drawn = [problem.sample(uniforms) for _ in range(12)]
    sizes = [discrete.parameters("nasbench201", arch, Stages(2, 1, (1, 8, 8), 10, 0)) for arch in drawn]
    found = run_search(make_method("params", candidates=12), problem, Streams("live/test", 0))
    assert found.arch == drawn[int(np.argmax(sizes))]


@pytest.mark.torch
def test_records_say_that_nothing_was_trained(tmp_path):
    pytest.importorskip("torch", reason="needs the extra `live`")
    suite = {
        "name": "free",
        "seeds": "0:2",
        "benchmarks": ["one-shot/digits201"],
        "budgets": {"epochs": 1},
        "search": {"batch_size": 256},
        "methods": [
            {"name": "random-architecture"},
            {"name": "params", "candidates": 5},
            {"name": "synflow", "candidates": 3},
        ],
    }
    records = run(suite, tmp_path / "out", backend="sequential").set_index(["label", "seed"])
    assert (records["status"] == "ok").all(), records["error"].iloc[0]
    assert records.loc["params", "n_statistics"].tolist() == [5, 5]
    assert records.loc["synflow", "n_statistics"].tolist() == [3, 3]
    assert records.loc["random-architecture", "n_statistics"].isna().all()
    free = records.loc[["params", "synflow"]]
    assert (free["epochs"] == 0).all()
    assert (free["n_evaluations"] == 0).all()
    assert not (tmp_path / "out" / "epochs.parquet").exists()
    report = build_report(tmp_path / "out", formats=["csv"])
    assert "any,random,zero-cost proxy,none" in (report.folder / "tables" / "methods.csv").read_text()


@pytest.mark.torch
@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name != "params")) for name in NAMES])
def test_the_kit(name):
    pytest.importorskip("torch", reason="needs the extra `live`")
    check_method(name, epochs=2, candidates=3)
