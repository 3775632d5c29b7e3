"""What identifies the parts that a method hands to a search, and what they remember over a kill."""

from dataclasses import dataclass, field
from functools import partial, wraps

import numpy as np
import pytest
import torch

from harness.errors import HarnessError
from harness.levels import Bilevel
from harness.streams import Streams
from harness.supernets import LevelStep, Mixture, Search, Softmax, Strongest, Supernet
from harness.supernets.parts import Parts, identity
from harness.training.checkpoints import CheckpointError
from harness.training.settings import SearchSettings


def softmax(alphas):
    return [torch.softmax(alpha, dim=-1) for alpha in alphas]


def tempered(alphas, temperature=1.0):
    return [torch.softmax(alpha / temperature, dim=-1) for alpha in alphas]


def announced(function):
    @wraps(function)
    def call(*arguments):
        return function(*arguments)

    return call


@announced
def decorated(alphas):
    return softmax(alphas)


@dataclass(frozen=True)
class Tempered:
    temperature: float = 0.5
    inner: object = softmax

    def __call__(self, alphas):
        return tempered(alphas, self.temperature)


@dataclass
class Annealed:
    """Colder and noisier from call to call."""

    start: float = 5.0
    noise: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0), compare=False)
    calls: int = field(default=0, compare=False)

    def __call__(self, alphas):
        self.calls += 1
        temperature = max(0.1, self.start - 0.5 * self.calls)
        drawn = [torch.from_numpy(self.noise.gumbel(size=tuple(alpha.shape))).float() for alpha in alphas]
        return [torch.softmax((a + noise) / temperature, dim=-1) for a, noise in zip(alphas, drawn, strict=True)]

    def state_dict(self):
        return {"calls": self.calls, "noise": self.noise.bit_generator.state}

    def load_state_dict(self, state):
        self.calls, self.noise.bit_generator.state = state["calls"], state["noise"]


@dataclass(frozen=True)
class Hidden:
    noise: object = field(default=None, compare=False)


@dataclass
class Thawed:
    temperature: float = 1.0


@dataclass(frozen=True)
class Counting:
    seen: list = field(default_factory=list)

    def __call__(self, alphas):
        self.seen.append(1)
        return softmax(alphas)


@dataclass
class Odd:
    def state_dict(self):
        return {"noise": [np.zeros(2)]}

    def load_state_dict(self, state):
        pass


class Plain:
    def __call__(self, alphas):
        return softmax(alphas)

    def method(self, alphas):
        return softmax(alphas)


def test_functions_are_called_by_their_names():
    assert identity(softmax, "relax") == "softmax"
    assert identity(Tempered(0.25), "relax") == "Tempered(temperature=0.25, inner=softmax)"


def test_equal_parts_have_equal_identities_and_others_have_others():
    def kinds(temperature):
        return [
            partial(tempered, temperature=temperature),
            partial(Tempered(temperature), 3, places=(1, [2.5, None]), names={"b": True, "a": "x"}),
            Tempered(temperature),
            Tempered(1.0, partial(tempered, temperature=temperature)),
            Annealed(start=temperature),
        ]

    texts = [[identity(part, "relax") for part in kinds(temperature)] for temperature in (0.5, 0.5, 0.7)]
    assert texts[0] == texts[1]
    assert not set(texts[0]) & set(texts[2])
    assert texts[0][0] == "partial(tempered, temperature=0.5)"
    assert identity(partial(tempered, temperature=2, other=1), "") == identity(
        partial(tempered, other=1, temperature=2), ""
    )
    assert not any("0x" in text for text in texts[0])
    assert identity(decorated, "relax") == "decorated"
    assert identity(Annealed(calls=7), "relax") == identity(Annealed(), "relax")  # of its state, not of what it is


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (lambda alphas: softmax(alphas), "relax: a lambda has no name that a checkpoint could keep; wanted"),
        (announced(tempered), "the inner function tempered has no name"),
        (Plain(), "nothing tells the object of Plain from another one"),
        (Plain, "nothing tells the object of type from another one"),
        (Tempered, "nothing tells the object of type from another one"),
        (Plain().method, "nothing tells the object of method from another one"),
        (partial(Plain()), "nothing tells the object of Plain from another one"),
        (partial(tempered, temperature=torch.ones(1)), "nothing tells the object of Tensor from another one"),
        (partial(Annealed()), "the state of the object of Annealed is not saved by what it is a part of"),
        (Tempered(inner=Annealed()), "relax.inner: the state of the object of Annealed is not saved"),
        (Tempered(inner=np.random.default_rng(0)), "relax.inner: nothing tells the object of Generator"),
        (Hidden(), "noise of the object of Hidden is neither told nor saved"),
        (Thawed(), "the object of Thawed could change without a checkpoint's knowing"),
    ],
)  # fmt: skip
def test_what_a_checkpoint_could_not_know_again_is_refused_in_one_line(part, message):
    with pytest.raises(HarnessError) as caught:
        identity(part, "relax")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_state_that_no_checkpoint_holds_is_refused_at_once():
    with pytest.raises(
        HarnessError, match=r"relax\['noise'\]\[0\]: a state is made of tensors, .*not the object of ndarray"
    ):
        Parts(relax=Odd())


# In a search

SETTINGS = SearchSettings(channels=2, cells=1, epochs=2, batch_size=32, alpha_learning_rate=3e-2)
STREAMS = Streams("live/test", 0)


@dataclass(frozen=True)
class Cooled(Softmax):
    """A relaxation at a temperature, perhaps with something in it that no checkpoint keeps."""

    temperature: float = 0.5
    inside: object = None

    def probabilities(self, alphas):
        return [Mixture(weights) for weights in tempered(alphas, self.temperature)]


@dataclass(frozen=True)
class Counted(Softmax):
    seen: list = field(default_factory=list)

    def probabilities(self, alphas):
        self.seen.append(1)
        return super().probabilities(alphas)


def search(small, relaxation, checkpoint=None, select=None):
    net = Supernet("nasbench201", small, SETTINGS, 0, checkpoint=checkpoint)
    return Search(net, LevelStep(Bilevel(), relaxation), select or Strongest())


def numbers(one):
    arch = one.run(STREAMS)
    return arch, [{k: v for k, v in row.items() if "second" not in k and k != "peak_memory"} for row in one.net.rows]


def test_a_search_that_was_killed_ends_like_one_that_was_not(small, tmp_path):
    whole = numbers(search(small, Cooled()))
    search(small, Cooled(), tmp_path / "search.pt").epoch()
    assert numbers(search(small, Cooled(), tmp_path / "search.pt")) == whole


def test_another_temperature_is_another_configuration(small, tmp_path):
    search(small, Cooled(0.5), tmp_path / "search.pt").epoch()
    with pytest.raises(CheckpointError, match=r"step was LevelStep\(.*temperature=0.5, .*, not .*temperature=0.7"):
        search(small, Cooled(0.7), tmp_path / "search.pt").run(STREAMS)


def test_a_part_that_changes_what_it_is_is_no_checkpoint(small, tmp_path):
    with pytest.raises(HarnessError, match=r"step: .*Counted\(seen=\[\]\).* changed in the search"):
        search(small, Counted(), tmp_path / "search.pt").epoch()


@pytest.mark.parametrize(
    ("inside", "message"),
    [
        (lambda alphas: alphas, "a lambda has no name that a checkpoint could keep"),
        (np.random.default_rng(0), "nothing tells the object of Generator from another one"),
        (Annealed(), "the state of the object of Annealed is not saved by what it is a part of"),
    ],
)
def test_what_a_checkpoint_could_not_know_again_is_refused_before_the_first_step(inside, message, small):
    with pytest.raises(HarnessError, match=message):
        search(small, Cooled(inside=inside))


@dataclass
class Picky:
    """A selection that is not frozen."""

    margin: float = 0.0
    word = "picky"
    epochs = 0


def test_selections_too(small):
    with pytest.raises(HarnessError, match="select: the object of Picky could change without a checkpoint's knowing"):
        search(small, Softmax(), select=Picky())
