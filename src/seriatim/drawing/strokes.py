"""Pictures of pen drawings: sheets as SVG and PNG, and animations of the pen.

A drawing is a stroke-3 array (T, 3): a row moves the pen by (dx, dy), y downwards, and its third number is 1 if the pen
is lifted after it. A row draws a straight line if the pen was down; the first row of a stroke only moves to its start.
"""

from __future__ import annotations

import io
import os
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from PIL.PngImagePlugin import PngInfo

from seriatim.errors import UserError

Float64 = NDArray[np.float64]

_UNIT = 100.0  # the side of a cell; the next five are in this unit too
_MARGIN = 10.0
_WIDTH = 2.4  # of a line
_PEN = 3.0  # the radius of the dot that shows where the pen is
_STRIP, _TEXT = 14.0, 9.0  # the height of the names' strip, and their size
_BLACK, _BLUE, _RED, _WHITE = (0, 0, 0), (125, 155, 190), (220, 40, 40), (255, 255, 255)
_FINER = 4  # cells are drawn this many times as large, and reduced
_LARGEST = 10**8  # pixels of a sheet
_LARGEST_FRAME = 8 * 10**6  # pixels of a frame: all frames are in memory, and a GIF has at most 65,535 pixels across
_CELL, _CELLS = 128, (8, 2000)  # pixels of a cell's side, and how few and how many there may be
_FRAMES, _FRAME, _LAST = 54, 60, 1500  # of an animation: the most frames, milliseconds of each, and of the last
_SAME = 1e-12  # of the largest coordinate: what differs by less is one place
_SUFFIXES = (".svg", ".png", ".gif")


@dataclass(frozen=True)
class _Drawing:
    """Where a drawing's pen is after each row, in a cell's units, and the rows where it is lifted."""

    points: Float64
    lifted: NDArray[np.bool_]
    known: int

    def lines(self, rows: int | None = None) -> Iterator[tuple[Float64, bool]]:
        """The lines of its first rows, and whether each belongs to the known part."""
        end = len(self.points) if rows is None else min(rows, len(self.points))
        for start, stop in _spans(self.lifted[:end]):
            split = min(max(self.known, start), stop)
            if split - start > 1 or split == stop:  # a known start alone is the start of what follows
                yield self.points[start:split], True
            if split < stop:
                yield self.points[max(start, split - 1) : stop], False


@dataclass(frozen=True)
class _Sheet:
    """Drawings in rows of `columns`, and their names."""

    drawings: tuple[_Drawing, ...]
    names: tuple[str, ...]
    columns: int

    @property
    def rows(self) -> int:
        return -(-len(self.drawings) // self.columns)

    @property
    def strip(self) -> float:
        """The height of the names' strip in units."""
        return _STRIP if any(self.names) else 0.0

    def pixels(self, cell: int) -> tuple[int, int]:
        """(width, height) of a cell with its strip, for cells of `cell` pixels."""
        return cell, cell + round(self.strip * cell / _UNIT)

    def corner(self, i: int, cell: int) -> tuple[int, int]:
        """(left, top) of a drawing in pixels."""
        width, height = self.pixels(cell)
        return i % self.columns * width, i // self.columns * height


def polylines(x: Float64) -> list[Float64]:
    """The strokes of a drawing as absolute coordinates, which begin at (0, 0) before the first row.

    Args:
        x: (T, 3). What follows a number that is not finite is left out.

    Returns:
        (n, 2) for each stroke; n = 1 is a dot.

    Raises:
        UserError: for another shape.

    Example:
        >>> corner = np.array([[10.0, 10, 0], [5, 0, 0], [0, 5, 1], [1, 1, 1]])
        >>> [stroke.tolist() for stroke in polylines(corner)]
        [[[10.0, 10.0], [15.0, 10.0], [15.0, 15.0]], [[16.0, 16.0]]]
    """
    points, lifted = _absolute(x)
    return [points[start:stop] for start, stop in _spans(lifted)]


def svg_sheet(
    drawings: Sequence[Float64], columns: int = 8, names: Sequence[str] = (), known: Sequence[int] = ()
) -> str:
    """A sheet of drawings as one SVG document, each drawing fitted into a square cell of 100 units.

    Args:
        drawings: (T, 3) each; an empty one gives an empty cell.
        columns: cells in a row.
        names: one for each drawing, written below it as far as there is room. Default: none.
        known: for each drawing, how many of its first rows are drawn in grey-blue; the others are black. Default: 0.

    Returns:
        The document, without scripts and links.

    Raises:
        UserError: without drawings, or if `names` or `known` are not as many.

    Example:
        >>> line = np.array([[0.0, 0, 0], [3, 4, 1]])
        >>> [part for part in svg_sheet([line]).splitlines() if "points" in part]
        ['<polyline points="20,10 80,90"/>']
    """
    return _svg(_planned(drawings, columns, names, known), ())


def sheet(
    drawings: Sequence[Float64],
    columns: int = 8,
    cell: int = _CELL,
    names: Sequence[str] = (),
    known: Sequence[int] = (),
) -> Image.Image:
    """A sheet of drawings as an RGB picture; `cell`: pixels of a cell's side. The others: see `svg_sheet`.

    Raises:
        UserError: without drawings, if `names` or `known` are not as many, or if the sheet would be too large.
    """
    plan = _planned(drawings, columns, names, known)
    _check_size(plan, cell, _LARGEST, "a sheet")
    picture = _blank(plan, cell)
    for i, drawing in enumerate(plan.drawings):
        picture.paste(_drawn(drawing, cell), plan.corner(i, cell))
    return picture


def save_strokes(
    drawings: Sequence[Float64],
    path: Path,
    columns: int = 8,
    names: Sequence[str] = (),
    known: Sequence[int] = (),
    seeds: Sequence[int] = (),
) -> None:
    """Save a sheet of drawings as .svg or .png, or as .gif an animation of the pen, whole or not at all.

    Args:
        drawings: (T, 3) each.
        path: the file; its folder is made if need be.
        columns: cells in a row.
        names: one for each drawing. Default: none.
        known: for each drawing, how many of its first rows are drawn in grey-blue. Default: 0.
        seeds: of the drawings, in order; SVG files keep them in `<metadata>`, PNG files as the text "seeds".

    Raises:
        UserError: for another suffix, for what `sheet` refuses, or if the file cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in _SUFFIXES:
        raise UserError(f"{path}: the suffix {path.suffix!r} is not a picture of drawings; write to .svg, .png or .gif")
    plan = _planned(drawings, columns, names, known)
    if suffix == ".svg":
        data = _svg(plan, seeds).encode()
    elif suffix == ".png":
        data = _png(sheet(drawings, columns, _CELL, names, known), seeds)
    else:
        data = _gif(plan, _CELL)
    part = path.with_name(f".{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise UserError(f"{path}: cannot be written ({error.strerror or error}); write elsewhere") from None


def _absolute(x: Float64) -> tuple[Float64, NDArray[np.bool_]]:
    """(T, 2) places after each row, and whether the pen is lifted there; as far as all is finite."""
    if x.ndim != 2 or x.shape[1] != 3:
        raise UserError(f"an array of shape {x.shape} is not a drawing; give (T, 3): dx, dy, and 1 where the pen lifts")
    with np.errstate(over="ignore", invalid="ignore"):
        points = np.cumsum(x[:, :2], axis=0)
    bad = ~(np.isfinite(points).all(1) & np.isfinite(x[:, 2]))
    end = int(bad.argmax()) if bad.any() else len(x)
    return points[:end], x[:end, 2] > 0.5


def _spans(lifted: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """(start, stop) rows of each stroke."""
    stops = [int(row) + 1 for row in np.flatnonzero(lifted)]
    if len(lifted) and not lifted[-1]:
        stops.append(len(lifted))
    return list(zip([0, *stops], stops, strict=False))


def _fitted(points: Float64) -> Float64:
    """Places moved and scaled into a cell, in its middle, the aspect kept."""
    if not len(points):
        return points
    points = points / (np.abs(points).max() or 1.0)  # before anything is subtracted, which could overflow
    low, high = points.min(0), points.max(0)
    extent = float((high - low).max())
    scale = (_UNIT - 2 * _MARGIN) / extent if extent > _SAME else 0.0
    return (points - (low + high) / 2) * scale + _UNIT / 2


def _planned(drawings: Sequence[Float64], columns: int, names: Sequence[str], known: Sequence[int]) -> _Sheet:
    """The sheet of these drawings, or what is wrong with them."""
    n = len(drawings)
    if not n:
        raise UserError("there are no drawings to draw; give at least one")
    if columns < 1:
        raise UserError(f"a sheet of {columns} columns has no place for drawings; give at least 1")
    for what, given in (("names", names), ("known", known)):
        if given and len(given) != n:
            raise UserError(f"{what}: {len(given):,} for {n:,} drawings; give one for each")
    fitted: list[_Drawing] = []
    for i, x in enumerate(drawings):
        points, lifted = _absolute(x)
        fitted.append(_Drawing(_fitted(points), lifted, max(0, known[i]) if known else 0))
    return _Sheet(tuple(fitted), tuple(map(_shown, names)), min(columns, n))


def _shown(name: str) -> str:
    """As much of a name as a cell is wide, without control characters."""
    font = ImageFont.load_default(_TEXT)
    shown, room = "", _UNIT - 2 * _MARGIN
    for letter in filter(str.isprintable, name):
        # the font may lack the letters of East Asia, which are as wide as high
        room -= _TEXT if unicodedata.east_asian_width(letter) in "WF" else font.getlength(letter)
        if room < 0:
            return shown + "…"
        shown += letter
    return shown


def _svg(plan: _Sheet, seeds: Sequence[int]) -> str:
    """The SVG document."""
    width, step = plan.columns * _UNIT, _UNIT + plan.strip
    size = f"{_number(width)} {_number(plan.rows * step)}"
    across, down = size.split()
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{across}" height="{down}" viewBox="0 0 {size}">']
    if seeds:
        parts.append(f"<metadata>seeds {' '.join(map(str, seeds))}</metadata>")
    parts.append(f'<rect width="{across}" height="{down}" fill="{_colour(_WHITE)}"/>')
    for i, drawing in enumerate(plan.drawings):
        left, top = _number(i % plan.columns * _UNIT), _number(i // plan.columns * step)
        parts.append(f'<g transform="translate({left} {top})">')
        for colour, of_known in ((_BLUE, True), (_BLACK, False)):
            lines = [_svg_line(line, _colour(colour)) for line, is_known in drawing.lines() if is_known == of_known]
            if lines:
                style = f'fill="none" stroke="{_colour(colour)}" stroke-width="{_number(_WIDTH)}"'
                parts += [f'<g {style} stroke-linecap="round" stroke-linejoin="round">', *lines, "</g>"]
        if plan.strip and plan.names[i]:
            place = f'x="{_number(_UNIT / 2)}" y="{_number(_UNIT + _TEXT)}" font-size="{_number(_TEXT)}"'
            parts.append(f'<text {place} font-family="sans-serif" text-anchor="middle">{escape(plan.names[i])}</text>')
        parts.append("</g>")
    return "\n".join([*parts, "</svg>", ""])


def _svg_line(line: Float64, colour: str) -> str:
    places = [f"{_number(x)},{_number(y)}" for x, y in line.tolist()]
    places = [place for i, place in enumerate(places) if i == 0 or place != places[i - 1]]
    if len(places) > 1:
        return f'<polyline points="{" ".join(places)}"/>'
    x, y = places[0].split(",")
    return f'<circle cx="{x}" cy="{y}" r="{_number(_WIDTH / 2)}" fill="{colour}" stroke="none"/>'


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _colour(rgb: tuple[int, int, int]) -> str:
    return "#" + bytes(rgb).hex()


def _check_size(plan: _Sheet, cell: int, largest: int, what: str) -> None:
    """Refuse what would have more than `largest` pixels."""
    if not _CELLS[0] <= cell <= _CELLS[1]:
        raise UserError(f"cells of {cell:,} pixels cannot be drawn; give from {_CELLS[0]} to {_CELLS[1]:,}")
    width, height = plan.pixels(cell)
    most = largest // (width * height)
    if plan.rows * plan.columns > most:
        most = most // plan.columns * plan.columns or most
        raise UserError(
            f"{len(plan.drawings):,} drawings of {width} × {height} are too many for {what}, "
            f"which holds {most:,}; give fewer (-n)"
        )


def _blank(plan: _Sheet, cell: int) -> Image.Image:
    """The sheet with its names only."""
    width, height = plan.pixels(cell)
    picture = Image.new("RGB", (plan.columns * width, plan.rows * height), _WHITE)
    draw, scale = ImageDraw.Draw(picture), cell / _UNIT
    font = ImageFont.load_default(_TEXT * scale)
    for i, name in enumerate(plan.names):
        left, top = plan.corner(i, cell)
        room = (width - font.getlength(name)) / 2
        draw.text((left + max(0.0, room), top + cell + scale), name, _BLACK, font)
    return picture


def _drawn(drawing: _Drawing, cell: int, rows: int | None = None) -> Image.Image:
    """The cell of a drawing; after only some `rows`, with the pen where it is."""
    picture = Image.new("RGB", (cell * _FINER, cell * _FINER), _WHITE)
    draw, scale = ImageDraw.Draw(picture), cell * _FINER / _UNIT
    wide = max(1, round(_WIDTH * scale))
    lines = sorted(drawing.lines(rows), key=lambda line: not line[1])  # the known part below, as in SVG
    for line, is_known in lines:
        colour, places = _BLUE if is_known else _BLACK, line * scale
        flat: list[float] = places.ravel().tolist()
        draw.line(flat, colour, width=wide)
        for x, y in places.tolist():
            draw.circle((x, y), (wide - 1) / 2, colour)  # a circle has its middle pixel too: no wider than the line
    if rows is not None and 0 < rows < len(drawing.points):
        x, y = (drawing.points[rows - 1] * scale).tolist()
        draw.circle((x, y), _PEN * scale, _RED)
    return picture.resize((cell, cell), Image.Resampling.LANCZOS, reducing_gap=2.0)


def _png(picture: Image.Image, seeds: Sequence[int]) -> bytes:
    about, out = PngInfo(), io.BytesIO()
    if seeds:
        about.add_text("seeds", " ".join(map(str, seeds)))
    picture.save(out, "PNG", pnginfo=about)
    return out.getvalue()


def _gif(plan: _Sheet, cell: int) -> bytes:
    """The animation: after a number of rows, which grows evenly up to that of the longest drawing."""
    _check_size(plan, cell, _LARGEST_FRAME, "an animation")
    longest = max(1, *(len(drawing.points) for drawing in plan.drawings))
    counts = [int(count) for count in np.unique(np.linspace(1, longest, _FRAMES).astype(np.int64))]
    times = [_FRAME] * (len(counts) - 1) + [_LAST]
    frames, out = _frames(plan, cell, counts), io.BytesIO()
    next(frames).save(out, "GIF", save_all=True, append_images=frames, duration=times, loop=0)
    return out.getvalue()


def _frames(plan: _Sheet, cell: int, counts: Sequence[int]) -> Iterator[Image.Image]:
    """The sheet after each of these numbers of rows, in one palette."""
    colours = Image.new("P", (1, 1))
    shares = np.linspace(0, 1, 16)[:, None]  # Pillow takes colours that differ by less than 4 for one
    ramps = [shares * np.array(_WHITE) + (1 - shares) * np.array(colour) for colour in (_BLACK, _BLUE, _RED)]
    mixed = shares * np.array(_BLUE) + (1 - shares) * np.array(_BLACK)
    colours.putpalette(np.concatenate([*ramps, mixed]).round().astype(np.uint8).tobytes())
    picture, before = _blank(plan, cell), 0
    for rows in counts:
        for i, drawing in enumerate(plan.drawings):
            if before < len(drawing.points):  # it still grows
                picture.paste(_drawn(drawing, cell, rows), plan.corner(i, cell))
        yield picture.quantize(palette=colours, dither=Image.Dither.NONE)
        before = rows
