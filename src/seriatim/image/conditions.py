"""Encoding the conditions of pictures, by name: labels, maps, codes, vectors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from seriatim.errors import UserError
from seriatim.image.data.gallery import Pictures
from seriatim.image.encoders import CODE
from seriatim.symbols import Given, Labels, Symbols, Vectors
from seriatim.symbols.given import checked, each, encode_labels, encode_vectors, for_each
from seriatim.symbols.label import label_of
from seriatim.symbols.levels import Levels

LABEL = "label"
"""The condition given by subfolders, a CSV file or a data set."""

MAP = "image"
"""The condition that is another picture: the map from `--image.maps`."""

VECTOR = "vector"
"""The condition that is a vector per picture."""


def encode_conditions(
    codecs: Mapping[str, Symbols], given: Given, rows: int, code_width: int | None = None
) -> dict[str, NDArray[Any]]:
    """Encode every condition for every row; a condition that is not given is missing.

    Args:
        codecs: of x and the conditions.
        given: conditions by name. Labels: strings. Pictures: 8-bit arrays (H, W, C) or (N, H, W, C), or codes for an
            auto-encoder. Vectors: (D,) or (N, D).
        rows: number of pictures.
        code_width: numbers of an auto-encoder's code.

    Raises:
        UserError: naming a condition that is unknown, or of the wrong shape.
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
    """Encode a picture or a code: (rows, …)."""
    if value is None:
        if name == CODE:
            raise UserError(
                "this is an auto-encoder, and p(picture | its own code) is not a likelihood of the picture; give a code"
            )
        return for_each(name, np.full(codec.shape, -1, dtype=np.int64), 3, rows)
    array: NDArray[Any] = np.asarray(value)
    if name == CODE and array.dtype.kind == "f":
        if array.shape[-1:] != (code_width,) or array.ndim > 2 or not np.isfinite(array).all():
            raise UserError(f"a code of shape {array.shape}; expected (N, {code_width}) finite numbers")
        return for_each(name, array, 1, rows)
    return for_each(name, codec.encode(array), 3, rows)


def several(value: Any, shape: tuple[int, int, int]) -> NDArray[Any]:
    """Pictures as an array.

    Raises:
        UserError: if it is one picture alone.
    """
    x: NDArray[Any] = np.asarray(value)
    if x.shape == shape:
        raise UserError(f"one picture of shape {x.shape}; expected several, (N, …): give picture[None]")
    return x


def with_conditions(value: Any, given: Given, codecs: Mapping[str, Symbols]) -> Pictures:
    """An array of pictures with their conditions.

    Raises:
        UserError: for a condition that is none of the codecs', and pictures of another shape.
    """
    checked({name: codec for name, codec in codecs.items() if name != "x"}, given)
    levels = cast(Levels, codecs["x"])
    x = several(value, levels.shape)
    levels.encode(x)
    labels = given.get(LABEL)
    known = None if labels is None else tuple(label_of(label) for label in each(LABEL, labels, len(x)))
    return Pictures(x, known, [f"picture {i}" for i in range(len(x))], given.get(MAP), given.get(VECTOR))
