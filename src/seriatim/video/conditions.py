"""Encoding the conditions of films, by name: a label for all of it, a vector for each frame."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from seriatim.errors import UserError
from seriatim.symbols import Given, Labels, Symbols
from seriatim.symbols.given import checked, encode_labels
from seriatim.video.actions import Actions

LABEL, ACTION = "label", "action"
"""The conditions of a film: one for all of it, and a vector for each frame."""


def encode_conditions(conditions: Mapping[str, Symbols], given: Given, lengths: Sequence[int]) -> dict[str, list[Any]]:
    """{condition: one encoded value per film}, missing ones as their encoders want them.

    Args:
        conditions: their codecs.
        given: a label, or a list of them; actions (T, A), or a list of them.
        lengths: frames of each film.

    Raises:
        UserError: naming a condition that is unknown, or of the wrong shape.
    """
    checked(conditions, given)
    found: dict[str, list[Any]] = {}
    for name, codec in conditions.items():
        value = given.get(name)
        if isinstance(codec, Actions):
            found[name] = _actions(name, codec, value, lengths)
        else:
            found[name] = list(encode_labels(name, cast(Labels, codec), value, len(lengths)))
    return found


def rows_of(encoded: Mapping[str, list[Any]], rows: Sequence[int], frames: int) -> dict[str, NDArray[Any]]:
    """The conditions of some films; actions of shorter ones are padded to `frames`, after their end."""
    found: dict[str, NDArray[Any]] = {}
    for name, values in encoded.items():
        some = [np.asarray(values[i]) for i in rows]
        if some[0].ndim:
            longest = max(len(each) for each in some)
            longest = frames if longest > 1 or frames == 1 else longest
            some = [np.pad(each, ((0, max(0, longest - len(each))), (0, 0))) for each in some]
        found[name] = np.stack(some)
    return found


def _actions(name: str, codec: Actions, value: Any, lengths: Sequence[int]) -> list[NDArray[np.float32]]:
    """The actions of each film (T, A); if there are none, (1, A) without a number."""
    if value is None:
        return [np.full((1, codec.size), np.nan, np.float32)] * len(lengths)
    several = isinstance(value, list | tuple) or getattr(value, "ndim", 0) == 3
    each = [*value] if several else [value] * len(lengths)
    if len(each) != len(lengths):
        raise UserError(f"{len(each)} actions of {name} for {len(lengths)} films; give one array for all, or one each")
    found = [codec.encode(np.asarray(one)) for one in each]
    for i, (rows, length) in enumerate(zip(found, lengths, strict=True)):
        if len(rows) < length:
            raise UserError(f"film {i} has {length} frames and actions for {len(rows)}; give one row per frame")
    return [rows[:length] for rows, length in zip(found, lengths, strict=True)]
