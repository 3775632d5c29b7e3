"""How architecture parameters are updated: single-level, bilevel and mixed-level, for live supernets and for tables.

Architecture parameters α descend the training loss, the validation loss, or a sum of the two. A `Level` says which,
and how the step is taken; it is data only. `harness.supernets.steps` carries it out on a supernet, and the functions at
the end of this module carry the same three objectives out, exactly, on a table that holds both losses of every
architecture.

Equation numbers are those of MiLeNAS (He et al., CVPR 2020, arXiv:2003.12238).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from harness.errors import BudgetExhausted, HarnessError, unknown_name

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


# On tables ------------------------------------------------------------------------------------------------------------


def objective(level: Level, train: Floats | None, valid: Floats | None) -> Floats:
    """What α descends, for every row of a table: the losses weighted by the level's shares.

    The table's losses are those of weights trained for each architecture, so bilevel is exact here, and an order
    means nothing.

    Parameters
    ----------
    level
        The level.
    train, valid
        Training and validation loss of every row, shape (rows,); None where the table has none.

    Raises
    ------
    HarnessError
        If the level needs a loss that the table does not hold. Accuracy or test values never stand in for it.
    """
    total: Floats | None = None
    for share, losses, kind in zip(level.shares, (train, valid), ("training", "validation"), strict=True):
        if share == 0:
            continue
        if losses is None or not np.isfinite(losses).all():
            what = "has no" if losses is None else "lacks some"
            raise HarnessError(f"{level.name}: the table {what} {kind} losses, and nothing else stands in for them")
        total = share * losses if total is None else total + share * losses
    assert total is not None  # the shares sum to 1
    return total


class SoftmaxProduct:
    """The distribution over encodings that independent softmaxes over every variable's choices induce.

    ``q(a) ∝ w(a) Π_e softmax(θ_e)[a_e]`` over the encodings that a table has, so that equal softmaxes draw by the measure w.
    On a full product of equal weights that is the product itself; otherwise it is the product conditioned on the encoding
    being there. All encodings of an architecture count, not one of each: else a method would draw from another
    distribution than random search does.

    Parameters
    ----------
    codes
        The encodings, shape (n, variables).
    cardinalities
        Number of choices of every variable. θ is flat: the choices of variable 0, then of variable 1, ...
    weights
        Positive measure of every encoding, shape (n,); None for equal ones.
    """

    def __init__(self, codes: NDArray[np.integer], cardinalities: Sequence[int], weights: Floats | None = None) -> None:
        offsets = np.concatenate([[0], np.cumsum(cardinalities)[:-1]])
        self.size = int(sum(cardinalities))
        self._columns = codes.astype(np.intp) + offsets
        self._log_weights = 0.0 if weights is None else np.log(weights)

    def probabilities(self, theta: Floats) -> Floats:
        """q of every encoding: (n,)."""
        logits = theta[self._columns].sum(axis=1) + self._log_weights
        mass = np.exp(logits - logits.max())
        return np.asarray(mass / mass.sum())

    def gradient(self, theta: Floats, losses: Floats) -> Floats:
        """Exact gradient of the expected loss: ``∂J/∂θ_eo = q_e(o) (E[f | a_e = o] - E[f])``, shape of θ."""
        q = self.probabilities(theta)
        return self._sum_by_choice(q * (losses - q @ losses))

    def score_gradient(
        self, theta: Floats, losses: Floats, drawn: NDArray[np.integer], baseline: float = 0.0
    ) -> Floats:
        """Score-function estimate of the gradient: the mean of ``(f - b)(1[a_e = o] - q_e(o))`` over draws.

        Parameters
        ----------
        theta
            Parameters that `drawn` were drawn with, see `sample`.
        losses
            Losses of the drawn encodings, shape (draws,).
        drawn
            Which were drawn, shape (draws,).
        baseline
            Any number that does not depend on these draws.
        """
        advantages = (losses - baseline) / len(drawn)
        weights = np.bincount(drawn, weights=advantages, minlength=len(self._columns))
        return self._sum_by_choice(weights - advantages.sum() * self.probabilities(theta))

    def sample(self, theta: Floats, draws: int, rng: np.random.Generator) -> NDArray[np.intp]:
        """Draw encodings from q, as their places: (draws,)."""
        steps = np.cumsum(self.probabilities(theta))
        drawn = np.searchsorted(steps, rng.random(draws) * steps[-1], side="right")
        return np.asarray(np.minimum(drawn, len(steps) - 1))

    def _sum_by_choice(self, weights: Floats) -> Floats:
        variables = self._columns.shape[1]
        sums = np.bincount(self._columns.ravel(), weights=np.repeat(weights, variables), minlength=self.size)
        return np.asarray(sums, dtype=np.float64)


def minimiser(losses: Floats) -> int:
    """Row of the least objective, the first of equals. No distribution over them has a smaller expected loss."""
    return int(np.argmin(losses))


def descend(
    product: SoftmaxProduct, losses: Floats, start: Floats, *, steps: int = 200, learning_rate: float = 0.3
) -> int:
    """Encoding, as its place, that exact gradient descent (Adam) on θ ends at: the most probable one.

    `losses` are of every encoding. The relaxation is not convex: its regret to `minimiser` is a result, not an error.
    """
    theta = _Adam(start, learning_rate)
    for _ in range(steps):
        theta.step(product.gradient(theta.value, losses))
    return int(np.argmax(product.probabilities(theta.value)))


def descend_by_score(
    product: SoftmaxProduct,
    query: Callable[[NDArray[np.intp]], Floats],
    start: Floats,
    rng: np.random.Generator,
    *,
    queries: int | None = 2000,
    batch: int = 10,
    learning_rate: float = 0.1,
    momentum: float = 0.9,
) -> int:
    """Encoding, as its place, that descent with score-function gradients ends at, for a budget of table queries.

    `query` returns the objective of drawn encodings. One table query returns both losses, so mixed-level costs what bilevel
    costs. The baseline is a running mean of earlier losses. With `queries` None it goes on until `query` raises
    `BudgetExhausted`; a batch that was cut short is not learnt from.
    """
    theta = _Adam(start, learning_rate)
    baseline = 0.0
    for step in itertools.count() if queries is None else range(queries // batch):
        places = product.sample(theta.value, batch, rng)
        try:
            drawn = query(places)
        except BudgetExhausted:
            break
        if step > 0:  # the first batch only sets the baseline
            theta.step(product.score_gradient(theta.value, drawn, places, baseline))
        baseline = float(drawn.mean()) if step == 0 else momentum * baseline + (1 - momentum) * float(drawn.mean())
    return int(np.argmax(product.probabilities(theta.value)))


class _Adam:
    """Adam (Kingma and Ba, 2015) on one array, with its usual constants."""

    def __init__(self, start: Floats, learning_rate: float) -> None:
        self.value = start.astype(np.float64)
        self._rate = learning_rate
        self._mean = np.zeros_like(self.value)
        self._square = np.zeros_like(self.value)
        self._count = 0

    def step(self, gradient: Floats) -> None:
        self._count += 1
        self._mean = 0.9 * self._mean + 0.1 * gradient
        self._square = 0.999 * self._square + 0.001 * gradient**2
        mean = self._mean / (1 - 0.9**self._count)
        square = self._square / (1 - 0.999**self._count)
        self.value = self.value - self._rate * mean / (np.sqrt(square) + 1e-8)


def lambda_path(train: Floats, valid: Floats, lambdas: Iterable[float]) -> list[int]:
    """The minimiser's row for every λ = lambda_valid (``inf`` allowed).

    As λ rises the validation loss of the minimiser never rises and its training loss never falls; at 0 and at
    infinity it is the table's least training and least validation loss. Rows off the lower-left convex hull of the
    two are never reached.
    """
    return [minimiser(objective(MixedLevel(lambda_valid=value), train, valid)) for value in lambdas]
