"""Texts in memory: strings, data frames, and their conditions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

from seriatim.errors import UserError, nearest
from seriatim.symbols.label import is_missing
from seriatim.text.data.corpus import SOURCE, Document
from seriatim.text.options import TextOptions

_FIELDS = ("text", "x")


def in_memory(spec: object, options: TextOptions) -> Iterator[Document]:
    """Documents of a sequence of strings, of a mapping of columns, or of a data frame.

    Raises:
        UserError: naming a column that is missing or too short.
    """
    if hasattr(spec, "columns") and hasattr(spec, "to_dict"):
        columns: dict[str, Any] = {str(name): list(cast(Any, spec)[name]) for name in cast(Any, spec).columns}
    else:
        columns = dict(cast("dict[str, Any]", spec)) if isinstance(spec, dict) else {"x": spec}
    field = _field(columns, options)
    texts = columns[field]
    conditions: dict[str, Sequence[Any]] = {name: _column(columns, name) for name in options.given}
    if options.source is not None or SOURCE in columns:
        conditions[SOURCE] = _column(columns, options.source or SOURCE)
    unread = [name for name in columns if name not in {field, SOURCE, options.source, *options.given}]
    if unread and isinstance(spec, dict):  # a data frame has other columns as a matter of course
        raise UserError(
            f"the key {unread[0]!r} is not read; give text=TextOptions(given=({unread[0]!r},)) to condition on it, or "
            "leave it out"
        )
    for name, values in conditions.items():
        if len(values) != len(texts):
            raise UserError(f"{len(values)} values of {name!r} for {len(texts)} texts; give one per text")
    for i, text in enumerate(texts):
        if not isinstance(text, str):
            raise UserError(f"text {i} is a {type(text).__name__}; expected a string; convert it first")
        given = {name: _value(values[i], name) for name, values in conditions.items()}
        yield Document.of(f"text {i}", text, given)


def _field(columns: dict[str, Any], options: TextOptions) -> str:
    """The name of the column of texts."""
    if options.field is not None:
        _column(columns, options.field)
        return options.field
    for name in _FIELDS:
        if name in columns:
            return name
    raise UserError(f"no column is named text; give text=TextOptions(field=…), one of {', '.join(columns)}")


def _column(columns: dict[str, Any], name: str) -> Sequence[Any]:
    if name not in columns:
        raise UserError(f"no column is named {name!r}; {nearest(name, columns)}")
    return columns[name]


def _value(value: Any, name: str) -> str | float | None:
    """A condition's value; None for missing ones, including NaN in data frames."""
    if is_missing(value):
        return None
    if name == SOURCE or not isinstance(value, int | float):
        return str(value)
    return float(value)
