"""Conditions as users give them: a value for every row, encoded, with a marker for missing ones."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import ArrayLike, NDArray

from seriatim.errors import UserError, nearest
from seriatim.symbols.base import Symbols
from seriatim.symbols.label import Labels, Numbers
from seriatim.symbols.vector import Vectors

Given = Mapping[str, Any]
"""Conditions by name: one value for all rows, or a list with one per row; None where it is missing."""


def checked(conditions: Mapping[str, Symbols], given: Given) -> None:
    """Refuse a condition that the model does not have.

    Raises:
        UserError: naming it.
    """
    for name in given:
        if name not in conditions:
            raise UserError(f"{name!r} is not a condition of this model; {nearest(name, conditions)}")


def each(name: str, value: Any, rows: int) -> list[Any]:
    """One value per row: a list has one for each, anything else is repeated.

    Raises:
        UserError: if the list's length is not `rows`.

    Example:
        >>> each("genre", "folk", rows=3)
        ['folk', 'folk', 'folk']
        >>> each("genre", ["folk", "jazz"], rows=2)
        ['folk', 'jazz']
    """
    if hasattr(value, "tolist"):  # of NumPy and pandas
        value = value.tolist()
    if isinstance(value, str) or not isinstance(value, Sequence):
        return [value] * rows
    values = list(cast("Sequence[Any]", value))
    if len(values) == 1:
        return values * rows
    if len(values) != rows:
        raise UserError(f"{len(values)} values of {name}; expected {rows}; give one, or one for each")
    return values


def encode_given(value: str | float | None, codec: Labels | Numbers, where: str) -> float:
    """A condition's value as a number: −1 (labels) or NaN (numbers) if it is missing.

    Example:
        >>> genres = Labels(["folk", "jazz"])
        >>> encode_given("jazz", genres, "genre"), encode_given(None, genres, "genre")
        (1, -1)
    """
    if value is None:
        return -1 if isinstance(codec, Labels) else math.nan
    try:
        return codec.encode(str(value)) if isinstance(codec, Labels) else codec.encode(value)
    except UserError as error:
        raise UserError(f"{where}: {error}") from error


def encode_labels(name: str, codec: Labels, value: Any, rows: int) -> NDArray[np.int64]:
    """(rows,): the number of each label, −1 where missing."""
    values = each(name, value, rows)
    return np.array([encode_given(value, codec, f"--given {name}") for value in values], dtype=np.int64)


def encode_vectors(name: str, codec: Vectors, value: Any, rows: int) -> NDArray[np.float32]:
    """(rows, D), NaN where missing."""
    missing = np.full(codec.size, np.nan, np.float32)
    if isinstance(value, list) and any(one is None for one in cast("list[Any]", value)):
        found = [missing if one is None else codec.encode(one) for one in each(name, value, rows)]
        return np.stack(found).astype(np.float32)
    return for_each(name, missing if value is None else codec.encode(cast(ArrayLike, value)), 1, rows)


def for_each(name: str, value: NDArray[Any], axes: int, rows: int) -> NDArray[Any]:
    """A single value (`axes` axes) repeated for every row, which takes no memory, or one value per row as it is."""
    every = np.broadcast_to(value, (rows, *value.shape)) if value.ndim == axes else value
    if every.ndim != axes + 1 or len(every) != rows:
        raise UserError(f"{len(every)} values of {name}; expected {rows}; give one, or one for each")
    return every
