"""Partners of pictures: each is found by its path, read once, and stays with it; what does not fit is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dividing import divided
from seriatim.data import pixels
from seriatim.data.options import DataOptions
from seriatim.errors import UserError
from seriatim.image.data.opening import open_gallery
from seriatim.image.options import ImageOptions
from tiny_pictures import SIZE, folder_of, map_of, maps_of, picture


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return folder_of(tmp_path)


@pytest.fixture
def maps(folder: Path) -> Path:
    return maps_of(folder)


def options(maps: Path, **others: Any) -> tuple[ImageOptions, DataOptions]:
    own, division = divided(others)
    return ImageOptions(maps=str(maps), **own), division


def refused(folder: Path, chosen: tuple[ImageOptions, DataOptions]) -> str:
    with pytest.raises(UserError) as caught:
        open_gallery(folder, *chosen)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("limit", [None, 40])
def test_each_stays_with_its_picture(folder: Path, maps: Path, limit: int | None) -> None:
    gallery = open_gallery(folder, *options(maps, limit=limit))
    assert sum(len(part.x) for part in gallery.splits.values()) == (limit or 60)
    for part in gallery.splits.values():
        assert part.maps is not None
        assert part.maps.shape == (len(part.x), 3, 3, 3)
        for x, partner, name in zip(part.x, part.maps, part.names, strict=True):
            number = int(Path(name).stem)
            assert np.array_equal(x, picture(number))
            assert np.array_equal(partner, map_of(number))


def test_pictures_split_as_they_do_without_maps_which_are_part_of_the_fingerprint(folder: Path, maps: Path) -> None:
    bare, whole = open_gallery(folder), open_gallery(folder, *options(maps))
    assert [part.names for part in bare.splits.values()] == [part.names for part in whole.splits.values()]
    assert all(part.maps is None for part in bare.splits.values())
    assert bare.fingerprint != whole.fingerprint == open_gallery(folder, *options(maps)).fingerprint
    Image.fromarray(map_of(99)).save(maps / "down" / "000.bmp")
    assert open_gallery(folder, *options(maps)).fingerprint != whole.fingerprint


def test_size_and_colour_of_maps_are_their_own(folder: Path, maps: Path) -> None:
    chosen = options(maps, size=(4,), map_size=(2, 5), map_colour="grey", binarise="fixed", colour="grey")
    part = open_gallery(folder, *chosen).splits["train"]
    assert part.x.shape[1:] == (4, 4, 1)
    assert set(np.unique(part.x)) == {0, 255}
    assert part.maps is not None
    assert part.maps.shape[1:] == (2, 5, 1)
    assert len(np.unique(part.maps)) > 10
    same = open_gallery(folder, *options(folder)).splits["train"]
    assert same.maps is not None
    assert np.array_equal(same.maps, same.x)
    assert same.maps.shape[1:] == (*SIZE, 1)


def test_what_belongs_to_no_picture_is_left_out_and_said(folder: Path, maps: Path) -> None:
    Image.fromarray(map_of(0)).save(maps / "spare.png")
    (maps / "notes.txt").write_text("text")
    assert "1 maps belong to no picture." in open_gallery(folder, *options(maps)).note


def test_one_picture_has_its_map(folder: Path, maps: Path) -> None:
    part = open_gallery(folder / "down" / "004.png", *options(maps / "down", validation=0, test=0)).splits["train"]
    assert part.maps is not None
    assert np.array_equal(part.maps[0], map_of(4))


def test_what_is_wrong_is_said_in_one_line(folder: Path, maps: Path) -> None:
    assert "not a folder; --image.maps needs one" in refused(folder, options(maps / "none"))
    assert "not a folder" in refused(folder, options(maps / "down" / "000.bmp"))
    (maps / "down" / "002.bmp").rename(maps / "spare.bmp")
    said = refused(folder, options(maps))
    assert "no map for 1 of 60 pictures, such as 'down/002.png': put down/002.png (or .jpg," in said
    Image.fromarray(map_of(2)).save(maps / "down" / "002.PNG")
    Image.fromarray(map_of(2)).save(maps / "down" / "002.webp", lossless=True)
    assert "'down/002.PNG' and 'down/002.webp' are maps of the same picture" in refused(folder, options(maps))
    (maps / "down" / "002.webp").unlink()
    Image.fromarray(map_of(2)[:2]).save(maps / "down" / "002.PNG")
    assert "give one size for all, e.g. --image.map-size" in refused(folder, options(maps))
    assert open_gallery(folder, *options(maps, map_size=(2,))).splits
    (maps / "down" / "002.PNG").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(20))
    assert "002.PNG: " in refused(folder, options(maps, map_size=(2,)))
    with pytest.raises(UserError, match="digits is not a folder of files"):
        open_gallery("digits", *options(maps))


def test_room_for_maps_is_checked_before_it_is_taken(folder: Path, maps: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixels, "MOST", 60 * 3 * 3 * 3 * 99)
    assert open_gallery(folder, *options(maps)).splits
    said = refused(folder, options(maps, map_size=(30,)))
    assert "60 pictures of 30 × 30 × 3 take" in said
    assert "give a smaller --image.map-size" in said
