"""From trainings to a benchmark, and what is refused on the way."""

import hashlib
import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from harness.errors import HarnessError
from harness.recording.card import card, hub_card
from harness.recording.record import recorded_items
from harness.recording.spec import find_spec, make_spec
from harness.recording.verify import sample, spec_of, verify
from harness.tabular.catalogue import load_table
from harness.tabular.formats import recorded
from harness.tabular.recorded import shipped_files


@pytest.fixture(scope="module")
def recording(folder):
    return recorded.read(folder / "tiny.parquet")


def test_the_file_holds_what_was_trained(spec, folder, recording):
    items = {item["arch"]: item for item in recorded_items(spec, folder)}
    space = spec.images.space
    indices = [space.index(space.parse(text)) for text in recording.columns["arch"]]
    assert indices == sorted(indices)
    assert set(recording.columns["arch"]) == set(items)
    for row, text in enumerate(recording.columns["arch"]):
        for place, seed in enumerate(spec.seeds):
            for split in recorded.SPLITS:
                expected = np.float32(items[text][f"{split}_loss"][place])
                np.testing.assert_array_equal(recording.columns[f"{split}_loss_{seed}"][row], expected)
                counts = items[text][f"{split}_correct"][place]
                np.testing.assert_array_equal(recording.columns[f"{split}_correct_{seed}"][row], counts)
    assert (recording.columns["latency_ms"] > 0).all()
    encodings = [space.canonical(space.arch(index)) for index in range(space.size)]
    expected = [encodings.count(space.parse(text)) for text in recording.columns["arch"]]
    assert recording.columns["weight"].tolist() == expected


def test_parameters_are_those_of_the_network(recording):
    by_hand = {"nor_conv_1x1": 2 * 2 + 2 * 2, "nor_conv_3x3": 9 * 2 * 2 + 2 * 2}  # weights and batch norm, 2 channels
    around = (9 * 2 + 2 * 2) + 2 * 2 + (2 * 10 + 10)  # stem, last batch norm, classifier
    for text, count in zip(recording.columns["arch"], recording.columns["params"], strict=True):
        assert count == around + sum(text.count(name) * weights for name, weights in by_hand.items())


def test_the_benchmark_is_the_mean_over_training_seeds_at_the_last_epoch(recording):
    table = recorded.table_of(recording, {})
    columns = recording.columns
    for split, size in (("valid", 449), ("test", 449)):
        counts = columns[f"{split}_correct_0"] + columns[f"{split}_correct_1"]
        np.testing.assert_allclose(table.column(split), 100 * counts[:, -1] / (2 * size))
        np.testing.assert_allclose(table.curves[split], 100 * counts / (2 * size))
    for split in ("train", "valid"):
        losses = (columns[f"{split}_loss_0"].astype(float) + columns[f"{split}_loss_1"]) / 2
        np.testing.assert_allclose(table.column(f"{split}_loss"), losses[:, -1])
    np.testing.assert_allclose(table.curves["cost"][:, 0], table.column("cost") / 2)
    assert table.weights.tolist() == columns["weight"].tolist()
    covered = np.bincount(table.rows[table.rows >= 0], minlength=4)
    assert covered.tolist() == columns["weight"].tolist()  # every encoding of a computation finds its row
    one = recorded.table_of(recording, {}, seed=1)
    assert one.name == "tiny+seed1"
    np.testing.assert_allclose(one.valid, 100 * columns["valid_correct_1"][:, -1] / 449)


def test_no_test_value_may_be_shown_to_a_method(recording):
    table = recorded.table_of(recording, {})
    for name in ("test", "test_loss", "test_seed0"):
        with pytest.raises(HarnessError, match="for the report only"):
            table.visible((name,))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda table: table.slice(0, 3), "3 rows, its footer says 4"),
        (lambda table: table.set_column(2, "params", table.column("params").take([1, 0, 2, 3])), "it was edited"),
        (lambda table: table.drop_columns(["flops"]), "it was edited"),
        (lambda table: table.replace_schema_metadata({}), "no footer of a recording"),
    ],
)
def test_an_edited_file_is_refused(folder, tmp_path, spoil, message):
    path = tmp_path / "tiny.parquet"
    pq.write_table(spoil(pq.read_table(folder / "tiny.parquet")), path)
    with pytest.raises(HarnessError, match=r"tiny.parquet: not a whole recorded table: .*" + message):
        recorded.read(path)


def test_a_damaged_file_is_refused(folder, tmp_path):
    whole = (folder / "tiny.parquet").read_bytes()
    path = tmp_path / "tiny.parquet"
    for content in (b"", whole[:-1], whole[: len(whole) // 2], b"PAR1" + whole):
        path.write_bytes(content)
        with pytest.raises(HarnessError, match=r"tiny.parquet: not a whole recorded table"):
            recorded.read(path)
        assert not recorded.recognises(path) or content == b"PAR1" + whole


def test_every_byte_of_the_columns_is_guarded(folder, recording, tmp_path):
    for name in recording.columns:
        changed = dict(recording.columns)
        changed[name] = changed[name].copy()
        changed[name][0] = "x" if name == "arch" else changed[name][0] + 1
        assert recorded.digest(recording.about, changed) != recorded.digest(recording.about, recording.columns)


def test_trainings_are_found_again(recording):
    found = verify(recording, sample(recording, 2))
    assert [one.equal for one in found] == [True, True]
    assert [one.difference for one in found] == [0, 0]


def test_numbers_that_are_not_found_again_are_called_out(recording):
    columns = dict(recording.columns)
    counts = columns["test_correct_0"].copy()
    counts[:, -1] = 0
    columns["test_correct_0"] = columns["test_correct_1"] = counts
    (found,) = verify(recorded.Recording(recording.about, columns), [str(columns["arch"][0])])
    assert not found.equal
    assert found.difference > 0
    assert not found.agrees


def test_other_images_are_told(recording):
    about = json.loads(json.dumps(recording.about))
    about["spec"]["data_sha256"] = "0" * 64
    with pytest.raises(HarnessError, match="recorded on other digits images"):
        spec_of(recorded.Recording(about, recording.columns).spec)


def test_the_card_says_what_the_file_is(spec, folder, recording):
    path = folder / "tiny.parquet"
    text = card(spec, path, recording, [recorded.table_of(recording, {})])
    assert hashlib.sha256(path.read_bytes()).hexdigest() in text
    assert "train 899, valid 449, test 449" in text
    assert "| tiny (2 epochs, mean of training seeds 0, 1) |" in text
    scores = recording.accuracy("test")[:, :, -1]
    assert f"by {np.sqrt(scores.var(axis=1, ddof=1).mean()):.2f} between training seeds" in text


def test_the_card_for_the_hub_is_yaml_in_front_of_the_card(spec, folder, recording):
    yaml = pytest.importorskip("yaml")
    path = folder / "tiny.parquet"
    text = card(spec, path, recording)
    _, front, body = hub_card(spec, path, recording, text).split("---\n", 2)
    assert body.strip() == text.strip()
    said = yaml.safe_load(front)
    assert said["license"] == "mit"
    assert said["configs"] == [{"config_name": "default", "data_files": "tiny.parquet"}]
    assert said["size_categories"] == ["n<1K"]


def test_the_command_line(folder, tmp_path, cli, monkeypatch, tiny):
    monkeypatch.setenv("NAS_HARNESS_CACHE", str(tmp_path / "cache"))
    values = "\n".join(f"{key} = {json.dumps(value)}" for key, value in tiny.items() if key != "recipe")
    recipe = "\n".join(f"{key} = {value}" for key, value in tiny["recipe"].items())
    path = tmp_path / "tiny.toml"
    path.write_text(f"{values}\n[recipe]\n{recipe}\n")
    done = cli("record", path, "-o", folder, "-q")
    assert done.code == 0, done.err
    assert "tiny: 4 architectures, 0 trained now" in done.out
    assert (folder / "tiny.md").read_text().startswith("# tiny\n\nFour cells, for tests.")
    done = cli("record", path, "--verify", folder / "tiny.parquet", "--sample", 1)
    assert (done.code, done.out.count("equal bit for bit")) == (0, 1)
    done = cli("import", folder / "tiny.parquet", "-q")
    assert "tiny: 4 architectures, accuracy in percent" in done.out
    run = ("run", "--benchmark", "tiny", "--method", "regularized-evolution,population=2,sample=1", "--budget", 10)
    done = cli(*run, "--seeds", "0:3", "-o", tmp_path / "run", "-j", 1, "-q", "--no-report")
    assert done.code == 0, done.err
    for arguments, message in (
        (("record", "digits20"), "did you mean 'digits201'"),
        (("record", path, "--verify", path), "not a whole recorded table"),
        (("record", "digits201", "--verify", folder / "tiny.parquet"), "recorded by another specification"),
        (("record", path, "-o", folder, "--compare-with", "nasbench-graph/cora"), "wanted a table over the space"),
        (("import", folder / "tiny.parquet", "--training-seed", 7), "no training seed 7; its seeds are 0, 1"),
    ):
        done = cli(*arguments)
        assert (done.code, message in done.err, done.err.count("\n")) == (2, True, 1), done.err


def test_a_space_without_a_table(tmp_path, tiny):
    from harness.recording.record import record
    from harness.recording.table import finish

    spec = make_spec(tiny | {"space": "darts", "architectures": 1, "recipe": tiny["recipe"] | {"epochs": 1}})
    record(spec, tmp_path)
    recording = recorded.read(finish(spec, tmp_path))  # for analysis
    with pytest.raises(HarnessError, match="space darts has too many encodings for a table to be searched"):
        recorded.table_of(recording, {})
    assert "## Landscape" not in card(spec, tmp_path / "tiny.parquet", recording)


@pytest.fixture(scope="module")
def shipped():
    if "digits201" not in shipped_files(".parquet"):
        pytest.skip("the recorded table digits201 is not part of this checkout")
    return recorded.read(shipped_files(".parquet")["digits201"])


def test_the_shipped_table_is_whole(shipped):
    assert spec_of(shipped.spec).resolved() == find_spec("digits201").resolved()
    assert len(shipped.columns["arch"]) == 6466
    assert shipped.columns["weight"].sum() == 15625
    for name, values in shipped.columns.items():
        assert name == "arch" or np.isfinite(values).all(), name
    table = load_table("digits201")
    assert (table.rows >= 0).all()
    assert table.has_equal_weights is False
    path = shipped_files(".parquet")["digits201"]
    assert hashlib.sha256(path.read_bytes()).hexdigest() in path.with_suffix(".md").read_text()


@pytest.mark.slow
def test_the_shipped_numbers_are_found_again(shipped):
    found = verify(shipped, sample(shipped, 5))
    assert all(one.agrees for one in found), found
