"""Row LSTM: states passed down from row to row by a convolution.

The idea: every pixel of a row is an LSTM cell whose time is the rows. A cell reads the layer's map to the left in its
own row, by a masked convolution for all rows at once, and the states of the finished row above, by an unmasked one.
With a kernel of 3, each layer sees a triangle that widens by one pixel per row on each side.

Deviations from the paper: those of `pixelrnn`.

Reference: van den Oord, Kalchbrenner, Kavukcuoglu (2016), Pixel recurrent neural networks, section 3.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import torch
import torch.nn.functional as F
from torch import Tensor

from seriatim.context import Context
from seriatim.models.grid import Place, check_kernel
from seriatim.models.pixelrnn import Gates, PixelRNN, PixelRNNConfig, PixelRNNStepper, Position
from seriatim.raster.sweep import cell, rows, sweep, swept
from seriatim.tree import State
from seriatim.walks.walk import Stepper


@final
@dataclass(frozen=True)
class RowLSTMConfig(PixelRNNConfig):
    """Sizes of a Row LSTM: those of a PixelRNN, plus a kernel.

    Attributes:
        kernel: size of both convolutions along a row, odd.

    Example:
        >>> RowLSTMConfig(kernel=5, filters=32).outer
        64
    """

    kernel: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        check_kernel("kernel", self.kernel)


@final
class RowLSTM(PixelRNN):
    """LSTM layers whose states are passed down from row to row.

    Example:
        >>> model = RowLSTM(RowLSTMConfig(height=4, width=4, levels=8, filters=6, layers=1))
        >>> model.log_prob(torch.randint(8, (2, 4, 4, 1))).shape
        torch.Size([2])
        >>> model.sample(n=2, length=4 * 4).view(2, *model.canvas).shape
        torch.Size([2, 4, 4, 1])
    """

    def __init__(self, config: RowLSTMConfig) -> None:
        super().__init__(config, 1, config.kernel, config.kernel)
        self.side = config.kernel // 2

    def states(self, gates: Sequence[Gates], x: Tensor, context: Context) -> Tensor:
        """Each pixel's state from those of its neighbours in the row above."""
        y = sweep([gates[0](x, context)], gates[0].state[None], rows(*x.shape[1:3]))
        return y[0].unflatten(1, x.shape[1:3])

    def handed_on(self, seen: Tensor) -> Tensor:
        """A triangle that widens upwards."""
        return swept(seen, [(1, left) for left in range(-self.side, self.side + 1)])

    def packed(self) -> Stepper:
        """The contribution of the row above is computed once per row, for all layers."""
        return _Packed(self)


@final
class _Packed(PixelRNNStepper):
    """Finished rows by one product, sub-pixels by two per layer."""

    def __init__(self, model: RowLSTM) -> None:
        super().__init__(model)
        self.side = model.side
        self.above = torch.stack([gates[0].state.detach() for gates in self.gates])  # (L, taps · h, 4h)

    def empty(self, batch: int) -> tuple[int, State]:  # noqa: ARG002
        """One cell per column."""
        return self.config.width, ()

    def begin(self, state: Position, row: int) -> Position:
        """The contribution of the states of the row above, for all layers in one product."""
        padded = F.pad(state.hidden.transpose(0, 1), (0, 0, self.side, self.side))
        windows = padded.unfold(2, 2 * self.side + 1, 1).transpose(-1, -2).flatten(-2)  # (L, B, W, taps · h)
        adds = torch.bmm(windows.flatten(1, 2), self.above).unflatten(1, windows.shape[1:3])
        return state._replace(memories=self.enter(state, row, adds))

    def state(self, number: int, x: Tensor, state: Position, at: Place) -> Tensor:
        """One cell step from the pixel above."""
        gates = self.lanes[1 + 2 * number].along(x, state.memories[1 + 2 * number], at.column, at.colour)
        here = (slice(None), number, at.column, slice(*self.states[at.colour]))
        hidden, state.cells[here] = cell(gates, state.cells[here])
        state.hidden[here] = hidden
        return hidden
