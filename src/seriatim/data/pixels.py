"""Pictures as 8-bit arrays (height, width, channels): colour and size."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from seriatim.data.fitting import Fitting
from seriatim.errors import UserError

Pixels = NDArray[np.uint8]

MOST = 8 << 30
"""Most memory for the pictures of a data set, in bytes."""


def check_room(count: int, height: int, width: int, channels: int, name: str, option: str = "size") -> None:
    """Refuse pictures that would not fit into memory, before allocating it."""
    if (size := count * height * width * channels) > MOST:
        raise UserError(
            f"{name}: {count:,} pictures of {height} × {width} × {channels} take {size / 2**30:.1f} GiB of memory, "
            f"more than the limit of {MOST / 2**30:g}: give a smaller --image.{option} or --data.limit"
        )


def fit(image: Image.Image, height: int, width: int, how: Fitting) -> Image.Image:
    """Crop and resize a picture (grey or RGB).

    The centre is cropped to the new aspect ratio, in whole pixels. Then, smooth: Pillow's BILINEAR, a triangle filter
    that is as wide as a new pixel when shrinking, to avoid aliasing. Plain: see `between`. Nearest: the value at the
    new pixel's centre (Pillow's NEAREST).
    """
    if image.size == (width, height):
        return image
    if how.crop == "centre":
        across = max(1, min(image.width, round(image.height * width / height)))
        down = max(1, min(image.height, round(image.width * height / width)))
        left, top = (image.width - across) // 2, (image.height - down) // 2
        image = image.crop((left, top, left + across, top + down))
    if how.resample == "plain":
        x = between(to_array(image), height, width)
        return Image.fromarray(x[..., 0] if x.shape[-1] == 1 else x)
    kind = Image.Resampling.BILINEAR if how.resample == "smooth" else Image.Resampling.NEAREST
    return image.resize((width, height), kind)


def between(x: Pixels, height: int, width: int) -> Pixels:
    """Resize (H, W, C) by interpolating between the four nearest pixel centres.

    Equals the default of TensorFlow's tf.image.resize (bilinear, antialias=False, half-pixel centres), rounded down to
    whole numbers. When shrinking by more than half, some pixels are skipped.
    """
    top, bottom, down = _around(x.shape[0], height)
    left, right, across = _around(x.shape[1], width)
    down, across = down[:, None, None], across[:, None]
    rows = [
        y[:, left] * (2 * width - across) + y[:, right] * across
        for y in (x[top].astype(np.int64), x[bottom].astype(np.int64))
    ]
    return ((rows[0] * (2 * height - down) + rows[1] * down) // (4 * height * width)).astype(np.uint8)


def _around(old: int, new: int) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """For each of `new` pixels: the `old` pixels before and after its centre, and the distance in 1 / 2new."""
    place = (2 * np.arange(new, dtype=np.int64) + 1) * old - new  # whole numbers, to avoid rounding
    before, on = place // (2 * new), place % (2 * new)
    return before.clip(0, old - 1), (before + 1).clip(0, old - 1), on


def to_array(image: Image.Image) -> Pixels:
    """(H, W, C) of a grey or RGB picture."""
    x = np.asarray(image, np.uint8)
    return x if x.ndim == 3 else x[..., None]


def to_grey(x: Pixels) -> Pixels:
    """Luma of RGB (ITU-R 601-2), rounded like Pillow's."""
    red, green, blue = (x[..., i].astype(np.uint32) for i in range(3))
    return ((19595 * red + 38470 * green + 7471 * blue + 0x8000) >> 16).astype(np.uint8)[..., None]
