"""PixelCNN: masked convolutions over sub-pixels, and a softmax for each.

The idea: with the future masked out of the kernels, every pixel of a training picture is predicted in parallel. The
kernel's own pixel is masked by colour, so green sees red and blue sees both. The price is a blind spot: a stack of such
kernels never sees a wedge of pixels above and to the right (`sees`; the Gated PixelCNN fixes this).

Deviations from the paper: conditions enter the residual blocks' middle map (a linear map of `vector`, a 1 × 1 of
`field`), which the paper's model does not have; levels enter as numbers in [−1, 1].

Reference: van den Oord, Kalchbrenner, Kavukcuoglu (2016), Pixel recurrent neural networks, sections 3.3 to 3.5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast, final

import torch
from jaxtyping import Bool
from torch import Tensor, nn

from seriatim.config import bounded
from seriatim.context import EMPTY, Context
from seriatim.heads import CategoricalHead, Head
from seriatim.models.grid import (
    FieldConfig,
    SubpixelModel,
    check_kernel,
    given,
    kept,
)
from seriatim.models.pixel_steps import Chain, CompiledRows, Line, RasterStepper, convolve
from seriatim.raster.grid import Lane, RasterConv, groups, inputs, looks, sight, through
from seriatim.raster.look import Look
from seriatim.tree import State
from seriatim.walks.walk import Stepper


@final
@dataclass(frozen=True)
class PixelCNNConfig(FieldConfig):
    """Sizes of a PixelCNN.

    Attributes:
        filters: h, channels inside a block; between blocks there are 2h.
        blocks: number of residual blocks.
        kernel: kernel size of the first convolution, odd.
        head: channels of the two 1 × 1 layers before the softmax. Default: 2h.

    Example:
        >>> PixelCNNConfig(filters=64).outer
        128
        >>> PixelCNNConfig(kernel=4)
        Traceback (most recent call last):
            ...
        seriatim.errors.UserError: kernel is 4; expected an odd number from 3 to 63
    """

    filters: int = 64
    blocks: int = 5
    kernel: int = 7
    head: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded("filters", self.filters, self.channels, 2**14)
        bounded("blocks", self.blocks, 1, 1024)
        check_kernel("kernel", self.kernel)
        bounded("head", self.outer, self.channels, 2**14)

    @property
    def outer(self) -> int:
        """Channels of the two layers before the softmax."""
        return 2 * self.filters if self.head is None else self.head


@final
class _Block(nn.Module):
    """ReLU, 1 × 1 to h; ReLU, 3 × 3; ReLU, 1 × 1 to 2h; plus the input."""

    recomputable = True

    def __init__(self, config: PixelCNNConfig) -> None:
        super().__init__()
        wide, narrow = groups(2 * config.filters, config.channels), groups(config.filters, config.channels)
        self.reduce = RasterConv(wide, narrow)
        self.conv = RasterConv(narrow, narrow, 3)
        self.look = Look(config.filters, config.vector, config.field)
        self.expand = RasterConv(narrow, wide)

    def forward(self, x: Tensor, context: Context) -> Tensor:
        y = self.conv(self.reduce(x.relu()).relu())
        look = self.look(context)
        return x + self.expand((y if look is None else y + look).relu())


@final
class PixelCNN(SubpixelModel):
    """Masked convolutions over the sub-pixels of pictures.

    Example:
        >>> model = PixelCNN(PixelCNNConfig(height=4, width=4, channels=3, levels=8, filters=6, blocks=1))
        >>> model.log_prob(torch.randint(8, (2, 4, 4, 3))).shape
        torch.Size([2])
        >>> model.sample(n=2, length=4 * 4 * 3).view(2, *model.canvas).shape
        torch.Size([2, 4, 4, 3])
    """

    kernels = "pixels"

    def __init__(self, config: PixelCNNConfig) -> None:
        super().__init__()
        self.config, c = config, config.channels
        wide, outer = groups(2 * config.filters, c), groups(config.outer, c)
        self.first = RasterConv(range(c), wide, config.kernel, own=False)
        self.blocks = nn.ModuleList(_Block(config) for _ in range(config.blocks))
        logits = groups(c * config.levels, c)
        self.last = nn.ModuleList([RasterConv(wide, outer), RasterConv(outer, outer), RasterConv(outer, logits)])
        self.head = CategoricalHead(config.levels)

    def whole(self, x: Tensor, context: Context) -> Tensor:
        """x (B, H, W, C) levels -> logits (B, H, W, C, K), for pictures of any height and width."""
        h = self.first(self.scaled(x))
        for block in self.blocks:
            h = block(h, context)
        for layer in self.last:
            h = layer(h.relu())
        return h.unflatten(-1, (x.shape[-1], self.config.levels))

    def outputs(self) -> list[nn.Module]:
        """The last 1 × 1 convolution."""
        return [self.last[-1]]

    def packed(self) -> Stepper:
        """Masked weights copied, kernels split into rows above and pixels to the left."""
        return _Packed(self)

    def native(self) -> Stepper:
        """The sub-pixels of a row in one compiled call."""
        return _Native(self)

    def relation(self, shape: Sequence[int]) -> Bool[Tensor, "N M"]:
        """The cone of the kernels, widening upwards; what 3 × 3 kernels miss of it is the blind spot."""
        height, width, colours = shape

        def of(conv: nn.Module) -> Tensor:
            return sight(cast(RasterConv, conv).touches(colours), height, width, colours)

        look = looks(height, width, colours, self.config.field)
        result = through(inputs(height, width, colours), of(self.first))
        for block in cast("list[_Block]", self.blocks):
            middle = through(result, of(block.reduce), of(block.conv)) | look
            result = result | through(middle, of(block.expand))
        return through(result, *[of(layer) for layer in self.last])


class _Packed(RasterStepper):
    """One sub-pixel at a time: a matrix product per layer."""

    def __init__(self, model: PixelCNN) -> None:
        self.head: Head = model.head
        self.config, self.model = model.config, model
        blocks = cast("list[_Block]", list(model.blocks))
        convs = [model.first, *[c for b in blocks for c in (b.reduce, b.conv, b.expand)], *model.last]
        self.lanes = [Lane(cast(RasterConv, conv)) for conv in convs]
        self.dtype = model.first.weight.dtype

    @torch.no_grad()
    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:  # noqa: ARG002
        """An empty picture, and what its conditions add to each block."""
        return self.begin(batch, tuple(kept(cast(_Block, block).look(context)) for block in self.model.blocks))

    def looks(self, nest: State) -> list[Tensor | None]:
        """What conditions add to each convolution: they enter in the middle of every block."""
        blocks = [[None, given(look), None] for look in nest]
        return [None, *[entry for block in blocks for entry in block], None, None, None]

    @torch.no_grad()
    def step(self, prev: Tensor, state: State) -> tuple[Tensor, State]:
        """prev (B,) -> logits (B, K)."""
        at, state = self.enter(prev, state)
        h = self.lanes[0].read(state.memories[0], at.column, at.colour)
        lanes = list(zip(self.lanes[1:], state.memories[1:], strict=True))
        for first in range(0, len(lanes) - 3, 3):
            y = h
            for lane, memory in lanes[first : first + 3]:
                y = lane.along(y.relu(), memory, at.column, at.colour)
            h = h + y
        for lane, memory in lanes[-3:]:
            h = lane.along(h.relu(), memory, at.column, at.colour)
        return h, state._replace(clock=state.clock + 1)


@final
class _Native(CompiledRows, _Packed):
    """The sub-pixels of a row with their draws in one compiled call."""

    def __init__(self, model: PixelCNN) -> None:
        super().__init__(model)
        program: list[Line] = [("READ", 0, 0, 0)]
        for first in range(1, len(self.lanes) - 3, 3):
            program += [("RELU", 0, 0, 1), *convolve(first, 1, 1)]
            program += [("RELU", 0, 1, 1), *convolve(first + 1, 1, 1)]
            program += [("RELU", 0, 1, 1), *convolve(first + 2, 1, 1), ("ADD", 0, 1, 0)]
        for lane in range(len(self.lanes) - 3, len(self.lanes)):
            program += [("RELU", 0, 0, 0), *convolve(lane, 0, 0)]
        self.chain = Chain(self.lanes, program, self.head, self.config.levels, self.config.width)
