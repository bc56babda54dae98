"""How pictures and frames are cropped and resized. No numpy here: options and `--help` read this."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import Literal, NamedTuple

WIDEST = 4096
"""Largest height and width of a picture."""

Crop = Literal["centre", "none"]
Colour = Literal["auto", "grey", "rgb"]
Resample = Literal["smooth", "plain", "nearest"]


class Fitting(NamedTuple):
    """How a picture is cropped and resized."""

    crop: Crop = "centre"
    resample: Resample = "smooth"


def usual_sides(sizes: Sequence[tuple[int, int]], most: int, group: str) -> tuple[tuple[int, int], str]:
    """Height and width where the user leaves them open, and what is done to the items for it.

    Larger ones are shrunk: time and memory of a step grow with the number of pixels.

    Args:
        sizes: height and width of each.
        most: pixels of the longer side up to which they keep their size.
        group: of the options, for the remark.

    Example:
        >>> usual_sides([(480, 640)] * 2, 64, "image")
        ((48, 64), 'are shrunk from 480 × 640 to 48 × 64 (--image.size chooses)')
    """
    if len(set(sizes)) == 1:
        height, width = sizes[0]
        if max(sizes[0]) <= most:
            return (height, width), ""
        low, narrow = (max(1, round(side * most / max(sizes[0]))) for side in sizes[0])
        return (low, narrow), f"are shrunk from {height} × {width} to {low} × {narrow} (--{group}.size chooses)"
    side = min(most, int(statistics.median(map(min, sizes))))
    least, largest = min(sizes, key=math.prod), max(sizes, key=math.prod)
    words = f"{least[0]} × {least[1]} to {largest[0]} × {largest[1]}"
    return (side, side), f"are cropped and resized to {side} × {side}: their sizes are {words} (--{group}.size chooses)"


def fitted(sizes: Sequence[tuple[int, int]], sides: tuple[int, int], how: Fitting) -> str:
    """What is done to items for a size that the user chose; empty if nothing is.

    Example:
        >>> fitted([(480, 640)], (32, 32), Fitting("none"))
        'are resized to 32 × 32 where they have another size'
    """
    if all(size == sides for size in sizes):
        return ""
    height, width = sides
    cut = how.crop == "centre" and any(size[0] * width != size[1] * height for size in sizes)
    return f"are {'cropped and ' if cut else ''}resized to {height} × {width} where they have another size"
