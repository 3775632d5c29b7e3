"""How architecture parameters are updated: single-level, bilevel and mixed-level. No torch here.

Architecture parameters α descend the training loss, the validation loss, or a sum of the two. A `Level` says which,
and how the step is taken; it is data only. `harness.supernets.steps` carries it out on a supernet, and `harness.methods.descent`
carries the same three objectives out, exactly, on a table that holds both losses of every architecture.

Equation numbers are those of MiLeNAS (He et al., CVPR 2020, arXiv:2003.12238).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError, unknown_name

Floats = NDArray[np.float64]

UPDATES = ("simultaneous", "w_first", "alpha_first")


@dataclass(frozen=True)
class Unroll:
    """What the one-step-ahead weights w' of a second-order step contain.

    Attributes
    ----------
    momentum
        Whether w' carries the weight optimizer's momentum.
    weight_decay
        Whether w' carries its weight decay.
    alphas
        Whether α moves together with w, in w' and in the finite difference.
    """

    momentum: bool = False
    weight_decay: bool = False
    alphas: bool = False


UNROLLS: Mapping[str, Unroll] = {
    "gradient": Unroll(),  # Eq. 7 as written: w' = w - xi dL_train/dw
    "darts-code": Unroll(momentum=True, weight_decay=True),
    "milenas-code": Unroll(weight_decay=True, alphas=True),
}


@dataclass(frozen=True, kw_only=True)
class Level:
    """What all levels share. Use `SingleLevel`, `Bilevel` or `MixedLevel`.

    Parameters
    ----------
    order
        1: the α gradient is taken at the present weights. 2: at the weights one step ahead, with the implicit term by a
        finite difference (Eq. 7-8).
    update
        ``"simultaneous"`` (default): both gradients at the same point, as Eq. 6 is written; ``"w_first"``: weights,
        then α at the new weights (Algorithm 1); ``"alpha_first"``: α, then weights (the published codes).
    same_batch
        Whether the training loss in the α step is that of the weight step's batch (default), or of a batch of its
        own, which needs an alternating update.
    clip
        Whether the weight gradient is clipped to the search's norm. α is never clipped.
    unroll
        A key of `UNROLLS`, for order 2. Default ``"gradient"``: Eq. 7 as written, without momentum and weight decay.
    xi
        Step length of the unrolled step; None (default): the present learning rate of the weights.

    Raises
    ------
    HarnessError
        If an option is out of its range.
    """

    order: int = 1
    update: str = "simultaneous"
    same_batch: bool = True
    clip: bool = True
    unroll: str = "gradient"
    xi: float | None = None

    def __post_init__(self) -> None:
        if self.order not in (1, 2):
            raise HarnessError(f"{self.name}: order must be 1 or 2, not {self.order!r}")
        if self.update not in UPDATES:
            raise unknown_name("update", self.update, UPDATES, where=self.name)
        if self.unroll not in UNROLLS:
            raise unknown_name("unroll", self.unroll, UNROLLS, where=self.name)
        if self.xi is not None and not 0 <= self.xi < math.inf:
            raise HarnessError(f"{self.name}: xi must be a number >= 0, not {self.xi!r}")
        if not self.same_batch and self.update == "simultaneous":
            raise HarnessError(f"{self.name}: same_batch = false needs update = 'w_first' or 'alpha_first'")

    @property
    def name(self) -> str:
        """Name of the class, for messages."""
        return type(self).__name__

    @property
    def coefficients(self) -> tuple[float, float]:
        """Factors of the training and of the validation loss in what α descends."""
        raise NotImplementedError

    @property
    def shares(self) -> tuple[float, float]:
        """The coefficients divided by their sum, so that a learning rate means the same for every level."""
        train, valid = self.coefficients
        return train / (train + valid), valid / (train + valid)

    @property
    def ratio(self) -> float:
        """λ: the factor of the validation loss over that of the training loss; 0 of single-level, infinite of bilevel search."""
        train, valid = self.coefficients
        return valid / train if train else math.inf

    @property
    def passes(self) -> int:
        """Forward-backward passes of one search step."""
        terms = sum(factor > 0 for factor in self.coefficients)
        if self.order == 1:
            # A simultaneous step reads the weight gradient and the α gradient of the training loss off one pass.
            return 1 + terms - (self.update == "simultaneous" and self.coefficients[0] > 0)
        return (1 if self.update == "simultaneous" else 2) + 3 * terms

    def at(self, epoch: int) -> Level:
        """The level in force in an epoch: this one, always. (`Schedule` switches.)"""
        return self


@dataclass(frozen=True, kw_only=True)
class SingleLevel(Level):
    """α and the weights both descend the training loss (Eq. 3-4)."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.order != 1:
            raise HarnessError("SingleLevel: there is no second order; weights and alphas descend the same loss")

    @property
    def coefficients(self) -> tuple[float, float]:
        """The training loss only."""
        return 1.0, 0.0


@dataclass(frozen=True, kw_only=True)
class Bilevel(Level):
    """α descends the validation loss, at the weights or (order 2) one step ahead of them: DARTS (Eq. 1-2, 7-8)."""

    @property
    def coefficients(self) -> tuple[float, float]:
        """The validation loss only."""
        return 0.0, 1.0


@dataclass(frozen=True, kw_only=True)
class MixedLevel(Level):
    """α descends ``lambda_train * training loss + lambda_valid * validation loss``: MiLeNAS (Eq. 5-6, section 3.1).

    The paper's second-order formula has its one λ before the training bracket, its Eq. 5 and 6 before the validation
    loss; so both factors have names here. An infinite factor leaves the other loss out: ``lambda_valid = inf`` is
    bilevel.

    Parameters
    ----------
    lambda_valid, lambda_train
        Factors of the validation and of the training loss, >= 0, not both 0, not both infinite.
    """

    lambda_valid: float = 1.0
    lambda_train: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, value in (("lambda_valid", self.lambda_valid), ("lambda_train", self.lambda_train)):
            if not value >= 0:
                raise HarnessError(f"MixedLevel: {name} must be a number >= 0, not {value!r}")
        if self.lambda_valid == self.lambda_train and self.lambda_valid in (0, math.inf):
            raise HarnessError(f"MixedLevel: lambda_valid and lambda_train cannot both be {self.lambda_valid}")

    @property
    def coefficients(self) -> tuple[float, float]:
        """``(lambda_train, lambda_valid)``."""
        if math.inf in (self.lambda_train, self.lambda_valid):
            return float(self.lambda_train == math.inf), float(self.lambda_valid == math.inf)
        return float(self.lambda_train), float(self.lambda_valid)


@dataclass(frozen=True)
class Schedule:
    """Levels by phase, e.g. bilevel for 35 epochs and mixed-level from then on.

    Parameters
    ----------
    phases
        Pairs of a first epoch and a level, in rising order from epoch 0.
    """

    phases: tuple[tuple[int, Level], ...]

    def __post_init__(self) -> None:
        starts = [start for start, _ in self.phases]
        if not starts or starts[0] != 0 or sorted(set(starts)) != starts:
            raise HarnessError(f"schedule: phases must start at epoch 0 and rise, not at {starts}")

    def at(self, epoch: int) -> Level:
        """The level in force in an epoch (from 0)."""
        return [level for start, level in self.phases if start <= epoch][-1]


LEVELS: Mapping[str, Level] = {
    "single-level": SingleLevel(),
    "darts-1st": Bilevel(),
    "darts-2nd": Bilevel(order=2),
    "milenas-1st": MixedLevel(),
    "milenas-2nd": MixedLevel(order=2),
}


def official_code(level: Level) -> Level:
    """The level as the published MiLeNAS code runs it, where that departs from the paper. For comparison runs only.

    - α before the weights, on the same training batch (Algorithm 1 has the weights first);
    - weights not clipped: the code clips the α gradients after their step, and then discards them;
    - the validation factor is ignored: λ multiplies the training loss only, so all λ of a published script are one run;
    - second order moves α with the weights, in the unrolled step and in the finite difference, with weight decay
      and, because a missing buffer is swallowed, never with momentum.
    """
    changed = replace(level, update="alpha_first", same_batch=True, clip=False, unroll="milenas-code")
    return replace(changed, lambda_valid=1.0) if isinstance(changed, MixedLevel) else changed
