"""Cells that are run again are the same cells: under the constraint, metrics and budgets that are in their keys."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.regression import baseline as baselines
from harness.regression.baseline import Baseline, Cell
from harness.regression.check import check
from harness.regression.compare import compare
from harness.running.records import read_run
from harness.running.runner import run
from harness.suites.group import groups_of
from harness.suites.reading import load_suite, make_suite
from harness.suites.suite import Suite

CORA, RIDGE = "nasbench-graph/cora", "synthetic/ridge"
PARTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "constraint": {"constraint": {"latency": "<= 0.005", "params": ">= 0"}, "benchmarks": [CORA]},
    "metrics": {"metrics": ["latency"], "benchmarks": [CORA]},
    "metrics of a method": {
        "methods": [{"name": "random"}, {"name": "nsga2", "metrics": ["latency"]}],
        "benchmarks": [CORA],
    },
    "benchmarks of a method": {"methods": [{"name": "local-search", "benchmarks": [RIDGE]}, {"name": "random"}]},
    "budgets": {"budgets": {"evaluations": [10, 20]}},
}


def document(**more: Any) -> dict[str, Any]:
    return {
        "name": "again",
        "seeds": "0:12",
        "benchmarks": [RIDGE, CORA],
        "budgets": {"evaluations": 30},
        "methods": [{"name": "random"}, {"name": "regularized-evolution", "label": "evo"}],
    } | more


def written(suite: Suite) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(json.dumps(suite.resolved()))
    return found


@pytest.mark.parametrize("part", PARTS)
def test_a_suite_read_back_has_the_same_cells(part: str) -> None:
    suite = make_suite(document(**PARTS[part]))
    again = Suite.from_resolved(written(suite))
    keys = [group.key(0) for group in suite.groups()]
    assert [group.key(0) for group in again.groups()] == keys
    assert written(again) == written(suite)
    assert [group.key(0) for group in groups_of(written(again))] == keys


@pytest.mark.parametrize("part", PARTS)
def test_so_has_every_part_of_it(part: str) -> None:
    suite = make_suite(document(**PARTS[part]))
    for group in suite.groups():
        one = Suite.from_resolved(written(suite), methods=[group.method.label], benchmarks=[group.benchmark])
        one = replace(one, budgets=(group.budget,), seeds=(5,), name="part")
        assert [found.key(5) for found in one.groups()] == [group.key(5)]


def test_what_the_command_line_set_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text(
        'seeds = "0:3"\nbenchmarks = ["synthetic/ridge"]\n[budgets]\nevaluations = 9\n[[methods]]\nname = "random"\n'
    )
    suite = load_suite(path, ["budgets.evaluations=17", "methods.0.replace=false"], "4:6")
    again = Suite.from_resolved(written(suite))
    assert (again.budgets[0].amount, again.seeds, again.methods[0].params) == (17, (4, 5), {"replace": False})
    assert [group.key(4) for group in again.groups()] == [group.key(4) for group in suite.groups()]


def spoil_version(resolved: dict[str, Any]) -> None:
    resolved["methods"][1]["version"] = "of old"


def spoil_default(resolved: dict[str, Any]) -> None:
    del resolved["methods"][1]["params"]["sample"]


def spoil_data(resolved: dict[str, Any]) -> None:
    resolved["data_sha256"][CORA] = "0" * 64


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (spoil_version, "evo on synthetic/ridge would not be the same cell again .version 'of old' there, "),
        (spoil_default, "params.sample nothing there, 3 here"),
        (spoil_data, f"random on {CORA} would not be the same cell again .data_sha256 '0000"),
    ],
)
def test_what_is_no_longer_the_same_cell_is_refused(spoil: Callable[[dict[str, Any]], None], words: str) -> None:
    resolved = written(make_suite(document()))
    spoil(resolved)
    with pytest.raises(HarnessError, match=words) as error:
        Suite.from_resolved(resolved, where="runs/now")
    assert str(error.value).startswith("runs/now: ")
    assert "\n" not in str(error.value)


BOUND = {"latency": "<= 0.003"}
POOR = [{"name": "regularized-evolution", "label": "evo", "population": 1, "sample": 1}]
GOOD = [{"name": "regularized-evolution", "label": "evo"}]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Runs under a constraint, of a good and a poor search, and one of the good search without it."""
    folder = tmp_path_factory.mktemp("runs")
    base = document(benchmarks=[CORA], methods=GOOD, constraint=BOUND)
    changes: dict[str, dict[str, Any]] = {
        "good": {},
        "poor": {"methods": POOR},
        "free": {"constraint": {}},
    }
    for name, change in changes.items():
        run(base | change, folder / name)
    return {name: folder / name for name in changes}


def test_changed_cells_are_run_again_under_the_constraint(runs: dict[str, Path]) -> None:
    """The answer is that of the run's own records, which hold all seeds of the baseline."""
    baseline = baselines.cells_of_run(runs["good"])
    kept, again = (check(runs["poor"], baseline, rerun=rerun).methods[0] for rerun in (False, True))
    assert again.change == kept.change
    records, _, _ = read_run(runs["poor"])
    rerun, _, resolved = read_run(runs["poor"] / "check" / "evo")
    assert sorted(rerun["cell"]) == sorted(records["cell"])
    assert rerun["constraint"].unique().tolist() == ["latency <= 0.003"]
    assert rerun["latency"].max() <= 0.003
    assert resolved["constraint"] == BOUND
    old, new = ((cells := baselines.cells_of_run(runs[name]).cells)[next(iter(cells))] for name in ("good", "poor"))
    assert again.change == pytest.approx(100 * (new.test.mean() - old.test.mean()) / old.reference)


def test_another_constraint_is_another_problem(runs: dict[str, Path]) -> None:
    baseline = baselines.cells_of_run(runs["good"])
    message = "not the same problem .*constraint.latency '<= 0.003' there, nothing here"
    with pytest.raises(HarnessError, match=message):
        check(runs["free"], baseline)
    with pytest.raises(HarnessError, match=message):
        compare(runs["good"], runs["free"])
    with pytest.raises(HarnessError, match="differ in conditions"):
        baselines.merged([baseline, baselines.cells_of_run(runs["free"])])
    silent = {key: replace(cell, conditions=None) for key, cell in baseline.cells.items()}  # of an earlier release
    assert check(runs["good"], replace(baseline, cells=silent)).outcome == "pass"
    with pytest.raises(HarnessError, match="one was made under another constraint"):
        check(runs["free"], replace(baseline, cells=silent))


def test_conditions_and_infeasible_seeds_come_back_from_a_file(runs: dict[str, Path], tmp_path: Path) -> None:
    baseline = baselines.cells_of_run(runs["good"])
    cells = {key: replace(cell, infeasible=np.array([3, 77])) for key, cell in baseline.cells.items()}
    baselines.save(replace(baseline, cells=cells), tmp_path / "b.json")
    (found,) = baselines.load(tmp_path / "b.json").cells.values()
    assert found.conditions == {"metrics": [], "constraint": BOUND}
    assert found.infeasible.tolist() == [3, 77]
    content = json.loads((tmp_path / "b.json").read_text())
    del content["sha256"]
    for cell in content["cells"]:
        del cell["conditions"], cell["infeasible"]
    (tmp_path / "old.json").write_text(json.dumps(content | {"sha256": baselines._checksum(content)}))
    (found,) = baselines.load(tmp_path / "old.json").cells.values()
    assert (found.conditions, len(found.infeasible)) == (None, 0)


def made(seeds: range, infeasible: range, rng: np.random.Generator) -> Baseline:
    cell = Cell(
        *(CORA, "evo", "evaluations", 100, "evo", "{}", "data"),
        sign=1,
        reference=80.0,
        seeds=np.array(seeds),
        valid=np.zeros(len(seeds)),
        test=rng.normal(80, 1, len(seeds)),
        infeasible=np.array(infeasible, dtype=np.int64),
    )
    return Baseline("made", {cell.identity: cell})


@pytest.mark.parametrize(
    ("old", "new", "outcome"),
    [
        ((range(5, 40), range(5)), (range(5, 40), range(5)), "pass"),
        ((range(40), range(0)), (range(30), range(30, 40)), "regressed"),  # Fisher's p is 0.0005
        ((range(40), range(0)), (range(39), range(39, 40)), "inconclusive"),  # p is 0.5
    ],
)
def test_searches_that_find_nothing_feasible_do_not_vanish(
    old: Any, new: Any, outcome: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scores of those that find something are the same; the others have none."""
    was, now = (made(*sides, np.random.default_rng(0)) for sides in (old, new))
    (cell,) = was.cells.values()
    (other,) = now.cells.values()
    other = replace(other, test=cell.test[: len(other.test)])
    monkeypatch.setattr("harness.regression.check.cells_of_run", lambda _: replace(now, cells={other.identity: other}))
    monkeypatch.setattr("harness.regression.check.adopted_cells", lambda _: 0)
    found = check(Path("made"), was, rerun=False)
    assert found.outcome == outcome
    assert ("found nothing that satisfies the constraint" in found.methods[0].why) == (outcome != "pass")
