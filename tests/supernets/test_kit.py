"""The conformance kit on supernet methods: built-in ones, plug-ins, and methods that break the contract."""

from dataclasses import dataclass
from pathlib import Path

import pytest
import torch

from harness import OwnLoop, SearchResult, Taxonomy, register_method
from harness.levels import Bilevel
from harness.supernets import LevelStep, Softmax, Strongest, search
from harness.system import plugins
from harness.testing import check_method, check_supernet_method

PLUGINS = Path(__file__).parent / "plugins"
plugins.load([PLUGINS / "gumbel.py", PLUGINS / "perturbation.py"])
BUILTIN = [
    ("single-level", {}),
    ("darts-1st", {}),
    ("darts-2nd", {"update": "alpha_first"}),
    ("milenas-1st", {"lambda_valid": 0.5}),
    ("milenas-2nd", {"compat": "official-code"}),
    ("level-schedule", {"phases": [[0, "darts-1st"], [1, "milenas-1st"]]}),
    ("max-w", {"level": "milenas-1st"}),
    ("pc-darts", {"k": 2}),
    ("gdas", {}),
    ("milenas-gumbel", {"lambda_valid": 0.5}),
    ("proxyless", {"alpha_every": 3, "alpha_from": 0.3, "cost_weight": 0.1}),
    ("random-search-ws", {"candidates": 3}),
    ("one-shot", {"candidates": 3, "unsampled": "frozen"}),
    ("one-shot", {"candidates": 3, "sampler": "novelty"}),
    ("one-shot", {"candidates": 6, "search": "regularized-evolution", "params": {"population": 3, "sample": 2}}),
]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "params"), BUILTIN)
def test_built_in_methods(name, params):
    check_supernet_method(name, epochs=2, **params)


@pytest.mark.slow
def test_a_plug_in():
    check_supernet_method("plugin-gdas", epochs=2)


@pytest.fixture
def smaller_space(monkeypatch):
    """The kit has the smaller cell space alone: perturbation measures the supernet for every operation of every edge."""
    monkeypatch.setattr("harness.testing.supernets.cell_space_names", lambda: ["nasbench201"])


@pytest.mark.slow
def test_a_selection_that_tunes(smaller_space):
    check_method("darts-pt", epochs=6)  # killed between all of its epochs, most of which are those of tuning


@pytest.mark.slow
def test_a_selection_of_a_plug_in(smaller_space):
    check_supernet_method("plugin-pt")


def test_a_method_that_refuses_tables_is_checked_on_supernets():
    check_method("random-search-ws", epochs=2, candidates=2)


@register_method("kit-idle")
@dataclass
class Idle(OwnLoop):
    """Calls itself a zero-cost proxy, and scores nothing."""

    taxonomy = Taxonomy("any", "random", "zero-cost proxy", "none")

    def search(self, problem, streams):
        return SearchResult(problem.sample(streams.uniforms("sample")))


@register_method("kit-training")
@dataclass
class Training(OwnLoop):
    """Calls itself a zero-cost proxy, and trains."""

    taxonomy = Taxonomy("any", "random", "zero-cost proxy", "none")

    def search(self, problem, streams):
        arch = problem.sample(streams.uniforms("sample"))
        problem.untrained(arch)
        problem.evaluate(arch)
        return SearchResult(arch)


TAXONOMY = Taxonomy("any", "gradient", "weight sharing", "none")


@register_method("kit-global")
@dataclass
class Global(OwnLoop):
    """Draws from torch's global generator."""

    taxonomy = TAXONOMY

    def search(self, problem, streams):
        torch.rand(1)
        return SearchResult(search(problem.supernet(), LevelStep(Bilevel())))


@dataclass(frozen=True)
class Stateful(Softmax):
    """Counts its calls in a list that all of its copies share, so that a search depends on those before it."""

    word = "stateful"
    calls = []  # noqa: RUF012  (the fault)

    def mixture(self, alphas, rng, purpose, progress):
        self.calls.append(1)
        return [
            mixture._replace(operations=mixture.operations * (1 + len(self.calls) % 7))
            for mixture in self.probabilities(alphas)
        ]


@register_method("kit-stateful")
@dataclass
class StatefulSearch(OwnLoop):
    """Uses it."""

    taxonomy = TAXONOMY

    def search(self, problem, streams):
        return SearchResult(search(problem.supernet(), LevelStep(Bilevel(), Stateful())))


@dataclass(frozen=True)
class Silent(LevelStep):
    """States nothing."""

    def words(self, epoch):
        return {}


@register_method("kit-silent")
@dataclass
class SilentSearch(OwnLoop):
    """Uses it."""

    taxonomy = TAXONOMY

    def search(self, problem, streams):
        return SearchResult(search(problem.supernet(), Silent(Bilevel()), Strongest()))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("kit-global", "draws from a global random state"),
        ("kit-stateful", "twice gives two different searches"),
        ("kit-silent", "do not state level"),
        ("kit-idle", "asked for no untrained network"),
        ("kit-training", "is a zero-cost proxy, and spent 1 epochs"),
    ],
)
def test_what_breaks_the_contract_is_found(name, message):
    with pytest.raises(AssertionError, match=message):
        check_supernet_method(name, epochs=2)
