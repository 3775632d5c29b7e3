"""Checks of an installation and of a benchmark's table, one verdict a line."""

from __future__ import annotations

import dataclasses
import shutil
import sys
import tempfile
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal

import numpy as np

from harness.errors import HarnessError, first_line
from harness.spaces.base import Arch, Space
from harness.system import provenance
from harness.tabular import catalogue, store
from harness.tabular.audit import ENOUGH, leaks
from harness.tabular.table import TEST, VALID, Table, is_report_only
from harness.tabular.units import TOPS, fraction_among_percent

Verdict = Literal["good", "note", "bad"]
OPTIONAL = ("torch", "scikit-learn", "distributed")
PACKAGES = (
    "numpy",
    "scipy",
    "pandas",
    "pyarrow",
    "joblib",
    "matplotlib",
    "nas-bench-graph",
    "threadpoolctl",
    *OPTIONAL,
)
NEARLY = 0.999  # a rank agreement of validation and test above this is suspicious
NOISY = 0.5  # scatter of equal computations, as a share of that of all rows, that no training noise explains
CHANCE = 0.02  # share of the range of scores that counts as the worst one
SEEDS = "_seeds"  # end of the names of columns that count training seeds


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
    for package in PACKAGES:
        version = provenance.version_of(package)
        optional = package in OPTIONAL
        verdict: Verdict = "good" if version else "note" if optional else "bad"
        findings.append(
            Finding(verdict, f"{package} {version or 'is not installed' + (' (optional)' if optional else '')}")
        )
    if provenance.version_of("torch"):
        findings.append(_convolutions(environment["processor"]))
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
            table = catalogue.load_table(name)
            table.verify()
            findings.append(Finding("good", f"table {name}: {len(table):,} rows, checksum {table.sha256[:12]} holds"))
        except HarnessError as error:
            findings.append(Finding("bad", str(error)))
    return findings


def _convolutions(processor: str) -> Finding:
    """Whether networks here meet oneDNN's fault in narrow pointwise convolutions."""
    from harness.live import processor as torchs

    where = (
        f"{processor or 'this processor'}, oneDNN with {torchs.instruction_set() or 'no instruction set that it names'}"
    )
    try:
        count = torchs.check_networks(islice(torchs.trained(2), 3))  # alone, in a group and with a head
    except RuntimeError as error:
        return Finding("bad", f"{where}: {first_line(error)}")
    return Finding(
        "good",
        f"{where}: its narrow pointwise convolutions write outside memory at a stride; none of {count} networks here meets them",
    )


def check_benchmark_table(name: str) -> list[Finding]:
    """Audit a table by name; see `audit`."""
    from harness.live.one_shot import JUDGED
    from harness.suites.catalogue import load_benchmark

    benchmark = load_benchmark(name)
    if not isinstance(benchmark, Table):
        judge = name.partition("/")[2]
        instead = (
            f"its supernets are judged by {judge}: audit that" if name.startswith(JUDGED) else "it trains in the run"
        )
        raise HarnessError(f"benchmark {name}: there is no table to audit; {instead}")
    return audit(benchmark)


def audit(table: Table) -> list[Finding]:
    """What can be told from a table's numbers: leaks, doubled and constant columns, units, coverage, noise, rank agreement."""
    checks = (_identity, _missing, _columns, _units, _leaks, _curves, _computations, _broken, _ranking)
    return [finding for check in checks for finding in check(table)]


def _identity(table: Table) -> list[Finding]:
    found = [
        Finding("good", f"{table.name}: {len(table):,} rows, SHA-256 {table.sha256[:12]}"),
        Finding("good", "random architectures: " + ("every row once" if table.has_equal_weights else "rows by weight")),
    ]
    found += [Finding("good", f"{role}: {what}") for role, what in table.fidelity.items()]
    return found + [Finding("note", caveat) for caveat in table.caveats]


def _missing(table: Table) -> list[Finding]:
    encodings = int((table.rows >= 0).sum())
    found = [
        Finding(
            "good" if encodings == table.space.size else "note",
            f"{encodings:,} of {table.space.size:,} encodings of space {table.space.name} have a row",
        )
    ]
    if left_out := table.source.get("columns_left_out"):
        found.append(Finding("note", f"columns left out at import: {', '.join(left_out)}"))
    for column in sorted(name for name in table.columns if name.endswith(SEEDS)):
        counts = table.columns[column]
        least, most = int(counts.min()), int(counts.max())
        if least < most:
            found.append(
                Finding(
                    "note",
                    f"seeds missing: {column.removesuffix(SEEDS)} is a mean over {least} to {most} training seeds; "
                    f"{int((counts < most).sum()):,} of {len(table):,} rows have fewer than {most}",
                )
            )
    return found


def _columns(table: Table) -> list[Finding]:
    found = []
    names = sorted(table.columns)
    varied = []
    for name in names:
        values = table.columns[name]
        if not np.isfinite(values).all():
            missing = int((~np.isfinite(values)).sum())
            may_be = name in table.statistics  # a score that could not be computed counts as the worst
            found.append(Finding("note" if may_be else "bad", f"column {name}: {missing} values are missing"))
        elif np.ptp(values) == 0 and len(table) > 1:
            found.append(Finding("bad" if name in (VALID, TEST) else "note", f"column {name} is constant: {values[0]}"))
        else:
            varied.append(name)
    for i, name in enumerate(varied):
        for other in varied[i + 1 :]:
            if is_report_only(name) == is_report_only(other) and np.array_equal(
                table.columns[name], table.columns[other]
            ):
                found.append(Finding("bad", f"columns {name} and {other} hold the same numbers"))
    return found or [Finding("good", f"columns {', '.join(names)}: finite, none constant or doubled")]


def _units(table: Table) -> list[Finding]:
    top = TOPS.get(table.unit)
    if top is None:
        return []
    found = []
    # What was stated is obeyed: the values may look otherwise by right.
    doubt: Verdict = "note" if "unit" in table.source else "bad"
    for name in (VALID, TEST):
        values = table.columns[name]
        low, high = values.min(), values.max()
        if high > top or low < 0:
            found.append(Finding("bad", f"column {name} runs from {low} to {high}: not in {table.unit}"))
        elif table.unit == "percent" and high <= 1:
            found.append(Finding(doubt, f"column {name} runs from {low} to {high}: a fraction, not a percentage"))
        elif table.unit == "percent" and (row := fraction_among_percent(values)) is not None:
            found.append(
                Finding(
                    doubt,
                    f"column {name} mixes percent and fraction: {values[row]} in row {row + 1} beside a largest value of {high}",
                )
            )
    return found or [Finding("good", f"validation and test are in {table.unit}")]


def _leaks(table: Table) -> list[Finding]:
    """Whether a search would see the test."""
    if found := leaks(table):
        return [Finding("bad", leak) for leak in found]
    same = float((table.valid == table.test).mean())
    return [Finding("good", f"validation and test differ in {100 * (1 - same):.1f} % of the rows, and no column leaks")]


def _curves(table: Table) -> list[Finding]:
    found = [
        Finding("bad", f"curve {name} has no value at all in some rows")
        for name, curve in table.curves.items()
        if not np.isfinite(curve).any(axis=1).all()
    ]
    if table.curves and not found:
        lengths = sorted({curve.shape[1] for curve in table.curves.values()})
        found.append(
            Finding("good", f"curves {', '.join(table.curves)} over {', '.join(map(str, lengths))} epochs: none empty")
        )
    return found


def _computations(table: Table) -> list[Finding]:
    """Rows of equal computations: their scores may differ by training noise, not by as much as any two."""
    if type(table.space).canonical is Space.canonical:
        return []
    classes: dict[Arch, list[int]] = {}
    for row, code in enumerate(table.codes.tolist()):
        classes.setdefault(table.space.canonical(code), []).append(row)
    shared = [rows for rows in classes.values() if len(rows) > 1]
    if not shared:
        return [Finding("good", "no two rows are the same computation")]
    scatter = np.concatenate([table.valid[rows] - table.valid[rows].mean() for rows in shared])
    freedom = len(scatter) - len(shared)
    within, overall = np.sqrt((scatter**2).sum() / freedom), table.valid.std(ddof=1)
    unequal = sum(np.ptp(table.valid[rows]) > 0 for rows in shared)
    text = (
        f"equal computations: {len(shared):,} stand in several rows, {unequal:,} of them with unequal validation; "
        f"standard deviation {within:.3g} within them, {overall:.3g} over all rows"
    )
    if within > NOISY * overall:
        return [Finding("bad", f"{text}: are the architectures' texts read rightly?")]
    return [Finding("note" if unequal else "good", text)]


def _broken(table: Table) -> list[Finding]:
    if len(table) < ENOUGH:
        return []
    worst, best = table.valid.min(), table.valid.max()
    if table.direction == "min":
        worst, best = best, worst
    share = float((np.abs(table.valid - worst) <= CHANCE * abs(best - worst)).mean())
    text = f"broken architectures: {100 * share:.1f} % of the rows are as bad as the worst (to {100 * CHANCE:.0f} % of the range)"
    return [Finding("bad" if share > 0.5 else "note" if share > 0.01 else "good", text)]


def _ranking(table: Table) -> list[Finding]:
    from scipy import stats

    if len(table) < ENOUGH:
        return [Finding("note", f"{len(table)} rows are too few to say how validation ranks test")]
    if np.ptp(table.valid) == 0 or np.ptp(table.test) == 0:
        return []  # said already
    tau = float(stats.kendalltau(table.valid, table.test).statistic)
    spearman = float(stats.spearmanr(table.valid, table.test).statistic)
    text = f"validation ranks test with Kendall tau-b {tau:.3f}, Spearman {spearman:.3f}"
    if spearman > NEARLY:
        return [Finding("bad", f"{text}: too close to be two measurements; is one of them the other?")]
    return [Finding("good" if tau > 0 else "bad", text)]
