"""Supernets: relaxations, steps, samplers and selections, and the one loop that a method puts them together in.

The names below are what a plug-in's method is made of; they are imported when first used, since they need torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.supernets.loop import Search, search
    from harness.supernets.mixture import Mixture, Relaxation, Softmax, one_a_group
    from harness.supernets.net import Form, Mixed, Supernet
    from harness.supernets.paths import PathStep, Sampler, Uniform
    from harness.supernets.selections import BestOfRandom, Selection, Strongest
    from harness.supernets.shared_weights import SharedWeights
    from harness.supernets.steps import At, LevelStep, Moving, Passed, Step

_HOME = {
    "At": "steps",
    "BestOfRandom": "selections",
    "Form": "net",
    "LevelStep": "steps",
    "Mixed": "net",
    "Mixture": "mixture",
    "Moving": "steps",
    "Passed": "steps",
    "PathStep": "paths",
    "Relaxation": "mixture",
    "Sampler": "paths",
    "Search": "loop",
    "Selection": "selections",
    "SharedWeights": "shared_weights",
    "Softmax": "mixture",
    "Step": "steps",
    "Strongest": "selections",
    "Supernet": "net",
    "Uniform": "paths",
    "one_a_group": "mixture",
    "search": "loop",
}

__all__ = [
    "At",
    "BestOfRandom",
    "Form",
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
    if name not in _HOME:
        raise AttributeError(f"module 'harness.supernets' has no attribute {name!r}")
    return getattr(import_module(f"harness.supernets.{_HOME[name]}"), name)
