"""A search that would see the test is called out by one function: at import, in the audit, at the head of a report."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import harness
from harness.reporting.build import make_document
from harness.reporting.run import load_run
from harness.tabular.audit import leaks
from harness.tabular.catalogue import save_benchmark
from harness.tabular.frame import table_from_frame
from harness.tabular.importing import import_file
from harness.tabular.table import Table

N = 200


@pytest.fixture
def frame() -> pd.DataFrame:
    """Accuracies of two lengths of training: each a truth and noise of its own."""
    rng = np.random.default_rng(5)
    truth = 50 + 40 * rng.random(N)
    names = ("valid_acc@12", "test_acc@12", "test_acc@200", "valid_acc@200", "latest", "val1", "cifar10-valid.testAcc")
    return pd.DataFrame({"x": range(N)} | {name: truth + rng.standard_normal(N) for name in names})


def convert(frame: pd.DataFrame, valid: str, test: str, **options: Any) -> Table:
    return table_from_frame(frame, "mine/leaky", arch=["x"], valid=valid, test=test, **options)


@pytest.mark.parametrize(
    ("valid", "test", "words"),
    [
        ("valid_acc@12", "test_acc@200", ""),
        ("latest", "test_acc@200", ""),
        ("val1", "test_acc@200", ""),
        ("valid_acc@12", "latest", ""),
        ("latest", "valid_acc@200", ""),  # the one set that there is, and a name that says nothing
        ("test_acc@200", "valid_acc@12", "'test_acc@200' and test is column 'valid_acc@12', as if exchanged"),
        ("test_acc@12", "test_acc@200", "column 'test_acc@12', a test score by its name"),
        ("cifar10-valid.testAcc", "test_acc@200", "a test score by its name"),
        ("test_acc@12", "latest", "a test score by its name"),
        ("valid_acc@12", "valid_acc@200", "test is column 'valid_acc@200', a validation score by its name"),
    ],
)
def test_names(valid: str, test: str, words: str, frame: pd.DataFrame) -> None:
    table = convert(frame, valid, test)
    assert len(leaks(table)) == bool(words)
    assert words in "".join(leaks(table))
    assert list(table.caveats) == [f"{leak}." for leak in leaks(table)]


@pytest.mark.parametrize("how", [lambda t: t, lambda t: t / 100, lambda t: np.exp(t / 10), lambda t: 1 / t])
def test_weights_that_are_the_test(how: Callable[[Any], Any], frame: pd.DataFrame) -> None:
    table = convert(frame.assign(w=how(frame["test_acc@200"])), "valid_acc@12", "test_acc@200", weights="w")
    assert len(leaks(table)) == 1
    assert leaks(table)[0].startswith("the weights of random architectures and column test are")


def test_columns_that_are_the_test_on_another_scale(frame: pd.DataFrame) -> None:
    table = convert(
        frame.assign(hint=np.log(frame["test_acc@200"])), "valid_acc@12", "test_acc@200", extra={"hint": "hint"}
    )
    assert "columns hint and test are one measurement on two scales (rank correlation 1.0" in leaks(table)[0]


def test_a_copy_of_a_test_column_that_is_not_carried(frame: pd.DataFrame) -> None:
    table = convert(frame.assign(score=frame["test_acc@12"]), "score", "test_acc@200")
    (leak,) = leaks(table)
    assert leak.startswith("columns valid and 'test_acc@12' of the file are identical in 100.0 %")
    assert table.source["leaks"] == [leak]


def test_validation_that_is_the_test_after_an_earlier_epoch(frame: pd.DataFrame) -> None:
    table = convert(frame, "latest", "test_acc@200")
    curve = np.stack([frame["test_acc@12"], frame["latest"], frame["test_acc@200"]], axis=1)
    assert leaks(dataclasses.replace(table, curves={"test": curve})) == [
        "validation is what curve test has after epoch 2: a search would see the test"
    ]


def test_real_columns_exchanged(shared: Callable[[str], Path]) -> None:
    path = str(shared("nasbench201/accuracy.csv.gz"))
    columns = {"arch": "architecture", "replace": True}
    for valid, test, n_leaks in (
        ("cifar10.valid_accuracy@12", "cifar10.test_accuracy@200", 0),
        ("cifar10.test_accuracy@200", "cifar10.valid_accuracy@12", 1),
        ("cifar10.test_accuracy@12", "cifar10.test_accuracy@200", 1),
    ):
        found = import_file(path, "mine/exchanged", "nasbench201", valid=valid, test=test, **columns)
        assert len(leaks(found)) == n_leaks, (valid, test)


def test_import_audit_and_report_say_the_same(
    frame: pd.DataFrame, tmp_path: Path, own_cache: Path, cli: Callable[..., Any]
) -> None:
    from harness.spaces.digits import macro_space

    space = macro_space()
    frame["arch"] = [space.format(space.arch(7 * row)) for row in range(N)]
    frame.to_csv(tmp_path / "t.csv", index=False)
    line = ("--space", "nas-bench-macro", "--arch", "arch", "--valid", "test_acc@200", "--test", "valid_acc@12")
    done = cli("import", tmp_path / "t.csv", "--name", "mine/exchanged", *line)
    said = "validation is column 'test_acc@200' and test is column 'valid_acc@12', as if exchanged"
    assert done.code == 0
    assert f"warning: mine/exchanged: {said}" in done.err
    done = cli("doctor", "--benchmark", "mine/exchanged")
    assert done.code == 1
    assert f"bad   {said}" in done.out
    suite = {
        "benchmarks": ["mine/exchanged"],
        "seeds": "0:3",
        "budgets": {"evaluations": 5},
        "methods": [{"name": "random"}],
    }
    harness.run(suite, tmp_path / "run", backend="sequential")
    document = make_document(load_run(tmp_path / "run"))
    assert [said in warning for warning in document.warnings] == [True]
    caveats = [section for section in document.sections if section.anchor == "caveats"]
    texts = [text for section in caveats for text in section.blocks[0].paragraphs]  # type: ignore[union-attr]
    assert not any(said in text for text in texts)  # once is enough


def test_a_table_of_ones_own_is_looked_at_too(frame: pd.DataFrame, tmp_path: Path, own_cache: Path) -> None:
    """Tables that no import has looked at have no caveat, but a report on them has its warning."""
    table = convert(frame, "valid_acc@12", "test_acc@200")
    leaky = dataclasses.replace(table, columns={**table.columns, "valid": table.test})
    assert leaky.caveats == ()
    save_benchmark(leaky)
    suite = {
        "benchmarks": ["mine/leaky"],
        "seeds": "0:3",
        "budgets": {"evaluations": 5},
        "methods": [{"name": "random"}],
    }
    harness.run(suite, tmp_path / "run", backend="sequential")
    warnings = make_document(load_run(tmp_path / "run")).warnings
    assert "validation and test are identical in 100.0 % of the rows" in "".join(warnings)
