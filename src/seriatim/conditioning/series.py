"""Conditions of real values: the unit of a window, and numbers at every position or frame."""

from __future__ import annotations

import math
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from seriatim.conditioning.track import FOR_EVER
from seriatim.context import Context


@final
class ScaleEncoder(nn.Module):
    """Passes the location and log scale of each value of a position on; without, they are 0.

    Args:
        parts: P, values at a position.

    Example:
        >>> ScaleEncoder(parts=1)(torch.tensor([[[5.0, 1.0]]])).scale.tolist()
        [[[5.0, 1.0]]]
    """

    drop = 0.0  # never hidden in training

    def __init__(self, parts: int) -> None:
        super().__init__()
        self.parts = parts
        self.like: Tensor
        self.register_buffer("like", torch.zeros(0), persistent=False)  # says where, and how precise

    def missing(self, batch: int) -> Float[Tensor, "B P 2"]:
        """A location and a log scale of 0."""
        return self.like.new_zeros(batch, self.parts, 2)

    def forward(self, value: Float[Tensor, "B P 2"]) -> Context:
        """(B, P, 2) -> scale."""
        return Context(scale=value.to(self.like.dtype))


@final
class FieldEncoder(nn.Module):
    """Passes numbers at every position on: a calendar, what is known ahead. A missing number is 0.

    Args:
        channels: F, numbers in a column.
        hop: positions that a column lasts; those of a frame, for a film.

    Example:
        >>> FieldEncoder(channels=2)(torch.zeros(1, 7, 2)).field.shape
        torch.Size([1, 7, 2])
    """

    drop = 0.0

    def __init__(self, channels: int, hop: int = 1) -> None:
        super().__init__()
        self.channels, self.hop = channels, hop
        self.like: Tensor
        self.register_buffer("like", torch.zeros(0), persistent=False)

    def missing(self, batch: int) -> Float[Tensor, "B 1 F"]:
        """What stands for missing numbers, at any length."""
        return self.like.new_full((batch, 1, self.channels), math.nan)

    def forward(self, value: Float[Tensor, "B T F"]) -> Context:
        """(B, T, F), all NaN where there are none -> field."""
        value = value.to(self.like.dtype)
        absent = value.shape[1] == 1 and bool(value.isnan().all())
        return Context(field=value.nan_to_num(0.0), hop=FOR_EVER * self.hop if absent else self.hop)
