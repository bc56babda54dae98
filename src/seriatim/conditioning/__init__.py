"""Encoders: a named raw condition becomes a part of the `Context`."""

from seriatim.conditioning.image import CodeConfig, CodeEncoder, MapConfig, MapEncoder
from seriatim.conditioning.label import LabelEncoder
from seriatim.conditioning.number import NumberEncoder
from seriatim.conditioning.series import MARGIN, SeriesConfig, SeriesEncoder, SpanEncoder
from seriatim.conditioning.text import TextConfig, TextEncoder

__all__ = [
    "MARGIN",
    "CodeConfig",
    "CodeEncoder",
    "LabelEncoder",
    "MapConfig",
    "MapEncoder",
    "NumberEncoder",
    "SeriesConfig",
    "SeriesEncoder",
    "SpanEncoder",
    "TextConfig",
    "TextEncoder",
]
