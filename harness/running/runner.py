"""Fan cells out with joblib, keep what they bring, and make a run that can be killed at any moment and gone on with."""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.code.digest import Code
from harness.errors import HarnessError
from harness.live.elsewhere import Elsewhere
from harness.methods.base import method_class
from harness.running.again import read_suite
from harness.running.chunks import Chunk, found_by_name, run_chunk, run_limited
from harness.running.equivalence import margins
from harness.running.folder import RunFolder
from harness.running.kept import adopted, adoptions, codes_of, is_of
from harness.running.manifest import begin
from harness.running.progress import Progress
from harness.running.records import SUITE, records_frame
from harness.running.shards import Shard, parse_shard
from harness.suites.group import Group, cells_of
from harness.suites.reading import make_suite
from harness.suites.suite import Suite
from harness.system import plugins, provenance
from harness.system.fan_out import check_fan_out, owner_of_workers, workers
from harness.system.files import write_whole
from harness.system.limited import check_limit
from harness.tabular.catalogue import registered_loader
from harness.training.settings import LiveSettings

if TYPE_CHECKING:
    import pandas as pd

CHECKPOINTS = "checkpoints"
CODE_OF_CHECKPOINTS = "code.json"  # digests of the code of unfinished live cells, beside their checkpoints
# Seeds a chunk: enough to make lockstep worth while and to keep the fan-out cheap, few enough to lose little to a kill.
# A live search takes minutes: those side by side are a chunk. One with a limit of time is ended by itself.
CHUNK_LOCKSTEP, CHUNK, CHUNK_ALONE = 50, 25, 1


@dataclass(frozen=True)
class RunResult:
    """What `run_suite` leaves.

    Attributes
    ----------
    records
        The suite's records, in the order of the suite.
    n_run, n_kept
        Cells that were run now, and that were there already.
    """

    records: pd.DataFrame
    n_run: int
    n_kept: int

    @property
    def n_failed(self) -> int:
        """Cells whose method raised."""
        return int((self.records["status"] == "failed").sum())

    @property
    def n_adopted(self) -> int:
        """Cells that earlier code has run, and that were adopted now or before."""
        return int((self.records["adopted_from"] != "").sum())


def run(
    suite: str | Path | Mapping[str, Any] | Suite,
    output: str | Path,
    jobs: int = 1,
    backend: str = "loky",
    *,
    scheduler: str | None = None,
    lockstep: bool = True,
    plugin: Sequence[str | Path] = (),
    adopt: bool = False,
    fresh: bool = False,
    shard: str | None = None,
    timeout: float | None = None,
    progress: bool = False,
) -> pd.DataFrame:
    """Run a suite, or what is missing of it, and return its records.

    What is there is kept if the code is there that ran it (column ``code_digest``); cells of other code are run again.

    Parameters
    ----------
    suite
        Name or file of a suite, the folder of a run of it, its content as a mapping, or a `Suite`.
    output
        Folder for the records; a run that is there already is gone on with.
    jobs
        Worker processes (or threads); -1 for one a core.
    backend
        ``loky`` (processes), ``threading``, ``sequential`` or ``dask``.
    scheduler
        Address of the Dask scheduler, with ``backend="dask"``.
    lockstep
        Whether methods may advance many seeds at once; the records are the same either way.
    plugin
        Python files that register methods or benchmarks. One that was edited since it was loaded is loaded again.
    adopt
        Whether cells of other code are kept where one seed of their group (benchmark, method and budget), run again, gives
        the same result to the bit. Their column ``adopted_from`` says what code has run them.
    fresh
        Whether all cells are run, whatever is there.
    shard
        The part of the suite that is run: ``"3/50"`` is the third of fifty, which `harness.merge` makes one run of.
    timeout
        Seconds after which a cell has failed, and is ended with its process; None for none.
    progress
        Whether to show progress on standard error.

    Returns
    -------
    pandas.DataFrame
        One row a cell with the columns of `harness.running.columns.RECORD_COLUMNS`, in the order of the suite. `harness.run`,
        the same function to users, returns an `harness.OpenedRun`, whose ``records`` these are.

    Raises
    ------
    HarnessError
        If anything is wrong with the suite, or the folder is in use or cannot be written.
    """
    result = run_suite(
        as_suite(suite, plugin),
        Path(output),
        jobs=jobs,
        backend=backend,
        scheduler=scheduler,
        lockstep=lockstep,
        adopt=adopt,
        fresh=fresh,
        shard=None if shard is None else parse_shard(shard),
        timeout=timeout,
        progress=progress,
    )
    return result.records


def as_suite(suite: str | Path | Mapping[str, Any] | Suite, plugin: Sequence[str | Path] = ()) -> Suite:
    """The suite that is named in one of the ways that `run` takes, with its plug-ins loaded."""
    plugins.load([*plugins.loaded(), *plugin])
    if isinstance(suite, Mapping):
        return make_suite(suite)
    return suite if isinstance(suite, Suite) else read_suite(suite, plugin=plugin)


def run_suite(
    suite: Suite,
    output: Path,
    *,
    jobs: int = 1,
    backend: str = "loky",
    scheduler: str | None = None,
    lockstep: bool = True,
    adopt: bool = False,
    fresh: bool = False,
    progress: bool = False,
    only: Collection[str] | None = None,
    shard: Shard | None = None,
    timeout: float | None = None,
) -> RunResult:
    """Run what is missing of a suite, of those of its cells with the keys `only`, or of a shard; see `run`."""
    check_fan_out(jobs, backend, scheduler)
    check_limit(timeout, backend)
    if adopt and fresh:
        raise HarnessError(
            "adopt and fresh exclude each other: one keeps what earlier code has run, the other keeps nothing"
        )
    keys = cells_of(suite.groups(), suite.seeds)
    if shard is not None:
        only = shard.of(list(keys))
    if only is not None:
        keys = {key: keys[key] for key in only}
    group_of = {key: group for key, (group, _) in keys.items()}
    codes = codes_of(dict.fromkeys(group_of.values()))
    environment = _environment(codes, backend)
    with workers(jobs, backend, scheduler, show=progress) as pool, RunFolder(output) as folder:
        done = folder.entries()
        missing = [key for key in keys if fresh or not is_of(done.get(key), codes[group_of[key]])]
        trials = adoptions(missing, done, group_of, codes) if adopt else []
        waiting = {key for adoption in trials for key in adoption.others}
        folder.write_json(SUITE, suite.resolved())
        used = {str(entry.record["environment"]) for entry in done.values()}
        manifest = begin(output, environment, codes.values(), used, shard)
        workspace = output / CHECKPOINTS
        owner = owner_of_workers(backend)
        _claim_checkpoints(
            workspace, {key: codes[group_of[key]].digest for key in missing if group_of[key].settings}, fresh
        )
        older = sum(key in done and not done[key].failed for key in missing)
        if progress and older and not (adopt or fresh):
            print(
                f"{suite.name}: {older} cells are there that other code has run, or nobody can tell: they are run again "
                "(--adopt keeps those of groups of which one seed gives the same result)",
                file=sys.stderr,
            )
        with Progress(suite, len(keys), len(keys) - len(missing), show=progress) as bar:

            def run_now(some: Sequence[str]) -> None:
                cells = [keys[key] for key in some]
                chunks = list(
                    _chunks(suite, cells, lockstep, manifest.head, workspace, owner, codes, timeout is not None)
                )
                for entries in pool(run_chunk, chunks) if timeout is None else run_limited(chunks, jobs, timeout):
                    folder.append(entries)
                    for entry in entries:  # durable now: its checkpoints have done their work
                        for checkpoint in workspace.glob(f"{entry.cell}.*") if entry.epochs else ():
                            checkpoint.unlink()
                    done.update((entry.cell, entry) for entry in entries)
                    bar.advance(entries)

            first = [key for key in missing if key not in waiting]
            run_now(first)
            again: list[str] = []
            for adoption in trials:
                if adoption.holds(done[adoption.trial.cell]):
                    taken = [adopted(done[key], adoption.code) for key in adoption.others]
                    done |= {entry.cell: entry for entry in taken}
                    bar.advance(taken)
                else:
                    again += adoption.others
            run_now(again)
        # What the suite calls a cell may have changed since the cell was run; what it found has not.
        for key, (group, _) in keys.items():
            done[key] = replace(done[key], record=done[key].record | {"suite": suite.name, "label": group.method.label})
        folder.compact(done, keys)
        records = records_frame(done[key] for key in keys)
        if live := [key for key, group in group_of.items() if group.settings]:
            replace(manifest, margins=margins(records[records["cell"].isin(live)])).write(output)
        if workspace.is_dir() and not [path for path in workspace.iterdir() if path.name != CODE_OF_CHECKPOINTS]:
            (workspace / CODE_OF_CHECKPOINTS).unlink(missing_ok=True)
            workspace.rmdir()
    n_run = len(first) + len(again)
    return RunResult(records, n_run, len(keys) - n_run)


def _environment(codes: Mapping[Group, Code], backend: str) -> dict[str, Any]:
    """Machine and packages of the searches; where they compute on a GPU, its name."""
    imported = {"distributed"} if backend == "dask" else set[str]()
    found = provenance.environment(imported.union(*(code.packages for code in codes.values())))
    devices = {LiveSettings.from_json(group.settings).device for group in codes if group.settings}
    if any(device.startswith("cuda") for device in devices):
        import torch

        found["accelerator"] = torch.cuda.get_device_name(0) if torch.cuda.is_available() else ""
    return found


def _claim_checkpoints(workspace: Path, digests: Mapping[str, str], fresh: bool) -> None:
    """Remove checkpoints that other code has left of live cells: what goes on from them would be of neither code."""
    if not digests:
        return
    note = workspace / CODE_OF_CHECKPOINTS
    stated: dict[str, str] = json.loads(note.read_text()) if note.is_file() else {}
    for path in workspace.glob("*.pt*"):
        cell = path.name.partition(".")[0]
        if cell in digests and (fresh or (cell in stated and (not stated[cell] or stated[cell] != digests[cell]))):
            path.unlink()
    write_whole(note, (json.dumps({**stated, **digests}, indent=1) + "\n").encode())


def _chunks(
    suite: Suite,
    cells: Sequence[tuple[Group, int]],
    lockstep: bool,
    environment: str,
    workspace: Path,
    owner: int,
    codes: Mapping[Group, Code],
    one_by_one: bool,
) -> Iterator[Chunk]:
    seeds_of: dict[Group, list[int]] = {}
    for group, seed in cells:
        seeds_of.setdefault(group, []).append(seed)
    for group, seeds in seeds_of.items():
        cls, loader = method_class(group.method.name), registered_loader(group.benchmark)
        in_lockstep = lockstep and hasattr(cls, "lockstep") and not group.metrics and not group.settings
        size = CHUNK_LOCKSTEP if in_lockstep else CHUNK_ALONE if one_by_one else CHUNK
        if group.settings:
            size = LiveSettings.from_json(group.settings).search.side_by_side
        for start in range(0, len(seeds), size):
            yield Chunk(
                group=group,
                code=codes[group],
                suite=suite.name,
                seeds=tuple(seeds[start : start + size]),
                lockstep=in_lockstep,
                method=None if found_by_name(cls) else cls,
                loader=None if loader is None or found_by_name(loader) else loader,
                elsewhere=Elsewhere.of_this_process(),
                plugins=plugins.loaded(),
                commit=provenance.git_state(),
                environment=environment,
                workspace=str(workspace.resolve()),
                owner=owner,
            )
