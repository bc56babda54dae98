"""Student's t distribution: values with outliers."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor

from seriatim.heads.base import Head
from seriatim.heads.density import FLOOR, Density, spread

_LEAST = 2.0  # degrees of freedom, above which there is a variance


@final
class Student(Density):
    """Student's t with degrees of freedom, location and scale (*batch_shape); the scale is not the deviation.

    A draw takes two uniforms: √(ν (U^(−2/ν) − 1)) · cos 2πV is exact (Bailey, 1994, in its polar form without
    rejection).

    Example:
        >>> Student(torch.ones(1), torch.zeros(1), torch.ones(1)).log_prob(torch.tensor([0.0]))  # Cauchy: −log π
        tensor([-1.1447])
    """

    noise = 2

    def __init__(self, freedom: Tensor, location: Tensor, scale: Tensor) -> None:
        self.freedom, self.location, self.scale = freedom, location, scale
        self.like = location

    def log_prob(self, x: Tensor) -> Tensor:
        """Log-density (nats) of x (*batch_shape)."""
        half, nu = 0.5 * (self.freedom + 1), self.freedom
        z = (x - self.location) / self.scale
        constant = torch.lgamma(half) - torch.lgamma(0.5 * nu) - 0.5 * (nu * math.pi).log()
        return constant - half * torch.log1p(z.square() / nu) - self.scale.log()

    def draw(self, u: Tensor) -> Tensor:
        """A function of two uniforms u (*batch_shape, 2)."""
        nu = self.freedom.to(u.dtype)
        radius = (nu * torch.expm1(-2 / nu * u[..., 0].log())).sqrt()
        return self.location + self.scale * (radius * (2 * math.pi * u[..., 1]).cos()).to(self.location.dtype)

    def heated(self, temperature: float) -> Student:
        """The squared scale times the temperature; 0 is the location."""
        return Student(self.freedom, self.location, self.scale * math.sqrt(temperature))


@final
class StudentHead(Head):
    """Raw degrees of freedom (above 2), a location and a raw scale -> `Student`.

    Args:
        floor: the least scale, in the units that the network sees.

    Example:
        >>> StudentHead()(torch.zeros(4, 3)).log_prob(torch.zeros(4)).shape
        torch.Size([4])
    """

    real = True
    width = 3

    def __init__(self, floor: float = FLOOR) -> None:
        super().__init__()
        self.floor = floor

    def forward(self, parameters: Tensor) -> Student:
        """The distribution with parameters (..., 3)."""
        raw, location, scale = parameters.unbind(-1)
        return Student(_LEAST + spread(raw), location, spread(scale, self.floor))
