"""Encoding the conditions of audio, by name: labels, vectors and time-aligned values."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from itertools import product
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from seriatim import symbols
from seriatim.audio.encoders import AlignedCodec
from seriatim.audio.spans import Span, Spans
from seriatim.errors import UserError
from seriatim.symbols import Given, Labels, Symbols, Vectors
from seriatim.symbols.given import checked, encode_labels, encode_vectors


class Encoded(NamedTuple):
    """Time-aligned values of one recording that are already encoded: (K, F)."""

    values: NDArray[np.float32]


def encode_conditions(codecs: Mapping[str, Symbols], given: Given, rows: int) -> dict[str, NDArray[Any]]:
    """Encode every condition for every row; a condition that is not given is missing.

    Args:
        codecs: of x and the conditions.
        given: conditions by name. Labels: strings. Vectors: (D,) or (N, D). Spans: a line such as "silence 3 7:0.5",
            or a tuple of `Span`. Tracks: arrays (frames, numbers). Features: a recording to compute them from.
        rows: number of recordings.

    Raises:
        UserError: naming a condition that is unknown, or of the wrong shape.
    """
    conditions = {name: codec for name, codec in codecs.items() if name != "x"}
    checked(conditions, given)
    result = dict[str, NDArray[Any]]()
    for name, codec in conditions.items():
        value = given.get(name)
        if isinstance(codec, AlignedCodec):
            result[name] = _aligned(name, codec, value, rows)
        elif isinstance(codec, Vectors):
            result[name] = encode_vectors(name, codec, value, rows)
        else:
            result[name] = encode_labels(name, cast(Labels, codec), value, rows)
    return result


def each(name: str, value: Any, rows: int) -> list[Any]:
    """One value per row, as `symbols.each`, except that an array of numbers and a tuple of spans are one value.

    Raises:
        UserError: if the number of values is not that of rows.
    """
    if getattr(getattr(value, "dtype", None), "kind", "") in ("U", "O"):  # labels in an array
        value = value.tolist()
    one = not isinstance(value, list | tuple) or isinstance(value, Encoded)
    if one or (len(value) and isinstance(value[0], Span | float | int)):
        return [value] * rows
    return symbols.each(name, value, rows)


def _aligned(name: str, codec: AlignedCodec, value: Any, rows: int) -> NDArray[np.float32]:
    """(rows, K, F) with the longest K; NaN after a row's last frame, and for missing values."""
    found = [_encoded(codec, one) for one in each(name, value, rows)]
    width = max((len(columns) for columns in found), default=0)
    channels = 2 if isinstance(codec, Spans) else codec.size
    out = np.full((rows, max(1, width), channels), np.nan, np.float32)
    for place, columns in zip(out, found, strict=True):
        place[: len(columns)] = columns
    return out


def _encoded(codec: AlignedCodec, value: Any) -> NDArray[np.float32]:
    if value is None:
        return np.zeros((0, 2 if isinstance(codec, Spans) else codec.size), np.float32)
    if isinstance(value, Encoded):
        return value.values
    if isinstance(codec, Spans):
        return codec.encode(codec.spoken(value) if isinstance(value, str) else value)
    return codec.encode(value)


def weights(name: str, value: Any) -> list[tuple[str | None, float]]:
    """The weights of a label or a mixture of labels."""
    if not isinstance(value, Mapping):
        return [(value, 1.0)]
    parts: list[tuple[str | None, float]] = [
        (str(label), float(weight)) for label, weight in cast("Mapping[Any, Any]", value).items()
    ]
    if any(not weight >= 0 for _, weight in parts):
        raise UserError(f"the weights of {name} are {', '.join(f'{w:g}' for _, w in parts)}; expected numbers from 0")
    total = sum(weight for _, weight in parts)
    if not abs(total - 1) < 1e-3:
        raise UserError(f"the weights of {name} add up to {total:g}; expected 1")
    return parts


def mixtures(
    given: Given, rows: int, labels: Container[str]
) -> Iterator[tuple[dict[str, list[Any]], NDArray[np.float64]]]:
    """Every choice of one label from each mixture, as conditions of the rows, with its weight in each row.

    Args:
        given: conditions by name.
        rows: number of recordings.
        labels: the conditions that are labels.
    """
    values = {name: each(name, value, rows) for name, value in given.items()}
    mixed = {name: [weights(name, v) for v in value] for name, value in values.items() if name in labels}
    for choice in product(*(range(max(map(len, shares))) for shares in mixed.values())):
        weight = np.ones(rows)
        for (name, shares), j in zip(mixed.items(), choice, strict=True):
            parts = [share[j] if j < len(share) else (share[0][0], 0.0) for share in shares]
            values[name] = [label for label, _ in parts]
            weight *= [w for _, w in parts]
        yield values, weight
