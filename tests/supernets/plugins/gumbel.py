"""Gumbel sampling as a relaxation: one path a pass, with a straight-through gradient (GDAS, Dong and Yang, CVPR 2019)."""

from dataclasses import dataclass

import torch

from harness import OwnLoop, SearchResult, Taxonomy, register_method
from harness.levels import Bilevel
from harness.supernets import LevelStep, Mixture, Softmax, search


@dataclass(frozen=True)
class Gumbel(Softmax):
    """The operation of every edge is drawn; the temperature falls linearly over the epochs."""

    first: float = 10.0
    last: float = 1.0
    word = "gumbel"
    sampled = True

    def mixture(self, alphas, rng, purpose, progress):
        temperature = self.first + (self.last - self.first) * progress
        mixtures = []
        for alpha in alphas:
            noise = torch.from_numpy(rng.gumbel(size=tuple(alpha.shape))).to(alpha)
            soft = torch.softmax((alpha + noise) / temperature, dim=-1)
            chosen = soft.argmax(dim=-1)
            hard = torch.nn.functional.one_hot(chosen, alpha.shape[-1]).to(alpha)
            mixtures.append(Mixture(chosen, gates=hard + soft - soft.detach()))
        return mixtures


@register_method("plugin-gdas")
@dataclass
class Gdas(OwnLoop):
    """Bilevel search through sampled paths."""

    temperature: float = 10.0
    taxonomy = Taxonomy("any", "gradient", "weight sharing", "none")

    def search(self, problem, streams):
        step = LevelStep(Bilevel(update="w_first"), Gumbel(self.temperature))
        return SearchResult(search(problem.supernet(), step, streams=streams))
