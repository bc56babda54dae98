"""Pictures: what the families over pixels share."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple, cast, final

import torch
from jaxtyping import Bool
from torch import Tensor

from seriatim.config import bounded
from seriatim.context import EMPTY, Context
from seriatim.errors import UserError
from seriatim.models.base import Given, Model
from seriatim.tree import State
from seriatim.walk import Carry, Stepper


def check_canvas(config: Any) -> None:
    """Check what every config of pictures has: sizes and channels of conditions. It may come from a stranger.

    Raises:
        UserError: otherwise.
    """
    bounded("height", config.height, 1, 4096)
    bounded("width", config.width, 1, 4096)
    bounded("channels", config.channels, 1, 64)
    bounded("levels", config.levels, 2, 2**16)
    bounded("vector", config.vector, 0, 2**16)
    bounded("field", getattr(config, "field", 0), 0, 2**16)


def check_kernel(name: str, value: int) -> None:
    """Check that a kernel has a middle.

    Raises:
        UserError: otherwise.
    """
    if value % 2 == 0 or not 3 <= value <= 63:
        raise UserError(f"{name} is {value}; an odd number from 3 to 63 is wanted")


class Place(NamedTuple):
    """Where in a picture a symbol stands."""

    row: int
    column: int
    colour: int

    @property
    def begins(self) -> bool:
        """Whether a new row begins here, above which there is a finished one."""
        return self.row > 0 and self.column == 0 and self.colour == 0


def place(clock: int, width: int, colours: int) -> Place:
    """The place of the symbol number `clock`, rows first, colours last."""
    pixel, colour = divmod(clock, colours)
    return Place(*divmod(pixel, width), colour)


class GridModel(Model):
    """A family over pictures x (B, *S): S is (H, W, C) where a position is a sub-pixel, (H, W) where it is a pixel.

    A family gives `forward`, `packed` and `sees`. `step` is that of `packed()`, taken anew by every `start`.
    """

    _stepper: Stepper | None = None

    @property
    @abstractmethod
    def canvas(self) -> tuple[int, ...]:
        """The positions' shape S."""

    @property
    def order(self) -> Tensor | None:
        """(N,) the sub-pixels' numbers, row by row, in the order in which they are drawn; None: that very order."""
        return None

    @abstractmethod
    def packed(self) -> Stepper:
        """Weights folded for stepping: what depends on finished rows is worked out once a row."""

    def start(self, batch: int, context: Given = EMPTY, length: int | None = None) -> State:
        """An empty picture. The weights are those of this moment: train on, and start anew."""
        self._stepper = self.packed()
        return self._stepper.start(batch, self.condition(context, batch), length)

    @torch.no_grad()
    def step(self, prev: Tensor, state: State) -> tuple[Tensor, State]:
        """The next position, at the cost of what is new there."""
        if self._stepper is None:
            raise ValueError("step follows start")
        return self._stepper.step(prev, state)

    def scaled(self, x: Tensor) -> Tensor:
        """Levels 0 … K − 1 as numbers in [−1, 1]."""
        return scaled(x, self.config.levels, next(self.parameters()).dtype)


class SubpixelModel(GridModel):
    """A family whose positions are sub-pixels, S = (H, W, C), and which may take a field: gives `relation`."""

    @property
    @final
    def canvas(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        return self.config.height, self.config.width, self.config.channels

    @abstractmethod
    def relation(self, shape: Sequence[int]) -> Bool[Tensor, "N M"]:
        """[t, s]: which sub-pixels, and behind them which pixels of the field, each sub-pixel depends on."""

    @final
    def sees(self, shape: Sequence[int]) -> Bool[Tensor, "N N"]:
        """Which sub-pixels each one sees."""
        return self.relation(shape)[:, : math.prod(shape)]


class GridStepper:
    """What steppers over pictures share: they do not read ahead."""

    carries = False

    def read(self, x: Tensor, context: Context, carry: Carry) -> tuple[Tensor, Carry]:  # noqa: ARG002
        """A picture is walked pixel by pixel."""
        raise ValueError("a picture is stepped, not read in chunks")


def scaled(x: Tensor, levels: int, dtype: torch.dtype) -> Tensor:
    """Levels 0 … K − 1 as numbers in [−1, 1]."""
    return x.to(dtype) * (2 / (levels - 1)) - 1


def row_of(look: Tensor | None, row: int) -> Tensor | None:
    """(B, H or 1, W or 1, O) -> (B, W or 1, O): what conditions add in a row."""
    return None if look is None else look[:, row if look.shape[1] > 1 else 0]


def kept(look: Tensor | None) -> State:
    """A tensor that may be missing, as a nest."""
    return () if look is None else look


def given(nest: State) -> Tensor | None:
    """The reverse of `kept`."""
    return cast("Tensor | None", None if isinstance(nest, tuple) else nest)
