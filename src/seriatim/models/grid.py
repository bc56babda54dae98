"""What the families over pictures share."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, cast, final

import torch
from jaxtyping import Bool
from torch import Tensor

from seriatim.config import bounded
from seriatim.context import EMPTY, Context
from seriatim.errors import UserError
from seriatim.models.base import ContextLike, Model
from seriatim.raster.shifted import calibrating
from seriatim.tree import State
from seriatim.walks.walk import Carry, Stepper


@dataclass(frozen=True)
class PictureConfig:
    """Sizes common to every family over pictures. They may come from an untrusted file, so they are checked.

    Attributes:
        height: rows of a picture.
        width: pixels per row.
        channels: colours per pixel.
        levels: values per colour.
        vector: channels of the global condition.
    """

    height: int = 28
    width: int = 28
    channels: int = 1
    levels: int = 256
    vector: int = 0

    def __post_init__(self) -> None:
        bounded("height", self.height, 1, 4096)
        bounded("width", self.width, 1, 4096)
        bounded("channels", self.channels, 1, 64)
        bounded("levels", self.levels, 2, 2**16)
        bounded("vector", self.vector, 0, 2**16)


@dataclass(frozen=True)
class FieldConfig(PictureConfig):
    """Sizes of the families that also accept a map as a condition.

    Attributes:
        field: channels of the local condition.
    """

    field: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        bounded("field", self.field, 0, 2**16)


def check_kernel(name: str, value: int) -> None:
    """Check that a kernel size is odd and in range.

    Raises:
        UserError: otherwise.
    """
    if value % 2 == 0 or not 3 <= value <= 63:
        raise UserError(f"{name} is {value}; expected an odd number from 3 to 63")


class Place(NamedTuple):
    """The place of a symbol in a picture."""

    row: int
    column: int
    colour: int

    @property
    def begins(self) -> bool:
        """Whether a new row begins here, below a finished one."""
        return self.row > 0 and self.column == 0 and self.colour == 0


def place(clock: int, width: int, colours: int) -> Place:
    """The place of symbol number `clock`, rows first, colours last."""
    pixel, colour = divmod(clock, colours)
    return Place(*divmod(pixel, width), colour)


class GridModel(Model):
    """A family over pictures x (B, *S): S is (H, W, C) if a position is a sub-pixel, (H, W) if it is a pixel.

    A family gives `whole`, `packed` and `sees`. `step` is that of `packed()`, which every `start` calls anew.

    Example:
        >>> from seriatim.models import PixelCNN, PixelCNNConfig
        >>> model = PixelCNN(PixelCNNConfig(height=4, width=4, channels=3, levels=8, filters=6, blocks=1))
        >>> model.canvas, isinstance(model, GridModel)
        ((4, 4, 3), True)
    """

    _stepper: Stepper | None = None

    @property
    @abstractmethod
    def canvas(self) -> tuple[int, ...]:
        """The shape S of the positions."""

    @property
    def order(self) -> Tensor | None:
        """(N,) sub-pixel numbers in drawing order. Default: None, row by row."""
        return None

    @abstractmethod
    def whole(self, x: Tensor, context: Context) -> Tensor:
        """x (B, *S), or (B, *S, P), levels of whole pictures -> the head's parameters (B, *S, ·)."""

    @final
    def forward(self, x: Tensor, context: ContextLike = EMPTY, carry: Carry | None = None) -> Any:
        """As `whole`, for pictures of any height and width unless the family says otherwise. There is no carry."""
        if carry is not None:
            raise ValueError("carry is given, but models of pictures have none")
        return self.whole(x, self.condition(context, x.shape[0]))

    @abstractmethod
    def packed(self) -> Stepper:
        """Weights folded for stepping; what depends on finished rows is computed once per row."""

    def start(self, batch: int, context: ContextLike = EMPTY, length: int | None = None) -> State:
        """An empty picture. The weights are copied now; after more training, start again."""
        self._stepper = self.packed()
        return self._stepper.start(batch, self.condition(context, batch), length)

    @torch.no_grad()
    def step(self, prev: Tensor, state: State) -> tuple[Tensor, State]:
        """The next position, at the cost of what is new there."""
        if self._stepper is None:
            raise ValueError("step without start; call start first")
        return self._stepper.step(prev, state)

    def scaled(self, x: Tensor) -> Tensor:
        """Levels 0 … K − 1 scaled to [−1, 1]."""
        return scaled(x, self.config.levels, next(self.parameters()).dtype)


class FieldModel(GridModel):
    """A family over pictures that may take a field. It gives `relation`."""

    @abstractmethod
    def relation(self, shape: Sequence[int]) -> Bool[Tensor, "N M"]:
        """[t, s]: which positions, followed by which pixels of the field, each position depends on."""

    @final
    def sees(self, shape: Sequence[int]) -> Bool[Tensor, "N N"]:
        """Which positions each one sees."""
        return self.relation(shape)[:, : math.prod(shape)]


class SubpixelModel(FieldModel):
    """A family whose positions are sub-pixels, S = (H, W, C).

    Example:
        >>> from seriatim.models import GatedPixelCNN, GatedPixelCNNConfig
        >>> config = GatedPixelCNNConfig(height=2, width=2, channels=1, levels=4, filters=4, layers=2, field=3)
        >>> model = GatedPixelCNN(config)
        >>> model.sees((2, 2, 1)).int().tolist()
        [[0, 0, 0, 0], [1, 0, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0]]
        >>> model.relation((2, 2, 1)).shape  # of 4 sub-pixels, on them and on 4 pixels of the field
        torch.Size([4, 8])
    """

    @property
    @final
    def canvas(self) -> tuple[int, int, int]:
        """(height, width, channels)."""
        return self.config.height, self.config.width, self.config.channels


class PixelModel(FieldModel):
    """A family whose positions are pixels, S = (H, W), with several symbols each, of weight-normalised layers."""

    @property
    @final
    def canvas(self) -> tuple[int, int]:
        """(height, width)."""
        return self.config.height, self.config.width

    @final
    def values(self, x: Tensor) -> Tensor:
        """Levels (B, H, W, C), or (B, H, W) if C = 1, scaled to (B, H, W, C) in [−1, 1]."""
        return self.scaled(x if self.config.channels > 1 else x[..., None])

    @final
    @torch.no_grad()
    def calibrate(self, x: Tensor, context: ContextLike = EMPTY) -> None:
        """Set lengths and biases so that every convolution's outputs on this batch are standardised."""
        with calibrating(self):
            self(x, context)


class GridStepper:
    """What steppers over pictures share: they do not read chunks."""

    carries, backend = False, "eager"

    def read(self, x: Tensor, context: Context, carry: Carry) -> tuple[Tensor, Carry]:  # noqa: ARG002
        """Not available: pictures are stepped pixel by pixel."""
        raise ValueError("a picture is stepped, not read in chunks")


def scaled(x: Tensor, levels: int, dtype: torch.dtype) -> Tensor:
    """Levels 0 … K − 1 scaled to [−1, 1]."""
    return x.to(dtype) * (2 / (levels - 1)) - 1


def row_of(look: Tensor | None, row: int) -> Tensor | None:
    """(B, H or 1, W or 1, O) -> (B, W or 1, O): what conditions add in a row."""
    return None if look is None else look[:, row if look.shape[1] > 1 else 0]


def kept(look: Tensor | None) -> State:
    """A tensor or None as a nest."""
    return () if look is None else look


def given(nest: State) -> Tensor | None:
    """The inverse of `kept`."""
    return cast("Tensor | None", None if isinstance(nest, tuple) else nest)
