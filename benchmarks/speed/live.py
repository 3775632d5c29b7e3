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
from harness.levels import LEVELS, Level
from harness.live.data import split
from harness.live.discrete import parameters
from harness.live.mixed import Fan, softmax
from harness.live.networks import Shape, build
from harness.live.search import Search, SearchSettings
from harness.live.sources import load
from harness.live.step import Batch, Pass, SearchStep
from harness.live.supernet import BATCH_NORMS, SEARCHABLE, supernet

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
    network = build(lambda: SEARCHABLE["darts"].make(shape, form), ("init", "darts", str(shape), 0))
    _, alphas = supernet("darts", shape, 0)
    of_weights, of_alphas = optimizers(network, alphas)

    def step() -> None:
        train, valid = batch(size), batch(size)
        gradients = [
            torch.autograd.grad(F.cross_entropy(network(images, *softmax(alphas)), labels), alphas)
            for images, labels in (train, valid)
        ]
        for alpha, on_train, on_valid in zip(alphas, *gradients, strict=True):
            alpha.grad = on_train + on_valid
        of_alphas.step()
        of_weights.zero_grad()
        F.cross_entropy(network(train[0], *softmax(alphas)), train[1]).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        of_weights.step()

    return step


def ours(size: str, level: Level) -> Callable[[], object]:
    network, alphas = supernet("darts", SIZES[size][0], 0)
    step = SearchStep(network, alphas, *optimizers(network, alphas))
    return lambda: step(level, batch(size), batch(size))


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


class Idle(SearchStep):
    """A step that only hands out what a real one returned."""

    def __init__(self, returned: Pass) -> None:
        self.passes, self.returned = 0, returned

    def __call__(self, *_: object) -> Pass:
        return self.returned


def around() -> Row:
    """What a search spends on batches, losses and tracking, beside its bare steps; the evaluation of a split is apart."""
    splits = split(load("digits"), 0)
    search = Search("darts", splits, LEVEL, SearchSettings(channels=4, cells=3, batch_size=32), seed=0)
    read = splits.reader()
    train, valid = read(splits.train[:32]), read(splits.valid[:32])
    bare = search.steps * cpu_seconds(lambda: search.step(LEVEL, train, valid))
    search.step = Idle(search.step(LEVEL, train, valid))
    search.evaluate = lambda rows: (0.0, 0.0)  # type: ignore[method-assign]
    rest = cpu_seconds(lambda: (parameters.cache_clear(), search.epoch()))
    return Row("search on digits: batches and tracking beside its steps", 100 * rest / bare, "%", "< 5 %")


if __name__ == "__main__":
    for row in rows():
        print(row, flush=True)
