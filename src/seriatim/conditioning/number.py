"""Numeric conditions: a year, a rating, a price, another network's embedding; standardised beforehand."""

from __future__ import annotations

import math
from typing import final

import torch
from jaxtyping import Float
from torch import Tensor, nn

from seriatim.context import Context


@final
class NumberEncoder(nn.Module):
    """A small network over standardised numbers, and a learned vector for missing ones (NaN).

    Args:
        width: channels of the vector.
        inputs: D, numbers read together.

    Example:
        >>> encoder = NumberEncoder(width=4, inputs=2)
        >>> encoder(torch.tensor([[0.3, -1.2], [math.nan, math.nan]])).vector.shape
        torch.Size([2, 4])
    """

    def __init__(self, width: int, inputs: int = 1) -> None:
        super().__init__()
        self.width, self.inputs = width, inputs
        self.net = nn.Sequential(nn.Linear(inputs, width), nn.SiLU(), nn.Linear(width, width))
        self.null = nn.Parameter(0.02 * torch.randn(width))

    def missing(self, batch: int) -> Float[Tensor, "B D"]:
        """The value that stands for missing numbers."""
        return torch.full((batch, self.inputs), math.nan, device=self.null.device, dtype=self.null.dtype)

    def forward(self, value: Float[Tensor, "B *D"]) -> Context:
        """Numbers (B, D), or (B,) if D = 1, NaN where missing -> vector (B, width)."""
        value = value.to(self.null.dtype).view(-1, self.inputs)
        missing = value.isnan().any(1, keepdim=True)
        vector = self.net(value.nan_to_num(0.0))
        return Context(vector=torch.where(missing, self.null, vector))
