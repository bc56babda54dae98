"""QuickDraw's drawings: NDJSON, one drawing a line. https://github.com/googlecreativelab/quickdraw-dataset ."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from seriatim.errors import UserError
from seriatim.trajectory.data.lines import check_most, lines_of
from seriatim.trajectory.data.strokes import FAR

MOST_POINTS = 100_000
"""Points of a drawing at most."""

_WANTED = 'expected {"word": …, "drawing": [[[x, …], [y, …]], …]}'


def read_ndjson(
    path: Path, limit: int | None = None
) -> tuple[list[list[NDArray[np.float64]]], list[str | None], list[str], str]:
    """The strokes, words and names of the drawings of a file, which may be compressed, and a remark.

    Drawings that were not recognized are among them. The name of a drawing is the file with the line.

    Args:
        path: the file.
        limit: how many to read, from its beginning. Default: all.

    Raises:
        UserError: naming the first line that is no drawing.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "cats.ndjson")
        ...     _ = path.write_text('{"word": "cat", "drawing": [[[0, 4], [0, 3]]]}')
        ...     drawings, words, names, remark = read_ndjson(path)
        >>> words, drawings[0][0].tolist()
        (['cat'], [[0.0, 0.0], [4.0, 3.0]])
    """
    drawings: list[list[NDArray[np.float64]]] = []
    words: list[str | None] = []
    names: list[str] = []
    unknown = count = 0
    for number, line in lines_of(path):
        if limit is not None and len(drawings) >= limit:
            break
        if not line.strip():
            continue
        where = f"{path}: line {number}"
        record = _record(line, where)
        word, strokes = record.get("word"), _strokes(record["drawing"], where)
        if word is not None and not isinstance(word, str):
            raise UserError(f"{where}: a word that is no text; {_WANTED}: correct or remove it")
        count += 2 * sum(map(len, strokes))
        check_most(count, path)
        unknown += record.get("recognized") is False
        drawings.append(strokes)
        words.append(word)
        names.append(f"{path}:{number}")
    if not drawings:
        raise UserError(f"{path}: no drawings; {_WANTED} on each line: give another file")
    remark = f"{unknown:,} of {len(drawings):,} drawings were not recognized by QuickDraw; they are kept."
    return drawings, words, names, remark if unknown else ""


def _record(line: str, where: str) -> dict[str, Any]:
    try:
        record: object = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where}: not JSON ({str(error)[:80]}); {_WANTED}: correct or remove it") from None
    if not isinstance(record, dict) or "drawing" not in record:
        raise UserError(f"{where}: not a drawing; {_WANTED}: correct or remove it")
    return cast("dict[str, Any]", record)


def _strokes(drawing: object, where: str) -> list[NDArray[np.float64]]:
    if not isinstance(drawing, list):
        raise UserError(f"{where}: a drawing that is no list; {_WANTED}: correct or remove it")
    if not drawing:
        raise UserError(f"{where}: an empty drawing; expected one stroke or more: remove it")
    strokes: list[NDArray[np.float64]] = []
    left = MOST_POINTS
    for i, stroke in enumerate(cast("list[object]", drawing), start=1):
        lists = _lists(stroke)
        if lists is None:
            raise UserError(
                f"{where}: stroke {i} is not [xs, ys] or [xs, ys, times] of as many numbers each; {_WANTED}: "
                "correct or remove it"
            )
        left -= len(lists[0])
        if left < 0:
            raise UserError(f"{where}: over {MOST_POINTS:,} points; expected fewer: remove the drawing")
        try:
            points = np.array(lists[:2], dtype=np.float64).T
        except OverflowError:
            points = np.array([[np.inf, 0.0]])
        if not (np.abs(points) <= FAR).all():  # NaN is not
            raise UserError(f"{where}: stroke {i} has a coordinate beyond {FAR:g}: correct or remove it")
        strokes.append(np.ascontiguousarray(points))
    return strokes


def _lists(stroke: object) -> list[list[float]] | None:
    """The lists of a stroke, of the same length and of numbers; None if it is anything else."""
    if not isinstance(stroke, list) or len(cast("list[object]", stroke)) not in (2, 3):
        return None
    lists = cast("list[object]", stroke)
    if not all(isinstance(each, list) and each for each in lists):
        return None
    found = cast("list[list[float]]", lists)
    numbers = all(type(value) in (int, float) for each in found[:2] for value in each)
    return found if numbers and len({len(each) for each in found}) == 1 else None
