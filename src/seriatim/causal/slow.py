"""A layer that runs at a slower rate than the samples: WaveNet's context stack.

van den Oord et al. (2016), WaveNet: A generative model for raw audio, section 2.6.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple, final

import torch
from jaxtyping import Bool
from torch import Tensor

from seriatim.causal.base import Causal
from seriatim.context import EMPTY, Context
from seriatim.tree import State


class Blocks(NamedTuple):
    """The current block (B, hop, C), the output held during it (B, C'), frames passed, the net's state."""

    frames: Tensor
    held: Tensor
    clock: int
    net: State


@final
class Slow(Causal):
    """`net` reads blocks of `hop` frames as one frame each; its output for one block is held during the next.

    y_t for t in block k is the net's output for blocks 0 … k − 1, and zero in block 0. It is therefore constant over a
    block, a field of that hop (`columns`), and never depends on the current block.

    The net gets each block whole, as hop · C channels; its first layer decides how to pool. It sees `context.vector`
    and `context.memory`, but not the field, which has the frames' rate.

    Args:
        net: (B, N, hop · C) -> (B, N, width).
        hop: frames per block.
        channels: C.
        width: C'.

    Example:
        >>> from seriatim.layers import Pointwise
        >>> layer = Slow(Pointwise(torch.nn.Linear(4 * 3, 2)), hop=4, channels=3, width=2)
        >>> y, _ = layer(torch.randn(1, 8, 3))
        >>> y.shape, y[:, :4].abs().sum().item()  # nothing is known of a block before the first
        (torch.Size([1, 8, 2]), 0.0)
    """

    def __init__(self, net: Causal, hop: int, channels: int, width: int) -> None:
        super().__init__()
        self.net, self.hop, self.channels, self.width = net, hop, channels, width

    @property
    def reach(self) -> int | None:
        """From the last frame of a block to the first frame of the earliest block that the previous block sees."""
        return None if self.net.reach is None else (2 + self.net.reach) * self.hop - 1

    def sight(self, steps: int) -> Bool[Tensor, "T T"]:
        """What the net sees from the previous block, frame by frame."""
        block = torch.arange(steps) // self.hop
        slow = self.net.sight(-(-steps // self.hop))
        return slow[(block - 1).clamp_min(0)][:, block] & (block > 0)[:, None]

    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:
        """An empty block, and zeros as the held output."""
        new = next(self.parameters()).new_zeros
        slow = None if length is None else length // self.hop
        frames, held = new(batch, self.hop, self.channels), new(batch, self.width)
        return Blocks(frames, held, 0, self.net.start(batch, _slow(context), slow))

    def forward(self, x: Tensor, context: Context = EMPTY, state: State = None) -> tuple[Tensor, State]:
        """(B, T, C) -> (B, T, C')."""
        phase = 0 if state is None else state.clock % self.hop
        columns, state = self.columns(x, context, state)
        at = torch.arange(phase, phase + x.shape[1], device=x.device) // self.hop
        return columns[:, at], state

    def columns(self, x: Tensor, context: Context = EMPTY, state: State = None) -> tuple[Tensor, State]:
        """x (B, T, C) -> the output held during each block that x touches (B, N, C'); x may start within the first."""
        if state is None:
            done = max(0, x.shape[1] - 1) // self.hop
            held = x.new_zeros(x.shape[0], 1 if x.shape[1] else 0, self.width)
            if not done:
                return held, None
            return torch.cat([held, self.net(self._whole(x, done), _slow(context))[0]], 1), None
        phase = state.clock % self.hop
        clock = state.clock + x.shape[1]
        if x.shape[1] == 1 and not torch.is_grad_enabled():
            state.frames[:, phase] = x[:, 0]
            return state.held[:, None], self._turn(state._replace(clock=clock), context)
        seen = torch.cat([state.frames[:, :phase], x], 1)
        done = seen.shape[1] // self.hop
        columns, net = state.held[:, None], state.net
        if done:
            y, net = self.net(self._whole(seen, done), _slow(context), net)
            columns = torch.cat([columns, y], 1)
        rest = seen[:, done * self.hop :]
        room = rest.new_zeros(rest.shape[0], self.hop - rest.shape[1], self.channels)
        after = Blocks(torch.cat([rest, room], 1), columns[:, -1], clock, net)
        return columns[:, : -(-seen.shape[1] // self.hop) if x.shape[1] else 0], after

    def _turn(self, state: Blocks, context: Context) -> Blocks:
        """At the end of a block, the net reads it."""
        if state.clock % self.hop:
            return state
        y, net = self.net(self._whole(state.frames, 1), _slow(context), state.net)
        return Blocks(state.frames, y[:, 0], state.clock, net)

    def _whole(self, x: Tensor, blocks: int) -> Tensor:
        return x[:, : blocks * self.hop].reshape(x.shape[0], blocks, self.hop * self.channels)


def _slow(context: Context) -> Context:
    """The context without its field, which has the frames' rate."""
    return context if context.field is None else replace(context, field=None, hop=1, offset=0)
