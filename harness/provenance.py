"""Where and on what a run was made."""

from __future__ import annotations

import os
import platform
import subprocess
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

PACKAGES = ("numpy", "scipy", "pandas", "pyarrow", "joblib", "matplotlib", "nas-bench-graph", "torch", "distributed")


@lru_cache(maxsize=1)  # every record names it
def code_version() -> str:
    """Version of nas-harness."""
    try:
        return version("nas-harness")
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "0+unknown"


@lru_cache(maxsize=1)
def git_state() -> tuple[str, str]:
    """Commit of the working directory and whether it is dirty (``yes`` or ``no``); empty texts outside git."""
    try:
        commit = _git("rev-parse", "HEAD")
        return commit, "yes" if _git("status", "--porcelain") else "no"
    except (OSError, subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return "", ""


def environment() -> dict[str, Any]:
    """Python, system, processor, memory, threads and package versions, as plain JSON values."""
    packages: dict[str, str | None] = {}
    for package in PACKAGES:
        try:
            packages[package] = version(package)
        except PackageNotFoundError:
            packages[package] = None
    return {
        "nas_harness": code_version(),
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_mb": _memory_mb(),
        "threads": {key: os.environ.get(key) for key in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")},
        "packages": packages,
    }


def peak_memory_mb() -> float:
    """Largest resident memory of this process so far, in MB; NaN where the system does not tell."""
    try:
        # On Linux the resource usage of a process starts with that of the one that launched it; this does not.
        with open("/proc/self/status") as lines:
            return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024.0
    except (OSError, StopIteration):
        pass
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024.0 * 1024.0) if platform.system() == "Darwin" else peak / 1024.0


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=True, timeout=10)
    return done.stdout.strip()


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def _memory_mb() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    except (ValueError, OSError, AttributeError):
        return None
