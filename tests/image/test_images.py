"""Pictures of one's own: every odd kind is read or refused in one line, and the splits depend on nothing but them."""

from __future__ import annotations

import io
import struct
import warnings
import zlib

import numpy as np
import pytest
import torch
from PIL import Image

from dividing import divided
from seriatim.data import picture, pixels
from seriatim.data.fitting import Fitting
from seriatim.data.options import DataOptions
from seriatim.errors import UserError
from seriatim.image.data.opening import open_gallery, read_picture
from seriatim.image.holding import holds
from seriatim.image.options import ImageOptions
from seriatim.modality import Certainty, kind_of


def whole(**options):
    """How pictures are read, and that all of them are in one split."""
    own, division = divided(options, validation=0, test=0)
    return ImageOptions(**own), division


WHOLE = whole()


def surely(data):
    return holds(data).certainty is Certainty.YES


def noise(seed, height=6, width=6, channels=3):
    x = np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype=np.uint8)
    return x if channels == 3 else x[..., 0]


def save(path, array, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(array).save(path, **options)
    return path


@pytest.fixture
def folder(tmp_path):
    """30 different pictures, of 3 labels."""
    for i in range(30):
        save(tmp_path / "pictures" / "abc"[i % 3] / f"{i:02d}.png", noise(i))
    return tmp_path / "pictures"


def refused(spec, options=WHOLE):
    with pytest.raises(UserError) as caught:
        open_gallery(spec, *options)
    message = str(caught.value)
    assert "\n" not in message
    assert ": " in message  # … and what to do
    return message


def only(path, options=WHOLE):
    (pictures,) = open_gallery(path, *options).splits.values()
    return pictures


def test_a_folder_with_labels(folder):
    gallery = open_gallery(folder)
    assert gallery.name == "pictures"
    assert {side: part.x.shape for side, part in gallery.splits.items()} == {
        "train": (24, 6, 6, 3), "validation": (3, 6, 6, 3), "test": (3, 6, 6, 3),
    }  # fmt: skip
    for part in gallery.splits.values():
        for x, label, name in zip(part.x, part.labels, part.names, strict=True):
            assert name.split("/")[0] == label
            assert np.array_equal(x, noise(int(name[2:4])))
    assert sorted(name for part in gallery.splits.values() for name in part.names) == [
        f"{label}/{i:02d}.png" for label in "abc" for i in range(30) if "abc"[i % 3] == label
    ]
    assert gallery.note == ""


def test_the_split_depends_on_the_pixels_and_the_seed_alone(folder):
    first, again = open_gallery(folder), open_gallery(folder)
    assert first.fingerprint == again.fingerprint
    assert [part.names for part in first.splits.values()] == [part.names for part in again.splits.values()]
    other = open_gallery(folder, None, DataOptions(seed=1))
    assert other.splits["test"].names != first.splits["test"].names
    assert other.fingerprint != first.fingerprint
    name = first.splits["test"].names[0]
    (folder / name).rename(folder / "a" / "zz.png")  # elsewhere, but the same picture: it stays where it was
    moved = open_gallery(folder)
    assert "a/zz.png" in moved.splits["test"].names
    assert moved.fingerprint != first.fingerprint
    save(folder / "a" / "zz.png", noise(99))
    assert open_gallery(folder).fingerprint != moved.fingerprint


def test_copies_stay_together(folder):
    for side in ("test", "validation", "train"):
        name = open_gallery(folder).splits[side].names[0]
        save(folder / "c" / f"copy-{side}.bmp", np.asarray(Image.open(folder / name)))
    for side, part in open_gallery(folder).splits.items():
        assert f"c/copy-{side}.bmp" in part.names


def test_labels_that_subfolders_do_not_give(folder):
    assert only(folder, whole(given=False)).labels is None
    assert only(folder / "a").labels is None  # one folder is no label
    save(folder / "top.png", noise(50))
    gallery = open_gallery(folder)
    assert gallery.splits["train"].labels is None
    assert "No labels: not all pictures are in subfolders, one level deep." in gallery.note


def test_folders_named_as_splits_are_no_labels(tmp_path):
    for i, side in enumerate(("train", "Test")):
        save(tmp_path / side / "x.png", noise(i))
    assert "look like splits" in refused(tmp_path)
    assert len(only(tmp_path, whole(given=False)).x) == 2


def test_limit_takes_of_every_label(folder):
    part = only(folder, whole(limit=12))
    assert len(part.x) == 12
    assert len(set(part.labels)) == 3
    assert part.names == sorted(part.names)
    assert only(folder, whole(limit=12)).names == part.names
    assert only(folder, whole(limit=12, seed=1)).names != part.names


@pytest.mark.parametrize("head", ["", "File, Label\n"])
def test_a_table_of_labels_wins(folder, tmp_path, head):
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*.png")]
    rows = [f'{name},"label, {i % 2}"' for i, name in enumerate(names)]
    table = tmp_path / "labels.csv"
    table.write_bytes(("\ufeff" + head + "\r\n".join(rows) + "\r\n\r\n").encode())
    part = only(folder, whole(labels=str(table)))
    assert dict(zip(part.names, part.labels, strict=True)) == {n: f"label, {i % 2}" for i, n in enumerate(names)}


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (["a.png,x", "c.png,y"], "labels.csv:2: 'c.png' is not in"),
        (["file,label", "a.png,x"], "no label for 1 of 2 pictures in"),
        (["a.png,x", "b.png,y", "a.png,z"], "labels.csv:3: 'a.png' is 'z' here and 'x' above"),
        (["a.png,x,y", "b.png,y"], "labels.csv:1: ['a.png', 'x', 'y']; expected a picture's path and its label"),
        (["a.png,x", "b.png,"], "labels.csv:2: ['b.png', '']"),
        (['a.png,"x', "b.png,y"], "malformed CSV"),
        (["a.png,\xff", "b.png,y"], "is not utf-8 text"),
    ],
)
def test_a_table_that_does_not_fit(tmp_path, rows, words):
    for i, name in enumerate("ab"):
        save(tmp_path / "p" / f"{name}.png", noise(i))
    table = tmp_path / "labels.csv"
    table.write_text("\n".join(rows), encoding="latin-1")
    assert words in refused(tmp_path / "p", whole(labels=str(table)))
    assert "no such file" in refused(tmp_path / "p", whole(labels=str(tmp_path / "none.csv")))
    assert "is a single picture" in refused(tmp_path / "p" / "a.png", whole(labels=str(table)))


def test_every_kind_of_file(tmp_path):
    x = noise(0, 16, 16)
    for ending in ("png", "webp", "bmp", "tif"):
        save(tmp_path / f"lossless.{ending}", x, **({"lossless": True} if ending == "webp" else {}))
    for ending in ("jpg", "JPEG"):
        save(tmp_path / f"lossy.{ending}", np.full((16, 16, 3), (200, 100, 50), np.uint8), quality=95)
    palette = Image.fromarray(x).quantize(256)
    palette.save(tmp_path / "palette.gif")
    palette.save(tmp_path / "palette.png")
    part = only(tmp_path)
    found = dict(zip(part.names, part.x, strict=True))
    assert len(found) == 8
    assert all(np.array_equal(found[f"lossless.{ending}"], x) for ending in ("png", "webp", "bmp", "tif"))
    assert np.abs(found["lossy.jpg"].astype(int) - (200, 100, 50)).max() <= 3
    assert np.array_equal(found["palette.gif"], np.asarray(palette.convert("RGB")))
    assert np.array_equal(found["palette.png"], found["palette.gif"])


def test_grey_is_found_out(tmp_path):
    x = noise(0, channels=1)
    save(tmp_path / "l.png", x)
    Image.fromarray(x > 127).save(tmp_path / "one.png")
    palette = Image.fromarray(x, "L").convert("P")
    palette.save(tmp_path / "p.png")
    assert only(tmp_path).x.shape == (3, 6, 6, 1)
    assert only(tmp_path, whole(colour="rgb")).x.shape == (3, 6, 6, 3)
    found = dict(zip(only(tmp_path).names, only(tmp_path).x[..., 0], strict=True))
    assert np.array_equal(found["l.png"], x)
    assert np.array_equal(found["p.png"], x)
    assert np.array_equal(found["one.png"], np.where(x > 127, 255, 0))
    save(tmp_path / "colour.png", noise(1))
    assert only(tmp_path).x.shape == (4, 6, 6, 3)
    assert only(tmp_path, whole(colour="grey")).x.shape == (4, 6, 6, 1)


def test_transparent_pictures_stand_on_white(tmp_path):
    rgba = np.zeros((2, 2, 4), np.uint8)
    rgba[..., 3] = [[0, 255], [128, 255]]
    save(tmp_path / "rgba.png", rgba)
    Image.fromarray(np.array([[0, 1], [1, 1]], np.uint8), "P").save(tmp_path / "p.gif", transparency=0)
    opaque = rgba.copy()
    opaque[..., 3] = 255
    save(tmp_path / "opaque.png", opaque)
    gallery = open_gallery(tmp_path, *WHOLE)
    found = dict(zip(gallery.splits["train"].names, gallery.splits["train"].x, strict=True))
    assert found["rgba.png"][..., 0].tolist() == [[255, 0], [127, 0]]
    assert found["p.gif"][0, 0].tolist() == [255, 255, 255]
    assert found["opaque.png"].max() == 0
    assert "2 of 3 pictures had transparency and were put on white." in gallery.note


def test_sixteen_bits(tmp_path):
    values = np.array([[0, 257], [65535, 32768]], np.uint16)
    save(tmp_path / "deep.png", values)
    gallery = open_gallery(tmp_path, *WHOLE)
    assert gallery.splits["train"].x[0, ..., 0].tolist() == [[0, 1], [255, 128]]
    assert "1 of 1 pictures had 16 bits and were reduced to 8." in gallery.note


def test_cmyk(tmp_path):
    Image.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "print.jpg", quality=95)
    gallery = open_gallery(tmp_path, *WHOLE)
    red = gallery.splits["train"].x[0, 4, 4].astype(int)
    assert np.abs(red - (255, 0, 0)).max() < 8
    assert "CMYK" in gallery.note


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_upright(tmp_path, orientation):
    x = noise(0, 4, 6)
    exif = Image.Exif()
    exif[0x0112] = orientation
    for ending in ("png", "webp"):
        save(tmp_path / f"x.{ending}", x, exif=exif, **({"lossless": True} if ending == "webp" else {}))
    wanted = {
        1: x, 2: x[:, ::-1], 3: x[::-1, ::-1], 4: x[::-1],
        5: x.swapaxes(0, 1), 6: np.rot90(x, -1), 7: np.rot90(x.swapaxes(0, 1), 2), 8: np.rot90(x),
    }[orientation]  # fmt: skip
    part = only(tmp_path)
    assert all(np.array_equal(picture, wanted) for picture in part.x)
    assert len(part.x) == 2


def test_damaged_metadata_is_no_reason_to_refuse(tmp_path):
    save(tmp_path / "x.jpg", np.zeros((8, 8, 3), np.uint8), exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert only(tmp_path).x.max() == 0


def frames(path, **options):
    first, second = (Image.fromarray(noise(i)) for i in range(2))
    first.save(path, save_all=True, append_images=[second], **options)


@pytest.mark.parametrize("ending", ["gif", "png", "webp"])
def test_an_animation_is_refused(tmp_path, ending):
    frames(tmp_path / f"moving.{ending}", duration=100)
    message = refused(tmp_path)
    assert f"moving.{ending}: an animation" in message
    assert "save one of its frames as PNG" in message


def test_a_photograph_with_a_second_one_behind_it(tmp_path):
    frames(tmp_path / "phone.jpg", format="MPO")
    assert only(tmp_path).x.shape == (1, 6, 6, 3)


def png(width, height):
    """A PNG that says what size it has, with nothing behind it."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("side", [8001, 12000, 60000])  # within Pillow's own limit, where it warns, where it refuses
def test_a_bomb_is_refused_by_its_header(tmp_path, monkeypatch, side):
    (tmp_path / "bomb.png").write_bytes(png(side, side))
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for options in (WHOLE, whole(size=(8,))):
            message = refused(tmp_path, options)
            assert "bomb.png: " in message
            assert "make it smaller first" in message


def test_broken_files(tmp_path):
    good = io.BytesIO()
    Image.fromarray(noise(0, 64, 64)).save(good, "JPEG")
    for name, data, words in [
        ("cut.jpg", good.getvalue()[:-200], "cut.jpg: damaged picture (image file is truncated"),
        ("cut.png", png(6, 6), "cut.png: damaged picture"),
        ("empty.png", b"", "empty.png: not a picture in a supported format"),
        ("text.png", b"no picture", "text.png: not a picture in a supported format (PNG, JPEG, WEBP, GIF, BMP, TIFF)"),
        ("none.png", png(0, 6), "none.png"),
    ]:
        path = tmp_path / name
        path.write_bytes(data)
        assert words in refused(tmp_path, whole(size=(8,)))
        path.unlink()
    save(tmp_path / "tga.png", noise(0), format="TGA")  # a kind that is not asked for is not decoded
    assert "in a supported format" in refused(tmp_path)


def test_sizes(tmp_path):
    save(tmp_path / "a.png", noise(0, 20, 40))
    save(tmp_path / "b.png", noise(1, 40, 20))
    assert only(tmp_path, whole()).x.shape == (2, 20, 20, 3)  # tests/image/test_usual_size.py
    assert only(tmp_path, whole(size=(8,))).x.shape == (2, 8, 8, 3)
    assert only(tmp_path, whole(size=(4, 10))).x.shape == (2, 4, 10, 3)


def test_the_centre_is_cut_out(tmp_path):
    x = np.zeros((10, 30, 3), np.uint8)
    x[:, 10:20] = 255
    path = save(tmp_path / "x.png", x)
    assert (only(path, whole(size=(5,))).x == 255).all()
    squeezed = only(path, whole(size=(5,), crop="none")).x[0, 0, :, 0]
    assert squeezed[0] == 0
    assert 240 < squeezed[2] < 255  # the triangle reaches a little into the black
    tall = save(tmp_path / "tall.png", x.swapaxes(0, 1))
    assert (read_picture(tall, 5, 5, 1) == 255).all()
    assert read_picture(tall, 5, 5, 3, Fitting("none")).shape == (5, 5, 3)
    assert read_picture(path, 10, 16, 1)[0, :, 0].tolist() == [0, 0, 0, *[255] * 10, 0, 0, 0]  # to whole pixels


def test_plain_is_tensorflows_interpolation():
    x = np.eye(5, dtype=np.uint8)[..., None] * 255
    third = 255 / 3  # the example in the documentation of tf.image.resize, times 255
    wanted = np.array([[2 * third, third, 0, 0, 0], [0, 0, 255, 0, 0], [0, 0, 0, third, 2 * third]])
    assert np.array_equal(pixels.between(x, 3, 5)[..., 0], wanted)
    random = np.random.default_rng(0)
    for old, new in [((28, 28), (16, 16)), ((7, 5), (3, 11)), ((6, 9), (6, 2)), ((1, 4), (3, 1)), ((40, 9), (5, 9))]:
        x = random.integers(0, 256, (*old, 3), dtype=np.uint8)
        torchs = torch.nn.functional.interpolate(  # another's, with the same centres
            torch.from_numpy(x).double().permute(2, 0, 1)[None], new, mode="bilinear", align_corners=False
        )[0].permute(1, 2, 0)
        assert np.array_equal(pixels.between(x, *new), (torchs.numpy() + 1e-9).astype(np.uint8))
    assert (pixels.between(np.full((31, 17, 1), 201, np.uint8), 12, 13) == 201).all()


def test_how_pictures_shrink(tmp_path):
    x = np.zeros((8, 8, 3), np.uint8)
    x[:, 3::4] = 240  # lines: the mean keeps them as grey, the nearest or the four around take them or leave them
    path = save(tmp_path / "x.png", x)
    rows = {how: only(path, whole(size=(2,), resample=how)).x[0, 0, :, 0] for how in ("smooth", "plain", "nearest")}
    assert rows["plain"].tolist() == [0, 0]
    assert rows["nearest"].tolist() == [0, 0]
    assert (rows["smooth"] > 20).all()
    assert only(path, whole(size=(8, 4), crop="none", resample="nearest")).x[0, 0, :, 0].tolist() == [0, 240, 0, 240]
    assert only(path, whole(size=(8, 4), crop="none", resample="plain")).x[0, 0, :, 0].tolist() == [0, 120, 0, 120]
    grey = save(tmp_path / "grey.png", noise(0, 9, 9, channels=1))
    assert np.array_equal(
        read_picture(grey, 4, 4, 1, Fitting("none", "plain")),
        pixels.between(noise(0, 9, 9, channels=1)[..., None], 4, 4),
    )
    assert read_picture(grey, 4, 4, 3, Fitting("none", "plain")).shape == (4, 4, 3)


def test_read_picture_refuses_in_one_line(tmp_path):
    path = save(tmp_path / "x.png", noise(0))
    (tmp_path / "text.png").write_text("text")
    for arguments, words in [
        ((tmp_path / "none.png", 6, 6, 3), "none.png: no such picture: check the path"),
        ((tmp_path / "text.png", 6, 6, 3), "text.png: not a picture"),
        ((tmp_path, 6, 6, 3), "not a file; expected a picture"),
        ((path, 6, 6, 2), "give 1 or 3"),
        ((path, 0, 6, 3), "give 1 to 4096"),
    ]:
        with pytest.raises(UserError) as caught:
            read_picture(*arguments)
        assert words in str(caught.value)
        assert "\n" not in str(caught.value)


def test_too_wide_as_it_is(tmp_path):
    save(tmp_path / "x.png", np.zeros((1, 4097), np.uint8))
    assert only(tmp_path, whole()).x.shape == (1, 1, 64, 1)
    assert only(tmp_path, whole(size=(2,))).x.shape == (1, 2, 2, 1)


def test_room_is_checked_before_it_is_taken(folder, monkeypatch):
    monkeypatch.setattr(pixels, "MOST", 30 * 6 * 6 * 3 - 1)
    monkeypatch.setattr(picture, "read_pixels", lambda *_: pytest.fail("decoded"))
    assert "30 pictures of 6 × 6 × 3 take" in refused(folder)
    assert "digits: 1,437 pictures of 4096 × 4096 × 1 take 22.5 GiB of memory, more than" in refused(
        "digits", (ImageOptions(size=(4096,)), None)
    )


def test_folders_without_pictures(tmp_path):
    assert "no files; expected *.png, " in refused(tmp_path)
    (tmp_path / "a.txt").write_text("text")
    save(tmp_path / ".hidden.png", noise(0))
    save(tmp_path / ".hidden" / "x.png", noise(0))
    assert "only other files (1 × .txt); expected *.png, " in refused(tmp_path)
    save(tmp_path / "x.png", noise(1))
    gallery = open_gallery(tmp_path, *WHOLE)
    assert gallery.splits["train"].names == ["x.png"]
    assert gallery.note == "Left out: 1 × .txt."


def test_too_few(tmp_path):
    path = save(tmp_path / "x.png", noise(0))
    save(tmp_path / "copy.png", noise(0))
    assert "too few distinct pictures" in refused(path, (None, None))
    message = refused(tmp_path, (None, None))
    assert "too few distinct pictures (of 2) for a train split: give more" in message
    assert "set --data.validation and --data.test to 0" in message
    for i in (1, 2):
        save(tmp_path / f"{i}.png", noise(i))
    assert set(open_gallery(tmp_path).splits) == {"train", "validation", "test"}
    assert set(open_gallery(tmp_path, None, DataOptions(test=0)).splits) == {"train", "validation"}


def test_colour_cannot_be_binarised(folder):
    assert "is for grey ones: give --image.colour grey" in refused(folder, whole(binarise="fixed"))
    part = only(folder, whole(binarise="fixed", colour="grey"))
    assert set(np.unique(part.x)) == {0, 255}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"size": (0,)}, "--image.size is 0; expected height and width"),
        ({"size": (8, -1)}, "--image.size is 8 -1"),
        ({"size": (8, 8, 3)}, "--image.size is 8 8 3"),
        ({"size": (5000,)}, "from 1 to 4096"),
        ({"levels": 1}, "--image.levels is 1; expected 2 to 256"),
        ({"levels": 257}, "--image.levels is 257"),
        ({"levels": 4, "binarise": "fixed"}, "--image.binarise fixed means 2"),
        ({"colour": "rgb", "binarise": "epoch"}, "is for grey pictures"),
        ({"maps": "x", "map_size": (0,)}, "--image.map-size is 0; expected height and width"),
        ({"map_size": (8,)}, "--image.map-size was given without maps"),
        ({"map_colour": "rgb"}, "--image.map-colour was given without maps"),
        ({"labels": "x.csv", "given": False}, "--image.given=false turns labels off"),
        ({"validation": 1.0}, "--data.validation is 1.0"),
        ({"test": -0.1}, "--data.test is -0.1"),
        ({"test": 0.5, "validation": 0.5}, "leave nothing to train on"),
        ({"seed": -1}, "--data.seed is -1"),
        ({"limit": 0}, "--data.limit is 0"),
    ],
)
def test_options_that_make_no_sense(options, words):
    with pytest.raises(UserError) as caught:
        whole(**options)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_options_mean():
    assert ImageOptions().alphabet == 256
    assert ImageOptions(levels=4).alphabet == 4
    assert ImageOptions(binarise="epoch").alphabet == 2
    assert ImageOptions().sides is None
    assert ImageOptions(size=(3,)).sides == (3, 3)
    assert ImageOptions(size=(3, 4)).sides == (3, 4)


def test_what_is_pictures(folder, tmp_path):
    assert surely(folder)
    assert surely(folder / "a" / "00.png")
    (folder / "notes.txt").write_text("text")
    assert surely(folder)
    mixed = tmp_path / "mixed"
    save(mixed / "cover.JPG", noise(0))
    (mixed / "poem.txt").write_text("text")
    assert not surely(mixed)
    assert not surely(mixed / "poem.txt")
    assert not surely(tmp_path / "none.png")
    assert not surely("")
    assert not surely("-")


def test_a_path_that_exists_wins_over_a_name(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder.rename(tmp_path / "mnist")
    assert surely("mnist")
    assert sum(len(part.x) for part in open_gallery("mnist").splits.values()) == 30
    assert "no such file or folder: check the path" in refused("no/such")
    assert "not a folder, picture or named data set" in refused("nosuch")
    assert "not a folder, picture or named data set" in refused("")


def test_an_array_of_pictures_is_known_without_its_kind() -> None:
    record, verdict = kind_of(np.zeros((3, 4, 4, 1), np.uint8))
    assert (record.name, verdict.certainty) == ("image", Certainty.YES)
