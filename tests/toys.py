"""The smallest things that obey the contracts: what the library does not have yet, and what a user may write."""

from __future__ import annotations

import math
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seriatim.context import EMPTY
from seriatim.heads import Categorical, Dist, Event, Head
from seriatim.models import ReplayModel
from seriatim.models.base import ContextLike


class Pair(Event):
    """Two symbols, the second of which depends on the first: logits of a, then a row of logits of b for each a."""

    parts = 2

    def __init__(self, first: Tensor, second: Tensor) -> None:
        self.first, self.second = first, second  # (..., A), (..., A, B)

    def given(self, i: int, prefix: Tensor) -> Dist:
        if i == 0:
            return Categorical(self.first)
        at = prefix[..., 0, None, None].expand(*prefix.shape[:-1], 1, self.second.shape[-1])
        return Categorical(self.second.gather(-2, at)[..., 0, :])


class PairHead(Head):
    """A + A·B numbers -> `Pair`."""

    parts = 2

    def __init__(self, levels: tuple[int, int]) -> None:
        super().__init__()
        self.levels = levels
        self.width = levels[0] * (1 + levels[1])

    def forward(self, parameters: Tensor) -> Pair:
        a, b = self.levels
        return Pair(parameters[..., :a], parameters[..., a:].unflatten(-1, (a, b)))


class Normal(Dist):
    """A density, drawn with two uniforms (Box and Muller) so that a draw eats more than one."""

    noise = 2

    def __init__(self, mean: Tensor, log_scale: Tensor) -> None:
        self.mean, self.log_scale = mean, log_scale

    @property
    def batch_shape(self) -> torch.Size:
        return self.mean.shape

    @property
    def device(self) -> torch.device:
        return self.mean.device

    def log_prob(self, x: Tensor) -> Tensor:
        z = (x - self.mean) / self.log_scale.exp()
        return -0.5 * z**2 - self.log_scale - 0.5 * math.log(2 * math.pi)

    def draw(self, u: Tensor) -> Tensor:
        z = (-2 * u[..., 0].log()).sqrt() * (2 * math.pi * u[..., 1]).cos()
        return self.mean + self.log_scale.exp() * z


class NormalHead(Head):
    """2 numbers -> `Normal`."""

    real = True
    width = 2

    def forward(self, parameters: Tensor) -> Normal:
        return Normal(parameters[..., 0], parameters[..., 1])


class MaskedLinear(ReplayModel):
    """A linear map from the positions that `mask` allows, on a canvas of any shape: a whole family in a few lines.

    Args:
        shape: S; positions are visited in C order.
        head: of the symbols.
        levels: how many symbols each part has.
        mask: (N, N) which earlier positions each position sees; None means all of them.
        vector: channels of the global condition.
        field: channels of the local condition, which each position reads at its own place.
    """

    def __init__(
        self, shape: Sequence[int], head: Head, levels: int, mask: Tensor | None = None, vector: int = 0, field: int = 0
    ) -> None:
        super().__init__()
        self.shape, self.head, self.levels = tuple(shape), head, levels
        n = math.prod(shape)
        self.register_buffer("mask", torch.ones(n, n, dtype=torch.bool).tril(-1) if mask is None else mask, False)
        self.weight = nn.Parameter(torch.randn(n, n, levels * head.parts, head.width))
        self.bias = nn.Parameter(torch.randn(n, head.width))
        self.vector = nn.Linear(vector, head.width) if vector else None
        self.field = nn.Linear(field, head.width) if field else None
        self.config = SimpleNamespace(horizon=None)

    def canvas(self, length: int | None) -> tuple[int, ...]:
        return self.shape

    def forward(self, x: Tensor, context: ContextLike = EMPTY, carry: Any = None) -> Tensor:
        context = self.condition(context, x.shape[0])
        n = len(self.bias)
        frames = F.one_hot(x, self.levels).to(self.bias.dtype).reshape(x.shape[0], n, -1)
        weight = torch.where(self.mask[:, :, None, None], self.weight, 0.0)
        y = torch.einsum("bsc,tscw->btw", frames, weight) + self.bias
        if self.vector is not None and context.vector is not None:
            y = y + self.vector(context.vector)[:, None]
        if self.field is not None and context.field is not None:
            y = y + self.field(context.field).reshape(x.shape[0], n, -1)
        return y.reshape(x.shape[0], *self.shape, -1)

    def sees(self, shape: Sequence[int]) -> Tensor:
        return self.mask


def raster_neighbours(height: int, width: int) -> Tensor:
    """(N, N): each pixel sees those at most one row above and one column beside it that come before it."""
    at = torch.cartesian_prod(torch.arange(height), torch.arange(width))
    near = (at[:, None] - at[None]).abs().amax(-1) <= 1
    return near & torch.ones_like(near).tril(-1)
