"""Reading pickles that others published, without letting them run code."""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness.errors import HarnessError


def _numpy_globals() -> dict[tuple[str, str], Any]:
    """The globals that a pickled NumPy scalar or dtype asks for, under the old and the new module name."""
    import numpy as np
    from numpy._core import multiarray

    return {
        ("numpy.core.multiarray", "scalar"): multiarray.scalar,
        ("numpy._core.multiarray", "scalar"): multiarray.scalar,
        ("numpy", "dtype"): np.dtype,
    }


class _AllowListUnpickler(pickle.Unpickler):
    def __init__(self, stream: io.BufferedIOBase, allowed: Mapping[tuple[str, str], Any]) -> None:
        super().__init__(stream)
        self._allowed = allowed

    def find_class(self, module: str, name: str) -> Any:
        try:
            return self._allowed[module, name]
        except KeyError:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}, which is not on the allow-list") from None


def read_pickle(path: Path) -> Any:
    """Unpickle a file of plain containers, numbers, strings and NumPy scalars; anything else is refused.

    Raises
    ------
    HarnessError
        If the file is missing, is damaged, or asks for a global outside the allow-list. Nothing of it was executed.
    """
    try:
        with path.open("rb") as stream:
            return _AllowListUnpickler(stream, _numpy_globals()).load()
    except FileNotFoundError as error:
        raise HarnessError(f"{path}: no such file") from error
    except Exception as error:  # a damaged pickle may raise nearly anything
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise HarnessError(f"{path}: refused to read this pickle: {reason}") from error
