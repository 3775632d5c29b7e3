"""Parts of a search that a method hands over, such as a relaxation or a rule: what tells them apart, and what they remember.

A search that was killed goes on with the parts that the method hands over anew. So a checkpoint keeps what the parts were, as
text, and what they had become: a part tells the first by its name and its fields, the second by ``state_dict`` and
``load_state_dict``. What tells neither could be another part, or the same one at another temperature, and is refused before the
first step.
"""

from __future__ import annotations

import dataclasses
import sys
import types
from collections.abc import Mapping
from functools import partial
from typing import Any

import torch

from harness.errors import HarnessError

WANTED = (
    "wanted a function of a module, a functools.partial of one with simple arguments, "
    "or a frozen dataclass (any dataclass, if it has state_dict and load_state_dict)"
)


def identity(part: object, name: str) -> str:
    """Text that is the same for equal parts, also in another process.

    Parameters
    ----------
    part
        A function of a module; a `functools.partial` of one; an object of a dataclass whose fields are simple values (texts,
        numbers, lists, mappings) or parts. A dataclass that is not frozen must have ``state_dict`` and ``load_state_dict``;
        fields of such a one that are part of its state say ``compare=False``. A field whose metadata say ``later`` is newer than
        checkpoints of its part, and left out where it has its default: the part is what it was without it.
    name
        What the part is, for messages, e.g. ``"relax"``.

    Raises
    ------
    HarnessError
        If nothing tells the part from others.
    """
    if isinstance(part, types.FunctionType):
        if "<" in part.__qualname__ or (part.__closure__ and not _in_its_module(part)):
            kind = "a lambda" if part.__name__ == "<lambda>" else f"the inner function {part.__name__}"
            raise HarnessError(f"{name}: {kind} has no name that a checkpoint could keep; {WANTED}")
        return part.__qualname__
    if isinstance(part, partial):
        arguments = [_value(value, name) for value in part.args]
        arguments += [f"{key}={_value(value, name)}" for key, value in sorted(part.keywords.items())]
        return f"partial({', '.join([_value(part.func, name), *arguments])})"
    if isinstance(part, type) or not dataclasses.is_dataclass(part):
        raise HarnessError(f"{name}: nothing tells {_kind(part)} from another one; {WANTED}")
    stateful = has_state(part)
    if not stateful and not _is_frozen(part):
        raise HarnessError(f"{name}: {_kind(part)} could change without a checkpoint's knowing; {WANTED}")
    told = []
    for field in dataclasses.fields(part):
        if not stateful and not field.compare:
            raise HarnessError(f"{name}: {field.name} of {_kind(part)} is neither told nor saved; {WANTED}")
        value = getattr(part, field.name)
        if field.compare and not (field.metadata.get("later") and value == field.default):
            told.append(f"{field.name}={_value(value, f'{name}.{field.name}', saved=stateful)}")
    return f"{type(part).__qualname__}({', '.join(told)})"


def has_state(part: object) -> bool:
    """Whether the part saves what it remembers."""
    return all(callable(getattr(part, name, None)) for name in ("state_dict", "load_state_dict"))


class Parts:
    """The parts of one search.

    Parameters
    ----------
    parts
        By name.

    Attributes
    ----------
    identities
        What each was at the beginning.

    Raises
    ------
    HarnessError
        If nothing tells a part from others, or a checkpoint cannot hold its state.
    """

    def __init__(self, **parts: object) -> None:
        self._parts = parts
        self.identities = {name: identity(part, name) for name, part in parts.items()}
        self.state_dict()

    def state_dict(self) -> dict[str, Any]:
        """State of each part that has one."""
        states = {}
        for name, part in self._parts.items():
            if has_state(part):
                states[name] = part.state_dict()  # type: ignore[attr-defined]
                _check_state(states[name], name)
            elif identity(part, name) != self.identities[name]:
                raise HarnessError(
                    f"{name}: {self.identities[name]} changed in the search; give it state_dict and load_state_dict"
                )
        return states

    def load_state_dict(self, states: Mapping[str, Any]) -> None:
        """Put the parts back into a saved state."""
        for name, state in states.items():
            self._parts[name].load_state_dict(state)  # type: ignore[attr-defined]


def _in_its_module(function: types.FunctionType) -> bool:
    """Whether the function is what its module calls so, as a decorated one is; others may share the name."""
    found: Any = sys.modules.get(function.__module__)
    for name in function.__qualname__.split("."):
        found = getattr(found, name, None)
    return found is function


def _is_frozen(part: Any) -> bool:
    frozen: bool = part.__dataclass_params__.frozen
    return frozen


def _value(value: object, name: str, *, saved: bool = False) -> str:
    """Text of an argument or a field. What it remembers must be `saved` by the part that has it."""
    if value is None or isinstance(value, bool | int | float | str):
        return repr(value)
    if isinstance(value, list | tuple):
        entries = ", ".join(_value(entry, name, saved=saved) for entry in value)
        return f"[{entries}]" if isinstance(value, list) else f"({entries})"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key!r}: {_value(value[key], name, saved=saved)}" for key in sorted(value)) + "}"
    if has_state(value) and not saved:
        raise HarnessError(f"{name}: the state of {_kind(value)} is not saved by what it is a part of")
    return identity(value, name)


def _check_state(state: object, name: str) -> None:
    if isinstance(state, Mapping):
        for key, value in state.items():
            _check_state(value, f"{name}[{key!r}]")
    elif isinstance(state, list | tuple):
        for place, value in enumerate(state):
            _check_state(value, f"{name}[{place}]")
    elif not (state is None or type(state) in (bool, int, float, str, torch.Tensor)):
        raise HarnessError(
            f"{name}: a state is made of tensors, numbers, texts, lists and mappings, not {_kind(state)}"
        )


def _kind(value: object) -> str:
    return f"the object of {type(value).__qualname__}"
