"""Optuna's samplers: the same search as a bare loop of Optuna's, holes in tables, and what is refused."""

from __future__ import annotations

import importlib.util
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.methods.base import make_method, run_search
from harness.problem.budget import Budget
from harness.problem.offer import Offer
from harness.spaces.nasbench201 import NASBench201Space
from harness.streams import Streams
from harness.suites.reading import spot_suite
from harness.system import extras
from harness.tabular import synthetic
from harness.tabular.problem import TabularProblem
from harness.tabular.table import Table
from harness.testing import check_method

if importlib.util.find_spec("optuna") is None:
    pytest.skip("needs the extra `optuna`", allow_module_level=True)

import optuna

BARE: list[tuple[str, dict[str, Any]]] = [
    ("TPESampler", {}),
    ("TPESampler", {"multivariate": False, "n_startup_trials": 5}),
    ("RandomSampler", {}),
    ("NSGAIISampler", {"population_size": 10}),
]


def searched(table: Table, evaluations: int, seed: int = 0, **params: Any) -> TabularProblem:
    problem = TabularProblem(table, Budget("evaluations", evaluations))
    run_search(make_method("optuna", **params), problem, Streams(table.name, seed))
    return problem


def bare(table: Table, evaluations: int, sampler: optuna.samplers.BaseSampler) -> list[int]:
    """The loop that a user of Optuna would write on a table without holes."""
    study = optuna.create_study(direction="maximize", sampler=sampler)
    space = {
        f"x{place}": optuna.distributions.CategoricalDistribution(list(range(count)))
        for place, count in enumerate(table.space.cardinalities)
    }
    rows = []
    for _ in range(evaluations):
        trial = study.ask(space)
        row = int(table.rows[table.space.index([trial.params[key] for key in space])])
        study.tell(trial, float(table.valid[row]))
        rows.append(row)
    return rows


def test_conformance() -> None:
    check_method("optuna", evaluations=15, params={"n_startup_trials": 5})


@pytest.mark.parametrize(("sampler", "params"), BARE)
def test_it_is_the_bare_loop_of_the_same_seed(sampler: str, params: dict[str, Any]) -> None:
    table = synthetic.convert()
    seed = Streams(table.name, 4).seed("sampler")
    expected = bare(table, 40, getattr(optuna.samplers, sampler)(seed=seed, **params))
    assert searched(table, 40, 4, sampler=sampler, params=params).history.tolist() == expected


def test_as_long_as_tpe_only_starts_up_it_is_optunas_random_sampler() -> None:
    table = synthetic.convert()
    starting = searched(table, 30, params={"n_startup_trials": 30}).history
    np.testing.assert_array_equal(starting, searched(table, 30, sampler="RandomSampler").history)
    assert (searched(table, 30).history != starting).any()


@pytest.mark.torch
@pytest.mark.slow
def test_the_gaussian_process_too_and_torchs_state_is_left_alone() -> None:
    import torch

    table = synthetic.convert()
    expected = bare(
        table, 8, optuna.samplers.GPSampler(seed=Streams(table.name, 0).seed("sampler"), n_startup_trials=4)
    )
    before = torch.get_rng_state()
    found = searched(table, 8, sampler="GPSampler", params={"n_startup_trials": 4})
    assert found.history.tolist() == expected
    assert torch.equal(torch.get_rng_state(), before)


def test_ordered_choices_are_numbers() -> None:
    table = synthetic.convert()
    seed = Streams(table.name, 0).seed("sampler")
    sobol = optuna.create_study(sampler=optuna.samplers.QMCSampler(seed=seed, scramble=True))
    space = {f"x{place}": optuna.distributions.IntDistribution(0, 3) for place in range(5)}
    expected = []
    for _ in range(16):
        trial = sobol.ask(space)
        expected.append(int(table.rows[table.space.index(list(trial.params.values()))]))
        sobol.tell(trial, 0.0)
    found = searched(table, 16, sampler="QMCSampler", ordered=True, params={"scramble": True})
    assert found.history.tolist() == expected


def test_what_is_missing_is_told_as_failed_and_at_last_drawn(make_table: Callable[..., Table]) -> None:
    table = make_table(missing=0.97)
    assert len(table) < 8
    problem = searched(table, 12, sampler="RandomSampler")
    assert len(problem.history) == 12
    method = make_method("optuna", sampler="RandomSampler")
    run_search(method, TabularProblem(table, Budget("evaluations", 12)), Streams(table.name, 0))
    states = [trial.state.name for trial in method._study.trials]
    assert states.count("COMPLETE") == 12
    gaps = np.diff([-1, *np.flatnonzero(np.array(states) == "COMPLETE")])
    assert gaps.max() <= 101  # at most 100 failed ones before each
    values = [trial.value for trial in method._study.trials if trial.state.name == "COMPLETE"]
    assert values == table.valid[problem.history].tolist()


def test_global_state_and_loudness_are_left_alone(capfd: pytest.CaptureFixture[str]) -> None:
    def state() -> tuple[Any, str, int]:
        return random.getstate(), str(np.random.get_state(legacy=False)), optuna.logging.get_verbosity()  # noqa: NPY002

    before = state()
    searched(synthetic.convert(), 15)
    assert state() == before
    assert capfd.readouterr() == ("", "")


def test_the_samplers_seconds_are_overhead() -> None:
    problem = searched(synthetic.convert(), 20)
    assert set(problem.overheads) == {"sampler"}
    assert problem.overhead_s > 0


def test_optunas_version_is_in_the_key_of_a_cell() -> None:
    suite = spot_suite(["synthetic/ridge"], ["optuna"], 5, "0:1")
    assert [group.resolved.get("requires") for group in suite.groups()] == [None, {"optuna": optuna.__version__}]


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"sampler": "TPSampler"}, "unknown sampler of Optuna 'TPSampler'; did you mean 'TPESampler'"),
        ({"sampler": "BaseSampler"}, "unknown sampler of Optuna 'BaseSampler'"),
        ({"params": {"n_startup": 5}}, "unknown parameter of TPESampler: 'n_startup'; did you mean 'n_startup_trials'"),
        ({"params": {"seed": 5}}, "optuna: params: seed is that of the cell; leave it out"),
        ({"sampler": "NSGAIISampler", "params": {"population_size": 1}}, "optuna: NSGAIISampler: .*population_size"),
        ({"params": {"n_startup_trials": "many"}}, "optuna: TPESampler: n_startup_trials: wanted int, not 'many'"),
        ({"params": {"multivariate": 1}}, "optuna: TPESampler: multivariate: wanted bool or None, not 1"),
        ({"sampler": "GridSampler"}, "optuna: GridSampler: .*search_space"),
        ({"sampler": "QMCSampler"}, "optuna: QMCSampler knows no categories .*add ordered = true"),
    ],
)
def test_what_is_refused_by_plan(params: dict[str, Any], words: str) -> None:
    with pytest.raises(HarnessError, match=words):
        make_method("optuna", **params).check(Offer(NASBench201Space(), Budget("evaluations", 5)))


def test_without_optuna_plan_says_how_to_install_it(cli: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(extras, "version_of", lambda name: None)
    options = ("--benchmark", "synthetic/ridge", "--seeds", "0:2", "--budget", "9")
    done = cli("plan", *options, "--method", "optuna")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "nas-harness: error: command line: method optuna: needs optuna, which is missing; "
        "pip install 'nas-harness[optuna]'\n"
    )
    done = cli("plan", *options, "--method", "optuna,sampler=CmaEsSampler,ordered=true")
    assert "method optuna: needs cmaes, which is missing; pip install cmaes" in done.err
