"""``nas-harness record SPEC --scores``: zero-cost scores of every architecture's untrained network, durably."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from harness.code.digest import packages_of
from harness.errors import HarnessError
from harness.recording.record import TableTraining, fill, prepare_worker, recorded_items, wanted_architectures
from harness.recording.spec import Spec
from harness.system import provenance
from harness.tabular.formats.recorded import Recording
from harness.tabular.scores import SUFFIX, write_scores

JOURNAL = "scores.jsonl"
SCORES = ("naswot", "synflow", "grad-norm")  # parameters and operations are columns of the table itself


def record_scores(spec: Spec, output: Path, jobs: int = 1, *, progress: bool = False) -> int:
    """Compute what is missing of a recording's scores; trainings need not be there.

    Parameters
    ----------
    spec, output, jobs, progress
        As in `harness.recording.record.record`.

    Returns
    -------
    int
        How many networks were scored now.
    """
    return fill(spec, output, JOURNAL, score_one, f"{spec.name}, scores", jobs, progress=progress)


def finish_scores(spec: Spec, output: Path) -> Path:
    """Write ``<name>.scores.parquet`` of a complete folder.

    Raises
    ------
    HarnessError
        If a score is missing.
    """
    space = spec.images.space
    texts = [space.format(arch) for arch in sorted(wanted_architectures(spec))]
    found = {item["arch"]: item for item in recorded_items(spec, output, JOURNAL)}
    if missing := [text for text in texts if text not in found]:
        raise HarnessError(
            f"{output}: {len(missing):,} of {len(texts):,} architectures have no scores yet, e.g. {missing[0]}; record again"
        )
    items = [found[text] for text in texts]
    columns: dict[str, Any] = {"arch": np.array(texts, dtype=object)}
    columns |= {name: np.array([item[name] for item in items], dtype=np.float64) for name in SCORES}
    about = {
        "spec": spec.resolved(),
        "seed": spec.seeds[0],
        "images": items[0]["images"],
        "seconds": {name: round(float(np.mean([item["seconds"][name] for item in items])), 6) for name in SCORES},
        "environment": provenance.environment(packages_of("harness.recording.scores")),
    }
    path = output / f"{spec.name}{SUFFIX}"
    write_scores(path, Recording(json.loads(json.dumps(about)), columns))
    return path


def score_one(task: TableTraining) -> dict[str, Any]:
    """Score one architecture's network before its training with the first training seed; called in a worker.

    Returns
    -------
    dict
        ``arch`` (text), ``images`` (how many the scores read), the scores by name, and their processor ``seconds`` by name. Or
        ``arch`` and ``error``.
    """
    from harness.live.problem import SCORED
    from harness.live.scores import score
    from harness.training.train import untrained

    prepare_worker(task)
    spec, text = task.spec, task.spec.images.space.format(task.arch)
    splits = spec.splits()
    images, labels = splits.reader("cpu")(splits.train[:SCORED])
    try:
        network = untrained(spec.space, task.arch, splits, spec.recipe, spec.seeds[0])
    except HarnessError as error:
        return {"arch": text, "error": str(error)}
    item: dict[str, Any] = {"arch": text, "images": len(images), "seconds": {}}
    for name in SCORES:
        clock = time.process_time()
        item[name] = score(name, network, images, labels)
        item["seconds"][name] = round(time.process_time() - clock, 6)
    return item
