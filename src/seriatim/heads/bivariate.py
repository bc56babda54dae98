"""Mixtures of bivariate normal densities with correlation: the pen's next move (Graves, 2013)."""

from __future__ import annotations

import math
from typing import final

from torch import Tensor

from seriatim.heads.base import Event, Head
from seriatim.heads.density import FLOOR, bell, heated_logits, spread
from seriatim.heads.density_mixture import DensityMixture

_MOST = 0.999  # of a correlation's magnitude


@final
class Bivariate(Event):
    """A mixture of M normal densities over the plane.

    The chain: x from the mixture of the first coordinates; y from one whose weights have seen x.

    Args:
        logits: (*batch_shape, M) of the components.
        centres: (*batch_shape, 2, M).
        scales: (*batch_shape, 2, M).
        correlation: (*batch_shape, M) between −1 and 1.

    Example:
        >>> import torch
        >>> dist = Bivariate(torch.zeros(1, 1), torch.zeros(1, 2, 1), torch.ones(1, 2, 1), torch.zeros(1, 1))
        >>> dist.log_prob(torch.zeros(1, 2))  # −log 2π
        tensor([-1.8379])
    """

    parts = 2
    real = True

    def __init__(self, logits: Tensor, centres: Tensor, scales: Tensor, correlation: Tensor) -> None:
        self.logits, self.centres, self.scales, self.correlation = logits, centres, scales, correlation

    def given(self, i: int, prefix: Tensor) -> DensityMixture:
        """The density of x (i = 0), or of y given x = prefix[..., 0]."""
        centre, scale = self.centres[..., 0, :], self.scales[..., 0, :]
        if i == 0:
            return DensityMixture(self.logits, centre, scale)
        z = (prefix[..., :1] - centre) / scale
        weights = self.logits.log_softmax(-1) + bell(z) - scale.log()
        rho, other = self.correlation, self.scales[..., 1, :]
        return DensityMixture(weights, self.centres[..., 1, :] + rho * other * z, other * (1 - rho.square()).sqrt())

    def log_prob(self, x: Tensor) -> Tensor:
        """Log-density (nats) of points x (*batch_shape, 2)."""
        z = (x[..., None] - self.centres) / self.scales
        rest = 1 - self.correlation.square()
        a, b = z[..., 0, :], z[..., 1, :]
        square = (a.square() + b.square() - 2 * self.correlation * a * b) / rest
        each = -0.5 * square - self.scales.log().sum(-2) - 0.5 * rest.log() - math.log(2 * math.pi)
        return (self.logits.log_softmax(-1) + each).logsumexp(-1)

    def heated(self, temperature: float) -> Bivariate:
        """Logits over, and variances times, the temperature (Ha and Eck, 2018)."""
        logits, scales = heated_logits(self.logits, temperature), self.scales * math.sqrt(temperature)
        return Bivariate(logits, self.centres, scales, self.correlation)


@final
class BivariateHead(Head):
    """Logits, two centres, two raw scales and a raw correlation of M components -> `Bivariate`.

    Args:
        mixtures: M.
        floor: the least scale of a component, in the units that the network sees.

    Reference: Graves (2013), Generating sequences with recurrent neural networks, section 4.1.

    Example:
        >>> import torch
        >>> head = BivariateHead(mixtures=3)
        >>> head(torch.randn(4, head.width)).log_prob(torch.zeros(4, 2)).shape
        torch.Size([4])
    """

    real = True
    parts = 2

    def __init__(self, mixtures: int = 20, floor: float = FLOOR) -> None:
        super().__init__()
        self.mixtures, self.floor, self.width = mixtures, floor, 6 * mixtures

    def forward(self, parameters: Tensor) -> Bivariate:
        """The distribution with parameters (..., 6 M)."""
        p = parameters.unflatten(-1, (6, self.mixtures))
        scales = spread(p[..., 3:5, :], self.floor)
        return Bivariate(p[..., 0, :], p[..., 1:3, :], scales, _MOST * p[..., 5, :].tanh())
