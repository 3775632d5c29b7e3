"""A search step on a DARTS supernet, beside the plain update of the published codes, in the same run.

The plain update is written here: mixed operations edge by edge, and one pass for every gradient that it names (α on training,
α on validation, weights). Processor time is measured in interleaved rounds, peak memory in a process of its own.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from statistics import median

import torch
import torch.nn.functional as F

from benchmarks.speed.measure import Row, cpu_seconds
from harness.images.sources import load
from harness.levels import LEVELS, Level
from harness.spaces.registry import cell_space
from harness.supernets.gradient import Batch, LevelGradient
from harness.supernets.graph import BATCH_NORMS, mixed_network
from harness.supernets.loop import Search
from harness.supernets.mixed import Fan
from harness.supernets.mixture import Softmax
from harness.supernets.net import Batches, Supernet, initial_alphas, initial_network
from harness.supernets.selections import Strongest
from harness.supernets.steps import At, LevelStep, MovingLevel, Passed
from harness.training import discrete
from harness.training.data import split
from harness.training.networks import Shape, build
from harness.training.settings import SearchSettings

SIZES: Mapping[str, tuple[Shape, int]] = {
    "A": (Shape(8, 5, (3, 32, 32), 10), 16),
    "B": (Shape(4, 3, (3, 8, 8), 10), 32),
}
LEVEL = LEVELS["milenas-1st"]
TIMED: Mapping[str, Level] = {
    "milenas-1st, simultaneous": LEVEL,
    "milenas-1st, alternating": replace(LEVEL, update="alpha_first"),
    "darts-1st": LEVELS["darts-1st"],
    "darts-2nd, alternating": replace(LEVELS["darts-2nd"], update="alpha_first"),
    "milenas-2nd, alternating": replace(LEVELS["milenas-2nd"], update="alpha_first"),
    "darts-2nd, simultaneous": LEVELS["darts-2nd"],
    "milenas-2nd, simultaneous": LEVELS["milenas-2nd"],
}
TARGETS = {
    ("A", "milenas-1st, simultaneous"): 0.55,
    ("B", "milenas-1st, simultaneous"): 0.45,
    ("A", "milenas-1st, alternating"): 0.8,
    ("B", "milenas-1st, alternating"): 0.8,
}
PLAIN = "milenas-1st, plain"


def rows(rounds: int = 3) -> Iterator[Row]:
    """Processor time and peak memory of a step against the plain update, and what the search adds to its steps."""
    torch.set_num_threads(1)
    for size in SIZES:
        steps = {PLAIN: plain(size)} | {name: ours(size, level) for name, level in TIMED.items()}
        times = interleaved(steps, rounds)
        base = median(times[PLAIN])
        yield Row(f"{PLAIN}, network {size}", 1000 * base, "ms/step")
        for name in TIMED:
            ratio = median(t / p for t, p in zip(times[name], times[PLAIN], strict=True))
            target = TARGETS.get((size, name))
            wanted = f"<= {target} x" if target else ""
            yield Row(f"  {name}", 1000 * median(times[name]), "ms/step", wanted, "plain", ratio)
    yield around()
    peaks = {name: peak(name) for name in (PLAIN, "milenas-1st, simultaneous", "milenas-1st, alternating")}
    yield Row(f"{PLAIN}, network A, peak memory of the process", peaks[PLAIN], "MB")
    for name in list(peaks)[1:]:
        yield Row(f"  {name}", peaks[name], "MB", "<= 0.75 x", "plain", peaks[name] / peaks[PLAIN])


def batch(size: str) -> Batch:
    shape, images = SIZES[size]
    return torch.randn(images, *shape.image), torch.randint(shape.classes, (images,))


def plain(size: str) -> Callable[[], object]:
    """The update as one would write it from the formula: three passes, nothing shared, nothing fused."""
    shape, _ = SIZES[size]
    form = replace(BATCH_NORMS["batch"], fan=Fan)
    network = build(lambda: mixed_network(cell_space("darts"), shape, form), ("init", "darts", str(shape), 0))
    alphas = list(initial_alphas("darts", shape, 0, Softmax()).values())
    of_weights, of_alphas = optimizers(network, alphas)

    def step() -> None:
        train, valid = batch(size), batch(size)
        gradients = [
            torch.autograd.grad(F.cross_entropy(network(images, *Softmax().probabilities(alphas)), labels), alphas)
            for images, labels in (train, valid)
        ]
        for alpha, on_train, on_valid in zip(alphas, *gradients, strict=True):
            alpha.grad = on_train + on_valid
        of_alphas.step()
        of_weights.zero_grad()
        F.cross_entropy(network(train[0], *Softmax().probabilities(alphas)), train[1]).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        of_weights.step()

    return step


def ours(size: str, level: Level) -> Callable[[], object]:
    shape = SIZES[size][0]
    network, alphas = initial_network("darts", shape, 0), list(initial_alphas("darts", shape, 0, Softmax()).values())
    step = LevelGradient(network, alphas, *optimizers(network, alphas))
    return lambda: step(level, batch(size), batch(size), draw=lambda purpose: Softmax().probabilities)


def optimizers(network: torch.nn.Module, alphas: list[torch.Tensor]) -> tuple[torch.optim.SGD, torch.optim.Adam]:
    return (
        torch.optim.SGD(network.parameters(), lr=0.025, momentum=0.9, weight_decay=3e-4),
        torch.optim.Adam(alphas, lr=3e-4, betas=(0.5, 0.999), weight_decay=1e-3),
    )


def interleaved(calls: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Processor seconds of every call in every round, after a round that is not counted."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(rounds + 1):
        for name, call in calls.items():
            clock = time.process_time()
            call()
            if turn:
                times[name].append(time.process_time() - clock)
    return times


def peak(name: str, steps: int = 3) -> float:
    """Peak resident memory (MB) of a fresh process that takes some steps on network A."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_peak, (name, steps))


def _peak(name: str, steps: int) -> float:
    torch.set_num_threads(1)
    step = plain("A") if name == PLAIN else ours("A", TIMED[name])
    for _ in range(steps):
        step()
    with open("/proc/self/status") as status:  # ru_maxrss would begin with the parent's
        return int(next(line for line in status if line.startswith("VmHWM")).split()[1]) / 1024


class Idle(MovingLevel):
    """A step that only hands out what a real one returned."""

    returned: Passed

    def __call__(self, batches: Batches, at: At) -> Passed:
        _ = batches.train, batches.valid
        return self.returned


def around() -> Row:
    """What a search spends on batches, losses and tracking, beside its bare steps; the evaluation of a split is apart."""
    net = Supernet("darts", split(load("digits"), 0), SearchSettings(channels=4, cells=3, batch_size=32), seed=0)
    search = Search(net, LevelStep(LEVEL), Strongest())
    moving, at = search.moving, At(0, 0, 0.0)
    moving.begin_epoch(0, net.settings.rate(0))
    batches = next(net.batches(0))
    returned = moving(batches, at)
    bare = net.steps * cpu_seconds(lambda: moving(batches, at))
    search.moving = idle = Idle(LevelStep(LEVEL), net)
    idle.returned = returned
    net.measure = lambda mixtures: (0.0, 0.0)  # type: ignore[method-assign]

    def epoch() -> None:
        discrete._parameters.cache_clear()  # an epoch counts the parameters of what it derives
        search.epoch()

    rest = cpu_seconds(epoch)
    return Row("search on digits: batches and tracking beside its steps", 100 * rest / bare, "%", "< 5 %")


if __name__ == "__main__":
    for row in rows():
        print(row, flush=True)
