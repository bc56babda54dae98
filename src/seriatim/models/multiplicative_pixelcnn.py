"""The decoder of the Video Pixel Network: a PixelCNN of residual multiplicative blocks, conditioned on a map.

The idea: as in a PixelCNN, masked convolutions predict every sub-pixel from the rows above and the pixels to the left
(`sees` tells the blind spot that such kernels leave). Their non-linearity is the multiplicative unit, whose gates let
much of a neighbour pass unchanged through many layers.

Deviations from the paper, which leaves this open: the first layer is a 7 × 7 convolution that leaves its own pixel
out (mask A), so that no unit, with its direct path g2 · h, ever sees the pixel it predicts; the map enters the gates of
each block's first unit.

Reference: Kalchbrenner et al. (2016), Video pixel networks.
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
from seriatim.heads import Head
from seriatim.kernels.multiplicative import unit
from seriatim.models.grid import SubpixelModel, check_kernel, given, kept
from seriatim.models.pixel_steps import Chain, CompiledRows, Line, RasterStepper, convolve
from seriatim.models.subpixels import SubpixelConfig, subpixel_head
from seriatim.raster.grid import Lane, RasterConv, groups, inputs, looks, sight, through
from seriatim.raster.multiplicative import MaskedBlock
from seriatim.tree import State
from seriatim.walks.walk import Stepper


@final
@dataclass(frozen=True)
class MultiplicativePixelCNNConfig(SubpixelConfig):
    """Sizes of a PixelCNN of multiplicative blocks.

    Attributes:
        filters: c, channels inside a block; between blocks there are 2c.
        blocks: number of blocks.
        first: kernel size of the first convolution, odd.

    Example:
        >>> MultiplicativePixelCNNConfig(height=4, width=5, head="logistic").mixtures
        10
    """

    filters: int = 32
    blocks: int = 4
    first: int = 7

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded("filters", self.filters, self.channels, 2**14)
        bounded("blocks", self.blocks, 1, 1024)
        check_kernel("first", self.first)


@final
class MultiplicativePixelCNN(SubpixelModel):
    """Masked multiplicative blocks over the sub-pixels of pictures.

    Example:
        >>> config = MultiplicativePixelCNNConfig(height=4, width=4, levels=8, filters=6, blocks=1)
        >>> model = MultiplicativePixelCNN(config)
        >>> model.log_prob(torch.randint(8, (2, 4, 4, 1))).shape
        torch.Size([2])
        >>> model.sample(n=2, length=4 * 4).view(2, *model.canvas).shape
        torch.Size([2, 4, 4, 1])
    """

    kernels = "pixels"

    def __init__(self, config: MultiplicativePixelCNNConfig) -> None:
        super().__init__()
        self.config, c = config, config.channels
        self.head: Head = subpixel_head(config)
        wide = groups(2 * config.filters, c)
        self.first = RasterConv(range(c), wide, config.first, own=False)
        self.blocks = nn.ModuleList(
            MaskedBlock(config.filters, c, config.vector, config.field) for _ in range(config.blocks)
        )
        parameters = groups(c * self.head.width, c)
        self.last = nn.ModuleList([RasterConv(wide, wide), RasterConv(wide, parameters)])

    def whole(self, x: Tensor, context: Context) -> Tensor:
        """x (B, H, W, C) levels -> the head's parameters (B, H, W, C, ·), for pictures of any height and width."""
        h = self.first(self.scaled(x))
        for block in self.blocks:
            h = block(h, context)
        for layer in self.last:
            h = layer(h.relu())
        return h.unflatten(-1, (x.shape[-1], self.head.width))

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
        for block in cast("list[MaskedBlock]", self.blocks):
            h = through(result, of(block.reduce))
            for i, conv in enumerate(block.units):
                h = through(h, of(conv)) | (look if i == 0 else torch.zeros_like(look))
            result = result | through(h, of(block.expand))
        return through(result, *[of(layer) for layer in self.last])


class _Packed(RasterStepper):
    """One sub-pixel at a time: four matrix products per block."""

    def __init__(self, model: MultiplicativePixelCNN) -> None:
        self.head: Head = model.head
        self.config = model.config
        self.blocks = cast("list[MaskedBlock]", list(model.blocks))
        convs = [model.first, *[c for b in self.blocks for c in (b.reduce, *b.units, b.expand)], *model.last]
        self.lanes = [Lane(cast(RasterConv, conv)) for conv in convs]
        self.dtype = model.first.weight.dtype

    @torch.no_grad()
    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:  # noqa: ARG002
        """An empty picture, and what its conditions add to each block."""
        return self.begin(batch, tuple(kept(block.look(context)) for block in self.blocks))

    def looks(self, nest: State) -> list[Tensor | None]:
        """What conditions add to each convolution: they enter the first unit of every block."""
        return [None, *[entry for look in nest for entry in (None, given(look), None, None)], None, None]

    @torch.no_grad()
    def step(self, prev: Tensor, state: State) -> tuple[Tensor, State]:
        """prev (B,) -> the head's parameters (B, ·)."""
        at, state = self.enter(prev, state)
        x = self.lanes[0].read(state.memories[0], at.column, at.colour)
        lanes = list(zip(self.lanes[1:], state.memories[1:], strict=True))
        for first in range(0, len(lanes) - 2, 4):
            reduce, one, two, expand = lanes[first : first + 4]
            h = reduce[0].along(x, reduce[1], at.column, at.colour)
            for lane, memory in (one, two):
                h = unit(h, lane.along(h, memory, at.column, at.colour))
            x = x + expand[0].along(h, expand[1], at.column, at.colour)
        for lane, memory in lanes[-2:]:
            x = lane.along(x.relu(), memory, at.column, at.colour)
        return x, state._replace(clock=state.clock + 1)


@final
class _Native(CompiledRows, _Packed):
    """The sub-pixels of a row with their draws in one compiled call."""

    def __init__(self, model: MultiplicativePixelCNN) -> None:
        super().__init__(model)
        program: list[Line] = [("READ", 0, 0, 0)]
        for first in range(1, len(self.lanes) - 2, 4):
            program += convolve(first, 0, 1)
            for lane in (first + 1, first + 2):
                program += [*convolve(lane, 1, 2), ("UNIT", 0, 2, 1)]
            program += [*convolve(first + 3, 1, 2), ("ADD", 0, 2, 0)]
        for lane in range(len(self.lanes) - 2, len(self.lanes)):
            program += [("RELU", 0, 0, 0), *convolve(lane, 0, 0)]
        self.chain = Chain(self.lanes, program, self.head, self.config.levels, self.config.width)
