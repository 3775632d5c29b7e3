"""Searches of several seeds, one after the other and side by side, and the look-ups at the end; at the size of suite one-shot."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from statistics import median

import torch

from benchmarks.speed.live import interleaved
from benchmarks.speed.measure import Row
from harness.images.sources import load
from harness.levels import LEVELS
from harness.spaces.registry import cell_space
from harness.streams import generator
from harness.supernets.beside import Beside
from harness.supernets.gradient import Asked, Computed
from harness.supernets.loop import Search
from harness.supernets.net import Supernet
from harness.supernets.selections import Strongest
from harness.supernets.steps import LevelStep
from harness.system.turns import Turn, take_turns
from harness.training.data import split
from harness.training.settings import SearchSettings

SPACE, WIDTH, LOOKED_UP = "nasbench201", 4, 50
SETTINGS = SearchSettings(channels=8, cells=1, reductions=0, batch_size=64, learning_rate=0.1)
METHODS = ("darts-1st", "milenas-1st", "milenas-2nd")


def rows(rounds: int = 3) -> Iterator[Row]:
    """Processor time of an epoch of every seed, steps and evaluation, in interleaved rounds."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        for method in METHODS:
            single = [_search(seed, method, 1) for seed in range(WIDTH)]
            beside = [_search(seed, method, WIDTH) for seed in range(WIDTH)]
            times = interleaved({"single": partial(_in_a_row, single), "beside": partial(_beside, beside)}, rounds)
            base = median(times["single"])
            ratio = median(one / other for one, other in zip(times["single"], times["beside"], strict=True))
            yield Row(f"{method}: an epoch of {WIDTH} seeds, one after the other", 1000 * base, "ms")
            what = "  side by side: times as many"
            yield Row(what, 1000 * median(times["beside"]), "ms", ">= 1.3 x", "one after the other", ratio)
        yield from _lookups(single[0].net, rounds)
    finally:
        torch.set_num_threads(threads)


def _search(seed: int, method: str, width: int) -> Search:
    net = Supernet(SPACE, split(load("digits"), 0), replace(SETTINGS, side_by_side=width), seed)
    return Search(net, LevelStep(LEVELS[method]), Strongest())


def _in_a_row(searches: list[Search]) -> None:
    for search in searches:
        search.epoch()


def _beside(searches: list[Search]) -> None:
    def function(search: Search) -> Callable[[Turn[Asked, Computed]], object]:
        def epoch(turn: Turn[Asked, Computed]) -> object:
            net = search.net
            net.turn = turn
            search.moving = search.step.start(net)  # it asks there
            return search.epoch()

        return epoch

    take_turns([function(search) for search in searches], Beside(WIDTH), lambda asked: asked.kind)


def _lookups(net: Supernet, rounds: int) -> Iterator[Row]:
    """Architectures measured with shared weights: together, and each by itself."""
    space, rng = cell_space(SPACE), generator("speed", "seeds")
    archs = [space.sample(rng) for _ in range(LOOKED_UP)]
    times = interleaved(
        {
            "alone": lambda: [net.measure(net.path(arch)) for arch in archs],
            "shared": lambda: net.accuracies(archs),
        },
        rounds,
    )
    ratio = median(one / other for one, other in zip(times["alone"], times["shared"], strict=True))
    yield Row(f"{LOOKED_UP} architectures by shared weights, each by itself", 1000 * median(times["alone"]), "ms")
    what = "  what they have in common once: times as many"
    yield Row(what, 1000 * median(times["shared"]), "ms", ">= 2 x", "each by itself", ratio)
