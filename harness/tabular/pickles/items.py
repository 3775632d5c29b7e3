"""Reading a pickle of a huge dictionary, item by item."""

from __future__ import annotations

import io
import pickle
import re
import struct
from array import array
from collections.abc import Callable
from typing import Any, ClassVar

from harness.tabular.pickles.allowed import WEIGHTS, Refused, allowed_globals, find_allowed
from harness.tabular.pickles.bounds import bounded_memory

LARGEST_STREAM = 2**36  # the same for a pickle that is read item by item
# An integer or a short text, put into the memo or not, and the float that belongs to it: most of what such a file is.
_PAIR = re.compile(
    rb"(?:K(.)|M(..)|(?:X(.)\0\0\0|\x8c(.))([!-~]{1,60}?)(?:q(.)|r(....)|\x94))G(.{8})",
    re.DOTALL,
)
_DOUBLE = struct.Struct(">d")
_PythonUnpickler: Any = vars(pickle)["_Unpickler"]  # the standard library's own, in Python: its steps can be watched
_DROPPED = object()


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
    with bounded_memory():
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


class _ItemUnpickler(_PythonUnpickler):  # type: ignore[misc]
    """See `load_items`."""

    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = dict(_PythonUnpickler.dispatch)

    def __init__(self, stream: io.BufferedReader, key: str | None, each: Callable[[Any, Any], None]) -> None:
        super().__init__(stream)
        self._stream = stream
        self.memo = _Memo()
        self._allowed = allowed_globals(())
        self._key, self._each = key, each
        self._items: list[Any] = []  # the part of the stack that takes the huge dictionary's items

    def find_class(self, module: str, name: str) -> Any:
        return find_allowed(self._allowed, module, name)

    def persistent_load(self, pid: Any) -> Any:
        raise Refused(WEIGHTS)

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
