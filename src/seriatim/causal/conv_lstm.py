"""The convolutional LSTM: a memory for every pixel of a film."""

from __future__ import annotations

from typing import NamedTuple, final

import torch
from torch import Tensor, nn

from seriatim.causal.base import Causal
from seriatim.causal.stacks import Stack, Stacked
from seriatim.context import EMPTY, Context
from seriatim.tree import State


class Maps(NamedTuple):
    """Hidden state and cell (B, H, W, h)."""

    hidden: Tensor
    cell: Tensor


@final
class ConvLSTM(Causal, Stacked):
    """An LSTM over frames whose maps are convolutions: every pixel has a memory, and sees its neighbours'.

    Frames x (B, T, H, W, C) -> hidden states (B, T, H, W, h). The gates are o, f, i and the candidate g, concatenated;
    f begins with a bias of 1. What the frames add to them is computed for all at once.

    Args:
        channels: C.
        width: h.
        size: (H, W) of the frames, for a state before the first one.
        kernel: side of both convolutions, odd.

    Reference: Shi et al. (2015), Convolutional LSTM network.

    Example:
        >>> layer = ConvLSTM(channels=3, width=4, size=(5, 6))
        >>> layer(torch.randn(2, 7, 5, 6, 3))[0].shape
        torch.Size([2, 7, 5, 6, 4])
    """

    def __init__(self, channels: int, width: int, size: tuple[int, int], kernel: int = 3) -> None:
        super().__init__()
        self.width, self.size, self.kernel = width, size, kernel
        self.inputs = nn.Conv2d(channels, 4 * width, kernel, padding=kernel // 2)
        self.states = nn.Conv2d(width, 4 * width, kernel, padding=kernel // 2, bias=False)
        with torch.no_grad():
            assert self.inputs.bias is not None
            self.inputs.bias.zero_()[width : 2 * width] = 1

    @property
    def reach(self) -> None:
        """None: all frames before."""
        return

    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:  # noqa: ARG002
        """Zeros."""
        new = self.states.weight.new_zeros
        return Maps(new(batch, *self.size, self.width), new(batch, *self.size, self.width))

    def forward(self, x: Tensor, context: Context = EMPTY, state: State = None) -> tuple[Tensor, State]:  # noqa: ARG002
        """(B, T, H, W, C) -> (B, T, H, W, h)."""
        gates = self.inputs(x.flatten(0, 1).permute(0, 3, 1, 2)).unflatten(0, x.shape[:2])
        if state is None:
            hidden = cell = gates.new_zeros(x.shape[0], self.width, *x.shape[2:4])
        else:
            hidden, cell = (each.permute(0, 3, 1, 2) for each in state)
        each: list[Tensor] = []
        for t, y in enumerate(gates.unbind(1)):
            if state is not None or t:  # the first frame of a film has no states to read
                y = y + self.states(hidden)
            o, f, i, g = y.chunk(4, 1)
            cell = torch.addcmul(f.sigmoid() * cell, i.sigmoid(), g.tanh())
            hidden = o.sigmoid() * cell.tanh()
            each.append(hidden)
        # stacked as they lie, channels last: a copy less
        y = torch.stack([h.permute(0, 2, 3, 1) for h in each], 1) if each else x.new_zeros(*x.shape[:-1], self.width)
        after = None if state is None else Maps(hidden.permute(0, 2, 3, 1), cell.permute(0, 2, 3, 1))
        return y, after

    def stacks(self) -> dict[str, Stack]:
        """A matrix for each gate."""
        return {f"{name}.weight": Stack.of(getattr(self, name).weight, 4) for name in ("inputs", "states")}
