"""Encoders: a named raw condition becomes a part of the `Context`."""

from seriatim.conditioning.image import CodeConfig, CodeEncoder, MapConfig, MapEncoder
from seriatim.conditioning.label import LabelEncoder
from seriatim.conditioning.number import NumberEncoder
from seriatim.conditioning.series import SeriesConfig, SeriesEncoder

__all__ = [
    "CodeConfig",
    "CodeEncoder",
    "LabelEncoder",
    "MapConfig",
    "MapEncoder",
    "NumberEncoder",
    "SeriesConfig",
    "SeriesEncoder",
]
