"""What compiled steps of sequence models share. A family gives `draw`: one call of its kernel."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seriatim.models.sequence import Folded, Position, array
from seriatim.tree import State


class Compiled(Folded):
    """Mixed into folded steps: a whole step in one compiled call, and runs of steps with their draws."""

    backend, heats = "native", True
    symbols: Tensor  # (K, C) the embedding

    @abstractmethod
    def draw(
        self, prev: NDArray[Any], state: Position, noise: NDArray[Any], heat: float, out: NDArray[Any]
    ) -> tuple[Any, Position]:
        """Read prev (B,) and draw as many positions as `out` (B, n) has, with noise (B, n).

        Without any, one step and no draw.

        Returns:
            The kernel's room, whose `parameters` (B, K) are those of the last position, and the state after it.
        """

    @torch.no_grad()
    def step(self, prev: Tensor, state: State) -> tuple[Tensor, State]:
        """prev (B,) -> logits (B, K)."""
        none = np.empty((len(prev), 0))
        room, after = self.draw(self._before(prev, state), state, none, 1.0, none.astype(np.int64))
        return torch.from_numpy(room.parameters), after

    @torch.no_grad()
    def run(self, prev: Tensor, state: State, noise: Tensor, heat: float) -> tuple[Tensor, State]:
        """As many positions as noise (B, T, 1) has numbers for."""
        out = np.empty(noise.shape[:2], np.int64)
        _, after = self.draw(self._before(prev, state), state, array(noise[..., 0]), float(heat), out)
        return torch.from_numpy(out), after

    def _before(self, prev: Tensor, state: Position) -> NDArray[Any]:
        """The symbols that the kernel reads, which does not check them."""
        before = array(torch.full_like(prev, int(self.first)) if state.clock == 0 else prev)
        if before.size and not 0 <= before.min() <= before.max() < len(self.symbols):
            raise IndexError(f"a symbol is not in 0 … {len(self.symbols) - 1}")
        return before
