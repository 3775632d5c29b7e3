"""Images of one's own: plug-ins, files and folders, their names, and what is refused."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

import harness
from harness.errors import HarnessError
from harness.images import registry as datasets
from harness.images import store as image_store
from harness.images.labelled import labelled_images
from harness.live.benchmark import SPACES, LiveBenchmark, live_names
from harness.recording.spec import make_spec
from harness.running.runner import run
from harness.suites.catalogue import load_benchmark
from harness.suites.reading import make_suite
from harness.training.data import check_stratified, split

STRIPES = """
import numpy as np

from harness import register_images

@register_images("my-stripes")
def stripes():
    labels = np.arange(240) % 3
    return np.random.default_rng(0).random((240, 8, 12)) * (labels[:, None, None] + 1) / 3, labels
"""
SUITE = {
    "name": "own",
    "seeds": "0:2",
    "benchmarks": ["live/nasbench201-my-stripes"],
    "budgets": {"epochs": 1},
    "search": {"channels": 4, "cells": 1, "batch_size": 32},
    "evaluation": {"channels": 4, "cells": 1, "epochs": 1, "batch_size": 32},
    "methods": [{"name": "random-architecture", "architectures": 1}, {"name": "single-level"}],
}


def some(n=40, classes=4, shape=(1, 8, 8), seed=0):
    """Images of n rows whose classes take turns, and labels."""
    images = np.random.default_rng(seed).integers(0, 256, size=(n, *shape), dtype=np.uint8)
    return images, np.arange(n) % classes


# Built-in data sets


def test_built_in_data_sets_are_what_they_were():
    assert datasets.dataset_names()[:4] == ["digits", "mnist5k", "cifar10", "cifar100"]
    # As before there were any others: cells that are done are kept.
    digest = "e231367ed19e67009a086dacea6cfcc06747a053a57de9729a93750c6ea7d567"
    assert LiveBenchmark("live/darts-digits").sha256 == LiveBenchmark("live/nasbench201-digits").sha256 == digest
    for name in ("digits", "mnist5k"):
        images = datasets.images_of(name)
        facts = datasets.sources.FACTS[name]
        assert (len(images.labels), images.shape, images.classes) == facts[:3]


def test_no_space_has_a_dash_so_that_data_sets_may():
    assert not [space for space in SPACES if "-" in space]
    benchmark = LiveBenchmark("live/darts-my-own-set")
    assert (benchmark.space_name, benchmark.dataset) == ("darts", "my-own-set")


# Plug-ins


@pytest.fixture
def stripes(tmp_path, registries):
    path = tmp_path / "stripes.py"
    path.write_text(STRIPES)
    return path


def test_a_plug_in_is_a_benchmark_of_every_space(stripes, tmp_path, cli):
    rows = json.loads(cli("ls", "images", "--plugin", stripes, "--json").out)
    own = rows[-1]
    assert (own["name"], own["images"], own["size"], own["classes"]) == ("my-stripes", "240", "1x8x12", "3")
    assert own["about"] == f"registered by {stripes}: stripes"
    assert {f"live/{space}-my-stripes" for space in SPACES} <= set(live_names())
    done = cli(
        "plan",
        "--plugin",
        stripes,
        "--benchmark",
        "live/darts-my-stripes",
        "--method",
        "random",
        "--budget",
        "epochs=1",
    )
    assert done.code == 0, done
    described = load_benchmark("live/darts-my-stripes").describe()
    assert described["dataset"] == "my-stripes"
    assert (
        described["source"]["from"]
        == "my-stripes images, 1x8x12, 3 classes; floats between 0 and 1 became bytes, 0 to 255"
    )


def test_a_run_in_workers_and_its_report_elsewhere(stripes, tmp_path, monkeypatch):
    run(SUITE, tmp_path / "out", jobs=2, plugin=[stripes])
    run(SUITE, tmp_path / "plain", backend="sequential", plugin=[stripes])
    records = [pd.read_parquet(tmp_path / name / "records.parquet") for name in ("out", "plain")]
    assert (records[0]["status"] == "ok").all()
    assert records[0]["dataset"].unique().tolist() == ["my-stripes"]
    for column in ("cell", "valid", "test", "arch"):
        assert records[0][column].equals(records[1][column])
    monkeypatch.setattr(datasets, "_REGISTRY", {})  # where nobody knows the images a report is made all the same
    harness.reporting.build_report(tmp_path / "out")
    assert "my-stripes" in (tmp_path / "out" / "report" / "report.md").read_text()


@pytest.mark.slow
def test_a_function_of_a_script_reaches_the_workers(tmp_path):
    script = (
        STRIPES
        + f"""
import harness
if __name__ == "__main__":
    print(harness.run({SUITE!r}, {str(tmp_path / "out")!r}, jobs=2)["status"].tolist())
"""
    )
    (tmp_path / "script.py").write_text(script)
    done = subprocess.run([sys.executable, tmp_path / "script.py"], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == str(["ok"] * 4)


def test_the_key_of_a_cell_follows_the_form_of_the_images(registries):
    images, labels = some(shape=(1, 4, 16))

    def key(*arrays):
        load = lambda: arrays  # noqa: E731
        datasets._REGISTRY.pop("own", None)
        datasets.register_images("own")(load)
        suite = make_suite(
            SUITE
            | {"benchmarks": ["live/nasbench201-own"], "search": {"batch_size": 5}, "evaluation": {"batch_size": 5}}
        )
        return suite.groups()[0].key(0)

    keys = {
        key(images, labels),
        key(images.reshape(-1, 1, 16, 4), labels),  # the same bytes
        key(images[:20], labels[:20], images[20:], labels[20:]),  # the same bytes, the last of them test
        key(images, labels[::-1]),
    }
    assert len(keys) == 4


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("return 3", "returned int; wanted (images, labels)"),
        ("return images, labels, images", "returned tuple; wanted (images, labels)"),
        ("raise ValueError('no disk')", "raised ValueError: no disk"),
        ("raise SystemExit('bye')", "raised SystemExit: bye"),
        ("return images, labels * 0", "all images are of one class, 0; wanted at least 2 classes"),
    ],
)
def test_functions_that_return_something_else(body, message, tmp_path, registries, cli):
    path = tmp_path / "wrong.py"
    head = "import numpy as np\nfrom harness import register_images\nimages, labels = np.zeros((12, 8, 8)), np.arange(12) % 3\n"
    path.write_text(head + f"@register_images('wrong')\ndef wrong():\n    {body}\n")
    done = cli("run", "--plugin", path, "--benchmark", "live/darts-wrong", "--method", "random", "--budget", "epochs=1")
    assert (done.code, done.err.count("\n")) == (2, 1), done
    assert f"data set 'wrong' of {path}: wrong: {message}" in done.err
    assert not (tmp_path / "reports").exists()


def test_names_that_are_taken(tmp_path, registries, own_cache):
    images, labels = some()

    def one():
        return images, labels

    def other():
        return images, labels

    datasets.register_images("one")(one)
    datasets.register_images("one")(one)  # the same function: a module that is imported again
    with pytest.raises(
        HarnessError, match=r"'one' is registered twice: .*test_registry.py: .*one and .*test_registry.py: .*other"
    ):
        datasets.register_images("one")(other)
    with pytest.raises(
        HarnessError, match=r"test_registry.py: .*one: 'digits' is a built-in data set; choose another name"
    ):
        datasets.register_images("digits")(one)
    for name in ("", "a/b", "-a", "a b", "x" * 101):
        with pytest.raises(HarnessError, match="name of a data set: wanted up to 100 letters, digits"):
            datasets.register_images(name)(one)
    np.savez(tmp_path / "file.npz", images=images, labels=labels)
    for name, message in (
        ("cifar10", "'cifar10' is a built-in data set"),
        ("one", "'one' is registered by .*one; choose another name"),
    ):
        with pytest.raises(HarnessError, match=rf"file.npz: {message}"):
            harness.import_images(tmp_path / "file.npz", name)
    harness.import_images(tmp_path / "file.npz", "two")
    with pytest.raises(HarnessError, match="'two' is an imported data set; register the function under another name"):
        datasets.register_images("two")(other)


# Files


def test_a_file_becomes_a_data_set_once(tmp_path, own_cache, cli, monkeypatch):
    monkeypatch.chdir(tmp_path)
    images, labels = some(n=60, shape=(3, 8, 8))
    np.savez("birds.npz", images=images, labels=labels, test_images=images[:8] // 2, test_labels=labels[:8])
    done = cli("import-images", "birds.npz", "--name", "my-birds")
    assert (done.code, done.err) == (0, "")
    assert done.out.splitlines() == [
        "my-birds: 68 images of 3x8x8, 8 of them test, 4 classes",
        "benchmarks: live/darts-my-birds, live/nasbench201-my-birds",
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


def refused(outcome, path, message):
    assert outcome.code == 2, outcome
    assert outcome.out == ""
    assert outcome.err.count("\n") == 1, outcome.err
    assert outcome.err.startswith(f"nas-harness: error: {path}")
    assert message in outcome.err
    assert not list(image_store.path_of("x").parent.glob("*"))


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


# Splits of unbalanced classes


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


# Pictures


@pytest.fixture
def pictures(tmp_path):
    """A folder of three classes of colour pictures, and their arrays (n, 3, 10, 8) in the order in which they are read."""
    image = pytest.importorskip("PIL.Image")
    arrays = np.random.default_rng(0).integers(0, 256, size=(12, 10, 8, 3), dtype=np.uint8)
    for number, array in enumerate(arrays):
        place = tmp_path / "pets" / ("cat", "dog", "emu")[number // 4]
        place.mkdir(parents=True, exist_ok=True)
        image.fromarray(array).save(place / f"{number:02}.png")
    return tmp_path / "pets", arrays.transpose(0, 3, 1, 2)


def test_a_folder_of_pictures_becomes_a_data_set(pictures, own_cache, cli):
    folder, arrays = pictures
    (folder / "cat" / "notes.txt").write_text("a note")
    (folder / "cat" / ".hidden").write_text("nothing")
    done = cli("import-images", folder, "--name", "pets", "--json")
    assert done.code == 0, done
    found = json.loads(done.out)
    assert (found["shape"], found["classes"], found["images"]) == ([3, 10, 8], 3, 12)
    assert found["notes"] == ["1 other file(s) or folder(s) were left out"]
    images = datasets.images_of("pets")
    np.testing.assert_array_equal(images.images, arrays)
    assert images.labels.tolist() == [0] * 4 + [1] * 4 + [2] * 4
    assert images.class_names == ("cat", "dog", "emu")


def test_a_test_folder_is_the_test_part(pictures, tmp_path, own_cache):
    folder, arrays = pictures
    (tmp_path / "both").mkdir()
    folder.rename(tmp_path / "both" / "train")
    for name, number in (("dog", 4), ("emu", 8)):
        (tmp_path / "both" / "test" / name).mkdir(parents=True)
        (tmp_path / "both" / "train" / name / f"{number:02}.png").rename(tmp_path / "both" / "test" / name / "a.png")
    images = harness.import_images(tmp_path / "both", "both")
    assert images.tests == 2
    np.testing.assert_array_equal(images.images[-2:], arrays[[4, 8]])
    assert images.labels[-2:].tolist() == [1, 2]


def test_pictures_are_scaled_turned_and_brought_to_one_mode(pictures, own_cache):
    from PIL import Image

    folder, arrays = pictures
    grey = Image.fromarray(arrays[0, 0]).resize((20, 30))
    grey.save(folder / "cat" / "00.png")
    turned = Image.new("RGB", (8, 10), (255, 0, 0))
    exif = turned.getexif()
    exif[0x0112] = 6  # to be turned by 90 degrees: 10 wide, 8 high
    turned.save(folder / "cat" / "01.jpg", exif=exif)
    Image.new("RGBA", (8, 10), (0, 0, 255, 9)).save(folder / "cat" / "02.png")
    with pytest.raises(
        HarnessError, match=r"01.jpg: 8x10 pixels, but .*00.png has 30x20; --size S or --size HEIGHTxWIDTH"
    ):
        harness.import_images(folder, "pets")
    images = harness.import_images(folder, "pets", (4, 6))
    assert images.shape == (3, 4, 6)
    assert images.notes == (
        "pictures were scaled to 4x6",
        "the transparency of 1 picture(s) was left out",
        "1 grey picture(s) among coloured ones became coloured",
    )
    np.testing.assert_array_equal(images.images[0, 0], images.images[0, 2])
    assert images.images[1].mean(axis=(1, 2)) == pytest.approx([254, 0, 0], abs=2)


def test_grey_pictures_have_one_channel(tmp_path, own_cache):
    image = pytest.importorskip("PIL.Image")
    arrays = some(n=6, classes=2, shape=(8, 8))[0]
    for number, array in enumerate(arrays):
        (tmp_path / "grey" / str(number // 3)).mkdir(parents=True, exist_ok=True)
        image.fromarray(array).save(tmp_path / "grey" / str(number // 3) / f"{number}.png")
    np.testing.assert_array_equal(harness.import_images(tmp_path / "grey", "grey").images[:, 0], arrays)


def test_wrong_folders(pictures, tmp_path, own_cache, cli, monkeypatch):
    from PIL import Image

    folder, arrays = pictures
    import_it = ("import-images", folder, "--name", "pets")
    (folder / "cat" / "00.png").write_bytes((folder / "cat" / "00.png").read_bytes()[:100])
    refused(cli(*import_it), folder / "cat" / "00.png", "cannot be read as a picture")
    Image.fromarray(arrays[0, 0].astype(np.uint16)).save(folder / "cat" / "00.png")
    refused(cli(*import_it), folder / "cat" / "00.png", "its mode is I;16; wanted 8 bits a channel")
    Image.new("RGB", (9, 10)).save(folder / "cat" / "00.png")
    refused(cli(*import_it), folder / "cat" / "01.png", "10x8 pixels, but")
    refused(cli(*import_it, "--size", "0"), folder, "size: wanted whole numbers of pixels of at least 1")
    for number in (1, 2):
        (folder / "cat" / f"0{number}.png").unlink()
    refused(cli(*import_it, "--size", "8"), folder, "class 'cat' has 2 image(s); a stratified split wants at least 3")
    for path in (folder / "cat").iterdir():
        path.unlink()
    refused(cli(*import_it), folder / "cat", "no PNG or JPEG file")
    (tmp_path / "empty").mkdir()
    refused(
        cli("import-images", tmp_path / "empty", "--name", "x"),
        tmp_path / "empty",
        "no subfolder; wanted one of PNG or JPEG",
    )
    for name in ("cat", "emu"):
        (folder / name).rename(tmp_path / name)
    refused(cli(*import_it), folder, "all images are of one class, 'dog'")
    monkeypatch.setitem(sys.modules, "PIL", None)
    refused(cli(*import_it), folder / "dog" / "04.png", "pictures need Pillow; pip install 'nas-harness[images]'")


def test_files_need_no_pillow(tmp_path, own_cache, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    np.savez(tmp_path / "own.npz", images=IMAGES, labels=LABELS)
    assert harness.import_images(tmp_path / "own.npz", "own").shape == (1, 8, 8)
