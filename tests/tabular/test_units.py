"""Units: a sign decides its cell's, a stated one is obeyed, and only accuracies and errors are guessed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from harness.cli.doctor import audit
from harness.errors import HarnessError
from harness.tabular.frame import table_from_frame
from harness.tabular.table import Table
from harness.tabular.units import is_error, is_loss, is_share


def convert(valid: list[Any], test: list[Any], **options: Any) -> Table:
    frame = pd.DataFrame({"x": range(len(valid)), "valid": valid, "test": test})
    return table_from_frame(frame, "mine/units", arch=["x"], **options)


@pytest.mark.parametrize(
    ("valid", "test", "options", "unit", "expected"),
    [
        (["93.5%", "92%"], ["91%", "90.5 %"], {}, "percent", [[93.5, 92], [91, 90.5]]),
        (["0.52%", "0.31%"], ["0.5%", "0.3%"], {}, "percent", [[0.52, 0.31], [0.5, 0.3]]),
        # One column with signs, one without, and both in one column.
        (["0.52%", "0.31%"], [0.0050, 0.0031], {}, "percent", [[0.52, 0.31], [0.5, 0.31]]),
        (["0.52%", "0.0031"], ["0.50%", "0.0030"], {}, "percent", [[0.52, 0.31], [0.5, 0.3]]),
        (["93.5%", "92"], [0.91, 0.905], {}, "percent", [[93.5, 92], [91, 90.5]]),
        (["0.52%", "0.31"], [0.5, 0.3], {"unit": "percent"}, "percent", [[0.52, 0.31], [0.5, 0.3]]),
        (["52%", "0.31"], [0.5, 0.3], {"unit": "fraction"}, "fraction", [[0.52, 0.31], [0.5, 0.3]]),
        (["52%", "31%"], ["50%", "30%"], {"unit": "none"}, "none", [[52, 31], [50, 30]]),
        (["52%", "31%"], ["50%", "30%"], {"metric": "F1"}, "percent", [[52, 31], [50, 30]]),
        # What is stated is obeyed.
        ([70.0, 0.1], [71.0, 0.1], {"unit": "percent"}, "percent", [[70, 0.1], [71, 0.1]]),
        ([0.35, 0.51], [0.42, 0.95], {"unit": "percent"}, "percent", [[0.35, 0.51], [0.42, 0.95]]),
        ([0.35, 0.51], [0.82, 1.2], {"unit": "percent"}, "percent", [[0.35, 0.51], [0.82, 1.2]]),
        # Told from the values only where the metric is an accuracy or an error.
        ([0.35, 0.51], [0.42, 0.95], {}, "fraction", [[0.35, 0.51], [0.42, 0.95]]),
        ([0.73, 0.99], [0.92, 1.08], {"metric": "loss", "direction": "min"}, "loss", [[0.73, 0.99], [0.92, 1.08]]),
        ([0.73, 200], [0.92, -1], {"metric": "reward"}, "none", [[0.73, 200], [0.92, -1]]),
        ([70, 72], [71, 73], {"metric": "BLEU"}, "none", [[70, 72], [71, 73]]),
    ],
)  # fmt: skip
def test_units(
    valid: list[Any], test: list[Any], options: dict[str, Any], unit: str, expected: list[list[float]]
) -> None:
    table = convert(valid, test, **options)
    assert table.unit == unit
    np.testing.assert_allclose([table.valid, table.test], expected, rtol=1e-15)
    assert [finding for finding in audit(table) if finding.verdict == "bad" and "percent" in finding.what] == []


@pytest.mark.parametrize(
    ("valid", "test", "options", "words"),
    [
        (["0.52%", "0.31"], ["0.5%", "0.3%"], {}, "0.31 in row 2 without a percent sign, beside 0.52% with one"),
        (["0.52%", "0.51%"], [0.5, 0.3], {}, "column 'test' has 0.5 in row 1 without a percent sign"),
        (["52%", "0.31"], ["50%", "30%"], {"unit": "none"}, "without a percent sign"),
        (["520%", "1%"], ["50%", "30%"], {}, "stated as percent, but the values look like neither .* 520.0 in row 1"),
        ([0.5, 1.5], [0.5, 0.6], {"unit": "fraction"}, "stated as fraction, but the values look like percent"),
        ([50, 101], [50, 60], {"unit": "percent"}, "stated as percent, .* 101.0 in row 2"),
        ([-1, 10], [50, 60], {"unit": "percent"}, "stated as percent, .* -1.0 in row 1"),
        ([1, 2], [1, 2], {"metric": "cross-entropy loss"}, "a loss is better when it is smaller"),
        ([1, 2], [1, 2], {"metric": "top-1 error"}, "an error is better when it is smaller: give direction min"),
    ],
)
def test_what_cannot_be_told_is_refused(valid: list[Any], test: list[Any], options: dict[str, Any], words: str) -> None:
    with pytest.raises(HarnessError, match=words) as refusal:
        convert(valid, test, **options)
    assert "\n" not in str(refusal.value)


def test_which_metrics_are_shares() -> None:
    for name in ("accuracy", "Accuracy", "top-1 accuracy", "test_acc", "error", "Error rate", "top-5 error", "val err"):
        assert is_share(name), name
    for name in (
        "loss",
        "log-loss",
        "accuracy loss",
        "squared error",
        "RMSE",
        "calibration error",
        "perplexity",
        "AUC",
    ):
        assert not is_share(name), name
    assert is_loss("CrossEntropyLoss")
    assert not is_loss("lossless")
    assert not is_error("reconstruction error")  # a word that is not known: nothing is guessed


def test_the_command_says_what_it_took_a_loss_and_a_fraction_for(
    tmp_path: Path, own_cache: Path, cli: Callable[..., Any]
) -> None:
    path = tmp_path / "t.csv"
    path.write_text("arch,valid,test\n00000000,0.35,0.42\n00000001,0.51,0.95\n")
    line = ("--space", "nas-bench-macro", "--arch", "arch", "--valid", "valid", "--test", "test", "--direction", "min")
    done = cli("import", path, "--name", "mine/loss", *line, "--metric", "loss")
    assert (done.code, done.out) == (0, "mine/loss: 2 architectures, loss; valid drives a search, test is reported\n")
    done = cli("import", path, "--name", "mine/told", *line, "--metric", "error")
    assert "error in fraction (told from the values: 0.95 is 95 %; state --unit percent if it is 0.95 %)" in done.out
    done = cli("import", path, "--name", "mine/stated", *line, "--metric", "error", "--unit", "percent")
    assert "error in percent; valid drives" in done.out
    done = cli("doctor", "--benchmark", "mine/stated")
    assert "note  column valid runs from 0.35 to 0.51" in done.out
