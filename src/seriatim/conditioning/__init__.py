"""Encoders: each turns one named raw condition into a part of the `Context`."""

from seriatim.conditioning.image import CodeConfig, CodeEncoder, MapConfig, MapEncoder
from seriatim.conditioning.label import ChoiceEncoder, LabelEncoder
from seriatim.conditioning.number import NumberEncoder
from seriatim.conditioning.series import FieldEncoder, ScaleEncoder
from seriatim.conditioning.text import TextConfig, TextEncoder
from seriatim.conditioning.track import MARGIN, SpanEncoder, TrackConfig, TrackEncoder

__all__ = [
    "MARGIN",
    "ChoiceEncoder",
    "CodeConfig",
    "CodeEncoder",
    "FieldEncoder",
    "LabelEncoder",
    "MapConfig",
    "MapEncoder",
    "NumberEncoder",
    "ScaleEncoder",
    "SpanEncoder",
    "TextConfig",
    "TextEncoder",
    "TrackConfig",
    "TrackEncoder",
]
