"""What is better does not hang on how scores are written: in another unit, moved, or negated with their direction."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import harness
from harness.analysis import compare_pairs, lottery, plan_seeds
from harness.reporting.frames.curves import areas_under_regret, random_curves
from harness.reporting.frames.improvement import relative_improvements
from harness.reporting.frames.scores import random_equivalents
from harness.reporting.frames.significance import aggregates, significance
from harness.reporting.run import load_run
from harness.statistics import aggregate_improvement, exact_random_baseline, relative_improvement
from harness.statistics.law import RandomSearchLaw
from harness.tabular import catalogue

METHODS = [
    {"name": "random"},
    {"name": "local-search"},
    *({"name": "regularized-evolution", "label": f"e{n}", "population": n, "sample": 2} for n in (3, 6)),
]
AS_IT_IS, NEGATED, SCALED, MOVED = (
    (1.0, 0.0),
    (-1.0, 0.0),
    (4.0, 0.0),
    (1.0, -3.0),
)  # factor and shift, without rounding
# In RI points, percent and probabilities: the same however scores are written. Those that a shift leaves too come first.
DECISIONS = {
    "pairs": ["p_value", "p_holm", "win_probability", "win_low", "win_high", "p_brunner_munzel", "p_sign_flip"],
    "lottery": ["ratio", "p_value", "p_holm"],
    "improvement": ["p_value", "p_holm"],
    "significance": ["p_exact", "win_probability", "win_low", "win_high"],
    "worth": ["draws", "draws_low", "draws_high"],
    "areas": ["less", "less_low", "less_high"],
}
NUMBERS = {
    "pairs": ["difference", "ci_low", "ci_high"],
    "lottery": ["spread", "spread_by_chance", "gap"],
    "seeds": ["cv", "cv_low", "cv_high", "seeds_exact", "seeds_sampled", "detectable_exact", "detectable_sampled"],
    "improvement": ["ri", "ci_low", "ci_high", "detectable"],
    "aggregates": ["ri", "these_low", "these_high", "p_these", "like_low", "like_high", "p_like"],
    "curves": ["ri"],
}
SIGNS = {"pairs": "difference", "lottery": "gap", "improvement": "ri", "curves": "ri"}
Said = dict[str, pd.DataFrame]


def written(factor: float, shift: float, folder: Path) -> Said:
    """Return all that is said of a run on two tables whose scores are written so."""
    x, y = (axis.ravel() for axis in np.meshgrid(np.arange(8), np.arange(8)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalogue, "_REGISTRY", dict(catalogue._REGISTRY))
        for seed, name in enumerate(("inv/a", "inv/b")):
            rng = np.random.default_rng(seed)
            frame = pd.DataFrame({"x": x, "y": y})
            for column in ("valid", "test"):
                scores = np.round(64 * (0.5 + 0.03 * x + 0.02 * y + 0.05 * rng.standard_normal(64))) / 64
                frame[column] = factor * scores + shift
            direction: Any = "max" if factor > 0 else "min"
            table = harness.table_from_frame(frame, name, arch=["x", "y"], unit="none", direction=direction)
            harness.register_benchmark(name)(lambda table=table: table)
        catalogue.load_table.cache_clear()
        suite = {"name": "inv", "seeds": "0:10", "benchmarks": ["inv/a", "inv/b"], "budgets": {"evaluations": 12}}
        harness.run(suite | {"methods": METHODS}, folder, backend="sequential")
        run = load_run(folder)
        said = {
            "pairs": compare_pairs(folder, np.random.default_rng(0)).tests,
            "lottery": lottery(folder),
            "seeds": plan_seeds(folder, 2.0),
            "improvement": relative_improvements(run),
            "significance": significance(run),
            "worth": random_equivalents(run),
            "areas": areas_under_regret(run),
            "aggregates": aggregates(run),
            "curves": random_curves(run),
        }
    catalogue.load_table.cache_clear()
    return said


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[float, float], Said]:
    return {how: written(*how, tmp_path_factory.mktemp("inv")) for how in (AS_IT_IS, NEGATED, SCALED, MOVED)}


def assert_same(found: Said, expected: Said, columns: dict[str, list[str]]) -> None:
    for name, own in columns.items():
        numbers = [said[name][own].astype(float).to_numpy() for said in (found, expected)]
        assert np.isfinite(numbers[1]).any(), name
        np.testing.assert_allclose(*numbers, rtol=1e-7, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("how", [NEGATED, SCALED])
def test_negated_or_in_another_unit_all_numbers_are_the_same(runs: dict[Any, Said], how: tuple[float, float]) -> None:
    assert_same(runs[how], runs[AS_IT_IS], DECISIONS)
    assert_same(runs[how], runs[AS_IT_IS], NUMBERS)


def test_a_shift_below_zero_changes_no_decision_and_no_sign(runs: dict[Any, Said]) -> None:
    assert_same(runs[MOVED], runs[AS_IT_IS], DECISIONS)
    for name, column in SIGNS.items():
        np.testing.assert_array_equal(np.sign(runs[MOVED][name][column]), np.sign(runs[AS_IT_IS][name][column]))


def test_the_better_mean_is_the_better_method(runs: dict[Any, Said]) -> None:
    for said in runs.values():
        pairs = said["pairs"].set_index(["benchmark", "a", "b"])
        plans = said["improvement"]
        ri = plans[plans["is_main"]].set_index(["benchmark", "method"])["ri"]
        for benchmark, a, b in pairs.index:
            gap = ri[benchmark, a] - ri[benchmark, b]
            assert pairs.loc[(benchmark, a, b), "difference"] == pytest.approx(gap)


SCORES = st.lists(st.integers(1, 400), min_size=2, max_size=8).map(lambda values: np.array(values) / 8)


@settings(max_examples=60, deadline=None)
@given(SCORES, SCORES, st.booleans())
def test_ri_of_negated_samples_is_negated(a: np.ndarray, r: np.ndarray, paired: bool) -> None:
    if paired:
        a, r = a[: min(len(a), len(r))], r[: min(len(a), len(r))]
    plain, negated = relative_improvement(a, r, paired), relative_improvement(-a, -r, paired)
    assert np.sign(plain.estimate) == np.sign(a.mean() - r.mean()) or paired
    expected = [-plain.estimate, -plain.high, -plain.low, plain.p_value, plain.log_error]
    found = [negated.estimate, negated.low, negated.high, negated.p_value, negated.log_error]
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)
    for population in ("these", "like these"):
        one, other = (aggregate_improvement([each, each], population) for each in (plain, negated))
        np.testing.assert_allclose(
            [other.estimate, other.low, other.high], [-one.estimate, -one.high, -one.low], rtol=1e-9, atol=1e-9
        )


@settings(max_examples=60, deadline=None)
@given(SCORES, st.lists(st.integers(0, 20), min_size=5, max_size=5), st.integers(-100, 100), st.integers(1, 30))
def test_the_test_against_the_exact_law_knows_no_shift(a: np.ndarray, test: list[int], shift: int, draws: int) -> None:
    law, moved = (RandomSearchLaw(np.arange(5), np.array(test) + by) for by in (1, shift))
    baseline, other = exact_random_baseline(law, draws), exact_random_baseline(moved, draws)
    assume(abs(other.mean) > 1e-6)
    one, two = relative_improvement(a + 1, baseline), relative_improvement(a + shift, other)
    np.testing.assert_allclose(two.p_value, one.p_value, rtol=1e-6, atol=1e-12)
    assert np.sign(round(two.estimate, 9)) in (np.sign(round(one.estimate, 9)), 0)
