"""Drawings as tables of points: CSV or TSV with columns x and y, and one that says where strokes end."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, final

import numpy as np
from numpy.typing import NDArray

from seriatim.errors import UserError
from seriatim.trajectory.data.lines import check_most, column, fault, number_of, rows_of
from seriatim.trajectory.data.strokes import FAR
from seriatim.trajectory.holding import PEN_UP, STROKE

DRAWING = ("drawing", "id", "drawing_id", "key_id")
"""Columns that say which drawing a point is of."""
WORD = ("label", "word", "class")
"""Columns that say what a drawing shows."""


class _Columns(NamedTuple):
    """Where the columns are."""

    x: int
    y: int
    stroke: int | None
    pen: int | None
    drawing: int | None
    word: int | None


@final
@dataclass
class _Drawing:
    """One that is being read."""

    word: str
    strokes: list[array[float]] = field(default_factory=list)
    lifted: bool = True
    stroke: str = ""
    seen: set[str] = field(default_factory=set)


def read_points(path: Path) -> tuple[list[list[NDArray[np.float64]]], list[str | None], list[str]]:
    """The strokes, labels and names of the drawings of a table, in the order of their first rows.

    A drawing without a column of strokes or of the pen is one stroke. The name is the file, with the drawing if there
    is such a column.

    Raises:
        UserError: naming the line and the column of a cell that cannot be used.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "cross.csv")
        ...     _ = path.write_text("stroke,x,y\\n1,0,1\\n1,2,1\\n2,1,0\\n2,1,2\\n")
        ...     drawings, labels, names = read_points(path)
        >>> [stroke.tolist() for stroke in drawings[0]], labels
        ([[[0.0, 1.0], [2.0, 1.0]], [[1.0, 0.0], [1.0, 2.0]]], [None])
    """
    rows = rows_of(path)
    heading = _lower(next(rows)[1])
    at = _columns(heading, path)
    found: dict[str, _Drawing] = {}
    count = 0
    for line, cells in rows:
        key = cells[at.drawing] if at.drawing is not None else ""
        word = cells[at.word] if at.word is not None else ""
        where = f"{path}: line {line}"
        if at.drawing is not None and not key:
            raise UserError(f"{where}, column {heading[at.drawing]!r}: empty; expected the drawing: fill it in")
        drawing = found.setdefault(key, _Drawing(word))
        if word != drawing.word:
            raise UserError(
                f"{where}: the label {word!r:.40}, but {drawing.word!r:.40} before; expected one for each drawing: "
                "correct it"
            )
        _add(drawing, cells, at, heading, where)
        count += 2
        check_most(count, path)
    if not found:
        raise UserError(f"{path}: no points after the heading; expected one a row: give another file")
    drawings = [[np.array(stroke).reshape(-1, 2) for stroke in each.strokes] for each in found.values()]
    names = [str(path) if at.drawing is None else f"{path}:{key}" for key in found]
    return drawings, [each.word or None for each in found.values()], names


def _lower(cells: Sequence[str]) -> list[str]:
    return [cell.strip().lower() for cell in cells]


def _columns(heading: list[str], path: Path) -> _Columns:
    x, y = column(heading, ("x",), path), column(heading, ("y",), path)
    if x is None or y is None:
        raise UserError(
            f"{path}: columns {', '.join(heading)[:80]}; expected x and y among them, in a heading: add or rename them"
        )
    stroke, pen = column(heading, STROKE, path), column(heading, PEN_UP, path)
    if stroke is not None and pen is not None:
        both = f"{heading[stroke]!r} and {heading[pen]!r}"
        raise UserError(f"{path}: columns {both}; expected one that says where strokes end: remove the other")
    return _Columns(x, y, stroke, pen, column(heading, DRAWING, path), column(heading, WORD, path))


def _add(drawing: _Drawing, cells: list[str], at: _Columns, heading: list[str], where: str) -> None:
    """A point to its drawing."""
    point: list[float] = []
    for i in (at.x, at.y):
        value = number_of(cells[i])
        if value is None:
            raise fault(cells[i], f"{where}, column {heading[i]!r}")
        if abs(value) > FAR:
            raise UserError(f"{where}, column {heading[i]!r}: {value:g} is beyond {FAR:g}: give other units")
        point.append(value)
    if at.stroke is not None:
        stroke = cells[at.stroke]
        if not stroke:
            raise UserError(f"{where}, column {heading[at.stroke]!r}: empty; expected the stroke: fill it in")
        drawing.lifted = not drawing.strokes or stroke != drawing.stroke
        if drawing.lifted and stroke in drawing.seen:
            raise UserError(
                f"{where}: stroke {stroke!r:.40} goes on after another one; expected its rows together: sort"
            )
        drawing.stroke = stroke
        drawing.seen.add(stroke)
    if drawing.lifted:
        drawing.strokes.append(array("d"))
    drawing.strokes[-1].extend(point)
    drawing.lifted = False
    if at.pen is not None:
        lift = number_of(cells[at.pen])
        if lift not in (0, 1):
            raise UserError(
                f"{where}, column {heading[at.pen]!r}: {cells[at.pen]!r:.40}; expected 1 where the pen is lifted after "
                "the point, else 0: correct it"
            )
        drawing.lifted = lift == 1
