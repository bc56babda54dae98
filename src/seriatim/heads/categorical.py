"""The softmax over K unordered symbols."""

from __future__ import annotations

from functools import cached_property
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor

from seriatim.heads.base import Discrete, Head, frequencies, widest


@final
class Categorical(Discrete):
    """p(x) = softmax(logits)_x.

    Args:
        logits: (*batch_shape, K); −inf forbids a symbol.

    Example:
        >>> dist = Categorical(torch.tensor([[0.0, 0.0, -torch.inf]]))
        >>> dist.log_prob(torch.tensor([1]))
        tensor([-0.6931])
        >>> dist.draw(torch.tensor([[0.75]], dtype=torch.float64))
        tensor([1])
    """

    def __init__(self, logits: Tensor) -> None:
        self.logits = logits
        self.levels = logits.shape[-1]

    @property
    def batch_shape(self) -> torch.Size:
        """The logits' shape without its last axis."""
        return self.logits.shape[:-1]

    @property
    def device(self) -> torch.device:
        """Device of the logits."""
        return self.logits.device

    def log_mass(self, x: Tensor) -> Tensor:
        """Gathered from the table."""
        return self.log_table().gather(-1, x[..., None])[..., 0]

    def log_prob(self, x: Tensor) -> Tensor:
        """By cross entropy, which fuses softmax and gather."""
        # autocast gives bfloat16 logits; a sum over thousands of symbols needs float32
        logits = self.logits if self.logits.dtype in (torch.float32, torch.float64) else self.logits.float()
        flat = F.cross_entropy(logits.reshape(-1, self.levels), x.reshape(-1), reduction="none")
        return -flat.view(x.shape)

    def log_table(self) -> Tensor:
        """log softmax of the logits."""
        return self.logits.log_softmax(-1)

    @cached_property
    def _cumulative(self) -> Tensor:
        return self.logits.softmax(-1).cumsum(-1, dtype=widest(self.device))

    def cdf(self, x: Tensor) -> Tensor:
        """As the default, from sums computed once: a coder asks log2 K times."""
        total = self._cumulative[..., -1]
        inside = self._cumulative.gather(-1, x.clamp(0, self.levels - 1)[..., None])[..., 0] / total
        inside = torch.where(x >= self.levels - 1, torch.ones_like(total), inside.clamp(0, 1))
        return torch.where(x < 0, torch.zeros_like(total), inside)

    def draw(self, u: Tensor) -> Tensor:
        """Inverse cdf by binary search, one uniform per symbol."""
        sums = self._cumulative
        return torch.searchsorted(sums, u * sums[..., -1:], right=True)[..., 0].clamp_max_(self.levels - 1)


@final
class CategoricalHead(Head):
    """Maps K logits to a `Categorical`.

    Args:
        levels: K.

    Example:
        >>> head = CategoricalHead(5)
        >>> dist = head(torch.zeros(2, 7, head.width))
        >>> dist.log_prob(torch.zeros(2, 7, dtype=torch.long)).shape
        torch.Size([2, 7])
        >>> dist.sample().shape
        torch.Size([2, 7])
    """

    def __init__(self, levels: int) -> None:
        super().__init__()
        self.width = levels

    def forward(self, parameters: Tensor) -> Categorical:
        """(..., K) logits."""
        return Categorical(parameters)

    def marginal(self, counts: Tensor, events: Tensor) -> Tensor:  # noqa: ARG002
        """The logarithms of the frequencies (1, K)."""
        return frequencies(counts)[0].log().float()
