"""Steps that compute a part of the supernet: drawn paths and partial channels, beside what they should cost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from statistics import median

import numpy as np
import torch
from torch import Tensor

from benchmarks.speed.live import SIZES, batch, interleaved, optimizers
from benchmarks.speed.measure import Row
from harness.levels import LEVELS
from harness.spaces.registry import cell_space
from harness.supernets.gradient import Draw, LevelGradient
from harness.supernets.mixture import Mixture, Purpose, Relaxation, Softmax
from harness.supernets.net import Form, initial_alphas, initial_network
from harness.supernets.partial import EdgeSoftmax, PartialChannels
from harness.supernets.sampled import Gates, Gumbel

SIZE, K = "A", 4
PATH, DARTS = "one drawn path", "darts-1st"
LEVEL = replace(LEVELS["darts-1st"], update="w_first")
Step = Callable[[], object]


def rows(rounds: int = 3) -> Iterator[Row]:
    """Processor time of a step on network A."""
    torch.set_num_threads(1)
    proxyless, path = moving(Gates()), moving(Gates(), alphas=False)
    partial = moving(EdgeSoftmax(tuple(target for _, target in cell_space("darts").edges)), PartialChannels(K))
    steps: dict[str, Step] = {
        PATH: lambda: path[0].move_weights(LEVEL, batch(SIZE), draw=path[1]),
        "gdas": whole(*moving(Gumbel())),
        "proxyless, weights": lambda: proxyless[0].move_weights(LEVEL, batch(SIZE), draw=proxyless[1]),
        "proxyless, alpha": lambda: proxyless[0].alpha_gradient(LEVEL, batch(SIZE), batch(SIZE), draw=proxyless[1]),
        DARTS: whole(*moving(Softmax())),
        f"pc-darts, K = {K}": whole(*partial),
    }
    times = interleaved(steps, rounds)
    yield Row(f"{PATH}, network {SIZE}: one pass for the weights", 1000 * median(times[PATH]), "ms/step")
    for name, beside, passes, wanted in (
        ("gdas", PATH, 2, "<= 1.15 x"),
        ("proxyless, weights", PATH, 1, "<= 1.15 x"),
        ("proxyless, alpha", PATH, 1, "<= 3 x"),
        (f"pc-darts, K = {K}", DARTS, 1, "<= 0.6 x"),
    ):
        ratio = median(t / (passes * base) for t, base in zip(times[name], times[beside], strict=True))
        peer = beside if passes == 1 else f"{passes} passes"
        yield Row(f"  {name}", 1000 * median(times[name]), "ms/step", wanted, peer, ratio)


def moving(
    relaxation: Relaxation, form: Form | None = None, *, alphas: bool = True
) -> tuple[LevelGradient, Callable[[Purpose], Draw]]:
    """Steps of a relaxation on a supernet of its own, and what a pass computes; without `alphas` nothing has their gradient."""
    shape, rng = SIZES[SIZE][0], np.random.default_rng(0)
    network = initial_network("darts", shape, 0, form=form)
    found = list(initial_alphas("darts", shape, 0, relaxation).values())

    def draw(purpose: Purpose) -> Draw:
        def mixed(given: Sequence[Tensor]) -> list[Mixture]:
            given = given if alphas else [alpha.detach() for alpha in given]
            return relaxation.mixture(given, rng, purpose, 0.5)

        return mixed

    return LevelGradient(network, found, *optimizers(network, found)), draw


def whole(gradient: LevelGradient, draw: Callable[[Purpose], Draw]) -> Step:
    """A step of weights and architecture parameters."""
    return lambda: gradient(LEVEL, batch(SIZE), batch(SIZE), draw=draw)
