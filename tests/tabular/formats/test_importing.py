"""The verb ``import``: what it finds, what it takes files for, and what it says when it cannot."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest

from harness.cli import main
from harness.errors import HarnessError
from harness.system import progress
from harness.tabular import importing, store
from harness.tabular.catalogue import load_table
from harness.tabular.importing import import_published


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["import", *arguments]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert len(shown.err.splitlines()) == 1
    return shown.err


def test_a_published_file_needs_no_options(topology: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(topology), "-q"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 8
    assert lines[2] == (
        "nats-tss/cifar10@12: 3 architectures, accuracy in percent, "
        "searched by cifar10-valid, split x-valid, 12 epochs, mean over training seeds, "
        "reported by cifar10, split ori-test, 200 epochs, mean over training seeds"
    )
    assert main(["import", str(topology), "-q", "--json", "--training-seed", "777"]) == 0
    cards = json.loads(capsys.readouterr().out)
    assert cards[0]["name"] == "nats-tss/cifar10-valid@12+seed777"
    assert cards[0]["source"]["adapter"].startswith("nats_bench")


def test_files_are_found_in_the_data_folder(topology: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NAS_HARNESS_DATA", str(topology.parent))
    assert len(import_published(topology.name, progress=False)) == 8


@pytest.mark.parametrize(
    ("name", "body", "message"),
    [
        ("nothing", None, "no such file, neither here nor in"),
        ("NAS-Bench-201-v1_0-e61699.pth", None, "it is published at https://github.com/D-X-Y/NAS-Bench-201"),
        ("citeseer2.bench", None, "it is published at https://github.com/THUMNLab/NAS-Bench-Graph"),
        ("table.csv", b"a,b\n1,2\n", "not recognised as a published benchmark (NATS-tss-v1_0-3ffb9-simple or"),
        ("notes.json", b"{}", "state --arch, and --space where it is the text of one"),
        ("NAS-Bench-201-v1_1-096897.pth", b"PK\x03\x04" + bytes(500), "promises an MD5 ending in 096897"),
        ("HW-NAS-Bench-v1_0.pickle", b"<html>", "refused to read this pickle"),
        ("data.anb", b"", "it has no validation score"),
        ("cora0.bench", b"\x80\x04", "refused to read this pickle"),
        ("nasbench_full.tfrecord", b"", "there is no record in it"),
    ],
)
def test_what_cannot_be_imported_is_one_line(
    name: str, body: bytes | None, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / name
    if body is not None:
        path.write_bytes(body)
    assert message in refused([str(path)], capsys)
    assert not list(store.stored_names())


def test_options_of_tables_of_ones_own_go_together(accuracy_csv: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "needs --arch too" in refused([str(accuracy_csv), "--name", "a/b"], capsys)
    own = ["--name", "a/b", "--space", "nasbench201", "--arch", "architecture", "--valid", "cifar10.valid_accuracy@12"]
    own += ["--test", "cifar10.test_accuracy@200"]
    assert "a training seed 1 wants the column of seeds" in refused(
        [str(accuracy_csv), *own, "--training-seed", "1"], capsys
    )
    assert "--seed is for a table of your own" in refused([str(accuracy_csv), "--seed", "s"], capsys)
    assert main(["import", str(accuracy_csv), *own]) == 0


def test_other_content_under_the_same_name_is_not_replaced_unasked(topology: Path) -> None:
    names = import_published(str(topology), progress=False)
    assert import_published(str(topology), progress=False) == names  # the same content is
    folder = store.store_root() / names[0]
    card = json.loads((folder / "card.json").read_text())
    (folder / "card.json").write_text(json.dumps(card | {"sha256": "0" * 64}))
    with pytest.raises(HarnessError, match="exists with other content; pass --replace"):
        import_published(str(topology), progress=False)
    import_published(str(topology), progress=False, replace=True)
    assert load_table(names[0]).sha256 == card["sha256"]


def test_no_permission_is_one_line(topology: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(path: Path) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(importing, "describe_source", forbidden)
    with pytest.raises(HarnessError, match="cannot be read: Permission denied"):
        import_published(str(topology), progress=False)


def test_a_full_disk_is_one_line_and_nothing_is_lost(topology: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = np.savez

    def full(*arguments: object, **arrays: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(np, "savez", full)
    with pytest.raises(HarnessError, match="No space left on device; make room, or set NAS_HARNESS_CACHE") as refusal:
        import_published(str(topology), progress=False)
    assert "\n" not in str(refusal.value)
    assert not list(store.stored_names())
    monkeypatch.setattr(np, "savez", real)
    assert len(import_published(str(topology), progress=False)) == 8


def test_curves_are_checked_on_first_touch(topology: Path) -> None:
    name = import_published(str(topology), progress=False)[1]
    file = store.store_root() / name / "curve-train_loss.npy"
    body = bytearray(file.read_bytes())
    body[-5] ^= 1
    file.chmod(0o644)
    file.write_bytes(bytes(body))
    load_table.cache_clear()
    table = load_table(name)
    assert table.curves["valid"].shape == (3, 200)
    with pytest.raises(HarnessError, match=f"table {name} in .* is damaged: curve train_loss has SHA-256"):
        _ = table.curves["train_loss"]
    file.unlink()
    load_table.cache_clear()
    with pytest.raises(HarnessError, match="curve train_loss"):
        _ = load_table(name).curves["train_loss"]


def test_progress_is_a_line_now_and_then(
    topology: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "LINES_EVERY", 2)
    import_published(str(topology))
    assert capsys.readouterr().err == "NATS-tss-v1_0-3ffb9-simple: 2 architectures read\n"
    import_published(str(topology), progress=False)
    assert capsys.readouterr().err == ""
