"""The samplers of Optuna, driven by ask and tell."""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from harness.errors import HarnessError, first_line, unknown_name
from harness.methods.base import AskTell, register_method, require
from harness.methods.values import checked
from harness.problem.base import Evaluation, Problem
from harness.problem.offer import Offer
from harness.spaces.base import Arch
from harness.streams import Streams
from harness.system.extras import versions_of
from harness.taxonomy import Taxonomy

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

# How often an architecture that the benchmark cannot evaluate is asked for again, before a random one takes its place.
ATTEMPTS = 100
# What some samplers need that Optuna itself does not, and those that know numbers only.
NEEDS = {"CmaEsSampler": ("cmaes",), "GPSampler": ("torch",)}
OF_NUMBERS = ("CmaEsSampler", "QMCSampler")


@register_method("optuna")
@dataclass
class Optuna(AskTell):
    """A sampler of Optuna, which is asked for architectures and told their scores.

    Parameters
    ----------
    sampler
        Class of ``optuna.samplers`` that takes a seed: ``"TPESampler"``, ``"RandomSampler"``, ``"NSGAIISampler"``,
        ``"GPSampler"``, ``"CmaEsSampler"`` and others.
    params
        Its keyword arguments. The seed is the cell's.
    ordered
        Whether choices are handed over as whole numbers, whose order the sampler then takes for real, and not as categories.
        `CmaEsSampler` and `QMCSampler` want it: they leave categories to a random sampler, so that they would be random search
        under another name.

    Notes
    -----
    Akiba et al., "Optuna: a next-generation hyperparameter optimization framework", KDD 2019. A search is the bare loop
    ``study.ask``, ``study.tell`` of an in-memory study that maximises the score, whose sampler is seeded from the stream
    ``sampler``. Samplers know nothing of what they have asked for before: a repeat is an evaluation like any other, paid for
    again, and the record's ``n_unique`` says how many different ones there were. An architecture that the benchmark does not
    have is told as failed and costs nothing; after 100 of these in a row a random one (stream ``sample``) is evaluated and added
    to the study. Optuna's defaults change from version to version (5.0 turned on ``multivariate`` and ``constant_liar`` of TPE),
    so that its version is part of a cell's key. The seconds of the sampler are in ``overhead_s``.
    """

    sampler: str = "TPESampler"
    params: dict[str, Any] = field(default_factory=dict)
    ordered: bool = False

    version: ClassVar[str] = "1"
    source: ClassVar[str] = "Akiba et al., KDD 2019"
    taxonomy: ClassVar[Taxonomy] = Taxonomy("any", "bayesian", "none", "none")
    requires: ClassVar[tuple[str, ...]] = ("optuna",)

    def __post_init__(self) -> None:
        require(
            self.ordered or self.sampler not in OF_NUMBERS,
            f"{self.name}: {self.sampler} knows no categories and would draw them at random; add ordered = true, if the order "
            "of choices means something",
        )

    def required(self) -> dict[str, str]:
        """Versions of Optuna and of what the sampler needs beside it."""
        return versions_of((*self.requires, *NEEDS.get(self.sampler, ())), f"method {self.name}")

    def check(self, offer: Offer) -> None:
        """Refuse a sampler that Optuna does not have, and arguments that it does not take."""
        self.required()
        self.make_sampler(0)

    def make_sampler(self, seed: int) -> BaseSampler:
        """The sampler with its arguments.

        Raises
        ------
        HarnessError
            If Optuna has no such sampler, or it does not take these arguments.
        """
        kinds = _samplers()
        if self.sampler not in kinds:
            raise unknown_name("sampler of Optuna", self.sampler, kinds)
        known = dict(inspect.signature(kinds[self.sampler]).parameters)
        del known["seed"]
        for key, value in self.params.items():
            if key == "seed":
                raise HarnessError(f"{self.name}: params: seed is that of the cell; leave it out")
            if key not in known:
                raise unknown_name(f"parameter of {self.sampler}:", key, known)
            checked(f"{self.name}: {self.sampler}: {key}", value, _plain_type(str(known[key].annotation)))
        try:
            return kinds[self.sampler](**self.params, seed=seed)
        except (TypeError, ValueError) as error:
            raise HarnessError(f"{self.name}: {self.sampler}: {first_line(error)}") from error

    def start(self, problem: Problem, streams: Streams) -> None:
        """Begin a study."""
        import optuna
        from optuna.distributions import CategoricalDistribution, IntDistribution

        super().start(problem, streams)
        self._sample = streams.uniforms("sample")
        self._distributions: dict[str, Any] = {
            f"x{place}": IntDistribution(0, cardinality - 1)
            if self.ordered
            else CategoricalDistribution(range(cardinality))
            for place, cardinality in enumerate(problem.space.cardinalities)
        }
        with _silence(optuna.logging.get_verbosity, optuna.logging.set_verbosity, optuna.logging.WARNING):
            self._study = optuna.create_study(direction="maximize", sampler=self.make_sampler(streams.seed("sampler")))
        self._trial: optuna.Trial | None = None

    def ask(self) -> Arch:
        """What the sampler asks for, or a random architecture where the benchmark has nothing of the kind."""
        from optuna.trial import TrialState

        with self.problem.overhead("sampler"):
            for _ in range(ATTEMPTS):
                self._trial = self._study.ask(self._distributions)
                arch = tuple(self._trial.params[key] for key in self._distributions)
                if self.problem.contains(arch):
                    return arch
                self._study.tell(self._trial, state=TrialState.FAIL)
            self._trial = None
            return self.problem.sample(self._sample)

    def tell(self, arch: Arch, evaluation: Evaluation) -> None:
        """Tell the score; what the sampler did not ask for becomes a trial of its own."""
        from optuna.trial import create_trial

        with self.problem.overhead("sampler"):
            if self._trial is not None:
                self._study.tell(self._trial, evaluation.score)
                return
            params = dict(zip(self._distributions, arch, strict=True))
            self._study.add_trial(
                create_trial(params=params, distributions=self._distributions, value=evaluation.score)
            )


def _samplers() -> dict[str, Any]:
    """Optuna's samplers that can be made of a seed and plain arguments, by name."""
    from optuna import samplers

    kinds: dict[str, Any] = {name: getattr(samplers, name) for name in samplers.__all__}
    return {
        name: kind
        for name, kind in kinds.items()
        if inspect.isclass(kind) and not inspect.isabstract(kind) and "seed" in inspect.signature(kind).parameters
    }


def _plain_type(annotation: str) -> Any:
    """The type that an annotation such as ``int | None`` names if it is one of plain values, else whatever there is."""
    kinds = {"int": int, "float": float, "bool": bool, "str": str, "None": type(None)}
    names = annotation.split(" | ")
    return functools.reduce(operator.or_, (kinds[name] for name in names)) if set(names) <= kinds.keys() else Any


@contextmanager
def _silence(get: Callable[[], int], put: Callable[[int], None], level: int) -> Iterator[None]:
    """Let a library say what matters only, and leave its loudness as it was."""
    before = get()
    put(max(before, level))
    try:
        yield
    finally:
        put(before)
