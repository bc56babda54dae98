"""Films as files: animations, and sheets with a row for each film."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from seriatim.data.arrays import UInt8
from seriatim.drawing.sheets import grid, image, magnification, save
from seriatim.errors import UserError

ANIMATED = (".gif", ".webp", ".apng")
"""Suffixes of animations that Pillow writes."""
ENCODED = (".mp4", ".mkv", ".webm", ".mov")
"""Suffixes of films, for which the extra `video` is needed."""
STILL = (".png", ".jpg", ".jpeg", ".bmp")
"""Suffixes of sheets."""

_RATE = 10.0  # frames per second of films that have none
_FRAME = 2  # pixels of the border around given frames
_SMALL = 480  # an animation is magnified by a whole number up to about this many pixels across
_GIVEN, _DRAWN = (
    (60, 120, 220),
    (225, 225, 225),
)  # the colours of borders around frames that are given, and that are not


def check_suffix(path: Path) -> None:
    """Refuse a file that films cannot be written to, before any is drawn.

    Raises:
        UserError: with the suffixes that there are.
    """
    suffix = path.suffix.lower()
    if suffix not in (*ANIMATED, *ENCODED, *STILL):
        raise UserError(f"{path}: films are written to .gif, .mp4 or another film format, or as a sheet to .png")
    if suffix in ENCODED and importlib.util.find_spec("av") is None:
        raise UserError(f"{path}: to write {suffix}, pip install 'seriatim[video]'; or write to .gif")


def sheet(x: UInt8, known: Sequence[int], most: int = 20) -> UInt8:
    """Films (N, T, H, W, C) as one picture: a row each, given frames in a blue border, the others in a light one.

    Args:
        x: the films.
        known: frames that are given, of each film.
        most: frames shown; of longer films evenly spaced ones.
    """
    n, frames, height, width, channels = x.shape
    shown = np.unique(np.linspace(0, frames - 1, min(frames, most)).astype(int))
    cells = np.zeros((n, len(shown), height + 2 * _FRAME, width + 2 * _FRAME, 3), np.uint8)
    for row, count in enumerate(known):
        for column, frame in enumerate(shown):
            cells[row, column] = _GIVEN if frame < count else _DRAWN
    cells[:, :, _FRAME:-_FRAME, _FRAME:-_FRAME] = x[:, shown] if channels == 3 else np.repeat(x[:, shown], 3, -1)
    return grid(cells.reshape(-1, *cells.shape[2:]), len(shown))


def save_films(
    x: UInt8, path: Path, known: Sequence[int] = (), rate: float = 0.0, columns: int = 8, seeds: Sequence[int] = ()
) -> None:
    """Save films (N, T, H, W, C): as a sheet (.png), or side by side as an animation (.gif) or a film (.mp4).

    Args:
        x: the films; 1 or 3 channels.
        path: the suffix determines the format.
        known: frames of each film that are given: they have a blue border. Default: none, and no borders in a film.
        rate: frames per second. Default: 10.
        columns: films per row of an animation.
        seeds: of the films; PNG files keep them.

    Raises:
        UserError: for another suffix, other channels, or if the file cannot be written.
    """
    check_suffix(path)
    if x.shape[-1] not in (1, 3):
        raise UserError(f"films with {x.shape[-1]} channels cannot be saved; use the array in Python")
    counts = list(known) or [0] * len(x)
    if path.suffix.lower() in STILL:
        whole = sheet(x, counts)
        save(whole, path, max(1, magnification(whole.shape[1])), seeds)
        return
    frames = [
        _side_by_side(x[:, t], [t < count for count in counts] if known else [], columns) for t in range(x.shape[1])
    ]
    magnify = max(1, _SMALL // frames[0].shape[1])
    shown = [image(frame, magnify) for frame in frames]
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix.lower() in ENCODED:
        _encode(shown, path, rate or _RATE)
        return
    times = [max(20, round(1000 / (rate or _RATE)))] * len(shown)
    try:
        shown[0].save(path, save_all=True, append_images=shown[1:], duration=times, loop=0)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error}); write elsewhere") from None


def heat(x: NDArray[np.float64], most: float) -> UInt8:
    """Numbers (T, H, W) from 0 to `most` as colours (T, H, W, 3): black, red, yellow, white."""
    share = np.clip(x / max(most, 1e-9), 0, 1)[..., None] * 3 - np.arange(3)
    return np.rint(np.clip(share, 0, 1) * 255).astype(np.uint8)


def save_compared(real: UInt8, drawn: UInt8, known: int, stem: Path, rate: float = 0.0) -> None:
    """Write a sheet and an animation of real films above those that were drawn from their first `known` frames.

    Args:
        real: (N, T, H, W, C).
        drawn: (N, T, H, W, C).
        known: frames given.
        stem: path without a suffix; .png and .gif are added.
        rate: frames per second. Default: 10.
    """
    pairs = np.stack([real, drawn], 1).reshape(-1, *real.shape[1:])
    save_films(pairs, stem.with_suffix(".png"), [real.shape[1], known] * len(real), rate)
    rows = np.concatenate([real, drawn])
    save_films(rows, stem.with_suffix(".gif"), [real.shape[1]] * len(real) + [known] * len(real), rate, len(real))


def _side_by_side(x: UInt8, given: Sequence[bool], columns: int) -> UInt8:
    """Frames (N, H, W, C) of one moment as one picture."""
    if not given:
        return grid(x, columns)
    wide = np.pad(x if x.shape[-1] == 3 else np.repeat(x, 3, -1), ((0, 0), (_FRAME, _FRAME), (_FRAME, _FRAME), (0, 0)))
    inside = np.zeros(wide.shape[1:3], bool)
    inside[_FRAME:-_FRAME, _FRAME:-_FRAME] = True
    for cell, known in zip(wide, given, strict=True):
        cell[~inside] = _GIVEN if known else _DRAWN
    return grid(wide, columns)


def _encode(frames: Sequence[Image.Image], path: Path, rate: float) -> None:
    """Write a film with PyAV."""
    from fractions import Fraction

    import av
    from av.error import FFmpegError

    width, height = (side + side % 2 for side in frames[0].size)  # most codecs want even sides
    codec = {".webm": "libvpx-vp9"}.get(path.suffix.lower(), "libx264")
    try:
        with av.open(str(path), "w") as out:
            stream: Any = out.add_stream(codec, rate=Fraction(rate).limit_denominator(1000))
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            stream.options = {"crf": "12"}
            for frame in frames:
                whole = Image.new("RGB", (width, height))
                whole.paste(frame)
                for packet in stream.encode(av.VideoFrame.from_image(whole)):
                    out.mux(packet)
            for packet in stream.encode():
                out.mux(packet)
    except (OSError, ValueError, FFmpegError) as error:
        with suppress(OSError):  # it may be a folder
            path.unlink()
        raise UserError(f"{path}: cannot be written ({error}); write to .gif, or elsewhere") from None
