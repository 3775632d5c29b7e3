"""Answers a second through the harness beside the official readers of NAS-Bench-201 and NATS-Bench, on the same file."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.speed.measure import Row, cpu_seconds, wall_seconds
from harness.problem.budget import Budget
from harness.system.folders import data_folder
from harness.tabular import store
from harness.tabular.catalogue import load_table
from harness.tabular.importing import import_published
from harness.tabular.pickles import read_pickle
from harness.tabular.problem import TabularProblem

FOLDER = "nats_bench/NATS-tss-v1_0-3ffb9-simple"
NAME = "nats-tss/cifar10-valid@12"
QUERIES, FEW = 100_000, 2_000


def rows() -> Iterator[Row]:
    """Queries a second, one at a time, and what opening the file takes."""
    shared = Path(os.environ.get("NAS_HARNESS_SHARED", Path(__file__).resolve().parents[3] / "shared"))
    folder = next((path for path in (data_folder() / FOLDER, shared / "data" / FOLDER) if path.is_dir()), None)
    try:
        import nas_201_api
        import nats_bench
        import torch
    except ImportError as error:
        yield Row("queries beside the official readers", float("nan"), "", "", f"skipped: {error}")
        return
    if folder is None:
        yield Row("queries beside the official readers", float("nan"), "", "", f"skipped: no {FOLDER}")
        return
    cells = sorted(int(file.name[:6]) for file in folder.glob("[0-9]*"))
    with tempfile.TemporaryDirectory() as scratch:
        previous = os.environ.get("NAS_HARNESS_CACHE")
        os.environ["NAS_HARNESS_CACHE"] = scratch
        try:
            clock = time.perf_counter()
            import_published(str(folder), progress=False)
            import_s = time.perf_counter() - clock
            table = load_table(NAME)
            load_s = wall_seconds(lambda: store.load(NAME, table.space), repeats=20)
            problem_s = cpu_seconds(lambda: _evaluate(table), repeats=3)
        finally:
            os.environ.pop("NAS_HARNESS_CACHE")
            if previous is not None:
                os.environ["NAS_HARNESS_CACHE"] = previous
        nats = nats_bench.create(str(folder), "tss", fast_mode=True, verbose=False)
        old = Path(scratch) / "cells.pth"
        _write_nasbench201(folder, cells, nats.meta_archs, old, torch)
        old_api = nas_201_api.NASBench201API(torch.load(old, weights_only=False), verbose=False)
        peers = {
            "nats_bench": cpu_seconds(lambda: _ask(nats, cells), repeats=3),
            "nas_201_api": cpu_seconds(lambda: _ask(old_api, cells), repeats=3),
        }
    ours, theirs = QUERIES / problem_s, {name: FEW / seconds for name, seconds in peers.items()}
    fastest = max(theirs, key=lambda name: theirs[name])
    for name, speed in theirs.items():
        yield Row(f"{name}.get_more_info, mean of seeds", speed, "query/s")
    yield Row("Problem.evaluate, one at a time", ours, "query/s", ">= 50 x", fastest, ours / theirs[fastest])
    yield Row(f"importing {len(cells)} architectures of NATS-Bench", 1000 * import_s, "ms")
    yield Row("loading one of the benchmarks made of them", 1000 * load_s, "ms", "< 20")


def _evaluate(table: Any) -> None:
    problem = TabularProblem(table, Budget("evaluations", QUERIES))
    archs = [tuple(code) for code in table.codes.tolist()]
    evaluate: Callable[[Any], Any] = problem.evaluate
    for number in range(QUERIES):
        evaluate(archs[number % len(archs)])


def _ask(api: Any, cells: list[int]) -> None:
    for number in range(FEW):
        api.get_more_info(cells[number % len(cells)], "cifar10-valid", hp="12", is_random=False)


def _write_nasbench201(folder: Path, cells: list[int], texts: list[str], path: Path, torch: Any) -> None:
    """The same architectures as the older file has them."""
    infos = {}
    for cell in cells:
        states = read_pickle(folder / f"{cell:06d}.pickle.pbz2")
        infos[cell] = {"less": dict(states["12"]), "full": dict(states["200"])}
    torch.save({"meta_archs": texts, "arch2infos": infos, "evaluated_indexes": cells}, path)
