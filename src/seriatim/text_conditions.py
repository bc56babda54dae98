"""What texts are conditioned on, by name, as models take it: labels, numbers, and the source that a text is for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from seriatim.data.corpus import Document
from seriatim.data.tokens import Ragged, encode_given, encode_text
from seriatim.errors import UserError, nearest
from seriatim.symbols import Labels, Numbers, Tokenizer

Conditions = Mapping[str, Labels | Numbers | Tokenizer]

Values = Mapping[str, str | float | Sequence[str | float | None] | None]
"""Conditions by name: one for all, or a list with one for each; None where it is not said."""


def checked(conditions: Conditions, given: Values | None) -> Conditions:
    """The conditions, if all that are given are among them.

    Raises:
        UserError: naming the first that is not.
    """
    for name in given or {}:
        if name not in conditions:
            raise UserError(f"{name!r} is not a condition of this model; {nearest(name, conditions)}")
    return conditions


def each(name: str, value: Any, rows: int) -> list[Any]:
    """One value for every row: a list has one for each, anything else is for all of them.

    Raises:
        UserError: if there are not as many as rows.
    """
    if isinstance(value, str) or not isinstance(value, Sequence):
        return [value] * rows
    values = list(cast("Sequence[Any]", value))
    if len(values) == 1:
        return values * rows
    if len(values) != rows:
        raise UserError(f"{len(values)} values of {name} where {rows} are wanted; give one, or one for each")
    return values


def encode_all(conditions: Conditions, given: Values | None, rows: int) -> dict[str, NDArray[Any] | Ragged]:
    """Every condition for every row; what is not given counts as not said."""
    found: dict[str, NDArray[Any] | Ragged] = {}
    for name, codec in checked(conditions, given).items():
        values = each(name, (given or {}).get(name), rows)
        if isinstance(codec, Tokenizer):
            found[name] = Ragged([_source(name, i, value, codec) for i, value in enumerate(values, start=1)])
            continue
        kind = np.int64 if isinstance(codec, Labels) else np.float64
        found[name] = np.array([encode_given(value, codec, f"--given {name}") for value in values], dtype=kind)
    return found


def _source(name: str, number: int, value: str | float | None, codec: Tokenizer) -> NDArray[np.int64]:
    try:
        return encode_text(value, codec)
    except UserError as error:
        raise UserError(f"{name} {number}: {error}; correct it, or train with --tokens.unknown unk") from error


def of_documents(conditions: Conditions, documents: Sequence[Document]) -> dict[str, list[str | float | None]]:
    """What held-out documents are conditioned on; a label that training did not have counts as not said."""

    def known(document: Document, name: str) -> str | float | None:
        value, codec = document.given.get(name), conditions[name]
        try:
            if not isinstance(codec, Tokenizer):
                encode_given(value, codec, document.name)
        except UserError:
            return None
        return value

    return {name: [known(document, name) for document in documents] for name in conditions}


def within(sources: NDArray[Any] | Ragged, longest: int, optional: bool, names: Sequence[str] | None) -> None:
    """Refuse sources that have more symbols than a model reads, and rows without one if it knows of none such.

    Raises:
        UserError: naming the longest, or the first that is missing.
    """
    if not isinstance(sources, Ragged) or not len(sources):
        return
    if not optional and not sources.lengths.all():
        at = int(sources.lengths.argmin())
        where = "" if names is None else f", and {names[at]} has none"
        raise UserError(
            f"this model writes a text for a source{where}; give it one (sample --source, --given source=…, or pairs "
            "as data), or train with --train.drop-given 0.1"
        )
    if sources.lengths.max() > longest:
        at = int(sources.lengths.argmax())
        where = f"the source of {names[at]}" if names is not None else f"source {at + 1}"
        raise UserError(
            f"{where} has {sources.lengths[at]:,} symbols, and this model reads {longest:,} at most, twice the longest "
            "it was trained on; divide it"
        )
