"""What an architecture is: a small integer vector over a categorical space."""

from __future__ import annotations

import math
import operator
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError
from harness.taxonomy import SearchSpace

Arch = tuple[int, ...]


class Space(ABC):
    """A categorical search space: an architecture is one choice for each of a fixed list of variables.

    Architectures are tuples of small integers; the *index* of an architecture is its number in mixed radix (last variable
    fastest), so that a table over a space needs one flat array from index to row.

    Attributes
    ----------
    name
        The space's name, e.g. ``"nasbench201"``.
    cardinalities
        Number of choices of every variable.
    kind
        What is chosen, in the taxonomy's word; every space must state it.
    """

    name: str
    kind: SearchSpace
    cardinalities: tuple[int, ...]

    @abstractmethod
    def parse(self, text: str) -> Arch:
        """Read an architecture from its text.

        Raises
        ------
        HarnessError
            If the text is not an architecture of this space; the message says which part is wrong.
        """

    @abstractmethod
    def format(self, arch: Sequence[int]) -> str:
        """Text of an architecture, in the field's usual form; `parse` reads it back."""

    def canonical(self, arch: Sequence[int]) -> Arch:
        """One representative of all encodings of the same computation (the encoding itself unless a space knows better)."""
        return tuple(int(choice) for choice in arch)

    def describe(self) -> dict[str, Any]:
        """What makes this space the one it is, as plain JSON values."""
        return {"name": self.name, "cardinalities": list(self.cardinalities)}

    @property
    def size(self) -> int:
        """Number of encodings."""
        return math.prod(self.cardinalities)

    @property
    def strides(self) -> tuple[int, ...]:
        """Weight of every variable in the mixed-radix index."""
        strides = [1]
        for cardinality in reversed(self.cardinalities[1:]):
            strides.append(strides[-1] * cardinality)
        return tuple(reversed(strides))

    def validate(self, arch: Sequence[int]) -> Arch:
        """Return `arch` as a tuple of ints, or say what is wrong with it."""
        try:
            values = tuple(operator.index(choice) for choice in arch)
        except TypeError:
            raise HarnessError(
                f"space {self.name}: an architecture is a sequence of whole numbers, not {arch!r}"
            ) from None
        if len(values) != len(self.cardinalities):
            raise HarnessError(
                f"space {self.name}: an architecture has {len(self.cardinalities)} variables, not {len(values)}: {values}"
            )
        for position, (choice, cardinality) in enumerate(zip(values, self.cardinalities, strict=True)):
            if not 0 <= choice < cardinality:
                raise HarnessError(
                    f"space {self.name}: variable {position} must be in 0..{cardinality - 1}, not {choice}: {values}"
                )
        return values

    def index(self, arch: Sequence[int]) -> int:
        """Mixed-radix index of an architecture."""
        return sum(choice * stride for choice, stride in zip(self.validate(arch), self.strides, strict=True))

    def indices(self, codes: NDArray[np.integer]) -> NDArray[np.int64]:
        """Mixed-radix indices of many architectures: (n, variables) -> (n,)."""
        return codes.astype(np.int64) @ np.array(self.strides, dtype=np.int64)

    def arch(self, index: int) -> Arch:
        """Architecture of a mixed-radix index."""
        return tuple(index // stride % card for stride, card in zip(self.strides, self.cardinalities, strict=True))

    def codes(self, indices: NDArray[np.integer]) -> NDArray[np.int64]:
        """Architectures of many mixed-radix indices: (n,) -> (n, variables)."""
        return indices[:, None] // np.array(self.strides) % np.array(self.cardinalities)

    def one_hot(self, codes: NDArray[np.integer]) -> NDArray[np.float64]:
        """One column for each choice of each variable, 1 where it is taken: (n, variables) -> (n, sum of `cardinalities`)."""
        codes = np.asarray(codes)
        columns = codes + np.cumsum([0, *self.cardinalities[:-1]])
        features = np.zeros((len(codes), sum(self.cardinalities)))
        np.put_along_axis(features, columns, 1.0, axis=1)
        return features

    def paths(self, codes: NDArray[np.integer]) -> NDArray[np.float64] | None:
        """How often each sequence of operations leads from the input to the output: (n, variables) -> (n, sequences).

        The encoding of White, Neiswanger and Savani ("BANANAS", AAAI 2021). None where a space has no paths: by default.
        """
        return None

    def sample(self, rng: np.random.Generator) -> Arch:
        """Draw an encoding uniformly. (A benchmark's own measure may differ: see `Problem.sample`.)"""
        return tuple(int(choice) for choice in rng.integers(self.cardinalities))

    def neighbours(self, arch: Sequence[int]) -> Iterator[Arch]:
        """All architectures that differ from `arch` in exactly one variable, in lexicographic order of (variable, choice)."""
        arch = tuple(arch)
        for position, cardinality in enumerate(self.cardinalities):
            for choice in range(cardinality):
                if choice != arch[position]:
                    yield (*arch[:position], choice, *arch[position + 1 :])


class CategoricalSpace(Space):
    """A space given by named variables and their choices; the text of an architecture is ``variable=choice,...``.

    Parameters
    ----------
    name
        Name of the space.
    variables
        Choices of every variable by the variable's name; the order is the order of the encoding.
    """

    kind = "categorical"

    def __init__(self, name: str, variables: dict[str, Sequence[str]]) -> None:
        if not variables or any(len(choices) == 0 for choices in variables.values()):
            raise HarnessError(f"space {name}: every variable needs at least one choice")
        for key, choices in variables.items():
            if not key.strip() == key != "" or "," in key or "=" in key:
                raise HarnessError(f"space {name}: variable name {key!r}: wanted a text without comma or equals sign")
            if len(set(choices)) < len(choices):
                raise HarnessError(f"space {name}: variable {key} has a choice twice: {', '.join(choices)}")
            if blank := [choice for choice in choices if choice != choice.strip()]:
                raise HarnessError(
                    f"space {name}: choice {blank[0]!r} of variable {key} has blanks at its ends; `parse` could not read it back"
                )
        self.name = name
        self.variables = {key: tuple(choices) for key, choices in variables.items()}
        self.cardinalities = tuple(len(choices) for choices in self.variables.values())
        self._places = {
            key: {choice: place for place, choice in enumerate(choices)} for key, choices in self.variables.items()
        }

    def describe(self) -> dict[str, Any]:
        """Name and variables, these as a list of pairs since their order is part of the encoding."""
        return super().describe() | {"variables": [[key, list(choices)] for key, choices in self.variables.items()]}

    def parse(self, text: str) -> Arch:
        """Read ``variable=choice,...`` (every variable once, in any order)."""
        given: dict[str, int] = {}
        rest: str | None = text
        while rest is not None:
            key, separator, behind = rest.partition("=")
            key = key.strip()
            if not separator or key not in self._places or key in given:
                raise HarnessError(
                    f"space {self.name}: cannot read {rest.partition(',')[0].strip()!r} in {text!r}; "
                    f"wanted each of {', '.join(self.variables)} once as variable=choice"
                )
            given[key], rest = self._first_choice(key, behind)
        if missing := [key for key in self.variables if key not in given]:
            raise HarnessError(f"space {self.name}: {text!r} lacks {', '.join(missing)}")
        return tuple(given[key] for key in self.variables)

    def _first_choice(self, key: str, text: str) -> tuple[int, str | None]:
        """The choice that `text` starts with, and what is behind its comma; a choice may have commas itself."""
        parts = text.split(",")
        for end in range(len(parts), 0, -1):
            choice = ",".join(parts[:end]).strip()
            if choice in self._places[key]:
                return self._places[key][choice], ",".join(parts[end:]) if end < len(parts) else None
        raise HarnessError(
            f"space {self.name}: {key} has no choice {parts[0].strip()!r}; choices: {', '.join(self.variables[key])}"
        )

    def format(self, arch: Sequence[int]) -> str:
        """``variable=choice,...`` in the order of the encoding."""
        pairs = zip(self.variables.items(), self.validate(arch), strict=True)
        return ",".join(f"{key}={choices[choice]}" for (key, choices), choice in pairs)
