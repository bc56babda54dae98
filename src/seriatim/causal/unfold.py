"""A memory read in step with the sequence: dynamic unfolding (Kalchbrenner et al., 2016, ByteNet)."""

from __future__ import annotations

from typing import NamedTuple, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seriatim.causal.base import Causal
from seriatim.context import EMPTY, Context, spread
from seriatim.tree import Fixed, State


class Unfolding(NamedTuple):
    """The projected memory (S, M, C), read-only and zero where masked, and the number of positions passed."""

    fixed: Fixed
    clock: int


@final
class Unfold(Causal):
    """x_t + W · memory_t: frame t reads slot t of `context.memory` (B, M, memory_width), and nothing past its end.

    Slots masked out by `context.mask` add nothing either. Unlike a field, a memory may end before the sequence does.

    Args:
        width: channels of x.
        memory_width: channels of the memory.

    Example:
        >>> layer = Unfold(width=4, memory_width=6)
        >>> y, _ = layer(torch.zeros(1, 5, 4), Context(memory=torch.randn(1, 3, 6)))
        >>> y.abs().sum(2).bool().tolist()
        [[True, True, True, False, False]]
    """

    def __init__(self, width: int, memory_width: int) -> None:
        super().__init__()
        self.map = nn.Linear(memory_width, width, bias=False)

    @property
    def reach(self) -> int:
        """0: no other frame, only the memory."""
        return 0

    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:  # noqa: ARG002
        """The memory projected."""
        return Unfolding(Fixed(self._project(context)), 0)

    def forward(self, x: Tensor, context: Context = EMPTY, state: State = None) -> tuple[Tensor, State]:
        """(B, T, C) -> (B, T, C)."""
        clock, length = 0 if state is None else state.clock, x.shape[1]
        ready = state is not None and not torch.is_grad_enabled()
        columns: Tensor = state.fixed.nest if state is not None and ready else self._project(context)
        there = columns[:, clock : clock + length]
        if there.shape[1]:
            x = x + F.pad(spread(there, x.shape[0]), (0, 0, 0, length - there.shape[1]))
        return x, None if state is None else Unfolding(state.fixed, clock + length)

    def _project(self, context: Context) -> Tensor:
        memory = context.memory
        if memory is None:
            raise ValueError("this model reads context.memory, but there is none")
        columns = self.map(memory)
        return columns if context.mask is None else columns * context.mask[..., None]
