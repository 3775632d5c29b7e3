"""A selection rule: of every edge that operation stays whose removal hurts most (DARTS-PT, Wang et al., ICLR 2021; no tuning)."""

from dataclasses import dataclass

from harness import OwnLoop, SearchResult, Taxonomy, register_method
from harness.levels import Bilevel
from harness.supernets import LevelStep, Mixture, Strongest, search


@dataclass(frozen=True)
class Perturbation(Strongest):
    """Edges are decided in random order; weights are not renormalised."""

    word = "perturbation"

    def __call__(self, search, streams):
        kept = [mixture.operations.clone() for mixture in search.moving.probabilities()]
        edges = [(group, edge) for group, weights in enumerate(kept) for edge in range(len(weights))]
        for place in streams.generator("selection").permutation(len(edges)):
            group, edge = edges[place]
            losses = []
            for candidate in range(kept[group].shape[1]):
                without = [weights.clone() for weights in kept]
                without[group][edge, candidate] = 0
                losses.append(search.net.measure([Mixture(weights) for weights in without])[0])
            strongest = max(range(len(losses)), key=losses.__getitem__)
            kept[group][edge] = 0
            kept[group][edge, strongest] = 1
        return self.derive(search, [Mixture(weights) for weights in kept])


@register_method("plugin-pt")
@dataclass
class PlugInPT(OwnLoop):
    """Bilevel search whose architecture is chosen by perturbation."""

    taxonomy = Taxonomy("any", "gradient", "weight sharing", "none")

    def search(self, problem, streams):
        return SearchResult(search(problem.supernet(), LevelStep(Bilevel()), Perturbation(), streams))
