"""A live run is repeated, on its own processor and as if on one of another kind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.errors import HarnessError
from harness.running.folder import frames_of
from harness.running.manifest import read_manifest
from harness.running.merging import merge
from harness.running.repeat import repeat
from harness.running.runner import run

SUITE: dict[str, Any] = {
    "name": "live",
    "seeds": "0:5",
    "benchmarks": ["live/nasbench201-digits"],
    "budgets": {"epochs": 1},
    "evaluation": {"channels": 2, "cells": 1, "reductions": 0, "epochs": 1, "batch_size": 320, "learning_rate": 0.2},
    "methods": [{"name": "random-architecture"}],
}


@pytest.mark.slow
def test_on_another_kind_of_processor(tmp_path: Path) -> None:
    for number in (1, 2):
        run(SUITE, tmp_path / str(number), backend="sequential", shard=f"{number}/2")
    out = tmp_path / "out"
    merge([tmp_path / "2", tmp_path / "1"], out)
    (stated,) = read_manifest(out).margins
    assert stated["method"] == "random-architecture"
    assert repeat(out, tmp_path / "same").is_same

    frames = frames_of(out)
    frames.records["test"] += [0.01, 0.0, -0.01, 0.02, 0.0]
    frames.write(out)
    found = repeat(out, tmp_path / "differs")
    assert (found.is_same, found.n_differing, found.shifts) == (False, 3, ())

    content = json.loads((out / "environment.json").read_text())
    (out / "environment.json").write_text(json.dumps(content | {"features": ["abacus"]}))
    found = repeat(out, tmp_path / "elsewhere")
    assert (found.is_same, found.n_differing) == (True, 3)
    (shift,) = found.shifts
    assert shift.difference == pytest.approx(-0.004)
    assert shift.margin == stated["margin"]
    assert "abacus" in found.notes[0]
    with pytest.raises(HarnessError, match=r"cannot repeat .* has 4 pairs of seeds; equivalence wants at least 5"):
        repeat(out, tmp_path / "few", seeds="0:4")
