"""Zero-cost scores beside a recorded table: what they are, kills, whom they concern, and what is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from harness import load_benchmark, run
from harness.errors import HarnessError
from harness.recording.card import card
from harness.recording.record import SPEC, record
from harness.recording.scores import JOURNAL, finish_scores, record_scores
from harness.recording.spec import find_spec, make_spec
from harness.suites.reading import make_suite
from harness.tabular.formats import recorded
from harness.tabular.importing import import_published
from harness.tabular.recorded import shipped_files
from harness.tabular.scores import SUFFIX, read_scores, scores_beside
from harness.tabular.statics import static_columns, static_names
from harness.training.train import untrained


@pytest.fixture(scope="module")
def scored(spec, folder):
    """Scores in the folder of the trainings."""
    assert record_scores(spec, folder) == 4
    return finish_scores(spec, folder)


def without_times(path):
    scores = read_scores(path)
    about = {key: value for key, value in scores.about.items() if key not in ("seconds", "environment")}
    return about, {name: values.tolist() for name, values in scores.columns.items()}, scores.row_of


def test_scores_are_those_of_the_untrained_networks(spec, scored):
    """Gradient norm and synaptic flow computed anew: autograd of the whole, and flow by an eps-derivative."""
    scores, splits, space = read_scores(scored), spec.splits(), spec.images.space
    assert list(scores.columns) == ["naswot", "synflow", "grad-norm"]
    assert len(scores.row_of) == 4
    images, labels = splits.reader("cpu")(splits.train[:64])
    for code, row in scores.row_of.items():
        network = untrained(spec.space, code, splits, spec.recipe, spec.seeds[0]).train()
        weights = [m.weight for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
        F.cross_entropy(network(images), labels).backward()
        flat = torch.cat([w.grad.double().ravel() for w in weights if w.grad is not None])
        assert scores.columns["grad-norm"][row] == pytest.approx(float(flat.norm()), rel=1e-5)
        # R is linear in each weight: sum w dR/dw over a layer is d/de of R with that layer's weights times (1 + e).
        linear = untrained(spec.space, code, splits, spec.recipe, spec.seeds[0]).train().double()
        for module in list(linear.modules()):
            for name, child in module.named_children():
                if isinstance(child, nn.BatchNorm2d):
                    setattr(module, name, nn.Identity())
        with torch.no_grad():
            for parameter in linear.parameters():
                parameter.abs_()
            ones = torch.ones_like(images[:1], dtype=torch.float64)
            base, flow = float(linear(ones).sum()), 0.0
            for module in linear.modules():
                if isinstance(module, nn.Conv2d | nn.Linear):
                    module.weight.mul_(2)
                    flow += float(linear(ones).sum()) - base  # exact: R is linear in it
                    module.weight.div_(2)
        assert scores.columns["synflow"][row] == pytest.approx(flow, rel=1e-9)
    assert space.format(next(iter(scores.row_of)))


def test_a_killed_recording_goes_on(spec, folder, scored, tmp_path):
    lines = (folder / JOURNAL).read_bytes().splitlines(keepends=True)
    for name in (SPEC, "environment.json"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    (tmp_path / JOURNAL).write_bytes(lines[0] + lines[1][: len(lines[1]) // 2])
    with pytest.raises(HarnessError, match=r"3 of 4 architectures have no scores yet, e\.g\. \|"):
        finish_scores(spec, tmp_path)
    assert record_scores(spec, tmp_path) == 3
    assert record_scores(spec, tmp_path) == 0
    assert without_times(finish_scores(spec, tmp_path)) == without_times(scored)
    assert record(spec, folder) == 0  # what was trained there is as it was


def test_another_recipe_is_refused(spec, scored, folder, tiny):
    other = make_spec(tiny | {"recipe": tiny["recipe"] | {"channels": 4}})
    with pytest.raises(HarnessError, match=r"trainings of another recipe.*recipe\.channels 2 there, 4 here"):
        record_scores(other, folder)


def test_they_concern_those_cells_only_that_see_one(spec, folder, scored, own_cache, tmp_path):
    (tmp_path / "tiny.parquet").write_bytes((folder / "tiny.parquet").read_bytes())
    document = {
        "name": "tiny",
        "seeds": "0:2",
        "benchmarks": ["tiny"],
        "budgets": {"evaluations": 3},
        "methods": [
            {"name": "area", "population": 2, "pool": 3},
            {"name": "area", "population": 2, "pool": 3, "score": "synflow", "label": "scored"},
        ],
    }
    import_published(str(tmp_path / "tiny.parquet"), progress=False)
    bare, digest = load_benchmark("tiny"), load_benchmark("tiny").sha256
    assert static_names(bare) == ("flops", "params")
    with pytest.raises(HarnessError, match="unknown statistic 'synflow'"):
        make_suite(document).groups()
    by_params = {**document, "methods": document["methods"][:1]}
    key = make_suite(by_params).groups()[0].key(0)

    (tmp_path / f"tiny{SUFFIX}").write_bytes(scored.read_bytes())
    assert import_published(str(tmp_path / "tiny.parquet"), progress=False) == ["tiny"]
    table, scores = load_benchmark("tiny"), read_scores(scored)
    assert table.sha256 == digest
    assert static_names(table) == ("flops", "grad-norm", "naswot", "params", "synflow")
    for code, value in zip(table.codes.tolist(), static_columns(table, ["synflow"])["synflow"], strict=True):
        assert value == scores.columns["synflow"][scores.row_of[tuple(code)]]
    plain, seen = make_suite(document).groups()
    assert plain.key(0) == key
    assert seen.resolved["scores_sha256"] == scores.sha256
    assert "scores_sha256" not in plain.resolved
    records = run(document, tmp_path / "out", backend="sequential").records.set_index("label")
    assert (records["status"] == "ok").all(), records["error"].iloc[0]
    assert (records["n_statistics"] == 3).all()
    assert set(records["cell"]) == {group.key(seed) for group in (plain, seen) for seed in (0, 1)}
    # Other scores make other cells, and a run folder that holds these is told so.
    changed = recorded.read(scored, b"nas_harness_scores")
    changed = recorded.Recording(changed.about, {**changed.columns, "synflow": changed.columns["synflow"] + 1.0})
    from harness.tabular.scores import write_scores

    write_scores(tmp_path / f"tiny{SUFFIX}", changed)
    import_published(str(tmp_path / "tiny.parquet"), progress=False)
    again, other = make_suite(document).groups()
    assert again.key(0) == key
    assert other.key(0) != seen.key(0)


def test_damaged_or_of_other_networks(spec, folder, scored, own_cache, tmp_path):
    (tmp_path / "tiny.parquet").write_bytes((folder / "tiny.parquet").read_bytes())
    content = scored.read_bytes()
    (tmp_path / f"tiny{SUFFIX}").write_bytes(content[: len(content) // 2])
    with pytest.raises(HarnessError, match=r"tiny.scores.parquet: not a whole recorded table"):
        import_published(str(tmp_path / "tiny.parquet"), progress=False)
    found = recorded.read(scored, b"nas_harness_scores")
    about = json.loads(json.dumps(found.about))
    about["spec"]["recipe"]["channels"] = 4
    from harness.tabular.scores import write_scores

    write_scores(tmp_path / f"tiny{SUFFIX}", recorded.Recording(about, found.columns))
    import_published(str(tmp_path / "tiny.parquet"), progress=False)
    with pytest.raises(
        HarnessError, match=r"scores of other networks than those of table tiny .*channels 2 there, 4 here"
    ):
        static_names(load_benchmark("tiny"))


def test_from_the_command_line(spec, folder, scored, tiny, tmp_path, cli):
    (tmp_path / "tiny.toml").write_text(
        "".join(f"{key} = {json.dumps(value)}\n" for key, value in tiny.items() if key != "recipe")
        + "[recipe]\n"
        + "".join(f"{key} = {json.dumps(value)}\n" for key, value in tiny["recipe"].items())
    )
    assert "tiny.scores.parquet" in card(spec, folder / "tiny.parquet", recorded.read(folder / "tiny.parquet"))
    done = cli("record", str(tmp_path / "tiny.toml"), "--scores", "-o", str(folder), "-q")
    assert (done.code, done.err) == (0, "")
    assert "naswot, synflow, grad-norm of 4 untrained networks, 0 scored now" in done.out
    alone = cli("import", scored)
    assert (alone.code, "scores go with their table; import tiny.parquet" in alone.err) == (2, True)
    both = cli("record", str(tmp_path / "tiny.toml"), "--scores", "--verify", str(folder / "tiny.parquet"))
    assert both.code == 2
    assert "--verify and --scores are two things" in both.err


def test_the_shipped_scores_are_of_the_shipped_table():
    if "digits201" not in shipped_files(SUFFIX):
        pytest.skip("no scores of digits201 beside it")
    assert "digits201.scores" not in shipped_files(".parquet")  # no table of its own
    table, scores = load_benchmark("digits201"), scores_beside(load_benchmark("digits201"))
    assert len(scores.row_of) == len(table) == 6466
    assert scores.sha256 in shipped_files(".md")["digits201"].read_text()
    assert set(scores.row_of) == {tuple(code) for code in table.codes.tolist()}
    # One network scored anew.
    from harness.live.scores import score

    spec, code = find_spec("digits201"), tuple(table.codes[100].tolist())
    splits = spec.splits()
    network = untrained(spec.space, code, splits, spec.recipe, spec.seeds[0])
    images, labels = splits.reader("cpu")(splits.train[:64])
    for name, values in scores.columns.items():
        assert values[scores.row_of[code]] == pytest.approx(score(name, network, images, labels), rel=1e-3)
        assert np.isfinite(values).mean() > 0.9
