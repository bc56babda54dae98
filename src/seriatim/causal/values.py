"""Levels to frames by their numeric value."""

from __future__ import annotations

import math
from typing import final

import torch
from torch import Tensor, nn

from seriatim.causal.base import Causal
from seriatim.context import EMPTY, Context
from seriatim.tree import State

_MU = 255


@final
class Values(Causal):
    """Level k of K enters as the number v = 2k/(K − 1) − 1, through a linear map: neighbouring levels look alike.

    Most 16-bit audio samples are close to 0, so v also enters as sign(v) · ln(1 + 255|v|) / ln 256, the μ-law curve,
    which resolves quiet sounds.

    "Level" K means no symbol, as before the first one: its values are 0, and an extra input marks it.

    Args:
        levels: K.
        width: channels of a frame.
        parts: P, symbols per position.

    Example:
        >>> layer = Values(levels=65536, width=8)
        >>> layer(torch.tensor([[65536, 32768, 32770]]))[0].shape  # the symbol before the first, then two samples
        torch.Size([1, 3, 8])
    """

    def __init__(self, levels: int, width: int, parts: int = 1) -> None:
        super().__init__()
        self.levels, self.parts = levels, parts
        self.linear = nn.Linear(2 * parts + 1, width)

    @property
    def reach(self) -> int:
        """0: a frame depends only on its own symbols."""
        return 0

    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:  # noqa: ARG002
        """No state."""
        return ()

    def forward(self, x: Tensor, context: Context = EMPTY, state: State = None) -> tuple[Tensor, State]:  # noqa: ARG002
        """Integers (B, T), or (B, T, P) if P > 1 -> (B, T, width)."""
        x = x[..., None] if self.parts == 1 else x
        none = x == self.levels
        value = (x.to(self.linear.weight.dtype) * (2 / (self.levels - 1)) - 1).masked_fill(none, 0.0)
        curved = value.sign() * torch.log1p(_MU * value.abs()) * (1 / math.log1p(_MU))
        return self.linear(torch.cat([value, curved, none[..., :1].to(value.dtype)], -1)), state
