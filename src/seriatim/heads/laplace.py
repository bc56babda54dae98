"""The Laplace distribution: the absolute error as a likelihood."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor

from seriatim.heads.base import Head
from seriatim.heads.density import FLOOR, Density, spread


@final
class Laplace(Density):
    """The Laplace distribution with median and mean absolute deviation (*batch_shape).

    Example:
        >>> Laplace(torch.zeros(1), torch.ones(1)).log_prob(torch.tensor([2.0]))  # −2 − log 2
        tensor([-2.6931])
    """

    def __init__(self, median: Tensor, scale: Tensor) -> None:
        self.median, self.scale = median, scale
        self.like = median

    def log_prob(self, x: Tensor) -> Tensor:
        """Log-density (nats) of x (*batch_shape)."""
        return -(x - self.median).abs() / self.scale - self.scale.log() - math.log(2)

    def draw(self, u: Tensor) -> Tensor:
        """The inverse cdf of u (*batch_shape, 1)."""
        v = u[..., 0]
        z = torch.where(v < 0.5, (2 * v).log(), -(2 - 2 * v).log())
        return self.median + self.scale * z.to(self.median.dtype)

    def heated(self, temperature: float) -> Laplace:
        """The variance times the temperature; 0 is the median."""
        return Laplace(self.median, self.scale * math.sqrt(temperature))


@final
class LaplaceHead(Head):
    """A median and a raw scale -> `Laplace`.

    Args:
        floor: the least scale, in the units that the network sees.

    Example:
        >>> LaplaceHead()(torch.zeros(4, 2)).draw(torch.full((4, 1), 0.5))
        tensor([0., 0., 0., 0.])
    """

    real = True
    width = 2

    def __init__(self, floor: float = FLOOR) -> None:
        super().__init__()
        self.floor = floor

    def forward(self, parameters: Tensor) -> Laplace:
        """The distribution with parameters (..., 2)."""
        median, raw = parameters.unbind(-1)
        return Laplace(median, spread(raw, self.floor))
