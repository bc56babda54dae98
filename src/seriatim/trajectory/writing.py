"""Writing trajectories: pictures, animations and tables."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from seriatim.drawing.strokes import polylines, save_strokes
from seriatim.drawing.tracks import save_tracks
from seriatim.errors import UserError
from seriatim.runs.files import write_text
from seriatim.trajectory.data.trajectories import PEN

Floats = NDArray[np.float64]

PICTURES = (".png", ".svg", ".gif")


def check_suffix(path: Path, drawn: bool) -> None:
    """Refuse a file that trajectories are not written to.

    Raises:
        UserError: naming those that they are.
    """
    known = (*PICTURES, ".ndjson", ".csv") if drawn else (".csv", ".png")
    if path.suffix.lower() not in known:
        what = "drawings" if drawn else "series"
        raise UserError(f"{path}: {what} are written to {', '.join(known)}, not to {path.suffix or 'no suffix'}")


def save(
    x: Sequence[Floats],
    path: Path,
    channels: Sequence[str],
    labels: Sequence[str | None] = (),
    columns: int = 8,
    known: Sequence[int] = (),
    seeds: Sequence[int] = (),
) -> list[Path]:
    """Write trajectories; series that are no drawings as a table get a chart next to it.

    In a table and in NDJSON, a trajectory without points is left out, as nothing can be said of it there.

    Args:
        x: (T, C) each.
        path: its suffix says how.
        channels: names of the channels; `PEN` for drawings.
        labels: of each.
        columns: drawings per row of a sheet.
        known: points of each that were given.
        seeds: of each.

    Returns:
        The files written.

    Raises:
        UserError: for another suffix, or if they cannot be written.
    """
    drawn, suffix = tuple(channels) == PEN, path.suffix.lower()
    check_suffix(path, drawn)
    names = [label or "" for label in labels] if any(labels) else []
    path.parent.mkdir(parents=True, exist_ok=True)
    if drawn and suffix in PICTURES:
        save_strokes(x, path, columns, names, known, seeds)
    elif suffix == ".ndjson":
        write_text(path, "".join(_record(each, i, labels) for i, each in enumerate(x) if len(each)))
    elif suffix == ".csv":
        write_text(path, _points(x, labels) if drawn else _table(x, channels, labels))
        picture = path.with_suffix(".png")
        if not drawn and save_tracks(x, picture, channels, names, known):
            return [path, picture]
    elif not save_tracks(x, path, channels, names, known):
        raise UserError(f"{path}: charts need matplotlib: pip install 'seriatim[plot]', or write to .csv")
    return [path]


def _record(x: Floats, i: int, labels: Sequence[str | None]) -> str:
    """A drawing as a line of QuickDraw's NDJSON."""
    word = {"word": labels[i]} if i < len(labels) and labels[i] else {}
    drawing = [[_short(stroke[:, 0]), _short(stroke[:, 1])] for stroke in polylines(x)]
    return json.dumps({**word, "drawing": drawing}, ensure_ascii=False) + "\n"


def _short(values: Floats) -> list[float]:
    """Whole numbers as such, others with three digits."""
    return [int(v) if v == int(v) else round(v, 3) for v in values.tolist()]


def _points(x: Sequence[Floats], labels: Sequence[str | None]) -> str:
    """Drawings as a table of points, which can be read again."""
    some = any(labels)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["drawing", *(["label"] if some else []), "stroke", "x", "y"])
    for i, each in enumerate(x):
        for k, stroke in enumerate(polylines(each)):
            xs, ys = _short(stroke[:, 0]), _short(stroke[:, 1])
            writer.writerows([i, *([labels[i] or ""] if some else []), k, a, b] for a, b in zip(xs, ys, strict=True))
    return text.getvalue()


def _table(x: Sequence[Floats], channels: Sequence[str], labels: Sequence[str | None]) -> str:
    """Series as a table with a row for each point, which can be read again."""
    some = any(labels)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["id", *(["label"] if some else []), *channels])
    for i, each in enumerate(x):
        writer.writerows([i, *([labels[i] or ""] if some else []), *map(repr, row)] for row in each.tolist())
    return text.getvalue()
