"""Claims with as many seeds as it takes: the same evidence whenever one looks, and no verdict withdrawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import harness
from harness.claims.parts import Part, failed_of
from harness.claims.quantities import Sample
from harness.claims.searches import Kept
from harness.claims.sequential import by_sequence, pairs_over
from harness.claims.verdicts import judge
from harness.running.runner import run_suite
from harness.statistics.regions import Region
from harness.statistics.sequences import AsymptoticMean, PairedDifferences, Widened, WinProbability, mid_ranks
from harness.suites.reading import make_suite
from harness.suites.seeds import batches
from harness.tabular.law import random_search_law

SAID = {"says": "It is so.", "source": "Somebody, table 1", "test": "sequential"}
LAW = {"method": "local-search", "beats": "random@budget"}
N = 60


def document(*claims: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "name": "small",
        "seeds": f"0:{N}",
        "benchmarks": ["synthetic/ridge"],
        "budgets": {"evaluations": 12},
        "methods": [{"name": "random"}, {"name": "local-search"}, {"name": "regularized-evolution", "label": "EA"}],
        "claims": [SAID | claim for claim in claims],
    } | more


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("sequential") / "run"
    run_suite(make_suite(document()), found)
    return found


@pytest.fixture(scope="module")
def scores(folder: Path) -> dict[str, np.ndarray]:
    records = pd.read_parquet(folder / "records.parquet")
    return {label: own.sort_values("seed")["test"].to_numpy() for label, own in records.groupby("label")}


def judged(folder: Path, *claims: dict[str, Any], **more: Any) -> Any:
    suite = make_suite(document(*claims, **more))
    return judge(suite, Kept(suite, [folder]))


def test_each_kind_has_its_own_sequence(folder: Path, scores: dict[str, np.ndarray]) -> None:
    law = random_search_law(harness.load_benchmark("synthetic/ridge"))  # type: ignore[arg-type]
    baseline = harness.statistics.exact_random_baseline(law, 12)
    a, b = scores["local-search"], scores["EA"]
    gain = 100 * (a / baseline.mean - 1)
    value = {"method": "local-search", "value": 83.3, "spread": {"sd": 4.25}, "n": 9, "margin": 8.0}
    found = judged(
        folder,
        LAW,
        LAW | {"by": "1 %"},
        {"method": "local-search", "beats": "EA", "by": "2 %"},
        {"method": "local-search", "is": "equivalent to", "baseline": "EA", "within": "5 %"},
        {"order": ["EA", "local-search"]},
        value,
    )
    ranks = WinProbability(mid_ranks(a, baseline))
    above, below = PairedDifferences(100 * (a - b) + 5 * b), PairedDifferences(100 * (a - b) - 5 * b)
    published = Widened(AsymptoticMean(a), 83.3, 4.25 / 3, 8, rounding=0.005)
    expected = [
        (ranks.p_inside(0.5)[-1], ranks.p_outside(0.5)[-1]),
        (AsymptoticMean(gain).p_inside(1.0)[-1], AsymptoticMean(gain).p_outside(1.0)[-1]),
        [one[-1] for one in PairedDifferences(100 * (a - b) - 2 * b).p_values(0.0)],
        (max(above.p_values(0.0)[0][-1], below.p_values(0.0)[1][-1]), None),
        (PairedDifferences(b - a).p_inside(0.0)[-1], PairedDifferences(b - a).p_outside(0.0)[-1]),
        (published.p_inside(-8.0, 8.0)[-1], published.p_outside(-8.0, 8.0)[-1]),
    ]
    for one, (inside, outside) in zip(found, expected, strict=True):
        assert one.p_reproduced == pytest.approx(inside)
        assert outside is None or one.p_contradicted == pytest.approx(outside)
    assert found[0].part.unit == "win probability"
    # Intervals at 5 % over the number of claims.
    assert (found[0].part.placement.low, found[0].part.placement.high) == ranks.interval(0.05 / 6)


def test_a_verdict_is_never_withdrawn_and_says_what_it_took(folder: Path) -> None:
    claims = [LAW, LAW | {"by": "40 %"}, {"method": "local-search", "beats": "EA"}]
    before: dict[int, str] = {}
    took: dict[int, int] = {}
    for n in range(2, N + 1, 2):
        for one in judged_at(folder, n, *claims):
            word = before.get(one.claim.number, "undecided")
            assert word in ("undecided", one.verdict)
            before[one.claim.number] = one.verdict
            if one.verdict != "undecided":
                # Whenever one looks it has taken as many seeds.
                assert took.setdefault(one.claim.number, one.took) == one.took
                assert n - 2 < one.took <= n or word != "undecided"
    assert before[1] == "reproduced"
    assert before[2] == "contradicted"


def test_the_first_verdict_stays_whatever_later_seeds_show(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def turned(self: Any, n: int) -> np.ndarray:
        late = np.arange(n) < n - 2
        return np.array([np.where(np.arange(n) < 3, 1.0, 1e-6), np.where(late, 1.0, 1e-9)])

    evidence = "harness.claims.verdicts._Evidence"
    monkeypatch.setattr(f"{evidence}.course", turned)
    monkeypatch.setattr(f"{evidence}.p_reproduced", 1e-6)
    monkeypatch.setattr(f"{evidence}.p_contradicted", 1e-9)
    (one,) = judged(folder, LAW)
    assert (one.verdict, one.took, one.p_contradicted_holm) == ("reproduced", 4, pytest.approx(2e-9))


def test_seeds_that_never_reach_a_score_end_the_evidence() -> None:
    sample = Sample(np.arange(4), np.array([3.0, 5.0, np.nan, 2.0]), ())
    assert list(sample.before_a_loss().values) == [3.0, 5.0]
    assert failed_of(sample.before_a_loss()) == "seed 2 never reaches the score, and ends the evidence"
    assert len(sample.at(np.array([0, 1])).before_a_loss().values) == 2
    assert np.isnan(Sample(np.arange(2), np.array([np.nan, 1.0]), ()).before_a_loss().values[0])  # said as it was


def judged_at(folder: Path, n: int, *claims: dict[str, Any]) -> Any:
    """Verdicts from the first seeds only."""
    suite = make_suite(document(*claims))
    kept = Kept(suite, [folder])
    for searches in kept._groups.values():
        cells = searches.run.cells
        object.__setattr__(searches.run, "cells", cells[cells["seed"] < n])
    return judge(suite, kept)


def test_fixed_tests_stay_at_their_seeds(folder: Path, scores: dict[str, np.ndarray]) -> None:
    fixed = {"method": "local-search", "value": 80.0, "margin": 1.0, "test": "fixed"}
    (one,) = judged(folder, fixed, seeds="0:10")
    assert one.part.n == 10
    assert one.part.estimate == pytest.approx(scores["local-search"][:10].mean() - 80.0)
    (other,) = judged(folder, fixed | {"test": "sequential"}, seeds="0:10")
    assert other.part.n == N


def test_batches() -> None:
    assert [len(batch) for batch in batches(range(10), 50)] == [10, 15, 22, 33, 49, 50]
    assert list(batches((4, 2), 5)) == [(4, 2), (4, 2, 5), (4, 2, 5, 6), (4, 2, 5, 6, 7)]
    assert list(batches((0, 1), 2)) == [(0, 1)]


SUITE = """
name = "small"
seeds = "0:6"
benchmarks = ["synthetic/ridge"]
budgets = { evaluations = 12 }
[[methods]]
name = "random"
[[methods]]
name = "local-search"
[[claims]]
says = "Local search beats random search."
source = "Somebody, table 1"
test = "sequential"
method = "local-search"
beats = "random@1"
"""
NEVER = """
[[claims]]
says = "Random search is random search."
source = "Somebody, table 2"
test = "sequential"
method = "random"
beats = "random@budget"
"""


def test_until_decided(cli: Callable[..., Any], tmp_path: Path, same_results: Callable[[Path, Path], None]) -> None:
    file = tmp_path / "small.toml"
    file.write_text(SUITE)
    done = cli("reproduce", file, "-o", tmp_path / "out", "-q", "--until", "decided", "--max-seeds", "99")
    assert done.code == 0, done.err
    records = pd.read_parquet(tmp_path / "out" / "records.parquet")
    n = records["seed"].nunique()
    assert 6 < n < 99  # more than it began with, and no more than it took
    assert f"{n} seeds, decided after " in done.out
    # The same records as of a plain run with those seeds; and a second time nothing is run.
    cli("run", file, "-o", tmp_path / "plain", "-q", "--no-report", "--seeds", f"0:{n}")
    same_results(tmp_path / "out", tmp_path / "plain")
    again = cli("reproduce", file, "-o", tmp_path / "out", "-q", "--until", "decided", "--max-seeds", "99")
    assert (again.code, again.out) == (0, done.out)


def test_until_the_most(cli: Callable[..., Any], tmp_path: Path) -> None:
    file = tmp_path / "small.toml"
    file.write_text(SUITE + NEVER)
    done = cli("reproduce", file, "-o", tmp_path / "out", "-q", "--until", "decided", "--max-seeds", "20")
    assert done.code == 3
    assert pd.read_parquet(tmp_path / "out" / "records.parquet")["seed"].nunique() == 20


@pytest.mark.parametrize(
    ("arguments", "text", "message"),
    [
        (["--until", "decided"], SUITE, "wanted --max-seeds N of at least the suite's own 6, not None"),
        (
            ["--until", "decided", "--max-seeds", "5"],
            SUITE,
            "wanted --max-seeds N of at least the suite's own 6, not 5",
        ),
        (["--max-seeds", "9"], SUITE, "--max-seeds 9: goes with --until decided"),
        (["--until", "decided", "--max-seeds", "9", "--records", "x"], SUITE, "with --records nothing is run"),
        (
            ["--until", "decided", "--max-seeds", "9"],
            SUITE.replace('"sequential"', '"fixed"'),
            "a fixed test is judged once",
        ),
        (["--until", "bored", "--max-seeds", "9"], SUITE, "invalid choice: 'bored'"),
    ],
    ids=str,
)
def test_wrong_options(cli: Callable[..., Any], tmp_path: Path, arguments: list[str], text: str, message: str) -> None:
    file = tmp_path / "small.toml"
    file.write_text(text)
    done = cli("reproduce", file, "-o", tmp_path / "out", *arguments)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert message in done.err
    assert not (tmp_path / "out").exists()


def test_four_in_five_methods_at_the_detectable_distance_are_told(folder: Path) -> None:
    """Normal differences: the distance that a pilot calls detectable is told by as many seeds with about 80 % power."""
    rng = np.random.default_rng(1)
    kept = Kept(make_suite(document(LAW)), [folder])
    part = Part("here", "points", Region(low=0.0), error=0.5 / N**0.5)
    pilots = [pairs_over(part, 0.5 * rng.standard_normal(N), kept) for _ in range(40)]
    distance = np.mean([one.placement.detectable for one in pilots if one.placement])
    told = [
        PairedDifferences(distance + 0.5 * rng.standard_normal(N)).p_inside(low=0.0)[-1] <= 0.05 for _ in range(400)
    ]
    assert 0.75 <= np.mean(told) <= 0.92  # by some number of seeds up to N, which is a little more often than by N


def test_nothing_is_detectable_before_a_sequence_answers(folder: Path) -> None:
    (one,) = judged(folder, LAW | {"by": "1 %"}, seeds="0:60")
    assert np.isfinite(one.part.placement.detectable)
    few = AsymptoticMean(np.arange(20.0))
    part = by_sequence(Part("here", "%", Region(low=0.0), error=1.0), few, Kept(make_suite(document(LAW)), [folder]))
    assert part.placement is not None
    assert np.isnan(part.placement.detectable)
