"""The expected cost of an architecture as a term of what α descends (ProxylessNAS, Cai, Zhu and Han, ICLR 2019, section 3.3)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from harness.errors import HarnessError, unknown_name
from harness.spaces.base import Arch
from harness.spaces.cells import CellSpace
from harness.streams import generator
from harness.supernets.mixed import Fan
from harness.supernets.mixture import Mixture

if TYPE_CHECKING:
    from harness.supernets.net import Supernet

Floats = NDArray[np.float64]
# Cost of every candidate by group: (edges, candidates) each.
Costs = Mapping[str, Floats]
# Architectures that costs are fitted to at most, where a cost is looked up and where it is counted: there are tens of candidates.
LOOKED_UP, COUNTED_ANEW = 20_000, 1_000
IMAGES = 2  # that are counted, and shared out: batch norm wants more than one number


@dataclass(frozen=True)
class ExpectedCost:
    """``weight * Σ p F``: p are the probabilities of the candidates, F their costs over the mean cost of random architectures.

    So the term is `weight` where all candidates are equally probable, whatever unit the costs have. Its gradient in α_i of an
    edge is ``weight p_i (F_i - Σ_j p_j F_j)``.

    Parameters
    ----------
    name
        What the cost is, for rows.
    weight
        Its factor beside the losses.
    costs
        F by group, edge and candidate. Use `of`.
    r_squared
        Share of the variance of the costs of architectures that F explains, where it was fitted; None where it was not.
    """

    name: str
    weight: float
    costs: tuple[tuple[tuple[float, ...], ...], ...]
    r_squared: float | None = None

    @classmethod
    def of(cls, name: str, weight: float, costs: Costs, r_squared: float | None = None) -> ExpectedCost:
        """Take costs in any unit.

        Raises
        ------
        HarnessError
            If random architectures have no cost on average, which all others could be compared with.
        """
        mean = sum(float(group.mean(axis=1).sum()) for group in costs.values())
        if not 0 < mean < np.inf:
            raise HarnessError(f"cost {name}: random architectures cost {mean} on average; wanted a number above 0")
        scaled = tuple(tuple(tuple(row) for row in (group / mean).tolist()) for group in costs.values())
        return cls(name, weight, scaled, r_squared)

    def __call__(self, probabilities: Sequence[Mixture]) -> Tensor:
        """The term, a scalar, differentiable in the probabilities: one mixture a group."""
        groups = zip(probabilities, self.costs, strict=True)
        terms = [(mixture.operations * mixture.operations.new_tensor(costs)).sum() for mixture, costs in groups]
        return self.weight * torch.stack(terms).sum()

    def words(self) -> dict[str, Any]:
        """Name and weight, and R² of a fit."""
        fit = {} if self.r_squared is None else {"cost_r2": self.r_squared}
        return {"cost": self.name, "cost_weight": self.weight, **fit}


def by_operation(where: CellSpace, costs: Mapping[str, float]) -> Costs:
    """Costs that were looked up by the name of an operation, the same on every edge.

    Raises
    ------
    HarnessError
        If an operation has no cost, or there is none of such a name.
    """
    for name in costs:
        if name not in where.primitives:
            raise unknown_name("operation", name, where.primitives, where="cost")
    if missing := [name for name in where.primitives if name not in costs]:
        raise HarnessError(f"cost: {', '.join(missing)} has none; every operation of {where.name} needs one")
    row = [float(costs[name]) for name in where.primitives]
    return {name: np.array([row] * edges) for name, edges in where.groups.items()}


def operations_counted(net: Supernet) -> Costs:
    """Multiply-adds of every candidate for one image, summed over the cells of its group.

    Nothing is computed: a path is run on the meta device, where each candidate meets its input's shape.
    """
    where = net.where
    with torch.device("meta"):
        network = net.form.make(where, net.shape, net.settings.batch_norm)
    sizes = list(where.groups.values())
    found = np.zeros((sum(sizes), len(where.primitives)))
    known: dict[tuple[str, torch.Size], int] = {}

    def count(fan: Fan, given: tuple[Tensor, Mixture]) -> None:
        state, mixture = given
        assert mixture.edges is not None
        for place, candidates in zip(mixture.edges.long().tolist(), fan.edges, strict=True):
            for column, operation in enumerate(cast(nn.ModuleList, candidates)):
                key = (str(operation), state.shape)
                if key not in known:
                    known[key] = _multiply_adds(operation, state)
                found[place, column] += known[key]

    for fan in (module for module in network.modules() if isinstance(module, Fan)):
        fan.register_forward_pre_hook(count)
    # The weight of an edge is its place, so that a fan knows which edges are its own; what it multiplies is nothing.
    places = torch.split(torch.arange(sum(sizes), dtype=torch.float32), sizes)
    with torch.no_grad():
        images = torch.empty(IMAGES, *net.shape.image, device="meta")
        network(images, *(Mixture(torch.zeros(len(place), dtype=torch.long), edges=place) for place in places))
    return dict(zip(where.groups, np.split(found, np.cumsum(sizes)[:-1]), strict=True))


def _multiply_adds(operation: nn.Module, state: Tensor) -> int:
    logging.getLogger("torch.utils.flop_counter").setLevel(logging.ERROR)
    with FlopCounterMode(display=False) as counter:
        operation(state)
    return int(counter.get_total_flops()) // (2 * IMAGES)


def fitted(where: CellSpace, cost: Callable[[Arch], float], most: int) -> tuple[Costs, float]:
    """Costs of candidates whose sums are nearest to the costs of architectures, by least squares.

    Parameters
    ----------
    where
        The cell space.
    cost
        Of an architecture.
    most
        All architectures of a space of at most so many are taken, else so many that are drawn from the stream ``costs``.

    Returns
    -------
    costs, r_squared
        Of the solutions, which differ by what one edge could take from another, that of least norm; and the share of the variance
        of the costs that it explains.

    Raises
    ------
    HarnessError
        If a cost is missing, or all are equal.
    """
    archs = _architectures(where, most)
    values = np.array([cost(arch) for arch in archs])
    if not np.isfinite(values).all() or np.ptp(values) == 0:
        raise HarnessError("cost: wanted a number for every architecture, and not the same one for all")
    size = len(where.primitives)
    choices = [where.choices(arch) for arch in archs]
    groups = [np.array([of_arch[name] for of_arch in choices]) for name in where.groups]
    features = np.concatenate([np.eye(size)[group].reshape(len(archs), -1) for group in groups], axis=1)
    # The normal equations: thousands of architectures by tens of candidates.
    solution = np.linalg.lstsq(features.T @ features, features.T @ values, rcond=None)[0]
    residual = values - features @ solution
    r_squared = 1 - float(residual @ residual) / float(((values - values.mean()) ** 2).sum())
    ends = np.cumsum([edges * size for edges in where.groups.values()])[:-1]
    parts = zip(where.groups.items(), np.split(solution, ends), strict=True)
    return {name: part.reshape(edges, size) for (name, edges), part in parts}, r_squared


def _architectures(where: CellSpace, most: int) -> list[Arch]:
    if where.size <= most:
        return [where.arch(index) for index in range(where.size)]
    rng = generator("costs", where.name)
    return [where.sample(rng) for _ in range(most)]
