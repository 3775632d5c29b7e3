"""The verdicts that are kept come out again."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

import harness
from benchmarks.reproduce import KEPT, RECORDS, REFERENCE
from harness.suites.reading import suite_names

SUITES = [name.partition("/")[2] for name in suite_names() if name.startswith("reproduce/")]


def test_every_suite_of_claims_has_its_page() -> None:
    assert {path.parent.name for path in KEPT.glob("*/report.md")} == set(SUITES)


@pytest.mark.slow
@pytest.mark.parametrize("name", SUITES)
def test_the_kept_verdicts(name: str, tmp_path: Path) -> None:
    if name == "local-search":
        pytest.importorskip("sklearn")
    records = [REFERENCE / RECORDS[name]] if name in RECORDS else []
    found = harness.reproduce(f"reproduce/{name}", tmp_path, records=records)
    kept = json.loads((KEPT / name / "claims.json").read_text(encoding="utf-8"))
    assert found.counts == kept["counts"]
    written = pd.read_csv(KEPT / name / "tables" / "claims.csv")
    again = pd.read_csv(tmp_path / "claims" / "tables" / "claims.csv")
    # Another SciPy may change the last digits.
    pd.testing.assert_frame_equal(again, written, rtol=1e-6)
