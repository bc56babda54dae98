"""The normal distribution over real numbers."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor

from seriatim.heads.base import Head
from seriatim.heads.density import FLOOR, Density, bell, spread


@final
class Gaussian(Density):
    """The normal distribution with mean and standard deviation (*batch_shape).

    Example:
        >>> dist = Gaussian(torch.zeros(1), torch.ones(1))
        >>> dist.log_prob(torch.tensor([0.0])), dist.draw(torch.tensor([[0.5]]))
        (tensor([-0.9189]), tensor([0.]))
    """

    def __init__(self, mean: Tensor, scale: Tensor) -> None:
        self.mean, self.scale = mean, scale
        self.like = mean

    def log_prob(self, x: Tensor) -> Tensor:
        """Log-density (nats) of x (*batch_shape)."""
        return bell((x - self.mean) / self.scale) - self.scale.log()

    def draw(self, u: Tensor) -> Tensor:
        """The inverse cdf of u (*batch_shape, 1)."""
        return self.mean + self.scale * torch.special.ndtri(u[..., 0]).to(self.mean.dtype)

    def heated(self, temperature: float) -> Gaussian:
        """The variance times the temperature (Ha and Eck, 2018); 0 is the mean."""
        return Gaussian(self.mean, self.scale * math.sqrt(temperature))


@final
class GaussianHead(Head):
    """A mean and a raw scale -> `Gaussian`.

    Args:
        floor: the least standard deviation, in the units that the network sees.

    Example:
        >>> GaussianHead()(torch.zeros(4, 2)).log_prob(torch.zeros(4)).shape
        torch.Size([4])
    """

    real = True
    width = 2

    def __init__(self, floor: float = FLOOR) -> None:
        super().__init__()
        self.floor = floor

    def forward(self, parameters: Tensor) -> Gaussian:
        """The distribution with parameters (..., 2)."""
        mean, raw = parameters.unbind(-1)
        return Gaussian(mean, spread(raw, self.floor))
