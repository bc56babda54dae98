"""Units of a run's figures."""

from __future__ import annotations

import math
from typing import NamedTuple


class Unit(NamedTuple):
    """A unit of surprise.

    Attributes:
        key: as in `metrics.jsonl`, e.g. nats_per_token, bits_per_dim.
        scale: the unit's value of one nat per position.
    """

    key: str
    scale: float

    @property
    def words(self) -> str:
        """The unit for display: nats/token."""
        return self.key.replace("_per_", "/").replace("_", " ")


NATS_PER_TOKEN = Unit("nats_per_token", 1.0)


def bits_per_dim(parts: int) -> Unit:
    """Bits per sub-pixel, for positions of `parts` sub-pixels."""
    return Unit("bits_per_dim", 1 / (parts * math.log(2)))


def given_code(parts: int) -> Unit:
    """Bits per sub-pixel given the picture's own code: not a likelihood of the picture."""
    return Unit("bits_per_dim_given_code", 1 / (parts * math.log(2)))


def bits_per_sample(parts: int, given_features: bool = False) -> Unit:
    """Bits per sample of one channel, for positions of `parts` channels; given features of it, not a likelihood."""
    return Unit(f"bits_per_sample{'_given_features' if given_features else ''}", 1 / (parts * math.log(2)))


def nats_per_value(parts: int) -> Unit:
    """Nats per real value, for positions of `parts` of them."""
    return Unit("nats_per_value", 1 / parts)
