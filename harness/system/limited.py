"""Fan work out to processes that are ended when a task takes too long: a search may never return, in Python or below it."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any, Generic, TypeVar

from harness.errors import HarnessError
from harness.system.fan_out import deaths_are_told, environment_of_workers

Task = TypeVar("Task")
Result = TypeVar("Result")


def check_limit(limit_s: float | None, backend: str) -> None:
    """Refuse a limit that is none, and one for work that is not done in processes of this machine."""
    if limit_s is None:
        return
    if not (math.isfinite(limit_s) and limit_s > 0):
        raise HarnessError(f"timeout: wanted a number of seconds above 0, not {limit_s:g}")
    if backend != "loky":
        raise HarnessError(
            f"timeout: a cell that takes too long is ended with its process, which the back end {backend} does not allow; leave "
            "out --backend, or on a cluster use --shard"
        )


def limited(
    function: Callable[[Task], Result],
    prepare: Callable[[Task], object],
    tasks: Sequence[Task],
    jobs: int,
    limit_s: float,
) -> Generator[tuple[Task, Result | None], None, None]:
    """Do tasks in worker processes; each with its result, in whatever order, or with None if it took longer than the limit.

    Parameters
    ----------
    function
        What is done; its time counts.
    prepare
        Called in the same process before it, for a task's imports and data; its time does not count.
    tasks
        What for.
    jobs
        Worker processes; -1 for one a core.
    limit_s
        Seconds.

    Raises
    ------
    RunError
        If a worker dies of something else.
    """
    import joblib
    from joblib.externals.loky import FIRST_COMPLETED, wait

    todo = deque(tasks)
    slots = [_Slot(function, prepare, limit_s) for _ in range(min(joblib.effective_n_jobs(jobs), len(tasks)))]
    try:
        with deaths_are_told():
            while todo or any(slot.task is not None for slot in slots):
                for slot in slots:
                    if slot.task is None and todo:
                        slot.begin(todo.popleft())
                busy = [slot for slot in slots if slot.task is not None]
                pause = min(slot.deadline for slot in busy) - time.monotonic()
                wait(
                    [slot.future for slot in busy],
                    timeout=None if math.isinf(pause) else max(pause, 0.0),
                    return_when=FIRST_COMPLETED,
                )
                for slot in busy:
                    yield from slot.look()
    finally:
        for slot in slots:
            slot.end()


class _Slot(Generic[Task, Result]):
    """A worker process, started when it is first needed and again after it was ended; one task at a time."""

    def __init__(self, function: Callable[[Task], Result], prepare: Callable[[Task], object], limit_s: float) -> None:
        self._function, self._prepare, self._limit_s = function, prepare, limit_s
        self._executor: Any = None
        self.task: Task | None = None
        self.future: Any = None
        self.deadline = math.inf  # none while the task is prepared

    def begin(self, task: Task) -> None:
        """Take a task, and prepare it."""
        from joblib.externals.loky.process_executor import ProcessPoolExecutor

        if self._executor is None:
            self._executor = ProcessPoolExecutor(max_workers=1, env=environment_of_workers())
        self.task, self.deadline = task, math.inf
        self.future = self._executor.submit(self._prepare, task)

    def look(self) -> Iterator[tuple[Task, Result | None]]:
        """Go on with what is prepared; yield what is done or too late."""
        assert self.task is not None
        task = self.task
        if self.future.done():
            result = self.future.result()
            if math.isinf(self.deadline):
                self.future = self._executor.submit(self._function, task)
                self.deadline = time.monotonic() + self._limit_s
                return
            self.task = None
            yield task, result
        elif time.monotonic() >= self.deadline:
            self.end()
            yield task, None

    def end(self) -> None:
        """End the process, whatever it does."""
        self.task = None
        if self._executor is not None:
            self._executor.shutdown(wait=True, kill_workers=True)
            self._executor = None
