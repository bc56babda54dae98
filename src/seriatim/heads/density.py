"""What densities share: positive scales, the bell curve, and the choice of a component."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from seriatim.heads.base import Dist

FLOOR = 1e-3
"""The least scale of a density, in the units that the network sees: values that repeat would make it infinite."""

_HALF_LOG_TAU = 0.5 * math.log(2 * math.pi)


class Density(Dist):
    """A density with one number of each parameter for each element; a subclass sets `like`, one of its parameters."""

    like: Tensor

    @property
    def batch_shape(self) -> torch.Size:
        """The shape of the symbols."""
        return self.like.shape

    @property
    def device(self) -> torch.device:
        """Device of the parameters."""
        return self.like.device


def spread(raw: Tensor, floor: float = FLOOR) -> Tensor:
    """A positive scale from any number: softplus, above a floor."""
    return F.softplus(raw) + floor


def bell(z: Tensor) -> Tensor:
    """log φ(z) in nats, of the standard normal density."""
    return -0.5 * z.square() - _HALF_LOG_TAU


def heated_logits(logits: Tensor, temperature: float) -> Tensor:
    """Logits over the temperature; 0 leaves the largest alone."""
    if temperature == 0:
        best = logits.argmax(-1, keepdim=True)
        return torch.full_like(logits, -math.inf).scatter_(-1, best, 0.0)
    return logits / max(temperature, torch.finfo(logits.dtype).tiny)


def chosen(logits: Tensor, u: Tensor) -> Tensor:
    """The component (..., 1) at which the cumulated weights of logits (..., M) pass u (...)."""
    sums = logits.to(u.dtype).softmax(-1).cumsum(-1)
    return (sums <= u[..., None] * sums[..., -1:]).sum(-1, keepdim=True).clamp_max(logits.shape[-1] - 1)
