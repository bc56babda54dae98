"""Picture files: grids, single pictures, and animations of sampling pixel by pixel."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from seriatim.data.arrays import UInt8
from seriatim.errors import UserError

_TEXT, _STRIP, _LONGEST = 10, 14, 40  # the size of names, the height of their strip, and their most letters
_SMALL = 600  # a grid is magnified by a whole number up to about this many pixels across
_LARGEST = 10**8  # pixels of a sheet before it is magnified


def fits(n: int, shape: tuple[int, int, int], advice: str) -> None:
    """Refuse a sheet that would be too large, before its pictures are drawn.

    Args:
        n: number of pictures.
        shape: (height, width, channels) of each.
        advice: what to give instead.

    Raises:
        UserError: with the most that there may be.
    """
    most = max(1, _LARGEST // (shape[0] * shape[1]))
    if n > most:
        raise UserError(
            f"{n:,} pictures of {shape[0]} × {shape[1]} are too many for a sheet, which holds {most:,}; give {advice}"
        )


def grid(x: UInt8, columns: int = 8, gap: int = 1) -> UInt8:
    """Pictures (N, H, W, C) side by side in rows of `columns`, as one (H', W', C)."""
    n, height, width, channels = x.shape
    columns = min(columns, n)
    rows = -(-n // columns)
    sheet = np.full((rows * (height + gap) - gap, columns * (width + gap) - gap, channels), 128, np.uint8)
    for i, picture in enumerate(x):
        top, left = (i // columns) * (height + gap), (i % columns) * (width + gap)
        sheet[top : top + height, left : left + width] = picture
    return sheet


def alike(rows: Sequence[UInt8], size: tuple[int, int]) -> list[UInt8]:
    """Pictures (N, h, w, 1 or 3) of several kinds in one size (nearest neighbour) and one colour."""
    channels = max(row.shape[-1] for row in rows)
    found: list[UInt8] = []
    for x in rows:
        down, across = (np.arange(n) * old // n for n, old in zip(size, x.shape[1:3], strict=True))
        x = x[:, down][:, :, across]
        found.append(np.repeat(x, channels, -1) if x.shape[-1] < channels else x)
    return found


def image(x: UInt8, magnify: int = 1) -> Image.Image:
    """(H, W, C) as a Pillow image, magnified `magnify` times.

    Raises:
        UserError: for other than 1 or 3 channels.
    """
    if x.shape[-1] not in (1, 3):
        raise UserError(f"pictures with {x.shape[-1]} channels cannot be saved as PNG; use the array in Python")
    shown = Image.fromarray(x[..., 0] if x.shape[-1] == 1 else x)
    return shown.resize((shown.width * magnify, shown.height * magnify), Image.Resampling.NEAREST)


def magnification(width: int) -> int:
    """The magnification at which the pixels of a sheet of this width are visible."""
    return max(1, _SMALL // width)


def save(x: UInt8, path: Path, magnify: int = 1, seeds: Sequence[int] = ()) -> None:
    """Save one picture; the suffix determines the format (PNG, GIF, WebP, …).

    seeds: of the pictures in it, in order; PNG files keep them as the text "seeds".

    Raises:
        UserError: if Pillow does not know the suffix, or the file cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    about = PngInfo()
    if seeds:
        about.add_text("seeds", " ".join(map(str, seeds)))
    _write(path, image(x, magnify), **({"pnginfo": about} if path.suffix.lower() == ".png" else {}))


def save_grid(x: UInt8, path: Path, columns: int = 8, names: Sequence[str] = ()) -> None:
    """Save pictures (N, H, W, C) as one sheet; `names`: of its columns, written above them."""
    sheet = grid(x, columns)
    magnify = magnification(sheet.shape[1])
    path.parent.mkdir(parents=True, exist_ok=True)
    _write(path, named(image(sheet, magnify), names, magnify * (x.shape[2] + 1)) if names else image(sheet, magnify))


def named(sheet: Image.Image, names: Sequence[str], step: int) -> Image.Image:
    """A sheet with a name above each column of `step` pixels, as much of it as there is room for."""
    font = ImageFont.load_default(_TEXT)
    out = Image.new(sheet.mode, (sheet.width, sheet.height + _STRIP), "white")
    out.paste(sheet, (0, _STRIP))
    draw = ImageDraw.Draw(out)
    for i, name in enumerate(names):
        shown = "".join(letter if letter.isprintable() else "?" for letter in name[:_LONGEST])
        while shown and font.getlength(shown) > step - 2:
            shown = shown[:-1]
        draw.text((i * step + 1, 1), shown, "black", font)
    return out


def save_animation(
    x: UInt8, path: Path, columns: int = 8, frames: int = 48, order: NDArray[np.int64] | None = None
) -> None:
    """Save an animation of sampling pictures (N, H, W, C); missing pixels are grey. `order`: pixel numbers as drawn."""
    n, height, width, channels = x.shape
    pixels = height * width
    order = np.arange(pixels) if order is None else order
    sheets: list[Image.Image] = []
    for done in np.unique(np.linspace(0, pixels, frames).astype(int)):
        shown = np.full((n, pixels, channels), 128, np.uint8)
        shown[:, order[:done]] = x.reshape(n, pixels, channels)[:, order[:done]]
        sheet = grid(shown.reshape(x.shape), columns)
        sheets.append(image(sheet, magnification(sheet.shape[1])))
    path.parent.mkdir(parents=True, exist_ok=True)
    times = [60] * (len(sheets) - 1) + [1500]
    _write(path, sheets[0], save_all=True, append_images=sheets[1:], duration=times, loop=0)


def _write(path: Path, picture: Image.Image, **options: Any) -> None:
    try:
        picture.save(path, **options)
    except ValueError:
        raise UserError(f"{path}: the suffix {path.suffix!r} is not a picture format; write to .png or .gif") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error}); write elsewhere") from None
