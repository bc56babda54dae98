"""What pictures and sound are conditioned on, by name, as models take it: labels, pictures, codes, vectors, tracks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seriatim import text_conditions
from seriatim.building import CODE, Track
from seriatim.data.recordings import VECTOR
from seriatim.data.tokens import encode_given
from seriatim.errors import UserError, nearest
from seriatim.symbols import Labels, Levels, Span, Spans, Symbols, Vectors

__all__ = ["LABEL", "MAP", "VECTOR", "Columns", "Given", "each", "encode_conditions"]

LABEL = "label"
"""The condition that a picture's folder, or a data set, gives it."""

MAP = "image"
"""The condition that is another picture: the partner that `--image.maps` gives it."""

Given = Mapping[str, Any]
"""Conditions by name: one for all, or a list with one for each; None where it is not said.

Labels: strings. Pictures: 8-bit arrays (several may be one array); for a code also codes. Vectors: (D,) or (N, D).
Of sound, what runs beside it. Spans: a line such as "silence 3 7:0.5", or a tuple of `Span`. Series: arrays (columns,
numbers). Features: a recording, of which they are taken."""


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
        elif isinstance(codec, Track):
            result[name] = _columns(name, codec, value, rows)
        elif isinstance(codec, Vectors):
            result[name] = _vectors(name, codec, value, rows)
        else:
            result[name] = _labels(name, cast(Labels, codec), cast("str | Sequence[str | None] | None", value), rows)
    return result


class Columns(NamedTuple):
    """A track of one recording that its codec has encoded already: (K, F)."""

    values: NDArray[np.float32]


def each(name: str, value: Any, rows: int) -> list[Any]:
    """One value for every row, as of texts; but numbers, and spans, are one value.

    Raises:
        UserError: if there are not as many as rows.
    """
    one = not isinstance(value, list | tuple) or isinstance(value, Columns)
    if one or (len(value) and isinstance(value[0], Span | float | int)):
        return [value] * rows
    return text_conditions.each(name, value, rows)


def _vectors(name: str, codec: Vectors, value: Any, rows: int) -> NDArray[np.float32]:
    """(rows, D), NaN where nothing is said."""
    unsaid = np.full(codec.size, np.nan, np.float32)
    if isinstance(value, list) and any(one is None for one in cast("list[Any]", value)):
        found = [unsaid if one is None else codec.encode(one) for one in each(name, value, rows)]
        return np.stack(found).astype(np.float32)
    return _for_each(name, unsaid if value is None else codec.encode(cast(ArrayLike, value)), 1, rows)


def _columns(name: str, codec: Track, value: Any, rows: int) -> NDArray[np.float32]:
    """(rows, K, F), K as the longest one wants; NaN behind a row's last column, and where nothing is said."""
    found = [_encoded(codec, one) for one in each(name, value, rows)]
    width = max((len(columns) for columns in found), default=0)
    channels = 2 if isinstance(codec, Spans) else codec.size
    out = np.full((rows, max(1, width), channels), np.nan, np.float32)
    for place, columns in zip(out, found, strict=True):
        place[: len(columns)] = columns
    return out


def _encoded(codec: Track, value: Any) -> NDArray[np.float32]:
    if value is None:
        return np.zeros((0, 2 if isinstance(codec, Spans) else codec.size), np.float32)
    if isinstance(value, Columns):
        return value.values
    if isinstance(codec, Spans):
        return codec.encode(codec.spoken(value) if isinstance(value, str) else value)
    return codec.encode(value)


def _labels(name: str, codec: Labels, value: str | Sequence[str | None] | None, rows: int) -> NDArray[Any]:
    values = each(name, value, rows)
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
