"""The store of converted tables: whole or not at all, and guarded by a checksum."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.errors import HarnessError
from harness.spaces.base import CategoricalSpace
from harness.tabular import catalogue, store
from harness.tabular import table as table_module
from harness.tabular.catalogue import benchmark_names, load_table, save_benchmark
from harness.tabular.table import Table

SMALL = "nasbench-graph/proteins"  # the smallest packaged table


@pytest.fixture
def folder(own_cache: Path, make_table: Callable[..., Table]) -> Path:
    """Folder of a stored table of a user's own."""
    return store.save(make_table(missing=0.3, weighted=True))


def test_a_stored_table_is_the_table(folder: Path, make_table: Callable[..., Table]) -> None:
    saved, loaded = make_table(missing=0.3, weighted=True), load_table("made/up")
    assert loaded.sha256 == saved.sha256
    assert loaded.describe() == saved.describe()
    for key in ("rows", "codes", "weights"):
        np.testing.assert_array_equal(getattr(loaded, key), getattr(saved, key))
        assert getattr(loaded, key).dtype == getattr(saved, key).dtype
    for key, values in saved.columns.items():
        np.testing.assert_array_equal(loaded.columns[key], values)


def test_the_order_of_variables_is_kept(own_cache: Path) -> None:
    space = CategoricalSpace("s", {"z": ["1", "0"], "a": ["x", "y", "w"]})
    size = space.size
    table = Table(
        name="made/order",
        dataset="order",
        space=space,
        rows=np.arange(size, dtype=np.int32),
        codes=space.codes(np.arange(size)),
        columns={"valid": np.arange(50.0, 50 + size), "test": np.arange(40.0, 40 + size)},
    )
    save_benchmark(table)
    loaded = load_table("made/order").space
    assert [loaded.format(code) for code in table.codes] == [space.format(code) for code in table.codes]
    assert loaded.cardinalities == (2, 3)


def test_the_hash_is_of_the_content(make_table: Callable[..., Table]) -> None:
    assert make_table().sha256 == make_table().sha256
    different = {make_table(**change).sha256 for change in ({"weighted": True}, {"direction": "min"}, {"seed": 8})}
    assert len(different | {make_table().sha256}) == 4


FILES = ("card.json", "rows.npy", "codes.npy", "weights.npy", "column-valid.npy", "column-test.npy")


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:20],
        lambda content: content[:-8],
        lambda content: content[:-9] + bytes([content[-9] ^ 1]) + content[-8:],
        lambda content: content + b"more",
        lambda content: pickle.dumps({"a": 1}),
        lambda content: b"PK\x03\x04" + content,
        lambda content: b"[]",
        lambda content: b"\xff\xfe\x00",
        lambda content: None,
    ],
    ids=["empty", "cut short", "8 bytes less", "a bit", "longer", "pickle", "zip", "a list", "binary", "missing"],
)
def test_a_damaged_table_is_refused(folder: Path, file: str, damage: Callable[[bytes], bytes | None]) -> None:
    original = (folder / file).read_bytes()
    content = damage(original)
    if content is None:
        (folder / file).unlink()
    else:
        (folder / file).write_bytes(content)
    if content == original + b"more" and file != "card.json":
        # Bytes behind the end of an array are nobody's: the content is what the card says.
        assert load_table("made/up").sha256 == json.loads((folder / "card.json").read_text())["sha256"]
        return
    with pytest.raises(HarnessError, match="made/up") as caught:
        load_table("made/up").verify()
    assert "\n" not in str(caught.value)


ARRAYS = ("rows", "codes", "weights", "column-valid", "column-test", "column-latency")


@pytest.mark.parametrize("damaged", ARRAYS)
def test_damage_is_found_when_an_array_is_first_asked_for_and_not_before(folder: Path, damaged: str) -> None:
    path = folder / f"{damaged}.npy"
    content = bytearray(path.read_bytes())
    content[-11] ^= 4
    path.write_bytes(content)
    table = load_table("made/up")
    for name in ARRAYS:
        kind, _, column = name.partition("-")
        message = f"{kind} {column}".strip()
        for _ in range(2):  # a second look is no safer than the first
            if name == damaged:
                with pytest.raises(HarnessError, match=f"table made/up in .* is damaged: {message} has SHA-256"):
                    _ = table.columns[column] if column else getattr(table, kind)
            else:
                assert len(table.columns[column] if column else getattr(table, kind))


@pytest.mark.parametrize("damaged", ["rows", "codes", "weights", "column-valid", "column-test", "column-latency"])
def test_no_search_and_no_report_uses_a_damaged_array(
    folder: Path, damaged: str, tmp_path: Path, cli: Callable[..., Any]
) -> None:
    path = folder / f"{damaged}.npy"
    content = path.read_bytes()
    path.write_bytes(content[:-3] + bytes([content[-3] ^ 1]) + content[-2:])
    arguments = ("run", "--benchmark", "made/up", "--method", "local-search", "--seeds", "0:2", "--budget", "5", "-q")
    arguments += ("-j", "1", "--set", 'metrics=["latency"]', "-o", str(tmp_path / "out"))
    refused = cli(*arguments)
    assert refused.code == 2
    assert f"is damaged: {damaged.replace('-', ' ')} has SHA-256" in refused.err
    assert refused.err.count("\n") == 1
    path.write_bytes(content)
    load_table.cache_clear()
    assert cli(*arguments).code == 0
    path.write_bytes(content[:-3] + bytes([content[-3] ^ 1]) + content[-2:])
    load_table.cache_clear()
    assert cli("report", tmp_path / "out").code == 0
    assert "cannot be loaded here" in (tmp_path / "out" / "report" / "report.md").read_text()


def test_loading_reads_no_array(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(array: object) -> str:
        raise AssertionError("an array was read")

    monkeypatch.setattr(table_module, "digest_of", refuse)
    table = load_table("made/up")
    assert table.sha256 == json.loads((folder / "card.json").read_text())["sha256"]
    assert {"valid", "test", "latency"} < set(table.columns)
    assert "valid" in table.columns
    assert "curve" not in table.curves
    with pytest.raises(AssertionError, match="an array was read"):
        _ = table.valid


def cards(card: dict[str, object]) -> Iterator[dict[str, object]]:
    """Cards with one thing changed, each thing in turn."""
    for key in card:
        yield {other: value for other, value in card.items() if other != key}
        for value in (None, 3, "text", [], ["valid"], {}, {"name": "nasbench201"}):
            if value != card[key]:
                yield card | {key: value}
    assert isinstance(card["space"], dict)
    variables = card["space"]["variables"]
    for value in (None, 3, [], [["v0"]], [[1, 2, 3]], variables[::-1], [[key, [*c, "new"]] for key, c in variables]):
        yield card | {"space": card["space"] | {"variables": value}}


def test_every_changed_card_is_refused(folder: Path) -> None:
    path = folder / "card.json"
    card = json.loads(path.read_text())
    for changed in cards(card):
        path.write_text(json.dumps(changed))
        load_table.cache_clear()
        with pytest.raises(HarnessError, match="made/up"):
            load_table("made/up")


def test_a_table_of_another_space_is_refused(folder: Path) -> None:
    with pytest.raises(HarnessError, match="over another space, not s"):
        store.load("made/up", CategoricalSpace("s", {"a": ["0"]}))


@pytest.mark.parametrize("file", ["card.json", "column-valid.npy", "rows.npy"])
def test_a_damaged_packaged_table_is_converted_anew(own_cache: Path, file: str) -> None:
    expected = load_table(SMALL).sha256
    path = store.store_root() / SMALL / file
    path.write_bytes(path.read_bytes()[:-5] + b"12345")
    load_table.cache_clear()
    assert load_table(SMALL).sha256 == expected
    assert store.load(SMALL, load_table(SMALL).space).sha256 == expected  # and it was mended on disk


def test_a_table_of_another_release_is_converted_anew(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from harness.tabular import nasbench_graph

    monkeypatch.setattr(nasbench_graph, "package", lambda: "nas-bench-graph 0.9")
    assert load_table(SMALL).source["package"] == "nas-bench-graph 0.9"
    monkeypatch.undo()
    monkeypatch.setenv("NAS_HARNESS_CACHE", str(own_cache))
    load_table.cache_clear()
    assert load_table(SMALL).source["package"] == nasbench_graph.package()


@pytest.mark.parametrize(
    "content", [b"", b"nonsense", pickle.dumps({1: 2}), pickle.dumps([1]), pickle.dumps({99999: {}})]
)
def test_a_spoilt_published_file_is_refused(
    content: bytes, own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.tabular import nasbench_graph

    path = tmp_path / "proteins.bench"
    path.write_bytes(content)
    monkeypatch.setattr(nasbench_graph, "_published_file", lambda dataset: path)
    with pytest.raises(HarnessError, match=r"proteins\.bench"):
        load_table(SMALL)
    assert list(store.stored_names()) == []


def test_a_conversion_that_fails_leaves_nothing(
    own_cache: Path, make_table: Callable[..., Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = iter(range(3))

    def full(*arguments: object, **named: object) -> None:
        if next(calls) == 2:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(store.np, "save", full)
    with pytest.raises(HarnessError, match=r"cannot write table made/up to .*: No space left on device"):
        store.save(make_table())
    assert [path for path in own_cache.rglob("*") if path.is_file() and path.name != ".lock"] == []


def test_what_a_killed_conversion_left_is_no_benchmark(folder: Path) -> None:
    left_over = store.store_root() / ".writing-abc"
    left_over.mkdir()
    (left_over / "card.json").write_text("{}")
    assert list(store.stored_names()) == ["made/up"]
    assert not any("writing" in name for name in benchmark_names())


@pytest.mark.parametrize("name", ["made", "made/up/again", "nasbench-graph/mine", "synthetic/ridge"])
def test_saving_never_takes_another_benchmark_away(folder: Path, name: str, make_table: Callable[..., Table]) -> None:
    before = load_table("made/up").sha256
    with pytest.raises(HarnessError, match="benchmark name"):
        save_benchmark(make_table(name=name, seed=9))
    load_table.cache_clear()
    assert load_table("made/up").sha256 == before


@pytest.mark.parametrize(
    "name",
    [
        "",
        "/",
        "a//b",
        "../up",
        "a/../../b",
        ".hidden/a",
        "a b",
        "a\\b",
        "a\nb",
        "/etc/a",
        "live/mine",
        "x" * 300,
        "a/" + "é" * 120,
    ],
)
def test_unusable_names(own_cache: Path, name: str, make_table: Callable[..., Table]) -> None:
    with pytest.raises(HarnessError, match="benchmark name"):
        save_benchmark(make_table(name=name))
    assert not own_cache.exists()


def test_a_store_that_cannot_be_made(tmp_path: Path, own_cache: Path) -> None:
    own_cache.write_text("a file where the folder should be")
    with pytest.raises(HarnessError, match=r"cannot write to the table store .* set NAS_HARNESS_CACHE"):
        load_table(SMALL)


def test_a_read_only_store(own_cache: Path) -> None:
    """What is converted is read; what is not is refused with a hint."""
    load_table(SMALL)
    load_table.cache_clear()
    as_root = os.geteuid() == 0  # to whom modes mean nothing
    if as_root:
        bind = ["mount", "--bind", str(own_cache), str(own_cache)]
        if not shutil.which("mount") or subprocess.run(bind, capture_output=True).returncode:
            pytest.skip("as root this needs the permission to mount")
        subprocess.run(["mount", "-o", "remount,ro,bind", str(own_cache)], check=True)
    else:
        for path in own_cache.rglob("*"):
            path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        assert len(load_table(SMALL)) == 2_021
        with pytest.raises(
            HarnessError, match=r"cannot write to the table store .*; set NAS_HARNESS_CACHE to another"
        ) as caught:
            load_table("nasbench-graph/cora")
    finally:
        if as_root:
            subprocess.run(["umount", "--lazy", str(own_cache)], check=True)  # its tables are still mapped
        else:
            for path in own_cache.rglob("*"):
                path.chmod(0o755 if path.is_dir() else 0o644)
    assert any(reason in str(caught.value) for reason in ("Read-only file system", "Permission denied"))


@pytest.mark.parametrize("column", ["valid", "test"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_table_that_lacks_a_score_is_refused_before_it_is_stored_or_searched(
    column: str,
    value: float,
    own_cache: Path,
    registries: None,
    make_table: Callable[..., Table],
    monkeypatch: pytest.MonkeyPatch,
    cli: Callable[..., Any],
    tmp_path: Path,
) -> None:
    table = make_table()
    table.columns[column].base[5] = value
    first = table.space.format(table.codes[5])
    words = f"benchmark made/up: column {column} has no finite number in 1 of 120 rows, first {first};"
    with pytest.raises(HarnessError, match=words):
        save_benchmark(table)
    assert not store.is_stored("made/up")
    catalogue.register_benchmark("made/up")(lambda: table)
    with pytest.raises(HarnessError, match=words):
        load_table("made/up")
    catalogue._REGISTRY.clear()
    with monkeypatch.context() as patch:
        patch.setattr(Table, "check_scores", lambda self: None)
        store.save(table)  # as an earlier release did
    line = (
        "run",
        "--benchmark",
        "made/up",
        "--method",
        "random",
        "--seeds",
        "0:2",
        "--budget",
        "3",
        "-o",
        tmp_path / "run",
    )
    done = cli(*line)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert f"column {column} has no finite number" in done.err
    assert not (tmp_path / "run").exists()
