"""Chunks: some cells of one group, sent to a worker and run there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from harness.code.digest import Code, differing
from harness.errors import HarnessError
from harness.live.benchmark import LiveBenchmark
from harness.live.elsewhere import Elsewhere
from harness.methods.base import Method, method_class
from harness.running.cells import failed_cells, run_cells
from harness.running.records import Entry
from harness.suites.catalogue import digest_of_statistics, load_benchmark
from harness.suites.group import Group
from harness.system import plugins
from harness.system.fan_out import end_with
from harness.system.limited import limited
from harness.tabular.catalogue import loaded
from harness.tabular.table import Table


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

    @property
    def origin(self) -> dict[str, str]:
        """Columns of its records, see `harness.running.joining.common_columns`."""
        return {
            "suite": self.suite,
            "code_digest": self.code.digest,
            "adopted_from": "",
            "git_commit": self.commit[0],
            "git_dirty": self.commit[1],
            "environment": self.environment,
        }


def found_by_name(registered: type[Method] | Callable[[], Table]) -> bool:
    """Whether a worker that has loaded the plug-ins knows this class or loader; by reference it would not find it."""
    return registered.__module__.startswith("harness.") or plugins.is_plugin(registered.__module__)


def run_limited(chunks: Sequence[Chunk], jobs: int, limit_s: float) -> Iterator[list[Entry]]:
    """Run chunks, each cell for at most so many seconds; one that takes longer has failed.

    Searches in lockstep have the time of one. Where that does not do, each is run by itself.
    """
    alone: list[Chunk] = []
    with closing(limited(run_chunk, load_chunk, chunks, jobs, limit_s)) as results:
        for chunk, entries in results:
            if entries is not None:
                yield entries
            elif len(chunk.seeds) > 1:
                alone += [replace(chunk, seeds=(seed,)) for seed in chunk.seeds]
            else:
                benchmark, why = load_chunk(chunk), f"timeout: it had not come to its end after {limit_s:g} s"
                yield failed_cells(benchmark, chunk.group, chunk.seeds, chunk.origin, why, limit_s)
    if alone:
        yield from run_limited(alone, jobs, limit_s)


def load_chunk(chunk: Chunk) -> Table | LiveBenchmark:
    """Load what a chunk needs, and return its benchmark; called in a worker.

    Raises
    ------
    HarnessError
        If the benchmark is not that of the process that started the run.
    """
    end_with(chunk.owner)
    plugins.load(chunk.plugins)
    chunk.elsewhere.register()
    name = chunk.group.benchmark
    benchmark = load_benchmark(name) if chunk.loader is None else loaded(name, chunk.loader)
    if benchmark.sha256 != chunk.group.data_sha256:
        raise _other_copy(benchmark)
    if chunk.group.settings:
        import harness.running.live  # noqa: F401  # with torch: its time is no cell's
    return benchmark


def _other_copy(benchmark: Table | LiveBenchmark) -> HarnessError:
    return HarnessError(
        f"benchmark {benchmark.name}: this worker's copy differs from that of the process that started the run"
    )


def run_chunk(chunk: Chunk) -> list[Entry]:
    """Run the searches of a chunk; called in a worker. A method that raises fails its own cell only.

    So does code that is not that of the process that started the run: nothing is run then.
    """
    benchmark = load_chunk(chunk)
    if other := differing(chunk.code):
        shown = ", ".join(map(plugins.shown, other))
        why = (
            f"{shown} is other code here than in the process that started the run: run again, with workers started anew"
        )
        return failed_cells(benchmark, chunk.group, chunk.seeds, chunk.origin, why)
    cls = chunk.method or method_class(chunk.group.method.name)
    if digest_of_statistics(benchmark, cls.of(chunk.group.method.params).statistic_names) != chunk.group.scores_sha256:
        raise _other_copy(benchmark)
    return run_cells(
        benchmark, chunk.group, cls, chunk.seeds, chunk.origin, lockstep=chunk.lockstep, workspace=Path(chunk.workspace)
    )
