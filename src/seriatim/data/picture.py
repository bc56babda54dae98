"""Reading a picture file: its header without decoding, its pixels, and a message for every failure."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from seriatim.data.fitting import WIDEST, Fitting
from seriatim.data.pixels import Pixels, fit, to_array
from seriatim.errors import UserError

LARGEST = 64_000_000
"""Most pixels of a picture before it is cropped or resized."""

_FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
_DARK = 1 << 12  # a 16-bit picture without a value from here on holds fewer bits, as those of many instruments
_ORIENTATION = 0x0112  # the EXIF tag: how the picture must be rotated to be upright
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class Header(NamedTuple):
    """Size and colour of a picture, upright."""

    height: int
    width: int
    channels: int
    """1 if grey, else 3."""


def read_header(path: Path, name: str) -> Header:
    """Size and colour of a picture, without decoding it."""
    with _opened(path, name) as image:
        width, height = image.size
        if _orientation(image) >= 5:
            width, height = height, width
        return Header(height, width, 1 if _is_grey(image) else 3)


def read_pixels(
    path: Path, name: str, channels: int, sides: tuple[int, int] | None, how: Fitting, remarks: Counter[str]
) -> Pixels:
    """(H, W, channels) of a picture, upright, on white if transparent; conversions are counted as remarks."""
    with _opened(path, name) as image:
        deep = ";16" in _raw_mode(image)  # known before the picture is decoded only
        image.load()
        upright = _UPRIGHT.get(_orientation(image))
        plain = _plain(image, channels, name, deep, remarks)
        turned = plain if upright is None else plain.transpose(upright)
        return to_array(turned if sides is None else fit(turned, *sides, how))


def read_picture(path: Path, height: int, width: int, channels: int, how: Fitting) -> Pixels:
    """One file as (height, width, channels), to score, to complete or as a condition."""
    if channels not in (1, 3):
        raise UserError(f"{path}: pictures cannot be read with {channels} channels: give 1 or 3")
    if not (1 <= height <= WIDEST and 1 <= width <= WIDEST):
        raise UserError(f"{path}: pictures cannot be read in {height} × {width}: give 1 to {WIDEST}")
    return read_pixels(path, str(path), channels, (height, width), how, Counter())


@contextmanager
def _opened(path: Path, name: str) -> Generator[Image.Image]:
    """An open picture whose header passed the checks."""
    try:
        if path.exists() and not path.is_file():  # reading a pipe would block
            raise UserError(f"{name}: not a file; expected a picture: check the path")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, about large pictures and odd tags
            with Image.open(path, formats=_FORMATS) as image:
                _check(image, name)
                yield image
    except UserError:
        raise
    except Image.DecompressionBombError:
        raise UserError(f"{name}: more than {LARGEST:,} pixels: make it smaller first") from None
    except FileNotFoundError:
        raise UserError(f"{name}: no such picture: check the path") from None
    except PermissionError:
        raise UserError(f"{name}: permission denied: change its permissions or remove it") from None
    except Image.UnidentifiedImageError:
        kinds = ", ".join(_FORMATS)
        raise UserError(
            f"{name}: not a picture in a supported format ({kinds}): remove it, or save it as PNG"
        ) from None
    except Exception as error:  # Pillow raises anything on a damaged file
        reason = " ".join(str(error).split())
        raise UserError(f"{name}: damaged picture ({reason}): replace or remove it") from None


def _check(image: Image.Image, name: str) -> None:
    width, height = image.size
    if width * height > LARGEST:
        raise UserError(f"{name}: {height} × {width} is more than {LARGEST:,} pixels: make it smaller first")
    if width * height == 0:
        raise UserError(f"{name}: {height} × {width} pixels: remove it")
    # Photographs of some phones are MPO files: a JPEG followed by a preview or a second view.
    if image.format != "MPO" and getattr(image, "is_animated", False):
        pages = image.format == "TIFF"
        kind, part = ("a file of several pages", "pages") if pages else ("an animation", "frames")
        advice = "remove it" if pages else "remove it, or give --kind video"
        raise UserError(f"{name}: {kind}; expected a still picture: save one of its {part} as PNG, or {advice}")


def _orientation(image: Image.Image) -> int:
    if image.format == "PNG" and "exif" not in image.info:
        return 1  # Pillow would decode the picture to find out
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # damaged metadata does not matter
        return 1


def _is_grey(image: Image.Image) -> bool:
    if image.mode in ("P", "PA"):
        palette = np.array(image.getpalette("RGB") or [0, 1, 2]).reshape(-1, 3)
        return bool((palette == palette[:, :1]).all())
    return image.mode in ("1", "L", "LA", "La") or image.mode.startswith("I") or _raw_mode(image).startswith("LA;")


def _raw_mode(image: Image.Image) -> str:
    """How values lie in the file: "RGB;16B"."""
    tiles: Any = getattr(image, "tile", None)  # of images that came from a file
    arguments = tiles[0][3] if tiles else ""
    return str(arguments[0]) if isinstance(arguments, tuple) and arguments else str(arguments)


def _plain(image: Image.Image, channels: int, name: str, deep: bool, remarks: Counter[str]) -> Image.Image:
    """Convert any mode to 8-bit grey or RGB; `deep`: it has 16 bits in the file, of which Pillow keeps 8 in colour."""
    if image.mode == "F":
        raise UserError(f"{name}: floating-point values; expected whole numbers: save it with 8 or 16 bits")
    clear: Any = image.info.get("transparency")
    if image.mode.startswith("I"):
        deep, values = True, np.asarray(image).astype(np.int64)
        most = int(values.max())
        if isinstance(clear, int) and (values == clear).any():
            remarks["had transparency and were put on white"] += 1
            values = np.where(values == clear, 65535, values)
        image = Image.fromarray(((values.clip(0, 65535) + 128) // 257).astype(np.uint8))
    elif deep:
        if isinstance(clear, tuple):  # Pillow would compare its 16 bits with the 8 that are left
            raise UserError(f"{name}: 16 bits and a transparent colour: save it with an alpha channel, or with 8 bits")
        most = 256 * int(to_array(image.convert("RGB")).max()) + 255
    else:
        most = 65535
    if deep:
        remarks["had 16 bits and were reduced to 8"] += 1
    if most < _DARK:
        remarks[f"had 16 bits but no value above {_DARK - 1}, and are nearly black: scale them first"] += 1
    if image.has_transparency_data:
        over = image.convert("RGBA")
        if to_array(over.getchannel("A")).min() < 255:
            remarks["had transparency and were put on white"] += 1
        image = Image.alpha_composite(Image.new("RGBA", over.size, "white"), over).convert("RGB")
    if image.mode == "CMYK":
        remarks["were CMYK and were converted to RGB without a colour profile"] += 1
        image = image.convert("RGB")
    return image.convert("L" if channels == 1 else "RGB")
