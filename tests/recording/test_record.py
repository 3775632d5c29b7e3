"""Trainings that are kept through kills, and of one recipe only."""

import json

import pytest

from harness.errors import HarnessError, RunError
from harness.recording.record import JOURNAL, SPEC, record, recorded_items
from harness.recording.spec import make_spec
from harness.recording.table import finish
from harness.system.files import held


def without_times(items):
    return {item["arch"]: {key: value for key, value in item.items() if key != "seconds"} for item in items}


def test_what_is_recorded(spec, folder):
    items = list(recorded_items(spec, folder))
    assert len(items) == 4
    for item in items:
        assert item["seconds"] > 0
        for split, size in (("train", 899), ("valid", 449), ("test", 449)):
            assert [len(curve) for curve in item[f"{split}_loss"]] == [2, 2]  # epochs of both seeds
            assert all(0 <= count <= size for curve in item[f"{split}_correct"] for count in curve)
        assert item["train_loss"][0] != item["train_loss"][1]


def test_a_killed_recording_goes_on_and_trains_nothing_twice(spec, folder, tmp_path):
    lines = (folder / JOURNAL).read_bytes().splitlines(keepends=True)
    (tmp_path / SPEC).write_bytes((folder / SPEC).read_bytes())
    (tmp_path / "environment.json").write_bytes((folder / "environment.json").read_bytes())
    (tmp_path / JOURNAL).write_bytes(b"".join(lines[:2]) + lines[2][: len(lines[2]) // 2])
    with pytest.raises(HarnessError, match=r"2 of 4 architectures are not trained yet, e\.g\. \|"):
        finish(spec, tmp_path)
    assert record(spec, tmp_path) == 2
    assert record(spec, tmp_path) == 0
    assert without_times(recorded_items(spec, tmp_path)) == without_times(recorded_items(spec, folder))


def test_the_number_of_workers_changes_nothing(spec, folder, tmp_path):
    assert record(spec, tmp_path, jobs=2) == 4
    assert without_times(recorded_items(spec, tmp_path)) == without_times(recorded_items(spec, folder))


def test_recipes_are_not_mixed(spec, folder, tiny):
    before = (folder / JOURNAL).read_bytes()
    for change, message in (
        ({"recipe": tiny["recipe"] | {"learning_rate": 0.2}}, "recipe.learning_rate 0.1 there, 0.2 here"),
        ({"seeds": [0, 2]}, r"seeds \[0, 1\] there, \[0, 2\] here"),
        ({"split": 1}, "split 0 there, 1 here"),
    ):
        other = make_spec(tiny | change)
        with pytest.raises(HarnessError, match=f"trainings of another recipe.*{message}"):
            record(other, folder)
        with pytest.raises(HarnessError, match="trainings of another recipe"):
            finish(other, folder)
    assert record(make_spec(tiny | {"description": "Another sentence."}), folder) == 0
    assert (folder / JOURNAL).read_bytes() == before


def test_a_setting_younger_than_the_folder_has_its_default_there(spec, folder, tmp_path):
    there = json.loads((folder / SPEC).read_text())
    del there["recipe"]["augment"]
    (tmp_path / SPEC).write_text(json.dumps(there))
    (tmp_path / JOURNAL).write_bytes((folder / JOURNAL).read_bytes())
    assert record(spec, tmp_path) == 0


def test_a_folder_of_something_else(spec, tmp_path):
    (tmp_path / JOURNAL).write_bytes(b"")
    with pytest.raises(HarnessError, match="not the folder of a recording"):
        record(spec, tmp_path)
    with pytest.raises(HarnessError, match="not the folder of a recording"):
        list(recorded_items(spec, tmp_path / "none"))


def test_two_recordings_do_not_share_a_folder(spec, tmp_path):
    with (
        held(tmp_path, "recording"),
        pytest.raises(HarnessError, match="another recording is writing into this folder"),
    ):
        record(spec, tmp_path)


def test_a_training_that_fails_leaves_the_others(tmp_path, tiny):
    wild = make_spec(tiny | {"recipe": tiny["recipe"] | {"learning_rate": 1e30, "weight_decay": 1.0, "clip": 1e30}})
    with pytest.raises(RunError, match=r"\d of 4 architectures could not be recorded; \|.*the training loss is"):
        record(wild, tmp_path)
    with pytest.raises(HarnessError, match="not trained yet"):
        finish(wild, tmp_path)
    assert not list(tmp_path.glob("*.parquet"))
