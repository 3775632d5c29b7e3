"""Fair evaluation of neural architecture search.

The names below are the public Python API; they are imported when first used, so that ``import harness`` costs nothing.
"""

from __future__ import annotations

import time
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.claims.decided import run_until_decided
    from harness.claims.reproduce import reproduce
    from harness.errors import HarnessError
    from harness.images.registry import import_images, register_images
    from harness.methods.base import AskTell, OwnLoop, SearchResult, make_method, register_method
    from harness.methods.batch import BatchAskTell
    from harness.opened.run import OpenedRun, open_run, run
    from harness.problem.base import Evaluation, Problem
    from harness.problem.budget import Budget
    from harness.problem.gym import gym_env
    from harness.problem.offer import Offer
    from harness.running.merging import merge
    from harness.running.repeat import repeat
    from harness.spaces.base import Arch
    from harness.spaces.cells import CellSpace
    from harness.spaces.registry import register_cell_space
    from harness.streams import Streams
    from harness.suites.catalogue import load_benchmark
    from harness.suites.reading import load_suite
    from harness.tabular.catalogue import register_benchmark, save_benchmark
    from harness.tabular.frame import table_from_frame
    from harness.tabular.table import Table
    from harness.taxonomy import Taxonomy

IMPORTED_AT = time.time()  # what is edited later is not what this process runs

_HOME = {
    "Arch": "harness.spaces.base",
    "AskTell": "harness.methods.base",
    "BatchAskTell": "harness.methods.batch",
    "Budget": "harness.problem.budget",
    "CellSpace": "harness.spaces.cells",
    "Evaluation": "harness.problem.base",
    "HarnessError": "harness.errors",
    "Offer": "harness.problem.offer",
    "OpenedRun": "harness.opened.run",
    "OwnLoop": "harness.methods.base",
    "Problem": "harness.problem.base",
    "SearchResult": "harness.methods.base",
    "Streams": "harness.streams",
    "Table": "harness.tabular.table",
    "Taxonomy": "harness.taxonomy",
    "gym_env": "harness.problem.gym",
    "import_images": "harness.images.registry",
    "load_benchmark": "harness.suites.catalogue",
    "load_suite": "harness.suites.reading",
    "make_method": "harness.methods.base",
    "merge": "harness.running.merging",
    "open_run": "harness.opened.run",
    "register_benchmark": "harness.tabular.catalogue",
    "register_cell_space": "harness.spaces.registry",
    "register_images": "harness.images.registry",
    "register_method": "harness.methods.base",
    "repeat": "harness.running.repeat",
    "reproduce": "harness.claims.reproduce",
    "run": "harness.opened.run",
    "run_until_decided": "harness.claims.decided",
    "save_benchmark": "harness.tabular.catalogue",
    "table_from_frame": "harness.tabular.frame",
}

# Packages that are used as harness.statistics.relative_improvement and the like.
_ROOMS = ("reporting", "statistics", "testing")

__all__ = [
    "Arch",
    "AskTell",
    "BatchAskTell",
    "Budget",
    "CellSpace",
    "Evaluation",
    "HarnessError",
    "Offer",
    "OpenedRun",
    "OwnLoop",
    "Problem",
    "SearchResult",
    "Streams",
    "Table",
    "Taxonomy",
    "gym_env",
    "import_images",
    "load_benchmark",
    "load_suite",
    "make_method",
    "merge",
    "open_run",
    "register_benchmark",
    "register_cell_space",
    "register_images",
    "register_method",
    "repeat",
    "reproduce",
    "run",
    "run_until_decided",
    "save_benchmark",
    "table_from_frame",
]


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"harness.{name}")
    if name not in _HOME:
        raise AttributeError(f"module 'harness' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return [*__all__, *_ROOMS]
