"""Diagonal BiLSTM: states passed along diagonals from both sides, so that a pixel sees all but one earlier sub-pixel.

The idea: a state reads those of the pixel to its left and of the pixel above, so all pixels of a diagonal are computed
at once. A mirrored direction reads those to the right and above. Its state at a pixel knows what is to the right, which
is still to come, so its map is used one row lower. Together they see everything earlier, with one exception (`sees`):
the map at a pixel leaves out its own last colour, which the next pixel sees. The last pixel of a row has no next one,
so its last colour is missing in the row below, except within the first kernel's reach.

Deviations from the paper: those of `pixelrnn`; a cell state comes from the left (in the mirrored direction from the
right), as in the paper's skewed map, while the hidden state is read from both.

Reference: van den Oord, Kalchbrenner, Kavukcuoglu (2016), Pixel recurrent neural networks, section 3.2.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast, final

import torch
import torch.nn.functional as F
from torch import Tensor

from seriatim.context import Context
from seriatim.models.grid import Place, given, row_of
from seriatim.models.pixelrnn import Gates, PixelRNN, PixelRNNConfig, PixelRNNStepper, Position
from seriatim.raster.sweep import cell, diagonals, sweep, swept
from seriatim.tree import State
from seriatim.walks.walk import Stepper


@final
class DiagonalBiLSTM(PixelRNN):
    """LSTM layers whose states are passed from above and the left and, mirrored, from above and the right.

    Example:
        >>> model = DiagonalBiLSTM(PixelRNNConfig(height=4, width=4, levels=8, filters=6, layers=1))
        >>> model.log_prob(torch.randint(8, (2, 4, 4, 1))).shape
        torch.Size([2])
        >>> model.sample(n=2, length=4 * 4).view(2, *model.canvas).shape
        torch.Size([2, 4, 4, 1])
    """

    def __init__(self, config: PixelRNNConfig) -> None:
        super().__init__(config, 2, 1, 2)

    def states(self, gates: Sequence[Gates], x: Tensor, context: Context) -> Tensor:
        """Both directions, the mirrored one a row lower."""
        maps, weight = [g(x, context) for g in gates], torch.stack([g.state for g in gates])
        y = sweep(maps, weight, diagonals(*x.shape[1:3])).unflatten(2, x.shape[1:3])
        return y[0] + F.pad(y[1, :, :-1], (0, 0, 0, 0, 1, 0))

    def handed_on(self, seen: Tensor) -> Tensor:
        """From the left and above, and a row higher also from the right."""
        reads = [(1, 0), (0, 1)]
        mirrored = swept(seen.flip(1), reads).flip(1)
        return swept(seen, reads) | torch.cat([torch.zeros_like(seen[:1]), mirrored[:-1]])

    def packed(self) -> Stepper:
        """The mirrored direction and the contribution of the row above are computed once per row, for all layers."""
        return _Packed(self)


class _Mirror(NamedTuple):
    """State of the mirrored direction.

    Attributes:
        maps: (B, L, W, 2h) each layer's input in the current row.
        hidden: (B, L, W, h) the mirrored states of the row above.
    """

    maps: Tensor
    hidden: Tensor


@final
class _Packed(PixelRNNStepper):
    """Finished rows by a few products and a short backward pass, sub-pixels by two or three products per layer."""

    def __init__(self, model: DiagonalBiLSTM) -> None:
        super().__init__(model)
        state = torch.stack([torch.stack([g.state.detach() for g in gates]) for gates in self.gates])
        above, beside = state.chunk(2, 2)  # (L, 2, h, 4h) each
        self.above, self.mirrored_above, self.mirrored_beside = above[:, 0], above[:, 1], beside[:, 1]
        self.beside = [weight[:, lane.order] for weight, lane in zip(beside[:, 0], self.lanes[1:-3:2], strict=True)]
        inputs = [gates[1].input for gates in self.gates]
        self.inputs = torch.stack([(conv.weight * conv.mask).detach()[:, :, 0, 0].t() for conv in inputs])
        self.bias = torch.stack([conv.bias.detach() for conv in inputs])[:, None]

    def empty(self, batch: int) -> tuple[int, State]:
        """One cell, that of the pixel to the left."""
        c, new = self.config, self.bias.new_zeros
        maps, hidden = (new(batch, c.layers, c.width, n) for n in (2 * c.filters, c.filters))
        return 1, _Mirror(maps, hidden)

    def begin(self, state: Position, row: int) -> Position:
        """Run the mirrored direction through the row above, and add the contribution of that row's states."""
        if row:
            state.more.hidden.copy_(self._mirrored(state, row - 1))
        state.cells.zero_()
        return state._replace(memories=self.enter(state, row, _per_layer(state.hidden, self.above)))

    def _mirrored(self, state: Position, row: int) -> Tensor:
        """(B, L, W, h): the mirrored states of a finished row, all layers at once, from right to left."""
        maps, hidden = cast(_Mirror, state.more)
        adds = _per_layer(maps, self.inputs, self.bias) + _per_layer(hidden, self.mirrored_above)
        for add, looks in zip(adds, state.looks.nest, strict=True):
            look = row_of(given(looks[1]), row)
            if look is not None:
                add += look
        new = adds.new_zeros
        h, c = (new(*adds.shape[:2], self.config.filters) for _ in range(2))
        done: list[Tensor] = []
        for add in reversed(adds.unbind(2)):
            h, c = cell(torch.baddbmm(add, h, self.mirrored_beside), c)
            done.append(h)
        return torch.stack(done[::-1], 2).transpose(0, 1)

    def state(self, number: int, x: Tensor, state: Position, at: Place) -> Tensor:
        """One cell step from the pixel to the left."""
        memory, column = state.memories[1 + 2 * number], at.column
        if column and at.colour == 0:
            memory.base[:, column].addmm_(state.hidden[:, number, column - 1], self.beside[number])
        state.more.maps[:, number, column, slice(*self.maps[at.colour])] = x
        gates = self.lanes[1 + 2 * number].along(x, memory, column, at.colour)
        group = slice(*self.states[at.colour])
        hidden, state.cells[:, number, 0, group] = cell(gates, state.cells[:, number, 0, group])
        state.hidden[:, number, column, group] = hidden
        return hidden + state.more.hidden[:, number, column, group]


def _per_layer(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x (B, L, W, I) times (L, I, O), plus (L, 1, O) -> (L, B, W, O)."""
    flat = x.transpose(0, 1).flatten(1, 2)
    y = torch.bmm(flat, weight) if bias is None else torch.baddbmm(bias, flat, weight)
    return y.unflatten(1, (x.shape[0], x.shape[2]))
