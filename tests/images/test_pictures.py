"""Images of one's own from folders of pictures."""

import json
import sys

import numpy as np
import pytest

import harness
from harness.errors import HarnessError
from harness.images import registry as datasets

from .conftest import refused, some


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
