"""Supernets: relaxations, steps, samplers and selections, and the one loop that a method puts them together in.

The names below are what a plug-in's method is made of; they are imported when first used, since they need torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.supernets.loop import Search, search
    from harness.supernets.mixture import Mixture, Relaxation, Softmax, one_a_group
    from harness.supernets.net import Form, Mixed, Supernet
    from harness.supernets.paths import PathStep, Sampler, Uniform
    from harness.supernets.sampled import Gates, Gumbel
    from harness.supernets.selections import BestOfRandom, Selection, Strongest
    from harness.supernets.shared_weights import SharedWeights
    from harness.supernets.steps import AlphaSchedule, At, LevelStep, Moving, Passed, Step

__all__ = [
    "AlphaSchedule",
    "At",
    "BestOfRandom",
    "Form",
    "Gates",
    "Gumbel",
    "LevelStep",
    "Mixed",
    "Mixture",
    "Moving",
    "Passed",
    "PathStep",
    "Relaxation",
    "Sampler",
    "Search",
    "Selection",
    "SharedWeights",
    "Softmax",
    "Step",
    "Strongest",
    "Supernet",
    "Uniform",
    "one_a_group",
    "search",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'harness.supernets' has no attribute {name!r}")
    from harness.supernets import loop, mixture, net, paths, sampled, selections, shared_weights, steps

    homes = (loop, mixture, net, paths, sampled, selections, shared_weights, steps)
    return next(vars(home)[name] for home in homes if name in vars(home))
