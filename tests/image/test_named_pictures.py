"""The named data sets of pictures: the real files where they are at hand, and files in their layouts where not."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from collections import Counter

import numpy as np
import pytest
import torch
from PIL import Image

from dividing import divided
from seriatim.data import fetch, named
from seriatim.data.options import DataOptions
from seriatim.data.pixels import to_grey
from seriatim.errors import UserError
from seriatim.image.data import loaders as image_loaders
from seriatim.image.data.opening import open_gallery
from seriatim.image.data.pixels import ink, shaped
from seriatim.image.data.sets import SETS
from seriatim.image.holding import NAMES, holds
from seriatim.image.options import ImageOptions
from seriatim.symbols.levels import Levels
from seriatim.training.presets import PRESETS

needs_data = pytest.mark.skipif("SERIATIM_DATA" not in os.environ, reason="$SERIATIM_DATA is not set")


def shapes(gallery):
    return {side: part.x.shape for side, part in gallery.splits.items()}


@pytest.fixture(scope="module")
def mnist():
    return open_gallery("mnist")


@needs_data
def test_mnist(mnist):
    assert shapes(mnist) == {"train": (55000, 28, 28, 1), "validation": (5000, 28, 28, 1), "test": (10000, 28, 28, 1)}
    train, validation, test = mnist.splits.values()
    assert train.labels[:5] == ("5", "0", "4", "1", "9")
    assert test.labels[:5] == ("7", "2", "1", "0", "4")
    counts = Counter(train.labels) + Counter(validation.labels)
    assert [counts[str(i)] for i in range(10)] == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    mean = (train.x.sum() + validation.x.sum()) / 60000 / 784 / 255
    assert mean == pytest.approx(0.1306604762738429, abs=1e-9)
    assert (train.names[7], validation.names[0], test.names[0]) == ("train:7", "train:55000", "test:0")
    assert all(part.x.dtype == np.uint8 and part.x.flags.writeable for part in mnist.splits.values())
    assert "Licence: CC BY-SA 3.0" in mnist.note


@needs_data
def test_fashion_mnist_at_the_books_size():
    gallery = open_gallery("fashion-mnist", ImageOptions(size=(16,)), DataOptions(limit=300))
    assert shapes(gallery) == dict.fromkeys(("train", "validation", "test"), (300, 16, 16, 1))
    assert gallery.splits["train"].labels[:3] == ("ankle-boot", "t-shirt", "t-shirt")
    whole = open_gallery("fashion-mnist", None, DataOptions(limit=300)).splits["train"].x
    one = np.asarray(Image.fromarray(whole[5, :, :, 0]).resize((16, 16), Image.Resampling.BILINEAR))
    assert np.array_equal(gallery.splits["train"].x[5, :, :, 0], one)
    preset = ImageOptions(**PRESETS["book-pixelcnn"].options["image"])
    book = open_gallery("fashion-mnist", preset, DataOptions(limit=300)).splits["train"].x
    four = torch.nn.functional.interpolate(
        torch.from_numpy(whole).double().permute(0, 3, 1, 2), (16, 16), mode="bilinear"
    )
    levels = (four.permute(0, 2, 3, 1).numpy() / (256 / 4)).astype(int)  # as the book's notebook cuts them
    assert np.array_equal(Levels(16, 16, 1, 4).encode(book), levels)


@needs_data
def test_cifar10_where_only_a_part_is_at_hand():
    gallery = open_gallery("cifar10")
    assert shapes(gallery) == {"train": (9000, 32, 32, 3), "validation": (1000, 32, 32, 3), "test": (2000, 32, 32, 3)}
    counts = Counter(gallery.splits["test"].labels)
    assert counts["airplane"] == 196
    assert counts["truck"] == 203
    assert gallery.splits["train"].labels[:3] == ("frog", "truck", "truck")
    assert gallery.splits["train"].x[0, 0, 0].tolist() == [59, 62, 63]  # the frog's first pixel: not a plane of red
    assert "Only a part is available: 10,000 training and 2,000 test pictures" in gallery.note
    (path,) = named.fetch("cifar10")
    again = open_gallery(path, None, DataOptions(limit=10))
    assert np.array_equal(again.splits["test"].x, gallery.splits["test"].x[:10])
    assert holds(path).certainty


def test_digits():
    gallery = open_gallery("digits")
    assert shapes(gallery) == {"train": (1437, 8, 8, 1), "validation": (180, 8, 8, 1), "test": (180, 8, 8, 1)}
    values = {v for part in gallery.splits.values() for v in np.unique(part.x).tolist()}
    assert values == {round(k * 255 / 16) for k in range(17)}
    assert set(gallery.splits["train"].labels) == set("0123456789")
    assert open_gallery("digits").fingerprint == gallery.fingerprint
    assert open_gallery("digits", None, DataOptions(limit=5)).fingerprint != gallery.fingerprint


def test_digits_without_scikit_learn(monkeypatch):
    monkeypatch.setattr(named, "find_spec", lambda name: None)
    assert not named.available("digits")
    with pytest.raises(
        UserError, match=r"digits comes with sklearn, which is not installed: pip install 'seriatim\[demo\]'"
    ):
        open_gallery("digits")


def test_names():
    assert sorted(NAMES) == sorted(SETS) == ["cifar10", "digits", "fashion-mnist", "mnist"]
    assert all(holds(name).certainty for name in NAMES)
    assert not holds("tinyshakespeare").certainty
    with pytest.raises(UserError, match="did you mean 'mnist'"):
        open_gallery("mnits")
    with pytest.raises(UserError, match="tinyshakespeare is a data set of text, not of pictures"):
        open_gallery("tinyshakespeare")


@pytest.mark.parametrize(
    ("option", "value"),
    [("image.labels", "labels.csv"), ("data.validation", 0.2), ("data.test", 0.0)],
    ids=["labels", "validation", "test"],
)
def test_a_named_set_brings_its_split(option, value):
    own, division = divided({option.split(".")[1]: value})
    with pytest.raises(UserError, match=f"--{option} was given, but digits has its own"):
        open_gallery("digits", ImageOptions(**own), division)


def test_labels_that_are_not_wanted():
    assert all(part.labels is None for part in open_gallery("digits", ImageOptions(given=False)).splits.values())


def test_ink_is_drawn_with_the_grey_as_its_probability():
    grey = np.repeat(np.arange(256, dtype=np.uint8), 4000).reshape(256, 40, 100, 1)
    drawn = ink(grey, (3, 1))
    assert set(np.unique(drawn)) == {0, 255}
    assert np.array_equal(drawn, ink(grey, (3, 1)))
    assert not np.array_equal(drawn, ink(grey, (3, 2)))
    share = (drawn > 0).mean(axis=(1, 2, 3))
    assert (share[0], share[255]) == (0, 1)
    assert np.abs(share - np.arange(256) / 255).max() < 5 * np.sqrt(0.25 / 4000)


def test_binarised_once_or_each_epoch():
    plain = open_gallery("digits")
    fixed = open_gallery("digits", ImageOptions(binarise="fixed"), DataOptions(seed=1))
    epoch = open_gallery("digits", ImageOptions(binarise="epoch"), DataOptions(seed=1))
    assert all(set(np.unique(part.x)) == {0, 255} for part in fixed.splits.values())
    for side in ("validation", "test"):  # held-out pictures do not change from one evaluation to the next
        assert np.array_equal(epoch.splits[side].x, fixed.splits[side].x)
    assert np.array_equal(epoch.splits["train"].x, plain.splits["train"].x)
    marks = {plain.fingerprint, fixed.fingerprint, epoch.fingerprint}
    marks.add(open_gallery("digits", ImageOptions(binarise="fixed"), DataOptions(seed=2)).fingerprint)
    assert len(marks) == 4
    assert open_gallery("digits", ImageOptions(binarise="fixed"), DataOptions(seed=1)).fingerprint == fixed.fingerprint


def test_colours():
    rgb = np.random.default_rng(0).integers(0, 256, (3, 9, 7, 3), dtype=np.uint8)
    pillow = [np.asarray(Image.fromarray(picture).convert("L")) for picture in rgb]
    assert np.array_equal(to_grey(rgb)[..., 0], pillow)
    assert np.array_equal(shaped(rgb, ImageOptions(colour="grey"), "x")[..., 0], pillow)
    twice = shaped(to_grey(rgb), ImageOptions(colour="rgb", size=(4, 5)), "x")
    assert twice.shape == (3, 4, 5, 3)
    assert np.array_equal(twice[..., 0], twice[..., 2])


def idx(array):
    head = bytes([0, 0, 8, array.ndim]) + b"".join(side.to_bytes(4, "big") for side in array.shape)
    return gzip.compress(head + array.astype(np.uint8).tobytes())


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Puts other bytes in the place of a data set's files, with the hashes that they have."""
    monkeypatch.setenv("SERIATIM_DATA", str(tmp_path))

    def put(name, contents):
        source = SETS[name]
        for file, data in zip(source.files, contents, strict=True):
            path = tmp_path / file.path
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
        monkeypatch.setattr(fetch, "_verify", lambda path, file: None)

    return put


def cifar(train, test):
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w:gz") as archive:
        for name, content in {"data_batch_1.bin": train, "test_batch.bin": test}.items():
            member = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return data.getvalue()


def test_the_whole_of_cifar_comes_before_the_part(small, monkeypatch):
    record = np.arange(3073, dtype=np.uint8)
    record[0] = 9
    monkeypatch.setattr(image_loaders, "_CIFAR", 12)
    small("cifar10", [cifar(record.tobytes() * 10, record.tobytes() * 2)])
    gallery = open_gallery("cifar10")
    assert shapes(gallery) == {"train": (9, 32, 32, 3), "validation": (1, 32, 32, 3), "test": (2, 32, 32, 3)}
    assert gallery.splits["test"].labels == ("truck", "truck")
    planes = record[1:].reshape(3, 32, 32)
    assert np.array_equal(gallery.splits["train"].x[3], planes.transpose(1, 2, 0))
    assert "Only a part" not in gallery.note


@pytest.mark.parametrize(
    ("train", "test", "words"),
    [
        (b"x" * 3074, b"x" * 3073, "not a multiple of 3073"),
        (b"", b"", "not a multiple"),
        (b"\x0a" * 3073, b"\0" * 3073, "do not match"),
    ],
)
def test_a_cifar_that_is_none(small, train, test, words):
    small("cifar10", [cifar(train, test)])
    with pytest.raises(UserError, match=words):
        open_gallery("cifar10")


@pytest.mark.parametrize(
    ("place", "data", "words"),
    [
        (0, gzip.compress(b"\0\0\x08\x03" + bytes(12) + b"more"), "not an idx file of bytes, or damaged"),
        (0, gzip.compress(b"\0\0\x0d\x01" + bytes(8)), "not an idx file of bytes"),
        (0, gzip.compress(b""), "not an idx file of bytes"),
        (1, idx(np.zeros(5999)), "do not match"),
        (1, idx(np.full(6000, 10)), "do not match"),
        (3, b"plain", "damaged gz data"),
    ],
    ids=["short", "floats", "empty", "fewer labels", "a label too high", "no gz"],
)
def test_an_idx_that_is_none(small, place, data, words):
    contents = [idx(np.zeros((6000, 2, 2))), idx(np.zeros(6000)), idx(np.zeros((3, 2, 2))), idx(np.zeros(3))]
    small("mnist", contents)
    assert shapes(open_gallery("mnist")) == {
        "train": (1000, 2, 2, 1),
        "validation": (5000, 2, 2, 1),
        "test": (3, 2, 2, 1),
    }
    contents[place] = data
    small("mnist", contents)
    with pytest.raises(UserError, match=words) as caught:
        open_gallery("mnist")
    assert "\n" not in str(caught.value)
