"""Conversion between films and the positions of a family."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from seriatim.data.arrays import UInt8
from seriatim.errors import UserError
from seriatim.models import Model, Nested

Longs = NDArray[np.int64]


def nested_of(model: Model) -> Nested:
    """The family's model, without its encoders.

    Raises:
        UserError: if it is no model of films.
    """
    inner = model.bare
    if not isinstance(cast(Any, inner), Nested):
        raise UserError(f"a model of films is needed, a seriatim.models.Nested, and this is a {type(inner).__name__}")
    return cast(Nested, inner)


def positions(x: Longs, model: Model) -> Longs:
    """Levels (…, H, W, C) as positions: those, or (…, H, W) if a position is a pixel of one colour."""
    return x[..., 0] if model.head.parts == 1 and len(nested_of(model).inner.canvas) == 2 else x


def films(x: Longs, shape: tuple[int, int, int]) -> Longs:
    """The inverse of `positions`, from (B, any shape): (B, T, H, W, C)."""
    return x.reshape(len(x), -1, *shape)


def several(x: Any, shape: tuple[int, int, int]) -> list[UInt8]:
    """Films (N, T, H, W, C), or a list of (T, H, W, C), as a list.

    Raises:
        UserError: if it is one alone, none, or of other frames.
    """
    if getattr(x, "ndim", 0) == 4:
        raise UserError(f"one film of shape {x.shape}; expected several, (N, T, H, W, C): give film[None]")
    found: list[UInt8] = [np.asarray(film) for film in x]
    if not found:
        raise UserError("there are no films; give one or more")
    for i, film in enumerate(found):
        if film.ndim != 4 or film.shape[1:] != shape or film.dtype != np.uint8 or not len(film):
            raise UserError(f"film {i} is {film.dtype} of shape {film.shape}; expected 8-bit (T, *{shape})")
    return found
