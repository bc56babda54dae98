"""The convolutions of `shifted`, prepared for stepping: `above` once per row, `along` once per pixel.

Weights are copied. Shapes: B batch, W columns, I and O channels in and out, F channels of a map.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast, final

import torch
import torch.nn.functional as F
from torch import Tensor

from seriatim.raster.shifted import Block, Pair, Shifted, Signed, both, right


def matrix(layer: Shifted) -> tuple[Tensor, Tensor]:
    """A 1 × 1 convolution as (inputs, outputs) and bias."""
    return layer.weight().detach()[:, :, 0, 0].t().contiguous(), layer.bias.detach()


@final
class RowLane:
    """A convolution of two rows, fed one row after another.

    `more`: (O,) or 0, added to the bias.
    """

    def __init__(self, layer: Shifted, more: Tensor | float = 0.0) -> None:
        self.weight, self.bias = layer.weight().detach(), layer.bias.detach() + more
        self.inputs, self.stride = layer.direction.shape[1], layer.stride
        self.left, self.right = layer.left, layer.right

    def start(self, batch: int, width: int) -> Tensor:
        """(B, 2, left + W + right, I): the last two rows, zero-padded."""
        return self.bias.new_zeros(batch, 2, self.left + width + self.right, self.inputs)

    def put(self, x: Tensor, rows: Tensor) -> None:
        """Store a row x (B, W, I), in place."""
        before, last = rows.unbind(1)
        before.copy_(last)
        last.narrow(1, self.left, x.shape[1]).copy_(x)

    def row(self, rows: Tensor) -> Tensor:
        """The outputs (B, W', O) of the last two rows."""
        return F.conv2d(rows.permute(0, 3, 1, 2), self.weight, self.bias, stride=self.stride)[:, :, 0].transpose(1, 2)


@final
class FirstLane:
    """The first map of a stream (`first_map`), which looks above and to the left of a pixel."""

    def __init__(self, above: Shifted, left: Shifted) -> None:
        self.above, self.above_bias = above.weight().detach()[:, :, 0], above.bias.detach()
        self.bias = left.bias.detach()
        self.left = left.weight().detach()[:, :, :, 0].permute(2, 1, 0).contiguous()  # (row, inputs, outputs)

    def row(self, x: Tensor, number: int) -> Tensor:
        """What the finished row x (B, W, I) adds to each pixel of row `number`: (B, W, O). Row 0 has none above it."""
        left = (x if number else torch.zeros_like(x)) @ self.left[0] + self.bias
        first = right(left[:, None])[:, 0]
        if number:
            first = first + F.conv1d(x.transpose(1, 2), self.above, self.above_bias, padding=1).transpose(1, 2)
        return first

    def along(self, first: Tensor, row: Tensor, column: int) -> Tensor:
        """The map (B, O) at a pixel of the current row (B, W, I)."""
        base = first[:, column]
        return torch.addmm(base, row[:, column - 1], self.left[1]) if column else base


class CornerMemory(NamedTuple):
    """State of a convolution of two rows and two columns.

    Attributes:
        row: (B, 1 + W, I) the current row after a zero; to the right of the current pixel, still the previous row.
        base: (B, W, O) what the previous row, conditions and the bias contribute to each pixel of the current row.
    """

    row: Tensor
    base: Tensor


@final
class CornerLane:
    """A convolution of two rows and two columns with its weight copied: `above` once per row, `along` once per pixel.

    `more`: (O,) or 0, added to the bias.
    `signed`: return y and −y concatenated, so that `both` of it is one operation.
    """

    def __init__(self, layer: Shifted, more: Tensor | float = 0.0, signed: bool = False) -> None:
        weight, self.bias = layer.weight().detach(), layer.bias.detach() + more
        if signed:
            weight, self.bias = torch.cat([weight, -weight]), torch.cat([self.bias, -self.bias])
        self.inputs = weight.shape[1]
        self.top, self.taps = (
            weight[:, :, i].permute(2, 1, 0).reshape(2 * self.inputs, -1).contiguous() for i in (0, 1)
        )

    def start(self, batch: int, width: int) -> CornerMemory:
        """Zeros above the first row; call `above` next."""
        new = self.bias.new_zeros
        return CornerMemory(new(batch, 1 + width, self.inputs), new(batch, width, len(self.bias)))

    def above(
        self, memory: CornerMemory, look: Tensor | None = None, more: tuple[Tensor, Tensor] | None = None
    ) -> CornerMemory:
        """Begin a row. Added to each pixel: `look` (B, W or 1, O) and `more`, a map (B, W, J) and its matrix (J, O)."""
        pairs = torch.cat([memory.row[:, :-1], memory.row[:, 1:]], -1)
        base = torch.addmm(self.bias, pairs.flatten(0, 1), self.top)
        if more is not None:
            base.addmm_(more[0].flatten(0, 1), more[1])
        base = base.view_as(memory.base)
        return CornerMemory(memory.row, base if look is None else base + look)

    def put(self, x: Tensor, memory: CornerMemory, column: int) -> None:
        """Store the inputs x (B, I) at a pixel, in place."""
        memory.row.select(1, column + 1).copy_(x)

    def along(self, x: Tensor, memory: CornerMemory, column: int) -> Tensor:
        """Store the inputs x (B, I) at a pixel, and read its outputs (B, O)."""
        self.put(x, memory, column)
        window = memory.row.narrow(1, column, 2).flatten(1)
        return torch.addmm(memory.base.select(1, column), window, self.taps)


@final
class CornerBlockLane:
    """A block that reads above and to the left. `more`: (F,) or 0, the bias of a shortcut."""

    def __init__(self, block: Block, more: Tensor | float = 0.0) -> None:
        self.first, self.second = CornerLane(block.first, more, signed=True), CornerLane(block.second)

    def start(self, batch: int, width: int) -> tuple[CornerMemory, CornerMemory]:
        """The states of both convolutions; call `above` next."""
        return self.first.start(batch, width), self.second.start(batch, width)

    def above(
        self, memories: Sequence[CornerMemory], look: Tensor | None, more: tuple[Tensor, Tensor] | None = None
    ) -> tuple[CornerMemory, CornerMemory]:
        """Begin a row. `look` (B, W or 1, 2F): from conditions; `more`: shortcut's map (B, W, I) and matrix (I, 2F)."""
        return self.first.above(memories[0], more=more), self.second.above(memories[1], look)

    def along(
        self, x: Signed, memories: Sequence[CornerMemory], column: int, more: tuple[Tensor, Tensor] | None = None
    ) -> Signed:
        """One pixel further. `more`: the shortcut's input (B, I) and its matrix (I, 2F)."""
        y = self.first.along(x.both, memories[0], column)
        if more is not None:
            y.addmm_(*more)
        y = self.second.along(F.elu(y, inplace=True), memories[1], column)
        return Signed.of(F.glu(y).add_(x.plain))


@final
class PixelBlockLane:
    """A block that reads only the pixel itself, with its shortcut if it has one.

    Args:
        block: the block.
        parts: channels of each part of its input; `along` takes each as its `both`, then the shortcut's input.
        fixed: (N, I) a last part of the input that is known at each of N places.
    """

    def __init__(self, block: Block, parts: Sequence[int], fixed: Tensor | None = None) -> None:
        weight, base = matrix(block.first)
        sizes = [*parts, 0 if fixed is None else fixed.shape[1]]
        halves = [half.split(sizes) for half in weight.chunk(2)]
        rows = [torch.cat(signs) for signs in zip(*halves, strict=True)]
        last = rows.pop()
        if fixed is not None:
            base = base + both(fixed) @ last
        if block.shortcut is not None:
            more, bias = matrix(block.shortcut)
            rows.append(more)
            base = base + bias
        weight = torch.cat(rows)
        self.first, self.base = torch.cat([weight, -weight], 1), torch.cat([base, -base], -1)
        self.second, self.bias = matrix(block.second)

    def along(self, x: Tensor, inputs: Tensor, look: Tensor | None, at: int = 0) -> Tensor:
        """The block's input x (B, F) and what it reads at a place -> (B, F). `look` (B, 2F): from conditions."""
        base = self.base if self.base.dim() == 1 else self.base[at]
        y = F.elu(torch.addmm(base, inputs, self.first), inplace=True)
        y = torch.addmm(self.bias, y, self.second)
        return F.glu(y if look is None else y.add_(look)).add_(x)


@final
class BlockLanes:
    """A pair of blocks prepared for stepping. `at`: index of their first convolutions in the state, then the second."""

    def __init__(self, pair: Pair, at: int, filters: int) -> None:
        rows, corner = cast(Block, pair.rows), cast(Block, pair.corner)
        self.at, self.blocks = at, (rows, corner)
        self.across, bias = (None, 0.0) if rows.shortcut is None else matrix(rows.shortcut)
        self.rows = RowLane(rows.first, bias), RowLane(rows.second)
        weight, bias = matrix(cast(Shifted, corner.shortcut))
        self.corner = CornerBlockLane(corner, bias)
        halves = torch.cat([weight, -weight], 1).view(2, -1, filters, 2 * filters)
        self.from_rows = halves[:, 0].flatten(0, 1)  # both signs, of u and, on the way up, of ul's shortcut
        self.from_corner = halves[:, 1].flatten(0, 1) if halves.shape[1] > 1 else None

    def down_row(self, u: Signed, across: Signed | None, look: Tensor | None, rows: Sequence[Tensor]) -> Signed:
        """The stream of rows, one row further; `across`: the shortcut's input."""
        self.rows[0].put(u.both, rows[self.at])
        y = self.rows[0].row(rows[self.at])
        if across is not None and self.across is not None:
            y = torch.addmm(y.flatten(0, 1), across.both.flatten(0, 1), self.across).view(y.shape)
        self.rows[1].put(both(y), rows[self.at + 1])
        y = self.rows[1].row(rows[self.at + 1])
        return Signed.of(F.glu(y if look is None else y + look).add_(u.plain))

    def above(self, u: Signed, look: Tensor | None, corners: list[CornerMemory]) -> None:
        """Begin a row of the other stream, whose shortcut from the stream of rows is u (B, W, F)."""
        here = slice(self.at, self.at + 2)
        corners[here] = self.corner.above(corners[here], look, (u.both, self.from_rows))

    def along(self, x: Signed, across: Signed | None, corners: Sequence[CornerMemory], column: int) -> Signed:
        """The other stream at a pixel; `across`: the shortcut's input."""
        more = None if across is None or self.from_corner is None else (across.both, self.from_corner)
        return self.corner.along(x, corners[self.at : self.at + 2], column, more)
