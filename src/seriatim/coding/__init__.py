"""Entropy coding over integer counts. No model and no floating-point distribution is known here."""

from seriatim.coding.ranges import RangeDecoder, RangeEncoder

__all__ = ["RangeDecoder", "RangeEncoder"]
