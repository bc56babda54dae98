"""The multiplicative unit (Kalchbrenner et al., 2016, Video pixel networks and ByteNet): LSTM-like gates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

from jaxtyping import Bool
from torch import Tensor

from seriatim.causal.base import Causal
from seriatim.causal.conv import Conv
from seriatim.causal.stacks import Stack, Stacked
from seriatim.context import EMPTY, Context
from seriatim.kernels.multiplicative import unit
from seriatim.tree import State


@final
class Multiplicative(Causal, Stacked):
    """MU(h) = g1 · tanh(g2 · h + g3 · u), where sigmoids g1, g2, g3 and u = tanh are each of a causal convolution of h.

    Args:
        width: channels in and out.
        kernel: taps of the convolutions.
        dilation: frames between taps.

    Example:
        >>> import torch
        >>> layer = Multiplicative(width=4, kernel=3, dilation=2)
        >>> layer.reach, layer(torch.zeros(1, 7, 4))[0].shape
        (4, torch.Size([1, 7, 4]))
    """

    def __init__(self, width: int, kernel: int = 3, dilation: int = 1) -> None:
        super().__init__()
        self.conv = Conv(width, 4 * width, kernel, dilation)

    @property
    def reach(self) -> int:
        """That of the convolutions."""
        return self.conv.reach

    def sight(self, steps: int) -> Bool[Tensor, "T T"]:
        """That of the convolutions."""
        return self.conv.sight(steps)

    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:
        """The convolutions' ring."""
        return self.conv.start(batch, context, length)

    def forward(self, x: Tensor, context: Context = EMPTY, state: State = None) -> tuple[Tensor, State]:
        """(B, T, C) -> (B, T, C)."""
        y, state = self.conv(x, context, state)
        return unit(x, y), state

    def stacks(self) -> Mapping[str, Stack]:
        """The four convolutions."""
        return {"conv.conv.weight": Stack.of(self.conv.conv.weight, 4)}
