"""The regression gate: equal passes, worse is caught, noise is called inconclusive."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from scipy import stats

from harness.cli import main
from harness.errors import HarnessError
from harness.regression import baseline as baselines
from harness.regression import check as checking
from harness.regression import outputs
from harness.regression.baseline import Baseline, Cell
from harness.regression.compare import ALL, compare
from harness.running.runner import run

SUITE = {
    "name": "small",
    "seeds": "0:20",
    "benchmarks": ["synthetic/ridge", "nasbench-graph/proteins"],
    "budgets": {"evaluations": 40},
    "methods": [{"name": "random"}, {"name": "regularized-evolution"}],
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A run, the same again, one of a weakened method (no selection), and one that covers fewer methods."""
    folder = tmp_path_factory.mktemp("runs")
    weak = [{"name": "random"}, {"name": "regularized-evolution", "sample": 1}]
    changes: dict[str, dict[str, object]] = {
        "first": {},
        "again": {},
        "more": {"seeds": "10:40"},
        "weak": {"methods": weak},
        "less": {"methods": weak[:1]},
    }
    for name, change in changes.items():
        run(SUITE | change, folder / name)
    return {name: folder / name for name in changes}


@pytest.fixture
def baseline(runs: dict[str, Path]) -> Baseline:
    return baselines.cells_of_run(runs["first"])


def cells(rng: np.random.Generator, n: int, shift: float = 0.0, count: int = 6) -> dict[tuple[object, ...], Cell]:
    """Cells of a made-up stochastic method: `shift` is a loss in RI points."""
    made = [
        Cell(
            *(f"bench/{i}", "method", "evaluations", 100, "method", "{}", "data"),
            sign=1,
            reference=80.0,
            seeds=np.arange(n),
            valid=rng.normal(size=n),
            test=80.0 - 0.8 * shift + rng.normal(scale=1.0 + i / 5, size=n),
        )
        for i in range(count)
    ]
    return {cell.identity: cell for cell in made}


def verdict(new: dict[tuple[object, ...], Cell], old: dict[tuple[object, ...], Cell], strict: bool = False) -> str:
    findings = [checking._cell_finding(new[identity], old[identity]) for identity in old]
    return checking._verdicts(findings, Baseline("made up", old), strict)[0].outcome


def test_an_equal_run_passes_exactly(runs: dict[str, Path], baseline: Baseline) -> None:
    result = checking.check(runs["again"], baseline)
    assert result.outcome == "pass"
    assert all(cell.identical and cell.n_seeds == 20 for method in result.methods for cell in method.cells)


def test_a_run_of_some_of_the_seeds_passes_exactly(runs: dict[str, Path], baseline: Baseline) -> None:
    both = baselines.merged([baseline, baselines.cells_of_run(runs["more"])])
    assert {len(cell.seeds) for cell in both.cells.values()} == {40}
    result = checking.check(runs["first"], both)
    assert result.outcome == "pass"
    assert all(cell.identical and cell.n_seeds == 20 for method in result.methods for cell in method.cells)


def test_changed_cells_are_run_again_at_all_seeds_of_the_baseline(runs: dict[str, Path], baseline: Baseline) -> None:
    both = baselines.merged([baseline, baselines.cells_of_run(runs["more"])])
    result = checking.check(runs["weak"], both)
    evolution = next(method for method in result.methods if method.label == "regularized-evolution")
    assert {cell.n_seeds for cell in evolution.cells} == {40}
    assert not any(cell.identical for cell in evolution.cells)
    assert any("parameters" in note for note in result.notes)


@pytest.mark.slow
def test_evolution_without_selection_is_caught(tmp_path: Path) -> None:
    """On the nine real tables at 500 seeds: the loss that no single table at 100 seeds can show."""
    suite = {"seeds": "0:500", "benchmarks": ["nasbench-graph/*"], "budgets": {"evaluations": 100}}
    methods = [{"name": "regularized-evolution", "label": "evolution"}]
    run(suite | {"name": "good", "methods": methods}, tmp_path / "good")
    run(suite | {"name": "bad", "seeds": "0:100", "methods": [methods[0] | {"sample": 1}]}, tmp_path / "bad")
    result = checking.check(tmp_path / "bad", baselines.cells_of_run(tmp_path / "good"))
    assert result.outcome == "regressed"
    assert result.methods[0].high < -result.methods[0].margin


def test_an_equivalent_method_passes_and_a_worse_one_does_not() -> None:
    rng = np.random.default_rng(0)
    passed = sum(verdict(cells(rng, 100), cells(rng, 100)) == "pass" for _ in range(400))
    assert passed >= 0.95 * 400
    margin = checking.margin_of(list(cells(rng, 100).values()))
    caught = sum(verdict(cells(rng, 100, shift=3 * margin), cells(rng, 100)) == "regressed" for _ in range(100))
    assert caught >= 95


def test_a_small_noisy_sample_is_inconclusive() -> None:
    """The margin belongs to the baseline: a run of 4 seeds does not earn itself a wide one."""
    rng = np.random.default_rng(1)
    old = cells(rng, 500)
    outcomes = [verdict(cells(rng, 8), old) for _ in range(200)]
    assert outcomes.count("inconclusive") >= 140
    assert outcomes.count("regressed") <= 10
    assert all(verdict(cells(rng, n, shift=2.0), old) == "inconclusive" for n in (2, 3, 4))


def test_strict_calls_any_loss_a_regression() -> None:
    rng = np.random.default_rng(2)
    old = cells(rng, 2000)
    slightly = checking.margin_of(list(old.values())) * 0.75
    new = cells(rng, 2000, shift=slightly)
    assert verdict(new, old, strict=True) == "regressed"
    assert verdict(new, old) != "regressed"


def test_one_bad_cell_is_not_hidden_by_equal_ones() -> None:
    rng = np.random.default_rng(3)
    old = cells(rng, 300)
    first = next(iter(old))
    new = old | {first: replace(old[first], test=old[first].test - 1.5)}
    assert verdict(new, old) == "regressed"


def test_no_spread_over_seeds() -> None:
    rng = np.random.default_rng(4)
    old = {identity: replace(cell, test=np.full(10, 80.0)) for identity, cell in cells(rng, 10, count=2).items()}
    worse = {identity: replace(cell, test=np.full(10, 79.0)) for identity, cell in old.items()}
    better = {identity: replace(cell, test=np.full(10, 81.0)) for identity, cell in old.items()}
    assert verdict(worse, old) == "regressed"
    assert verdict(better, old) == "pass"
    assert verdict(old, old) == "pass"


def test_smaller_is_better() -> None:
    rng = np.random.default_rng(5)
    mirrored = {key: replace(cell, sign=-1, test=160 - cell.test) for key, cell in cells(rng, 200).items()}
    worse = {key: replace(cell, test=cell.test + 1.0) for key, cell in mirrored.items()}
    assert verdict(worse, mirrored) == "regressed"
    assert verdict(mirrored, worse) == "pass"


def test_a_failed_search_is_a_regression() -> None:
    rng = np.random.default_rng(6)
    old = cells(rng, 20)
    first = next(iter(old))
    new = old | {first: replace(old[first].at(np.arange(18)), failed=2)}
    assert verdict(new, old) == "regressed"


def test_timings(runs: dict[str, Path], baseline: Baseline) -> None:
    slow = {key: replace(cell, cost_ratio=cell.cost_ratio / 10) for key, cell in baseline.cells.items()}
    method = checking.check(runs["first"], baseline, timings=True).methods[1]
    assert "1.00 x" in method.why
    assert method.outcome == "pass"
    method = checking.check(runs["first"], replace(baseline, cells=slow), timings=True).methods[1]
    assert "10.00 x" in method.why
    assert method.outcome == "regressed"


def test_baseline_round_trip(baseline: Baseline, tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    baselines.save(baseline, path)
    loaded = baselines.load(path)
    assert list(loaded.cells) == list(baseline.cells)
    for identity, cell in baseline.cells.items():
        assert baselines.same_results(cell, loaded.cells[identity])
        assert cell.reference == loaded.cells[identity].reference


def test_runs_that_disagree_make_no_baseline(runs: dict[str, Path], baseline: Baseline) -> None:
    identity = next(iter(baseline.cells))
    cell = baseline.cells[identity]
    other = replace(baseline, cells=baseline.cells | {identity: replace(cell, test=cell.test + 1e-12)})
    with pytest.raises(HarnessError, match="disagree on a seed"):
        baselines.merged([baseline, other])


def tamper(path: Path) -> None:
    document = json.loads(path.read_text())
    document["cells"][0]["reference"] *= 0.5
    path.write_text(json.dumps(document))


def truncate(path: Path) -> None:
    path.write_text(path.read_text()[:-40])


def other_format(path: Path) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | {"format": 99}))


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (tamper, "does not match its checksum"),
        (truncate, "not a baseline"),
        (other_format, "format 99"),
        (lambda path: path.write_text("[]"), "not a baseline"),
        (lambda path: path.unlink(), "No such file"),
    ],
)
def test_a_damaged_baseline_is_refused(damage, message, baseline, runs, tmp_path, capsys) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "baseline.json"
    baselines.save(baseline, path)
    damage(path)
    assert main(["check", str(runs["first"]), "--against", str(path)]) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_mismatched_run_is_refused(runs: dict[str, Path], baseline: Baseline) -> None:
    with pytest.raises(HarnessError, match="no cells of regularized-evolution on"):
        checking.check(runs["less"], baseline)
    identity = next(iter(baseline.cells))
    other = replace(baseline.cells[identity], data_sha256="0" * 64)
    with pytest.raises(HarnessError, match="another table"):
        checking.check(runs["first"], replace(baseline, cells=baseline.cells | {identity: other}))


def test_command_line(runs: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:  # type: ignore[no-untyped-def]
    summary, junit, path = tmp_path / "summary.md", tmp_path / "junit.xml", tmp_path / "baseline.json"
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(summary))
    assert main(["baseline", str(runs["first"]), "-o", str(path)]) == 0
    assert main(["check", str(runs["again"]), "--against", str(path)]) == 0
    code = main(["check", str(runs["weak"]), "--against", str(path), "--strict", "--junit", str(junit), "--json"])
    captured = capsys.readouterr()
    result = json.loads(captured.out[captured.out.index("{") :])
    assert code == {"pass": 0, "regressed": 1, "inconclusive": 3}[result["outcome"]]
    assert result["outcome"] != "pass"
    assert "::" in captured.err
    assert "regularized-evolution" in summary.read_text()
    suites = ElementTree.parse(junit).getroot()
    assert [suite.get("name") for suite in suites] == ["random", "regularized-evolution"]
    assert [case.get("name") for case in suites[0]] == ["verdict", "synthetic/ridge", "nasbench-graph/proteins"]


def test_exit_codes() -> None:
    assert outputs.EXIT_CODES == {"pass": 0, "regressed": 1, "inconclusive": 3}


def test_runs_of_other_seeds_are_compared_as_independent(runs: dict[str, Path], tmp_path: Path) -> None:
    folder = tmp_path / "later"
    run(SUITE | {"seeds": "100:120"}, folder)
    frame = compare(runs["first"], folder)
    assert (frame["n_paired"] == 0).all()
    identity = ("synthetic/ridge", "regularized-evolution", "evaluations", 40)
    first, second = (baselines.cells_of_run(path).cells[identity] for path in (runs["first"], folder))
    row = frame[(frame["method"] == "regularized-evolution") & (frame["benchmark"] == "synthetic/ridge")].iloc[0]
    welch = stats.ttest_ind(second.test, first.test, equal_var=False)
    assert row["p_value"] == pytest.approx(welch.pvalue)


def test_compare(runs: dict[str, Path], capsys) -> None:  # type: ignore[no-untyped-def]
    frame = compare(runs["first"], runs["weak"])
    same = frame[frame["method"] == "random"]
    assert same["identical"].all()
    assert (same["change"] == 0).all()
    changed = frame[(frame["method"] == "regularized-evolution") & (frame["benchmark"] == "synthetic/ridge")].iloc[0]
    cell = [baselines.cells_of_run(runs[name]).cells for name in ("first", "weak")]
    identity = ("synthetic/ridge", "regularized-evolution", "evaluations", 40)
    first, second = (found[identity] for found in cell)
    assert changed["change"] == pytest.approx(100 * (second.test.mean() - first.test.mean()) / first.reference)
    assert changed["ci_low"] < changed["change"] < changed["ci_high"]
    assert (frame["benchmark"] == ALL).sum() == 2
    one, two = (baselines.cells_of_run(runs[name]).cells[identity] for name in ("first", "weak"))
    paired = stats.ttest_rel(two.test, one.test)
    assert changed["n_paired"] == 20
    assert changed["p_value"] == pytest.approx(paired.pvalue)
    ends = paired.confidence_interval(0.95)
    unit = 100 / one.reference
    assert (changed["ci_low"], changed["ci_high"]) == pytest.approx((unit * ends.low, unit * ends.high))
    shared = compare(runs["first"], runs["more"])  # seeds 10 to 19 are in both
    assert shared["identical"].all()
    assert (shared["change"] == 0).all()
    assert (shared["n_paired"] == 10).all()
    single = shared[shared["benchmark"] != ALL]
    np.testing.assert_array_equal(single["mean_a"], single["mean_b"])  # like with like: over the seeds that both have
    assert (single["unit"] != "").all()
    page = runs["weak"].parent / "compared.html"
    assert main(["compare", str(runs["first"]), str(runs["weak"]), "--html", str(page)]) == 0
    assert "synthetic/ridge" in capsys.readouterr().out
    text = page.read_text(encoding="utf-8")
    cells = frame[frame["benchmark"] != ALL]
    assert f"{len(cells)} cells: {cells['identical'].sum()} identical" in text
    assert 'src="http' not in text
