"""A numeric condition: a year, a rating, a price; standardised beforehand."""

from __future__ import annotations

import math
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from seriatim.context import Context


@final
class NumberEncoder(nn.Module):
    """A small network over a standardised number, and a vector of its own for "not said" (NaN)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.net = nn.Sequential(nn.Linear(1, width), nn.SiLU(), nn.Linear(width, width))
        self.null = nn.Parameter(torch.randn(width))

    def missing(self, batch: int) -> Float[Tensor, "B"]:
        """What stands for an unknown number."""
        return torch.full((batch,), math.nan, device=self.null.device, dtype=self.null.dtype)

    def forward(self, value: Float[Tensor, "B"]) -> Context:
        """Numbers (B,), NaN where not said -> vector (B, width)."""
        value = value.to(self.null.dtype)
        unsaid = value.isnan()[:, None]
        vector = self.net(value.nan_to_num(0.0)[:, None])
        return Context(vector=torch.where(unsaid, self.null, vector))
