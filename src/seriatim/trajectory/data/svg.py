"""Drawings in SVG files: the outlines of their shapes as strokes.

The XML is walked here and svgelements is asked for the shapes alone: no link is followed, no other file opened.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from seriatim.data.decoding import read_bytes
from seriatim.errors import UserError
from seriatim.trajectory.data.strokes import FAR

MOST_BYTES = 1_000_000
"""Size of a file at most."""
MOST_POINTS = 10_000
"""Points of a drawing at most."""
_STEP = 0.01  # between the points of a curve, of the larger side of the drawing
_GROUPS = {"svg", "g", "a", "switch"}
# their attributes that are lengths, and the name of the class in svgelements
_SHAPES = {
    "path": ("Path", ()),
    "polyline": ("Polyline", ()),
    "polygon": ("Polygon", ()),
    "line": ("SimpleLine", ("x1", "y1", "x2", "y2")),
    "rect": ("Rect", ("x", "y", "width", "height", "rx", "ry")),
    "circle": ("Circle", ("cx", "cy", "r")),
    "ellipse": ("Ellipse", ("cx", "cy", "rx", "ry")),
}
_LETTERS = re.compile(r"[A-Za-z]")
_NUMBERS = re.compile(r"[0-9.]+")
_FOREIGN = re.compile(r"[^MmLlHhVvCcSsQqTtAaZzEe0-9+\-.,\s]")
_LENGTH = re.compile(r"\s*[+-]?[0-9.]")
_PLACES = {"x", "y", "cx", "cy", "x1", "y1", "x2", "y2"}  # may be negative
_TRANSFORM = re.compile(r"((matrix|translate|scale|rotate|skewX|skewY) ?\([0-9eE.+\- ]*\) ?)*")
_HIDDEN = re.compile(r"display\s*:\s*none")

Piece = NDArray[np.float64]
"""The control points (2, 2), (3, 2) or (4, 2) of a line or a Bézier curve."""


def read_svg(path: Path) -> list[NDArray[np.float64]]:
    """The strokes (n, 2) of a file: its paths, polylines, polygons, lines, rectangles, circles and ellipses.

    A subpath is a stroke; one that is closed returns to its start. Curves become points about 1 % of the drawing's
    larger side apart. Definitions and what uses them, clip paths, text, images, style sheets and fills are ignored.

    Raises:
        UserError: if it is no SVG, too large, contains no shape, or declares entities; if svgelements is missing.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder, "angle.svg")
        ...     _ = path.write_text('<svg><path transform="scale(2)" d="M 0 0 L 3 0 v 4"/></svg>')
        ...     strokes = read_svg(path)
        >>> strokes[0].tolist()
        [[0.0, 0.0], [6.0, 0.0], [6.0, 8.0]]
    """
    try:
        elements = import_module("svgelements")
    except ImportError:
        raise UserError("SVG files are read by svgelements; install it: pip install 'seriatim[sketch]'") from None
    root = _tree(path)
    strokes: list[list[Piece]] = []
    budget = [MOST_POINTS]
    for tag, attributes, matrix in _shapes(root, elements, path):
        try:
            strokes += _outline(tag, attributes, matrix, elements, budget, path)
        except UserError:
            raise
        except Exception as error:  # svgelements raises anything on a value that it cannot use
            raise UserError(
                f"{path}: a <{tag}> that cannot be read ({' '.join(str(error).split())[:60] or type(error).__name__}); "
                "expected numbers and path commands: correct or remove it"
            ) from None
    if not strokes:
        raise UserError(
            f"{path}: no shape; expected a path, polyline, line, rect, circle or ellipse: give another file"
        )
    corners = np.concatenate([piece for stroke in strokes for piece in stroke])
    if not (np.abs(corners) <= FAR).all():  # NaN is not
        raise UserError(f"{path}: a coordinate is infinite or beyond {FAR:g}: correct or remove it")
    step = float(np.ptp(corners, axis=0).max()) * _STEP
    return _flat(strokes, step, path)


def _tree(path: Path) -> ElementTree.Element:
    """The XML of a file, in which nothing grows when it is expanded."""
    if not path.is_file():  # reading a pipe would block
        raise UserError(f"{path}: no such file; expected an SVG file: check the path")
    data = b"".join(read_bytes(path, str(path), 0, MOST_BYTES + 1))
    if len(data) > MOST_BYTES:
        raise UserError(f"{path}: over {MOST_BYTES:,} bytes; expected a smaller drawing: simplify or remove it")
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")  # names and numbers are ASCII
    for word in ("<!ENTITY", "<!ATTLIST"):
        if word in text:
            raise UserError(f"{path}: contains {word}, which is not expanded; expected plain SVG: save it as plain SVG")
    try:
        root = ElementTree.fromstring(text)  # text, so that no encoding it declares is believed
    except (ElementTree.ParseError, ValueError) as error:
        raise UserError(f"{path}: not XML ({str(error)[:80]}); expected an SVG file: save it again") from None
    if _name(root) != "svg":
        raise UserError(f"{path}: the first element is <{_name(root):.40}>; expected <svg>: give an SVG file")
    return root


def _name(element: ElementTree.Element) -> str:
    return str(element.tag).removeprefix("{http://www.w3.org/2000/svg}")


def _shapes(root: ElementTree.Element, elements: Any, path: Path) -> Iterator[tuple[str, dict[str, str], Any]]:
    """The name, attributes and matrix of each shape that is drawn, in order."""
    waiting: list[tuple[ElementTree.Element, Any]] = [(root, elements.Matrix())]
    while waiting:
        element, outer = waiting.pop()
        tag, attributes = _name(element), element.attrib
        hidden = attributes.get("display") == "none" or _HIDDEN.search(attributes.get("style", ""))
        if hidden or (tag not in _GROUPS and tag not in _SHAPES):
            continue
        matrix = outer
        if (given := attributes.get("transform")) is not None:
            try:
                if not _TRANSFORM.fullmatch(re.sub(r"[\s,]+", " ", given).strip()):  # svgelements leaves out the rest
                    raise ValueError
                matrix = elements.Matrix(given) * outer  # of svgelements, the left one is applied first
            except Exception:  # as above
                raise UserError(
                    f"{path}: transform {given!r:.60} cannot be read; expected e.g. scale(2): correct it"
                ) from None
        if tag in _SHAPES:
            yield tag, dict(attributes), matrix
        else:
            waiting += [(child, matrix) for child in reversed(element)]


def _outline(
    tag: str, attributes: dict[str, str], matrix: Any, elements: Any, budget: list[int], path: Path
) -> list[list[Piece]]:
    """The strokes of a shape as pieces, transformed; `budget` is what is left of the points of the file."""
    kind, lengths = _SHAPES[tag]
    given: dict[str, Any] = {key: attributes[key] for key in ("d", "points") if key in attributes}
    text = given.get("d", "") + given.get("points", "")
    if len(_LETTERS.findall(text)) > 2 * MOST_POINTS or len(_NUMBERS.findall(text)) > 7 * MOST_POINTS:
        raise _too_many(path)
    if tag == "path":
        if foreign := _FOREIGN.search(text):
            raise UserError(f"{path}: {foreign.group()!r} in a path; expected commands such as M 0 0 L 1 1: correct it")
        if not text.strip():
            return []
        shape = elements.Path(re.sub(r"([Zz]\s*)+", "z ", text))  # each z looks for its start
    else:
        for key in lengths:
            if key in attributes:
                given[key] = _length(attributes[key], key, tag, elements, path)
        shape = elements.Path(getattr(elements, kind)(given))
    linear = np.array([[matrix.a, matrix.b], [matrix.c, matrix.d]], dtype=np.float64)
    shift = np.array([matrix.e, matrix.f], dtype=np.float64)
    strokes = _pieces(shape, elements)
    budget[0] -= len(strokes) + sum(map(len, strokes))
    if budget[0] < 0:
        raise _too_many(path)
    with np.errstate(all="ignore"):  # what is infinite is refused later
        return [[piece @ linear + shift for piece in stroke] for stroke in strokes]


def _too_many(path: Path) -> UserError:
    return UserError(f"{path}: over {MOST_POINTS:,} points; expected fewer: simplify the drawing")


def _length(text: str, key: str, tag: str, elements: Any, path: Path) -> float:
    value = elements.Length(text).value(ppi=96)
    if not isinstance(value, float | int) or not _LENGTH.match(text) or (value < 0 and key not in _PLACES):
        raise UserError(f"{path}: {key} of a <{tag}> is {text!r:.40}; expected a length such as 5 or 5mm: correct it")
    return float(value)


def _pieces(shape: Any, elements: Any) -> list[list[Piece]]:
    """The subpaths of a path as lines and Bézier curves; a dot is a line of no length."""
    strokes: list[list[Piece]] = []
    closed = True
    for segment in shape:
        if isinstance(segment, elements.Move):
            closed = True
            continue
        if closed:
            strokes.append([])
            closed = isinstance(segment, elements.Close)
        if isinstance(segment, elements.Close):
            closed = True
        if isinstance(segment, elements.Arc) and segment.sweep:
            parts: list[Any] = list(segment.as_cubic_curves())
        else:
            parts = [segment]
        for part in parts:
            middle = [getattr(part, name) for name in ("control", "control1", "control2") if hasattr(part, name)]
            points = [part.end if part.start is None else part.start, *middle, part.end]
            strokes[-1].append(np.array([[point.x, point.y] for point in points], dtype=np.float64))
    return strokes


def _flat(strokes: list[list[Piece]], step: float, path: Path) -> list[NDArray[np.float64]]:
    """Points along the pieces of each stroke, those of curves about `step` apart."""
    flat: list[NDArray[np.float64]] = []
    left = MOST_POINTS - len(strokes)  # each has a start
    for stroke in strokes:
        points = [stroke[0][:1]]
        for piece in stroke:
            # the control points' polyline is no shorter than the curve
            length = float(np.hypot(*np.diff(piece, axis=0).T).sum())
            count = 1 if len(piece) == 2 or not step else max(1, int(np.ceil(length / step)))
            left -= count
            if left < 0:
                raise _too_many(path)
            points.append(_along(piece, count))
        whole = np.concatenate(points)
        keep = np.ones(len(whole), dtype=bool)
        keep[1:] = (whole[1:] != whole[:-1]).any(1)
        flat.append(whole[keep])
    return flat


def _along(piece: Piece, count: int) -> NDArray[np.float64]:
    """`count` points of a Bézier curve at equal steps of its parameter, without its start, by de Casteljau."""
    t = (np.arange(1, count + 1) / count)[:, None, None]
    points = np.broadcast_to(piece, (count, *piece.shape))
    while points.shape[1] > 1:
        points = points[:, :-1] * (1 - t) + points[:, 1:] * t
    return points[:, 0]
