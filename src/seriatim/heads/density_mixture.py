"""Mixtures of normal or logistic densities: several peaks, skew, heavy tails."""

from __future__ import annotations

import math
from typing import Literal, final

import torch
import torch.nn.functional as F
from torch import Tensor

from seriatim.heads.base import Dist, Head
from seriatim.heads.density import FLOOR, bell, chosen, heated_logits, spread

Bell = Literal["normal", "logistic"]


@final
class DensityMixture(Dist):
    """A mixture of M densities.

    A draw takes two uniforms: for the component, and for its inverse cdf.

    Args:
        logits: (*batch_shape, M) of the components.
        centres: (*batch_shape, M).
        scales: (*batch_shape, M).
        kind: of every component.

    Example:
        >>> two = DensityMixture(torch.zeros(1, 2), torch.tensor([[-3.0, 3.0]]), torch.ones(1, 2))
        >>> two.draw(torch.tensor([[0.4, 0.5]])), two.draw(torch.tensor([[0.6, 0.5]]))
        (tensor([-3.]), tensor([3.]))
    """

    noise = 2

    def __init__(self, logits: Tensor, centres: Tensor, scales: Tensor, kind: Bell = "normal") -> None:
        self.logits, self.centres, self.scales = logits, centres, scales
        self.kind: Bell = kind

    @property
    def batch_shape(self) -> torch.Size:
        """The shape of the symbols."""
        return self.logits.shape[:-1]

    @property
    def device(self) -> torch.device:
        """Device of the parameters."""
        return self.logits.device

    def log_prob(self, x: Tensor) -> Tensor:
        """Log-density (nats) of x (*batch_shape)."""
        z = (x[..., None] - self.centres) / self.scales
        each = bell(z) if self.kind == "normal" else -z.abs() - 2 * F.softplus(-z.abs())
        return (self.logits.log_softmax(-1) + each - self.scales.log()).logsumexp(-1)

    def draw(self, u: Tensor) -> Tensor:
        """A component by u[..., 0], its inverse cdf at u[..., 1]."""
        at, v = chosen(self.logits, u[..., 0]), u[..., 1]
        z = torch.special.ndtri(v) if self.kind == "normal" else torch.logit(v)
        centre, scale = self.centres.gather(-1, at)[..., 0], self.scales.gather(-1, at)[..., 0]
        return centre + scale * z.to(centre.dtype)

    def heated(self, temperature: float) -> DensityMixture:
        """Logits over, and variances times, the temperature (Ha and Eck, 2018)."""
        scales = self.scales * math.sqrt(temperature)
        return DensityMixture(heated_logits(self.logits, temperature), self.centres, scales, self.kind)


@final
class DensityMixtureHead(Head):
    """Logits, centres and raw scales of M components -> `DensityMixture`.

    Args:
        mixtures: M.
        kind: "normal" or "logistic".
        floor: the least scale of a component, in the units that the network sees.

    Example:
        >>> head = DensityMixtureHead(mixtures=3)
        >>> head(torch.randn(4, head.width)).log_prob(torch.zeros(4)).shape
        torch.Size([4])
    """

    real = True

    def __init__(self, mixtures: int = 5, kind: Bell = "normal", floor: float = FLOOR) -> None:
        super().__init__()
        self.kind: Bell = kind
        self.mixtures, self.floor, self.width = mixtures, floor, 3 * mixtures

    def forward(self, parameters: Tensor) -> DensityMixture:
        """The distribution with parameters (..., 3 M)."""
        logits, centres, raw = parameters.unflatten(-1, (3, self.mixtures)).unbind(-2)
        return DensityMixture(logits, centres, spread(raw, self.floor), self.kind)
