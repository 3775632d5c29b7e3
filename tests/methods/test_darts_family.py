"""PC-DARTS, Max-W and DARTS-PT as methods: what they hand to a search, and what they refuse."""

import pytest

pytest.importorskip("torch", reason="needs the extra `live`")

from harness import HarnessError
from harness.live.problem import LiveProblem
from harness.methods.base import make_method, run_search
from harness.problem.budget import Budget
from harness.problem.offer import Offer
from harness.spaces.nasbench201 import NASBench201Space
from harness.spaces.registry import cell_space
from harness.streams import Streams
from harness.testing.supernets import _splits
from harness.training.settings import LiveSettings, Recipe, SearchSettings

pytestmark = pytest.mark.torch
RECIPE = Recipe(channels=4, cells=1, epochs=1, batch_size=16)


def rows_of(name, epochs=2, **params):
    settings = SearchSettings(channels=4, cells=1, reductions=1, epochs=epochs, batch_size=32, alpha_learning_rate=3e-2)
    settings = LiveSettings(search=settings, evaluation=RECIPE, proxy=RECIPE, device="cpu")
    space = cell_space("nasbench201")
    problem = LiveProblem("nasbench201", space, _splits(0), settings, Budget("epochs", epochs), 0)
    run_search(make_method(name, **params), problem, Streams("live/test", 0))
    return problem.epochs


@pytest.mark.parametrize("name", ["pc-darts", "max-w", "darts-pt"])
def test_tables_are_refused(name):
    with pytest.raises(HarnessError, match=f"{name}: wants a supernet, and a table has no weights to share"):
        make_method(name).check(Offer(NASBench201Space(), Budget("evaluations", 10)))


def test_max_w_says_its_level_and_relaxation():
    row = rows_of("max-w", level="milenas-1st", lambda_valid=3, update="w_first")[-1]
    assert (row["level"], row["lambda"], row["update"], row["relaxation"]) == ("MixedLevel", 3.0, "w_first", "max-w")


def test_pc_darts_begins_with_weights_alone():
    first, second = rows_of("pc-darts")
    assert (first["relaxation"], first["alpha_from"]) == ("edge-softmax", 0.3)
    assert second["passes"] == 2 * first["passes"] == 2 * first["steps"]
    assert second["alphas_beta_cell"] != first["alphas_beta_cell"]


def test_blank_never_moves_alpha_and_magnitude_leaves_its_epochs_unspent():
    rows = rows_of("darts-pt", epochs=7, selection="magnitude", blank=True)
    assert [row["selection"] for row in rows] == ["magnitude"] * 2
    assert rows[0]["alphas_cell"] == rows[1]["alphas_cell"]
    assert {row["passes"] for row in rows} == {rows[0]["steps"]}


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("pc-darts", {"k": 0}, "k must be at least 1"),
        ("pc-darts", {"warm_up": 1.0}, "warm_up must be a share of the epochs"),
        ("darts-pt", {"tune_epochs": -1}, "tune_epochs must be at least 0"),
        ("darts-pt", {"selection": "random"}, "selection: wanted 'perturbation' or 'magnitude'"),
        ("max-w", {"level": "darts-3rd"}, "unknown level 'darts-3rd'"),
        ("max-w", {"update": "v_first"}, "did you mean 'w_first'"),
    ],
)
def test_wrong_parameters(name, params, message):
    with pytest.raises(HarnessError, match=message):
        make_method(name, **params)
