"""One-shot search: a supernet trained by single paths, then searched with its shared weights by any method."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

from harness.errors import unknown_name
from harness.methods.base import OwnLoop, SearchResult, make_method, method_names, register_method, require, run_search
from harness.problem.base import Problem
from harness.problem.budget import Budget
from harness.problem.offer import Offer
from harness.problem.supernet import SupernetProblem
from harness.spaces.base import Arch
from harness.streams import Streams
from harness.taxonomy import Taxonomy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.supernets.loop import Search
    from harness.supernets.mixture import Mixture
    from harness.supernets.net import Supernet
    from harness.supernets.steps import Step


@dataclass(frozen=True)
class SearchedBy:
    """The answer of a registered method that searches the shared weights.

    Parameters
    ----------
    method
        Registered name.
    params
        Its parameters, as pairs.
    candidates
        Evaluations that it may spend, each one pass over the validation images.
    """

    method: str
    params: tuple[tuple[str, Any], ...]
    candidates: int

    epochs: ClassVar[int] = 0

    @property
    def word(self) -> str:
        """The method's name."""
        return self.method

    def derive(self, search: Search, mixtures: Sequence[Mixture]) -> Arch:
        """By magnitude, where there are architecture parameters to follow."""
        from harness.supernets.selections import Strongest

        return Strongest().derive(search, mixtures)

    def __call__(self, search: Search, streams: Streams) -> Arch:
        """Run the method on the shared weights."""
        from harness.supernets.shared_weights import SharedWeights

        problem = SharedWeights(search.net, self.candidates)
        found = run_search(make_method(self.method, **dict(self.params)), problem, streams)
        return problem.incumbent if found.arch is None else found.arch


class SearchesTrained(OwnLoop):
    """What methods have in common that train a supernet by paths and then search it with its weights.

    They have fields ``searcher`` (``"random"`` or a registered method), ``params`` (of it), ``candidates`` and ``recalibrate``,
    see `OneShot`.
    """

    searcher: str
    params: dict[str, Any]
    candidates: int
    recalibrate: bool

    def __post_init__(self) -> None:
        require(self.candidates >= 1, f"{self.name}: candidates must be at least 1, not {self.candidates}")
        if self.searcher == "random":
            require(not self.params, f"{self.name}: params: random has none here")
            return
        if self.searcher not in method_names():
            raise unknown_name("method", self.searcher, method_names(), where=f"{self.name}: search")
        make_method(self.searcher, **self.params)

    def check(self, offer: Offer) -> None:
        """Want a supernet, a searcher that runs in it, and running statistics where these are to be recalibrated."""
        require(offer.live, f"{self.name}: wants a supernet, and a table has no weights to share")
        if self.searcher != "random":
            searcher = make_method(self.searcher, **self.params)
            wants = f"{self.name}: search: {self.searcher} wants statistics of architectures, which shared weights do not say"
            searcher.check(Offer(offer.space, Budget("evaluations", self.candidates), columns=offer.columns))
            require(not searcher.statistic_names, wants)
        batch_norm = cast("Mapping[str, Any]", offer.supernet)["batch_norm"]
        require(
            not self.recalibrate or batch_norm == "running",
            f'{self.name}: recalibrate wants [search] batch_norm = "running"; '
            f'"{batch_norm}" has no statistics to recalibrate',
        )

    def required(self) -> dict[str, str]:
        """What the searcher needs."""
        return {} if self.searcher == "random" else make_method(self.searcher, **self.params).required()

    def search_trained(self, net: Supernet, step: Step, streams: Streams) -> SearchResult:
        """Train a supernet by a step, then search it."""
        from harness.supernets.calibration import Recalibrated
        from harness.supernets.loop import search
        from harness.supernets.selections import BestOfRandom, Selection

        by_random = self.searcher == "random"
        searched = SearchedBy(self.searcher, tuple(sorted(self.params.items())), self.candidates)
        select: Selection = BestOfRandom(self.candidates) if by_random else searched
        return SearchResult(search(net, step, Recalibrated(select) if self.recalibrate else select, streams))


@register_method("one-shot")
@dataclass
class OneShot(SearchesTrained):
    """Single-path one-shot search: every step trains one architecture, drawn by a sampler; a method then searches the supernet.

    The search of the trained supernet comes on top of the budget of epochs: `candidates` passes over the validation images.

    Parameters
    ----------
    search
        ``"random"``: the best of `candidates` architectures drawn uniformly; or the name of a method that runs on tables, such as
        ``"regularized-evolution"``, which judges architectures by the shared weights.
    params
        Parameters of that method.
    candidates
        How many architectures are measured.
    unsampled
        What becomes of the weights that a step does not use: ``"decay"``, where momentum and weight decay go on, or ``"frozen"``.
    sampler
        ``"uniform"``, or ``"novelty"``: the most novel of 20 architectures drawn uniformly (EN2AS, see
        `harness.supernets.paths.Novelty`).
    recalibrate
        Whether every candidate is measured by a batch norm of its own, whose statistics are those of the training images; only
        has a meaning where ``[search]`` says ``batch_norm = "running"``.

    Notes
    -----
    Guo et al., "Single path one-shot neural architecture search with uniform sampling", ECCV 2020, who recalibrate; a supernet
    whose batch norm reads the statistics of each batch, as by default, has nothing to recalibrate.
    """

    searcher: str = field(default="random", metadata={"name": "search"})
    params: dict[str, Any] = field(default_factory=dict)
    candidates: int = 100
    unsampled: Literal["decay", "frozen"] = "decay"
    sampler: Literal["uniform", "novelty"] = field(default="uniform", metadata={"later": True})
    recalibrate: bool = field(default=False, metadata={"later": True})

    version: ClassVar[str] = "1"
    source: ClassVar[str] = "Guo et al., ECCV 2020; novelty: Zhang et al., IJCAI 2020"
    taxonomy: ClassVar[Taxonomy] = Taxonomy("any", "random", "weight sharing", "none")

    def search(self, problem: Problem, streams: Streams) -> SearchResult:
        """Train the supernet, then search it."""
        from harness.supernets.paths import Novelty, PathStep, Uniform

        net = cast(SupernetProblem, problem).supernet()
        sampler = Novelty() if self.sampler == "novelty" else Uniform()
        return self.search_trained(net, PathStep(sampler, self.unsampled), streams)


@register_method("random-search-ws")
@dataclass
class RandomSearchWS(OwnLoop):
    """Random search with weight sharing: `one-shot` with random candidates, under the name that its paper gives it.

    Every step trains the weights of one architecture, drawn uniformly; in the end candidates are drawn and measured on the
    validation images with the shared weights, which comes on top of the budget of epochs.

    Parameters
    ----------
    candidates
        How many are measured.

    Notes
    -----
    Li and Talwalkar, "Random search and reproducibility for neural architecture search", UAI 2019, section 3.
    """

    candidates: int = 100

    version: ClassVar[str] = "1"
    source: ClassVar[str] = "Li and Talwalkar, UAI 2019"
    taxonomy: ClassVar[Taxonomy] = Taxonomy("any", "random", "weight sharing", "none")

    def __post_init__(self) -> None:
        self._one_shot()

    def check(self, offer: Offer) -> None:
        """Want a supernet."""
        require(offer.live, f"{self.name}: wants a supernet, and a table has no weights to share")

    def search(self, problem: Problem, streams: Streams) -> SearchResult:
        """Search as `one-shot` does."""
        return self._one_shot().search(problem, streams)

    def _one_shot(self) -> OneShot:
        require(self.candidates >= 1, f"{self.name}: candidates must be at least 1, not {self.candidates}")
        return OneShot(candidates=self.candidates)
