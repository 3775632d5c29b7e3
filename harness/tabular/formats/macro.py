"""NAS-Bench-Macro (Su et al., CVPR 2021): ``nas-bench-macro_cifar10.json``, 6,561 chains of eight blocks on CIFAR-10.

The file has three accuracies of each architecture, of three trainings, all on CIFAR-10's test set, and no validation. None
drives a search unless its user names it: ``--valid test_acc:1`` lets the first training drive and reports the mean of the
other two, ``--test test_acc:3`` one of them. The package's own examples search and report by the mean of all three.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from harness.errors import HarnessError
from harness.spaces.digits import macro_space
from harness.tabular.formats import Job
from harness.tabular.formats.without_validation import caveat, drives_and_reports
from harness.tabular.table import Table

VERSION = "macro 1"
WANTED = "nas-bench-macro_cifar10.json"
TRAININGS = 3
OTHERS = "the mean of the other trainings"
LARGEST = 2**28


def recognises(path: Path) -> bool:
    """Whether a JSON file begins as this one does."""
    if path.suffix.lower() != ".json" or not path.is_file():
        return False
    with path.open("rb") as stream:
        return b'"test_acc"' in stream.read(200)


def convert(job: Job) -> Iterator[Table]:
    """Convert into ``nas-bench-macro/cifar10``."""
    trainings = [f"test_acc:{number}" for number in range(1, TRAININGS + 1)]
    valid, test = drives_and_reports(job, trainings, OTHERS)
    space = macro_space()
    records = _read(job.path)
    texts = sorted(records)
    try:
        accuracy = np.array([records[text]["test_acc"] for text in texts], dtype=np.float64)
        counts = {
            key: np.array([records[text][key] for text in texts], dtype=np.float64) for key in ("params", "flops")
        }
        if accuracy.shape != (len(texts), TRAININGS):
            raise ValueError(f"{accuracy.shape[1:]} accuracies instead of {TRAININGS}")
    except (KeyError, TypeError, ValueError) as error:
        raise HarnessError(f"{job.path}: not as published ({type(error).__name__}: {error})") from error
    job.check_complete({"test_acc": accuracy, **counts}, texts)
    codes = np.array([space.parse(text) for text in texts], dtype=np.int8)
    driving = trainings.index(valid)
    reported = (
        np.delete(accuracy, driving, axis=1).mean(axis=1) if test == OTHERS else accuracy[:, trainings.index(test)]
    )
    yield Table(
        name="nas-bench-macro/cifar10",
        dataset="cifar10",
        space=space,
        rows=job.rows_of(space, codes),
        codes=codes,
        columns={"valid": accuracy[:, driving].copy(), "test": reported, **counts},
        fidelity={
            "valid": f"{valid}: CIFAR-10's test set, one training",
            "test": f"{test}: CIFAR-10's test set" + (f", without {valid}" if test == OTHERS else ""),
        },
        source={
            **job.source,
            "citation": "Su, You, Xie, Zheng, Wang, Qian, Zhang, Wang, Xu: Prioritized Architecture Sampling with "
            "Monto-Carlo Tree Search, CVPR 2021",
            "licence": "Apache-2.0",
            "adapter": VERSION,
            "units": {"params": "count", "flops": "count"},
        },
        caveats=(caveat(valid, test, "CIFAR-10's test set"),),
    )


def _read(path: Path) -> dict[str, Any]:
    if path.stat().st_size > LARGEST:
        raise HarnessError(f"{path}: it has {path.stat().st_size:,} bytes; {WANTED} has some 1.2 million")
    try:
        records = json.loads(path.read_bytes(), object_pairs_hook=_once)
    except ValueError as error:
        raise HarnessError(f"{path}: cannot be read as JSON: {error}; fetch {WANTED} again") from error
    return dict(records)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON, in which no key stands twice: the last value would silently be taken."""
    found = dict(pairs)
    if len(found) < len(pairs):
        again = next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1)
        raise ValueError(f"{again!r} stands twice in one object")
    return found
