"""Drawings as strokes, which are polylines, and as the moves of a pen; and ways to make them simpler.

A stroke is an array (n, 2) of points (x, y), y downwards. Moves are an array (T, 3) in the stroke-3 format of D. Ha and
D. Eck, "A neural representation of sketch drawings" (2017), https://arxiv.org/abs/1704.03477: the channels of `PEN`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seriatim.errors import UserError

FAR = 1e9
"""Coordinates beyond it are refused: their differences would lose digits."""


def strokes_to_moves(strokes: Sequence[NDArray[Any]]) -> NDArray[np.float64]:
    """The moves (T, 3) of the pen that draws some strokes, of T points in all.

    Row t moves the pen by (dx, dy), and draws a line unless the pen was lifted after row t − 1. The first row moves it
    from the top left corner of the bounding box to the first point. The lift is 1 in the last row of each stroke.

    Raises:
        UserError: if there is no stroke, or one is not of shape (n, 2) with n of 1 or more.

    Example:
        >>> import numpy as np
        >>> square = np.array([[5, 5], [7, 5], [7, 7]])
        >>> strokes_to_moves([square, np.array([[5, 8]])]).tolist()
        [[0.0, 0.0, 0.0], [2.0, 0.0, 0.0], [0.0, 2.0, 1.0], [-2.0, 1.0, 1.0]]
    """
    if not strokes:
        raise UserError("no strokes; expected one or more: give a drawing that is not empty")
    for i, stroke in enumerate(strokes):
        if stroke.ndim != 2 or stroke.shape[1] != 2 or not len(stroke):
            raise UserError(f"stroke {i} has shape {stroke.shape}; expected (n, 2), n of 1 or more: give its points")
    points = np.concatenate(strokes).astype(np.float64)
    moves = np.zeros((len(points), 3))
    moves[:, :2] = np.diff(points, axis=0, prepend=points.min(0, keepdims=True))
    moves[np.cumsum([len(stroke) for stroke in strokes]) - 1, 2] = 1
    return moves


def fitted(strokes: Sequence[NDArray[Any]], size: float) -> list[NDArray[np.float64]]:
    """The strokes with the corner of their bounding box at (0, 0) and its longer side of length `size`.

    The aspect is kept. A drawing that is a single dot is moved to (0, 0) only.

    Example:
        >>> import numpy as np
        >>> fitted([np.array([[1, 1], [5, 3]])], 100)[0].tolist()
        [[0.0, 0.0], [100.0, 50.0]]
    """
    points = np.concatenate(strokes).astype(np.float64)
    corner = points.min(0)
    side = float((points.max(0) - corner).max())
    # divided first: the quotient of size and a tiny side may be infinite
    return [(stroke - corner) / side * size if side else stroke - corner for stroke in strokes]


def simplified(strokes: Sequence[NDArray[Any]], epsilon: float) -> list[NDArray[np.float64]]:
    """The strokes without the points that are within `epsilon` of what is left; their ends stay.

    By the algorithm of Ramer, Douglas and Peucker. Distances are to the segment and not to the line through it, so that
    a stroke which turns back keeps the point where it does. Nothing changes if `epsilon` is 0.

    Example:
        >>> import numpy as np
        >>> simplified([np.array([[0, 0], [1, 0.1], [2, 0], [2, 5]])], 0.5)[0].tolist()
        [[0.0, 0.0], [2.0, 0.0], [2.0, 5.0]]
    """
    wide = [stroke.astype(np.float64) for stroke in strokes]
    return [stroke[_kept(stroke, epsilon)] for stroke in wide] if epsilon > 0 else wide


def rounded(strokes: Sequence[NDArray[Any]]) -> list[NDArray[np.float64]]:
    """The strokes with whole coordinates, without points that repeat the one before; each keeps one or more.

    Example:
        >>> import numpy as np
        >>> rounded([np.array([[0.2, 0], [0.4, 0], [1.6, 3]])])[0].tolist()
        [[0.0, 0.0], [2.0, 3.0]]
    """
    return [distinct(np.rint(stroke.astype(np.float64)) + 0.0) for stroke in strokes]  # + 0.0: no −0


def distinct(stroke: NDArray[np.float64]) -> NDArray[np.float64]:
    """A stroke without points that repeat the one before."""
    keep = np.ones(len(stroke), dtype=bool)
    keep[1:] = (stroke[1:] != stroke[:-1]).any(1)
    return stroke[keep]


def _kept(points: NDArray[np.float64], epsilon: float) -> NDArray[np.bool_]:
    keep = np.zeros(len(points), dtype=bool)
    keep[[0, -1]] = True
    parts = [(0, len(points) - 1)]
    while parts:
        first, last = parts.pop()
        if last - first < 2:
            continue
        distance = _distances(points[first + 1 : last], points[first], points[last])
        farthest = int(distance.argmax())
        if distance[farthest] > epsilon:
            middle = first + 1 + farthest
            keep[middle] = True
            parts += [(first, middle), (middle, last)]
    return keep


def _distances(
    points: NDArray[np.float64], start: NDArray[np.float64], end: NDArray[np.float64]
) -> NDArray[np.float64]:
    """From each point to the segment between `start` and `end`."""
    along, offset = end - start, points - start
    square = float(along @ along)
    place = np.clip(offset @ along / square, 0, 1) if square else np.zeros(len(points))
    apart = offset - place[:, None] * along
    return np.hypot(apart[:, 0], apart[:, 1])
