"""Fan cells out with joblib, keep what they bring, and make a run that can be killed at any moment and gone on with."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.code.digest import Code, differing
from harness.errors import HarnessError
from harness.live.elsewhere import Elsewhere
from harness.methods.base import Method, method_class
from harness.running.cells import failed_cells, run_cells
from harness.running.kept import adopted, adoptions, codes_of, is_of
from harness.running.progress import Progress
from harness.running.records import Entry, RunFolder, records_frame
from harness.suites.catalogue import load_benchmark
from harness.suites.group import Group
from harness.suites.reading import load_suite, make_suite
from harness.suites.suite import Suite
from harness.system import plugins, provenance
from harness.system.fan_out import check_fan_out, end_with, owner_of_workers, workers
from harness.system.files import write_whole
from harness.tabular.catalogue import loaded, registered_loader
from harness.tabular.table import Table
from harness.training.settings import LiveSettings

if TYPE_CHECKING:
    import pandas as pd

CHECKPOINTS = "checkpoints"
CODE_OF_CHECKPOINTS = "code.json"  # digests of the code of unfinished live cells, beside their checkpoints
# Seeds a chunk: enough to make lockstep worth while and to keep the fan-out cheap, few enough to lose little to a kill.
# A live search takes minutes: it is a chunk of its own, with those beside it.
CHUNK_LOCKSTEP, CHUNK = 50, 25


@dataclass(frozen=True)
class Chunk:
    """Some seeds of one group, as it is sent to a worker."""

    group: Group
    code: Code
    suite: str
    seeds: tuple[int, ...]
    lockstep: bool
    # What a worker cannot find by name: classes and loaders that were registered outside the package.
    method: type[Method] | None
    loader: Callable[[], Table] | None
    elsewhere: Elsewhere
    plugins: tuple[str, ...]
    commit: tuple[str, str]
    environment: str
    workspace: str
    owner: int  # see `fan_out.end_with`


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
    progress: bool = False,
) -> pd.DataFrame:
    """Run a suite, or what is missing of it, and return its records.

    What is there is kept if the code is there that ran it (column ``code_digest``); cells of other code are run again.

    Parameters
    ----------
    suite
        Name or file of a suite, its content as a mapping, or a `Suite`.
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
    progress
        Whether to show progress on standard error.

    Returns
    -------
    pandas.DataFrame
        One row a cell with the columns of `harness.running.records.RECORD_COLUMNS`, in the order of the suite.

    Raises
    ------
    HarnessError
        If anything is wrong with the suite, or the folder is in use or cannot be written.
    """
    plugins.load([*plugins.loaded(), *plugin])
    if isinstance(suite, Mapping):
        suite = make_suite(suite)
    elif not isinstance(suite, Suite):
        suite = load_suite(suite)
    result = run_suite(
        suite,
        Path(output),
        jobs=jobs,
        backend=backend,
        scheduler=scheduler,
        lockstep=lockstep,
        adopt=adopt,
        fresh=fresh,
        progress=progress,
    )
    return result.records


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
) -> RunResult:
    """Run what is missing of a suite; see `run`."""
    check_fan_out(jobs, backend, scheduler)
    if adopt and fresh:
        raise HarnessError(
            "adopt and fresh exclude each other: one keeps what earlier code has run, the other keeps nothing"
        )
    keys = {group.key(seed): (group, seed) for group in suite.groups() for seed in suite.seeds}
    group_of = {key: group for key, (group, _) in keys.items()}
    codes = codes_of(dict.fromkeys(group_of.values()))
    imported = {"distributed"} if backend == "dask" else set[str]()
    environment = provenance.environment(imported.union(*(code.packages for code in codes.values())))
    with workers(jobs, backend, scheduler, show=progress) as pool, RunFolder(output) as folder:
        done = folder.entries()
        missing = [key for key in keys if fresh or not is_of(done.get(key), codes[group_of[key]])]
        trials = adoptions(missing, done, group_of, codes) if adopt else []
        waiting = {key for adoption in trials for key in adoption.others}
        folder.write_json("suite.resolved.json", suite.resolved())
        folder.write_json("environment.json", environment)
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
                chunks = list(_chunks(suite, cells, lockstep, _digest(environment), workspace, owner, codes))
                for entries in pool(run_chunk, chunks):
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
        if workspace.is_dir() and not [path for path in workspace.iterdir() if path.name != CODE_OF_CHECKPOINTS]:
            (workspace / CODE_OF_CHECKPOINTS).unlink(missing_ok=True)
            workspace.rmdir()
    n_run = len(first) + len(again)
    return RunResult(records_frame(done[key] for key in keys), n_run, len(keys) - n_run)


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
) -> Iterator[Chunk]:
    seeds_of: dict[Group, list[int]] = {}
    for group, seed in cells:
        seeds_of.setdefault(group, []).append(seed)
    for group, seeds in seeds_of.items():
        cls, loader = method_class(group.method.name), registered_loader(group.benchmark)
        in_lockstep = lockstep and hasattr(cls, "lockstep") and not group.metrics and not group.settings
        size = CHUNK_LOCKSTEP if in_lockstep else CHUNK
        if group.settings:
            size = LiveSettings.from_json(group.settings).search.side_by_side
        for start in range(0, len(seeds), size):
            yield Chunk(
                group=group,
                code=codes[group],
                suite=suite.name,
                seeds=tuple(seeds[start : start + size]),
                lockstep=in_lockstep,
                method=None if _found_by_name(cls) else cls,
                loader=None if loader is None or _found_by_name(loader) else loader,
                elsewhere=Elsewhere.of_this_process(),
                plugins=plugins.loaded(),
                commit=provenance.git_state(),
                environment=environment,
                workspace=str(workspace.resolve()),
                owner=owner,
            )


def _found_by_name(registered: type[Method] | Callable[[], Table]) -> bool:
    """Whether a worker that has loaded the plug-ins knows this class or loader; by reference it would not find it."""
    return registered.__module__.startswith("harness.") or plugins.is_plugin(registered.__module__)


def run_chunk(chunk: Chunk) -> list[Entry]:
    """Run the searches of a chunk; called in a worker. A method that raises fails its own cell only.

    So does code that is not that of the process that started the run: nothing is run then.
    """
    end_with(chunk.owner)
    plugins.load(chunk.plugins)
    chunk.elsewhere.register()
    name = chunk.group.benchmark
    benchmark = load_benchmark(name) if chunk.loader is None else loaded(name, chunk.loader)
    if benchmark.sha256 != chunk.group.data_sha256:
        raise HarnessError(
            f"benchmark {benchmark.name}: this worker's copy differs from that of the process that started the run"
        )
    origin = {
        "suite": chunk.suite,
        "code_digest": chunk.code.digest,
        "adopted_from": "",
        "git_commit": chunk.commit[0],
        "git_dirty": chunk.commit[1],
        "environment": chunk.environment,
    }
    if other := differing(chunk.code):
        shown = ", ".join(map(plugins.shown, other))
        why = (
            f"{shown} is other code here than in the process that started the run: run again, with workers started anew"
        )
        return failed_cells(benchmark, chunk.group, chunk.seeds, origin, why)
    cls = chunk.method or method_class(chunk.group.method.name)
    return run_cells(
        benchmark, chunk.group, cls, chunk.seeds, origin, lockstep=chunk.lockstep, workspace=Path(chunk.workspace)
    )


def _digest(environment: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(environment, sort_keys=True).encode()).hexdigest()[:16]
