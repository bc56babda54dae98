"""Pixels that are independent given a map: what a picture model without a chain over pixels is.

The idea: a convolutional network turns the map into the parameters of every sub-pixel at once. This is how most
networks predict the next frame of a film; where more than one future is possible, their samples are noise and their
means a blur. It is here to be compared with.

Reference: Kalchbrenner et al. (2016), Video pixel networks: the baseline, with the decoder's blocks, unmasked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, cast, final

import torch
from jaxtyping import Bool
from torch import Tensor, nn

from seriatim.config import bounded
from seriatim.context import EMPTY, Context
from seriatim.heads import Head
from seriatim.models.grid import GridStepper, SubpixelModel
from seriatim.models.subpixels import SubpixelConfig, subpixel_head
from seriatim.raster.look import Look
from seriatim.raster.multiplicative import MultiplicativeBlock
from seriatim.raster.spread import spread
from seriatim.tree import Fixed, State
from seriatim.walks.walk import Stepper


@final
@dataclass(frozen=True)
class IndependentPixelsConfig(SubpixelConfig):
    """Sizes of a model of independent pixels.

    Attributes:
        filters: c, channels inside a block; between blocks there are 2c.
        blocks: number of blocks.

    Example:
        >>> IndependentPixelsConfig(height=4, width=5, field=3).blocks
        4
    """

    filters: int = 32
    blocks: int = 4

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded("filters", self.filters, 1, 2**14)
        bounded("blocks", self.blocks, 1, 1024)
        bounded("field", self.field, 1, 2**16)


@final
class IndependentPixels(SubpixelModel):
    """All sub-pixels of a picture at once from a map, each independent of the others.

    Example:
        >>> config = IndependentPixelsConfig(height=4, width=5, levels=8, filters=6, blocks=1, field=3)
        >>> model, given = IndependentPixels(config), Context(field=torch.randn(2, 4, 5, 3))
        >>> model.log_prob(torch.randint(8, (2, 4, 5, 1)), given).shape
        torch.Size([2])
        >>> int(model.sees((4, 5, 1)).sum())
        0
    """

    def __init__(self, config: IndependentPixelsConfig) -> None:
        super().__init__()
        self.config = config
        self.head: Head = subpixel_head(config)
        wide = 2 * config.filters
        self.look = Look(wide, config.vector, config.field)
        self.blocks = nn.ModuleList(MultiplicativeBlock(config.filters) for _ in range(config.blocks))
        self.last = nn.ModuleList([nn.Linear(wide, wide), nn.Linear(wide, config.channels * self.head.width)])

    def whole(self, x: Tensor, context: Context) -> Tensor:
        """x (B, H, W, C), of which only the shape matters -> the head's parameters (B, H, W, C, ·)."""
        return self.all(context).unflatten(-1, (x.shape[-1], self.head.width))

    def all(self, context: Context) -> Tensor:
        """(B, H, W, C · width): the parameters."""
        h = cast(Tensor, self.look(context))  # there is a field
        for block in self.blocks:
            h = block(h)
        for layer in self.last:
            h = layer(h.relu())
        return h

    def outputs(self) -> list[nn.Module]:
        """The last 1 × 1 convolution."""
        return [self.last[-1]]

    def packed(self) -> Stepper:
        """Everything is known at the start."""
        return _Packed(self)

    def relation(self, shape: Sequence[int]) -> Bool[Tensor, "N M"]:
        """Nothing of the picture; of the field what the blocks' convolutions reach."""
        height, width, colours = shape
        taps = [(3, 1)] * (2 * self.config.blocks)
        seen = spread(height, width, taps).repeat_interleave(colours, 0)
        return torch.cat([torch.zeros(len(seen), len(seen), dtype=torch.bool), seen], 1)


class _Position(NamedTuple):
    """How many sub-pixels are drawn, and the parameters (B, N, width) of all."""

    clock: int
    parameters: Fixed


@final
class _Packed(GridStepper):
    """Reads off what one pass has computed."""

    def __init__(self, model: IndependentPixels) -> None:
        self.head, self.model = model.head, model

    @torch.no_grad()
    def start(self, batch: int, context: Context = EMPTY, length: int | None = None) -> State:  # noqa: ARG002
        """The parameters of all sub-pixels."""
        found = self.model.all(context)
        return _Position(0, Fixed(found.reshape(batch, -1, self.head.width)))

    def step(self, prev: Tensor, state: State) -> tuple[Tensor, State]:  # noqa: ARG002
        """The next ones."""
        return state.parameters.nest[:, state.clock], state._replace(clock=state.clock + 1)
