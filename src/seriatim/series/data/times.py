"""The times of a table: which column has them, how far apart they are, and the complete grid that they lie on."""

from __future__ import annotations

import re
import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray

from seriatim.errors import UserError
from seriatim.series.data.pandas import pandas
from seriatim.series.data.table import Frame

Times = NDArray[Any]

_YEARS = (1000, 2999)
_COMPACT = re.compile(r"[12]\d{3}[01]\d[0-3]\d")  # 20260131
_SLASHED = re.compile(r"^(\d{1,2})[/.-](\d{1,2})[/.-](\d{2,4})\b.*")
_TRIED = 200  # cells of a column that are looked at to tell what it is


def is_times(column: Any) -> bool:
    """Whether a column is of dates or times, or of years that rise."""
    pd = pandas()
    if pd.api.types.is_datetime64_any_dtype(column):
        return True
    some = column.dropna().astype(str).str.strip()
    some = some[some != ""].head(_TRIED)
    if not len(some):
        return False
    if some.str.fullmatch(r"[+-]?\d+(\.\d*)?").all():
        if some.str.fullmatch(_COMPACT).all() and some.nunique() > 1:
            return not pd.to_datetime(some, format="%Y%m%d", errors="coerce").isna().any()
        whole = pd.to_numeric(some).to_numpy()
        return some.str.fullmatch(r"\d{4}").all() and _rises(whole)
    # one that is none is a fault to be named, not a reason to count rows
    return some.str.contains(r"\d").all() and _parsed(some).notna().mean() > 0.5


def _rises(years: NDArray[Any]) -> bool:
    """Whether whole numbers are years, each the one after that before it, perhaps starting again for another id."""
    steps = np.diff(years)
    return bool(
        len(years) > 2 and _YEARS[0] <= years.min() and years.max() <= _YEARS[1] and ((steps == 1) | (steps < 0)).all()
    )


def _parsed(text: Any) -> Any:
    """Cells as times, NaT where one is none; all are read in the form of the first."""
    pd = pandas()
    if text.str.fullmatch(_COMPACT).all():
        return pd.to_datetime(text, format="%Y%m%d", errors="coerce")
    if text.str.fullmatch(r"\d{4}").all():
        return pd.to_datetime(text, format="%Y", errors="coerce")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pandas on forms that it has to guess
            return pd.to_datetime(text, errors="coerce", dayfirst=day_first(text), utc=zoned(text))
    except (ValueError, TypeError, OverflowError):
        return pd.Series(pd.NaT, index=text.index)


def day_first(text: Any) -> bool:
    """Whether dates such as 1/2/2026 begin with the day.

    A number above 12 says so; so do points between the numbers; else the reading in which the steps are more alike.
    """
    found = text.str.extract(_SLASHED).dropna()
    if not len(found):
        return False
    one, two = (found[column].astype(int) for column in (0, 1))
    if one.max() > 12 or two.max() > 12:
        return bool(one.max() > 12)
    if text.str.contains(r"^\d{1,2}\.\d{1,2}\.").all():
        return True
    some = text.head(_TRIED)
    different = [
        len(np.unique(np.diff(pandas().to_datetime(some, errors="coerce", dayfirst=first).to_numpy())))
        for first in (False, True)
    ]
    return different[1] < different[0]


def zoned(text: Any) -> bool:
    """Whether times have an offset from UTC."""
    return bool(text.str.contains(r"\d(?:Z|[+-]\d{2}:?\d{2})$").any())


def times_of(frame: Frame, name: str) -> tuple[Times, str]:
    """A column as times, and remarks on how they were read.

    Raises:
        UserError: naming the line of the first cell that is none, or is in another form.
    """
    pd = pandas()
    column: Any = frame.table[name]
    if pd.api.types.is_datetime64_any_dtype(column):
        return _naive(column), "Times are taken as UTC." if getattr(column.dt, "tz", None) is not None else ""
    text = column.astype(str).str.strip()
    found = _parsed(text)
    wrong = np.flatnonzero(found.isna().to_numpy())
    if len(wrong):
        at = int(wrong[0])
        cell, first = text.iloc[at], text.iloc[0]
        like = "" if at == 0 else f" of the form of {first!r:.40}, the first"
        place = frame.place(int(frame.table.index[at]))
        raise UserError(f"{place}, column {name!r}: {cell!r:.40} is no time{like}: write all times in one form")
    remarks: list[str] = []
    if zoned(text):
        remarks.append("Times are taken as UTC.")
    slashed = text.str.extract(_SLASHED).dropna()
    if len(slashed):
        remarks.append(f"Dates such as {text.iloc[0]:.20} are read as {'day' if day_first(text) else 'month'} first.")
    return _naive(found), " ".join(remarks)


def _naive(found: Any) -> Times:
    if getattr(found.dt, "tz", None) is not None:
        found = found.dt.tz_convert("UTC").dt.tz_localize(None)
    return found.to_numpy().astype("datetime64[ns]")


def frequency_of(times: Times) -> str:
    """The most common time between sorted, distinct times, as pandas calls it.

    Raises:
        UserError: if there is no such time, or fewer than two times.

    Example:
        >>> frequency_of(np.array(["2026-01-01", "2026-02-01", "2026-03-01"], "datetime64[ns]"))
        'MS'
    """
    steps = np.diff(times)
    if not len(steps):
        raise UserError("a single time has no frequency; give --series.frequency")
    kinds, counts = np.unique(steps, return_counts=True)
    step = kinds[counts.argmax()]
    days = step / np.timedelta64(1, "D")
    stamps = times.astype("datetime64[D]")
    if days >= 28:
        months = times.astype("datetime64[M]")
        starts = bool((stamps == months.astype("datetime64[D]")).all())
        ends = bool((stamps == (months + 1).astype("datetime64[D]") - np.timedelta64(1, "D")).all())
        apart = np.diff(months).astype(np.int64)
        every = int(np.bincount(apart[apart >= 0]).argmax())
        unit = {1: "M", 3: "Q", 12: "Y"}.get(every)
        if unit is not None and (starts or ends):
            return f"{unit}{'S' if starts else 'E'}{_anchor(unit, months, starts)}"
    if days == 1:
        weekday = (stamps.astype(np.int64) + 3) % 7
        # a weekend in which nothing is, and weeks of five
        return "B" if len(times) > 5 and not (weekday > 4).any() else "D"
    if days == 7:
        names = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
        return f"W-{names[int((stamps[0].astype(np.int64) + 3) % 7)]}"
    for name, size in (("D", "D"), ("h", "h"), ("min", "m"), ("s", "s")):
        count = step / np.timedelta64(1, size)
        if count >= 1 and count == int(count):
            return name if count == 1 else f"{int(count)}{name}"
    raise UserError(f"times are {step / np.timedelta64(1, 's'):g} seconds apart; give --series.frequency rows")


def _anchor(unit: str, months: NDArray[Any], starts: bool) -> str:
    """The month that quarters or years are counted from; empty for months, and for the usual one."""
    if unit == "M":
        return ""
    names = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
    month = int(months[0].astype(np.int64) % 12)
    usual = {("Q", True): range(0, 12, 3), ("Q", False): range(2, 12, 3), ("Y", True): (0,), ("Y", False): (11,)}
    return "" if month in usual[unit, starts] else f"-{names[month]}"


def grid(first: np.datetime64, count: int, frequency: str) -> Times:
    """`count` times from the first one on."""
    pd = pandas()
    return pd.date_range(pd.Timestamp(first), periods=count, freq=frequency).to_numpy().astype("datetime64[ns]")


def complete(first: np.datetime64, last: np.datetime64, frequency: str) -> Times:
    """All times from the first to the last."""
    pd = pandas()
    try:
        found = pd.date_range(pd.Timestamp(first), pd.Timestamp(last), freq=frequency)
    except ValueError:
        raise UserError(
            f"--series.frequency is {frequency!r}, which pandas does not know; give e.g. h, D, MS"
        ) from None
    return found.to_numpy().astype("datetime64[ns]")
