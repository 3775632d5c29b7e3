"""The weight of the evaluation protocol: the architectures of a finished run, trained again under a ladder of recipes."""

from __future__ import annotations

import hashlib
import itertools
import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from harness.errors import HarnessError, RunError, unknown_name
from harness.live.benchmark import LiveBenchmark, is_live
from harness.live.elsewhere import Elsewhere
from harness.running.folder import RunFolder
from harness.running.records import read_epochs, read_run
from harness.statistics import intraclass_correlation, kendall, mean_band
from harness.suites.group import Group, cells_of, groups_of
from harness.system import plugins
from harness.system.fan_out import check_jobs, end_with, fan_out_into, owner_of_workers
from harness.system.journal import Journal
from harness.training.settings import LiveSettings

if TYPE_CHECKING:
    from harness.training.settings import Recipe

FOLDER, JOURNAL = "protocol", "journal.jsonl"
# DARTS's strengths; it hides 16 of 32 pixels.
HIDDEN, DROP_PATH, AUXILIARY = 0.5, 0.2, 0.4
RUNGS = ("base", "cutout", "drop path", "auxiliary head", "all")
LADDER = ("benchmark", "epochs", "repeats")  # what the trainings of a ladder have in common
COLUMNS = (*LADDER, "rung", "splits", "architectures", "test", "difference", "low", "high")
MOST_IMAGES = 10**6  # of a test split: a share of right ones is told from its floating-point number up to so many
SPREADS = ("between_architectures", "between_seeds", "icc", "icc_low", "icc_high", "tau")


@dataclass(frozen=True)
class LadderTraining:
    """One architecture under one recipe, as it is sent to a worker."""

    benchmark: str
    rung: str
    recipe: Recipe
    arch: str
    split: int
    repeats: int
    device: str
    plugins: tuple[str, ...]
    elsewhere: Elsewhere
    owner: int

    @property
    def key(self) -> str:
        """Hash of all that the result depends on."""
        parts = [self.benchmark, self.recipe.as_dict(), self.arch, self.split, self.repeats, self.device]
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def climb(
    folder: Path,
    jobs: int = 1,
    *,
    repeats: int = 3,
    epochs: int | None = None,
    methods: Sequence[str] | None = None,
    architectures: int | None = None,
    progress: bool = False,
) -> int:
    """Train the architectures that a live run evaluated under each recipe of the ladder, on the splits that they were found on.

    The recipes are the run's own with all switches of the protocol off, with each of them alone, and with all. What is there
    already of the same recipes is kept.

    Parameters
    ----------
    folder
        Output folder of a finished run.
    jobs
        Worker processes; -1 for one a core.
    repeats
        Trainings of each architecture and recipe, with weights and batches of their own; at least 2.
    epochs
        Of each training; None: the run's own.
    methods
        Labels of the methods whose architectures are trained; None: all.
    architectures
        Of each method and seed, the first ones; None: all. Only random and given architectures may be several.
    progress
        Whether to show progress on standard error.

    Returns
    -------
    int
        How many trainings were done now.

    Raises
    ------
    HarnessError
        If the folder holds no finished live run, or it has no such method.
    RunError
        If trainings failed: the others are kept.
    """
    check_jobs(jobs)
    if repeats < 2:
        raise HarnessError(f"repeats: wanted at least 2, to tell seeds from architectures, not {repeats}")
    if architectures is not None and architectures < 1:
        raise HarnessError(f"architectures: wanted at least 1 of each method and seed, not {architectures}")
    with RunFolder(folder):
        tasks = list(_tasks(folder, repeats, epochs, methods, architectures))
        (folder / FOLDER).mkdir(exist_ok=True)
        journal = Journal(folder / FOLDER / JOURNAL)
        done = {item["key"] for item in journal.read()}
        missing = [task for task in tasks if task.key not in done]
        failed = fan_out_into(journal, train_one, missing, jobs, "protocol", len(tasks), show=progress)
    if failed:
        first = f"{failed[0]['rung']}, {failed[0]['arch']}: {failed[0]['error']}"
        raise RunError(f"{len(failed)} of {len(tasks)} trainings failed; {first}")
    return repeats * len(missing)


def train_one(task: LadderTraining) -> dict[str, Any]:
    """Train one architecture, its repeats side by side; called in a worker."""
    import torch

    from harness.training.data import split
    from harness.training.train import train

    end_with(task.owner)
    plugins.load(task.plugins)
    task.elsewhere.register()
    torch.set_num_threads(1)  # another number could change the last bits
    benchmark = LiveBenchmark(task.benchmark)
    item: dict[str, Any] = {name: getattr(task, name) for name in ("key", "benchmark", "rung", "arch", "split")}
    try:
        rows = train(
            benchmark.space_name,
            benchmark.space.parse(task.arch),
            split(benchmark.images, task.split),
            task.recipe,
            range(task.repeats),
            evaluate=["test"],
            device=task.device,
        )
    except HarnessError as error:
        return item | {"error": str(error)}
    return item | {"epochs": task.recipe.epochs, "test": [own[-1]["test_accuracy"] for own in rows]}


def trained(folder: Path) -> pd.DataFrame:
    """What the ladders of a run have so far: ``benchmark, epochs, repeats, rung, split, arch, repeat, test`` (percent).

    Ladders of other epochs or repeats stand beside each other.
    """
    rows: dict[tuple[Any, ...], Mapping[str, Any]] = {}
    for item in Journal(folder / FOLDER / JOURNAL).read():
        item["repeats"] = len(item["test"])
        rows[tuple(item[name] for name in (*LADDER, "rung", "split", "arch"))] = item
    frame = pd.DataFrame(list(rows.values()), columns=[*LADDER, "rung", "split", "arch", "test"])
    frame = frame.assign(repeat=frame["test"].map(lambda test: list(range(len(test)))))
    return frame.explode(["test", "repeat"], ignore_index=True).astype({"test": float, "repeat": int})


def protocol(folder: Path) -> pd.DataFrame:
    """How much of a difference is protocol, and how much architecture.

    Returns
    -------
    DataFrame
        A row a ladder (benchmark, epochs and repeats) and rung, `COLUMNS` and `SPREADS`: mean ``test`` accuracy; ``difference``
        to the base recipe in points, over the architectures that both have, with a 95 % t interval over splits; standard
        deviations of an accuracy between architectures and between training seeds within a split; the intraclass correlation
        of single trainings (Shrout and Fleiss, 1979) and Kendall's ``tau`` of the architectures' means with those under the
        base recipe. An easy split is not taken for a good architecture. NaN where too little is there; empty without a ladder.
    """
    rows = []
    for ladder_of, part in trained(folder).groupby(list(LADDER), sort=False):
        means = part.groupby(["split", "arch", "rung"])["test"].mean().unstack("rung").reindex(columns=list(RUNGS))
        for rung in RUNGS:
            if rung in set(part["rung"]):
                row = dict(zip(LADDER, ladder_of, strict=True)) | {"rung": rung}
                both = means[["base", rung]].dropna().set_axis(["base", "rung"], axis=1)
                row |= _spread(part[part["rung"] == rung]) | _against_base(both)
                rows.append(row | {"tau": _agreement(part, rung)})
    frame = pd.DataFrame(rows, columns=[*COLUMNS, *SPREADS])
    return frame.sort_values("benchmark", kind="stable", ignore_index=True)


def _against_base(both: pd.DataFrame) -> dict[str, float]:
    """Return how a rung's means of architectures, in the column ``rung``, stand to those of the column ``base``."""
    if len(both) == 0:
        return {}
    band = mean_band((both["rung"] - both["base"]).groupby("split").mean().to_numpy()[:, None])
    return {"difference": band.mean[0], "low": band.low[0], "high": band.high[0]}


def _agreement(part: pd.DataFrame, rung: str) -> float:
    """Return tau-b of the architectures of a ladder under the base recipe and under a rung's, centred by split.

    Ranks are of sums of shares of right images, which are whole counts over the number of images: as floating-point numbers,
    equal ones would differ by rounding once centred, and be no ties.
    """
    totals: defaultdict[str, defaultdict[tuple[int, str], Fraction]] = defaultdict(lambda: defaultdict(Fraction))
    for name, split, arch, test in zip(*(part[key] for key in ("rung", "split", "arch", "test")), strict=True):
        totals[name][split, arch] += Fraction(test / 100).limit_denominator(MOST_IMAGES)
    both = [key for key in totals["base"] if key in totals[rung]]
    if len(both) < 2:
        return math.nan
    ranks = []
    for name in ("base", rung):
        of_split: defaultdict[int, list[Fraction]] = defaultdict(list)
        for key in both:
            of_split[key[0]].append(totals[name][key])
        means = {split: sum(own, Fraction()) / len(own) for split, own in of_split.items()}
        centred = [totals[name][key] - means[key[0]] for key in both]
        place = {value: rank for rank, value in enumerate(sorted(set(centred)))}
        ranks.append([place[value] for value in centred])
    return kendall(*ranks)


def _spread(part: pd.DataFrame) -> dict[str, Any]:
    wide = part.pivot(index=["split", "arch"], columns="repeat", values="test").dropna()
    found: dict[str, Any] = {
        "splits": part["split"].nunique(),
        "architectures": len(wide),
        "test": wide.to_numpy().mean(),
    }
    splits, scores = wide.index.get_level_values("split"), wide.to_numpy()
    free = len(wide) - splits.nunique()  # a split's own level costs a degree of freedom
    if free == 0:
        return found
    icc = intraclass_correlation(scores, groups=splits)
    means = wide.mean(axis=1)
    spread = float(((means - means.groupby("split").transform("mean")) ** 2).sum()) / free
    within = scores.var(axis=1, ddof=1).mean()
    between = max(0.0, spread - within / scores.shape[1])
    spreads = (between**0.5, within**0.5, icc.estimate, icc.low, icc.high)
    return found | dict(zip(SPREADS, spreads, strict=False))


def _tasks(
    folder: Path, repeats: int, epochs: int | None, methods: Sequence[str] | None, architectures: int | None
) -> Iterator[LadderTraining]:
    """Yield the trainings split by split, and an architecture under all recipes before the next: a kill leaves whole ones."""
    records, _, resolved = read_run(folder)
    cells = cells_of(groups_of(resolved), resolved["seeds"])
    groups: dict[str, Group] = {key: group for key, (group, _) in cells.items() if group.settings}
    if not any(map(is_live, resolved["benchmarks"])):
        raise HarnessError(f"{folder}: not a live run; the architectures of a table cannot be trained again")
    for group in groups.values():
        if LiveBenchmark(group.benchmark).sha256 != group.data_sha256:
            raise HarnessError(f"benchmark {group.benchmark}: the images here are not those that the run used")
    labels = [method["label"] for method in resolved["methods"]]
    if unknown := [name for name in methods or () if name not in labels]:
        raise unknown_name("method", unknown[0], labels, str(folder))
    tracked = read_epochs(folder)
    seeds = records.set_index("cell")["seed"]
    wanted: dict[tuple[str, int, str], Group] = {}
    if tracked is not None:
        evaluated = tracked[(tracked["phase"] == "evaluation") & tracked["arch"].notna() & tracked["cell"].isin(groups)]
        evaluated = evaluated[["cell", "arch"]].drop_duplicates()
        for cell, archs in evaluated.groupby("cell", sort=False)["arch"]:
            group = groups[str(cell)]
            if methods is None or group.method.label in methods:
                wanted |= {(group.benchmark, int(seeds[cell]), arch): group for arch in archs[:architectures]}
    if not wanted:
        whose = f"no cell of {', '.join(methods)}" if methods else "none of its cells"
        raise HarnessError(f"{folder}: {whose} has evaluated an architecture; nothing to train again")
    known = plugins.loaded(), Elsewhere.of_this_process()
    owner = owner_of_workers()
    by_split = sorted(wanted.items(), key=lambda item: item[0][:2])
    for ((name, seed, arch), group), rung in itertools.product(by_split, RUNGS):
        settings = LiveSettings.from_json(group.settings)
        base = settings.evaluation if epochs is None else replace(settings.evaluation, epochs=epochs)
        recipe = ladder(LiveBenchmark(name), base).get(rung)
        if recipe is not None:
            yield LadderTraining(name, rung, recipe, arch, seed, repeats, settings.device, *known, owner)


def ladder(benchmark: LiveBenchmark, recipe: Recipe) -> dict[str, Recipe]:
    """The recipes by rung; without an auxiliary head where the space's networks have none."""
    from harness.training.skeletons import skeleton_of

    hidden = round(HIDDEN * min(benchmark.images.shape[1:]))
    switches: dict[str, dict[str, Any]] = {"cutout": {"cutout": hidden}, "drop path": {"drop_path": DROP_PATH}}
    if skeleton_of(benchmark.space).auxiliary:
        switches["auxiliary head"] = {"auxiliary": AUXILIARY}
    base = replace(recipe, cutout=0, drop_path=0.0, auxiliary=0.0)
    together = {name: value for one in switches.values() for name, value in one.items()}
    return {
        "base": base,
        **{name: replace(base, **one) for name, one in switches.items()},
        "all": replace(base, **together),
    }
