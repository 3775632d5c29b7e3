"""Whole processes: starting, loading, and the quickstart suite from end to end."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.speed.measure import Row, wall_seconds
from harness.running.runner import run_suite
from harness.suites.reading import load_suite
from harness.tabular import store
from harness.tabular.catalogue import load_table
from harness.tabular.nasbench_graph import space_of

NAME = "nasbench-graph/cora"


def rows() -> Iterator[Row]:
    """Seconds and megabytes."""
    python = wall_seconds(lambda: _python("pass"))
    help_s = wall_seconds(lambda: subprocess.run([_command(), "--help"], check=True, stdout=subprocess.DEVNULL))
    yield Row("nas-harness --help", help_s, "s", "< 0.3", "python -c pass", help_s / python)
    heavy = _python(
        "import harness, sys; print(*({'pandas', 'torch', 'scipy', 'matplotlib'} & set(sys.modules)))"
    ).strip()
    yield Row(
        "import harness", wall_seconds(lambda: _python("import harness")), "s", "", f"heavy imports: {heavy or 'none'}"
    )

    load_table(NAME)
    load_s = wall_seconds(lambda: store.load(NAME, space_of("cora")), repeats=20)
    yield Row("loading a converted table of 26,206 rows, checksum verified", 1000 * load_s, "ms", "< 10")

    suite = load_suite("quickstart")
    times: dict[tuple[int, str], float] = {}
    peak = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for jobs, backend in ((1, "sequential"), (2, "loky")):
            clock = time.perf_counter()
            records = run_suite(suite, Path(folder) / backend, jobs=jobs, backend=backend).records
            times[jobs, backend] = time.perf_counter() - clock
            peak = max(peak, float(records["peak_memory"].max())) if backend == "loky" else peak
        clock = time.perf_counter()
        subprocess.run([_command(), "report", f"{folder}/loky"], check=True, stdout=subprocess.DEVNULL)
        report_s = time.perf_counter() - clock
        clock = time.perf_counter()
        arguments = ["run", "quickstart", "-j", "2", "-q", "-o", f"{folder}/whole"]
        subprocess.run([_command(), *arguments], check=True, stdout=subprocess.DEVNULL)
        whole_s = time.perf_counter() - clock
    fan_out = times[2, "loky"] - times[1, "sequential"] / 2
    yield Row("a worker's largest resident memory", peak, "MB", "< 250")
    yield Row("quickstart, 360,000 evaluations, one process", times[1, "sequential"], "s")
    yield Row("quickstart, two workers", times[2, "loky"], "s")
    yield Row(
        "  of which fan-out (above half of one process)",
        fan_out,
        "s",
        "< 1/3 of whole",
        "the whole command",
        fan_out / whole_s,
    )
    yield Row("report of the quickstart, whole process", report_s, "s", "< 10")
    yield Row("nas-harness run quickstart -j 2, report included, whole process", whole_s, "s", "< 30")


def _python(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def _command() -> str:
    return str(Path(sys.executable).with_name("nas-harness" + (".exe" if os.name == "nt" else "")))
