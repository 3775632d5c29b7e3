"""Reading pickles that others published, without letting them run code.

Every global that a pickle asks for is looked up in a short list; what is not on it is refused by name. What is on it is not
the real thing either, but a stand-in of this module that takes plain numbers only: so neither a changed data type nor a
second call of `BUILD` on something shared can do harm. Sizes are bounded: that of the stream once decompressed, and, where
the system can, the memory that one file may take.
"""

from __future__ import annotations

import bz2
import collections
import io
import math
import pickle
import re
import struct
from array import array
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError, first_line

LARGEST_FILE = 2**31  # bytes that one pickle may have once decompressed
LARGEST_STREAM = 2**36  # the same for a pickle that is read item by item
MEMORY = 2**32  # bytes that reading one pickle may take beyond what the process has
PLAIN_KINDS = "biuf"  # booleans, integers and floats


class Refused(pickle.UnpicklingError):
    """A pickle asks for more than plain data."""


class Record:
    """What stands in for an instance of a class that a pickle names: its attributes and nothing else."""


def read_pickle(path: Path, records: Collection[str] = (), limit: int = LARGEST_FILE) -> Any:
    """Unpickle a file, plain or bz2, of containers, numbers, strings, NumPy scalars and arrays; anything else is refused.

    Parameters
    ----------
    path
        The file.
    records
        Full names of the classes whose instances may stand in it; each becomes a `Record` with the same attributes.
    limit
        Bytes that it may have once decompressed.

    Raises
    ------
    HarnessError
        If the file is missing, is damaged, is too large, or asks for a global outside the list. Nothing of it was executed.
    """
    with refusals(path), open_bounded(path, limit) as stream:
        return load(stream, records)


def load(stream: IO[bytes], records: Collection[str] = ()) -> Any:
    """Unpickle one pickle of a stream; see `read_pickle`. Errors are as the unpickler raises them: use `refusals`."""
    with _bounded_memory():
        return _Unpickler(stream, _allowed(records)).load()


def load_items(stream: io.BufferedReader, key: str | None, each: Callable[[Any, Any], None]) -> dict[str, Any]:
    """Unpickle a dictionary that has a huge one under `key`, or is one, and hand the huge one's items over as they come.

    Only one item is in memory at a time, whatever their number. Strings are kept, each once; containers are forgotten with
    their item, so a pickle whose items share containers is refused.

    Parameters
    ----------
    stream
        Where the pickle begins.
    key
        Key of the huge dictionary, None if it is the whole; its own keys must be integers.
    each
        Called with every key and value of it.

    Returns
    -------
    dict
        The rest, without the huge dictionary.
    """
    with _bounded_memory():
        found = _ItemUnpickler(stream, key, each).load()
    if isinstance(found, dict) and key is not None:
        rest, found = found, found.pop(key, None)
    else:
        rest = {}
    if not isinstance(found, dict):
        raise Refused("it is no dictionary" if key is None else f"it has no dictionary {key!r}")
    for item in found.items():  # the last of every batch that the pickle was written in
        each(*item)
    return rest


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


def open_bounded(path: Path, limit: int) -> io.BufferedReader:
    """Open a file, plain or bz2, of which no more than `limit` decompressed bytes can be read."""
    file = path.open("rb")
    packed = file.read(3) == b"BZh"
    file.seek(0)
    return bounded(bz2.BZ2File(file) if packed else file, limit)


def bounded(stream: Any, limit: int) -> io.BufferedReader:
    """A view of a stream of which no more than `limit` bytes can be read."""
    return io.BufferedReader(_Bounded(stream, limit), 2**18)


class _Bounded(io.RawIOBase):
    def __init__(self, stream: Any, limit: int) -> None:
        self._stream, self._limit, self._left = stream, limit, limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(len(buffer))
        self._left -= len(data)
        if self._left < 0:
            raise Refused(f"it has more than {self._limit:,} bytes once decompressed")
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._stream.close()
        super().close()


@contextmanager
def _bounded_memory() -> Iterator[None]:
    """Let this process grow by `MEMORY` at most: a few bytes of a pickle can ask for as much memory as they like."""
    try:
        import resource

        size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, hard))
    except (ImportError, OSError, ValueError):  # not on this system, or the limit is lower already
        yield
        return
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


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


def _allowed(records: Collection[str]) -> dict[str, Any]:
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


def _find(allowed: dict[str, Any], module: str, name: str) -> Any:
    try:
        return allowed[f"{module}.{name}"]
    except KeyError:
        raise Refused(f"it asks for {module}.{name}, which is not on the allow-list") from None


_WEIGHTS = "it holds trained weights, which are not read; take the published file without them"


class _Unpickler(pickle.Unpickler):
    def __init__(self, stream: IO[bytes], allowed: dict[str, Any]) -> None:
        super().__init__(stream)
        self._allowed = allowed

    def find_class(self, module: str, name: str) -> Any:
        return _find(self._allowed, module, name)

    def persistent_load(self, pid: Any) -> Any:
        raise Refused(_WEIGHTS)


_DROPPED = object()


class _Memo:
    """What a pickle refers back to, small: a number an entry, equal strings once, containers until `forget`."""

    def __init__(self) -> None:
        self._places = array("i")
        self._values: list[Any] = []
        self._place_of_text: dict[str, int] = {}
        self._containers: list[int] = []

    def __len__(self) -> int:
        return len(self._places)

    def __getitem__(self, index: int) -> Any:
        value = self._values[self._places[index]]
        if value is _DROPPED:
            raise Refused("its items share containers: this is not the published format")
        return value

    def __setitem__(self, index: int, value: Any) -> None:
        if index != len(self._places):
            raise Refused(f"it numbers its parts out of order: {index} after {len(self._places)}")
        if type(value) is str:
            self.add_text(value)
            return
        if isinstance(value, dict | list | set | tuple):
            self._containers.append(len(self._values))
        self._places.append(len(self._values))
        self._values.append(value)

    def add_text(self, text: str) -> None:
        """The next entry."""
        place = self._place_of_text.get(text)
        if place is None:
            place = self._place_of_text[text] = len(self._values)
            self._values.append(text)
        self._places.append(place)

    def forget(self) -> None:
        for place in self._containers:
            self._values[place] = _DROPPED
        self._containers.clear()


# An integer or a short text, put into the memo or not, and the float that belongs to it: most of what such a file is.
_PAIR = re.compile(
    rb"(?:K(.)|M(..)|(?:X(.)\0\0\0|\x8c(.))([!-~]{1,60}?)(?:q(.)|r(....)|\x94))G(.{8})",
    re.DOTALL,
)
_DOUBLE = struct.Struct(">d")
_PythonUnpickler: Any = vars(pickle)["_Unpickler"]  # the standard library's own, in Python: its steps can be watched


class _ItemUnpickler(_PythonUnpickler):  # type: ignore[misc]
    """See `load_items`."""

    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = dict(_PythonUnpickler.dispatch)

    def __init__(self, stream: io.BufferedReader, key: str | None, each: Callable[[Any, Any], None]) -> None:
        super().__init__(stream)
        self._stream = stream
        self.memo = _Memo()
        self._allowed = _allowed(())
        self._key, self._each = key, each
        self._items: list[Any] = []  # the part of the stack that takes the huge dictionary's items

    def find_class(self, module: str, name: str) -> Any:
        return _find(self._allowed, module, name)

    def persistent_load(self, pid: Any) -> Any:
        raise Refused(_WEIGHTS)

    def get_extension(self, code: int) -> None:
        raise Refused(f"it asks for extension {code}, which is not on the allow-list")

    def load_mark(self) -> None:
        outer = self.stack
        super().load_mark()
        before = outer[-2] if len(outer) > 1 else None
        if before == self._key and outer and isinstance(outer[-1], dict) and (before or len(self.metastack) == 1):
            self._items = self.stack
        self._take_pairs()

    dispatch[pickle.MARK[0]] = load_mark

    def _take_pairs(self) -> None:
        """Read the pairs of keys and floats that come next at once, as many as are whole in the buffer."""
        frame = self._unframer.current_frame
        ahead = frame.getbuffer()[frame.tell() :] if frame else self._stream.peek()
        place = 0
        while found := _PAIR.match(ahead, place):
            small, large, length, short_length, text, entry, far_entry, number = found.groups()
            if text is None:
                key: int | str = int.from_bytes(small or large, "little")
            elif (length or short_length)[0] != len(text):
                break  # it only looked like one
            else:
                key = text.decode("ascii")
                memoized = entry or far_entry
                self.memo[int.from_bytes(memoized, "little") if memoized else len(self.memo)] = key
            self.stack += (key, _DOUBLE.unpack(number)[0])
            place = found.end()
        self.read(place)

    def _hand_over(self) -> None:
        """Before a key is read, hand over the item that stands there, which is whole now."""
        if self.stack is self._items and len(self.stack) == 2:
            self._each(*self.stack)
            self.stack.clear()
            self.memo.forget()

    def load_binint(self) -> None:
        self._hand_over()
        super().load_binint()

    def load_binint1(self) -> None:
        self._hand_over()
        super().load_binint1()

    def load_binint2(self) -> None:
        self._hand_over()
        super().load_binint2()

    dispatch[pickle.BININT[0]] = load_binint
    dispatch[pickle.BININT1[0]] = load_binint1
    dispatch[pickle.BININT2[0]] = load_binint2
