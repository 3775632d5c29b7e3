"""Images of one's own from files: conversion, the store, splits, and what is refused."""

import sys

import numpy as np
import pytest

import harness
from harness.errors import HarnessError
from harness.images import store as image_store
from harness.images.labelled import labelled_images
from harness.live.benchmark import LiveBenchmark
from harness.recording.spec import make_spec
from harness.suites.catalogue import load_benchmark
from harness.training.data import check_stratified, split

from .conftest import refused, some


def test_a_file_becomes_a_data_set_once(tmp_path, own_cache, cli, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images, labels = some(n=60, shape=(3, 8, 8))
    np.savez("birds.npz", images=images, labels=labels, test_images=images[:8] // 2, test_labels=labels[:8])
    done = cli("import-images", "birds.npz", "--name", "my-birds")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "my-birds: 68 images of 3x8x8, 8 of them test, 4 classes",
        "benchmarks: live/darts-my-birds, live/elastic201-my-birds, live/elastic_convnet-my-birds, live/nasbench201-my-birds",
    ]
    (tmp_path / "birds.npz").unlink()  # it is not needed any more
    found = load_benchmark("live/nasbench201-my-birds")
    np.testing.assert_array_equal(found.images.images, np.concatenate([images, images[:8] // 2]))
    assert found.splits(0).test.tolist() == list(range(60, 68))
    assert "my-birds  68      3x8x8    4        imported from" in cli("ls", "images").out
    assert make_spec(
        {"name": "t", "space": "nasbench201", "data": "my-birds", "seeds": [0], "recipe": {"batch_size": 8}}
    ).splits().test.tolist() == list(range(60, 68))


def test_another_content_of_the_same_name_wants_replace(tmp_path, own_cache, cli):
    images, labels = some()
    np.savez(tmp_path / "one.npz", images=images, labels=labels)
    np.savez(tmp_path / "other.npz", images=255 - images, labels=labels)
    command = ("import-images", "--name", "own")
    assert cli(*command, tmp_path / "one.npz").code == 0
    assert cli(*command, tmp_path / "one.npz").code == 0
    refused = cli(*command, tmp_path / "other.npz")
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "data set 'own' exists with other content; choose another name, or pass --replace" in refused.err
    before = LiveBenchmark("live/darts-own").sha256
    assert cli(*command, tmp_path / "other.npz", "--replace").code == 0
    assert LiveBenchmark("live/darts-own").sha256 != before


@pytest.mark.parametrize("damage", ["bytes", "truncated", "content"])
def test_a_damaged_store_is_noticed(damage, tmp_path, own_cache, cli):
    images, labels = some()
    np.savez(tmp_path / "one.npz", images=images, labels=labels)
    harness.import_images(tmp_path / "one.npz", "own")
    path = image_store.path_of("own")
    content = bytearray(path.read_bytes())
    if damage == "bytes":
        content[1000] ^= 1
    elif damage == "truncated":
        del content[-100:]
    if damage == "content":
        with np.load(path) as file:
            arrays = dict(file)
        np.savez(path, **(arrays | {"labels": arrays["labels"][::-1]}))
    else:
        path.write_bytes(content)
    done = cli(
        "run", "--benchmark", "live/darts-own", "--method", "random", "--budget", "epochs=1", "-o", tmp_path / "out"
    )
    assert (done.code, done.err.count("\n")) == (2, 1), done
    assert f"{path} is damaged: " in done.err
    assert "import the images again" in done.err
    assert cli("ls", "images").code == 0


def test_values_and_axes_are_converted_and_that_is_said():
    images, labels = some(n=12, classes=3, shape=(3, 6, 8))
    floats = labelled_images("x", images / 255, labels, where="x")
    np.testing.assert_array_equal(floats.images, images)  # to the byte
    assert floats.notes == ("floats between 0 and 1 became bytes, 0 to 255",)
    last = labelled_images("x", images.transpose(0, 2, 3, 1).astype(np.int64), labels[:, None], where="x")
    np.testing.assert_array_equal(last.images, images)
    np.testing.assert_array_equal(last.labels, labels)
    assert last.notes == ("the last axis was read as channels",)
    assert labelled_images("x", images[:, 0], labels, where="x").shape == (1, 6, 8)
    gaps = labelled_images("x", images, labels * 5 + 2, where="x")
    assert gaps.labels.tolist() == labels.tolist()
    assert (gaps.class_names, gaps.notes) == (("2", "7", "12"), ("labels 2 to 12 became 0 to 2",))


IMAGES, LABELS = some(n=12, classes=3)


FLOATS = IMAGES / 255


NAN = np.where(np.arange(12)[:, None, None, None] == 5, np.nan, FLOATS)


WRONG_ARRAYS = {
    "one class": ({"labels": LABELS * 0}, "all images are of one class, 0"),
    "a class too small": (
        {"labels": np.array([0, 0, 0, 1, 1, 1, 1, 1, 1, 2, 2, 1])},
        "class 2 has 2 image(s); a stratified split wants at least 3, for train, valid and test",
    ),
    "NaN": ({"images": NAN}, "images: image 5 (from 0) holds NaN"),
    "infinite": ({"images": np.where(np.isnan(NAN), np.inf, NAN)}, "images: image 5 (from 0) holds NaN or an infinite"),
    "floats out of range": (
        {"images": IMAGES.astype(float)},
        "wanted floats between 0 and 1, or whole numbers from 0 to 255",
    ),
    "negative floats": ({"images": FLOATS - 0.5}, "wanted floats between 0 and 1"),
    "whole numbers out of range": ({"images": IMAGES.astype(int) + 1000}, "wanted whole numbers from 0 to 255"),
    "truth values": ({"images": IMAGES > 3}, "not bool"),
    "flat images": (
        {"images": IMAGES.reshape(12, -1)},
        "wanted (n, height, width) or (n, channels, height, width), not (12, 64)",
    ),
    "no images": ({"images": IMAGES[:0], "labels": LABELS[:0]}, "wanted (n, height, width)"),
    "labels as floats": ({"labels": LABELS.astype(float)}, "labels: wanted whole numbers, not float64"),
    "labels as texts": ({"labels": LABELS.astype(str)}, "labels: wanted whole numbers, not <U21"),
    "one-hot labels": ({"labels": np.eye(3)[LABELS]}, "labels: wanted one whole number an image, (n,), not (12, 3)"),
    "a negative label": ({"labels": LABELS - 1}, "image 0 (from 0) has label -1"),
    "fewer labels": ({"labels": LABELS[:-1]}, "12 images, but 11 labels"),
    "half a test part": ({"test_images": IMAGES}, "a test part needs both test_images and test_labels"),
    "a test part of another size": (
        {"test_images": IMAGES[:, :, :4], "test_labels": LABELS},
        "test_images are 1x4x8, images are 1x8x8",
    ),
    "a test class of its own": (
        {"test_images": IMAGES, "test_labels": LABELS + 1},
        "test_labels has class 3, of which labels has no image",
    ),
    "NaN in the test part": ({"test_images": NAN, "test_labels": LABELS}, "test_images: image 5 (from 0) holds NaN"),
    "objects": ({"labels": LABELS.astype(object)}, "not a data set: Object arrays cannot be loaded"),
}


@pytest.mark.parametrize("wrong", WRONG_ARRAYS)
def test_wrong_arrays(wrong, tmp_path, own_cache, cli):
    change, message = WRONG_ARRAYS[wrong]
    path = tmp_path / "own.npz"
    np.savez(path, **({"images": IMAGES, "labels": LABELS} | change))
    refused(cli("import-images", path, "--name", "own"), path, message)


def test_wrong_files(tmp_path, own_cache, cli):
    path = tmp_path / "own.npz"
    import_it = ("import-images", path, "--name", "own")
    assert "own.npz: no such file, neither here nor in" in cli(*import_it).err
    path.write_text("not an archive")
    refused(cli(*import_it), path, "not a data set: ")
    np.save(tmp_path / "own.npy", IMAGES)
    (tmp_path / "own.npy").rename(path)
    refused(
        cli(*import_it), path, "it is no .npz archive; wanted a folder of pictures, or .npz with arrays images, labels"
    )
    np.savez(path, x=IMAGES, labels=LABELS)
    refused(cli(*import_it), path, "no array images (it holds labels, x)")
    np.savez(path, images=IMAGES, labels=LABELS)
    refused(cli(*import_it, "--size", "4"), path, "--size is for folders of pictures")
    assert "wanted pixels such as 32, or HEIGHTxWIDTH" in cli(*import_it, "--size", "4px").err
    refused(cli("import-images", path, "--name", "a/b"), path, "wanted up to 100 letters, digits and .+@-_, not 'a/b'")
    refused(cli("import-images", path, "--name", "digits"), path, "'digits' is a built-in data set")
    np.savez(path, images=IMAGES, labels=LABELS, val_images=IMAGES)
    assert "arrays val_images were left out" in cli(*import_it).out


def test_unbalanced_classes_are_in_every_part_in_proportion():
    counts = [200, 40, 8, 3]
    labels = np.repeat(np.arange(4), counts)
    data = labelled_images("x", np.zeros((len(labels), 8, 8)), labels, where="x")
    for seed in range(20):
        parts = check_stratified(split(data, seed))
        for part in (parts.train, parts.valid, parts.test):
            expected = np.array(counts) * len(part) / len(labels)
            assert np.abs(np.bincount(labels[part], minlength=4) - expected).max() <= 2
            assert len(np.unique(labels[part])) == 4


def test_a_class_too_small_for_the_shares_is_named():
    labels = np.repeat(np.arange(2), [400, 3])
    data = labelled_images("x", np.zeros((403, 8, 8)), labels, where="x", class_names=("cat", "dog"))
    with pytest.raises(HarnessError, match=r"x: class 'dog' has 3 image.s., none of them in test: it is too small"):
        check_stratified(split(data, 0, test=0.05))
    check_stratified(split(data, 0))


def test_files_need_no_pillow(tmp_path, own_cache, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    np.savez(tmp_path / "own.npz", images=IMAGES, labels=LABELS)
    assert harness.import_images(tmp_path / "own.npz", "own").shape == (1, 8, 8)
