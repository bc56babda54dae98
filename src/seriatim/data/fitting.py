"""How pictures and frames are cropped and resized. No numpy here: options and `--help` read this."""

from __future__ import annotations

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
