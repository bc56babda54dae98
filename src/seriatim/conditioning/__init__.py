"""Encoders: a named raw condition becomes a part of the `Context`."""

from seriatim.conditioning.image import CodeConfig, CodeEncoder, MapConfig, MapEncoder
from seriatim.conditioning.label import LabelEncoder
from seriatim.conditioning.number import NumberEncoder

__all__ = ["CodeConfig", "CodeEncoder", "LabelEncoder", "MapConfig", "MapEncoder", "NumberEncoder"]
