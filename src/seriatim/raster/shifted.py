"""Weight-normalised convolutions that reach up and to the left, as in PixelCNN++ and PixelSNAIL.

Salimans et al. (2017), PixelCNN++; Salimans and Kingma (2016), Weight normalization, for data-dependent initialisation.
Shapes: B batch, H rows, W columns, channels last.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple, cast, final

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from seriatim.causal.stacks import Stack, Stacked, under
from seriatim.context import Context
from seriatim.raster.dropout import ByteDropout
from seriatim.raster.look import Look

_NO_SPREAD = 1e-4  # outputs of a fresh convolution that vary less do so by rounding: their directions have length 1


@final
class Shifted(nn.Module):
    """A convolution over the own row and those above, and over the columns to the left or to both sides.

    Args:
        inputs: channels in.
        outputs: channels out.
        rows: of the kernel; the last one is the pixel's own.
        columns: of the kernel.
        corner: whether the pixel's own column is the kernel's last; otherwise it is the middle one.
        stride: 2 halves height and width, rounding up.
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
        self.direction = nn.Parameter(torch.empty(*shape, rows, columns).normal_(std=0.05))
        self.length = nn.Parameter(torch.ones(outputs))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.calibrating = False

    def weight(self) -> Tensor:
        """Each output's direction, scaled to its `length`."""
        axis = 1 if self.up else 0
        others = tuple(i for i in range(4) if i != axis)
        norm = torch.linalg.vector_norm(self.direction, dim=others, keepdim=True)
        return self.direction * (self.length.view([-1 if i == axis else 1 for i in range(4)]) / norm)

    def forward(self, x: Tensor) -> Tensor:
        """(B, H, W, inputs) -> (B, H', W', outputs)."""
        if not self.calibrating:
            return self.apply_weight(x, self.weight(), self.bias)
        with torch.no_grad():  # this batch's outputs get mean 0 and standard deviation `scale`
            self.length.fill_(1.0)
            y = self.apply_weight(x, self.weight(), None)
            few = min(1, y[..., 0].numel() - 1)
            mean, spread = y.mean((0, 1, 2)), y.std((0, 1, 2), correction=few)
            # a channel that sees nothing, such as rows above a picture of one row, says nothing about its length
            self.length.copy_(torch.where(spread > _NO_SPREAD, self.scale / spread, 1.0))
            self.bias.copy_(-mean * self.length)
            return y * self.length + self.bias

    def apply_weight(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        """The convolution with another weight of the same shape."""
        if self.up:
            y = F.conv_transpose2d(x.permute(0, 3, 1, 2), weight, bias, stride=2).permute(0, 2, 3, 1)
            return y[:, :, self.right :]
        if self.rows == self.columns == 1:
            return F.linear(x, weight[:, :, 0, 0], bias)
        padded = F.pad(x, (0, 0, self.left, self.right, self.rows - 1, 0)).permute(0, 3, 1, 2)
        return F.conv2d(padded, weight, bias, stride=self.stride).permute(0, 2, 3, 1)


def down(x: Tensor) -> Tensor:
    """Shift every row down by one; the first becomes zeros."""
    return F.pad(x[:, :-1], (0, 0, 0, 0, 1, 0))


def right(x: Tensor) -> Tensor:
    """Shift every column right by one; the first becomes zeros."""
    return F.pad(x[:, :, :-1], (0, 0, 1, 0))


def both(x: Tensor) -> Tensor:
    """elu of x and of −x, concatenated: an activation that keeps both signs."""
    return F.elu(torch.cat([x, -x], -1), inplace=True)


def silenced(x: Tensor, drop: ByteDropout) -> Tensor:
    """`drop` of `both`; on a CPU in four passes over memory instead of seven."""
    if drop.resting or x.device.type != "cpu":
        return drop(both(x))
    return cast(Tensor, _Silenced.apply(x, drop.kept((*x.shape[:-1], 2 * x.shape[-1])), drop.gain))


class _Silenced(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, kept: Tensor, gain: float) -> Tensor:
        y = x.new_empty(kept.shape)
        one, other = y.chunk(2, -1)
        one.copy_(x)
        torch.neg(x, out=other)
        torch.ops.aten.elu_(y, 1.0, gain).mul_(kept)
        ctx.save_for_backward(y, kept)
        ctx.gain = gain
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:  # pyright: ignore[reportIncompatibleMethodOverride]
        y, kept = ctx.saved_tensors
        slope = torch.ops.aten.elu_backward(grads[0] * kept, 1.0, ctx.gain, 1.0, True, y)
        one, other = slope.chunk(2, -1)
        return one - other, None, None


class Signed(NamedTuple):
    """A map and its `both`, which the next block and shortcuts read: computed once.

    Attributes:
        plain: (..., F).
        both: (..., 2F).
    """

    plain: Tensor
    both: Tensor

    @classmethod
    def of(cls, x: Tensor) -> Signed:
        """From a map (..., F)."""
        return cls(x, both(x))


def both_of(maps: Sequence[Signed]) -> Tensor:
    """`both` of several maps concatenated, from the parts they already have."""
    if len(maps) == 1:
        return maps[0].both
    signs = zip(*[each.both.chunk(2, -1) for each in maps], strict=True)
    return torch.cat([half for sign in signs for half in sign], -1)


def first_map(above: Shifted, left: Shifted, x: Tensor) -> Tensor:
    """A 1 × 3 convolution of the row above plus a 2 × 1 one of the column to the left: excludes the pixel itself."""
    return down(above(x)) + right(left(x))


@contextmanager
def calibrating(model: nn.Module) -> Generator[None]:
    """Inside this context, a forward pass sets lengths and biases so that every convolution's outputs are standardised.

    Dropout is off meanwhile; the mode is restored afterwards.
    """
    mode, layers = model.training, [module for module in model.modules() if isinstance(module, Shifted)]
    for layer in layers:
        layer.calibrating = True
    model.eval()
    try:
        yield
    finally:
        model.train(mode)
        for layer in layers:
            layer.calibrating = False


def sight_between(layer: Shifted, of: tuple[int, int], to: tuple[int, int]) -> Tensor:
    """(N_to, N_of) bool: which pixels of a convolution's input map each pixel of its output map sees."""
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


Reach = Literal["rows", "corner", "pixel"]
_KERNELS: dict[Reach, tuple[int, int]] = {"rows": (2, 3), "corner": (2, 2), "pixel": (1, 1)}


@final
class Block(nn.Module, Stacked):
    """A gated residual block: x + a · σ(b), where a and b come from two convolutions and a shortcut.

    Args:
        f: channels in and out.
        reach: what it reads: "rows", two rows and a column to each side; "corner", above and to the left; "pixel",
            itself.
        shortcut: channels of the shortcut; 0 for none.
        dropout: dropout rate.
        vector: channels of the global condition.
        field: channels of the local condition.
    """

    recomputable = True

    def __init__(self, f: int, reach: Reach, shortcut: int, dropout: float, vector: int, field: int = 0) -> None:
        super().__init__()
        rows, columns = _KERNELS[reach]
        corner = reach == "corner"
        self.first = Shifted(2 * f, f, rows, columns, corner=corner)
        self.shortcut = Shifted(2 * shortcut, f) if shortcut else None
        self.drop = ByteDropout(dropout)
        self.second = Shifted(2 * f, 2 * f, rows, columns, corner=corner, scale=0.1)
        self.look = Look(2 * f, vector, field)

    def forward(self, x: Signed, context: Context, across: Sequence[Signed] = ()) -> Signed:
        """(B, H, W, F) -> the same; `across`: the maps that the shortcut brings, to be concatenated."""
        y = self.first(x.both)
        if self.shortcut is not None and across:
            y = y + self.shortcut(both_of(across))
        y = self.second(silenced(y, self.drop))
        look = self.look(context)
        return Signed.of(x.plain + F.glu(y if look is None else y + look))

    def stacks(self) -> Mapping[str, Stack]:
        """Of conditions, a matrix for each half of the gate; directions are no matrices, since only they turn."""
        return under("look", self.look.stacks(2))


@final
class Pair(nn.Module):
    """The layers of both streams at one place: `rows` reads above, `corner` above and to the left."""

    def __init__(self, rows: nn.Module, corner: nn.Module) -> None:
        super().__init__()
        self.rows, self.corner = rows, corner
