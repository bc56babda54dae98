"""What a run's figures are counted in."""

from __future__ import annotations

import math
from typing import NamedTuple


class Unit(NamedTuple):
    """A unit of surprise.

    Attributes:
        key: as in `metrics.jsonl`: nats_per_token, bits_per_dim.
        scale: how many of it one nat a position is.
    """

    key: str
    scale: float

    @property
    def words(self) -> str:
        """As people read it: nats/token."""
        return self.key.replace("_per_", "/").replace("_", " ")


NATS_PER_TOKEN = Unit("nats_per_token", 1.0)


def bits_per_dim(parts: int) -> Unit:
    """Bits a sub-pixel, of a model whose positions have so many."""
    return Unit("bits_per_dim", 1 / (parts * math.log(2)))


def given_code(parts: int) -> Unit:
    """Bits a sub-pixel of a picture whose own code is known: no likelihood of the picture."""
    return Unit("bits_per_dim_given_code", 1 / (parts * math.log(2)))


def bits_per_sample(parts: int, given_features: bool = False) -> Unit:
    """Bits a sample of one channel, of a model whose positions have so many; given features of it: no likelihood."""
    return Unit(f"bits_per_sample{'_given_features' if given_features else ''}", 1 / (parts * math.log(2)))
