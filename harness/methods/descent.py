"""Descent of a level's objective on a table that holds both losses of every architecture.

Architecture parameters are logits of independent softmaxes over the choices of every variable.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from harness.errors import BudgetExhausted, HarnessError
from harness.levels import Level, MixedLevel

Floats = NDArray[np.float64]


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
