"""Supernets: relaxations, steps, samplers and selections, and the one loop that a method puts them together in.

The names below are what a plug-in's method is made of; they are imported when first used, since they need torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.supernets.archive import Archive
    from harness.supernets.calibration import Recalibrated
    from harness.supernets.loop import Search, search
    from harness.supernets.max_w import MaxW
    from harness.supernets.mixture import Choice, Mixture, Relaxation, Softmax, fix, one_a_group
    from harness.supernets.net import Form, Mixed, Supernet
    from harness.supernets.partial import EdgeSoftmax, PartialChannels
    from harness.supernets.paths import Novelty, PathStep, Sampler, Uniform
    from harness.supernets.perturbation import Perturbation, Untuned
    from harness.supernets.sampled import Gates, Gumbel
    from harness.supernets.selections import BestOfRandom, Selection, Strongest
    from harness.supernets.shared_weights import SharedWeights
    from harness.supernets.steps import AlphaSchedule, At, LevelStep, Moving, Passed, Step

__all__ = [
    "AlphaSchedule",
    "Archive",
    "At",
    "BestOfRandom",
    "Choice",
    "EdgeSoftmax",
    "Form",
    "Gates",
    "Gumbel",
    "LevelStep",
    "MaxW",
    "Mixed",
    "Mixture",
    "Moving",
    "Novelty",
    "PartialChannels",
    "Passed",
    "PathStep",
    "Perturbation",
    "Recalibrated",
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
    "Untuned",
    "fix",
    "one_a_group",
    "search",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'harness.supernets' has no attribute {name!r}")
    from harness.supernets import (
        archive,
        calibration,
        loop,
        max_w,
        mixture,
        net,
        partial,
        paths,
        perturbation,
        sampled,
        selections,
        shared_weights,
        steps,
    )

    homes = (
        archive,
        calibration,
        loop,
        max_w,
        mixture,
        net,
        partial,
        paths,
        perturbation,
        sampled,
        selections,
        shared_weights,
        steps,
    )
    return next(vars(home)[name] for home in homes if name in vars(home))
