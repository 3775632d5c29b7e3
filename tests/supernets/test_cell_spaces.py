"""Cell spaces of plug-ins: their networks and supernets, searches, a run from the command line, its report, a recording."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from harness.errors import HarnessError
from harness.live.elsewhere import Elsewhere
from harness.recording.record import record
from harness.recording.spec import make_spec
from harness.recording.table import finish
from harness.spaces import registry
from harness.spaces.cells import CellSpace
from harness.spaces.registry import cell_space, cell_space_names, register_cell_space
from harness.supernets.graph import BATCH_NORMS, mixed_network
from harness.supernets.mixed import Fan
from harness.supernets.mixture import Mixture, Softmax
from harness.supernets.net import initial_alphas
from harness.system import plugins
from harness.tabular.formats.recorded import read, table_of
from harness.testing import check_method, check_supernet_method
from harness.training import discrete
from harness.training.networks import Shape, Stages, build
from harness.training.skeletons import SKELETONS, Skeleton, shape_of, skeleton_of

PLUGINS = Path(__file__).parent / "plugins"
SMALL = (1, 8, 8)


@pytest.fixture
def files(tmp_path, registries):
    """Copies of the plug-ins, so that no other test knows their spaces."""
    return [Path(shutil.copy(PLUGINS / f"{name}.py", tmp_path)) for name in ("triangle", "fork")]


@pytest.fixture
def spaces(files):
    plugins.load(files)
    return {name: cell_space(name) for name in ("triangle", "fork")}


# Networks


def test_a_node_is_the_sum_of_its_edges(spaces):
    network = build(lambda: discrete.network("triangle", (2, 1, 2), Stages(2, 1, SMALL, 10, reductions=0)), ("test",))
    (cell,) = (module for module in network.modules() if isinstance(module, discrete.DiscreteCell))
    x = torch.randn(4, 2, 8, 8)
    first = cell.operations[0](x)
    torch.testing.assert_close(cell([x]), x + cell.operations[2](first))


def test_a_node_without_edges_is_zero(spaces):
    network = build(lambda: discrete.network("fork", (2,) * 5, Shape(2, 1, SMALL, 10, reductions=1)), ("test",))
    (cell,) = network.cells
    out = cell([torch.randn(3, 6, 8, 8)] * 2)
    assert out.shape == (3, 2 * 4, 4, 4)  # two nodes of doubled channels, half the size
    assert not out.any()


def test_what_is_counted(spaces):
    shape = Stages(2, 1, SMALL, 10, reductions=0)
    # Stem, three convolutions with batch norm, the last norm, classifier.
    assert discrete.parameters("triangle", (2, 2, 2), shape) == (9 * 2 + 4) + 3 * (9 * 4 + 4) + 4 + (20 + 10)
    assert discrete.multiply_adds("triangle", (2, 2, 2), shape) == 64 * (9 * 2 + 3 * 9 * 4) + 20
    # Stem of 6 channels, two inputs brought to 2 channels, five batch norms, a classifier of two nodes' channels.
    one = Shape(2, 1, SMALL, 10, reductions=0)
    assert discrete.parameters("fork", (1,) * 5, one) == (9 * 6 + 12) + 2 * (6 * 2 + 4) + 5 * 4 + (4 * 10 + 10)


@pytest.mark.parametrize(("space", "shape"), [("triangle", Stages(4, 1, SMALL, 5)), ("fork", Shape(4, 3, SMALL, 5))])
def test_the_fast_form_computes_the_same_whatever_the_operations(space, shape, spaces):
    images = torch.randn(8, *SMALL, dtype=torch.float64)
    mixtures = Softmax().probabilities([a.double() for a in initial_alphas(space, shape, 0, Softmax()).values()])
    logits = []
    for norm in (BATCH_NORMS["batch"], replace(BATCH_NORMS["batch"], fan=Fan)):
        network = build(lambda norm=norm: mixed_network(spaces[space], shape, norm), ("test",)).double()
        logits.append(network(images, *mixtures))
    torch.testing.assert_close(*logits)


def test_a_path_is_the_architecture_with_the_same_weights(spaces):
    where, shape = spaces["triangle"], Stages(4, 1, SMALL, 5, reductions=1)
    supernet = build(lambda: mixed_network(where, shape, BATCH_NORMS["batch"]), ("test",))
    arch, images = (2, 1, 2), torch.randn(8, *SMALL)
    alone = build(lambda: discrete.network("triangle", arch, shape), ("other",))
    for cell, mixed in zip(_cells(alone), _cells(supernet), strict=True):
        edges = [cell.get_submodule(f"operations.{edge}") for edge in range(3)]
        fans = [mixed.graph.fans[source].edges[edge] for source, edge in ((0, 0), (0, 1), (1, 0))]
        for one, candidates, choice in zip(edges, fans, arch, strict=True):
            one.load_state_dict(candidates[choice].state_dict(), strict=False)
    for name in ("stem", "halvings", "last_norm", "classifier"):
        getattr(alone, name).load_state_dict(getattr(supernet, name).state_dict(), strict=False)
    torch.testing.assert_close(alone(images), supernet(images, Mixture(torch.tensor(where.choices(arch)["cell"]))))


def _cells(network):
    return [module for module in network.modules() if hasattr(module, "place")]


def test_a_network_of_its_own(registries):
    class Own(CellSpace):
        edges = ((0, 1),)
        primitives = ("none", "nor_conv_1x1")
        skeleton = "own"

        def own_skeleton(self):
            return Skeleton(SKELETONS["nasbench201"].network, Shape)

    register_cell_space("own")(Own)
    assert type(shape_of(cell_space("own"), 4, 2, SMALL, 10)) is Shape
    shape = Shape(4, 2, SMALL, 10)
    assert build(lambda: discrete.network("own", (1,), shape), ("test",))(torch.randn(2, *SMALL)).shape == (2, 10)
    assert not skeleton_of(cell_space("own")).auxiliary


def test_an_operation_that_nothing_makes(registries):
    class Typo(CellSpace):
        edges = ((0, 1),)
        primitives = ("none", "nor_conv_5x5")

    register_cell_space("typo")(Typo)
    with pytest.raises(HarnessError, match="cell space typo: unknown operation 'nor_conv_5x5'; did you mean 'nor_conv"):
        shape_of(cell_space("typo"), 4, 2, SMALL, 10)


# Registering


def test_a_plug_in_that_was_edited_is_read_anew(files):
    plugins.load(files)
    before = discrete.parameters("triangle", (2, 2, 2), Stages(2, 1, SMALL, 10))
    files[0].write_text(files[0].read_text().replace("nor_conv_3x3", "nor_conv_1x1"))
    plugins.load(files)
    assert cell_space("triangle").primitives[-1] == "nor_conv_1x1"
    assert discrete.parameters("triangle", (2, 2, 2), Stages(2, 1, SMALL, 10)) == before - 3 * 8 * (4 + 16 + 64)
    files[0].write_text("")
    plugins.load(files)
    assert "triangle" not in cell_space_names()


def test_workers_are_sent_the_spaces_of_a_script(registries):
    class Script(CellSpace):
        edges = ((0, 1),)
        primitives = ("none", "skip_connect")

    register_cell_space("script")(Script)
    sent = Elsewhere.of_this_process()
    assert sent.spaces == {"script": Script}
    del registry._REGISTRY["script"]
    sent.register()
    assert cell_space("script").edges == ((0, 1),)


def test_naming_a_space_imports_no_torch(files):
    code = (
        "import sys; from harness.suites.catalogue import benchmark_names; from harness.system import plugins; "
        f"plugins.load([{str(files[0])!r}]); assert 'live/triangle-digits' in benchmark_names(); "
        "print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


# Searches


@pytest.mark.slow
def test_a_method_is_checked_on_every_space_that_is_known(spaces, monkeypatch):
    monkeypatch.setattr("harness.testing.supernets.cell_space_names", lambda: list(spaces))
    check_method("random-search-ws", epochs=2, candidates=2)
    check_supernet_method("darts-1st", epochs=2)


@pytest.mark.slow
def test_from_the_command_line_to_the_report(files, tmp_path, cli, monkeypatch):
    sizes = [
        "search.channels=2",
        "search.cells=1",
        "evaluation.channels=2",
        "evaluation.cells=1",
        "evaluation.epochs=1",
    ]
    what = ["--plugin", files[0], "--benchmark", "live/triangle-digits", "--method", "milenas-1st"]
    what += ["--budget", "epochs=1", "--seeds", "0:1", *(part for size in sizes for part in ("--set", size))]
    assert json.loads(cli("plan", *what, "--json").out)["missing"] == 2  # the baseline too
    done = cli("run", *what, "--output", tmp_path / "out", "--backend", "sequential")
    assert done.code == 0, done
    report = tmp_path / "out" / "report"
    assert {"cells_triangle_digits", "alphas_triangle_digits_cell"} <= {
        file.stem for file in (report / "plots").glob("*.svg")
    }
    monkeypatch.setattr(registry, "_REGISTRY", {})  # where nobody knows the space a report is made all the same
    assert cli("report", tmp_path / "out").code == 0
    assert "The cells of live/triangle-digits are not drawn" in (report / "report.md").read_text()


@pytest.mark.slow
def test_a_recording_is_a_benchmark(spaces, tmp_path):
    recipe = {"channels": 2, "cells": 1, "epochs": 1, "reductions": 0, "batch_size": 128}
    spec = {"name": "few", "space": "triangle", "data": "digits", "seeds": [0], "architectures": 2, "recipe": recipe}
    record(make_spec(spec), tmp_path)
    table = table_of(read(finish(make_spec(spec), tmp_path)), {})
    assert (type(table.space), len(table)) == (type(spaces["triangle"]), 2)
    shape = Stages(2, 1, SMALL, 10, reductions=0)
    assert table.columns["params"].tolist() == [
        discrete.parameters("triangle", tuple(arch), shape) for arch in np.asarray(table.codes).tolist()
    ]
