"""Weight-normalised convolutions that reach up and to the left, as PixelCNN++ has them.

Salimans et al. (2017), PixelCNN++; Salimans and Kingma (2016), Weight normalization, for the initialisation that looks
at data. Shapes: B batch, H rows, W columns, channels last.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, cast, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from seriatim.causal.dropout import ByteDropout
from seriatim.causal.look import Look
from seriatim.context import Context


@final
class Shifted(nn.Module):
    """A convolution over the rows above and its own, and over the columns to the left, or to both sides.

    Args:
        inputs: channels in.
        outputs: channels out.
        rows: of the kernel; the last one is the pixel's own.
        columns: of the kernel.
        corner: whether the last column is the pixel's own; else the middle one is.
        stride: 2 halves height and width, rounded up.
        up: the reverse of stride 2: doubles height and width (a transposed convolution).
        scale: standard deviation of the outputs after `calibrate`.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        rows: int = 1,
        columns: int = 1,
        *,
        corner: bool = False,
        stride: int = 1,
        up: bool = False,
        scale: float = 1.0,
    ) -> None:
        super().__init__()
        self.rows, self.columns, self.corner, self.stride, self.up, self.scale = (
            rows,
            columns,
            corner,
            stride,
            up,
            scale,
        )
        self.left = columns - 1 if corner else columns // 2
        self.right = 0 if corner else columns // 2
        shape = (inputs, outputs) if up else (outputs, inputs)
        self.direction = nn.Parameter(0.05 * torch.randn(*shape, rows, columns))
        self.length = nn.Parameter(torch.ones(outputs))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.calibrating = False

    def weight(self) -> Tensor:
        """Each output's direction, made as long as its `length`."""
        axis = 1 if self.up else 0
        others = tuple(i for i in range(4) if i != axis)
        norm = torch.linalg.vector_norm(self.direction, dim=others, keepdim=True)
        return self.direction * (self.length.view([-1 if i == axis else 1 for i in range(4)]) / norm)

    def forward(self, x: Tensor) -> Tensor:
        """(B, H, W, inputs) -> (B, H', W', outputs)."""
        if not self.calibrating:
            return self.apply_weight(x, self.weight(), self.bias)
        with torch.no_grad():  # the outputs of this batch become centred, and as spread as `scale` says
            self.length.fill_(1.0)
            y = self.apply_weight(x, self.weight(), None)
            mean, spread = y.mean((0, 1, 2)), y.std((0, 1, 2)).clamp_min(1e-6)
            self.length.copy_(self.scale / spread)
            self.bias.copy_(-mean * self.scale / spread)
            return y * self.length + self.bias

    def apply_weight(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """The convolution with a weight of this one's shape."""
        if self.up:
            y = F.conv_transpose2d(x.permute(0, 3, 1, 2), weight, bias, stride=2).permute(0, 2, 3, 1)
            return y[:, :, self.right :]
        if self.rows == self.columns == 1:
            return F.linear(x, weight[:, :, 0, 0], bias)
        padded = F.pad(x, (0, 0, self.left, self.right, self.rows - 1, 0)).permute(0, 3, 1, 2)
        return F.conv2d(padded, weight, bias, stride=self.stride).permute(0, 2, 3, 1)


def down(x: Tensor) -> Tensor:
    """Every row one lower, zeros above."""
    return F.pad(x[:, :-1], (0, 0, 0, 0, 1, 0))


def right(x: Tensor) -> Tensor:
    """Every column one further, zeros before."""
    return F.pad(x[:, :, :-1], (0, 0, 1, 0))


def both(x: Tensor) -> Tensor:
    """elu of x and of −x, side by side: a rectifier that keeps both signs."""
    return F.elu(torch.cat([x, -x], -1), inplace=True)


def sight_between(layer: Shifted, of: tuple[int, int], to: tuple[int, int]) -> Tensor:
    """(N_to, N_of) bool: which pixels of the map that a convolution reads each pixel of the one it writes sees."""
    see = torch.zeros(*to, *of, dtype=torch.bool)
    for i in range(to[0]):
        for j in range(to[1]):
            if layer.up:
                first, last, top, bottom = (j - layer.right + 1) // 2, (j + layer.right) // 2, i // 2, i // 2
            else:
                row, column = i * layer.stride, j * layer.stride
                first, last, top, bottom = column - layer.left, column + layer.right, row - layer.rows + 1, row
            see[i, j, max(top, 0) : bottom + 1, max(first, 0) : last + 1] = True
    return see.view(to[0] * to[1], of[0] * of[1])


@final
class RowLane:
    """A convolution of two rows, its weight copied, fed with one row after the other."""

    def __init__(self, layer: Shifted) -> None:
        self.weight, self.bias = layer.weight().detach(), layer.bias.detach()
        self.inputs, self.stride = layer.direction.shape[1], layer.stride
        self.left, self.right = layer.left, layer.right

    def start(self, batch: int, width: int) -> Tensor:
        """(B, W, I): the row before the first."""
        return self.bias.new_zeros(batch, width, self.inputs)

    def row(self, x: Tensor, before: Tensor) -> Tensor:
        """x (B, W, I) and the row before it -> (B, W', O)."""
        rows = F.pad(torch.stack([before, x], 1), (0, 0, self.left, self.right)).permute(0, 3, 1, 2)
        return F.conv2d(rows, self.weight, self.bias, stride=self.stride)[:, :, 0].transpose(1, 2)


class CornerMemory(NamedTuple):
    """Where a convolution of two rows and two columns stands.

    Attributes:
        row: (B, 1 + W, I) the row under way, behind a zero; to the right of the pixel under way still the one before.
        base: (B, W, O) what the row before, conditions and the bias add to each pixel of the row under way.
    """

    row: Tensor
    base: Tensor


@final
class CornerLane:
    """A convolution of two rows and two columns, its weight copied: above once a row, along once a pixel.

    `signed`: it gives y and −y side by side, of which `both` is then one operation.
    """

    def __init__(self, layer: Shifted, signed: bool = False) -> None:
        weight, self.bias = layer.weight().detach(), layer.bias.detach()
        if signed:
            weight, self.bias = torch.cat([weight, -weight]), torch.cat([self.bias, -self.bias])
        self.inputs = weight.shape[1]
        self.top, self.taps = (
            weight[:, :, i].permute(2, 1, 0).reshape(2 * self.inputs, -1).contiguous() for i in (0, 1)
        )

    def start(self, batch: int, width: int) -> CornerMemory:
        """Above the first row there are zeros; `above` follows."""
        new = self.bias.new_zeros
        return CornerMemory(new(batch, 1 + width, self.inputs), new(batch, width, len(self.bias)))

    def above(self, memory: CornerMemory, more: Tensor | None = None) -> CornerMemory:
        """Begin a row; `more` (B, W or 1, O) is added to each pixel."""
        pairs = torch.cat([memory.row[:, :-1], memory.row[:, 1:]], -1)
        base = pairs @ self.top + self.bias
        return CornerMemory(memory.row, base if more is None else base + more)

    def put(self, x: Tensor, memory: CornerMemory, column: int) -> None:
        """Note the inputs x (B, I) at a pixel, in place."""
        memory.row.select(1, column + 1).copy_(x)

    def along(self, x: Tensor, memory: CornerMemory, column: int) -> Tensor:
        """Note the inputs x (B, I) at a pixel, and read its outputs (B, O)."""
        self.put(x, memory, column)
        window = memory.row.narrow(1, column, 2).flatten(1)
        return torch.addmm(memory.base.select(1, column), window, self.taps)


@final
class Block(nn.Module):
    """A gated residual block: x + a · σ(b), where a, b come from two convolutions and a shortcut.

    Args:
        f: channels in and out.
        corner: whether it reads above and to the left, or above only.
        shortcut: channels of what it takes from elsewhere; 0 for none.
        dropout: share of activations silenced in training.
        vector: channels of the global condition.
    """

    def __init__(self, f: int, corner: bool, shortcut: int, dropout: float, vector: int) -> None:
        super().__init__()
        columns = 2 if corner else 3
        self.first = Shifted(2 * f, f, 2, columns, corner=corner)
        self.shortcut = Shifted(2 * shortcut, f) if shortcut else None
        self.drop = ByteDropout(dropout)
        self.second = Shifted(2 * f, 2 * f, 2, columns, corner=corner, scale=0.1)
        self.look = Look(2 * f, vector)

    def forward(self, x: Tensor, across: Tensor | None, context: Context) -> Tensor:
        """(B, H, W, F) -> the same; `across`: what the shortcut brings."""
        y = self.first(both(x))
        if self.shortcut is not None and across is not None:
            y = y + self.shortcut(both(across))
        y = self.second(self.drop(both(y)))
        look = self.look(context)
        a, b = (y if look is None else y + look).chunk(2, -1)
        return x + a * b.sigmoid()


@final
class Pair(nn.Module):
    """What both streams do at one place: `rows` reads above, `corner` above and to the left."""

    def __init__(self, rows: nn.Module, corner: nn.Module) -> None:
        super().__init__()
        self.rows, self.corner = rows, corner


class Signed(NamedTuple):
    """A map at a pixel, and its `both`, which the next block reads and a shortcut too.

    Attributes:
        plain: (B, F).
        both: (B, 2F).
    """

    plain: Tensor
    both: Tensor

    @classmethod
    def of(cls, x: Tensor) -> Signed:
        """Of a map (B, F)."""
        return cls(x, both(x))


@final
class BlockLanes:
    """A pair of blocks taken apart. `at`: of their first convolutions among the state's, the second ones follow."""

    def __init__(self, pair: Pair, at: int, filters: int) -> None:
        rows, corner = cast(Block, pair.rows), cast(Block, pair.corner)
        self.at, self.blocks = at, (rows, corner)
        self.rows = RowLane(rows.first), RowLane(rows.second)
        self.corner = CornerLane(corner.first, signed=True), CornerLane(corner.second)
        self.across = None if rows.shortcut is None else matrix(rows.shortcut)
        weight, bias = matrix(cast(Shifted, corner.shortcut))
        weight, self.bias = torch.cat([weight, -weight], 1), torch.cat([bias, -bias])
        halves = weight.view(2, -1, filters, weight.shape[1])  # both signs, of u and, on the way up, of ul's shortcut
        self.from_rows = halves[:, 0].flatten(0, 1)
        self.from_corner = halves[:, 1].flatten(0, 1) if halves.shape[1] > 1 else None

    def down_row(self, u: Tensor, across: Tensor | None, look: Tensor | None, before: list[Tensor]) -> Tensor:
        """The stream of rows, one row on."""
        x = both(u)
        y, before[self.at] = self.rows[0].row(x, before[self.at]), x
        if across is not None and self.across is not None:
            y = y + both(across) @ self.across[0] + self.across[1]
        x = both(y)
        y, before[self.at + 1] = self.rows[1].row(x, before[self.at + 1]), x
        return _gated(u, y if look is None else y + look)

    def above(self, u: Tensor, look: Tensor | None, corners: list[CornerMemory]) -> None:
        """Begin a row of the other stream, whose shortcut from the stream of rows is u (B, W, F)."""
        corners[self.at] = self.corner[0].above(corners[self.at], both(u) @ self.from_rows + self.bias)
        corners[self.at + 1] = self.corner[1].above(corners[self.at + 1], look)

    def along(self, x: Signed, across: Signed | None, corners: Sequence[CornerMemory], column: int) -> Signed:
        """The other stream at a pixel; `across`: what the shortcut brings."""
        y = self.corner[0].along(x.both, corners[self.at], column)
        if across is not None and self.from_corner is not None:
            y.addmm_(across.both, self.from_corner)
        y = self.corner[1].along(F.elu(y, inplace=True), corners[self.at + 1], column)
        return Signed.of(_gated(x.plain, y))


def _gated(x: Tensor, y: Tensor) -> Tensor:
    a, b = y.chunk(2, -1)
    return torch.addcmul(x, a, b.sigmoid())


def matrix(layer: Shifted) -> tuple[Tensor, Tensor]:
    """A 1 × 1 convolution as (inputs, outputs) and bias."""
    return layer.weight().detach()[:, :, 0, 0].t().contiguous(), layer.bias.detach()
