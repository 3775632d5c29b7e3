"""The audit of a benchmark's table: silent on sound tables, and every fault called out when it is planted."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from harness.cli import main
from harness.cli.doctor import audit
from harness.spaces.nasbench201 import NASBench201Space
from harness.streams import generator
from harness.tabular.catalogue import load_table, save_benchmark
from harness.tabular.table import Table


def sound(n_epochs: int = 4) -> Table:
    """NAS-Bench-201's cells: equal computations have equal truths, each measurement noise, 1 in 50 does not learn."""
    space = NASBench201Space()
    every = np.arange(space.size)
    codes = space.codes(every)
    first = np.array([space.index(space.canonical(code)) for code in codes.tolist()])
    rng = generator("doctor")
    truth = (60 + 30 * rng.random(space.size))[first]
    broken = first % 50 == 0

    def measured(noise: float) -> NDArray[np.float64]:
        values = truth + noise * rng.standard_normal(space.size)
        return np.where(broken, 10.0, np.clip(values, 0, 100))

    columns = {"valid": measured(1), "test": measured(1), "test_other": measured(1), "params": rng.random(space.size)}
    courses = {name: columns[name][:, None] * np.linspace(0.5, 1, n_epochs) for name in ("valid", "test")}
    return Table("audit/sound", "sound", space, every.astype(np.int32), codes, columns, curves=courses)


SOUND = sound()


def changed(**columns: NDArray[np.float64]) -> Table:
    return dataclasses.replace(SOUND, columns={**SOUND.columns, **columns})


def found(table: Table, verdict: str) -> list[str]:
    return [finding.what for finding in audit(table) if finding.verdict == verdict]


def test_a_sound_table_has_nothing_bad() -> None:
    assert found(SOUND, "bad") == []
    assert len(found(SOUND, "good")) >= 7
    assert "broken architectures: 5.0 %" in " ".join(found(SOUND, "note"))


@pytest.mark.parametrize("name", ["nasbench-graph/proteins", "synthetic/ridge"])
def test_packaged_tables_have_nothing_bad(name: str) -> None:
    assert found(load_table(name), "bad") == []


def mixed_up(values: NDArray[np.float64]) -> NDArray[np.float64]:
    values = values.copy()
    values[100] /= 100
    return values


def shuffled(table: Table) -> Table:
    """Architectures' texts read in another order: numbers of one cell at another."""
    order = generator("doctor", "shuffle").permutation(len(table))
    return dataclasses.replace(table, columns={key: values[order] for key, values in table.columns.items()}, curves={})


VALID, TEST = SOUND.columns["valid"], SOUND.columns["test"]
HALF = np.arange(len(SOUND)) % 2 == 0
FAULTS: dict[str, tuple[Callable[[], Table], str]] = {
    "test under the name of validation": (lambda: changed(valid=TEST), "validation and test are identical in 100.0 %"),
    "validation read twice": (lambda: changed(test=VALID), "validation and test are identical in 100.0 %"),
    "test as validation in half of the rows": (
        lambda: changed(valid=np.where(HALF, TEST, VALID)),
        "validation and test are identical in",
    ),
    "test as validation, rounded": (
        lambda: changed(valid=np.round(TEST, 2)),
        "validation and test are one measurement up to scale and rounding",
    ),
    "test as validation, another unit": (
        lambda: changed(valid=TEST / 100),
        "validation and test are one measurement up to scale and rounding",
    ),
    "another test column as validation": (
        lambda: changed(valid=SOUND.columns["test_other"]),
        "columns valid and test_other are identical",
    ),
    "test in a column that a search may see": (
        lambda: changed(train_loss=-TEST),
        "columns train_loss and test are one measurement",
    ),
    "test of an earlier epoch as validation": (
        lambda: changed(valid=SOUND.curves["test"][:, 1]),
        "validation is what curve test has after epoch 2",
    ),
    "test at the end of a curve that a search may see": (
        lambda: dataclasses.replace(SOUND, curves={"loss": SOUND.curves["test"]}),
        "the end of curve loss and column test are identical",
    ),
    "doubled columns": (lambda: changed(latency=SOUND.columns["params"]), "columns latency and params hold the same"),
    "constant validation": (lambda: changed(valid=np.full(len(SOUND), 50.0)), "column valid is constant: 50.0"),
    "values missing": (lambda: changed(params=np.where(HALF, np.nan, VALID)), "column params: 7813 values are missing"),
    "fraction for percent": (lambda: changed(valid=VALID / 100), "column valid runs from 0.1 to .*a fraction"),
    "percent for fraction": (lambda: dataclasses.replace(SOUND, unit="fraction"), "column valid runs from .*not in fraction"),
    "percent and fraction mixed": (lambda: changed(test=mixed_up(TEST)), "column test mixes percent and fraction: 0.* row 101"),
    "numbers at the wrong architectures": (lambda: shuffled(SOUND), "equal computations: .*texts read rightly"),
    "validation that says nothing": (
        lambda: changed(valid=100 - TEST + generator("x").random(len(SOUND))),
        "validation ranks test with Kendall tau-b -",
    ),
    "most are broken": (lambda: changed(valid=np.where(np.arange(len(SOUND)) % 3, 10.0, VALID)), "broken architectures: 6"),
    "a curve without values": (
        lambda: dataclasses.replace(SOUND, curves={"valid": np.where(HALF[:, None], np.nan, SOUND.curves["valid"])}),
        "curve valid has no value at all",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_called_out(fault: str) -> None:
    plant, message = FAULTS[fault]
    with np.errstate(all="ignore"):
        bad = found(plant(), "bad")
    assert any(re.search(message, what) for what in bad), bad
    assert not any(re.search(message, what) for what in found(SOUND, "bad"))


def test_missing_rows_and_seeds_are_noted() -> None:
    keep = np.arange(0, len(SOUND), 2)
    rows = np.full(SOUND.space.size, -1, dtype=np.int32)
    rows[SOUND.index_of_row()[keep]] = np.arange(len(keep))
    columns = {key: values[keep] for key, values in SOUND.columns.items()}
    columns["valid_seeds"] = np.where(np.arange(len(keep)) < 10, 1.0, 3.0)
    columns["test_seeds"] = np.full(len(keep), 2.0)
    half = dataclasses.replace(
        SOUND, rows=rows, codes=SOUND.codes[keep], columns=columns, weights=np.ones(len(keep)), curves={}
    )
    notes = " | ".join(found(half, "note"))
    assert "7,813 of 15,625 encodings" in notes
    assert "seeds missing: valid is a mean over 1 to 3 training seeds; 10 of 7,813 rows have fewer than 3" in notes
    assert "seeds missing: test" not in notes
    assert found(half, "bad") == []


def test_chance_is_no_leak() -> None:
    """Two measurements of architectures that do not learn are equal by right."""
    lost = np.isin(VALID, VALID[TEST == 10.0]) | (VALID < 72)  # by truth, nearly, so that equal computations agree
    table = changed(valid=np.where(lost, 10.0, VALID), test=np.where(lost, 10.0, TEST))
    assert found(dataclasses.replace(table, curves={}), "bad") == []


def test_the_command_gives_lines_or_json_and_an_exit_code(own_cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    save_benchmark(dataclasses.replace(SOUND, name="audit/sound"))
    save_benchmark(dataclasses.replace(changed(valid=TEST), name="audit/leak"))
    assert main(["doctor", "--benchmark", "audit/sound"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert {line.split()[0] for line in lines} == {"good", "note"}
    assert main(["doctor", "--benchmark", "audit/leak", "--json"]) == 1
    findings = json.loads(capsys.readouterr().out)
    assert any(finding["verdict"] == "bad" and "search would see the test" in finding["what"] for finding in findings)
