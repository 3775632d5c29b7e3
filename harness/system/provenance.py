"""Where and on what a run was made."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, distribution, packages_distributions, version
from pathlib import Path
from typing import Any

DISTRIBUTION = "nas-harness"

THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NAS_HARNESS_THREADS")
# What holds libraries back from instructions that the processor has: they compute as on another one.
CAPS = (
    "ONEDNN_MAX_CPU_ISA",
    "ATEN_CPU_CAPABILITY",
    "MKL_ENABLE_INSTRUCTIONS",
    "OPENBLAS_CORETYPE",
    "NPY_DISABLE_CPU_FEATURES",
)
_HARNESS = Path(__file__).parents[1]


@lru_cache(maxsize=1)  # every record names it
def code_version() -> str:
    """Version of nas-harness."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:  # run from a checkout that is not installed
        return "0+unknown"


@lru_cache(maxsize=1)
def git_state() -> tuple[str, str]:
    """Commit of the harness's own source and whether that is dirty (``yes`` or ``no``); empty texts if it is not in git.

    What else lies in the repository, such as the folder of a run, is no source.
    """
    try:
        _git("ls-files", "--error-unmatch", "errors.py")  # not an environment within somebody's repository
        return _git("rev-parse", "HEAD"), "yes" if _git("status", "--porcelain", "--", ".") else "no"
    except (OSError, subprocess.CalledProcessError, subprocess.TimeoutExpired):
        return "", ""


def environment(imported: Iterable[str] = ()) -> dict[str, Any]:
    """Python, system, processor and its vector instructions, memory, threads and package versions, as plain JSON values.

    Parameters
    ----------
    imported
        Top-level names of what is imported beside the harness. The versions are those of its distributions and of the
        harness, and of all that these require.
    """
    return {
        "nas_harness": code_version(),
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "system": platform.platform(),
        "processor": _processor(),
        "features": _features(),
        "caps": {key: os.environ[key] for key in CAPS if key in os.environ},
        "cores": os.cpu_count(),
        "memory_mb": _memory_mb(),
        "threads": {key: os.environ.get(key) for key in THREADS},
        "packages": _versions(imported),
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


def version_of(distribution: str) -> str | None:
    """Version of an installed distribution, None if it is not there."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _versions(imported: Iterable[str]) -> dict[str, str]:
    """Versions of the distributions that have these modules, of the harness, and of all that they require, by name."""
    todo = [DISTRIBUTION, *(name for module in sorted(imported) for name in _distributions(module))]
    found: dict[str, str] = {}  # empty where a distribution is not there
    while todo:
        name = _normal(todo.pop())
        if name not in found:
            found[name], required = _described(name)
            todo += required
    found = {name: version for name, version in found.items() if version}
    found.pop(DISTRIBUTION, None)  # stands apart
    return dict(sorted(found.items()))


def _described(name: str) -> tuple[str, list[str]]:
    """Version of a distribution, and the names of those that it requires, whatever its extras require."""
    try:
        found = distribution(name)
    except PackageNotFoundError:
        return "", []
    # Its description may be a book: the standard library's reader of all of it takes longer than a search.
    head = (found.read_text("METADATA") or found.read_text("PKG-INFO") or "").partition("\n\n")[0]
    version = re.search(r"^Version: *(.+)$", head, re.MULTILINE)
    required = re.findall(r"^Requires-Dist: *([\w.-]+)(?!.*extra *==)", head, re.MULTILINE)
    return version[1].strip() if version else found.version, required


def _distributions(module: str) -> Sequence[str]:
    """Distributions that a top-level module belongs to: as a rule the one of that name."""
    return [module] if version_of(module) else _providers().get(module, [])


@lru_cache(maxsize=1)  # looking through all installed packages takes a tenth of a second
def _providers() -> Mapping[str, Sequence[str]]:
    return packages_distributions()


def _normal(name: str) -> str:
    """Name of a distribution as it is compared (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _git(*arguments: str) -> str:
    """What git says in the folder of the package, in which it writes nothing: a lock of its own would outlive a kill."""
    command = ["git", "--no-optional-locks", "-C", str(_HARNESS), *arguments]
    done = subprocess.run(command, capture_output=True, check=True, timeout=10)
    return done.stdout.decode(errors="replace").strip()  # a name of a file may be any bytes


def _processor() -> str:
    try:
        with open("/proc/cpuinfo") as lines:
            return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def _features() -> list[str]:
    """Vector instructions of the processor, as the system names them; none where it does not tell."""
    try:
        with open("/proc/cpuinfo") as lines:
            stated = next(line.partition(":")[2] for line in lines if line.lower().startswith(("flags", "features")))
    except (OSError, StopIteration):
        return []
    return sorted(flag for flag in stated.split() if re.match(r"s?sse|avx|fma|f16c|amx|asimd|neon|sve|bf16|i8mm", flag))


def _memory_mb() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    except (ValueError, OSError, AttributeError):
        return None
