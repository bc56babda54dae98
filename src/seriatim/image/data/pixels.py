"""Arrays of pictures: the requested colour and size, binarisation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PIL import Image

from seriatim.data.pixels import Pixels, check_room, fit, to_array, to_grey
from seriatim.image.options import ImageOptions


def shaped(x: Pixels, options: ImageOptions, name: str) -> Pixels:
    """Pictures (N, H, W, C) in the requested colour and size."""
    if options.colour == "grey" and x.shape[-1] == 3:
        x = to_grey(x)
    if options.sides is not None and options.sides != x.shape[1:3]:
        check_room(len(x), *options.sides, x.shape[-1], name)
        flat = x[..., 0] if x.shape[-1] == 1 else x
        height, width = options.sides
        out = np.empty((len(x), height, width, x.shape[-1]), np.uint8)
        for row, picture in zip(out, flat, strict=True):
            row[:] = to_array(fit(Image.fromarray(picture), height, width, options.fitting))
        x = out
    if options.colour == "rgb" and x.shape[-1] == 1:
        check_room(len(x), x.shape[1], x.shape[2], 3, name)
        x = np.repeat(x, 3, axis=-1)
    return x


def ink(x: Pixels, seed: Sequence[int]) -> Pixels:
    """Binarise grey pictures: 255 with probability v / 255, else 0; a function of `seed` and the shape."""
    u = np.random.default_rng(list(seed)).integers(
        0, 255, x.shape, dtype=np.uint8
    )  # 0 to 254, so that v of them are below v
    return np.where(u < x, np.uint8(255), np.uint8(0))
