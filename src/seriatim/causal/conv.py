"""Dilated causal convolution (van den Oord et al., 2016, WaveNet) with its past in a ring buffer."""

from __future__ import annotations

from typing import NamedTuple, final

import torch
import torch.nn.functional as F
from jaxtyping import Bool
from torch import Tensor, nn

from seriatim.causal.base import Causal
from seriatim.context import EMPTY, Context
from seriatim.tree import State


class Ring(NamedTuple):
    """The last R frames (B, R, C); slot `clock % R` holds the oldest."""

    frames: Tensor
    clock: int


@final
class Conv(Causal):
    """y_t = b + Σ_j W_j x_(t − j·dilation), j = 0 … kernel−1, zeros before the start.

    A chunk is one convolution over past and present. A single frame reads its taps from a ring buffer and overwrites
    the oldest frame, which is 3.5 times faster than concatenating past and present.

    Args:
        in_channels: C.
        out_channels: C'.
        kernel: number of taps.
        dilation: frames between taps.
        groups: as in `torch.nn.Conv1d`.

    Example:
        >>> layer, x = Conv(3, 5, kernel=2, dilation=4), torch.randn(1, 9, 3)
        >>> layer.reach
        4
        >>> y, _ = layer(x)
        >>> with torch.no_grad():
        ...     start, state = layer(x[:, :8], EMPTY, layer.start(1))
        ...     last, state = layer(x[:, 8:], EMPTY, state)
        >>> torch.allclose(y[:, 8:], last, atol=1e-6)
        True
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int = 2, dilation: int = 1, groups: int = 1
    ) -> None:
        super().__init__()
        self.conv = nn.Conv1d(in_channels, out_channels, kernel, dilation=dilation, groups=groups)
        self.kernel, self.dilation = kernel, dilation

    @property
    def reach(self) -> int:
        """(kernel − 1) · dilation frames."""
        return (self.kernel - 1) * self.dilation

    def sight(self, steps: int) -> Bool[Tensor, "T T"]:
        """The taps; a dilation skips the frames between them."""
        lags = torch.arange(steps)[:, None] - torch.arange(steps)
        return (lags >= 0) & (lags <= self.reach) & (lags % self.dilation == 0)

    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:  # noqa: ARG002
        """A ring of zeros."""
        return Ring(self.conv.weight.new_zeros(batch, self.reach, self.conv.in_channels), 0)

    def forward(self, x: Tensor, context: Context = EMPTY, state: State = None) -> tuple[Tensor, State]:  # noqa: ARG002
        """(B, T, C) -> (B, T, C')."""
        if state is None:
            return self._convolve(F.pad(x, (0, 0, self.reach, 0))), None
        if x.shape[1] == 1 and not torch.is_grad_enabled():
            return self._step(x, state)
        past = state.frames.roll(-state.clock, 1) if state.clock else state.frames
        seen = torch.cat([past, x], 1)
        return self._convolve(seen), Ring(seen[:, seen.shape[1] - self.reach :], 0)

    def _convolve(self, seen: Tensor) -> Tensor:
        if seen.shape[1] <= self.reach:  # an empty chunk
            return seen.new_zeros(seen.shape[0], 0, self.conv.out_channels)
        return self.conv(seen.transpose(1, 2)).transpose(1, 2)

    def _step(self, x: Tensor, ring: Ring) -> tuple[Tensor, State]:
        size, clock = self.reach, ring.clock
        taps = [ring.frames[:, (clock - j * self.dilation) % size] for j in range(self.kernel - 1, 0, -1)]
        window = torch.stack([*taps, x[:, 0]], 2)  # (B, C, kernel), oldest first as Conv1d has it
        y = F.conv1d(window, self.conv.weight, self.conv.bias, groups=self.conv.groups)
        if size:
            ring.frames[:, clock % size] = x[:, 0]
        return y.transpose(1, 2), Ring(ring.frames, (clock + 1) % size if size else 0)
