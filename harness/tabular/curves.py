"""Trainings that stop early: what a table with curves knows of an architecture after each epoch, and what that takes.

Every evaluation is a training of its own, from scratch: asked for again at a higher fidelity, an architecture is paid for in
full once more. Nothing is saved by what was trained before (Hyperband's own accounting, Li et al. 2018).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.errors import HarnessError
from harness.problem.budget import MAX_EVALUATIONS, Budget
from harness.tabular.statics import is_untrained
from harness.tabular.table import COST, VALID, Table

NAN = float("nan")


class Seconds:
    """Simulated seconds of a training from scratch, whole or up to an epoch.

    The curve ``cost`` says them; where there is none, the same share of the column ``cost`` as of the epochs is taken. A whole
    training takes what the column says.

    Parameters
    ----------
    table
        Where costs are taken from; no reference to it is kept.
    """

    def __init__(self, table: Table) -> None:
        self._whole = table.columns.get(COST)
        self._curve = _curve(table, COST) if table.epochs is not None else None
        self._epochs = table.epochs or 0

    def __call__(self, rows: NDArray[np.int64], epochs: NDArray[np.int64]) -> NDArray[np.float64]:
        """Seconds of training each row (n,) for so many epochs (n,): (n,), NaN where the table has no costs."""
        if self._whole is None:
            return np.full(np.shape(rows), NAN)
        whole = np.asarray(self._whole[rows], dtype=np.float64)
        if self._epochs == 0:
            return whole
        part = whole * epochs / self._epochs if self._curve is None else self._curve[rows, np.maximum(epochs, 1) - 1]
        return np.where(epochs == self._epochs, whole, part)


class LearningCurve:
    """Validation score and metrics of a table's architectures in the course of their trainings, as a method may see them.

    Parameters
    ----------
    table
        A table with several fidelities; no reference to it is kept.
    metrics
        Names of the further columns that the method may see.
    beyond
        (n_rows,) how far each row is from satisfying the constraints, see `harness.tabular.feasible.violation`; None without any.
    """

    def __init__(self, table: Table, metrics: tuple[str, ...], beyond: NDArray[np.float64] | None = None) -> None:
        self._score = table.curves[VALID]
        self._sign = 1.0 if table.direction == "max" else -1.0
        self._beyond = beyond
        self._worst: dict[int, float] = {}  # score of any row, by epoch
        self._seconds = Seconds(table)
        visible = table.visible(metrics)
        self._names = tuple(visible)
        curves = {name: _curve(table, name) for name in visible}
        self._curves = {name: curve for name, curve in curves.items() if curve is not None}
        self._untrained = {name: column for name, column in visible.items() if is_untrained(table, name)}

    def at(self, row: int, epoch: int) -> tuple[float, float, dict[str, float]]:
        """Score (larger is better), seconds and metrics of a row after an epoch, counted from 1.

        A metric without a curve is NaN, unless it belongs to the architecture itself (`is_untrained`): what it is after the whole
        training is not known yet.
        """
        seconds = float(self._seconds(np.array([row]), np.array([epoch]))[0])
        metrics = {name: seconds if name == COST else self._metric(name, row, epoch) for name in self._names}
        return self._standing(row, epoch), seconds, metrics

    def _standing(self, row: int, epoch: int) -> float:
        """The score, larger is better; of an infeasible row what stands for one, below all that others have at this epoch."""
        if self._beyond is None or not self._beyond[row] > 0:
            return self._sign * float(self._score[row, epoch - 1])
        if epoch not in self._worst:
            self._worst[epoch] = float((self._sign * self._score[:, epoch - 1]).min())
        return self._worst[epoch] - float(self._beyond[row])

    def _metric(self, name: str, row: int, epoch: int) -> float:
        if name in self._curves:
            return float(self._curves[name][row, epoch - 1])
        return float(self._untrained[name][row]) if name in self._untrained else NAN


def spending(table: Table, kind: str, rows: NDArray[np.int64], epochs: NDArray[np.int64]) -> NDArray[np.float64]:
    """What evaluations take from a budget of a kind, in its unit: rows (n,) and their epochs (n,) -> (n,)."""
    if kind == "evaluations":
        return np.ones(np.shape(rows))
    return epochs.astype(np.float64) if kind == "epochs" else Seconds(table)(rows, epochs)


def whole_trainings(table: Table, kind: str) -> NDArray[np.float64]:
    """What one evaluation of each row at full fidelity takes from a budget of a kind: (n_rows,)."""
    every = np.arange(len(table))
    return spending(table, kind, every, np.full(len(table), table.epochs or 0))


def random_draws(table: Table, budget: Budget) -> int | None:
    """How many architectures random search trains at a budget; None where that is left to chance, by what each of them costs."""
    if budget.kind == "evaluations":
        return budget.amount
    return budget.amount // table.epochs if budget.kind == "epochs" and table.epochs is not None else None


def check_budget(table: Table, budget: Budget) -> None:
    """Refuse a budget that the table cannot count, or that does not pay for every architecture.

    Parameters
    ----------
    table, budget
        What is searched, and for how long.

    Raises
    ------
    HarnessError
        If it is in epochs and the table has one fidelity, if it is in seconds and the table has no costs, if a single training
        can take more than all of it, or if it could hold too many evaluations.
    """
    where = f"benchmark {table.name}: [budgets] {budget.kind} = {budget.amount}"
    if budget.kind == "evaluations":
        return
    if budget.kind == "epochs" and table.epochs is None:
        raise HarnessError(f"{where}: {one_fidelity(table)}; write [budgets] evaluations = ...")
    if budget.kind == "simulated_s" and COST not in table.columns:
        raise HarnessError(f"{where}: the table has no column cost; write [budgets] evaluations = ...")
    whole = whole_trainings(table, budget.kind)
    cheapest, dearest = float(whole.min()), float(whole.max())
    if table.epochs is not None:
        every = np.arange(len(table))
        cheapest = float(spending(table, budget.kind, every, np.ones_like(every)).min())
    unit = "s" if budget.kind == "simulated_s" else budget.kind
    if not cheapest > 0:
        raise HarnessError(f"{where}: a training of the table takes {cheapest:g} {unit}; all must take something")
    if budget.amount > MAX_EVALUATIONS * cheapest:
        raise HarnessError(
            f"{where}: the shortest training takes {cheapest:g} {unit}, and a search may make {MAX_EVALUATIONS:,} at most"
        )
    if budget.amount < dearest:
        raise HarnessError(
            f"{where}: the longest training takes {dearest:g} {unit}; give every search that much or more"
        )


def one_fidelity(table: Table) -> str:
    """Why trainings of a table cannot be stopped early."""
    if VALID in table.curves:
        return "the table has one fidelity (its curve valid has holes)"
    return "the table has one fidelity (no curve valid, of scores after every epoch)"


def _curve(table: Table, name: str) -> NDArray[np.floating] | None:
    curve = table.curves.get(name)
    if curve is not None and curve.shape[1] != table.epochs:
        raise HarnessError(
            f"benchmark {table.name}: curve {name} has {curve.shape[1]} epochs and curve valid {table.epochs}; wanted as many"
        )
    return curve
