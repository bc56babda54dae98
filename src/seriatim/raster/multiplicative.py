"""Residual multiplicative blocks over pictures, which see all around a pixel or only its past.

The multiplicative unit has the gates of an LSTM, but its memory runs through layers: h is kept, forgotten and renewed
at every pixel. A block narrows the channels by half, applies two units, and widens them again.

Reference: Kalchbrenner et al. (2016), Video pixel networks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import final

import torch
from torch import Tensor, nn

from seriatim.causal.stacks import Stack, Stacked, under
from seriatim.context import Context
from seriatim.kernels.multiplicative import unit
from seriatim.raster.grid import RasterConv, groups
from seriatim.raster.look import Look


@final
class MultiplicativeBlock(nn.Module, Stacked):
    """1 × 1 to c, two multiplicative units, 1 × 1 back to 2c; plus the input. It begins as the identity.

    Args:
        filters: c.
        dilation: pixels between the taps of the 3 × 3 convolutions.

    Example:
        >>> MultiplicativeBlock(4, dilation=2)(torch.zeros(1, 5, 6, 8)).shape
        torch.Size([1, 5, 6, 8])
    """

    recomputable = True

    def __init__(self, filters: int, dilation: int = 1) -> None:
        super().__init__()
        self.dilation = dilation
        self.reduce = nn.Linear(2 * filters, filters)
        self.units = nn.ModuleList(
            nn.Conv2d(filters, 4 * filters, 3, padding=dilation, dilation=dilation) for _ in range(2)
        )
        self.expand = nn.Linear(filters, 2 * filters)
        _asleep(self.expand)

    def forward(self, x: Tensor) -> Tensor:
        """(B, H, W, 2c) -> (B, H, W, 2c)."""
        h = self.reduce(x)
        for conv in self.units:
            h = unit(h, conv(h.permute(0, 3, 1, 2)).permute(0, 2, 3, 1))
        return x + self.expand(h)

    def stacks(self) -> Mapping[str, Stack]:
        """A matrix for each gate and the candidate."""
        return {f"units.{i}.weight": Stack.of(self.units[i].get_parameter("weight"), 4) for i in range(2)}


@final
class MaskedBlock(nn.Module, Stacked):
    """The same over the past of each sub-pixel, conditioned: conditions enter all gates of the first unit.

    Args:
        filters: c.
        colours: groups of channels.
        vector: channels of the global condition.
        field: channels of the local condition.
    """

    recomputable = True

    def __init__(self, filters: int, colours: int, vector: int = 0, field: int = 0) -> None:
        super().__init__()
        wide, narrow = groups(2 * filters, colours), groups(filters, colours)
        gates = groups(filters, colours, 4)
        self.reduce = RasterConv(wide, narrow)
        self.units = nn.ModuleList(RasterConv(narrow, gates, 3) for _ in range(2))
        self.look = Look(4 * filters, vector, field)
        self.expand = RasterConv(narrow, wide)
        _asleep(self.expand)

    def forward(self, x: Tensor, context: Context) -> Tensor:
        """(B, H, W, 2c) -> (B, H, W, 2c)."""
        h, look = self.reduce(x), self.look(context)
        for conv in self.units:
            y = conv(h)
            h, look = unit(h, y if look is None else y + look), None
        return x + self.expand(h)

    def stacks(self) -> Mapping[str, Stack]:
        """A matrix for each gate and the candidate."""
        own = {name: s for i, conv in enumerate(self.units) for name, s in under(f"units.{i}", _four(conv)).items()}
        return own | under("look", self.look.stacks(4))


def _four(conv: nn.Module) -> Mapping[str, Stack]:
    assert isinstance(conv, RasterConv)
    return conv.stacks(4)


@torch.no_grad()
def _asleep(layer: nn.Linear | RasterConv) -> None:
    """Zero the last map of a residual branch."""
    layer.weight.zero_()
    layer.bias.zero_()
