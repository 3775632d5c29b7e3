"""A check's answer for people, for JUnit, for GitHub and for programs."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from harness.errors import RunError
from harness.regression.check import CheckResult
from harness.regression.evidence import CellFinding
from harness.system.files import write_whole

EXIT_CODES = {"pass": 0, "regressed": 1, "inconclusive": 3}


def text(result: CheckResult) -> str:
    """For people: a line a method, and for what changed a line a cell."""
    lines = [f"{result.outcome}: checked against baseline {result.baseline!r}"]
    for method in result.methods:
        lines.append(f"  {method.outcome:<12} {method.label}: {method.why}")
        if any(not cell.identical for cell in method.cells):
            lines += [f"               {_cell_line(cell)}" for cell in method.cells]
    return "\n".join([*lines, *(f"note: {note}" for note in result.notes)])


def as_json(result: CheckResult) -> dict[str, Any]:
    """As plain JSON values; NaN becomes null."""
    return {
        "outcome": result.outcome,
        "baseline": result.baseline,
        "notes": list(result.notes),
        "methods": [
            {
                "label": method.label,
                "outcome": method.outcome,
                "why": method.why,
                "seeds": method.seeds or None,
                **{
                    key: _number(getattr(method, key))
                    for key in ("change", "low", "high", "margin", "p_regressed", "p_holm")
                },
                "cells": [
                    {
                        "benchmark": cell.cell.benchmark,
                        "budget": cell.cell.budget,
                        "identical": cell.identical,
                        "n_seeds": cell.n_seeds,
                        "failed": cell.cell.failed,
                        **{key: _number(getattr(cell, key)) for key in ("change", "error", "p_regressed", "p_holm")},
                    }
                    for cell in method.cells
                ],
            }
            for method in result.methods
        ],
    }


def write_junit(result: CheckResult, path: Path) -> None:
    """Write JUnit XML: a test suite a method, a case a cell; the method's verdict is a case of its own."""
    root = ElementTree.Element("testsuites", name=f"nas-harness check {result.baseline}")
    for method in result.methods:
        cases = ElementTree.SubElement(root, "testsuite", name=method.label, tests=str(len(method.cells) + 1))
        failures, skipped = 0, 0
        verdict = ElementTree.SubElement(cases, "testcase", classname=method.label, name="verdict")
        if method.outcome == "regressed":
            failures += 1
            ElementTree.SubElement(verdict, "failure", message=method.why, type="regressed")
        elif method.outcome == "inconclusive":
            skipped += 1
            ElementTree.SubElement(verdict, "skipped", message=f"inconclusive: {method.why}")
        for cell in method.cells:
            case = ElementTree.SubElement(cases, "testcase", classname=method.label, name=cell.cell.benchmark)
            if cell.cell.failed:
                failures += 1
                ElementTree.SubElement(case, "failure", message=f"{cell.cell.failed} search(es) failed", type="failed")
            else:
                ElementTree.SubElement(case, "system-out").text = _cell_line(cell)
        cases.set("failures", str(failures))
        cases.set("skipped", str(skipped))
    ElementTree.indent(root)
    write_whole(path, ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))


def github(result: CheckResult) -> Iterator[str]:
    """Annotation lines for GitHub's log, and the step's summary where GitHub asks for one."""
    level = {"regressed": "error", "inconclusive": "warning"}
    for method in result.methods:
        if method.outcome in level:
            yield f"::{level[method.outcome]} title={_escaped(method.label, title=True)} {method.outcome}::{_escaped(method.why)}"
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        text = f"### {result.outcome}: checked against {result.baseline}\n\n| method | verdict | why |\n|---|---|---|\n"
        for method in result.methods:
            text += f"| {_table(method.label)} | {method.outcome} | {_table(method.why)} |\n"
        try:
            with open(summary, "a", encoding="utf-8") as stream:
                stream.write(text)
        except OSError as error:
            raise RunError(f"GITHUB_STEP_SUMMARY: {summary}: {error.strerror}") from error


def on_github() -> bool:
    """Whether this runs in a GitHub action."""
    return os.environ.get("GITHUB_ACTIONS") == "true"


def exit_code(result: CheckResult) -> int:
    """0 pass, 1 regressed, 3 inconclusive."""
    return EXIT_CODES[result.outcome]


def _cell_line(cell: CellFinding) -> str:
    if cell.identical:
        return f"{cell.cell.benchmark}: {cell.n_seeds} searches equal to the baseline"
    if math.isnan(cell.error):
        return f"{cell.cell.benchmark}: changed; {cell.n_seeds} search(es), {cell.cell.failed} failed"
    adjusted = "" if math.isnan(cell.p_holm) else f", p of a loss {cell.p_regressed:.3g} (Holm {cell.p_holm:.3g})"
    return f"{cell.cell.benchmark}: {cell.change:+.3f} RI points, standard error {cell.error:.3f}, {cell.n_seeds} seeds{adjusted}"


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _escaped(value: str, *, title: bool = False) -> str:
    for character, code in {"%": "%25", "\r": "%0D", "\n": "%0A"}.items():
        value = value.replace(character, code)
    return value.replace(":", "%3A").replace(",", "%2C") if title else value


def _table(value: str) -> str:
    return value.replace("|", "\\|").replace("\n", " ")
