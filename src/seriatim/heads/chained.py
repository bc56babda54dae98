"""Several densities at one position, each with a small network of the parts before it."""

from __future__ import annotations

import math
from typing import cast, final

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seriatim.heads.base import Dist, Event, Head


@final
class Chained(Event):
    """P parts, the parameters of each a function of features and of the parts before it; made by a `ChainedHead`.

    Args:
        head: its weights.
        hidden: (*batch_shape, P, H) what the features contribute to each part's hidden layer.
        temperature: of every part.

    Example:
        >>> from seriatim.heads import GaussianHead
        >>> dist = ChainedHead(GaussianHead(), parts=2, width=4)(torch.zeros(1, 4))
        >>> dist.given(1, torch.tensor([[0.5]])).batch_shape  # the second part, given the first
        torch.Size([1])
    """

    real = True

    def __init__(self, head: ChainedHead, hidden: Tensor, temperature: float = 1.0) -> None:
        self.head, self.hidden, self.temperature, self.parts = head, hidden, temperature, head.parts

    def given(self, i: int, prefix: Tensor) -> Dist:
        """Part i given those before it, prefix (*batch_shape, i)."""
        hidden = self.hidden[..., i, :] + prefix.to(self.hidden.dtype) @ self.head.before[:i, i]
        dist = cast(Dist, self.head.inner(F.gelu(hidden) @ self.head.weight[i] + self.head.bias[i]))
        return dist if self.temperature == 1 else dist.heated(self.temperature)

    def log_prob(self, x: Tensor) -> Tensor:
        """Joint log-density (nats) of x (*batch_shape, P), all parts at once."""
        earlier = self.head.before * self.head.mask
        hidden = self.hidden + torch.einsum("...j,jkh->...kh", x.to(self.hidden.dtype), earlier)
        parameters = torch.einsum("...kh,khw->...kw", F.gelu(hidden), self.head.weight) + self.head.bias
        dist = cast(Dist, self.head.inner(parameters))
        return (dist if self.temperature == 1 else dist.heated(self.temperature)).log_prob(x).sum(-1)

    def heated(self, temperature: float) -> Chained:
        """Every part heated, given the parts before it."""
        return Chained(self.head, self.hidden, temperature)


@final
class ChainedHead(Head):
    """Features (..., width) -> P densities in a chain: part k has a hidden layer that reads the features and the parts
    before it, as in a masked autoencoder (Germain et al., 2015).

    For the hours of a day, the coefficients of a transform, or channels that go together.

    Args:
        inner: the head of one part.
        parts: P.
        width: channels of the features.
        hidden: H, units of each part's hidden layer.

    Raises:
        ValueError: if the inner head has several parts, or its symbols are no real numbers.

    Example:
        >>> from seriatim.heads import GaussianHead
        >>> head = ChainedHead(GaussianHead(), parts=3, width=4, hidden=2)
        >>> head(torch.zeros(5, 4)).log_prob(torch.zeros(5, 3)).shape
        torch.Size([5])
    """

    real = True

    def __init__(self, inner: Head, parts: int, width: int, hidden: int = 32) -> None:
        super().__init__()
        if inner.parts != 1 or not inner.real:
            raise ValueError(f"{type(inner).__name__} is no density of one number; a chain is made of those")
        self.inner, self.parts, self.width, self.hidden = inner, parts, width, hidden
        self.into = nn.Linear(width, parts * hidden)
        self.before = nn.Parameter(torch.empty(parts, parts, hidden))
        self.weight = nn.Parameter(torch.empty(parts, hidden, inner.width))
        nn.init.normal_(self.before, std=1 / math.sqrt(parts))
        nn.init.normal_(self.weight, std=1 / math.sqrt(hidden))
        self.bias = nn.Parameter(torch.zeros(parts, inner.width))
        self.mask: Tensor  # (P, P, 1): 1 where part j comes before part k
        earlier = np.triu(np.ones((parts, parts), np.float32), 1)
        self.register_buffer("mask", torch.tensor(earlier[..., None]), persistent=False)

    def forward(self, parameters: Tensor) -> Chained:
        """The distribution given features (..., width)."""
        return Chained(self, self.into(parameters).unflatten(-1, (self.parts, self.hidden)))
