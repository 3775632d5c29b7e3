"""From trainings to a table: parameters, operations and latency of every architecture, and the file."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from harness.errors import HarnessError
from harness.recording.record import ENVIRONMENT, recorded_items, wanted_architectures
from harness.recording.spec import Spec
from harness.spaces.base import Arch, Space
from harness.system.files import held
from harness.system.journal import Journal
from harness.system.progress import counting
from harness.tabular.formats.recorded import SPLITS, Recording, write

if TYPE_CHECKING:
    from harness.training.networks import Shape

LATENCIES = "latency.jsonl"
BATCH, REPEATS, WARM_UP = 64, 20, 3  # images a forward pass; passes that are timed; passes before them


def finish(spec: Spec, output: Path, *, progress: bool = False) -> Path:
    """Measure what is left to be measured and write the table of a complete recording.

    Latency is measured here, alone, when no training runs beside it.

    Parameters
    ----------
    spec
        What was recorded.
    output
        Folder of the trainings; ``<name>.parquet`` is written there.
    progress
        Whether to show progress on standard error.

    Raises
    ------
    HarnessError
        If an architecture is missing: there are no incomplete tables.
    """
    wanted = wanted_architectures(spec)
    space = spec.images.space
    trained = {item["arch"]: item for item in recorded_items(spec, output)}
    texts = {arch: space.format(arch) for arch in sorted(wanted)}
    if missing := [text for text in texts.values() if text not in trained]:
        raise HarnessError(
            f"{output}: {len(missing):,} of {len(texts):,} architectures are not trained yet, e.g. {missing[0]}; record again"
        )
    with held(output, "recording"):
        latencies = _latencies(spec, output, texts, progress)
    recording = _recording(spec, output, texts, trained, latencies)
    path = output / f"{spec.name}.parquet"
    write(path, recording)
    return path


def _recording(
    spec: Spec, output: Path, texts: Mapping[Arch, str], trained: Mapping[str, Any], latencies: Mapping[str, float]
) -> Recording:
    from harness.training import discrete

    splits = spec.splits()
    shape = _shape(spec)
    items = [trained[text] for text in texts.values()]
    columns: dict[str, Any] = {
        "arch": np.array(list(texts.values()), dtype=object),
        "weight": _weights(spec.images.space, list(texts)),
        "params": np.array([discrete.parameters(spec.space, arch, shape) for arch in texts], dtype=np.int32),
        "flops": np.array([2 * discrete.multiply_adds(spec.space, arch, shape) for arch in texts], dtype=np.int64),
        "latency_ms": np.array([latencies[text] for text in texts.values()], dtype=np.float32),
        "train_seconds": np.array([item["seconds"] for item in items], dtype=np.float32),
    }
    for split in SPLITS:
        for place, seed in enumerate(spec.seeds):
            losses = np.array([item[f"{split}_loss"][place] for item in items], dtype=np.float32)
            columns[f"{split}_loss_{seed}"] = losses
            correct = np.array([item[f"{split}_correct"][place] for item in items], dtype=np.int32)
            columns[f"{split}_correct_{seed}"] = correct
    about = {
        "spec": spec.resolved(),
        "classes": splits.data.classes,
        "sizes": {split: len(getattr(splits, split)) for split in SPLITS},
        "latency": {"images": BATCH, "passes": REPEATS, "statistic": "median", "threads": 1, "unit": "ms"},
        "environment": json.loads((output / ENVIRONMENT).read_text()),
    }
    return Recording(json.loads(json.dumps(about)), columns)


def _weights(space: Space, recorded: list[Arch]) -> Any:
    """How many encodings each recorded computation has; 1 where a space is too large to count."""
    from harness.recording.spec import LARGEST

    if space.size > LARGEST:
        return np.ones(len(recorded), dtype=np.int32)
    counts = dict.fromkeys(recorded, 0)
    for index in range(space.size):
        if (arch := space.canonical(space.arch(index))) in counts:
            counts[arch] += 1
    return np.array(list(counts.values()), dtype=np.int32)


def _latencies(spec: Spec, output: Path, texts: Mapping[Arch, str], progress: bool) -> dict[str, float]:
    """Milliseconds of a forward pass by architecture; what was measured before is kept."""
    import torch

    journal = Journal(output / LATENCIES)
    known: dict[str, float] = {item["arch"]: item["ms"] for item in journal.read()}
    missing = [arch for arch, text in texts.items() if text not in known]
    threads, shape = torch.get_num_threads(), _shape(spec)
    torch.set_num_threads(1)
    try:
        with counting(f"{spec.name}, latency", len(texts), len(known), show=progress) as advance:
            for arch in missing:
                known[texts[arch]] = round(_latency(spec.space, arch, shape), 5)
                journal.append([{"arch": texts[arch], "ms": known[texts[arch]]}])
                advance()
    finally:
        torch.set_num_threads(threads)
    return known


def _latency(space: str, arch: Arch, shape: Shape) -> float:
    import torch

    from harness.training import discrete
    from harness.training.networks import build

    network = build(lambda: discrete.network(space, arch, shape), ("latency", space)).eval()
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    images = torch.zeros(BATCH, *shape.image).contiguous(memory_format=torch.channels_last)
    spent = []
    with torch.inference_mode():
        for number in range(WARM_UP + REPEATS):
            clock = time.perf_counter()
            network(images)
            if number >= WARM_UP:
                spent.append(1000 * (time.perf_counter() - clock))
    return median(spent)


def _shape(spec: Spec) -> Shape:
    from harness.training.train import check_recipe

    return check_recipe(spec.space, spec.splits(), spec.recipe)
