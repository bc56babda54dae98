"""Pictures of 16 bits: what is left of them in 8 is worked out by hand, and what is lost is told."""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from seriatim.data.fitting import Fitting
from seriatim.data.picture import read_header, read_pixels
from seriatim.errors import UserError

GREY, RGB, GREY_ALPHA, RGBA = 0, 2, 4, 6  # PNG's numbers
VALUES = np.array([[7, 257 * 100], [65535, 257 * 200]])
REDUCED = "had 16 bits and were reduced to 8"
ON_WHITE = "had transparency and were put on white"


def png(path: Path, x: NDArray[Any], colour: int, clear: bytes = b"") -> Path:
    """A PNG of 16 bits, which Pillow does not write in every colour."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in x)
    head = struct.pack(">IIBBBBB", x.shape[1], x.shape[0], 16, colour, 0, 0, 0)
    parts = [chunk(b"IHDR", head), chunk(b"tRNS", clear) if clear else b"", chunk(b"IDAT", zlib.compress(rows))]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join([*parts, chunk(b"IEND", b"")]))
    return path


def read(path: Path) -> tuple[list[Any], dict[str, int]]:
    """The first channel, and the remarks."""
    remarks: Counter[str] = Counter()
    x = read_pixels(path, path.name, read_header(path, path.name).channels, None, Fitting(), remarks)
    return x[..., 0].tolist(), dict(remarks)


def test_what_is_lost_is_told(tmp_path: Path) -> None:
    assert read(png(tmp_path / "grey.png", VALUES, GREY)) == ([[0, 100], [255, 200]], {REDUCED: 1})
    colour = png(tmp_path / "rgb.png", np.stack([VALUES] * 3, -1), RGB)
    assert read(colour) == ([[0, 100], [255, 200]], {REDUCED: 1})
    assert read_header(colour, "x").channels == 3
    Image.fromarray(VALUES.astype(np.uint16)).save(tmp_path / "grey.tif")
    assert read(tmp_path / "grey.tif") == ([[0, 100], [255, 200]], {REDUCED: 1})


def test_what_is_transparent_stands_on_white(tmp_path: Path) -> None:
    both = {REDUCED: 1, ON_WHITE: 1}
    assert read(png(tmp_path / "a.png", VALUES, GREY, struct.pack(">H", 7))) == ([[255, 100], [255, 200]], both)
    # a colour that does not occur
    assert read(png(tmp_path / "b.png", VALUES, GREY, struct.pack(">H", 8))) == ([[0, 100], [255, 200]], {REDUCED: 1})
    alpha = np.array([[0, 65535], [65535, 65535]])
    path = png(tmp_path / "c.png", np.stack([VALUES, alpha], -1), GREY_ALPHA)
    assert read_header(path, "c").channels == 1
    assert read(path) == ([[255, 100], [255, 200]], both)
    path = png(tmp_path / "d.png", np.stack([VALUES] * 3 + [alpha], -1), RGBA)
    assert read(path) == ([[255, 100], [255, 200]], both)
    with pytest.raises(UserError, match="16 bits and a transparent colour: save it with an alpha channel"):
        read(png(tmp_path / "e.png", np.stack([VALUES] * 3, -1), RGB, struct.pack(">HHH", 7, 7, 7)))


def test_twelve_bits_in_sixteen_are_told(tmp_path: Path) -> None:
    dark = "had 16 bits but no value above 4095, and are nearly black: scale them first"
    values = np.array([[0, 4095], [2570, 257]])
    assert read(png(tmp_path / "a.png", values, GREY)) == ([[0, 16], [10, 1]], {REDUCED: 1, dark: 1})
    assert read(png(tmp_path / "b.png", np.stack([values] * 3, -1), RGB))[1] == {REDUCED: 1, dark: 1}
    assert read(png(tmp_path / "c.png", values + 1, GREY))[1] == {REDUCED: 1}
    Image.fromarray(np.zeros((2, 2), np.uint8)).save(tmp_path / "black.png")
    assert read(tmp_path / "black.png") == ([[0, 0], [0, 0]], {})


def test_other_kinds_of_tiff_are_refused(tmp_path: Path) -> None:
    Image.fromarray(np.full((2, 2), 0.5, np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(UserError, match=r"a\.tif: floating-point values; expected whole numbers"):
        read(tmp_path / "a.tif")
    page = Image.new("L", (2, 2))
    page.save(tmp_path / "b.tif", save_all=True, append_images=[page])
    with pytest.raises(UserError, match=r"b\.tif: a file of several pages; .* save one of its pages as PNG"):
        read(tmp_path / "b.tif")
