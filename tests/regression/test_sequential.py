"""The check by sequences: the verdict is that of the seeds, in whatever batches they come, and it is given in time."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.cli import main
from harness.errors import HarnessError
from harness.regression import sequential
from harness.regression.baseline import Baseline, Cell
from harness.regression.check import CheckResult, check
from harness.regression.evidence import MethodFinding, margin_of
from harness.regression.sequential import check_until_decided
from harness.running.runner import run

N = 100  # seeds of the baseline


def cell(scores: Sequence[float], number: int = 0, label: str = "method", **more: Any) -> Cell:
    scores = np.array(scores, dtype=np.float64)
    what = (f"bench/{number}", label, "evaluations", 100, "method", "{}", "data")
    return Cell(*what, sign=1, reference=80.0, seeds=np.arange(len(scores)), valid=scores, test=scores, **more)


def keyed(*cells: Cell) -> dict[tuple[Any, ...], Cell]:
    return {one.identity: one for one in cells}


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[MethodFinding]]:
    """Check made-up cells, of which the run has the first seeds and the others are run when they are asked for."""

    def check_them(old: Sequence[Cell], new: Sequence[Cell], first: int = 10, **more: Any) -> list[MethodFinding]:
        every = keyed(*new)

        def again(output: Path, cells: Sequence[Cell], jobs: int, seeds: Sequence[int]) -> dict[tuple[Any, ...], Cell]:
            asked = np.array([seed for seed in seeds if seed < len(new[0].seeds)])
            return {one.identity: every[one.identity].at(asked) for one in cells} if len(asked) else {}

        monkeypatch.setattr(sequential, "run_again", again)
        now = {key: one.at(one.seeds[:first]) for key, one in every.items()}
        options = {"max_seeds": 400} | more
        return check_until_decided(Path("run"), now, Baseline("made up", keyed(*old)), **options)

    return check_them


def drawn(seed: int, shift: float = 0.0, n: int = 400, count: int = 3) -> list[Cell]:
    """Cells of normal scores: `shift` is a loss in RI points."""
    rng = np.random.default_rng(seed)
    return [cell(80.0 - 0.8 * shift + rng.normal(scale=1.0 + i / 5, size=n), i) for i in range(count)]


def at(cells: Sequence[Cell], n: int) -> list[Cell]:
    return [one.at(one.seeds[:n]) for one in cells]


def test_a_loss_is_told_after_few_seeds_and_no_loss_later(judge: Callable[..., list[MethodFinding]]) -> None:
    old = at(drawn(0), N)
    margin = margin_of(old)
    (worse,) = judge(old, drawn(1, shift=3 * margin))
    (equal,) = judge(old, drawn(2))
    assert (worse.outcome, equal.outcome) == ("regressed", "pass")
    assert 30 <= worse.seeds < equal.seeds <= 400
    assert worse.high < -margin < equal.low


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("strict", [False, True])
def test_batches_have_no_say(seed: int, strict: bool, judge: Callable[..., list[MethodFinding]]) -> None:
    """The run's own seeds may be few or many: verdict and number of seeds are the same."""
    old = at(drawn(10 + seed), N)
    new = drawn(20 + seed, shift=1.2 * margin_of(old))
    told = [judge(old, new, first, strict=strict)[0] for first in (5, 37, 400)]
    assert len({(one.outcome, one.seeds) for one in told}) == 1
    assert told[0].outcome != "inconclusive" or told[0].seeds == 400


def test_it_is_the_pooled_mean_against_the_t_interval_of_the_baseline(
    judge: Callable[..., list[MethodFinding]],
) -> None:
    """With one cell the pooled change is the difference of the means in hundredths of the reference."""
    (old,), (new,) = at(drawn(3, count=1), N), drawn(4, count=1)
    (told,) = judge([old], [new], max_seeds=50)
    assert told.outcome == "inconclusive"
    assert told.seeds == 50
    assert told.change == pytest.approx((new.test[:50].mean() - old.test.mean()) / 0.8)
    assert told.low < told.change < told.high


def test_a_failed_search_is_a_regression_at_once(judge: Callable[..., list[MethodFinding]]) -> None:
    old, new = at(drawn(5), N), drawn(6)
    (told,) = judge(old, [replace(new[0], failed=1), *new[1:]])
    assert (told.outcome, told.why, told.seeds) == ("regressed", "1 search(es) failed", 0)


def test_a_small_baseline_is_said_to_be_too_small(judge: Callable[..., list[MethodFinding]]) -> None:
    (told,) = judge(at(drawn(7), 4), drawn(8))
    assert told.outcome == "inconclusive"
    assert told.why == "baseline too small: record 5 seeds a cell, it has 4"


def test_cells_without_spread(judge: Callable[..., list[MethodFinding]]) -> None:
    """Equal scores are compared as they are; a spread where the baseline has none is tested against no margin."""
    old = cell(np.full(N, 80.0))
    assert judge([old], [cell(np.full(400, 79.0))])[0].outcome == "regressed"
    assert judge([old], [cell(np.full(400, 81.0))])[0].outcome == "pass"
    noise = np.random.default_rng(9).normal(size=400)
    assert judge([old], [cell(79.0 + noise)])[0].outcome == "regressed"
    assert judge([old], [cell(81.0 + noise)])[0].outcome == "pass"
    assert judge([old], [cell(80.0 + noise - noise.mean())])[0].outcome == "inconclusive"


def test_nothing_feasible_is_left_to_the_fixed_check(judge: Callable[..., list[MethodFinding]]) -> None:
    new = [replace(one, infeasible=np.array([1000])) for one in drawn(11)]
    (told,) = judge(at(drawn(12), N), new)
    assert told.outcome == "inconclusive"
    assert "check without --until" in told.why


def test_a_method_that_cannot_have_more_seeds_ends_undecided(judge: Callable[..., list[MethodFinding]]) -> None:
    (told,) = judge(at(drawn(13), N), drawn(14, n=20))
    assert (told.outcome, told.seeds) == ("inconclusive", 20)


def test_regressions_share_the_level_over_methods(judge: Callable[..., list[MethodFinding]]) -> None:
    """Holm over the methods: the last of two takes no more seeds than by itself, the first may."""
    old = at(drawn(15, count=1), N)[0]
    loss = 1.6 * margin_of([old])
    news = [drawn(16 + i, shift=loss, count=1)[0] for i in range(2)]
    alone = [judge([old], [new])[0].seeds for new in news]
    labels = "one", "two"
    olds = [replace(old, label=label) for label in labels]
    both = judge(olds, [replace(new, label=label) for new, label in zip(news, labels, strict=True)])
    assert [one.outcome for one in both] == ["regressed", "regressed"]
    assert all(one.seeds >= by_itself for one, by_itself in zip(both, alone, strict=True))


@pytest.mark.slow
def test_an_unchanged_method_is_called_regressed_in_at_most_five_percent(
    judge: Callable[..., list[MethodFinding]],
) -> None:
    """At the boundary, a loss of just the margin: neither verdict is true."""
    wrong = {"pass": 0, "regressed": 0, "inconclusive": 0}
    repetitions = 200
    for i in range(repetitions):
        every = drawn(1000 + i, count=2)
        old = at(every, 60)
        margin = margin_of(old)
        shift = margin  # from the true mean, of which the baseline's is an estimate
        (told,) = judge(old, drawn(5000 + i, shift=shift, count=2), first=400)
        wrong[told.outcome] += 1
    limit = 0.05 + 3 * (0.05 * 0.95 / repetitions) ** 0.5
    assert wrong["pass"] / repetitions <= limit
    assert wrong["regressed"] / repetitions <= limit


SUITE = {
    "name": "small",
    "seeds": "0:20",
    "benchmarks": ["nasbench-graph/proteins"],
    "budgets": {"evaluations": 40},
    "methods": [{"name": "random"}, {"name": "regularized-evolution"}],
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A run of many seeds, one of some of these, and one of a weakened method (no selection)."""
    folder = tmp_path_factory.mktemp("runs")
    weak = [{"name": "random"}, {"name": "regularized-evolution", "sample": 1}]
    for name, change in {"first": {"seeds": "0:200"}, "equal": {}, "weak": {"methods": weak}}.items():
        run(SUITE | change, folder / name)
    main(["baseline", str(folder / "first"), "-o", str(folder / "baseline.json")])
    return {name: folder / name for name in ("first", "equal", "weak", "baseline.json")}


def test_command_line(runs: dict[str, Path], capsys: pytest.CaptureFixture[str]) -> None:
    against = ["--against", str(runs["baseline.json"]), "--until", "decided", "--json", "-j", "1"]
    assert main(["check", str(runs["equal"]), *against, "--max-seeds", "40"]) == 0
    assert not (runs["equal"] / "check").exists()
    capsys.readouterr()
    code = main(["check", str(runs["weak"]), *against, "--max-seeds", "600"])
    answer = json.loads(capsys.readouterr().out)
    evolution = next(one for one in answer["methods"] if one["label"] == "regularized-evolution")
    assert code == {"pass": 0, "regressed": 1, "inconclusive": 3}[evolution["outcome"]]
    assert evolution["outcome"] != "inconclusive"
    assert 20 < evolution["seeds"] <= 600
    # Seeds that the run has are not run again, and further ones were run in numeric order.
    further = json.loads((runs["weak"] / "check" / "regularized-evolution" / "suite.resolved.json").read_text())[
        "seeds"
    ]
    assert further == list(range(20, 20 + len(further)))
    assert main(["check", str(runs["weak"]), *against, "--max-seeds", "600"]) == code  # and nothing is left to run
    assert json.loads(capsys.readouterr().out) == answer


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--until", "decided"], "--until decided and --max-seeds N go together"),
        (["--max-seeds", "50"], "--until decided and --max-seeds N go together"),
        (["--until", "decided", "--max-seeds", "50", "--no-rerun"], "leave out --no-rerun"),
        (["--until", "decided", "--max-seeds", "10"], "--max-seeds 10: the run has 20 seeds of regularized-evolution"),
    ],
)
def test_wrong_options_are_one_line(
    options: list[str], words: str, runs: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(runs["weak"]), "--against", str(runs["baseline.json"]), *options]) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


def test_python(runs: dict[str, Path]) -> None:
    from harness.regression import baseline

    result = check(runs["equal"], baseline.load(runs["baseline.json"]), until_decided=True, max_seeds=20)
    assert isinstance(result, CheckResult)
    assert result.outcome == "pass"
    with pytest.raises(HarnessError, match="go together"):
        check(runs["equal"], baseline.load(runs["baseline.json"]), max_seeds=20)
