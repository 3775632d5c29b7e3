"""Methods over elastic supernets: every network is cut out of the largest one, and needs no training of its own.

A supernet of them is trained once; for each bound on parameters or operations the best network within it is then looked for with
the weights as they are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, cast

from harness.methods.base import SearchResult, register_method, require
from harness.methods.one_shot import SearchesTrained
from harness.problem.base import Problem
from harness.problem.offer import Offer
from harness.problem.supernet import SupernetProblem
from harness.spaces.cells import CellSpace
from harness.streams import Streams
from harness.taxonomy import Taxonomy

if TYPE_CHECKING:
    from harness.supernets.steps import Step


@dataclass
class OverElastic(SearchesTrained):
    """What these methods have in common.

    Parameters
    ----------
    searcher
        As `search`: ``"random"``, or the name of a method that runs on tables and judges architectures by the shared weights.
    params
        Its parameters.
    candidates
        How many architectures are measured, each by a pass over the validation images on top of the budget.
    recalibrate
        Whether each is measured by a batch norm of its own; wants ``[search] batch_norm = "running"``.
    """

    searcher: str = field(default="random", metadata={"name": "search"})
    params: dict[str, Any] = field(default_factory=dict)
    candidates: int = 100
    recalibrate: bool = False

    taxonomy: ClassVar[Taxonomy] = Taxonomy("any", "random", "weight sharing", "none")
    transforms: ClassVar[bool] = False  # see `harness.supernets.elastic.Elastic`

    def check(self, offer: Offer) -> None:
        """Want a space whose networks are parts of a largest one."""
        super().check(offer)
        nested = isinstance(offer.space, CellSpace) and offer.space.nested is not None
        require(
            nested,
            f"{self.name}: wants a space whose networks are parts of a largest one, such as elastic_convnet or elastic201, not "
            f"{offer.space.name}",
        )

    def step(self) -> Step:
        """How the supernet is trained."""
        raise NotImplementedError

    def search(self, problem: Problem, streams: Streams) -> SearchResult:
        """Train the elastic supernet, then search it."""
        from harness.supernets.elastic import Elastic

        net = cast(SupernetProblem, problem).supernet(form=Elastic(self.transforms))
        return self.search_trained(net, self.step(), streams)


@register_method("elastic-uniform")
@dataclass
class ElasticUniform(OverElastic):
    """An elastic supernet of which every step trains one random network by the labels: the baseline of the others.

    Notes
    -----
    The sampling of Guo et al., "Single path one-shot neural architecture search with uniform sampling", ECCV 2020.
    """

    version: ClassVar[str] = "1"
    source: ClassVar[str] = "Guo et al., ECCV 2020, on elastic weights"

    def step(self) -> Step:
        """One path."""
        from harness.supernets.paths import PathStep

        return PathStep()
