"""From a table, wide or long, to series on complete grids of times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seriatim.errors import UserError
from seriatim.series.data import times as clock
from seriatim.series.data.panel import Panel, Series
from seriatim.series.data.table import Frame, columns_in_words, named, numbers, parsed
from seriatim.series.frequency import unit
from seriatim.series.options import ROWS, SeriesOptions

_FEWEST = 4  # values of a series, or nothing can be learned from it
_MOST = 1 << 27  # values on complete grids


@dataclass(frozen=True)
class Roles:
    """What the columns of a table are.

    Attributes:
        time: of the times; None if rows are counted.
        id: which series a row is of; None if the table is wide.
        values: numbers to model.
        known: numbers known ahead.
        labels: words that do not change in a series.
        unused: what is left.
    """

    time: str | None
    id: str | None
    values: tuple[str, ...]
    known: tuple[str, ...]
    labels: tuple[str, ...]
    unused: tuple[str, ...]


def roles(frame: Frame, options: SeriesOptions) -> Roles:
    """What each column is: as the options say, else by what it holds.

    Raises:
        UserError: if a column is missing, or no column has numbers.
    """
    own = {"time": [options.time] if options.time else [], "id": [options.id] if options.id else []}
    own |= {name: list(getattr(options, name)) for name in ("values", "known", "labels")}
    for option, names in own.items():
        named(frame, names, option)
    taken = {name for names in own.values() for name in names}
    left = [str(name) for name in frame.table.columns if str(name) not in taken]
    time = options.time
    if time is None and options.frequency != ROWS:
        time = next((name for name in left if clock.is_times(frame.table[name])), None)
        left = [name for name in left if name != time]
    numeric = [name for name in left if _numeric(frame, name, options)]
    words = [name for name in left if name not in numeric]
    key = options.id
    if key is None and time is not None and frame.table[time].duplicated().any() and words:
        key = min(words, key=lambda name: int(frame.table[name].nunique()))
        words.remove(key)
    values = options.values or tuple(numeric)
    if not values:
        have = columns_in_words([str(name) for name in frame.table.columns])
        raise UserError(f"{frame.where}: no column of numbers among {have}; expected a heading and columns of numbers")
    unused = (*words, *(name for name in numeric if options.values and name not in options.values))
    return Roles(time, key, tuple(values), options.known, options.labels, unused)


def _numeric(frame: Frame, name: str, options: SeriesOptions) -> bool:
    """Whether a column is meant to hold numbers: most cells that are not missing do."""
    values, bad = parsed(frame, name, options)
    if bad is None:
        return not bool(np.isnan(values).all()) or not len(values)
    text = frame.table[name].astype(str).str.strip()
    digits = text.str.contains(r"^[+-]?[\d.,' ]*\d[\d.,' ]*$")
    return bool(digits.mean() > 0.5)  # one bad cell is a fault to be named, a column of words is none


def panel_of(frame: Frame, options: SeriesOptions) -> tuple[Panel, str]:
    """The series of a table, and remarks on what was done.

    Raises:
        UserError: naming what is wrong, and where.
    """
    found = roles(frame, options)
    notes = [_in_words(found, options)]
    columns = {name: numbers(frame, name, options) for name in (*found.values, *found.known)}
    stamps: NDArray[Any] | None = None
    if found.time is not None:
        stamps, remark = clock.times_of(frame, found.time)
        notes.append(remark)
    keys = [""] * len(frame.table) if found.id is None else frame.table[found.id].astype(str).str.strip().tolist()
    rows: dict[str, list[int]] = {}
    for row, key in enumerate(keys):
        rows.setdefault(key, []).append(row)
    laid: list[_Laid] = []
    unsorted = 0
    frequency = options.frequency or (ROWS if stamps is None else "")
    if stamps is not None and frequency != ROWS:
        ordered = {key: _in_order(frame, key, some, stamps) for key, some in rows.items()}
        unsorted = sum(ordered[key] != rows[key] for key in rows)
        rows = ordered
        frequency = frequency or _common(frame, [stamps[some] for some in rows.values()])
    unit(frequency)
    for key, some in rows.items():
        own = None if stamps is None or frequency == ROWS else stamps[some]
        laid.append(_lay(frame, key, some, own, frequency, columns))
    if unsorted:
        notes.append(f"{unsorted:,} series are not in the order of time and are sorted.")
    gaps = sum(each.gaps for each in laid)
    if gaps:
        notes.append(f"{gaps:,} steps have no row and count as missing.")
    items = [item for each in laid for item in _items(frame, each, found, options)]
    return _panel(frame, items, found, options, frequency, notes)


def _panel(
    frame: Frame, items: list[Series], found: Roles, options: SeriesOptions, frequency: str, notes: list[str]
) -> tuple[Panel, str]:
    kept = [each for each in items if np.count_nonzero(~np.isnan(each.values).any(1)) >= _FEWEST]
    if not kept:
        longest = max((int(np.count_nonzero(~np.isnan(each.values).any(1))) for each in items), default=0)
        raise UserError(
            f"{frame.where}: the longest series has {longest} values; expected at least {_FEWEST}: give more"
        )
    if len(kept) < len(items):
        short = [each.name for each in items if all(each is not one for one in kept)]
        notes.append(
            f"{len(short):,} series have fewer than {_FEWEST} values and are left out: {columns_in_words(short)}."
        )
    still = [each.name for each in kept if bool((np.nanmax(each.values, 0) == np.nanmin(each.values, 0)).all())]
    if still:
        notes.append(f"Constant, so that their density is only bounded by a floor: {columns_in_words(still)}.")
    missing = sum(int(np.isnan(each.values).sum()) for each in kept)
    total = sum(each.values.size for each in kept)
    if missing:
        notes.append(f"{missing:,} of {total:,} values are missing.")
    channels = found.values if options.joint else ("value",)
    return Panel(kept, channels, frequency, found.known), " ".join(note for note in notes if note)


def _in_words(found: Roles, options: SeriesOptions) -> str:
    """What each column was taken for."""
    said = [f"times: {found.time}" if found.time else "rows are counted, as there is no column of times"]
    if found.id:
        said.append(f"series by {found.id}")
    together = " (together)" if options.joint else ""
    said.append(f"values: {columns_in_words(found.values)}{together}")
    said += [f"{role}: {columns_in_words(names)}" for role, names in (("known ahead", found.known),) if names]
    if found.unused:
        said.append(f"not used: {columns_in_words(found.unused)}")
    return f"Columns: {'; '.join(said)}."


def _in_order(frame: Frame, key: str, rows: list[int], stamps: NDArray[Any]) -> list[int]:
    """Rows of a series in the order of time.

    Raises:
        UserError: if a time is there twice.
    """
    order = sorted(rows, key=lambda row: stamps[row])
    for one, two in pairwise(order):
        if stamps[one] == stamps[two]:
            place = frame.place(int(frame.table.index[max(one, two)]))
            of = f" of series {key!r:.40}" if key else ""
            advice = "give --series.id COLUMN if the table has several series, or remove one of the rows"
            raise UserError(f"{place}: the time {_shown(stamps[one])}{of} is there twice: {advice}")
    return order


def _shown(time: np.datetime64) -> str:
    return str(time.astype("datetime64[s]")).replace("T", " ").removesuffix(" 00:00:00")


def _common(frame: Frame, each: Sequence[NDArray[Any]]) -> str:
    """The frequency of the longest series."""
    try:
        return clock.frequency_of(max(each, key=len))
    except UserError as error:
        raise UserError(f"{frame.where}: {error}") from None


@dataclass(frozen=True)
class _Laid:
    """The rows of a series on its grid: -1 where a step has none."""

    key: str
    rows: NDArray[np.int64]
    times: NDArray[Any] | None
    columns: Mapping[str, NDArray[np.float64]]
    gaps: int

    def column(self, name: str) -> NDArray[np.float64]:
        return np.where(self.rows < 0, np.nan, self.columns[name][self.rows])


def _lay(
    frame: Frame,
    key: str,
    rows: list[int],
    stamps: NDArray[Any] | None,
    frequency: str,
    columns: Mapping[str, NDArray[np.float64]],
) -> _Laid:
    if stamps is None:
        return _Laid(key, np.array(rows, np.int64), None, columns, 0)
    grid = clock.complete(stamps[0], stamps[-1], frequency)
    if len(grid) > _MOST:
        raise UserError(
            f"{frame.where}: {len(grid):,} steps of {frequency} from first to last: give --series.frequency"
        )
    at = np.searchsorted(grid, stamps)
    off = np.flatnonzero((at >= len(grid)) | (grid[np.minimum(at, len(grid) - 1)] != stamps)) if len(grid) else [0]
    if len(off):
        place = frame.place(int(frame.table.index[rows[int(off[0])]]))
        raise UserError(
            f"{place}: {_shown(stamps[int(off[0])])} is not one of the times {frequency} apart from "
            f"{_shown(stamps[0])}: correct it, or give --series.frequency (rows counts rows)"
        )
    placed = np.full(len(grid), -1, np.int64)
    placed[at] = rows
    return _Laid(key, placed, grid, columns, len(grid) - len(rows))


def _items(frame: Frame, laid: _Laid, found: Roles, options: SeriesOptions) -> list[Series]:
    """The series of one id: one, or one for each column of values."""
    known = np.stack([laid.column(name) for name in found.known], 1) if found.known else None
    values = np.stack([laid.column(name) for name in found.values], 1)
    labels = {name: _constant(frame, laid, name) for name in found.labels}
    # what is known ahead may go on after the last value
    last = int(np.flatnonzero(~np.isnan(values).all(1))[-1]) + 1 if not np.isnan(values).all() else 0
    if known is None:
        last = len(values) if laid.times is None else max(last, 1)
    values = values[:last]
    times = laid.times if known is not None or laid.times is None else laid.times[:last]
    if options.joint or len(found.values) == 1:
        return [Series(laid.key or found.values[0], values, times, known, labels)]
    names = [f"{laid.key}/{name}" if laid.key else name for name in found.values]
    return [Series(name, values[:, [i]], times, known, labels) for i, name in enumerate(names)]


def _constant(frame: Frame, laid: _Laid, name: str) -> str | None:
    """The one label of a series.

    Raises:
        UserError: if it changes.
    """
    some: Any = frame.table[name].iloc[laid.rows[laid.rows >= 0]].astype(str).str.strip()
    values = sorted(set(some) - {""})
    if len(values) > 1:
        of = f" within the series {laid.key!r:.40}" if laid.key else ""
        raise UserError(
            f"{frame.where}: column {name!r} changes{of} ({values[0]!r:.30}, {values[1]!r:.30}): leave it out"
        )
    return values[0] if values else None
