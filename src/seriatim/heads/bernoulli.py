"""White or black: the probability that a pixel is white, for grey pixels too."""

from __future__ import annotations

from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor

from seriatim.heads.base import Discrete, Head, frequencies


@final
class Bernoulli(Discrete):
    """Level K − 1 with probability σ(logit), level 0 otherwise; levels between have no mass.

    `log_prob` of a level k between is v log p + (1 − v) log (1 − p) with v = k/(K − 1): the cross-entropy of a grey
    target, which several papers print for grey digits. For K > 2 it is not the logarithm of a probability: no draw is
    grey.

    Args:
        logits: (*batch_shape,).
        levels: K.

    Example:
        >>> dist = Bernoulli(torch.tensor([0.0, 2.0]), levels=5)
        >>> dist.log_prob(torch.tensor([4, 4]))
        tensor([-0.6931, -0.1269])
        >>> dist.log_prob(torch.tensor([2, 2]))  # half white
        tensor([-0.6931, -1.1269])
    """

    def __init__(self, logits: Tensor, levels: int) -> None:
        self.logits, self.levels = logits, levels

    @property
    def batch_shape(self) -> torch.Size:
        """The logits' shape."""
        return self.logits.shape

    @property
    def device(self) -> torch.device:
        """Device of the logits."""
        return self.logits.device

    def log_mass(self, x: Tensor) -> Tensor:
        """log σ(±logit); −inf between."""
        ends = F.logsigmoid(torch.where(x == 0, -self.logits, self.logits))
        return torch.where((x == 0) | (x == self.levels - 1), ends, -torch.inf)

    def log_prob(self, x: Tensor) -> Tensor:
        """The cross-entropy's negative: log p at levels 0 and K − 1."""
        logits = self.logits if self.logits.dtype in (torch.float32, torch.float64) else self.logits.float()
        share = x.to(logits.dtype) / (self.levels - 1)
        return -F.binary_cross_entropy_with_logits(logits, share, reduction="none")


@final
class BernoulliHead(Head):
    """Maps a logit to a `Bernoulli`.

    Args:
        levels: K. With 2 it is the softmax of two symbols with one parameter; with more, not a likelihood.

    Example:
        >>> head = BernoulliHead(256)
        >>> head.likelihood, BernoulliHead(2).likelihood
        (False, True)
        >>> head(torch.zeros(3, 1)).sample().unique().tolist() in ([0], [255], [0, 255])
        True
    """

    width = 1

    def __init__(self, levels: int) -> None:
        super().__init__()
        self.levels, self.likelihood = levels, levels == 2

    def forward(self, parameters: Tensor) -> Bernoulli:
        """(..., 1) logits."""
        return Bernoulli(parameters[..., 0], self.levels)

    def marginal(self, counts: Tensor, events: Tensor) -> Tensor:  # noqa: ARG002
        """The logit of the mean brightness (1,)."""
        p = frequencies(counts)[0]
        white = (p * torch.arange(self.levels, device=p.device) / (self.levels - 1)).sum()
        return torch.logit(white, eps=1e-6).float()[None]
