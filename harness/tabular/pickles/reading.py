"""Reading a pickle at once."""

from __future__ import annotations

import pickle
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from harness.errors import HarnessError, first_line
from harness.tabular.pickles.allowed import WEIGHTS, Refused, allowed_globals, find_allowed
from harness.tabular.pickles.bounds import bounded_memory, open_bounded

LARGEST_FILE = 2**31  # bytes that one pickle may have once decompressed


def read_pickle(path: Path, records: Collection[str] = (), limit: int = LARGEST_FILE, memory: int | None = None) -> Any:
    """Unpickle a file, plain or bz2, of containers, numbers, strings, NumPy scalars and arrays; anything else is refused.

    Parameters
    ----------
    path
        The file.
    records
        Full names of the classes whose instances may stand in it; each becomes a `Record` with the same attributes.
    limit
        Bytes that it may have once decompressed.
    memory
        Bytes that this process may grow by; None is what all but the largest files need.

    Raises
    ------
    HarnessError
        If the file is missing, is damaged, is too large, or asks for a global outside the list. Nothing of it was executed.
    """
    with refusals(path), open_bounded(path, limit) as stream:
        return load(stream, records, memory)


def load(stream: IO[bytes], records: Collection[str] = (), memory: int | None = None) -> Any:
    """Unpickle one pickle of a stream; see `read_pickle`. Errors are as the unpickler raises them: use `refusals`."""
    with bounded_memory(memory):
        return _Unpickler(stream, allowed_globals(records)).load()


@contextmanager
def refusals(path: Path) -> Iterator[None]:
    """Turn whatever a pickle raises into one line about the file."""
    try:
        yield
    except HarnessError:
        raise
    except FileNotFoundError as error:
        raise HarnessError(f"{path}: no such file") from error
    except PermissionError as error:
        raise HarnessError(f"{path}: no permission to read it") from error
    except EOFError as error:
        raise HarnessError(f"{path}: refused to read this pickle: it is cut short; fetch the file again") from error
    except Exception as error:  # a damaged pickle may raise nearly anything
        reason = first_line(error)
        raise HarnessError(f"{path}: refused to read this pickle: {reason}") from error


class _Unpickler(pickle.Unpickler):
    def __init__(self, stream: IO[bytes], allowed: dict[str, Any]) -> None:
        super().__init__(stream)
        self._allowed = allowed

    def find_class(self, module: str, name: str) -> Any:
        return find_allowed(self._allowed, module, name)

    def persistent_load(self, pid: Any) -> Any:
        raise Refused(WEIGHTS)
