"""Fan work out: to processes or threads with joblib, or to a Dask cluster."""

from __future__ import annotations

import os
import re
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Protocol, TypeVar

from harness.errors import HarnessError, RunError, unknown_name
from harness.system.cluster import dask_cluster
from harness.system.import_path import forget_safe_environment, library_first_here, safe_environment, safe_starts
from harness.system.journal import Journal
from harness.system.progress import counting
from harness.system.settings import check_settings

BACKENDS = ("loky", "threading", "sequential", "dask")

Task = TypeVar("Task")
Result = TypeVar("Result")


def check_jobs(jobs: int) -> None:
    """Refuse a number of workers that is none, and settings of the environment that are wrong."""
    check_settings()
    if jobs == 0 or jobs < -1:
        raise HarnessError(f"jobs: wanted a number of workers of at least 1, or -1 for one a core, not {jobs}")


def check_fan_out(jobs: int, backend: str, scheduler: str | None) -> None:
    """Refuse a number of workers that is none, an unknown back end, and a scheduler without Dask or the reverse."""
    if backend not in BACKENDS:
        raise unknown_name("backend", backend, BACKENDS)
    check_jobs(jobs)
    if (backend == "dask") != (scheduler is not None):
        raise HarnessError(
            "the dask back end and a scheduler address go together: --backend dask --scheduler tcp://host:port"
        )


class FanOut(Protocol):
    """What a function makes of each task, in whatever order the results come."""

    def __call__(self, function: Callable[[Task], Result], tasks: Sequence[Task], /) -> Iterator[Result]:
        """Do all tasks."""
        ...


@contextmanager
def workers(jobs: int, backend: str = "loky", scheduler: str | None = None, *, show: bool = False) -> Iterator[FanOut]:
    """Workers, and what gives them work.

    Parameters
    ----------
    jobs
        How many; -1 for one a core.
    backend
        ``loky`` (processes), ``threading``, ``sequential`` or ``dask``.
    scheduler
        Address of the Dask scheduler.
    show
        Whether to say that it has no worker yet.
    """
    with library_first_here():
        if backend == "dask":
            with dask_cluster(str(scheduler), show=show) as cluster:
                yield cluster
            return
        import joblib

        with joblib.parallel_config(backend=_processes() if backend == "loky" and jobs != 1 else backend, n_jobs=jobs):
            yield fan_out


def fan_out(function: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[Result]:
    """What a function makes of each task, in whatever order the results come; called inside `workers`.

    Raises
    ------
    RunError
        If a worker process dies.
    """
    import joblib

    if not tasks:
        return
    with deaths_are_told():
        yield from joblib.Parallel(return_as="generator_unordered", batch_size=1)(
            joblib.delayed(function)(task) for task in tasks
        )


@contextmanager
def deaths_are_told() -> Iterator[None]:
    """Inside, a worker process that dies is a `RunError` that says of what."""
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    try:
        yield
    except TerminatedWorkerError as error:
        raise RunError(
            f"a worker process {cause_of_death(error)}; what is finished is kept, run again to go on"
        ) from error


# What the commonest signals tell.
DEATHS = {
    "SIGABRT": "was aborted (SIGABRT: a library gave up, as glibc does where memory was written that is not the program's)",
    "SIGSEGV": "crashed (SIGSEGV: it used memory that is not its own)",
    "SIGBUS": "crashed (SIGBUS: it used memory that is not there)",
    "SIGILL": "crashed (SIGILL: an instruction that this processor does not have)",
    "SIGKILL": "was killed (SIGKILL, as the system does when memory runs out)",
}


def cause_of_death(error: Exception) -> str:
    """What a worker died of: its signal by name, or its exit code; `error` is loky's, which lists them, ``{SIGKILL(-9)}``."""
    causes = sorted(set(re.findall(r"(SIG\w+)\(-\d+\)", str(error))))
    if causes:
        return " and another ".join(DEATHS.get(cause, f"was ended by {cause}") for cause in causes)
    codes = sorted(set(re.findall(r"EXIT\((\d+)\)", str(error))))
    return f"ended with exit code {' and '.join(codes)}" if codes else "ended, and did not say why"


def fan_out_into(
    journal: Journal,
    function: Callable[[Task], dict[str, Any]],
    tasks: Sequence[Task],
    jobs: int,
    name: str,
    total: int,
    *,
    show: bool,
) -> list[dict[str, Any]]:
    """Fan out to worker processes, and keep each result in a journal as soon as it is there.

    Parameters
    ----------
    journal
        Where results go.
    function, tasks
        What is to be done. A result with the key ``error`` tells of a failure.
    jobs
        Worker processes; -1 for one a core.
    name, total, show
        For the progress: what it belongs to, of how many tasks these are the last, whether to show it.

    Returns
    -------
    list of dict
        Results that tell of a failure: they are not kept, so that another call tries again.
    """
    failed = []
    with workers(jobs) as pool, counting(name, total, total - len(tasks), show=show) as advance:
        for result in pool(function, tasks):
            if "error" in result:
                failed.append(result)
            else:
                journal.append([result])
            advance()
    return failed


def owner_of_workers(backend: str = "loky") -> int:
    """What to hand to `end_with`: this process if its workers are its own, 0 if they are not ours to end."""
    return os.getpid() if backend == "loky" else 0


@lru_cache(maxsize=1)  # once a worker
def end_with(owner: int) -> None:
    """Called in a worker: it ends when the process that started it is killed; it would wait for ever otherwise.

    What is printed in it goes to standard error, since standard output is that of the process that prints results. An
    interrupt from the terminal, which reaches all processes, is left to the one that started it: it ends its workers.
    """

    def watch() -> None:
        while os.getppid() == owner:
            time.sleep(1.0)
        os._exit(1)

    if owner not in (0, os.getpid()):
        forget_safe_environment()
        sys.stdout = sys.stderr
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGINT, signal.SIG_IGN)
        threading.Thread(target=watch, daemon=True).start()


def environment_of_workers() -> dict[str, str]:
    """Variables of the environment that worker processes have of their own: one thread each, the standard library first."""
    found: dict[str, str] = _processes()._prepare_worker_env(1)
    return found


def _processes() -> Any:
    """The back end of joblib for processes, which here find the standard library before a file of the user's."""
    from joblib.parallel import LokyBackend

    class Processes(LokyBackend):  # type: ignore[misc]  # joblib has no types
        def _prepare_worker_env(self, n_jobs: int) -> dict[str, str]:
            return super()._prepare_worker_env(n_jobs) | safe_environment()

    if os.name == "posix":
        # Those that clean up behind the workers are started once, by whoever needs them first.
        from multiprocessing import resource_tracker

        from joblib.externals.loky.backend import resource_tracker as of_loky

        with safe_starts():
            resource_tracker.ensure_running()
            of_loky.ensure_running()
    # A search is one thread; more would only be in each other's way.
    return Processes(inner_max_num_threads=1)
