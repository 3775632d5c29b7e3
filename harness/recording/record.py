"""``nas-harness record SPEC``: train every architecture, durably."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from harness.code.digest import packages_of
from harness.errors import HarnessError, RunError, differences
from harness.live.elsewhere import Elsewhere
from harness.recording.spec import Spec, architectures_of, make_spec
from harness.spaces.base import Arch
from harness.system import plugins, provenance
from harness.system.fan_out import check_jobs, end_with, fan_out_into, owner_of_workers
from harness.system.files import held, write_whole
from harness.system.journal import Journal

JOURNAL, SPEC, ENVIRONMENT = "journal.jsonl", "spec.json", "environment.json"
SPLITS = ("train", "valid", "test")


@dataclass(frozen=True)
class TableTraining:
    """One architecture, as it is sent to a worker."""

    spec: Spec
    arch: Arch
    owner: int
    plugins: tuple[str, ...] = ()
    elsewhere: Elsewhere = field(default_factory=Elsewhere)


def record(spec: Spec, output: Path, jobs: int = 1, *, progress: bool = False) -> int:
    """Train what is missing of a table.

    Parameters
    ----------
    spec
        What.
    output
        Folder of the trainings; what is there of the same table is gone on with.
    jobs
        Worker processes; -1 for one a core.
    progress
        Whether to show progress on standard error.

    Returns
    -------
    int
        How many architectures were trained now.

    Raises
    ------
    HarnessError
        If the folder belongs to another table, or the recipe does not fit the images.
    RunError
        If trainings failed: the others are kept.
    """
    return fill(spec, output, JOURNAL, train_one, spec.name, jobs, progress=progress)


def fill(
    spec: Spec,
    output: Path,
    journal: str,
    function: Callable[[TableTraining], dict[str, Any]],
    what: str,
    jobs: int,
    *,
    progress: bool,
) -> int:
    """Do for every architecture of a table what a journal in its folder lacks.

    Parameters
    ----------
    spec, output, jobs, progress
        As in `record`.
    journal
        Name of the journal.
    function
        Called in a worker; returns an item with the architecture's text under ``arch``, and perhaps an ``error``.
    what
        What the progress belongs to.

    Returns
    -------
    int
        How many architectures were missing.
    """
    check_jobs(jobs)
    wanted = wanted_architectures(spec)
    with held(output, "recording"):
        _claim(output, spec)
        kept = Journal(output / journal)
        done = {item["arch"] for item in kept.read()}
        missing = [arch for arch in wanted if spec.images.space.format(arch) not in done]
        owner = owner_of_workers()
        tasks = [TableTraining(spec, arch, owner, plugins.loaded(), Elsewhere.of_this_process()) for arch in missing]
        failed = fan_out_into(kept, function, tasks, jobs, what, len(wanted), show=progress)
    if failed:
        raise RunError(
            f"{len(failed)} of {len(wanted)} architectures could not be recorded; {failed[0]['arch']}: {failed[0]['error']}"
        )
    return len(missing)


def recorded_items(spec: Spec, output: Path, journal: str = JOURNAL) -> Iterator[dict[str, Any]]:
    """What a journal of a folder holds: by default the items of `train_one`.

    Raises
    ------
    HarnessError
        If there is nothing, or it belongs to another table.
    """
    _compare(output, spec)
    yield from Journal(output / journal).read()


def train_one(task: TableTraining) -> dict[str, Any]:
    """Train one architecture with all seeds side by side; called in a worker.

    Returns
    -------
    dict
        ``arch`` (text), ``seconds`` (of the processor, in the steps, a seed) and by split ``<split>_loss`` (seeds, epochs)
        and ``<split>_correct`` (seeds, epochs), images that were classified rightly. Or ``arch`` and ``error``.
    """
    from harness.training.convolution import guard_of_development
    from harness.training.train import train

    prepare_worker(task)
    spec, text = task.spec, task.spec.images.space.format(task.arch)
    splits = spec.splits()
    try:
        with guard_of_development():
            trained = train(spec.space, task.arch, splits, spec.recipe, spec.seeds)
    except HarnessError as error:
        return {"arch": text, "error": str(error)}
    item: dict[str, Any] = {"arch": text, "seconds": round(sum(row["seconds"] for row in trained[0]), 4)}
    for name in SPLITS:
        size = len(getattr(splits, name))
        item[f"{name}_loss"] = [[_short(row[f"{name}_loss"]) for row in rows] for rows in trained]
        item[f"{name}_correct"] = [[round(row[f"{name}_accuracy"] * size / 100) for row in rows] for rows in trained]
    return item


def prepare_worker(task: TableTraining) -> None:
    """Make a worker ready for an architecture: what it is made of is known there, and one thread computes."""
    import torch

    end_with(task.owner)
    plugins.load(task.plugins)
    task.elsewhere.register()
    torch.set_num_threads(1)  # another number could change the last bits


def _short(loss: float) -> float:
    """A float32 in as few digits as tell it from all others."""
    import numpy as np

    return float(str(np.float32(loss)))


def wanted_architectures(spec: Spec) -> Sequence[Arch]:
    """Refuse what would fail every training; the architectures that are wanted."""
    splits = spec.splits()
    from harness.training.train import check_recipe

    check_recipe(spec.space, splits, spec.recipe)
    return architectures_of(spec, spec.images.space)


def _claim(output: Path, spec: Spec) -> None:
    """Mark a folder as that of a table, or see that it is."""
    if (output / SPEC).exists() or (output / JOURNAL).exists():
        _compare(output, spec)
    else:
        write_whole(output / SPEC, _json(_identity(spec)))
        write_whole(output / ENVIRONMENT, _json(provenance.environment(packages_of("harness.training.train"))))


def _identity(spec: Spec) -> dict[str, Any]:
    """What must be the same for all trainings of a table."""
    import torch

    return spec.resolved() | {"torch": torch.__version__.partition("+")[0]}


def _compare(output: Path, spec: Spec) -> None:
    """One table is one recipe: refuse to go on with another."""
    try:
        there = json.loads((output / SPEC).read_text())
        # Through the specification, so that a setting that is younger than the folder has its default there.
        known = {field.name: there[field.name] for field in fields(Spec) if field.name in there}
        there |= make_spec(known).resolved() | {"data_sha256": there["data_sha256"]}
    except (OSError, ValueError, TypeError, KeyError, HarnessError) as error:
        raise HarnessError(f"{output}: no readable {SPEC}, so it is not the folder of a recording: {error}") from error
    here = json.loads(_json(_identity(spec)))
    unsaid = {"description": ""}  # another description is no other recipe
    if changed := differences(json.loads(_json(there)) | unsaid, here | unsaid):
        raise HarnessError(f"{output}: holds trainings of another recipe ({'; '.join(changed)}); choose another -o")


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True) + "\n").encode()
