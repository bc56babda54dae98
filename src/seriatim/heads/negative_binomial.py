"""The negative binomial distribution: counts that vary more than a Poisson distribution's."""

from __future__ import annotations

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor

from seriatim.heads.base import Head, widest
from seriatim.heads.counting import Counting

_LEAST = 1e-6


@final
class NegativeBinomial(Counting):
    """Counts with mean μ and variance μ + α μ², both (*batch_shape).

    Args:
        mean: μ.
        dispersion: α; towards 0 it is a Poisson distribution.

    Example:
        >>> dist = NegativeBinomial(torch.tensor([1.0]), torch.tensor([1.0]))  # geometric: p(0) = 1/2
        >>> dist.log_prob(torch.tensor([0.0]))
        tensor([-0.6931])
    """

    def __init__(self, mean: Tensor, dispersion: Tensor) -> None:
        self._mean, self.dispersion = mean, dispersion

    @property
    def mean(self) -> Tensor:
        """μ."""
        return self._mean

    @property
    def variance(self) -> Tensor:
        """μ + α μ²."""
        return self.mean + self.dispersion * self.mean.square()

    def log_mass(self, x: Tensor) -> Tensor:
        """log p(x) in nats."""
        size, more = 1 / self.dispersion, self.dispersion * self.mean
        binomial = torch.lgamma(x + size) - torch.lgamma(size) - torch.lgamma(x + 1)
        return binomial - size * torch.log1p(more) + torch.xlogy(x, more) - x * torch.log1p(more)

    def unsqueezed(self) -> NegativeBinomial:
        """The same in float64 with an axis more."""
        wide = widest(self.device)
        return NegativeBinomial(self.mean.to(wide)[..., None], self.dispersion.to(wide)[..., None])


@final
class NegativeBinomialHead(Head):
    """A raw mean and a raw dispersion -> `NegativeBinomial`, as in DeepAR (Salinas et al., 2020).

    With `scaled`, two more parameters: a location, which is not used, and a log scale: the mean is multiplied by the
    scale, the dispersion divided by its root.

    Example:
        >>> NegativeBinomialHead()(torch.zeros(3, 2)).mean  # softplus(0)
        tensor([0.6931, 0.6931, 0.6931])
    """

    real = True

    def __init__(self, scaled: bool = False) -> None:
        super().__init__()
        self.scaled, self.width = scaled, 4 if scaled else 2

    def forward(self, parameters: Tensor) -> NegativeBinomial:
        """The distribution with parameters (..., width)."""
        mean, dispersion = (F.softplus(raw) + _LEAST for raw in parameters[..., :2].unbind(-1))
        if self.scaled:
            log_scale = parameters[..., 3]
            mean, dispersion = mean * log_scale.exp(), dispersion * (-0.5 * log_scale).exp()
        return NegativeBinomial(mean, dispersion)
