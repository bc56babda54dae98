"""Conversion between pictures and a family's positions."""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

from seriatim.models.base import Model
from seriatim.models.grid import GridModel


def positions(x: NDArray[np.int64], model: Model) -> NDArray[np.int64]:
    """Levels (B, H, W, C) as positions: (B, *S), or (B, *S, P) if a position is a pixel of P colours."""
    grid = grid_of(model)
    if grid.order is not None:
        return x.reshape(len(x), -1)[:, grid.order.numpy()]
    return x[..., 0] if model.head.parts == 1 and len(grid.canvas) == 2 else x


def pictures(x: NDArray[np.int64], model: Model, shape: tuple[int, int, int]) -> NDArray[np.int64]:
    """The inverse of `positions`, from (B, any shape)."""
    grid, flat = grid_of(model), x.reshape(len(x), -1)
    if grid.order is not None:
        flat = flat[:, grid.order.numpy().argsort()]
    return flat.reshape(len(x), *shape)


def grid_of(model: Model) -> GridModel:
    """The family's model, without its encoders."""
    return cast(GridModel, model.bare)
