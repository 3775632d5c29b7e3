"""Each fault that published tables have, planted into a clean one: it is found, its place is said, nothing is dropped."""

from __future__ import annotations

import numpy as np
import pytest

from harness.results.faults import FAR, all_faults
from harness.results.read import read_results


def kinds(faults):
    return [fault.kind for fault in faults]


def only(faults, kind):
    (fault,) = faults
    assert fault.kind == kind
    return fault.what


def test_a_clean_table_has_none(found, tables):
    assert found(tables) == []


def test_spaces_in_names(found, tables):
    tables["cs"] = tables["cs"].rename(columns={"NAO": "NAO ", "ENAS random": " ENAS random"})
    what = only(found(tables), "spaces")
    assert "method 'ENAS random', 'NAO'" in what


def test_names_that_differ_in_case(found, read, tables):
    tables["cs"] = tables["cs"].rename(columns={"StacNAS": "STACNAS", "DARTS random": "darts  random"})
    faults = found(tables)
    assert kinds(faults) == ["case", "case"]
    assert "'DARTS random' is also written 'darts  random'" in faults[0].what
    assert "'StacNAS' is also written 'STACNAS'" in faults[1].what
    assert len(read(tables).of("cs", "StacNAS")) == 8


def test_blanks(found, read, tables):
    tables["cs"].loc[[1, 4], "NAO"] = np.nan
    faults = found(tables)
    assert kinds(faults) == ["blank", "unequal runs"]
    assert "cs: NAO in lines 3 and 6 of cs.csv" in faults[0].what
    assert "cs: 6 of NAO against 8 of NAO random" in faults[1].what
    assert len(read(tables).of("cs", "NAO")) == 6


def test_two_columns_of_the_same_numbers(found, tables):
    tables["cs"]["NAO"] = tables["cs"]["ENAS"].to_numpy()[::-1]
    assert only(found(tables), "same numbers").startswith("ENAS on cs and NAO on cs have the same 8 scores")


def test_a_column_copied_from_another_data_set(found, tables):
    tables["photo"]["NAO"] = tables["cs"]["NAO"]
    assert any(fault.kind == "same numbers" and "NAO on cs and NAO on photo" in fault.what for fault in found(tables))


def test_one_failed_run_that_carries_a_mean(found, read, tables):
    """A difference that is plain is gone with one failed run; it is kept all the same."""
    tables["cs"]["NSGANET"] = tables["cs"]["NSGANET random"] + 1.0
    assert found(tables) == []
    tables["cs"].loc[3, "NSGANET"] = 10.0
    what = only(found(tables), "outlier")
    assert what.startswith("cs: 10 of NSGANET (line 5 of cs.csv) is far from its other 7 runs")
    assert "RI of NSGANET over NSGANET random: −" in what
    assert "undecided with, better without." in what
    assert 10.0 in read(tables).of("cs", "NSGANET")["score"].to_numpy()


def test_a_failed_run_of_a_baseline(found, tables):
    tables["cs"].loc[0, "NAO random"] = 12.5
    what = only(found(tables), "outlier")
    assert what.startswith("cs: 12.5 of NAO random (line 2 of cs.csv)")
    assert "undecided with and without." in what


def test_two_failed_runs_do_not_hide_each_other(found, tables):
    tables["cs"].loc[[0, 5], "NAO"] = [10.0, 11.0]
    assert "10 and 11 of NAO (lines 2 and 7 of cs.csv) are far from its other 6 runs" in only(found(tables), "outlier")


def test_far_runs_that_change_nothing_are_no_fault(csv):
    """Among a hundred runs one far one moves the mean by little."""
    rng = np.random.default_rng(0)
    a, r = rng.normal(90, 1, (2, 100)).round(6)
    a[7] = np.median(a) - 1.5 * FAR
    path = csv("A,R", *(f"{x},{y}" for x, y in zip(a, r, strict=True)))
    assert all_faults(read_results([path], baseline="R")) == []


def test_percent_and_fractions(found, tables):
    tables["cs"] /= 100
    what = only(found(tables), "unit")
    assert "percent on arxiv, citeseer, photo and physics; fraction on cs" in what


def test_percent_and_fractions_by_method(found, tables):
    tables["cs"][["NAO", "NAO random"]] /= 100
    assert "percent on arxiv, cs, citeseer, photo and physics; fraction on cs" in only(found(tables), "unit")


def test_stated_percent_that_looks_like_a_fraction(found, tables):
    tables["cs"].loc[3, "NAO"] /= 100
    faults = found(tables, unit="percent")
    assert kinds(faults) == ["unit", "outlier"]
    assert "(line 5 of cs.csv), taken for percent as stated" in faults[0].what


def test_a_value_repeated(found, tables):
    tables["cs"].loc[[0, 2, 4, 6], "NAO"] = 89.9
    assert "cs: 4 of 8 runs of NAO have the same score 89.9 (lines 2, 4, 6 and 8 of cs.csv)" in only(
        found(tables), "repeated value"
    )


def test_a_value_repeated_as_often_as_rounding_does(found, tables):
    tables["cs"].loc[[0, 2], "NAO"] = tables["cs"].loc[0, "NAO"]
    assert found(tables) == []


def test_two_equal_values_of_many_digits(csv):
    rng = np.random.default_rng(1)
    a, r = rng.normal(90, 1, (2, 8))
    a[5] = a[2]
    path = csv("A,R", *(f"{x!r},{y!r}" for x, y in zip(a.tolist(), r.tolist(), strict=True)))
    assert kinds(all_faults(read_results([path], baseline="R"))) == ["repeated value"]


def test_a_mean_in_place_of_all_runs(found, tables):
    tables["cs"]["NAO"] = 89.84
    assert "8 of 8 runs of NAO" in only(found(tables), "repeated value")


def test_a_method_without_baseline(found, tables):
    mapping = {method: f"{method} random" for method in ("DARTS", "PC-DARTS")}
    few = {name: table[[*mapping, *mapping.values(), "NAO"]] for name, table in tables.items()}
    faults = found(few, mapping=mapping)
    assert "NAO has no baseline and is nobody's" in only(faults, "no baseline")


def test_a_baseline_missing_on_one_data_set(found, tables):
    tables["cs"] = tables["cs"].drop(columns=["NAO random", "ENAS"])
    faults = found(tables)
    assert [(fault.kind, fault.what) for fault in faults] == [
        ("no runs", "ENAS has no RI on cs: no run of it there."),
        ("no baseline", "NAO has no RI on cs: no run of its baseline NAO random there."),
    ]


def test_too_few_runs(found, tables):
    tables["cs"] = tables["cs"].iloc[:2]
    what = only(found(tables), "few runs")
    assert "DARTS on cs (2)" in what
    assert "and 8 more" in what


def seeds(method, scores, first=0):
    return [f"{method},{seed},{score:.4f}" for seed, score in enumerate(scores, start=first)]


A, R = 91 + np.arange(5) ** 2 / 7, 90 + np.arange(5) / 7


def test_duplicated_rows(csv):
    lines = ["method,seed,score", *seeds("A", A), *seeds("R", R)]
    results = read_results([csv(*lines, lines[3], lines[4])], baseline="R")
    what = only(all_faults(results), "duplicate")
    assert "results: A with seed 2 (lines 4 and 12 of results.csv); results: A with seed 3 (lines 5 and 13" in what
    assert len(results.of("results", "A")) == 5


def test_runs_that_no_seed_pairs(csv):
    lines = ["method,seed,score", *seeds("A", A), *seeds("R", R, first=2)]
    results = read_results([csv(*lines)], baseline="R", paired=True)
    assert "A and R share 3 seeds; 4 runs of one of them alone are left out" in only(all_faults(results), "unpaired")


def test_real_accuracies_raise_no_alarm(shared, csv):
    """214 real accuracies of one space with two digits, in columns of eight: nothing about them is odd."""
    with np.load(shared("darts_space/random_architectures_cifar10.npz")) as arrays:
        final = np.round(arrays["test_accuracy"][:, -1].astype(float), 2)
    alarms = 0
    for seed in range(10):
        runs = np.random.default_rng(seed).permutation(final)[:208].reshape(8, 26)
        names = [f"m{i}" for i in range(26)]
        path = csv(",".join(names), *(",".join(f"{x:.2f}" for x in row) for row in runs))
        alarms += len(all_faults(read_results([path], baseline="m0")))
    assert alarms <= 0.01 * 10 * 26


@pytest.mark.parametrize("value", [0.0, 50.0])
def test_a_zero_is_a_failure_not_a_unit(found, tables, value):
    tables["cs"].loc[0, "NAO"] = value
    assert "outlier" in kinds(found(tables))
