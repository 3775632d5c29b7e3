"""Spaces whose architecture is a row of choices: the size space of NATS-Bench and the space of NAS-Bench-Macro."""

from __future__ import annotations

from collections.abc import Sequence

from harness.errors import HarnessError
from harness.spaces.base import Arch, Space
from harness.taxonomy import SearchSpace


class PositionalSpace(Space):
    """One choice of the same list at every position; the text is the choices in order.

    Parameters
    ----------
    name
        Name of the space.
    choices
        Texts of the choices.
    positions
        Number of variables.
    separator
        What stands between two choices in the text; choices of one character need nothing.
    kind
        What is chosen, in the taxonomy's word.
    """

    def __init__(
        self, name: str, choices: Sequence[str], positions: int, separator: str = "", *, kind: SearchSpace
    ) -> None:
        self.name = name
        self.kind = kind
        self.choices = tuple(choices)
        self.separator = separator
        self.cardinalities = (len(self.choices),) * positions

    def parse(self, text: str) -> Arch:
        """Read the choices in order."""
        parts = text.strip().split(self.separator) if self.separator else list(text.strip())
        if len(parts) != len(self.cardinalities) or any(part not in self.choices for part in parts):
            wanted = f"{len(self.cardinalities)} of {', '.join(self.choices)}"
            raise HarnessError(f"space {self.name}: cannot read {text!r}; wanted {wanted}, like {self._example()!r}")
        return tuple(self.choices.index(part) for part in parts)

    def format(self, arch: Sequence[int]) -> str:
        """Write the choices in order."""
        return self.separator.join(self.choices[choice] for choice in self.validate(arch))

    def _example(self) -> str:
        return self.separator.join([self.choices[0]] * len(self.cardinalities))


def nats_size_space() -> Space:
    """NATS-Bench's size space (Dong et al., TPAMI 2021): channels of five layers out of 8, 16, ..., 64, ``8:16:8:64:32``."""
    return PositionalSpace("nats-size", [str(channels) for channels in range(8, 65, 8)], 5, ":", kind="sizes")


def macro_space() -> Space:
    """NAS-Bench-Macro (Su et al., CVPR 2021): one of three blocks in each of eight layers, ``02012100``.

    0 is identity, 1 an inverted bottleneck of kernel 3 and expansion 3, 2 one of kernel 5 and expansion 6.
    """
    return PositionalSpace("nas-bench-macro", "012", 8, kind="layer-wise")
