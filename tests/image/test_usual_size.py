"""The size of pictures of which the user has said nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from seriatim.image.data.opening import open_gallery
from seriatim.image.options import ImageOptions


def folder(place: Path, sizes: list[tuple[int, int]]) -> Path:
    """Pictures of these heights and widths, twenty in all."""
    chance = np.random.default_rng(0)
    for i in range(20):
        height, width = sizes[i % len(sizes)]
        pixels = chance.integers(0, 255, (height, width, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(place / f"{i}.png")
    return place


@pytest.mark.parametrize(
    ("sizes", "shape", "said"),
    [
        ([(24, 32)], (24, 32), ""),
        ([(64, 64)], (64, 64), ""),
        ([(256, 256)], (64, 64), "20 of 20 pictures are shrunk from 256 × 256 to 64 × 64 (--image.size chooses)."),
        ([(100, 200)], (32, 64), "20 of 20 pictures are shrunk from 100 × 200 to 32 × 64 (--image.size chooses)."),
        ([(30, 40), (20, 90)], (25, 25), "20 of 20 pictures are cropped and resized to 25 × 25: their sizes are "
         "30 × 40 to 20 × 90 (--image.size chooses)."),
        ([(100, 200), (300, 300)], (64, 64), "20 of 20 pictures are cropped and resized to 64 × 64: their sizes are "
         "100 × 200 to 300 × 300 (--image.size chooses)."),
    ],
)  # fmt: skip
def test_large_and_uneven_pictures_are_made_small_and_even_and_it_is_said(
    sizes: list[tuple[int, int]], shape: tuple[int, int], said: str, tmp_path: Path
) -> None:
    gallery = open_gallery(folder(tmp_path, sizes))
    assert gallery.splits["train"].x.shape[1:] == (*shape, 3)
    assert gallery.note == said


def test_a_size_that_is_given_is_taken(tmp_path: Path) -> None:
    gallery = open_gallery(folder(tmp_path, [(80, 80)]), ImageOptions(size=(80,)))
    assert gallery.splits["train"].x.shape[1:] == (80, 80, 3)
    assert gallery.note == ""
