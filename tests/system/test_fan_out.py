"""Workers that die are told by what they died of."""

from __future__ import annotations

import os
import signal

import pytest

from harness.errors import RunError
from harness.system.fan_out import fan_out, workers

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs signals of POSIX")


@pytest.mark.parametrize(
    ("how", "told"),
    [
        (signal.SIGKILL, "was killed (SIGKILL, as the system does when memory runs out)"),
        (signal.SIGABRT, "was aborted (SIGABRT: "),
        (signal.SIGSEGV, "crashed (SIGSEGV: "),
        (signal.SIGTERM, "was ended by SIGTERM"),
        (-3, "ended with exit code 3"),
    ],
)
def test_a_worker_that_dies_is_told_by_its_signal(how: int, told: str) -> None:
    def die(how: int) -> None:  # a closure goes to workers by value: they cannot import this file
        if how < 0:
            os._exit(-how)
        if how == signal.SIGTERM:  # which loky handles
            signal.signal(how, signal.SIG_DFL)
        os.kill(os.getpid(), how)

    with workers(2), pytest.raises(RunError) as caught:
        list(fan_out(die, [int(how)]))
    message = str(caught.value)
    assert f"a worker process {told}" in message
    assert message.endswith("; what is finished is kept, run again to go on")
    assert "\n" not in message
    assert ("memory runs out" in message) == (how == signal.SIGKILL)
