"""What a pickle may ask for: stand-ins that take plain numbers only, by the names of what they stand for."""

from __future__ import annotations

import collections
import math
import pickle
from collections.abc import Callable, Collection
from typing import Any

import numpy as np
from numpy.typing import NDArray

PLAIN_KINDS = "biuf"  # booleans, integers and floats
WEIGHTS = "it holds trained weights, which are not read; take the published file without them"


class Refused(pickle.UnpicklingError):
    """A pickle asks for more than plain data."""


class Record:
    """What stands in for an instance of a class that a pickle names: its attributes and nothing else."""


def allowed_globals(records: Collection[str]) -> dict[str, Any]:
    """Stand-ins by the full name that a pickle asks for, old and new; a class a record, made afresh for each file."""
    allowed: dict[str, Any] = {
        "collections.OrderedDict": collections.OrderedDict,
        "_codecs.encode": _Call(_encode),
        "numpy.dtype": _Call(_Dtype),
        "numpy.ndarray": _Call(_reconstruct),
    }
    for builtins in ("builtins", "__builtin__"):
        allowed |= {f"{builtins}.set": set, f"{builtins}.bytes": _Call(lambda: b"")}
    for core in ("numpy.core", "numpy._core"):
        allowed |= {
            f"{core}.multiarray.scalar": _Call(_scalar),
            f"{core}.multiarray._reconstruct": _Call(_reconstruct),
            f"{core}.numeric._frombuffer": _Call(_from_bytes),
        }
    return allowed | {name: type("Record", (Record,), {}) for name in records}


def find_allowed(allowed: dict[str, Any], module: str, name: str) -> Any:
    """Return what stands in for a global; one that is not on the list is refused by name."""
    try:
        return allowed[f"{module}.{name}"]
    except KeyError:
        raise Refused(f"it asks for {module}.{name}, which is not on the allow-list") from None


class _Dtype:
    """Stands in for a NumPy data type: a plain number's, with nothing attached."""

    def __init__(self, name: str, align: object = False, copy: object = True) -> None:
        self.dtype = np.dtype(name) if isinstance(name, str) and len(name) <= 4 else np.dtype(object)
        if self.dtype.kind not in PLAIN_KINDS:
            raise Refused(f"it asks for the data type {name!r:.40}; only plain numbers are read")

    def __setstate__(self, state: Any) -> None:
        if not isinstance(state, tuple) or len(state) != 8 or tuple(state[2:5]) != (None, None, None):
            raise Refused("it changes a data type")
        if state[1] in ("<", ">"):
            self.dtype = self.dtype.newbyteorder(state[1])


class _Array:
    """Stands in for a NumPy array; `numpy.asarray` makes one of it."""

    def __init__(self, values: NDArray[Any]) -> None:
        self._values = values

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return self._values.astype(dtype) if dtype is not None else self._values

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, index: Any) -> Any:
        return self._values[index].item()

    def __setstate__(self, state: Any) -> None:
        _version, shape, dtype, fortran, data = state
        self._values = _from_bytes(data, dtype, shape, "F" if fortran else "C")._values


def _from_bytes(data: Any, dtype: Any, shape: Any, order: Any) -> _Array:
    if not isinstance(dtype, _Dtype) or not isinstance(data, bytes | bytearray):
        raise Refused("it has an array of something else than plain numbers")
    if math.prod(shape) * dtype.dtype.itemsize != len(data):
        raise Refused(f"it has an array of shape {shape} in {len(data)} bytes")
    return _Array(np.frombuffer(bytes(data), dtype.dtype).reshape(shape, order="F" if order == "F" else "C"))


def _scalar(dtype: Any, data: Any) -> Any:
    return _from_bytes(data, dtype, (), "C")._values.item()


def _reconstruct(*_: Any) -> _Array:
    return _Array(np.empty(0))  # `BUILD` fills it


def _encode(text: Any, encoding: Any) -> bytes:
    if not isinstance(text, str) or encoding != "latin1":
        raise Refused("it encodes a text as something else than bytes")
    return text.encode("latin1")


class _Call:
    """A function that a pickle may call but not change."""

    __slots__ = ("_function",)

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, *arguments: Any) -> Any:
        return self._function(*arguments)

    def __setstate__(self, state: Any) -> None:
        raise Refused("it tries to change what it may only call")
