"""Long tables of series that end: rows in order, with a column that says which series each is of."""

from __future__ import annotations

from array import array
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seriatim.errors import UserError, nearest
from seriatim.trajectory.data.lines import check_most, fault, number_of, rows_of

_EMPTY = ("", "na", "nan", "?")  # of a first cell that says nothing of its column


LABELS = ("label", "class", "word")
"""Columns that say what a series is, unless another is named."""


def read_long(
    path: Path, id_column: str, label: str | None, values: tuple[str, ...]
) -> tuple[list[NDArray[np.float64]], list[str | None] | None, list[str], tuple[str, ...]]:
    """The series (T, C) of a table, their labels, names and channels, in the order of their first rows.

    Args:
        path: a CSV file, or one with tabs or semicolons, with a heading; it may be compressed.
        id_column: the column that names the series; or "id" where it is not there, as in a table of samples.
        label: the column with the label of each series. Default: label, class or word, if one of them is there.
        values: the columns that are channels. Default, if it is empty: the other columns that start with a number.

    Raises:
        UserError: naming the line and the column of a cell that is no number, or a label that changes.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "walks.csv")
        ...     _ = path.write_text("walk,x,y\\na,1,2\\na,3,4\\nb,5,6\\n")
        ...     x, labels, names, channels = read_long(path, "walk", None, ())
        >>> x[0].tolist(), names, channels
        ([[1.0, 2.0], [3.0, 4.0]], ['a', 'b'], ('x', 'y'))
    """
    rows = rows_of(path)
    heading = next(rows)[1]
    if id_column not in heading and "id" in heading:
        id_column = "id"
    if label is None:
        found_in = [name for name in LABELS if name in heading and name not in (id_column, *values)]
        label = found_in[0] if found_in else None
    key_at, label_at, given = _named(heading, id_column, label, values, path)
    first = next(rows, None)
    if first is None:
        raise UserError(f"{path}: no rows after the heading; expected one a step: give another file")
    at = given or _numeric(heading, first[1], {key_at, label_at}, path)
    found: dict[str, array[float]] = {}
    labels: dict[str, str] = {}
    count = 0

    def add(line: int, cells: list[str]) -> None:
        key = cells[key_at]
        if not key:
            raise UserError(f"{path}: line {line}, column {id_column!r}: empty; expected a name: fill it in")
        series = found.setdefault(key, array("d"))
        for i in at:
            value = number_of(cells[i])
            if value is None:
                raise fault(cells[i], f"{path}: line {line}, column {heading[i]!r}")
            series.append(value)
        if label_at is not None and labels.setdefault(key, cells[label_at]) != cells[label_at]:
            raise UserError(
                f"{path}: line {line}, column {label!r}: {cells[label_at]!r:.40}, but {labels[key]!r:.40} before; "
                f"expected one label for all rows of {key!r:.40}: correct it"
            )

    add(*first)
    for line, cells in rows:
        add(line, cells)
        count += len(at)
        check_most(count, path)
    x = [np.array(series).reshape(-1, len(at)) for series in found.values()]
    told = [labels[key] or None for key in found] if label_at is not None else None
    return x, told, list(found), tuple(heading[i] for i in at)


def _named(
    heading: list[str], id_column: str, label: str | None, values: tuple[str, ...], path: Path
) -> tuple[int, int | None, list[int]]:
    """Where the columns are that are named."""

    def place(name: str) -> int:
        if heading.count(name) != 1:
            if name in heading:
                raise UserError(f"{path}: several columns {name!r}; expected one: rename the others")
            raise UserError(f"{path}: no column {name!r}; {nearest(name, heading)}")
        return heading.index(name)

    chosen = [id_column, *([label] if label is not None else []), *values]
    for name in chosen:
        if chosen.count(name) > 1:
            raise UserError(f"{path}: column {name!r} is given twice; expected one use of each: name another")
    return place(id_column), None if label is None else place(label), [place(name) for name in values]


def _numeric(heading: list[str], cells: list[str], others: set[int | None], path: Path) -> list[int]:
    """The other columns whose first cell is a number, or missing, which is refused then."""
    at = [
        i for i, cell in enumerate(cells) if i not in others and (number_of(cell) is not None or cell.lower() in _EMPTY)
    ]
    if not at:
        raise UserError(f"{path}: columns {', '.join(heading)[:80]}; expected one or more of numbers: add them")
    for i in at:
        if heading.count(heading[i]) > 1:
            raise UserError(f"{path}: several columns {heading[i]!r}; expected one: rename the others")
    return at
