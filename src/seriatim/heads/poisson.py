"""The Poisson distribution: counts of independent events."""

from __future__ import annotations

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor

from seriatim.heads.base import Head, widest
from seriatim.heads.counting import Counting

_LEAST = 1e-6  # of a rate


@final
class Poisson(Counting):
    """The Poisson distribution with rate (*batch_shape).

    Example:
        >>> two = Poisson(torch.tensor([2.0]))
        >>> two.log_prob(torch.tensor([0.0])), two.draw(torch.tensor([[0.5]]))
        (tensor([-2.]), tensor([2.]))
    """

    def __init__(self, rate: Tensor) -> None:
        self.rate = rate

    @property
    def mean(self) -> Tensor:
        """The rate."""
        return self.rate

    @property
    def variance(self) -> Tensor:
        """The rate."""
        return self.rate

    def log_mass(self, x: Tensor) -> Tensor:
        """log p(x) in nats."""
        return torch.xlogy(x, self.rate) - self.rate - torch.lgamma(x + 1)

    def unsqueezed(self) -> Poisson:
        """The same in float64 with an axis more."""
        return Poisson(self.rate.to(widest(self.device))[..., None])


@final
class PoissonHead(Head):
    """A raw rate -> `Poisson`; with `scaled`, two more parameters: a location, which is not used, and a log scale.

    Example:
        >>> PoissonHead()(torch.zeros(3, 1)).rate  # softplus(0)
        tensor([0.6931, 0.6931, 0.6931])
    """

    real = True

    def __init__(self, scaled: bool = False) -> None:
        super().__init__()
        self.scaled, self.width = scaled, 3 if scaled else 1

    def forward(self, parameters: Tensor) -> Poisson:
        """The distribution with parameters (..., width)."""
        rate = F.softplus(parameters[..., 0]) + _LEAST
        return Poisson(rate * parameters[..., 2].exp() if self.scaled else rate)
