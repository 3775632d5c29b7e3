"""How finely scores are written, and how many equal ones chance brings."""

from __future__ import annotations

import itertools

import numpy as np
import pandas as pd
import pytest

from harness.results.faults import _coincidences, all_faults
from harness.results.model import MOVES, TURNS
from harness.results.read import read_results
from harness.results.resolution import last_digit, steps


def column(scores, unit="percent"):
    return pd.DataFrame({"score": np.asarray(scores, dtype=float), "unit": unit})


def shares(rng, images, n=8, centre=0.93, sd=0.01):
    return np.rint(images * rng.normal(centre, sd, n)) / images


def test_one_image_is_the_step_however_each_column_is_rounded(rng):
    """Two, four and six digits, one of four bytes, and fractions: 100 / 318 percent in each."""
    written = [
        column(np.round(100 * shares(rng, 318), 2)),
        column(np.round(100 * shares(rng, 318), 4)),
        column(np.round((100 * shares(rng, 318)).astype(np.float32).astype(float), 6)),
        column(np.round(shares(rng, 318), 6), "fraction"),
    ]
    found = steps(written * 3)
    assert found[:4] == pytest.approx([100 / 318] * 3 + [1 / 318])


def test_a_slip_of_the_pen_hides_no_step(rng):
    columns = [column(np.round(100 * shares(rng, 1000), 4)) for _ in range(6)]
    columns[0].loc[0, "score"] += 0.0413
    assert steps(columns) == pytest.approx([0.1] * 6)


def test_what_is_no_share_has_its_last_digit(rng):
    assert steps([column(rng.normal(2, 1, 8).round(3), "none"), column([1.0, 2.5, 3.0], "none")]) == [0.001, 0.1]
    assert last_digit(np.array([97.0, 96.5])) == pytest.approx(0.1)
    assert last_digit(np.array([12.0, 300.0])) == pytest.approx(1.0)
    assert last_digit(rng.normal(90, 1, 8)) == pytest.approx(90 * 2.0**-23, rel=0.1)


def test_expected_coincidences_are_those_of_simulated_runs(rng):
    """Of 28 pairs of 8 runs 28 step / (2 sqrt(pi) sd) are equal; and of triples as many as are drawn."""
    step, sd = 0.31, 1.7
    assert _coincidences(8, 2, step, sd) == pytest.approx(28 * step / (2 * np.sqrt(np.pi) * sd))
    runs = np.rint(rng.normal(90, sd, (40_000, 8)) / step)
    for k in (2, 3):
        equal = [
            np.all(runs[:, picked] == runs[:, picked[:1]], axis=1)
            for picked in map(list, itertools.combinations(range(8), k))
        ]
        assert _coincidences(8, k, step, sd) == pytest.approx(np.sum(equal) / len(runs), rel=0.05)


def test_columns_of_different_digits_raise_no_alarm(rng, csv):
    """Accuracies of 318 images, some columns with four digits and some with six: equal ones are no surprise."""
    alarms = 0
    for _ in range(10):
        columns = [np.round(100 * shares(rng, 318), digits) for digits in (2, 4, 6, 6) * 4]
        names = [f"m{i}" for i in range(16)]
        path = csv(",".join(names), *(",".join(map(repr, row)) for row in np.transpose(columns).tolist()))
        alarms += len(all_faults(read_results([path], baseline="m0")))
    assert alarms <= 1


def test_what_turns_a_verdict_is_said_first(csv):
    lines = ["dataset,method,score", *(f"one,{m} ,{s}" for m, s in (("A", 91), ("B", 91), ("R", 90)))]
    rng = np.random.default_rng(5)
    for dataset, scale in (("turned", 0.05), ("moved", 2.0)):
        for method, mean in (("A", 91), ("B", 90), ("R", 90)):
            scores = np.round(rng.normal(mean, scale, 8), 4)
            scores[0] = 60.0 if method == "A" else scores[0]
            lines += [f"{dataset},{method},{score}" for score in scores]
    faults = all_faults(read_results([csv(*lines)], baseline="R"))
    assert [fault.effect for fault in faults] == sorted(fault.effect for fault in faults)
    assert (faults[0].kind, faults[0].effect) == ("outlier", TURNS)
    assert faults[0].what.startswith("turned: 60 of A")
    assert {fault.effect for fault in faults if fault.kind == "outlier"} <= {TURNS, MOVES}
    assert [fault.kind for fault in faults][-1] == "spaces"


@pytest.fixture
def rng():
    return np.random.default_rng(20240501)
