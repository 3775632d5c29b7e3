"""Where two runs of the same cells differ."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from harness.running.difference import difference
from harness.running.folder import RunFolder
from harness.running.frames import Frames
from harness.running.records import Entry
from harness.running.runner import run


@pytest.fixture(scope="module")
def entries(tmp_path_factory: pytest.TempPathFactory) -> list[Entry]:
    """Four cells with traces and evaluations, and epochs as live ones have them."""
    folder = tmp_path_factory.mktemp("run")
    suite = {"seeds": "0:4", "benchmarks": ["synthetic/ridge"], "budgets": {"evaluations": 9}, "metrics": ["cost"]}
    run(suite | {"methods": [{"name": "local-search"}]}, folder, backend="sequential")
    epochs = [{"phase": "search", "epoch": 1.0, "train_loss": 0.5, "seconds": 1.0, "alphas_cell": [[0.1, 0.2], [0.3]]}]
    return [replace(entry, epochs=[dict(row) for row in epochs]) for entry in RunFolder(folder).entries().values()]


def with_record(**values: Any) -> Callable[[Entry], Entry]:
    return lambda entry: replace(entry, record=entry.record | values)


def with_epoch(**values: Any) -> Callable[[Entry], Entry]:
    return lambda entry: replace(entry, epochs=[entry.epochs[0] | values])


CHANGES: dict[str, tuple[Callable[[Entry], Entry], str]] = {
    "a score": (with_record(test=1.5), r"test \S+ there, 1\.5 here \(-\d"),
    "a score that is missing": (with_record(valid=float("nan")), r"valid \S+ there, nan here$"),
    "a status": (with_record(status="failed"), "^status ok there, failed here$"),
    "a step": (
        lambda e: replace(e, trace=[e.trace[0], [*e.trace[1][:2], 7.0, *e.trace[1][3:]]]),
        r"^trace, row 2: valid ",
    ),
    "steps": (lambda e: replace(e, trace=e.trace[:1]), "^trace 2 rows there, 1 here$"),
    "an epoch": (with_epoch(train_loss=0.25), r"^epochs, row 1: train_loss 0\.5 there, 0\.25 here \(-0\.25\)$"),
    "alphas": (with_epoch(alphas_cell=[[0.1, 0.2], [0.4]]), "^epochs, row 1: alphas_cell$"),
    "evaluations": (lambda e: replace(e, rows=e.rows[::-1]), "^evaluations 1: rows$"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_what_differs_is_named(what: str, entries: list[Entry]) -> None:
    entries = [replace(entry, trace=entry.trace[:2]) for entry in entries]
    change, said = CHANGES[what]
    other = [entries[0], entries[1], change(entries[2]), change(entries[3])]
    found = difference(Frames.of(entries), Frames.of(other))
    assert found is not None
    assert found.places == (2, 3)
    assert any(re.search(said, text) for text in found.first), found.first


def test_times_and_what_made_them_are_no_difference(entries: list[Entry]) -> None:
    making = with_record(wall_s=9.0, started_at="x", environment="y", code_digest="z", method_version="2", cell="key")
    other = [making(with_epoch(seconds=9.0)(entry)) for entry in entries[:1]]
    assert difference(Frames.of(entries[:1]), Frames.of(other)) is None
    assert difference(Frames.of([]), Frames.of([])) is None
