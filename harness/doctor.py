"""Checks of an installation and of a benchmark's table, one verdict a line."""

from __future__ import annotations

import dataclasses
import shutil
import sys
import tempfile
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from harness import provenance
from harness.errors import HarnessError
from harness.tabular import catalogue, store
from harness.tabular.table import TEST, VALID, Table

Verdict = Literal["good", "note", "bad"]
NEARLY = 0.999  # a rank agreement of validation and test above this is suspicious


@dataclass(frozen=True)
class Finding:
    """One thing that was checked.

    Attributes
    ----------
    verdict
        ``good``, ``note`` (worth knowing) or ``bad``.
    what
        What was found.
    """

    verdict: Verdict
    what: str

    def __str__(self) -> str:
        return f"{self.verdict:<4}  {self.what}"

    def as_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return dataclasses.asdict(self)


def check_installation() -> list[Finding]:
    """Python, packages, the table store and every table in it."""
    environment = provenance.environment()
    findings = [
        Finding(
            "good" if sys.version_info >= (3, 11) else "bad",
            f"Python {environment['python']} (3.11 or newer is wanted)",
        ),
        Finding(
            "good",
            f"nas-harness {environment['nas_harness']}, {environment['cores']} cores, {environment['memory_mb']} MB",
        ),
    ]
    for package, version in environment["packages"].items():
        optional = package in ("torch", "distributed")
        verdict: Verdict = "good" if version else "note" if optional else "bad"
        findings.append(
            Finding(verdict, f"{package} {version or 'is not installed' + (' (optional)' if optional else '')}")
        )
    root = store.store_root()
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=root):
            pass
        free = shutil.disk_usage(root).free // 2**20
        findings.append(
            Finding("good" if free > 100 else "bad", f"table store {root}: can be written, {free:,} MB free")
        )
    except OSError as error:
        findings.append(
            Finding("bad", f"table store {root}: {error.strerror}; set NAS_HARNESS_CACHE to another folder")
        )
    for name in store.stored_names():
        try:
            table = catalogue.load_benchmark(name)
            findings.append(Finding("good", f"table {name}: {len(table):,} rows, checksum {table.sha256[:12]} holds"))
        except HarnessError as error:
            findings.append(Finding("bad", str(error)))
    return findings


def check_benchmark_table(name: str) -> list[Finding]:
    """Audit a table: leaks, constant or doubled columns, coverage, units, and how well validation ranks test."""
    table = catalogue.load_benchmark(name)
    return [*_identity(table), *_columns(table), *_leaks(table), *_ranking(table)]


def _identity(table: Table) -> list[Finding]:
    encodings = int((table.rows >= 0).sum())
    found = [
        Finding("good", f"{table.name}: {len(table):,} rows, SHA-256 {table.sha256[:12]}"),
        Finding(
            "good" if encodings == table.space.size else "note",
            f"{encodings:,} of {table.space.size:,} encodings of space {table.space.name} have a row",
        ),
        Finding("good", "random architectures: " + ("every row once" if table.has_equal_weights else "rows by weight")),
    ]
    found += [Finding("note", caveat) for caveat in table.caveats]
    return found


def _columns(table: Table) -> list[Finding]:
    found = []
    names = sorted(table.columns)
    for name in names:
        values = table.columns[name]
        if not np.isfinite(values).all():
            found.append(Finding("bad", f"column {name}: {int((~np.isfinite(values)).sum())} values are missing"))
        elif np.ptp(values) == 0:
            found.append(Finding("bad" if name in (VALID, TEST) else "note", f"column {name} is constant: {values[0]}"))
    for i, name in enumerate(names):
        for other in names[i + 1 :]:
            if {name, other} != {VALID, TEST} and np.array_equal(table.columns[name], table.columns[other]):
                found.append(Finding("bad", f"columns {name} and {other} hold the same numbers"))
    for name in (VALID, TEST):
        values = table.columns[name]
        top = {"percent": 100.0, "fraction": 1.0}.get(table.unit, np.inf)
        if (
            values.max() > top
            or (np.isfinite(top) and values.min() < 0)
            or (table.unit == "percent" and values.max() <= 1)
        ):
            found.append(
                Finding("bad", f"column {name} runs from {values.min()} to {values.max()}: not in {table.unit}")
            )
    return found or [
        Finding("good", f"columns {', '.join(names)}: finite, none constant or doubled, scores in {table.unit}")
    ]


def _leaks(table: Table) -> list[Finding]:
    same = float((table.valid == table.test).mean())
    if same > 0.5:
        return [
            Finding(
                "bad",
                f"validation and test are identical in {100 * same:.1f} % of the rows: a search would see the test",
            )
        ]
    return [Finding("good", f"validation and test differ in {100 * (1 - same):.1f} % of the rows")]


def _ranking(table: Table) -> list[Finding]:
    from scipy import stats

    tau = float(stats.kendalltau(table.valid, table.test).statistic)
    spearman = float(stats.spearmanr(table.valid, table.test).statistic)
    text = f"validation ranks test with Kendall tau-b {tau:.3f}, Spearman {spearman:.3f}"
    if spearman > NEARLY:
        return [Finding("bad", f"{text}: too close to be two measurements; is one of them the other?")]
    return [Finding("good" if tau > 0 else "bad", text)]
