"""Fan work out to a Dask cluster: with its own client, since joblib's takes a cluster of one core for no cluster at all."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from harness.errors import HarnessError, RunError, first_line
from harness.system.settings import dask_wait_s

LOOK_EVERY = 15.0  # seconds between looks at whether there are workers, and lines that say that there are none
KEPT = "what is finished is kept, run again to go on"

Task = TypeVar("Task")
Result = TypeVar("Result")


class Cluster:
    """A Dask cluster; called like `harness.system.fan_out.fan_out`, it sends the tasks there.

    Parameters
    ----------
    client
        Client of its scheduler.
    scheduler
        The scheduler's address.
    show
        Whether to say that no worker is there yet.
    """

    def __init__(self, client: Any, scheduler: str, *, show: bool) -> None:
        self._client, self._scheduler, self._show = client, scheduler, show

    def __call__(self, function: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[Result]:
        """What a function makes of each task, in whatever order the results come.

        Raises
        ------
        HarnessError
            If no worker comes in time.
        RunError
            If the workers or the scheduler are lost on the way.
        """
        from distributed.scheduler import KilledWorker

        finished: SimpleQueue[Any] = SimpleQueue()
        # The tasks are handed over before there is a worker: a cluster that grows with its work grows by them.
        futures = self._client.map(function, tasks, pure=False)
        for future in futures:
            future.add_done_callback(finished.put)
        for number in range(len(futures)):
            future = self._next(finished, lost=RunError if number else HarnessError)
            try:
                result = future.result()
            except KilledWorker as error:
                raise RunError(f"{self._scheduler}: {first_line(error)} {KEPT}") from error
            except (CancelledError, OSError) as error:
                raise RunError(f"lost the Dask scheduler at {self._scheduler}: {first_line(error)}; {KEPT}") from error
            except (ImportError, RuntimeError) as error:
                if isinstance(error, RuntimeError) and "deserialization" not in str(error):
                    raise
                raise HarnessError(
                    f"{self._scheduler}: the scheduler or a worker lacks nas-harness or another version of Python runs there: "
                    f"{first_line(error)}"
                ) from error
            future.release()
            yield result

    def _next(self, finished: SimpleQueue[Any], lost: type[HarnessError]) -> Any:
        """The next finished future, as long as there are workers or some may still come."""
        wait_s, seen = dask_wait_s(), time.monotonic()
        pause = 0.0
        while True:
            try:
                return finished.get(timeout=pause)
            except Empty:
                waited = time.monotonic() - seen
            if self._client.nthreads():
                seen, pause = time.monotonic(), LOOK_EVERY
                continue
            if waited >= wait_s:
                raise lost(
                    f"no worker came to the Dask scheduler at {self._scheduler} in {wait_s:g} s; start some, or wait longer "
                    f"with NAS_HARNESS_DASK_WAIT=SECONDS"
                )
            if self._show:
                print(
                    f"no worker at {self._scheduler}, waiting: {waited:.0f} of {wait_s:g} s",
                    file=sys.stderr,
                    flush=True,
                )
            pause = min(LOOK_EVERY, wait_s - waited)


@contextmanager
def dask_cluster(scheduler: str, *, show: bool) -> Iterator[Cluster]:
    """Inside, a cluster can be worked with.

    Raises
    ------
    HarnessError
        If Dask is missing, or no scheduler answers at the address.
    """
    try:
        from distributed import Client
    except ImportError:
        raise HarnessError("the dask back end needs the extra: pip install 'nas-harness[cluster]'") from None
    try:
        client = Client(scheduler, timeout=10)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise HarnessError(f"no Dask scheduler answers at {scheduler}: {first_line(error)}") from error
    with client:
        yield Cluster(client, scheduler, show=show)
