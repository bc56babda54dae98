"""Entropy coding with integer counts. Models and floating-point distributions are not known here."""

from seriatim.coding.ranges import RangeDecoder, RangeEncoder

__all__ = ["RangeDecoder", "RangeEncoder"]
