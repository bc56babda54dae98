"""What pictures are conditioned on, by name, as models take it: labels, other pictures, codes, vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from seriatim.errors import UserError
from seriatim.image.encoders import CODE
from seriatim.image.levels import Levels
from seriatim.symbols import Given, Labels, Symbols, Vectors
from seriatim.symbols.given import checked, encode_labels, encode_vectors, for_each

LABEL = "label"
"""The condition that a picture's folder, or a data set, gives it."""

MAP = "image"
"""The condition that is another picture: the partner that `--image.maps` gives it."""

VECTOR = "vector"
"""The condition that is numbers of each picture."""


def encode_conditions(
    codecs: Mapping[str, Symbols], given: Given, rows: int, code_width: int | None = None
) -> dict[str, NDArray[Any]]:
    """Every condition for every row; what is not given counts as missing.

    Args:
        codecs: of x and of the conditions.
        given: conditions by name. Labels: strings. Pictures: 8-bit arrays (H, W, C) or (N, H, W, C); for a code also
            codes. Vectors: (D,) or (N, D).
        rows: number of pictures.
        code_width: numbers of an auto-encoder's code.

    Raises:
        UserError: naming the condition that is unknown, or of the wrong shape.
    """
    conditions = {name: codec for name, codec in codecs.items() if name != "x"}
    checked(conditions, given)
    result = dict[str, NDArray[Any]]()
    for name, codec in conditions.items():
        value = given.get(name)
        if isinstance(codec, Levels):
            result[name] = _picture(name, codec, value, rows, code_width)
        elif isinstance(codec, Vectors):
            result[name] = encode_vectors(name, codec, value, rows)
        else:
            result[name] = encode_labels(name, cast(Labels, codec), value, rows)
    return result


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
        return for_each(name, array, 1, rows)
    return for_each(name, codec.encode(array), 3, rows)
