"""What is measured of a network and of architecture parameters."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from harness.errors import HarnessError
from harness.training.data import Read, Rows, portions

Row = dict[str, Any]  # what is recorded of an epoch


def evaluate(forward: Callable[[Tensor], Tensor], read: Read, rows: Rows, batch_size: int) -> tuple[float, float]:
    """Mean loss and accuracy (percent) over rows of a data set, in nearly equal batches.

    Parameters
    ----------
    forward
        Logits of a batch.
    read
        Batch of rows.
    rows, batch_size
        The rows, and how many at most go into a batch.
    """
    loss, correct = 0.0, 0
    with torch.no_grad():
        for part in portions(rows, batch_size):
            images, labels = read(part)
            logits = forward(images)
            loss += float(F.cross_entropy(logits, labels, reduction="sum"))
            correct += int((logits.argmax(dim=1) == labels).sum())
    return loss / len(rows), 100 * correct / len(rows)


def require_finite(losses: Mapping[str, float], where: str) -> None:
    """Refuse losses by name that are no finite numbers: what comes of such a network is no result.

    Raises
    ------
    HarnessError
        `where`, the name and the loss of the first such.
    """
    for name, loss in losses.items():
        if not math.isfinite(loss):
            raise HarnessError(f"{where}: the {name} loss is {loss}")


def require_finite_step(losses: Sequence[float], where: str, epoch: int, step: int) -> None:
    """Refuse the losses of a step, one a network, of which one is no finite number.

    Raises
    ------
    HarnessError
        `where`, all losses, the epoch and the step.
    """
    if not all(map(math.isfinite, losses)):
        shown = ", ".join(map(str, losses))
        raise HarnessError(f"{where}: the training loss is {shown} in epoch {epoch}, step {step}")


def entropy(weights: NDArray[np.floating]) -> float:
    """Entropy of the candidates' weights in nats, mean over edges. `weights` is (edges, candidates)."""
    positive = np.maximum(weights, np.finfo(weights.dtype).tiny)
    return float(-(weights * np.log(positive)).sum(axis=1).mean())


def seconds(call: Callable[[], object]) -> float:
    """Seconds of a call; the first call is slower, and not counted."""
    call()
    started = time.perf_counter()
    call()
    return time.perf_counter() - started
