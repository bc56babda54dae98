"""Symbols to frames by table lookup."""

from __future__ import annotations

from typing import final

from jaxtyping import Float, Int
from torch import Tensor, nn

from seriatim.causal.base import Causal
from seriatim.context import EMPTY, Context
from seriatim.tree import State


@final
class Embedding(Causal):
    """A lookup table with one row per symbol: (B, T) integers -> (B, T, width).

    Args:
        symbols: number of rows.
        width: channels of a frame.
        scale: standard deviation of the initial weights.

    Example:
        >>> import torch
        >>> Embedding(symbols=10, width=4)(torch.tensor([[3, 1, 4]]))[0].shape
        torch.Size([1, 3, 4])
    """

    def __init__(self, symbols: int, width: int, scale: float = 0.02) -> None:
        super().__init__()
        self.table = nn.Embedding(symbols, width)
        nn.init.normal_(self.table.weight, std=scale)

    @property
    def reach(self) -> int:
        """0: a frame depends only on its own symbol."""
        return 0

    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:  # noqa: ARG002
        """No state."""
        return ()

    def forward(
        self,
        x: Int[Tensor, "B T"],
        context: Context = EMPTY,  # noqa: ARG002
        state: State = None,
    ) -> tuple[Float[Tensor, "B T C"], State]:
        """Look the symbols up."""
        return self.table(x), state
