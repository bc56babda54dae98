"""What pictures and sound are conditioned on, by name: labels, pictures, codes and vectors, as a model takes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seriatim.building import CODE
from seriatim.data.tokens import encode_given
from seriatim.errors import UserError, nearest
from seriatim.symbols import Labels, Levels, Symbols, Vectors

LABEL = "label"
"""The condition that a picture's folder, or a data set, gives it."""

MAP = "image"
"""The condition that is another picture: the partner that `--image.maps` gives it."""

VECTOR = "vector"
"""The condition that is numbers, such as another network's embedding: `--image.vectors` gives it."""

Given = Mapping[
    str, str | Sequence[str | None] | Sequence[float] | NDArray[np.uint8] | NDArray[np.floating[Any]] | None
]
"""Conditions by name. Labels: one for all, or one for each. Pictures: 8-bit arrays, likewise; for a code also codes.
Vectors: arrays (D,) or (N, D)."""


def encode_conditions(
    codecs: Mapping[str, Symbols], given: Given, rows: int, code_width: int | None = None
) -> dict[str, NDArray[Any]]:
    """Every condition for every row; what is not given counts as not said.

    Args:
        codecs: of x and of the conditions.
        given: conditions by name.
        rows: how many pictures or recordings.
        code_width: numbers of an auto-encoder's code.

    Raises:
        UserError: naming the condition that is unknown, or of the wrong shape.
    """
    result = dict[str, NDArray[Any]]()
    names = [name for name in codecs if name != "x"]
    for name in given:
        if name not in names:
            raise UserError(f"{name!r} is not a condition of this model; {nearest(name, names)}")
    for name in names:
        value, codec = given.get(name), codecs[name]
        if isinstance(codec, Levels):
            result[name] = _picture(name, codec, value, rows, code_width)
        elif isinstance(codec, Vectors):
            unsaid = np.full(codec.size, np.nan, np.float32)
            result[name] = _for_each(name, unsaid if value is None else codec.encode(cast(ArrayLike, value)), 1, rows)
        else:
            result[name] = _labels(name, cast(Labels, codec), cast("str | Sequence[str | None] | None", value), rows)
    return result


def _labels(name: str, codec: Labels, value: str | Sequence[str | None] | None, rows: int) -> NDArray[Any]:
    values = [value] * rows if value is None or isinstance(value, str) else list(value)
    if len(values) != rows:
        raise UserError(f"{len(values)} values of {name} where {rows} are wanted; give one, or one for each")
    known = {v: encode_given(v, codec, f"--given {name}") for v in set(values)}
    return np.array([known[v] for v in values], dtype=np.int64)


def _picture(name: str, codec: Levels, value: Any, rows: int, code_width: int | None) -> NDArray[Any]:
    """A condition that is a picture, or a code: (rows, …)."""
    if value is None:
        if name == CODE:
            raise UserError(
                "this is an auto-encoder: what it says of a picture whose code it knows is no likelihood of the "
                "picture; give a code"
            )
        return np.full((rows, *codec.shape), -1, dtype=np.int64)
    array: NDArray[Any] = np.asarray(value)
    if name == CODE and array.dtype.kind == "f":
        if array.shape[-1:] != (code_width,) or array.ndim > 2 or not np.isfinite(array).all():
            raise UserError(f"a code of shape {array.shape}; (N, {code_width}) finite numbers are wanted")
        return _for_each(name, array, 1, rows)
    return _for_each(name, codec.encode(array), 3, rows)


def _for_each(name: str, value: NDArray[Any], axes: int, rows: int) -> NDArray[Any]:
    """One value of so many axes for every row, or as they are where there is one for each."""
    each = np.tile(value, (rows, *[1] * axes)) if value.ndim == axes else value
    if each.ndim != axes + 1 or len(each) != rows:
        raise UserError(f"{len(each)} values of {name} where {rows} are wanted; give one, or one for each")
    return each
