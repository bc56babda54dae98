"""The logistic distribution, binned (Salimans et al., 2017, PixelCNN++)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from seriatim.heads.component import Component, log1mexp


def log_bin(z: Tensor, width: Tensor, first: Tensor, last: Tensor) -> Tensor:
    """log(σ(b) − σ(a)) = log σ(b) + log σ(−a) + log(1 − e^(a − b)), where b − a = width has no cancellation."""
    half = 0.5 * width
    below, above = F.logsigmoid(z + half), F.logsigmoid(half - z)
    return torch.where(first, below, torch.where(last, above, below + above + log1mexp(width)))


LOGISTIC = Component(log_bin, torch.sigmoid, torch.logit)
