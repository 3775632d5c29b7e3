"""The form that NAS-Bench-201 and NATS-Bench share: the trainings of one architecture, and the benchmarks made of them.

A file holds, for every architecture and training recipe (its number of epochs), one training a data set and seed, with
losses and accuracies after every epoch on each split of the data set:

================== ============================ ============== ==================================
data set           trained on                   ``x-valid``    test
================== ============================ ============== ==================================
``cifar10-valid``  half of CIFAR-10's training  the other half ``ori-test``: CIFAR-10's test set
``cifar10``        all of CIFAR-10's training   none           ``ori-test``: CIFAR-10's test set
``cifar100``       CIFAR-100's training set     half of its    ``x-test``: the other half of its
                                                test set       test set
``ImageNet16-120`` its training set             half of its    ``x-test``: the other half of its
                                                validation set validation set
================== ============================ ============== ==================================

A benchmark ``FAMILY/DATASET@RECIPE`` is *driven* by the accuracy on ``x-valid`` after the recipe's last epoch, and *reported*
by the test accuracy after the longest recipe. For ``cifar10``, as in the papers, the first comes from the data set
``cifar10-valid``, whose trainings saw the training half only, and the second from ``cifar10``, trained on both halves.
Its training losses are those of the trainings that drive.

Where the official packages differ: they answer with a seed drawn at random unless told otherwise; here it is the mean over
the seeds that are there, or one named seed. They number epochs from 0; here the first is 1. For ``cifar100`` and
``ImageNet16-120`` their split ``ori-test`` is the union of validation and test (``valtest``), and ``simulate_train_eval``
of NATS-Bench answers with it, as if it were validation, in epochs without validation: it is never read here, and a curve
that the file does not have is missing.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError
from harness.spaces.base import Space
from harness.tabular.formats import Job
from harness.tabular.formats.blocks import Blocks
from harness.tabular.table import Table

# Data set of a benchmark -> data set whose trainings drive, and the data set and split that are reported.
DRIVES = {
    "cifar10-valid": "cifar10-valid",
    "cifar10": "cifar10-valid",
    "cifar100": "cifar100",
    "ImageNet16-120": "ImageNet16-120",
}
REPORTS = {
    "cifar10-valid": ("cifar10-valid", "ori-test"),
    "cifar10": ("cifar10", "ori-test"),
    "cifar100": ("cifar100", "x-test"),
    "ImageNet16-120": ("ImageNet16-120", "x-test"),
}
SPLITS = {
    "cifar10-valid": ("train", "x-valid", "ori-test"),
    "cifar10": ("train", "ori-test"),
    "cifar100": ("train", "x-valid", "x-test"),
    "ImageNet16-120": ("train", "x-valid", "x-test"),
}
SEEDS = (111, 777, 888, 999)  # the training seeds that the authors used
TRUSTED_SEED = 888  # theirs where the seeds' parameter counts disagree
ACCURACY, LOSS, SECONDS = range(3)  # rows of what was measured
COSTS = ("params", "flops", "latency")
UNITS = {"params": "millions", "flops": "millions", "latency": "seconds", "cost": "seconds"}

State = Mapping[str, Any]  # what a file holds of one architecture under one recipe
Add = Callable[[int, Mapping[str, State]], None]  # takes an architecture's published index and its states by recipe


@dataclass(frozen=True)
class Family:
    """A published benchmark of this form.

    Attributes
    ----------
    name
        First part of its benchmarks' names.
    space
        What its architectures' texts belong to.
    recipes
        Number of epochs by the recipe's name; the last is the one that is reported.
    citation, licence
        For the card.
    """

    name: str
    space: Space
    recipes: Mapping[str, int]
    citation: str
    licence: str


def measured(
    state: State | None, dataset: str, split: str, epochs: int, seed: int | None = None
) -> NDArray[np.float64]:
    """What was measured on one split after every epoch, mean over training seeds or of one seed.

    Parameters
    ----------
    state
        The trainings of an architecture under one recipe; None where the file has none.
    dataset, split
        As in the table above; ``"train"`` is the training split.
    epochs
        Number of epochs of the recipe.
    seed
        A training seed; None takes the mean over those that are there.

    Returns
    -------
    ndarray of shape (3, epochs)
        Accuracy in percent, loss, and seconds spent up to and including the epoch; NaN where the file has nothing.
    """
    runs = [_of_one_training(run, split, epochs) for run in _trainings(state, dataset, seed)]
    return np.mean(runs, axis=0) if runs else np.full((3, epochs), np.nan)


def costs(state: State | None, dataset: str, seed: int | None = None) -> NDArray[np.float64]:
    """Parameters and multiply-adds in millions and seconds of a forward pass: (3,).

    Some files carry wrong counts with single seeds; where seeds disagree, the authors trust seed 888, and so do we.
    """
    runs = _trainings(state, dataset, seed)
    if not runs:
        return np.full(3, np.nan)
    latencies = [sum(run["latency"]) / len(run["latency"]) for run in runs if run["latency"]]
    latencies = [latency for latency in latencies if latency > 0]
    counts = []
    for field in ("params", "flop"):
        values = [float(run[field]) for run in runs]
        if len({f"{value:.5f}" for value in values}) > 1:
            trusted = [float(run[field]) for run in runs if int(run["seed"]) == TRUSTED_SEED]
            values = trusted or values
        counts.append(sum(values) / len(values))
    return np.array([*counts, sum(latencies) / len(latencies) if latencies else np.nan])


def _trainings(state: State | None, dataset: str, seed: int | None) -> list[Mapping[str, Any]]:
    seeds = sorted(state["dataset_seed"].get(dataset, ())) if state else []
    return [state["all_results"][dataset, one] for one in seeds if seed in (None, one)] if state else []


def _of_one_training(run: Mapping[str, Any], split: str, epochs: int) -> NDArray[np.float64]:
    kind = "train" if split == "train" else "eval"
    keys: list[Any] = list(range(epochs)) if split == "train" else [f"{split}@{epoch}" for epoch in range(epochs)]
    series = (run[f"{kind}_acc1es"], run[f"{kind}_losses"], run[f"{kind}_times"])
    found = np.array([[(values or {}).get(key, math.nan) for key in keys] for values in series], dtype=np.float64)
    found[SECONDS] = np.cumsum(found[SECONDS])
    return found


def tables(
    job: Job, version: str, family: Callable[[str], Family], read: Callable[[Add, set[int]], None]
) -> Iterator[Table]:
    """Convert a file into its benchmarks.

    Parameters
    ----------
    job
        What is converted.
    version
        Of the adapter.
    family
        Tells the family from an architecture's text.
    read
        Reads the file: called with a function to hand every architecture's index and trainings by recipe to, and with the
        indices that need not be read again.
    """
    job.refuse(valid=job.valid, test=job.test)
    with Blocks(job.key(version)) as blocks:

        def add(index: int, states: Mapping[str, State]) -> None:
            if index not in blocks.done:
                blocks.add(index, _row_of(job, family, index, states))
            job.advance()

        read(add, blocks.done)
        blocks.flush()
        if not blocks.done:
            raise HarnessError(f"{job.path}: there is no architecture in it")
        texts = blocks.array("text").tolist()
        found = family(texts[0])
        codes = np.array([found.space.parse(text) for text in texts], dtype=np.int8)
        source = {**job.source, "adapter": version}
        made = 0
        for dataset in DRIVES:
            for recipe in found.recipes:
                table = _table(found, dataset, recipe, codes, blocks.array, source, job)
                if table is not None:
                    made += 1
                    yield table
        if not made:
            lacks = "validation and test of any data set"
            if job.seed is not None:
                lacks = f"training seed {job.seed}; the benchmark's seeds are {', '.join(map(str, SEEDS))}"
            raise HarnessError(f"{job.path}: no architecture in it has {lacks}")


def _row_of(job: Job, family: Callable[[str], Family], index: int, states: Mapping[str, State]) -> dict[str, Any]:
    try:
        text = str(next(iter(states.values()))["arch_str"])
        return _row(family(text), text, states, job.seed)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, StopIteration) as error:
        raise HarnessError(
            f"{job.path}: architecture {index} is not as published ({type(error).__name__}: {error}); "
            "is this another version of the file?"
        ) from error


def _row(family: Family, text: str, states: Mapping[str, State], seed: int | None) -> dict[str, Any]:
    family.space.parse(text)
    row: dict[str, Any] = {"text": text}
    for recipe, epochs in family.recipes.items():
        state = states.get(recipe)
        for dataset, splits in SPLITS.items():
            name = f"{dataset}@{recipe}"
            row[f"{name} costs"] = costs(state, dataset, seed)
            row[f"{name} seeds"] = np.isin(SEEDS, state["dataset_seed"].get(dataset, ()) if state else ())
            for split in splits:
                row[f"{name} {split}"] = measured(state, dataset, split, epochs, seed)
    return row


def _table(
    family: Family,
    dataset: str,
    recipe: str,
    codes: NDArray[np.int8],
    array: Callable[[str], NDArray[Any]],
    source: Mapping[str, Any],
    job: Job,
) -> Table | None:
    *_, full = family.recipes
    seed = job.seed
    driving, (reporting, test_split) = DRIVES[dataset], REPORTS[dataset]
    train, valid = array(f"{driving}@{recipe} train"), array(f"{driving}@{recipe} x-valid")
    test = array(f"{reporting}@{full} {test_split}")
    keep = np.isfinite(valid[:, ACCURACY, -1]) & np.isfinite(test[:, ACCURACY, -1])
    if not keep.any():
        return None
    epochs = np.arange(1, family.recipes[recipe] + 1)
    curves = {
        "train_accuracy": train[keep, ACCURACY],
        "train_loss": train[keep, LOSS],
        "valid": valid[keep, ACCURACY],
        "valid_loss": valid[keep, LOSS],
        "cost": train[keep, SECONDS] + valid[keep, SECONDS] / epochs,  # one evaluation, after the last epoch
    }
    final_test = {"test": test[keep, ACCURACY], "test_loss": test[keep, LOSS]}
    if recipe == full:
        curves |= final_test
    columns = {name: values[:, -1] for name, values in (curves | final_test).items()}
    columns |= dict(zip(COSTS, array(f"{driving}@{recipe} costs")[keep].T, strict=True))
    seeds = {role: array(f"{name} seeds")[keep] for role, name in _trainings_of(family, dataset, recipe).items()}
    if seed is None:
        columns |= {f"{role}_seeds": there.sum(axis=1).astype(np.float64) for role, there in seeds.items()}
    unknown = sorted(name for name, values in columns.items() if not np.isfinite(values).all())
    trained = "mean over training seeds" if seed is None else f"training seed {seed}"
    return Table(
        name=f"{family.name}/{dataset}@{recipe}" + ("" if seed is None else f"+seed{seed}"),
        dataset=dataset,
        space=family.space,
        rows=job.rows_of(family.space, codes[keep]),
        codes=codes[keep],
        columns={name: np.ascontiguousarray(values) for name, values in columns.items() if name not in unknown},
        curves={
            name: np.ascontiguousarray(values)
            for name, values in curves.items()
            if name not in unknown and np.isfinite(values[:, :-1]).any()
        },
        fidelity={
            "valid": f"{driving}, split x-valid, {family.recipes[recipe]} epochs, {trained}",
            "test": f"{reporting}, split {test_split}, {family.recipes[full]} epochs, {trained}",
        },
        source={
            **source,
            "citation": family.citation,
            "licence": family.licence,
            "units": UNITS,
            "training_seeds": {
                role: {str(one): int(count) for one, count in zip(SEEDS, there.sum(axis=0), strict=True) if count}
                for role, there in seeds.items()
            },
            "rows_left_out": int((~keep).sum()),
            "columns_left_out": unknown,
        },
    )


def _trainings_of(family: Family, dataset: str, recipe: str) -> dict[str, str]:
    *_, full = family.recipes
    return {"valid": f"{DRIVES[dataset]}@{recipe}", "test": f"{REPORTS[dataset][0]}@{full}"}
