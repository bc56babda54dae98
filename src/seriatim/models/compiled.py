"""What compiled steps share: arrays as kernels take them, and for sequences the steps around a family's kernel."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seriatim.heads import Head, MixtureHead
from seriatim.models.sequence import Folded, Position
from seriatim.tree import State


class Compiled(Folded):
    """Mixed into folded steps: a whole step in one compiled call, and runs of steps with their draws.

    A family gives `draw`: one call of its kernel.
    """

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


def array(x: Tensor) -> NDArray[Any]:
    """A tensor as kernels take it: contiguous, in the tensor's own memory if it is so already."""
    return x.detach().contiguous().numpy()


def check_rows(rows: int, conditions: int) -> None:
    """Check that conditions have as many rows as what is drawn: kernels read without looking.

    Raises:
        ValueError: otherwise.
    """
    if rows != conditions:
        raise ValueError(f"{rows} rows are drawn with conditions of {conditions}; give one condition a row")


def mixture_of(head: Head, levels: int) -> tuple[tuple[float, ...], bool]:
    """What kernels need to know of a mixture, as `draw_mixture` takes it, and whether they know its temperature.

    A softmax is told by no components. A mixture's temperature is a matter of its whole table.
    """
    if isinstance(head, MixtureHead):
        normal = int(head.kind == "normal")
        return (levels, head.mixtures, normal, float(head.spread), head.floor, head.ceiling), False
    return (levels, 0, 0, 1.0, 0.0, 0.0), True


def flat(tensors: Sequence[Tensor]) -> Tensor:
    """All tensors one after another in one dimension: where they lie so already, without a copy."""
    first, sizes = tensors[0], [each.numel() for each in tensors]
    place, storage = first.storage_offset(), first.untyped_storage().data_ptr()
    for x, size in zip(tensors, sizes, strict=True):
        if x.untyped_storage().data_ptr() != storage or x.storage_offset() != place or not x.is_contiguous():
            return torch.cat([each.reshape(-1) for each in tensors])
        place += size
    return first.as_strided((sum(sizes),), (1,), first.storage_offset())
